"""Our networks and the published checkpoints have the same tensors, named by the layouts."""

from __future__ import annotations

import authors
import pytest
import torch

from ganbench.baselines.ganimation import GANimationConfig
from ganbench.methods.interface import Method
from ganbench.registry import METHODS

CONFIGS = {"ganimation17": GANimationConfig(condition="action_units")}


@pytest.fixture(params=authors.LAYOUTS)
def networks(request):
    """(published layout, method at the published size, trainer's discriminator), without storage."""
    layout = request.param
    cls: type[Method] = METHODS.load(authors.LAYOUTS[layout][0], Method)
    with torch.device("meta"):
        method = cls(CONFIGS.get(layout, cls.Config()))
        trainer = cls.trainer()(method, cls.trainer().Recipe())
        return layout, method, trainer.discriminator


def shapes(tensors: dict[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in tensors.items()}


def test_tensors_are_those_of_the_published_checkpoint(networks):
    name, method, critic = networks
    layout, config = method.official(), method.config
    published = authors.published(name)
    if name == "stargan-v2":
        published["discriminator"] = authors.critic_of_v2(published["style_encoder"])
    theirs = {f"{net}.{key}": s for net, keys in published.items() for key, s in keys.items()}
    used = {address: s for address, s in theirs.items() if not layout.ignores(address)}

    ours = method.state_dict()
    ours |= {f"discriminator.{key}": tensor for key, tensor in critic.state_dict().items()}
    assert shapes({layout.address(key, config): tensor for key, tensor in ours.items()}) == used
    assert shapes(layout.discriminator(config).state_dict()) == shapes(critic.state_dict())


def test_what_nothing_reads_can_be_made_anew(networks):
    name, method, _ = networks
    layout, config = method.official(), method.config
    state = {layout.address(key, config): t for key, t in method.state_dict().items()}
    fresh = layout.standard(state, config)
    published = {
        f"{net}.{key}": shape
        for net, keys in authors.published(name).items()
        for key, shape in keys.items()
        if layout.ignores(f"{net}.{key}")
    }
    assert shapes(fresh) == published
    counters = {address for address, t in fresh.items() if t.dtype == torch.int64}
    assert counters == {address for address in published if "num_batches" in address}
