"""Distributed work: the rows of each process, reductions, and agreement between the processes.

``torchrun`` starts the processes, and torch.distributed connects them: gloo on CPUs, nccl on GPUs. The
global batch, that of the recipe, is shared by all N processes: each has every N-th row. All processes draw
the same random numbers for the global batch and take the rows of these that belong to them. Gradients are
averaged by one all-reduce after ``backward``. DistributedDataParallel would reduce them in hooks within
``backward``, which a critic's gradient penalty calls twice (pytorch issues 47562 and 63812). N processes
therefore take the same step as one process, up to the order of sums.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from ganbench.errors import BadInput, GanbenchError

T = TypeVar("T")

# How long a process waits for the others, one of which may be reading a large data set or writing a
# checkpoint to a slow disk. torchrun notices a process that died at once.
PATIENCE = timedelta(minutes=30)
# How long it waits in an evaluation, where the processes wait for each other at the end only.
LONG = timedelta(days=1)


class Lost(GanbenchError, RuntimeError):
    """Another process of the run ended or did not answer."""

    exit_code = 1


@dataclass(frozen=True)
class Share:
    """Which of several processes this is, and the part of the work that belongs to it.

    Attributes:
        rank: number of this process, from 0 on.
        world: number of processes.
        local: number of this process among those of its machine.
    """

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks to the user."""
        return self.rank == 0

    # -- rows of the global batch -----------------------------------------------------------------

    def local_rows(self, rows: Any, dim: int = 0) -> Any:
        """The rows of this process, every ``world``-th along dimension ``dim``.

        Args:
            rows: the rows of all processes, for example random numbers of the global batch.
            dim: dimension of the rows.
        """
        if self.world == 1:
            return rows
        return rows[(slice(None),) * dim + (slice(self.rank, None, self.world),)]

    def local_count(self, n: int) -> int:
        """How many of the first ``n`` rows of the global batch this process has; they are its first rows."""
        return len(range(self.rank, n, self.world))

    def global_count(self, n: int) -> int:
        """Number of rows of a global batch of which this process has ``n``."""
        return n * self.world

    # -- losses whose average over the processes is the loss of the global batch ------------------

    def sum(self, value: Tensor) -> Tensor:
        """The loss of a term that is a sum over the batch; ``value`` is the sum of this process."""
        return value if self.world == 1 else value * self.world

    def mean(self, value: Tensor, count: int, total: int) -> Tensor:
        """The loss of a term that is a mean over some rows of the batch.

        Args:
            value: mean over the rows of this process.
            count: number of these rows in this process.
            total: number of these rows in all processes.
        """
        if self.world == 1:
            return value
        return value * (count * self.world / total) if count else value.new_zeros(())

    def average(self, value: Tensor) -> Tensor:
        """Mean of a value over all processes, equal in all of them; differentiable once."""
        averaged: Tensor = value if self.world == 1 else _Average.apply(value, self.world)
        return averaged

    # -- the step ---------------------------------------------------------------------------------

    @torch.no_grad()
    def average_gradients(
        self, parameters: Sequence[Tensor], values: Sequence[Tensor], present: Sequence[bool]
    ) -> list[Tensor]:
        """Average the gradients of parameters over the processes, together with some values.

        Args:
            parameters: the same parameters in every process.
            values: scalars.
            present: for each parameter, whether any process has a gradient of it; see ``any_each``. The
                gradient of a process that has none then counts as zero.

        Returns:
            The averaged values.
        """
        used = [p for p, there in zip(parameters, present, strict=True) if there]
        for parameter in used:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [p.grad for p in used if p.grad is not None]
        bucket = torch.cat([
            *(gradient.reshape(-1) for gradient in gradients),
            torch.stack([value.detach().float() for value in values]),
        ])  # fmt: skip
        _reduce(bucket)
        bucket = bucket / self.world
        parts = list(torch.split(bucket, [*(p.numel() for p in used), len(values)]))
        averaged = parts.pop()
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
        return list(averaged)

    # -- agreement --------------------------------------------------------------------------------

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        if self.world == 1:
            return flag
        most = torch.tensor(int(flag))
        _reduce(most, "MAX")
        return bool(most)

    def any_each(self, flags: Sequence[bool]) -> list[bool]:
        """For each of some flags, whether it is set in any process."""
        if self.world == 1:
            return list(flags)
        most = torch.tensor([int(flag) for flag in flags])
        _reduce(most, "MAX")
        return [bool(flag) for flag in most.tolist()]

    def same(self, number: int) -> bool:
        """Whether all processes have the same number, of less than 63 bits."""
        if self.world == 1:
            return True
        extremes = torch.tensor([number, -number])
        _reduce(extremes, "MAX")
        return int(extremes[0]) == -int(extremes[1])

    @contextmanager
    def fail_together(self) -> Iterator[None]:
        """An error of one process in here ends all processes, so that none waits for one that has ended.

        Raises:
            GanbenchError: in the first process that had an error: that error.
            SystemExit: in all other processes, without a message, with the exit code of that error.
            Lost: a process ended in here.
        """
        if self.world == 1:
            yield
            return
        failure: GanbenchError | None = None
        try:
            yield
        except GanbenchError as error:
            failure = error
        codes = torch.zeros(self.world, dtype=torch.int64)
        codes[self.rank] = 0 if failure is None else failure.exit_code
        _reduce(codes)
        if (failed := codes.nonzero().flatten().tolist()) and failed[0] != self.rank:
            raise SystemExit(int(codes[failed[0]]))
        if failure is not None:
            raise failure

    def in_turn(self, work: Callable[[], T]) -> T:
        """Do work in the first process of each machine, then in the others, which find its cached files."""
        results: list[T] = []
        for first in (True, False):
            with self.fail_together():
                if (self.local == 0) == first:
                    results.append(work())
            if self.world == 1:
                break
        return results[0]


