"""Several processes that are one: whose rows are whose, what is added up, who waits for whom.

``torchrun`` starts the processes, and torch.distributed joins them: gloo on CPUs, nccl on GPUs. The
batch of a recipe is that of all processes together, of which each has every N-th row. All draw the same
random numbers for the global batch and take their own rows of them; gradients are averaged after
``backward``, by one all-reduce, and not by hooks in it, which a critic's gradient penalty would call
twice (pytorch issues 47562 and 63812). So N processes take the step that one would take, up to the
order of sums.
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

# How long a process waits for the others. One of them may be reading a large data set, or writing a
# checkpoint to a slow disk; a process that died is noticed by torchrun at once.
PATIENCE = timedelta(minutes=30)
# The same where the processes meet at the end only.
LONG = timedelta(days=1)


class Lost(GanbenchError, RuntimeError):
    """Another process of the run is gone."""

    exit_code = 1


@dataclass(frozen=True)
class Share:
    """The part of one process in the work of all.

    Attributes:
        rank: which process this is, from 0 on.
        world: how many there are.
        local: which of its machine's processes this is.
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
        """This process's rows of what all know: every ``world``-th, along the first dimensions."""
        if self.world == 1:
            return rows
        return rows[(slice(None),) * dim + (slice(self.rank, None, self.world),)]

    def local_count(self, n: int) -> int:
        """How many of the first ``n`` rows of the global batch are this one's; they are its first."""
        return len(range(self.rank, n, self.world))

    def global_count(self, n: int) -> int:
        """Rows of the global batch where this process has ``n``."""
        return n * self.world

    # -- losses: averaged over the processes, they are the global batch's -------------------------

    def sum(self, value: Tensor) -> Tensor:
        """Of a sum over the batch."""
        return value if self.world == 1 else value * self.world

    def mean(self, value: Tensor, count: int, total: int) -> Tensor:
        """Of a mean over ``count`` rows here and ``total`` everywhere."""
        if self.world == 1:
            return value
        return value * (count * self.world / total) if count else value.new_zeros(())

    def average(self, value: Tensor) -> Tensor:
        """The mean of the processes' values, the same everywhere; differentiable (once)."""
        averaged: Tensor = value if self.world == 1 else _Average.apply(value, self.world)
        return averaged

    # -- the step ---------------------------------------------------------------------------------

    @torch.no_grad()
    def average_gradients(self, parameters: Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
        """Average the parameters' gradients over the processes, and ``values`` with them.

        Args:
            parameters: the same ones in every process; where a gradient is None in some, it counts
                as zero, and where it is None in all, it stays so.
            values: scalars.

        Returns:
            The averaged values, float32 [len(values)].
        """
        used = torch.tensor([float(p.grad is not None) for p in parameters])
        flat = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        bucket = torch.cat([
            *(gradient.reshape(-1) for gradient in flat),
            used.to(flat[0]),
            torch.stack([value.detach().to(flat[0]) for value in values]),
        ])  # fmt: skip
        _reduce(bucket)
        bucket /= self.world
        sizes = [*(p.numel() for p in parameters), len(parameters), len(values)]
        parts: list[Tensor] = list(torch.split(bucket, sizes))
        averaged, used = parts.pop(), parts.pop()
        for parameter, part, elsewhere in zip(parameters, parts, used, strict=True):
            if parameter.grad is not None:
                parameter.grad.copy_(part.view_as(parameter))
            elif elsewhere:
                parameter.grad = part.view_as(parameter).clone()
        return averaged

    # -- agreement --------------------------------------------------------------------------------

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        if self.world == 1:
            return flag
        found = torch.tensor(int(flag))
        _reduce(found, "MAX")
        return bool(found)

    def same(self, number: int) -> bool:
        """Whether all processes have the same number, of less than 63 bits."""
        if self.world == 1:
            return True
        extremes = torch.tensor([number, -number])
        _reduce(extremes, "MAX")
        return int(extremes[0]) == -int(extremes[1])

    @contextmanager
    def together(self) -> Iterator[None]:
        """What fails in one process ends all of them, and nobody waits for one that has left.

        Raises:
            GanbenchError: the one of the first process that has one, there.
            SystemExit: in all others, silently, with its exit code.
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
        """Done by each machine's first process, then by the others, which find what it has cached."""
        done: list[T] = []
        for turn in (True, False):
            with self.together():
                if (self.local == 0) == turn:
                    done.append(work())
            if self.world == 1:
                break
        return done[0]


WHOLE = Share()


class _Average(torch.autograd.Function):
    """Every process's objective sees the mean, so its gradient is the mean of theirs."""

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


def _reduce(tensor: Tensor, operation: str = "SUM") -> None:
    try:
        dist.all_reduce(tensor, getattr(dist.ReduceOp, operation))
    except RuntimeError as error:
        raise Lost(
            "another process of the run ended, or did not answer in time; see its message, then go "
            "on from what was finished"
        ) from error


# -- what torchrun says -----------------------------------------------------------------------------


def share() -> Share:
    """This process's part; all of it without ``torchrun``."""
    if not dist.is_available() or not dist.is_torchelastic_launched():
        return WHOLE
    rank, world, local = (int(os.environ[k]) for k in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    return Share(rank, world, local)


def launch() -> str | None:
    """What tells this ``torchrun`` from another one; None without ``torchrun``."""
    name = os.environ.get("TORCHELASTIC_RUN_ID")
    # Without --rdzv-id or --standalone all are called "none"; their own process differs.
    return f"none-{os.getppid()}" if name == "none" else name


def relaunched() -> bool:
    """Whether a run that was begun in ``launch()`` may be this one, begun by processes that died."""
    # After a change of machines, or in a job that was put back into its queue, the count is 0.
    named = os.environ.get("TORCHELASTIC_RUN_ID", "none") != "none"
    return named or os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"


def device_of(share: Share, device: str) -> str:
    """The device of a process, where ``device`` is what the user gave for all.

    Raises:
        BadInput: more processes on a machine than it has GPUs, or one GPU for all.
    """
    if share.world == 1 or device not in ("auto", "cuda"):
        if share.world > 1 and device.startswith("cuda"):
            raise BadInput(
                f"one GPU for {share.world} processes: --device {device}; give --device cuda: each "
                "process then takes one of its own"
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
    """The processes can reach each other in here, and wait for each other for so long.

    Raises:
        Lost: they did not find each other.
    """
    if share.world == 1:
        yield
        return
    if on_gpu := torch.cuda.is_available() and device != "cpu":
        torch.cuda.set_device(share.local)
    try:
        # Agreements are made on the CPU, where they wait for no kernel.
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
            store=_meeting_point(share, patience),
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


def _meeting_point(share: Share, patience: timedelta) -> Any:
    """Where the processes tell each other their addresses.

    torchrun's store outlives a restart, with the addresses of processes that died: each attempt gets a
    corner of its own. Machines count their attempts differently, so several share one.
    """
    store, _, _ = next(dist.rendezvous("env://", timeout=patience))  # type: ignore[attr-defined]
    if os.environ.get("LOCAL_WORLD_SIZE") != str(share.world):
        return store
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return dist.PrefixStore(f"attempt {attempt}", store)  # type: ignore[attr-defined]
