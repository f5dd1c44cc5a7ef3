"""Options that compute the same losses in another way: fast, accumulate, precision, compile."""

from __future__ import annotations

import pytest
import torch
from click.testing import CliRunner
from conftest import NETWORKS

from ganbench.cli.train import train
from ganbench.config import parse_assignments
from ganbench.errors import BadInput
from ganbench.methods.backbone import BackboneConfig, Discriminator
from ganbench.methods.layers import InstanceNorm, PatchConv
from ganbench.seeds import generator
from ganbench.training.batches import Batch
from ganbench.training.losses import gradient_penalty
from ganbench.training.plan import plan
from ganbench.training.session import prepare
from ganbench.training.setup import configure
from ganbench.training.trainer import enable_fast

FAMILY = ("stargan", "linear", "gaussian", "ganimation")


def made(name, *assignments):
    """A trainer of the papers' recipe with networks of a few weights."""
    sizes = tuple(f"network.{key}={value}" for key, value in NETWORKS[name].items())
    return prepare(
        name, "affectnet", parse_assignments((*sizes, *assignments)), device="cpu"
    ).trainer


def batch_for(trainer):
    size = trainer.model.config.image_size
    n = len(trainer.indices(torch.arange(70).numpy() % 7, 0, 0))
    images = torch.rand(n, 3, size, size, generator=generator(0, "images"))
    return Batch(images.to(memory_format=torch.channels_last), torch.arange(n) % 7)


def critic(fast, seed=0):
    torch.manual_seed(seed)
    found = Discriminator(BackboneConfig(image_size=32, critic_width=4, critic_layers=4), [7])
    if fast:
        enable_fast(found)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_the_written_out_gradient_is_autograd_s_and_so_is_the_penalty_s(seed):
    network = critic(fast=False, seed=seed).double()
    x = torch.randn(5, 3, 32, 32, dtype=torch.float64)
    images = x.clone().requires_grad_(True)
    (expected,) = torch.autograd.grad(network(images)[0].sum(), images)
    torch.testing.assert_close(network.gradient(x), expected)
    mix = torch.zeros(5, 1, 1, 1, dtype=torch.float64)
    gradient_penalty(lambda y: network(y)[0], x, x, mix).backward()
    twice = {key: p.grad for key, p in network.named_parameters()}
    network.zero_grad(set_to_none=True)
    (network.gradient(x).flatten(1).norm(dim=1) - 1).square().mean().backward()
    for key, parameter in network.named_parameters():
        assert (twice[key] is None or not twice[key].any()) == (parameter.grad is None), key
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, twice[key])


@pytest.mark.parametrize(("n", "height", "width"), [(1, 2, 2), (3, 4, 4), (2, 4, 6)])
def test_a_convolution_is_its_product(monkeypatch, n, height, width):
    torch.manual_seed(0)
    layer = PatchConv(5, 7).double()
    x = torch.randn(n, 5, height, width, dtype=torch.float64)
    there = layer(x)
    back = layer.adjoint(there)
    monkeypatch.setattr(PatchConv, "WEIGHTS", 0)
    calls = []
    linear = torch.nn.functional.linear
    monkeypatch.setattr(
        torch.nn.functional, "linear", lambda *args: calls.append(1) or linear(*args)
    )
    torch.testing.assert_close(layer(x), there)
    assert not calls  # without ``fast`` it is not used
    enable_fast(layer)
    torch.testing.assert_close(layer(x), there)
    assert calls
    torch.testing.assert_close(layer.adjoint(there), back)


