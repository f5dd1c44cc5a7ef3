"""Recorded iterations equal eager ones, and an iteration is a function of tensors; shown without a GPU."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from conftest import NETWORKS
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ganbench import devices
from ganbench.config import parse_assignments
from ganbench.errors import BadInput
from ganbench.seeds import generator
from ganbench.training import stepper
from ganbench.training.batches import Batch
from ganbench.training.draws import BufferedDraws, DrawBuffer, Draws, Request
from ganbench.training.plan import FakeDraws
from ganbench.training.session import prepare
from ganbench.training.setup import configure
from ganbench.training.stepper import Stepper, describe_computation, recorder_for

FAMILY = ("stargan", "linear", "gaussian", "ganimation")
CRITIC = (
    "critic_augment.flip=0.5",
    "critic_augment.rotate=7.5",
    "critic_augment.crop=0.5",
    "critic_augment.crop_scale=[0.7, 1.0]",
    "lambda_source=0.5",
)
JUDGE = {
    "arch": "stages",
    "image_size": 32,
    "stages": [1, 1],
    "widths": [4, 4],
    "hidden": 8,
    "dropout": 0.3,
}
VARIANTS = [
    *((name, ()) for name in NETWORKS),
    ("linear", ("penalty=r1", "cycle=official", "strength=uniform_disc")),
    ("linear", ("source_head=true", "lambda_source=0.25", "weigh_by_strength=true")),
    ("ganimation", ("network.condition=action_units",)),
    ("stargan", ("classification=binary", "accumulate=2", "precision=bf16", "critic_precision=bf16")),
    ("stargan-v2", ("ds_iterations=3", "ema_decay=0.9")),
    ("stargan-v2", ("precision=bf16", "critic_precision=bf16")),
    ("smit", ("precision=bf16", "critic_precision=bf16")),
    ("gaussian", ("source_head=true", "lambda_source=0.25", "lambda_change=1", "network.upsample=resize")),
    ("judge", ()),
]  # fmt: skip
LABELS = np.arange(70) % 7
every = pytest.mark.parametrize(("name", "more"), VARIANTS)


@pytest.fixture(autouse=True)
def with_bf16(monkeypatch):
    """As on a processor that has instructions for bfloat16."""
    monkeypatch.setattr(devices, "computes_bf16", lambda: True)


def words(name, more=()):
    sizes = JUDGE if name == "judge" else NETWORKS[name]
    chosen = [f"network.{key}={value}" for key, value in sizes.items()]
    chosen += ["warmup_iterations=2" if name != "judge" else "ema_decay=0.9", "iterations=12"]
    if name in FAMILY:
        chosen.append("n_critic=2")
    if name in FAMILY or name == "smit":
        chosen += CRITIC
    if name == "stargan-v2":
        chosen += ["reference_every=2", "lambda_match=1.0"]
    return parse_assignments((*chosen, *more))


def made(name, more=()):
    return prepare(name, "affectnet", words(name, more), device="cpu").trainer


def batch_for(trainer, iteration=0):
    config = trainer.model.config
    n = len(trainer.indices(LABELS, 0, 0))
    random = generator(0, "batch", iteration)
    return Batch(
        torch.rand(n, 3, config.image_size, config.image_size, generator=random),
        torch.randint(7, (n,), generator=random),
        torch.rand(n, 17, generator=random) if trainer.needs_action_units else None,
    )


def first_of_each_kind(trainer):
    """A first iteration of each kind, by kind."""
    return {trainer.kind(k): k for k in reversed(range(12))}


class Tape:
    """Records operations on a CPU as a CUDA graph does on a GPU: they are not done, and can be repeated."""

    def __init__(self, trainer):
        self.trainer, self.replays = trainer, 0

    @contextmanager
    def eager(self):
        yield

    def _state(self):
        networks = [*self.trainer.networks.values(), self.trainer.ema]
        tensors = [t for n in networks if n is not None for t in (*n.parameters(), *n.buffers())]
        for optimizer in self.trainer.optimizers.values():
            tensors += [t for s in optimizer.state.values() for t in s.values()]
        return tensors

    def record(self, compute):
        operations = []

        class Writing(TorchDispatchMode):
            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                result = func(*args, **(kwargs or {}))
                operations.append((func, args, kwargs or {}, result))
                return result

        before = [(tensor, tensor.detach().clone()) for tensor in self._state()]
        with Writing():
            values = compute()
        with torch.no_grad():
            for tensor, value in before:
                tensor.copy_(value)
        return lambda: self._replay(operations), values

    @torch.no_grad()
    def _replay(self, operations):
        self.replays += 1
        for func, args, kwargs, result in operations:
            given = {
                leaf.untyped_storage()._cdata
                for leaf in tree_leaves((args, kwargs))
                if isinstance(leaf, torch.Tensor)
            }
            places = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
            if func._schema.is_mutable:
                func(*args, **kwargs)
            elif any(place.untyped_storage()._cdata not in given for place in places):
                new = tree_leaves(func(*args, **kwargs))
                for place, value in zip(tree_leaves(result), new, strict=True):
                    if isinstance(place, torch.Tensor):
                        place.copy_(value)


def with_rates_as_tensors(trainer):
    for optimizer in trainer.optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = torch.tensor(float(group["lr"]))
    return trainer


@every
def test_replayed_iterations_are_the_eager_ones_to_the_bit(name, more, monkeypatch):
    monkeypatch.setattr(stepper, "EAGER", 1)
    eager, recorded = (with_rates_as_tensors(made(name, more)) for _ in range(2))
    tape = Tape(recorded)
    step = Stepper(recorded, tape, pytest.fail)
    for iteration in range(12):
        batch = batch_for(eager, iteration)
        for trainer in (eager, recorded):
            trainer.set_rates(iteration)
        expected = eager.step(iteration, batch, generator(0, "step", iteration))
        values = step(iteration, batch, generator(0, "step", iteration))
        assert {k: float(v) for k, v in values.items()} == {
            k: float(v) for k, v in expected.items()
        }
    for one, other in zip(
        tree_leaves(recorded.state_dict()), tree_leaves(eager.state_dict()), strict=True
    ):
        assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other
    kinds = {recorded.kind(k) for k in range(12)}
    assert tape.replays == 12 - len(kinds)


class Synchronising(TorchDispatchMode):
    """Counts operations for which a GPU would have to be waited for, or that copy from the CPU."""

    NAMES = ("_local_scalar_dense", "nonzero", "masked_select", "lift_fresh", "equal", "unique")

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name.removeprefix("aten::")
        boolean = name in ("index", "index_put", "index_put_") and any(
            place is not None and place.dtype == torch.bool for place in args[1]
        )
        device = (kwargs or {}).get("device")
        moved = name == "_to_copy" and device is not None and device != args[0].device
        if boolean or moved or name.removesuffix("_copy") in self.NAMES:
            self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


@every
def test_an_iteration_waits_for_no_value(name, more):
    trainer = made(name, more)
    for kind, iteration in first_of_each_kind(trainer).items():
        batch, draws = batch_for(trainer), Draws(generator(0, "step"))
        trainer.set_rates(iteration)
        trainer.update(kind, batch, draws)
        buffer = DrawBuffer(draws.requests, torch.device("cpu"))
        buffer.fill(generator(0, "step"))
        with Synchronising() as counted:
            trainer.update(kind, batch, buffer.draws())
        assert counted.seen == [], kind


def test_what_waits_is_counted():
    x = torch.rand(4)
    with Synchronising() as counted:
        x[x > 0.5], x.sum().item(), torch.tensor([1.0]), x.to("meta")
    assert len(counted.seen) >= 4


def fake(name, more, device, n):
    """A trainer and a batch of n fake images, which have no values; to be called in their mode."""
    trainer = configure(name, "affectnet", words(name, (*more, "ema_decay=0.0"))).build()
    size = trainer.model.config.image_size
    units = torch.empty(n, 17, device=device) if trainer.needs_action_units else None
    return trainer, Batch(
        torch.empty(n, 3, size, size, device=device),
        torch.empty(n, dtype=torch.int64, device=device),
        units,
    )


@every
def test_no_branch_depends_on_a_value(name, more):
    real = made(name, more)
    images = len(batch_for(real))
    for kind, iteration in first_of_each_kind(real).items():
        with FakeTensorMode():
            trainer, batch = fake(name, more, "cpu", images)
            trainer.set_rates(iteration)
            trainer.update(kind, batch, FakeDraws("cpu"))


@every
def test_all_tensors_are_on_the_gpu(name, more, monkeypatch):
    """Forward passes alone: without a GPU torch has no thread for the backward passes of its tensors."""
    real = made(name, more)
    kinds, images = first_of_each_kind(real), len(batch_for(real))
    monkeypatch.setattr(torch.Tensor, "backward", lambda self: None)
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: None)
    monkeypatch.setattr(
        torch.autograd, "grad", lambda y, x, **_: (torch.zeros_like(x).requires_grad_(True),)
    )
    more = tuple(word for word in more if "bf16" not in word)  # autocast needs a real GPU
    for kind, iteration in kinds.items():
        with FakeTensorMode(), torch.device("cuda"):
            trainer, batch = fake(name, more, "cuda", images)
            trainer.set_rates(iteration)
        with FakeTensorMode() as mode, Synchronising() as counted:
            mode.allow_non_fake_inputs = True
            values = trainer.update(kind, batch, FakeDraws("cuda"))
        assert {value.device.type for value in values.values()} == {"cuda"}
        assert counted.seen == [], kind


@pytest.mark.parametrize("name", ["stargan", "smit", "stargan-v2"])
def test_a_critic_in_bfloat16_computes_in_it_and_loses_little(name):
    values = []
    for more in (("precision=fp32",), ("precision=fp32", "critic_precision=bf16")):
        trainer = made(name, more)
        formats = set()
        for module in trainer.discriminator.modules():
            if isinstance(module, torch.nn.LeakyReLU):
                module.register_forward_hook(lambda *seen, f=formats: f.add(seen[-1].dtype))
        iteration = first_of_each_kind(trainer)[trainer.kind(11)]
        values.append(trainer.step(iteration, batch_for(trainer), generator(0, "step")))
        assert formats == {torch.bfloat16 if "critic_precision=bf16" in more else torch.float32}
    exact, low = values
    assert all(value.dtype == torch.float32 for value in low.values())
    for key, value in exact.items():
        assert float(low[key]) == pytest.approx(float(value), rel=0.03, abs=0.03), key


def test_a_recording_that_fails_leaves_the_eager_way_and_a_line():
    trainer, plain = made("stargan"), made("stargan")

    class Broken(Tape):
        def record(self, compute):  # a real one fails while it computes, and does nothing
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

    told = []
    step = Stepper(trainer, Broken(trainer), told.append)
    for iteration in range(12):
        batch = batch_for(plain, iteration)
        expected = plain.step(iteration, batch, generator(0, "step", iteration))
        values = step(iteration, batch, generator(0, "step", iteration))
        assert {k: float(v) for k, v in values.items()} == {
            k: float(v) for k, v in expected.items()
        }
    assert told == [
        "CUDA graphs are off: an iteration cannot be recorded (operation not permitted when stream is "
        "capturing)"
    ]


def test_an_operation_without_a_deterministic_algorithm_is_one_line():
    trainer = made("stargan", ("deterministic=true",))

    def update(kind, batch, random):
        raise RuntimeError(
            "adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation\n..."
        )

    trainer.update = update
    with pytest.raises(
        BadInput, match=r"backward_cuda does not have .*; leave --deterministic out"
    ):
        Stepper(trainer, None, pytest.fail)(0, batch_for(trainer), generator(0, "step"))


def test_a_trainer_without_kinds_is_never_recorded():
    trainer = made("stargan")
    trainer.kind = lambda iteration: ""
    update, seen = trainer.update, []
    trainer.update = lambda kind, batch, random: (
        seen.append(kind) or update("critic", batch, random)
    )
    tape = Tape(trainer)
    step = Stepper(trainer, tape, pytest.fail)
    for iteration in range(6):
        step(iteration, batch_for(trainer), generator(0, "step", iteration))
    assert seen == [""] * 6
    assert not tape.replays


# -- random numbers -------------------------------------------------------------------------------


def test_buffered_numbers_are_those_that_are_drawn_one_by_one():
    direct = Draws(generator(3, "x"))
    expected = [direct.rand(3, 5), direct.randperm(7), direct.randn(2, 9), direct.uniform(-1, 2, 1)]
    buffer = DrawBuffer(direct.requests, torch.device("cpu"))
    for seed in (4, 3):
        buffer.fill(generator(seed, "x"))
    drawn = buffer.draws()
    found = [drawn.rand(3, 5), drawn.randperm(7), drawn.randn(2, 9), drawn.uniform(-1, 2, 1)]
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)
        assert one.dtype == other.dtype


def test_other_requests_than_the_recorded_ones_are_refused():
    drawn = BufferedDraws([Request("rand", (3,))], [torch.rand(3)])
    with pytest.raises(RuntimeError, match="other random numbers"):
        drawn.rand(4)
    drawn.rand(3)
    with pytest.raises(RuntimeError, match="different kinds"):
        drawn.rand(3)


# -- what a user is told --------------------------------------------------------------------------


def test_a_run_says_how_it_is_computed(monkeypatch):
    trainer = made("stargan", ("precision=bf16",))
    assert recorder_for(trainer) is None
    assert describe_computation(trainer) == (
        "computes on cpu: stargan bf16, critic fp32; the run can be repeated to the bit on machines of one kind"
    )
    monkeypatch.setattr(devices, "computes_bf16", lambda: False)
    assert describe_computation(trainer) == (
        "computes on cpu: stargan fp32, critic fp32, since this processor has no instructions for bf16; the "
        "run can be repeated to the bit on machines of one kind"
    )
    assert describe_computation(made("judge")).startswith(
        "computes on cpu: judge fp32; the run can"
    )
