"""What one of two processes does: compare every gradient of every method with those of one process."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from conftest import NETWORKS

from ganbench import distributed
from ganbench.distributed import WHOLE
from ganbench.methods.interface import Method
from ganbench.registry import METHODS
from ganbench.seeds import generator
from ganbench.training.batches import shard_batch

BATCH = 8
UNITS = {"condition": "action_units"}
AUGMENT = {"flip": 0.5, "rotate": 20.0, "shift": 0.1}

# Case -> (method, network, recipe).
CASES = {
    "stargan": ("stargan", {}, {}),
    "stargan: binary, augmented": ("stargan", {}, {"classification": "binary", "critic_augment": AUGMENT}),
    "linear": ("linear", {}, {}),
    "linear: official cycle": ("linear", {}, {"cycle": "official", "random_codes": 1}),
    "linear: r1, uniform disc": ("linear", {}, {"penalty": "r1", "strength": "uniform_disc"}),
    "gaussian": ("gaussian", {}, {}),
    "gaussian: all at the means": ("gaussian", {}, {"random_codes": 0}),
    "ganimation": ("ganimation", {}, {"lambda_smooth": 1e-2}),
    "ganimation: action units": ("ganimation", UNITS, {}),
    "ganimation: softmax": ("ganimation", {}, {"classification": "softmax"}),
    "smit": ("smit", {}, {"lambda_tv": 1e-2, "critic_augment": AUGMENT}),
    "smit: binary": ("smit", {}, {"classification": "binary"}),
    "stargan-v2": ("stargan-v2", {}, {"lambda_match": 1.0}),
}  # fmt: skip


def build(name, network, recipe):
    """A trainer with first weights that are the same in every process, in float64."""
    from ganbench.training.augment import Augment

    cls = METHODS.load(name, Method)
    if "critic_augment" in recipe:
        recipe = recipe | {"critic_augment": Augment(**recipe["critic_augment"])}
    torch.manual_seed(0)
    trainer_class = cls.trainer()
    settings = trainer_class.Recipe(batch_size=BATCH, warmup_iterations=1, **recipe)
    trainer = trainer_class(cls(cls.Config(**NETWORKS[name] | network)), settings)
    return trainer


def global_batch(trainer):
    """Images, emotions and action units of a batch of all processes."""
    n = len(trainer.indices(torch.arange(70).numpy() % 7, 0, 0))
    random = torch.Generator().manual_seed(1)
    size = trainer.model.config.image_size
    images = torch.rand(n, 3, size, size, generator=random)
    emotions = torch.randint(7, (n,), generator=random)
    return images, emotions, torch.rand(n, 17, generator=random)


def observe(trainer, share):
    """Gradients and logged values of three iterations that change no weight."""
    trainer.distribute(share)
    gradients, own = [], []
    average = distributed.Share.average_gradients

    def averaged(self, parameters, values, present):
        own.append([p.grad.clone() for p in parameters if p.grad is not None])
        return average(self, parameters, values, present)

    distributed.Share.average_gradients = averaged
    for optimizer in trainer.optimizers.values():
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        optimizer.step = lambda p=parameters: gradients.append(
            [each.grad.clone() for each in p if each.grad is not None]
        )
    images, emotions, units = global_batch(trainer)
    batch = shard_batch(share.local_rows(images), emotions, units, share)
    n_critic = getattr(trainer.recipe, "n_critic", 1)
    values = [
        trainer.step(iteration, batch, generator(0, "step", iteration))
        for iteration in (0, n_critic, n_critic * 2 - 1)
    ]
    distributed.Share.average_gradients = average
    return gradients, own, values


def distance(some, others):
    """Largest difference of two lists of steps, relative to the largest gradient of the step."""
    assert len(some) == len(others)
    worst = 0.0
    for a, b in zip(some, others, strict=True):
        assert [t.shape for t in a] == [t.shape for t in b]
        scale = max(float(t.abs().max()) for t in b)
        worst = max(worst, *(float((x - y).abs().max()) / scale for x, y in zip(a, b, strict=True)))
    return worst


def main(path):
    """Write to ``path`` with the rank as suffix: case -> four numbers.

    They are the largest distances of the averaged gradients, of this process's gradients before they
    were averaged, and of the logged values, from those of one process; and the number of steps.
    """
    # Rounding to float32 would hide small mistakes.
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    share = distributed.share()
    assert share.world == 2
    found = {}
    with distributed.process_group(share, "cpu"):
        for case, (name, network, recipe) in CASES.items():
            shared, own, values = observe(build(name, network, recipe), share)
            whole, _, alone = observe(build(name, network, recipe), WHOLE)
            # A step of several optimisers has one reduction.
            own_flat, whole_flat = ([[t for s in steps for t in s]] for steps in (own, whole))
            apart = [
                abs(float(a[key]) - float(b[key])) / max(1.0, abs(float(b[key])))
                for a, b in zip(values, alone, strict=True)
                for key in a.keys() | b.keys()
            ]
            found[case] = [
                distance(shared, whole),
                distance(own_flat, whole_flat),
                max(apart),
                len(whole),
            ]
    Path(path).with_suffix(f".{share.rank}").write_text(json.dumps(found))
