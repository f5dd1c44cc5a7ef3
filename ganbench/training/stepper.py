"""How iterations are computed: at first as Python says, then by replaying a recording of a GPU's work.

In eager mode Python starts each of the 1,500 operations of an iteration, which takes longer than a GPU
needs to compute small networks. A CUDA graph holds the operations of an iteration and starts them all at
once. It repeats them on the same memory: the batch, the random numbers and the learning rates are
written there before each replay, and parameters, moments and averages stay where they are. There is one
graph for each kind of iteration (``Trainer.kind``).

A reduction over several processes is no part of a graph. A recording ends before it, and another one
begins after it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, fields
from typing import Any, Protocol

import torch
from torch import Tensor

from ganbench.distributed import deferred_reductions
from ganbench.errors import BadInput
from ganbench.training.batches import Batch
from ganbench.training.draws import Draws, RepeatedDraws
from ganbench.training.trainer import Trainer

# Iterations of a kind that are computed in eager mode before one is recorded: in these the optimisers make
# their moments, and cuDNN chooses its algorithms.
EAGER = 3

Values = dict[str, Tensor]


class Recorder(Protocol):
    """Records the operations of a function without doing them."""

    def record(self, compute: Callable[[], Values]) -> tuple[Callable[[], None], Values]:
        """A function that does the operations, and the tensors that then hold the results."""

    @contextmanager
    def eager(self) -> Iterator[None]:
        """Where an iteration is computed that will be recorded later."""


class CudaRecorder:
    """Records CUDA graphs, which share their memory for temporary results."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    @contextmanager
    def eager(self) -> Iterator[None]:
        """On another stream, as torch asks of iterations before a recording."""
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            yield
        current.wait_stream(self._stream)

    def record(self, compute: Callable[[], Values]) -> tuple[Callable[[], None], Values]:
        parts: list[Callable[[], None]] = []
        graphs: list[torch.cuda.CUDAGraph] = []

        def begin() -> None:
            graph = torch.cuda.CUDAGraph()
            # The thread that prepares batches allocates memory meanwhile, which is none of the recording.
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            graphs.append(graph)

        def end() -> None:
            graph = graphs.pop()
            graph.capture_end()
            parts.append(graph.replay)

        def reduce_after(reduction: Callable[[], None]) -> None:
            end()
            parts.append(reduction)
            begin()

        torch.cuda.synchronize()
        gc.collect()
        torch.cuda.empty_cache()
        with torch.cuda.stream(self._stream), deferred_reductions(reduce_after):
            begin()
            try:
                values = compute()
            except BaseException:
                with suppress(RuntimeError):
                    end()
                raise
            end()
        torch.cuda.current_stream().wait_stream(self._stream)

        def replay() -> None:
            for part in parts:
                part()

        return replay, values


@dataclass
class _Kind:
    """What is known of a kind of iteration.

    Attributes:
        draws: its random numbers.
        seen: iterations of it that were computed so far.
        batch: the memory that a recording reads its batch from.
        replay: does the recorded operations; None until there is a recording.
        values: the tensors that hold the results of a replay.
    """

    draws: RepeatedDraws
    seen: int = 0
    batch: Batch | None = None
    replay: Callable[[], None] | None = None
    values: Values | None = None


