"""What a training run would do and need, found out without data and without memory for its networks.

Networks and optimisers are built with fake tensors, which have shapes and no content, and take one cycle
of steps. The losses, operations and bytes of these steps are observed.
"""

from __future__ import annotations

import dataclasses
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import conv_flop_count, flop_registry, register_flop_formula

from ganbench.methods import winograd
from ganbench.training.batches import Batch
from ganbench.training.draws import Draws, Request
from ganbench.training.setup import Setup
from ganbench.training.trainer import Terms, Trainer

UNITS = 17  # OpenFace's action units


@dataclass(frozen=True)
class Part:
    """A network, or a part of a network that has a separate optimiser.

    Attributes:
        name: attribute name of the part.
        parameters: number of learnable parameters.
        optimizer: name of its optimiser; None if its parts, which follow, have different optimisers.
        steps: number of optimiser steps in the run.
        rate: base learning rate, which the schedule multiplies.
        decay: weight decay.
        depth: 0 for a network, 1 for a part of a network, 2 for a part of a part ...
    """

    name: str
    parameters: int
    optimizer: str | None = None
    steps: int = 0
    rate: float = 0.0
    decay: float = 0.0
    depth: int = 0


@dataclass(frozen=True)
class Objective:
    """The objective of one kind of step.

    Attributes:
        parts: names of the networks that the step changes.
        terms: weight of each loss, by its name in the log.
        warmup: whether the step belongs to the warm-up.
    """

    parts: tuple[str, ...]
    terms: dict[str, float]
    warmup: bool


@dataclass(frozen=True)
class Memory:
    """Bytes of the tensors that exist when a step holds most.

    Attributes:
        weights: parameters and buffers of all networks.
        average: the moving average that is shipped.
        gradients: gradients of all optimised parameters.
        moments: state of the optimisers.
        activations: all other tensors of a step: images, activations, temporary results.
    """

    weights: int
    average: int
    gradients: int
    moments: int
    activations: int

    @property
    def total(self) -> int:
        """Sum of all bytes."""
        return self.weights + self.average + self.gradients + self.moments + self.activations


@dataclass(frozen=True)
class Plan:
    """What a run would do and need.

    Attributes:
        parts: the networks, each followed by its parts if these have separate optimisers.
        objectives: objectives of the kinds of step, those of the warm-up first.
        images: training images of an iteration.
        flops: floating-point operations of convolutions and matrix products in the whole run; a
            multiplication with addition counts as two.
        memory: the most that a step holds.
        checkpoint: bytes of a checkpoint.
        state: bytes of ``state.pt``.
    """

    parts: list[Part]
    objectives: list[Objective]
    images: int
    flops: float
    memory: Memory
    checkpoint: int
    state: int


def plan(setup: Setup) -> Plan:
    """The plan of a setup's run."""
    recipe, network = setup.recipe, setup.network
    fake = FakeTensorMode()
    # The average is a deep copy, which fake tensors do not allow; it is as large as the model.
    alone = dataclasses.replace(setup, recipe=dataclasses.replace(recipe, ema_decay=0.0))
    with fake:
        trainer = alone.build()
    images = len(trainer.indices(np.arange(1000) % len(network.emotions), 0, 0))
    with fake:
        batch = Batch(
            torch.empty(images, 3, network.image_size, network.image_size),
            torch.empty(images, dtype=torch.int64),
            torch.empty(images, UNITS) if trainer.needs_action_units else None,
        )
    weights = [tensor for each in trainer.networks.values() for tensor in _tensors(each)]
    work = Work(given=weights)
    steps: Counter[str] = Counter()
    objectives: dict[tuple[bool, tuple[str, ...], tuple[str, ...]], dict[str, float]] = {}
    flops = 0.0
    with fake, work:
        work.hold([batch.images, batch.emotions])
        _make_optimizer_state(trainer)
        for iteration, times in _visits(trainer):
            before = work.flops
            with _recorded(trainer, trainer.weights(iteration)) as calls:
                trainer.set_rates(iteration)
                trainer.update(trainer.kind(iteration), batch, FakeDraws())
            flops += times * (work.flops - before)
            for optimizers, terms in calls:
                steps.update(dict.fromkeys(optimizers, times))
                warmup = iteration < recipe.warmup_iterations
                objectives.setdefault((warmup, optimizers, tuple(terms)), terms)
    parts = _parts(trainer, steps)
    names = {part.optimizer: part.name for part in parts}
    moments = sum(_bytes(_moments(o)) for o in trainer.optimizers.values())
    gradients = sum(
        _bytes(p.grad for p in _parameters(o) if p.grad is not None)
        for o in trainer.optimizers.values()
    )
    shipped = _bytes(_tensors(trainer.model))
    memory = Memory(
        weights=_bytes(weights),
        average=shipped if recipe.ema_decay else 0,
        gradients=gradients,
        moments=moments,
        activations=work.peak - gradients - moments,
    )
    return Plan(
        parts=parts,
        objectives=[
            Objective(tuple(names.get(o, o) for o in optimizers), terms, warmup)
            for (warmup, optimizers, _), terms in objectives.items()
        ],
        images=images,
        flops=flops,
        memory=memory,
        checkpoint=shipped,
        state=memory.weights + memory.average + memory.moments,
    )


