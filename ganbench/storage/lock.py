"""One process at a time in a folder: a lock file that names its owner.

The owner holds the file open under ``flock``, which the kernel takes back when the process ends, however
it ends. So a lock that can be taken is one whose owner is gone, whatever its number has become since.
That is certain on one machine only: a file system that several machines share may keep such locks apart.
A file that another machine wrote is therefore not taken over, and the message says how to remove it.
"""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ganbench.errors import BadInput

# Elsewhere the owner's number has to do.
fcntl: Any = import_module("fcntl") if os.name == "posix" else None

NAME = "run.lock"


@dataclass(frozen=True)
class Owner:
    """A process.

    Attributes:
        host: name of its machine.
        boot: since when that machine runs: an identifier of its kernel's start; empty if unknown.
        pid: its number.
        born: when it began, in the kernel's ticks since that start; empty if unknown.
        started: when it took the lock, in words.
        launch: which launch of ``torchrun`` it belongs to; empty without one.
    """

    host: str
    boot: str
    pid: int
    born: str
    started: str
    launch: str

    @classmethod
    def here(cls, launch: str | None) -> Owner:
        """This process."""
        pid, now = os.getpid(), time.strftime("%Y-%m-%d %H:%M:%S %z")
        return cls(socket.gethostname(), _boot(), pid, _born(pid), now, launch or "")

    @classmethod
    def read(cls, text: str) -> Owner | None:
        """The owner that a lock file names; None if it names none."""
        try:
            found = json.loads(text)
            values = {key: str(found[key]) for key in ("host", "boot", "born", "started", "launch")}
            return cls(pid=int(found["pid"]), **values)
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    @property
    def gone(self) -> bool:
        """Whether it is known to have ended: its machine started again, or its number is another's."""
        if self.host != socket.gethostname():
            return False
        if self.boot and _boot() and self.boot != _boot():
            return True
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError, ValueError):
            return True
        except OSError:
            pass  # another user's process
        born = _born(self.pid)
        return bool(self.born and born and born != self.born)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.started}"


class Lock:
    """The right to write in a folder, for this process alone.

    Args:
        folder: exists.
        what: what is done there, for the message: "training".
        launch: which launch of ``torchrun`` this process belongs to, if any.
        again: whether processes of that launch may have died and been started again, perhaps on another
            machine: torchrun has then ended the old owner.

    Raises:
        BadInput: another process has it, or another machine's process had it.
    """

    def __init__(
        self, folder: Path, what: str, launch: str | None = None, again: bool = False
    ) -> None:
        self.path = folder / NAME
        self._file = -1
        self.busy = False
        """Whether it may not be taken over by this process itself."""
        place = self.path.resolve()
        if (idle := _held.get(place)) is not None:
            if idle.busy:
                raise self._taken(what, f"this process ({os.getpid()}) does so already")
            idle.release()
        self._take(what, Owner.here(launch), again)
        self._place = place
        _held[place] = self

    @property
    def held(self) -> bool:
        """Whether this is still the owner."""
        return self._file >= 0

    def _take(self, what: str, me: Owner, again: bool) -> None:
        while not self.held:
            try:
                file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            except OSError as error:
                raise BadInput(
                    f"cannot write to: {self.path.parent} ({error.strerror}); choose another --out"
                ) from error
            try:
                locked = _flock(file)
                owner = Owner.read(os.pread(file, 1 << 16, 0).decode(errors="replace"))
                if locked is False:
                    raise self._taken(what, str(owner or "an unknown process"))
                if not self._same(file):
                    continue  # its owner removed it meanwhile
                self._judge(what, owner, me, locked is True, again)
                os.ftruncate(file, 0)
                os.pwrite(file, (json.dumps(asdict(me)) + "\n").encode(), 0)
                self._file, file = file, -1
            except OSError as error:
                raise BadInput(
                    f"cannot write: {self.path} ({error.strerror}); choose another --out"
                ) from error
            finally:
                if file >= 0:
                    os.close(file)

    def _judge(self, what: str, owner: Owner | None, me: Owner, locked: bool, again: bool) -> None:
        """Refuse a lock whose owner may be alive although ``flock`` gave it."""
        if owner is None or (again and owner.launch and owner.launch == me.launch):
            return
        # Where flock works, whoever had the lock on this machine is gone.
        if owner.host == me.host and (locked or owner.gone or owner.pid == me.pid):
            return
        if owner.host == me.host:
            raise self._taken(what, str(owner))
        age = (time.time() - os.stat(self.path).st_mtime) / 60
        raise BadInput(
            f"another machine's {what} may be running in {self.path.parent}: {owner}, its last sign of life "
            f"{max(age, 0):.0f} minutes ago; whether it lives cannot be seen from {me.host}: if it does not, "
            f"remove {self.path}, or else choose another --out"
        )

    def _taken(self, what: str, owner: str) -> BadInput:
        return BadInput(
            f"another {what} is running in {self.path.parent}: {owner}; wait for it or stop it, or choose "
            "another --out"
        )

    def _same(self, file: int) -> bool:
        """Whether the open file is still the one of that name."""
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        here = os.fstat(file)
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def beat(self) -> None:
        """Leave a sign of life, for people on other machines."""
        with suppress(OSError):
            os.utime(self.path)

    def release(self) -> None:
        """Give the lock back; a second time does nothing."""
        if not self.held:
            return
        if self._same(self._file):
            with suppress(OSError):
                self.path.unlink()
        os.close(self._file)
        self._file = -1
        if _held.get(self._place) is self:
            del _held[self._place]


# What this process holds: a file's flock does not tell two of its own users apart.
_held: dict[Path, Lock] = {}


def _flock(file: int) -> bool | None:
    """Whether it was locked; None where the file system knows no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _born(pid: int) -> str:
    """When a process began; a number that was given again began later."""
    try:
        # The name of the program, in parentheses, may hold anything.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