class Stepper:
    """Computes the iterations of a trainer.

    Args:
        trainer: what is trained.
        recorder: records iterations; None computes all of them in eager mode.
        tell: called with a line for the user if recording fails.
    """

    def __init__(
        self, trainer: Trainer, recorder: Recorder | None, tell: Callable[[str], None]
    ) -> None:
        self.trainer, self.recorder, self.tell = trainer, recorder, tell
        self._kinds: dict[str, _Kind] = {}

    def __call__(self, iteration: int, batch: Batch, random: torch.Generator) -> Values:
        """One iteration; returns losses, which the next iteration may overwrite.

        Args:
            iteration: counted from 0.
            batch: its images.
            random: a CPU generator for this iteration alone.

        Raises:
            BadInput: the recipe asks for deterministic algorithms, and an operation has none.
        """
        trainer, name = self.trainer, self.trainer.kind(iteration)
        if not name:  # iterations of no kind may ask for other numbers each time
            return self._eager(name, batch, Draws(random, trainer.device))
        kind = self._kinds.setdefault(name, _Kind(RepeatedDraws(trainer.device)))
        draws = kind.draws.next(random)
        if kind.replay is None and self.recorder is not None and kind.seen >= EAGER:
            self._record(name, kind, batch)
        kind.seen += 1
        if kind.replay is None or kind.batch is None or kind.values is None:
            return self._eager(name, batch, draws)
        copy_batch(batch, kind.batch)
        kind.replay()
        return kind.values

    def _eager(self, name: str, batch: Batch, draws: Draws) -> Values:
        trainer = self.trainer
        recorder = self.recorder if name else None
        place = nullcontext() if recorder is None else recorder.eager()
        try:
            with trainer.arithmetic.on(trainer.device), place:
                return trainer.update(name, batch, draws)
        except RuntimeError as error:
            if "deterministic" not in str(error):
                raise
            raise BadInput(
                f"not all operations of this training can be deterministic on {trainer.device.type}: "
                f"{str(error).splitlines()[0][:150]}; leave --deterministic out"
            ) from error

    def _record(self, name: str, kind: _Kind, batch: Batch) -> None:
        trainer, recorder = self.trainer, self.recorder
        assert recorder is not None
        kept = clone_batch(batch)
        try:
            with trainer.arithmetic.on(trainer.device):
                replay, values = recorder.record(
                    lambda: trainer.update(name, kept, kind.draws.again())
                )
        except RuntimeError as error:
            self.recorder = None
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            self.tell(f"CUDA graphs are off: an iteration cannot be recorded ({reason})")
            for optimizer in trainer.optimizers.values():
                optimizer.zero_grad(set_to_none=True)
            return
        kind.batch, kind.replay, kind.values = kept, replay, values


def clone_batch(batch: Batch) -> Batch:
    """A batch with the same content in other memory."""
    values: dict[str, Any] = {key.name: _cloned(getattr(batch, key.name)) for key in fields(Batch)}
    return Batch(**values)


def _cloned(value: Tensor | Batch | None) -> Tensor | Batch | None:
    if isinstance(value, Batch):
        return clone_batch(value)
    return None if value is None else value.clone()


def copy_batch(source: Batch, target: Batch) -> None:
    """Overwrite the tensors of a batch with those of another one of the same shapes."""
    for key in fields(Batch):
        value, place = getattr(source, key.name), getattr(target, key.name)
        if isinstance(value, Batch):
            copy_batch(value, place)
        elif value is not None:
            place.copy_(value)


def no_graphs_because(trainer: Trainer) -> str:
    """Why the iterations of a trainer on CUDA are not recorded; empty if they are."""
    recipe = trainer.recipe
    if not recipe.graphs:
        return "graphs is false"
    if recipe.precision == "fp16":
        return "precision fp16 decides on the CPU how losses are scaled"
    if not trainer.kind(recipe.iterations - 1):
        return "its trainer names no kinds of iteration"
    return ""


def recorder_for(trainer: Trainer) -> Recorder | None:
    """The recorder of a trainer; None if its iterations are computed in eager mode."""
    if trainer.device.type != "cuda" or no_graphs_because(trainer):
        return None
    return CudaRecorder()


def describe_computation(trainer: Trainer) -> str:
    """How a trainer computes, and whether a run of it can be repeated to the bit, in a line."""
    arithmetic, device = trainer.arithmetic, trainer.device.type
    parts = [f"{trainer.model.name} {arithmetic.network}"]
    if len(trainer.networks) > 1:
        parts.append(f"critic {arithmetic.critic}")
    recipe = trainer.recipe
    asked = {recipe.precision, getattr(recipe, "critic_precision", "auto")}
    if "bf16" in asked - {arithmetic.network, arithmetic.critic}:
        parts.append("since this processor has no instructions for bf16")
    if recipe.compile:
        parts.append("compiled")
    if device == "cuda":
        reason = no_graphs_because(trainer)
        parts.append(f"no CUDA graphs ({reason})" if reason else "CUDA graphs")
    repeated = "can be repeated to the bit on machines of one kind"
    if not arithmetic.deterministic:
        repeated = (
            "cannot be repeated to the bit; --deterministic, which is slower, makes that possible"
        )
    return f"computes on {device}: {', '.join(parts)}; the run {repeated}"
