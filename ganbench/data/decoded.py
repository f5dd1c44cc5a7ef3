"""The pictures of a data set, decoded once into one file of the cache.

The file holds uint8 [N, 3, S, S] at the size of the network. Its key covers everything that the pixels depend
on: the fingerprint of the data (content of the files, size, framing, order), the times of the files where the
fingerprint takes samples of them, and the code that reads pictures.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import shutil
import signal
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganbench.data.dataset import Dataset
from ganbench.data.files import cores, work_alone
from ganbench.errors import BadInput
from ganbench.stopwatch import Progress
from ganbench.storage import rows_file, upkeep
from ganbench.storage.root import cache_root
from ganbench.storage.rows_file import RowsFile
from ganbench.storage.state import identity
from ganbench.storage.store import touch

# Pictures that a process decodes before it reports: a tenth of a second of work.
SLICE = 128
# Pictures that are written at once: those of 128 px then stay in the processor's cache meanwhile.
BLOCK = 16


def bytes_of(dataset: Dataset) -> int:
    """Bytes of all pixels of a data set in 8 bits a channel."""
    return len(dataset) * row_bytes(dataset)


def row_bytes(dataset: Dataset) -> int:
    """Bytes of the pixels of one image in 8 bits a channel."""
    return 3 * dataset.size * dataset.size


def key_of(dataset: Dataset) -> dict[str, Any]:
    """What the pixels of a data set depend on."""
    return {
        "kind": "pictures",
        "name": dataset.name,
        "split": dataset.split,
        "size": dataset.size,
        "framing": dataset.framing,
        "images": len(dataset),
        "data": dataset.fingerprint,
        "files": dataset.stamp,
        "read by": identity(*dataset.read_by()),
    }


def find(dataset: Dataset) -> RowsFile | None:
    """The file of a data set's pictures, if the cache has it; it counts as used now."""
    found = RowsFile.open(_path(dataset))
    if found is None or found.rows.shape != (len(dataset), row_bytes(dataset)):
        return None
    touch(found.path)
    return found


def no_room(dataset: Dataset) -> str:
    """Why the cache has no room for a data set's pictures, in words; empty if it has."""
    needed, limit = bytes_of(dataset), upkeep.current_limit()
    size = upkeep.show_size(needed)
    if (held := upkeep.in_use()) + needed > limit:
        others = f" beside {upkeep.show_size(held)} in use" if held else ""
        return f"{size} of decoded pictures exceed the limit of the cache of {upkeep.show_size(limit)}{others}"
    place = _path(dataset).parent
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError:
        return ""  # writing tells what is wrong
    if needed > free:
        return f"{size} of decoded pictures do not fit into {upkeep.show_size(free)} of free disk"
    return ""


def ensure(dataset: Dataset, progress: Progress | None = None) -> RowsFile:
    """The file of a data set's pictures, built by all cores if the cache lacks it.

    Two processes that ask at once both build; the file of the last to finish stays, and both are complete.

    Args:
        dataset: its ``byte_images`` are exact (``Dataset.eight_bits``).
        progress: called with (pictures done, pictures in total).

    Raises:
        BadInput: the cache has no room (``no_room``) or cannot be written, or a picture cannot be decoded.
    """
    if (found := find(dataset)) is not None:
        return found
    if reason := no_room(dataset):
        raise BadInput(
            f"{reason}; raise {upkeep.LIMIT}, make room with 'ganbench cache prune', or train with "
            "--images files"
        )
    path = _path(dataset)
    rows_file.write(
        path,
        key_of(dataset),
        len(dataset),
        row_bytes(dataset),
        lambda temporary: _fill(dataset, temporary, progress),
    )
    built = RowsFile.open(path)
    if built is None:
        raise BadInput(
            f"cannot use the cache: {path} was removed while it was built; start again, or train with "
            "--images files"
        )
    upkeep.keep_limit()
    return built


