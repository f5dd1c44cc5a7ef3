"""Where the images of a training come from: files, a file of decoded pixels, memory, or the GPU.

All places give the same bytes. A batch is fetched in two steps: ``fetch`` works on the CPU, in a thread beside
the training, and ``land`` starts copies and kernels on the device, in the thread of the training.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data import decoded
from ganbench.data.dataset import Dataset
from ganbench.data.files import cores, work_alone
from ganbench.distributed import neighbours
from ganbench.errors import BadInput, unknown
from ganbench.methods.memory import free_memory
from ganbench.stopwatch import Progress
from ganbench.storage.rows_file import RowsFile
from ganbench.storage.upkeep import show_size

CHOICES = ("auto", "disk", "memory", "device", "files")
# The share of the free memory, of the machine or of a GPU, that "auto" gives to the pixels.
SHARE = 0.5
# Batches that each process decodes ahead, with "files".
AHEAD = 2
# Batches whose rows the system is asked to read from the disk before they are needed, with "disk".
READ_AHEAD = 16

Rows = NDArray[np.int64]


class Images(ABC):
    """The images of a data set, in one place.

    Attributes:
        where: the place: "files", "disk", "memory" or "device".
        note: what a user should know about it; may be empty.
    """

    where = "files"
    note = ""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    @abstractmethod
    def fetch(self, rows: Rows) -> Tensor:
        """What ``land`` needs for the images of some rows, on the CPU."""

    def land(self, fetched: Tensor, device: torch.device) -> Tensor:
        """Images float32 [n, 3, S, S] in [0, 1] on a device, from what ``fetch`` gave."""
        return to_float(fetched.to(device, non_blocking=True))

    def serve(self, batches: Iterator[Rows]) -> Iterator[Tensor]:
        """``fetch`` of one batch after the other, perhaps some batches ahead."""
        return map(self.fetch, batches)

    def __str__(self) -> str:
        size = f"{len(self.dataset):,} of {self.dataset.size} px"
        text = f"images: {self.where}, {size}, {show_size(decoded.bytes_of(self.dataset))}"
        return f"{text}; {self.note}" if self.note else text


class Floats(Images):
    """Images of a data set that are not 8-bit pixels, as it gives them: float32, whose bits stay."""

    note = "their data set has no 8-bit pixels"

    def fetch(self, rows: Rows) -> Tensor:
        return self.dataset.images(rows)


class Opened(Images):
    """Pixels that the data set has kept in memory since it was opened."""

    where = "memory"
    note = "decoded when they were opened"

    def fetch(self, rows: Rows) -> Tensor:
        return torch.from_numpy(decoded.pixels_of(self.dataset, rows))


class Mapped(Images):
    """Pixels in a file of the cache, which is mapped into memory.

    A damaged row is decoded from its file again.
    """

    where = "disk"

    def __init__(self, dataset: Dataset, file: RowsFile) -> None:
        super().__init__(dataset)
        self.file = file
        self.note = f"file {file.path}"

    def fetch(self, rows: Rows) -> Tensor:
        pixels = np.empty((len(rows), 3, self.dataset.size, self.dataset.size), np.uint8)
        for k in self.file.take(rows, pixels.reshape(len(rows), -1)):
            pixels[k] = decoded.pixels_of(self.dataset, rows[k : k + 1])[0]
        return torch.from_numpy(pixels)

    def serve(self, batches: Iterator[Rows]) -> Iterator[Tensor]:
        coming: deque[Rows] = deque()
        for rows in batches:
            self.file.will_need(rows)
            coming.append(rows)
            if len(coming) > READ_AHEAD:
                yield self.fetch(coming.popleft())
        yield from map(self.fetch, coming)


class Memory(Images):
    """Pixels in an array in memory, or in the memory of a GPU.

    Args:
        dataset: whose they are.
        pixels: uint8 [N, 3, S, S] of all its images.
    """

    where = "memory"

    def __init__(self, dataset: Dataset, pixels: Tensor) -> None:
        super().__init__(dataset)
        self.pixels = pixels

    def fetch(self, rows: Rows) -> Tensor:
        return self.pixels.index_select(0, torch.from_numpy(rows))


class OnDevice(Memory):
    """Pixels in the memory of a GPU, where batches are gathered."""

    where = "device"

    def fetch(self, rows: Rows) -> Tensor:
        return torch.from_numpy(rows)

    def land(self, fetched: Tensor, device: torch.device) -> Tensor:
        return to_float(self.pixels.index_select(0, fetched.to(device, non_blocking=True)))


class Files(Images):
    """Pixels that processes decode from their files, each time anew."""

    def fetch(self, rows: Rows) -> Tensor:
        return torch.from_numpy(decoded.pixels_of(self.dataset, rows))

    def serve(self, batches: Iterator[Rows]) -> Iterator[Tensor]:
        from torch.utils.data import DataLoader

        loader: DataLoader[Any] = DataLoader(
            _Decoder(self.dataset),  # type: ignore[arg-type]
            batch_size=None,
            sampler=batches,
            num_workers=max(1, cores() // neighbours()),
            collate_fn=_as_it_is,
            worker_init_fn=_work_alone,
            prefetch_factor=AHEAD,
            # Otherwise it draws from the global generator, and the training would draw other numbers.
            generator=torch.Generator(),
        )
        return map(_unpacked, iter(loader))


@dataclass
class _Decoder:
    """What a process of ``Files`` is asked for. Arrays go through a pipe: containers often lack shared memory."""

    dataset: Dataset

    def __getitem__(self, rows: Rows) -> NDArray[np.uint8] | BadInput:
        try:
            return decoded.pixels_of(self.dataset, rows)
        except BadInput as error:  # the DataLoader would add a traceback to its message
            return BadInput(str(error))


def _unpacked(batch: NDArray[np.uint8] | BadInput) -> Tensor:
    if isinstance(batch, BadInput):
        raise batch
    return torch.from_numpy(batch)


def _as_it_is(batch: Any) -> Any:
    return batch


def _work_alone(worker: int) -> None:
    work_alone()


def choose(
    asked: str,
    dataset: Dataset,
    device: torch.device,
    wanted: int,
    progress: Progress | None = None,
) -> Images:
    """Open the images of a training in the place that the user asks for.

    "auto" takes the first of these that holds:

    1. a data set that is not of 8-bit pixels gives its images itself;
    2. a GPU whose free memory holds all pixels in a ``SHARE`` of it keeps them; a data set whose pixels
       were decoded when it was opened (``TableDataset``: below 1 GiB) otherwise serves them from memory.
       Nothing is built for either;
    3. a larger data set is read from its files if the run reads fewer images than it has, so that decoding
       all of them would take longer, or if there is no room for its pixels, neither in the cache nor in
       a ``SHARE`` of the free memory;
    4. else its pixels are decoded into the cache, unless they are there, and used on a GPU or in memory
       where they fit into a ``SHARE`` of it, else from the file.

    Args:
        asked: one of ``CHOICES``.
        dataset: the training images.
        device: device of the training.
        wanted: number of images that this process reads in the run.
        progress: called with (pictures done, pictures in total) while they are decoded or copied.

    Raises:
        BadInput: an unknown choice, a place that these images or this machine do not allow, or a
            picture that cannot be decoded.
    """
    if asked not in CHOICES:
        raise unknown("place of images", asked, CHOICES)
    if not dataset.eight_bits:
        if asked not in ("auto", "files"):
            raise BadInput(
                f"the images of {dataset.name} are not 8-bit pixels, which --images {asked} needs; use "
                "--images files"
            )
        return Floats(dataset)
    if asked == "files":
        return Files(dataset)
    if asked == "disk":
        return Mapped(dataset, decoded.ensure(dataset, progress))
    if asked == "device" and device.type == "cpu":
        raise BadInput("a CPU has no memory of its own for --images device; use --images memory")
    room, needed = _room(device), decoded.bytes_of(dataset)
    if asked != "auto":
        if needed > room[asked]:
            raise BadInput(
                f"{show_size(needed)} of pixels do not fit into {show_size(room[asked])} of free memory; "
                f"use --images disk instead of {asked}"
            )
    else:
        fits = [place for place in ("device", "memory") if needed <= SHARE * room[place]]
        asked = "memory" if dataset.in_memory else "disk"
        if not dataset.in_memory:
            why = _useless(dataset, wanted, bool(fits))
            if why:
                files = Files(dataset)
                files.note = why
                return files
        asked = fits[0] if fits else asked
    if asked == "disk":
        return Mapped(dataset, decoded.ensure(dataset, progress))
    if asked == "memory" and dataset.in_memory:
        return Opened(dataset)
    return _copied(asked, dataset, device, progress)


def _room(device: torch.device) -> dict[str, int]:
    """Bytes of free memory for the pixels of this process, by place."""
    room = {"memory": free_memory() // neighbours(), "device": 0}
    if device.type == "cuda":
        room["device"] = torch.cuda.mem_get_info(device)[0]
    elif device.type != "cpu":  # it shares the machine's memory, or does not tell
        room["device"] = room["memory"]
    return room


def _useless(dataset: Dataset, wanted: int, fits: bool) -> str:
    """Why it does not pay to decode a data set that is not in memory; empty if it does, or is done."""
    if decoded.find(dataset) is not None:
        return ""
    if wanted < len(dataset):
        return f"this run reads {wanted:,} of them, fewer than there are"
    return "" if fits else decoded.no_room(dataset)


def _copied(
    where: str, dataset: Dataset, device: torch.device, progress: Progress | None
) -> Memory:
    """The pixels of a data set in memory or on a device, from the cache if it has or can have them."""
    source: Images = Opened(dataset) if dataset.in_memory else Files(dataset)
    if not dataset.in_memory and (decoded.find(dataset) or not decoded.no_room(dataset)):
        source = Mapped(dataset, decoded.ensure(dataset, progress))
    place = torch.device("cpu") if where == "memory" else device
    shape = (len(dataset), 3, dataset.size, dataset.size)
    pixels = torch.empty(shape, dtype=torch.uint8, device=place)
    for part in decoded.slices(len(dataset)):
        pixels[part.start : part.stop] = source.fetch(np.arange(part.start, part.stop))
        if progress is not None:
            progress(part.stop, len(dataset))
    return (Memory if where == "memory" else OnDevice)(dataset, pixels)


def to_float(pixels: Tensor) -> Tensor:
    """Pixels as float32 in [0, 1]; a tensor that is float already stays as it is.

    The values have the same bits on all devices: float32(byte) / 255, rounded once.
    """
    if pixels.dtype != torch.uint8:
        return pixels
    # A Python number would be replaced by its reciprocal on CUDA, which rounds twice.
    return pixels.float().div_(torch.full((), 255.0, device=pixels.device))