def _visits(trainer: Trainer) -> Iterator[tuple[int, int]]:
    """One iteration of each kind, and how many iterations of the run are of this kind."""
    recipe = trainer.recipe
    warmup = min(recipe.warmup_iterations, recipe.iterations)
    if warmup:
        yield 0, warmup
    rounds, rest = divmod(recipe.iterations - warmup, trainer.cycle)
    for place in range(trainer.cycle):
        if times := rounds + (place < rest):
            yield warmup + place, times


def _make_optimizer_state(trainer: Trainer) -> None:
    """Take a step of each optimiser with zero gradients, after which gradients and moments exist."""
    for optimizer in trainer.optimizers.values():
        for parameter in _parameters(optimizer):
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()


@contextmanager
def _recorded(
    trainer: Trainer, changing: Mapping[str, float]
) -> Iterator[list[tuple[tuple[str, ...], dict[str, float]]]]:
    """Record the calls of ``minimise`` in here: names of the optimisers, and weight of each term.

    Args:
        trainer: whose calls are recorded.
        changing: values of the weights that change in the run, by name of the term.
    """
    calls: list[tuple[tuple[str, ...], dict[str, float]]] = []
    minimise = trainer.minimise

    def record(terms: Terms, *optimizers: str, more: Iterable[Terms] = ()) -> dict[str, Tensor]:
        weights = {name: changing.get(name, weight) for name, (weight, _) in terms.items()}
        calls.append((optimizers, {name: float(weight) for name, weight in weights.items()}))
        return minimise(terms, *optimizers, more=more)

    trainer.minimise = record  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        trainer.minimise = minimise  # type: ignore[method-assign]


class FakeDraws(Draws):
    """Random numbers that have a shape and no value, in the mode of fake tensors."""

    def __init__(self, device: str = "cpu") -> None:
        self.requests, self.device = [], device

    def _take(self, request: Request) -> Tensor:
        return torch.empty(request.shape, dtype=request.dtype, device=self.device)


@register_flop_formula(winograd.CONVOLUTION)
def _flops(x: list[int], weight: list[int], out_shape: list[int], **_: Any) -> int:
    """Those of the convolution that it computes: other devices, and bfloat16, have no other way."""
    return conv_flop_count(x, weight, out_shape)


@register_flop_formula(winograd.GRADIENT)
def _gradient_flops(x: list[int], gradient: list[int], out_shape: list[int], **_: Any) -> int:
    return conv_flop_count(x, out_shape, gradient)


class Work(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation, and counts floating-point operations and bytes of tensors that exist.

    Args:
        given: tensors whose bytes are not counted, since they exist already.

    Attributes:
        flops: operations of convolutions and matrix products so far.
        peak: most bytes that existed at once so far.
    """

    def __init__(self, given: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0.0
        self.peak = self._alive = 0
        self._known = {tensor.untyped_storage()._cdata for tensor in given}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func._overloadpacket):
            self.flops += formula(*args, **(kwargs or {}), out_val=result)
        self.hold(leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor))
        return result

    def hold(self, tensors: Iterable[Tensor]) -> None:
        """Count the bytes of tensors until they are freed; tensors that share a storage count once."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            if storage._cdata not in self._known:
                self._known.add(storage._cdata)
                self._alive += storage.nbytes()
                self.peak = max(self.peak, self._alive)
                weakref.finalize(storage, self._free, storage._cdata, storage.nbytes())

    def _free(self, address: int, size: int) -> None:
        self._known.discard(address)
        self._alive -= size


def _parts(trainer: Trainer, steps: Mapping[str, int]) -> list[Part]:
    """Networks with their optimisers; if a network has several optimisers, its parts follow."""
    owners = {id(p): name for name, o in trainer.optimizers.items() for p in _parameters(o)}
    parts: list[Part] = []

    def add(name: str, module: nn.Module, count: int, depth: int) -> None:
        optimizers = {owners.get(id(p)) for p in module.parameters()}
        owner = optimizers.pop() if len(optimizers) == 1 else None
        if owner is not None:
            (group,) = trainer.optimizers[owner].param_groups
            rate, decay = group["base_rate"], group["weight_decay"]
            parts.append(Part(name, count, owner, steps[owner], rate, decay, depth))
            return
        parts.append(Part(name, count, depth=depth))
        for below, child in module.named_children():
            if size := sum(p.numel() for p in child.parameters()):
                add(below, child, size, depth + 1)

    for name, network in trainer.networks.items():
        add(name, network, sum(p.numel() for p in network.parameters()), 0)
    return parts


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _moments(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [t for state in optimizer.state.values() for t in state.values()]


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)
