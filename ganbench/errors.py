"""Errors. Every message is one line with the cause, the value and a way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from ganbench.text import shown


class GanbenchError(Exception):
    """Base of all errors of ganbench; the command line prints them and exits with ``exit_code``."""

    exit_code = 2


class BadInput(GanbenchError, ValueError):
    """An input that cannot be used: an unknown name, a missing file, a wrong size."""


class Unsupported(GanbenchError, TypeError):
    """A method does not have the condition or ability that it was asked for."""


class Diverged(GanbenchError, RuntimeError):
    """A training has diverged; its last good checkpoint is kept."""

    exit_code = 1


def unknown(
    kind: str, name: str, known: Iterable[str], aliases: Mapping[str, str] | None = None
) -> BadInput:
    """``BadInput`` for a name that is not in ``known``, with the nearest known name as a hint.

    Args:
        kind: what is named, for example ``"method"``.
        name: the unknown name.
        known: the names that there are.
        aliases: second names of some of them: alias -> name.
    """
    names, name = sorted(known), str(name)
    second = {n: alias for alias, n in (aliases or {}).items() if n in names}
    # The search takes time that grows with the length of the name.
    near = difflib.get_close_matches(name[:100], [*names, *second.values()], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(f"{n} ({second[n]})" if n in second else n for n in names)
    return BadInput(f"unknown {kind}: {shown(name)}; {hint}known: {listed}")
