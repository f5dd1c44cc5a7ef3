"""Typed errors. Every message is one line: the cause, the offending value and the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ganbench.text import shown


class GanbenchError(Exception):
    """Anything ganbench raises on purpose; the command line prints it and exits with ``exit_code``."""

    exit_code = 2


class BadInput(GanbenchError, ValueError):
    """What the user gave cannot be used: an unknown name, a missing file, a wrong size."""


class Unsupported(GanbenchError, TypeError):
    """A method was asked for a condition or ability it does not have."""


class Diverged(GanbenchError, RuntimeError):
    """A training run left the region where going on makes sense; its last good checkpoint is kept."""

    exit_code = 1


def unknown(kind: str, name: str, known: Iterable[str]) -> BadInput:
    """``BadInput`` for a name that is not in ``known``, with the nearest known names as a hint."""
    names, name = sorted(known), str(name)
    # The search for near names takes time that grows with their length.
    near = difflib.get_close_matches(name[:100], names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return BadInput(f"unknown {kind}: {shown(name)}; {hint}known: {', '.join(names)}")