def slices(count: int) -> list[range]:
    """Consecutive ranges of ``SLICE`` numbers, the last one shorter, that cover ``range(count)``."""
    return [range(start, min(start + SLICE, count)) for start in range(0, count, SLICE)]


def pixels_of(dataset: Dataset, rows: range | NDArray[np.int64]) -> NDArray[np.uint8]:
    """uint8 [n, 3, S, S] of some rows of a data set whose ``byte_images`` are exact."""
    pixels = dataset.byte_images(np.asarray(rows, np.int64))
    assert pixels is not None  # the data set has exact pixels
    return pixels.numpy()


def _path(dataset: Dataset) -> Path:
    return rows_file.path_of(cache_root() / "pictures", key_of(dataset))


def _fill(dataset: Dataset, path: Path, progress: Progress | None) -> NDArray[np.uint64]:
    """Decode all rows into a file; the checksum of each row."""
    sums, done = np.empty(len(dataset), np.uint64), 0
    for part, found in _work(dataset, path):
        sums[part.start : part.stop] = found
        done += len(part)
        if progress is not None:
            progress(done, len(dataset))
    return sums


def _work(dataset: Dataset, path: Path) -> Iterator[tuple[range, NDArray[np.uint64]]]:
    """Slices of a data set that were decoded into a file, with their checksums, as they get ready."""
    parts = slices(len(dataset))
    # A forked process has the data set at once. A new one would import torch and read the lists again, which
    # takes as long as to decode 4,000 pictures. macOS's libraries do not survive a fork: threads decode there.
    forks = sys.platform == "linux" and "fork" in multiprocessing.get_all_start_methods()
    workers = min(cores(), len(parts))
    if dataset.in_memory or not forks or workers < 2:
        for part in parts:
            yield part, _decode(dataset, path, part)
        return
    Image.init()  # its modules: a process that is forked while another thread imports one would wait for it
    # Threads share the interpreter, which a third of the work needs: two processes are faster than two threads.
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads. Children only read, decode and write.
        warnings.simplefilter("ignore", DeprecationWarning)
        pool = ProcessPoolExecutor(
            workers, multiprocessing.get_context("fork"), _begin, (dataset, path, os.getpid())
        )
        try:
            waiting: dict[Future[NDArray[np.uint64]], range] = {}
            for part in parts:
                waiting[pool.submit(_part, part)] = part
                if len(waiting) < 4 * workers:
                    continue
                for done in wait(waiting, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(done), done.result()
            while waiting:
                for done in wait(waiting, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(done), done.result()
        except BrokenProcessPool as error:
            raise BadInput(
                f"a process that decoded pictures of {dataset.name} was killed, perhaps for want of memory; "
                "start again, or train with --images files"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


# The request of Linux's prctl(2) that names the signal at the death of the parent.
_PR_SET_PDEATHSIG = 1

# What a worker process decodes, and into which file.
_task: tuple[Dataset, Path] | None = None


def _begin(dataset: Dataset, path: Path, parent: int) -> None:
    """Prepare a worker process: Ctrl-C is the parent's, and other processes use the other cores.

    The process ends when its parent does: one that waits for work of a parent that was killed waits for ever.
    """
    global _task
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work_alone()
    _task = dataset, path


def _part(part: range) -> NDArray[np.uint64]:
    assert _task is not None  # the process was begun
    return _decode(*_task, part)


def _decode(dataset: Dataset, path: Path, part: range) -> NDArray[np.uint64]:
    """Decode a slice into a file; the checksum of each row."""
    sums = np.empty(len(part), np.uint64)
    with path.open("r+b") as file:
        for start in range(0, len(part), BLOCK):
            rows = part[start : start + BLOCK]
            pixels = np.ascontiguousarray(pixels_of(dataset, rows)).reshape(len(rows), -1)
            written = os.pwrite(file.fileno(), pixels.data, rows.start * pixels.shape[1])
            if written != pixels.nbytes:
                raise OSError(f"only {written} of {pixels.nbytes} bytes were written")
            sums[start : start + len(rows)] = rows_file.checksums(pixels)
    return sums
