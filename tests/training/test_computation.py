"""How losses are computed: gradients of critics, products, norms, batches in parts, precision, compile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from by_hand import gradient_penalty
from click.testing import CliRunner
from conftest import NETWORKS

from ganbench import devices
from ganbench.cli.train import train
from ganbench.config import parse_assignments
from ganbench.errors import BadInput
from ganbench.methods.backbone import BackboneConfig, Discriminator
from ganbench.methods.layers import InstanceNorm, PatchConv
from ganbench.seeds import generator
from ganbench.training.batches import Batch
from ganbench.training.plan import plan
from ganbench.training.session import prepare
from ganbench.training.setup import configure

FAMILY = ("stargan", "linear", "gaussian", "ganimation")
CRITIC = (
    "critic_augment.flip=0.5",
    "critic_augment.rotate=7.5",
    "critic_augment.shift=0.06",
    "critic_augment.zoom=[0.9, 1.1]",
    "lambda_source=0.5",
)
JUDGE = (
    "network.arch=stages",
    "network.image_size=32",
    "network.stages=[1, 1]",
    "network.widths=[4, 4]",
    "network.hidden=8",
    "network.dropout=0.0",
)


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
    units = torch.rand(n, 17, generator=generator(0, "units"))
    return Batch(images.to(memory_format=torch.channels_last), torch.arange(n) % 7, units)


def critic(seed=0):
    torch.manual_seed(seed)
    return Discriminator(BackboneConfig(image_size=32, critic_width=4, critic_layers=4), [7])


@pytest.mark.parametrize("seed", range(3))
def test_the_written_out_gradient_is_autograd_s_and_so_is_the_penalty_s(seed):
    network = critic(seed).double()
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
    assert calls
    torch.testing.assert_close(layer.adjoint(there), back)


def test_norms_agree():
    norm = InstanceNorm(6)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = torch.randn(3, 6, 8, 8).to(memory_format=torch.channels_last)
    expected = torch.nn.InstanceNorm2d.forward(norm, x)
    torch.testing.assert_close(norm(x), expected, atol=1e-5, rtol=1e-5)


GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "losses.json").read_text())


@pytest.mark.parametrize("case", GOLDEN)
def test_losses_are_those_of_ganbench_0_1(case):
    """At equal weights and random numbers; its steps drew while they computed, and read values of tensors."""
    name, *more = case.split()
    sizes = JUDGE if name == "judge" else [f"network.{k}={v}" for k, v in NETWORKS[name].items()]
    still = ["learning_rate=1e-9", "warmup_learning_rate=1e-9", "warmup_iterations=1"]
    if name in FAMILY:
        still.append("n_critic=2")
    if name in (*FAMILY, "smit"):
        still += CRITIC
    if name == "stargan-v2":
        still += ["mapping_learning_rate=1e-9", "reference_every=2", "lambda_match=1.0"]
    words = parse_assignments((*sizes, *still, *more, "precision=fp32"))
    trainer = prepare(name, "affectnet", words, device="cpu").trainer
    batch = batch_for(trainer)
    for iteration, expected in enumerate(GOLDEN[case]):
        trainer.set_rates(iteration)
        values = trainer.step(iteration, batch, generator(0, "step", iteration))
        assert values.keys() == expected.keys()
        for key, value in values.items():
            assert float(value) == pytest.approx(expected[key], rel=1e-5, abs=1e-5), key


def test_a_low_critic_answers_nearly_the_same_in_float32():
    exact, low = critic(), critic()
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


@pytest.mark.parametrize("precision", ["fp16", "tf32"])
def test_what_only_cuda_has_is_refused_without_it(precision):
    with pytest.raises(BadInput, match=f"precision {precision} needs a CUDA device: cpu"):
        made("stargan", f"precision={precision}")


CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("device", "precision", "critic", "expected"),
    [
        (CPU, "auto", "auto", ("fp32", "fp32")),
        (CUDA, "auto", "auto", ("tf32", "tf32")),
        (CUDA, "fp32", "auto", ("fp32", "fp32")),  # torch has one switch for both
        (CUDA, "auto", "fp32", ("fp32", "fp32")),
        (CUDA, "bf16", "auto", ("bf16", "tf32")),
        (CUDA, "bf16", "fp32", ("bf16", "fp32")),
        (CPU, "bf16", "bf16", ("bf16", "bf16")),
        (CUDA, "fp16", "auto", ("fp16", "tf32")),
    ],
)
def test_auto_takes_tf32_where_it_exists_and_nobody_asked_for_float32(
    device, precision, critic, expected, monkeypatch
):
    monkeypatch.setattr(devices, "computes_bf16", lambda: True)
    recipe = configure(
        "stargan", "affectnet", {"precision": precision, "critic_precision": critic}
    ).recipe
    computed = recipe.arithmetic(device)
    assert (computed.network, computed.critic) == expected
    assert computed.tf32 == ("tf32" in expected)
    assert computed.deterministic == (device == CPU)
    monkeypatch.setattr(devices, "computes_bf16", lambda: False)
    slow = recipe.arithmetic(device)
    assert (slow.network, slow.critic) == (expected if device == CUDA else ("fp32", "fp32"))


def test_the_former_option_fast_is_named():
    with pytest.raises(
        BadInput, match=r"fast is no key any more: training is always fast; remove it"
    ):
        configure("stargan", "faces", {"fast": True})
    result = CliRunner().invoke(train, ["stargan", "--fast", "--dry-run"])
    assert isinstance(result.exception, BadInput)
    assert (
        str(result.exception) == "--fast is no option any more: training is always fast; remove it"
    )


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
    words = [
        "stargan",
        "--precision",
        "fp32",
        "--no-graphs",
        "--compile",
        "--deterministic",
        "--accumulate",
        "2",
    ]
    result = CliRunner().invoke(train, [*words, "--dry-run"], catch_exceptions=False)
    (line,) = (text for text in result.stdout.splitlines() if text.startswith("Precision"))
    assert line.split(maxsplit=1)[1].strip() == (
        "fp32, compile, deterministic, no graphs, batches in 2 parts"
    )
