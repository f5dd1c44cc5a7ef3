"""``state.pt``: everything that a resumed run needs, and the checksum that guards it.

torch writes a zip file, and reads one that other bytes follow: the checksum is appended to it. A file of
a ganbench that had no checksum yet ends with the last record of the zip, and is checked by the checksums
that zip keeps for each of its parts.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from ganbench.errors import BadInput
from ganbench.storage.store import replacing
from ganbench.training.folder import SCHEDULE, STATE, read_card
from ganbench.training.recipe import Recipe
from ganbench.training.schedule import Choice, Schedule

# What ``torch.load`` and the conversions below raise for damaged bytes.
_DAMAGE = (
    OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, EOFError, UnpicklingError,
)  # fmt: skip

_MAGIC = b"ganbench"
_SIZE = len(_MAGIC) + hashlib.sha256().digest_size

# First bytes and length of the last record of a zip file without a comment.
_END, _END_SIZE = b"PK\x05\x06", 22


@dataclass
class Window:
    """Sums of the logged scalars since the last log line.

    Attributes:
        iteration, seconds: iterations and training seconds at that line.
        sums, counts: of each scalar, its sum and how many iterations had it.
    """

    iteration: int = 0
    seconds: float = 0.0
    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add the scalars of one iteration, whose tensors the next iteration may overwrite."""
        for key, value in values.items():
            before = self.sums.get(key)
            self.sums[key] = value.clone() if before is None else before.to(value.device) + value
            self.counts[key] = self.counts.get(key, 0) + 1

    def means(self) -> dict[str, float]:
        """Mean of each scalar."""
        return {key: float(total) / self.counts[key] for key, total in self.sums.items()}


@dataclass
class State:
    """What ``state.pt`` holds.

    Attributes:
        trainer: result of ``Trainer.state_dict``.
        done, seconds: iterations done, and the seconds that they took.
        window: sums for the log line that is not written yet.
        schedule: learning rates of the run so far.
    """

    trainer: dict[str, Any]
    done: int
    seconds: float
    window: Window
    schedule: Schedule

    def write(self, folder: Path) -> None:
        """Replace the state in a folder, in one step.

        Raises:
            OSError: it cannot be written.
        """
        stored = {
            "trainer": self.trainer,
            "iteration": self.done,
            "seconds": self.seconds,
            "window": vars(self.window),
            SCHEDULE: self.schedule.plain,
        }
        with replacing(folder / STATE) as temporary:
            try:
                with temporary.open("wb") as file:
                    torch.save(stored, file)
            except RuntimeError as error:
                # torch hides the OSError of a full disk behind a RuntimeError.
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from error
                raise
            append_checksum(temporary)

    @classmethod
    def read(cls, folder: Path, card: Mapping[str, Any], recipe: Recipe) -> State:
        """Read the state in a folder.

        Args:
            folder: folder of the run.
            card: card that the run was started with.
            recipe: recipe of the run that goes on.

        Raises:
            BadInput: the file is damaged.
        """
        try:
            check_checksum(folder / STATE)
            stored = torch.load(folder / STATE, map_location="cpu", weights_only=True)
            done, seconds = int(stored["iteration"]), float(stored["seconds"])
            # Before ganbench 0.1.0 a state held no window: it was written at log lines only.
            window = Window(**stored.get("window", {"iteration": done, "seconds": seconds}))
            length = int(card.get("recipe", {}).get("iterations", recipe.iterations))
            schedule = Schedule.read(recipe, stored.get(SCHEDULE), length)
            return cls(stored["trainer"], done, seconds, window, schedule)
        except BadInput:
            raise
        except _DAMAGE as error:
            raise BadInput(
                f"cannot resume: state.pt in {folder} is damaged ({type(error).__name__}); "
                "start a new run with another --out"
            ) from error


def resumed_schedule(folder: Path, recipe: Recipe, rate: Choice = "continue") -> Schedule:
    """The learning rates of the run in a folder, if it were resumed with a recipe.

    Raises:
        BadInput: there is nothing to resume, or it is damaged.
    """
    state = State.read(folder, read_card(folder), recipe)
    return state.schedule.lengthened(state.done, rate)[0]


def append_checksum(path: Path) -> None:
    """Append the checksum of a file to the file."""
    digest = _digest(path, path.stat().st_size)
    with path.open("ab") as file:
        file.write(_MAGIC + digest)


def check_checksum(path: Path) -> None:
    """Check that a state holds the bytes that were written.

    Raises:
        BadInput: it does not.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _SIZE))
        tail = file.read()
    if tail.startswith(_MAGIC) and len(tail) == _SIZE:
        whole = _digest(path, size - _SIZE) == tail[len(_MAGIC) :]
    else:
        whole = tail[-_END_SIZE:].startswith(_END) and _zip_is_whole(path)
    if not whole:
        raise BadInput(
            f"cannot resume: {path.name} in {path.parent} is damaged (its checksum is another one); "
            "start a new run with another --out, or from the last checkpoint with --init"
        )


def _digest(path: Path, size: int) -> bytes:
    """sha256 of the first ``size`` bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0 and (block := file.read(min(size, 1 << 20))):
            digest.update(block)
            size -= len(block)
    return digest.digest()


def _zip_is_whole(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as file:
            return file.testzip() is None
    except Exception:  # damaged bytes raise errors of any type
        return False