WHOLE = Share()


def neighbours() -> int:
    """Number of processes that torchrun started on this machine, this one included; 1 without torchrun."""
    count = os.environ.get("LOCAL_WORLD_SIZE", "")
    return max(1, int(count)) if count.isdecimal() else 1


class _Average(torch.autograd.Function):
    """All-reduced mean. Each process's objective depends on it, so its gradient is reduced as well."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, world: int) -> Tensor:
        ctx.world = world
        total = value.detach().clone()
        _reduce(total)
        return total / world

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        total = gradient.clone()
        _reduce(total)
        return total / ctx.world, None


# What a reduction is given to, instead of being done; see ``deferred_reductions``.
_deferred: list[Callable[[Callable[[], None]], None]] = []


@contextmanager
def deferred_reductions(take: Callable[[Callable[[], None]], None]) -> Iterator[None]:
    """Reductions in here are handed to ``take`` as functions: a recording of a GPU's work cannot hold them."""
    _deferred.append(take)
    try:
        yield
    finally:
        _deferred.pop()


def _reduce(tensor: Tensor, operation: str = "SUM") -> None:
    if _deferred:
        _deferred[-1](lambda: _all_reduce(tensor, operation))
    else:
        _all_reduce(tensor, operation)


def _all_reduce(tensor: Tensor, operation: str) -> None:
    try:
        dist.all_reduce(tensor, getattr(dist.ReduceOp, operation))
    except RuntimeError as error:
        raise Lost(
            "another process of the run ended, or did not answer in time; see its message, then go "
            "on from what was finished"
        ) from error


# -- what torchrun tells ----------------------------------------------------------------------------


def share() -> Share:
    """The share of this process; that of a single process without ``torchrun``."""
    if not dist.is_available() or not dist.is_torchelastic_launched():
        return WHOLE
    rank, world, local = (int(os.environ[k]) for k in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    return Share(rank, world, local)


def launch() -> str | None:
    """A name of this launch of ``torchrun`` that others do not have; None without ``torchrun``."""
    name = os.environ.get("TORCHELASTIC_RUN_ID")
    # Without --rdzv-id or --standalone every launch is called "none"; its process number differs.
    return f"none-{os.getppid()}" if name == "none" else name


def relaunched() -> bool:
    """Whether processes of this ``launch()`` may have begun a run before, and died."""
    # The count is 0 after a change of machines, and in a job that was put back into its queue.
    named = os.environ.get("TORCHELASTIC_RUN_ID", "none") != "none"
    return named or os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"


def device_of(share: Share, device: str) -> str:
    """The device of a process; ``device`` is the one that the user gave for all processes.

    Raises:
        BadInput: more processes on a machine than it has GPUs, or one GPU for all.
    """
    if share.world == 1 or device not in ("auto", "cuda"):
        if share.world > 1 and device.startswith("cuda"):
            raise BadInput(
                f"one GPU for {share.world} processes: --device {device}; give --device cuda: each "
                "process then takes a different GPU"
            )
        return device
    if not torch.cuda.is_available():
        return device
    if share.local >= torch.cuda.device_count():
        raise BadInput(
            f"more processes than GPUs: this machine has {torch.cuda.device_count()}; "
            f"lower --nproc-per-node, or give --device cpu"
        )
    return f"cuda:{share.local}"


@contextmanager
def process_group(share: Share, device: str, patience: timedelta = PATIENCE) -> Iterator[None]:
    """Connect the processes in here.

    Args:
        share: which process this is.
        device: device of this process.
        patience: how long a process waits for the others.

    Raises:
        Lost: the processes did not find each other.
    """
    if share.world == 1:
        yield
        return
    if on_gpu := torch.cuda.is_available() and device != "cpu":
        torch.cuda.set_device(share.local)
    try:
        # The processes agree by tensors on the CPU, which wait for no kernel.
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
            store=_address_store(share, patience),
            rank=share.rank,
            world_size=share.world,
            timeout=patience,
        )
    except RuntimeError as error:
        raise Lost(
            f"the {share.world} processes did not find each other: "
            f"{str(error).splitlines()[0]}; check --rdzv-endpoint and the network between them"
        ) from error
    try:
        yield
    finally:
        dist.destroy_process_group()


def _address_store(share: Share, patience: timedelta) -> Any:
    """The store in which the processes tell each other their addresses.

    torchrun's store outlives a restart and holds addresses of processes that died, so each attempt uses
    new keys. On several machines all attempts share their keys, since the machines count their
    attempts differently.
    """
    store, _, _ = next(dist.rendezvous("env://", timeout=patience))  # type: ignore[attr-defined]
    if os.environ.get("LOCAL_WORLD_SIZE") != str(share.world):
        return store
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return dist.PrefixStore(f"attempt {attempt}", store)  # type: ignore[attr-defined]
