"""A lock file, by which one process at a time writes in a folder.

The file names its owner, a process that holds the file open under ``flock``. The kernel releases the lock
when the process ends, however it ends. Therefore, if the lock can be taken, its owner has ended, even if
another process has the same number now. This is certain on one machine only: a file system that several
machines share may not share its locks. A file that another machine wrote is therefore not taken over, and
the message says how to remove it.
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

# Other systems have no ``flock``; there the number of the owner decides.
fcntl: Any = import_module("fcntl") if os.name == "posix" else None

NAME = "run.lock"


@dataclass(frozen=True)
class Owner:
    """A process.

    Attributes:
        host: name of the machine.
        boot: identifier of the last start of the machine; empty if unknown.
        pid: number of the process.
        born: time when it began, in ticks of the kernel since the start of the machine; empty if unknown.
        started: time when it took the lock, in words.
        launch: the launch of ``torchrun`` that it belongs to; empty without one.
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
        """The owner in the text of a lock file; None if there is none."""
        try:
            found = json.loads(text)
            values = {key: str(found[key]) for key in ("host", "boot", "born", "started", "launch")}
            return cls(pid=int(found["pid"]), **values)
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    @property
    def gone(self) -> bool:
        """Whether it has certainly ended: its machine was started again, or another process has its number."""
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
    """The right of this process alone to write in a folder.

    Args:
        folder: an existing folder.
        what: what is done there, for messages: "training".
        launch: the launch of ``torchrun`` that this process belongs to, if any.
        again: whether torchrun may have started the processes of this launch again, perhaps on another
            machine; then it has ended the old owner.

    Raises:
        BadInput: another process has the lock, or a process of another machine had it.
    """

    def __init__(
        self, folder: Path, what: str, launch: str | None = None, again: bool = False
    ) -> None:
        self.path = folder / NAME
        self._file = -1
        self.busy = False
        """Whether this process may not take the lock a second time."""
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
        """Whether this object still has the lock."""
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
        """Refuse a lock that ``flock`` gave although its owner may be alive."""
        if owner is None or (again and owner.launch and owner.launch == me.launch):
            return
        # If flock works, a former owner on this machine has ended.
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
        """Whether the open file still has the name of the lock file."""
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        here = os.fstat(file)
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def beat(self) -> None:
        """Update the time of the file, as a sign of life for users of other machines."""
        with suppress(OSError):
            os.utime(self.path)

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        if not self.held:
            return
        if self._same(self._file):
            with suppress(OSError):
                self.path.unlink()
        os.close(self._file)
        self._file = -1
        if _held.get(self._place) is self:
            del _held[self._place]


# The locks of this process, which may take a ``flock`` twice.
_held: dict[Path, Lock] = {}


def _flock(file: int) -> bool | None:
    """Whether the file could be locked; None if the file system has no locks."""
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
    """The time when a process began, which tells it from an earlier process of the same number."""
    try:
        # The name of the program stands in parentheses before these fields, and may contain anything.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
