"""JSON and TOML of bounded depth and size, with numbers of a bounded range."""

from __future__ import annotations

import json
import math
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from ganbench.parsing.files import TEXT, Refused, read_text, size, why
from ganbench.text import clipped, shown

# Largest number of levels of a tree; files of ganbench have fewer than ten.
DEPTH = 32

# Values in a tree; each takes up to 100 bytes of memory.
VALUES = 6_000_000

# JSON and TOML promise integers of 64 bits. Floats of more than DIGITS digits say nothing more.
INTEGER, DIGITS = 2**63, 400

# Bytes of a TOML file, and characters of its lines: the parser takes time that grows with the square of
# the parts of a dotted key, which stand in one line. Recipes have 8 kB, in lines of at most 120.
SMALL, LINE = 256 << 10, 8 << 10


def read_json(path: str | os.PathLike[str], most: int = TEXT, kind: type[Any] | None = None) -> Any:
    """The value in a JSON file.

    Raises:
        Refused: see ``read_text`` and ``parse_json``.
    """
    return parse_json(read_text(path, most), kind=kind)


def parse_json(text: str, constants: bool = False, kind: type[Any] | None = None) -> Any:
    """The value of a JSON text.

    Args:
        text: at most as large as ``TEXT``.
        constants: allow NaN and infinity, which are not JSON; logs of trainings may hold them.
        kind: type that the value must have, ``dict`` or ``list``.

    Raises:
        Refused: the text is no JSON, is nested too deeply or has too many values; a key stands twice
            in a table; a number is out of range.
    """
    _check_nesting(text)
    try:
        value = json.loads(
            text,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=float if constants else _constant,
            object_pairs_hook=_table,
        )
    except Refused:
        raise
    except (ValueError, RecursionError, MemoryError) as error:
        raise Refused(f"it is no JSON: {why(error)}") from error
    if kind is not None and not isinstance(value, kind):
        raise Refused(f"it holds no {'table' if kind is dict else kind.__name__}")
    return value


def lines_of_json(text: str) -> Iterable[dict[str, Any]]:
    """The tables of a text with one JSON table a line; lines without a table are left out.

    The last line of a log may be torn. NaN and infinity are allowed: a training that fails logs them.
    """
    for line in text.splitlines():
        with suppress(Refused):
            yield parse_json(line, constants=True, kind=dict)


def parse_toml(text: str) -> dict[str, Any]:
    """The table of a TOML text of at most ``SMALL`` characters.

    Raises:
        Refused: the text is no TOML, is too large or nested too deeply; a number is out of range.
    """
    if len(text) > SMALL:
        raise Refused(f"it has more than {size(SMALL)}")
    if any(len(line) > LINE for line in text.splitlines()):
        raise Refused(f"a line has more than {LINE:,} characters")
    try:
        value = tomllib.loads(text)
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise Refused(f"it is no TOML: {why(error)}") from error
    _check_tree(value)
    return value


def need(table: Any, kinds: dict[str, type[Any] | tuple[type[Any], ...]]) -> None:
    """Check that a table has keys with values of these types; a bool does not count as a number.

    Raises:
        Refused: a key is missing or has a value of another type; the message names the first.
    """
    if not isinstance(table, dict):
        raise Refused(f"no table but {shown(table, 40)}")
    for key, kind in kinds.items():
        types = kind if isinstance(kind, tuple) else (kind,)
        value = table.get(key)
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            names = " or ".join(one.__name__ for one in types)
            raise Refused(f"{key!r} is missing or no {names}")


def _check_nesting(text: str) -> None:
    """Check the depth and the size of the tree of a JSON text before the tree is built.

    Raises:
        Refused: the tree is deeper than ``DEPTH``, or has more than ``VALUES`` values.
    """
    if text.count(",") + text.count("[") + text.count("{") > VALUES:
        raise Refused(f"it has more than {VALUES:,} values")
    if text.count("[") + text.count("{") <= DEPTH:
        return
    import numpy as np

    unescaped = re.sub(r"\\.", "", text, flags=re.DOTALL) if "\\" in text else text
    codes = np.frombuffer(unescaped.encode("utf-8", "replace"), np.uint8)
    in_string = np.logical_xor.accumulate(codes == ord('"'))
    steps = np.zeros(256, np.int8)
    steps[[ord("["), ord("{")]], steps[[ord("]"), ord("}")]] = 1, -1
    brackets = steps[codes[~in_string]]
    depth = int(np.cumsum(brackets[brackets != 0], dtype=np.int64).max(initial=0))
    if depth > DEPTH:
        raise Refused(f"it is nested in {depth:,} levels, more than {DEPTH}")


def _check_tree(value: Any) -> None:
    """Check the depth of a tree that a parser has built, and the range of its integers.

    Raises:
        Refused: the tree is deeper than ``DEPTH``, or an integer is out of range.
    """
    level: list[Any] = [value]
    for _ in range(DEPTH + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list | tuple):
                below += item
            elif isinstance(item, int) and not isinstance(item, bool):
                _check_integer(item)
        if not below:
            return
        level = below
    raise Refused(f"it is nested in more than {DEPTH} levels")


def _check_integer(value: int) -> int:
    if not -INTEGER <= value < INTEGER:
        raise Refused(f"a number out of range: {shown(value, 30)}")
    return value


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise Refused(f"a number of {len(digits):,} digits: {clipped(digits, 30)}")
    return _check_integer(int(digits))


def _float(digits: str) -> float:
    if len(digits) > DIGITS:
        raise Refused(f"a number of {len(digits):,} digits: {clipped(digits, 30)}")
    value = float(digits)
    if math.isinf(value):
        raise Refused(f"a number out of range: {clipped(digits, 30)}")
    return value


def _constant(name: str) -> float:
    raise Refused(f"it holds {name}, which is no number of JSON")


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        repeated, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise Refused(f"a key stands twice: {shown(repeated)}")
    return table
