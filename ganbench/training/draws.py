"""The random numbers of a training step: drawn on the CPU before the step, read on the device in it.

A step that drew its numbers itself would have to copy each of them to the GPU and wait. The numbers are
therefore drawn into one buffer of pinned memory, which is copied in the background, and a step takes its
numbers from the copy, in the order in which they were drawn. Which numbers a step needs is recorded when
a step of its kind is computed for the first time.

The generators are those of ``ganbench.seeds``, on the CPU: the numbers are equal on all devices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Kind = Literal["rand", "randn", "randperm"]

# Numbers of one request begin at a multiple of this number of bytes, which suits all types.
ALIGNMENT = 16


class Request(NamedTuple):
    """Random numbers that a step asks for.

    Attributes:
        kind: torch's name of the function that draws them.
        shape: their shape; for "randperm" the length of the permutation.
    """

    kind: Kind
    shape: tuple[int, ...]

    @property
    def dtype(self) -> torch.dtype:
        """int64 for a permutation, else float32."""
        return torch.int64 if self.kind == "randperm" else torch.float32

    @property
    def bytes(self) -> int:
        """Size of the numbers, in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def draw(self, generator: torch.Generator, out: Tensor | None = None) -> Tensor:
        """The next numbers of a generator on the CPU, in ``out`` if it is given."""
        if self.kind == "randperm":
            return torch.randperm(self.shape[0], generator=generator, out=out)
        draw = torch.rand if self.kind == "rand" else torch.randn
        return draw(self.shape, generator=generator, out=out)


class Draws:
    """Random numbers of one step, on the device of the step.

    This class draws each of them when it is asked for. ``requests`` are those made so far.

    Args:
        generator: a CPU generator, for this step alone.
        device: where the numbers are needed.
    """

    def __init__(self, generator: torch.Generator, device: torch.device | str = "cpu") -> None:
        self.generator, self.device = generator, device
        self.requests: list[Request] = []

    def rand(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), float32."""
        return self._take(Request("rand", shape))

    def randn(self, *shape: int) -> Tensor:
        """Standard normal numbers, float32."""
        return self._take(Request("randn", shape))

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform numbers in [low, high), float32."""
        return low + (high - low) * self.rand(*shape)

    def randperm(self, n: int) -> Tensor:
        """A random permutation of 0 .. n - 1, int64 [n]."""
        return self._take(Request("randperm", (n,)))

    def _take(self, request: Request) -> Tensor:
        self.requests.append(request)
        return request.draw(self.generator).to(self.device)


@dataclass
class _Slot:
    """A host buffer, its parts, and the event after which its last copy has been read."""

    buffer: Tensor
    parts: list[Tensor]
    copied: torch.cuda.Event | None = None


class DrawBuffer:
    """The numbers of all steps of one kind, which make the same requests.

    Args:
        requests: requests of a step, in order.
        device: device of the step.
    """

    SLOTS = 3
    """Number of host buffers: the next numbers are drawn while the copies of earlier ones may wait."""

    def __init__(self, requests: list[Request], device: torch.device) -> None:
        self.requests = requests
        starts, size = [], 0
        for request in requests:
            starts.append(size)
            size += -(-request.bytes // ALIGNMENT) * ALIGNMENT

        def parts(buffer: Tensor) -> list[Tensor]:
            return [
                buffer[start : start + request.bytes].view(request.dtype).view(request.shape)
                for start, request in zip(starts, requests, strict=True)
            ]

        self._asynchronous = device.type == "cuda"
        hosts = [
            torch.empty(size, dtype=torch.uint8, pin_memory=self._asynchronous)
            for _ in range(self.SLOTS if self._asynchronous else 1)
        ]
        self._slots = [_Slot(host, parts(host)) for host in hosts]
        self._next = 0
        # A step on the CPU reads the host buffer itself.
        self._buffer = (
            hosts[0] if device.type == "cpu" else torch.empty_like(hosts[0], device=device)
        )
        self._parts = parts(self._buffer)

    def fill(self, generator: torch.Generator) -> None:
        """Draw the numbers of a step and send them to the device; does not wait for the copy."""
        slot = self._slots[self._next]
        self._next = (self._next + 1) % len(self._slots)
        if slot.copied is not None:
            slot.copied.synchronize()
        for request, part in zip(self.requests, slot.parts, strict=True):
            request.draw(generator, part)
        if self._buffer is not slot.buffer:
            self._buffer.copy_(slot.buffer, non_blocking=True)
        if self._asynchronous:
            slot.copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            slot.copied.record()

    def draws(self) -> BufferedDraws:
        """The numbers that ``fill`` sent, from the first on."""
        return BufferedDraws(self.requests, self._parts)


class BufferedDraws(Draws):
    """Random numbers that are on the device already; they must be asked for in the recorded order."""

    def __init__(self, requests: list[Request], parts: list[Tensor]) -> None:
        self.requests, self._parts, self._taken = requests, parts, 0

    def _take(self, request: Request) -> Tensor:
        taken = self._taken
        if taken >= len(self.requests) or self.requests[taken] != request:
            raise RuntimeError(
                f"a step asked for other random numbers than the first of its kind: {request}; "
                "steps whose requests differ need different kinds, see Trainer.kind"
            )
        self._taken += 1
        return self._parts[taken]


class RepeatedDraws:
    """The numbers of computations that all make the same requests.

    Args:
        device: where the numbers are needed.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._first: Draws | None = None
        self._buffer: DrawBuffer | None = None

    def next(self, generator: torch.Generator) -> Draws:
        """The numbers of the next computation; those of the first one are drawn as it goes.

        Args:
            generator: a CPU generator, for this computation alone.
        """
        if self._first is None:
            self._first = Draws(generator, self.device)
            return self._first
        if self._buffer is None:
            self._buffer = DrawBuffer(self._first.requests, self.device)
        self._buffer.fill(generator)
        return self._buffer.draws()

    def again(self) -> Draws:
        """The numbers that ``next`` returned last, from the first on; not those of the first computation."""
        assert self._buffer is not None
        return self._buffer.draws()