def test_norms_agree():
    norm = InstanceNorm(6)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = torch.randn(3, 6, 8, 8).to(memory_format=torch.channels_last)
    expected = norm(x)
    enable_fast(norm)
    torch.testing.assert_close(norm(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_fast_steps_have_the_same_losses(name):
    step = ("n_critic=1",) if name in FAMILY else ()
    plain, fast = made(name, *step), made(name, *step, "fast=true")
    expected = plain.step(0, batch_for(plain), generator(0, "step"))
    found = fast.step(0, batch_for(fast), generator(0, "step"))
    assert found.keys() == expected.keys()
    # The generator's losses follow a step of Adam, which amplifies differences of small gradients.
    for key, value in expected.items():
        tolerance = 1e-5 if key.startswith("d_") else 1e-3
        torch.testing.assert_close(found[key], value, atol=tolerance, rtol=tolerance)


def test_a_low_critic_answers_nearly_the_same_in_float32():
    exact, low = critic(fast=True), critic(fast=True)
    low.critic_bf16 = True
    x = torch.randn(4, 3, 32, 32)
    for a, b in zip(exact(x), low(x), strict=True):
        assert b.dtype == torch.float32
        assert not torch.equal(a, b)
        torch.testing.assert_close(a, b, atol=0.05, rtol=0.05)
    a, b = exact.gradient(x), low.gradient(x)
    assert b.dtype == torch.float32
    assert not torch.equal(a, b)
    # Units near zero change their sign, so pixels differ by a tenth; the gradient's norm hardly does.
    norms, rounded = (g.flatten(1).norm(dim=1) for g in (a, b))
    torch.testing.assert_close(norms, rounded, atol=0, rtol=0.03)
    with pytest.raises(BadInput, match="fast must be true"):
        configure("stargan", "faces", {"critic_precision": "bf16"})


# -- batches in parts -----------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("kind", ["softmax", "binary"])
def test_gradients_of_parts_add_up_to_the_batch_s(parts, kind):
    arguments = ("stargan", f"classification={kind}", "critic_augment.flip=0.5", "n_critic=1")
    whole, split = made(*arguments), made(*arguments, f"accumulate={parts}")
    batch = batch_for(whole)
    with torch.no_grad():  # networks stay equal in both steps: Adam would amplify last bits
        for trainer in (whole, split):
            for optimizer in trainer.optimizers.values():
                optimizer.step = lambda: None
    values = [t.step(0, batch, generator(0, "step")) for t in (whole, split)]
    for key, value in values[0].items():
        torch.testing.assert_close(values[1][key], value, atol=1e-5, rtol=1e-5)
    for name, network in whole.networks.items():
        for one, other in zip(network.parameters(), split.networks[name].parameters(), strict=True):
            if one.grad is not None:
                torch.testing.assert_close(other.grad, one.grad, atol=1e-6, rtol=1e-3)


def test_parts_take_less_memory():
    memory = [
        plan(
            configure(
                "stargan",
                "affectnet",
                {"network": NETWORKS["stargan"], "n_critic": 1, "accumulate": k},
            )
        ).memory.activations
        for k in (1, 4)
    ]
    assert memory[1] < 0.5 * memory[0]


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "stargan"])
def test_parts_are_refused_where_a_loss_is_no_mean_over_images(name):
    size = 5 if name == "ganimation" else 2
    with pytest.raises(BadInput, match="means over images"):
        made(name, f"accumulate={size}")


def test_parts_must_divide_the_batch():
    with pytest.raises(BadInput, match="divisor of batch_size 16"):
        configure("stargan", "affectnet", {"accumulate": 3})


# -- precision and compile ------------------------------------------------------------------------


def test_fp16_is_refused_without_cuda():
    with pytest.raises(BadInput, match="precision fp16 needs a CUDA device: cpu"):
        made("stargan", "precision=fp16")


def test_scaled_losses_leave_the_step_as_it_is():
    plain, scaled = made("stargan"), made("stargan")
    scaled.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    batch = batch_for(plain)
    for trainer in (plain, scaled):
        trainer.step(0, batch, generator(0, "step"))
    for one, other in zip(
        plain.discriminator.parameters(), scaled.discriminator.parameters(), strict=True
    ):
        torch.testing.assert_close(other, one, atol=1e-5, rtol=1e-4)
    resumed = made("stargan")
    resumed.scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    resumed.load_state_dict(scaled.state_dict())
    assert resumed.scaler.get_scale() == 2.0**10


def test_compiling_is_asked_of_the_model_s_parts_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: asked.append(type(self).__name__))
    made("stargan")
    assert not asked
    made("stargan", "compile=true")
    assert asked == ["Generator"]


def test_options_are_keys_of_the_recipe(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    words = ["stargan", "--precision", "fp32", "--fast", "--compile", "--accumulate", "2"]
    result = CliRunner().invoke(train, [*words, "--dry-run"], catch_exceptions=False)
    (line,) = (text for text in result.stdout.splitlines() if text.startswith("Precision"))
    assert line.split(maxsplit=1)[1].strip() == "fp32, fast, compile, batches in 2 parts"
