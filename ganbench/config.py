"""TOML tables -> frozen dataclasses, with unknown keys and wrong types refused by name."""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from ganbench import parsing
from ganbench.errors import BadInput, unknown
from ganbench.text import clipped, plural, shown

T = TypeVar("T")

# No count, rate, weight or size is larger: beyond it sums of them stop being finite or whole.
LARGEST = 10**12

# The most that a field of this name may be; other sizes of networks are below WIDEST. The time to build
# a network grows with the number of its layers, its memory with the square of their widths.
MOST = {
    "image_size": 4096,
    **dict.fromkeys(
        ("scales", "blocks", "critic_layers", "critic_scales", "bottleneck", "stages"), 64
    ),
}
WIDEST = 65_536


def build(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """An instance of the dataclass ``cls`` from ``table``; missing keys keep their defaults.

    Args:
        cls: a dataclass; its fields may be dataclasses themselves.
        table: keys and values as TOML or JSON give them.
        where: what the table is called in messages, e.g. ``"recipe faces [stargan]"``.

    Raises:
        BadInput: an unknown key (with a hint), a value of the wrong type, a missing required key.
    """
    hints, required = _fields_of(typing.cast(Any, cls))
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in hints:
            raise unknown(f"key in {where}", key, hints)
        hint = hints[key]
        # Results hold millions of values, nearly all of which are right as they are.
        right = hint.takes(value)
        values[key] = value if right else _convert(hint.hint, value, f"{where} {key}")
    if missing := [name for name in required if name not in values]:
        raise BadInput(f"missing key in {where}: {', '.join(missing)}; add it")
    return cls(**values)


@dataclasses.dataclass(frozen=True)
class _Hint:
    """The type of a field, and which values ``_convert`` would give back as they are.

    Attributes:
        hint: the type.
        whole: types whose values all fit.
        numbers: types whose values fit if they are in range.
        words: texts that fit.
    """

    hint: Any
    whole: frozenset[type]
    numbers: frozenset[type]
    words: frozenset[str]

    def takes(self, value: Any) -> bool:
        """Whether a value certainly fits; False asks for a closer look."""
        kind = type(value)
        if kind in self.whole:
            return True
        if kind in self.numbers:
            return bool(-LARGEST <= value <= LARGEST)  # NaN is not
        return kind is str and value in self.words


def _hint_of(hint: Any) -> _Hint:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    kind: Any = hint
    whole: set[type] = set()
    if origin in (typing.Union, types.UnionType) and type(None) in arguments:
        whole.add(type(None))
        arguments = tuple(a for a in arguments if a is not type(None))
        kind = arguments[0] if len(arguments) == 1 else None
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    whole |= {one for one in (str, bool) if one is kind}
    numbers = frozenset(one for one in (int, float) if one is kind)
    words = {a for a in arguments if isinstance(a, str)} if origin is typing.Literal else set()
    return _Hint(hint, frozenset(whole), numbers, frozenset(words))


@cache
def _fields_of(cls: type[Any]) -> tuple[dict[str, _Hint], list[str]]:
    """The types of a dataclass's fields, and which fields have no default."""
    try:
        hints = typing.get_type_hints(cls)
    except NameError as error:
        raise BadInput(
            f"the types of {cls.__module__}.{cls.__qualname__} cannot be read ({error}); import what they "
            "name, also outside TYPE_CHECKING"
        ) from error
    fields = dataclasses.fields(cls)
    required = [
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    return {field.name: _hint_of(hints[field.name]) for field in fields}, required


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _convert_one_of([a for a in arguments if a is not type(None)], value, where)
    if origin is typing.Literal:
        if value not in arguments:
            given = value if isinstance(value, str) else shown(value)
            raise unknown(where, given, [str(a) for a in arguments])
        return value
    kind = origin or hint  # dict[str, int] -> dict
    if kind in (tuple, list, set, frozenset):
        if not isinstance(value, list | tuple | set | frozenset):
            raise BadInput(f"wrong type of {where}: {shown(value)}; give a list")
        if not arguments:  # a bare tuple keeps what it holds, as hashable as it was
            return kind(map(_as_tuples, value)) if kind is not list else list(value)
        fixed = kind is tuple and arguments[-1] is not Ellipsis
        inner = list(arguments) if fixed else [arguments[0]] * len(value)
        if len(inner) != len(value):
            raise BadInput(
                f"wrong length of {where}: {len(value)}; give {plural(len(inner), 'value')}"
            )
        return kind(_convert(one, item, where) for one, item in zip(inner, value, strict=True))
    if kind is dict and arguments and isinstance(value, Mapping):
        names, values = arguments
        return {
            _convert(names, _key(names, key), where): _convert(values, item, f"{where} {key}")
            for key, item in value.items()
        }
    if dataclasses.is_dataclass(hint):
        if isinstance(value, Mapping):
            return build(typing.cast(type, hint), value, where)
        raise BadInput(f"wrong type of {where}: {shown(value)}; give a table")
    if not isinstance(kind, type):
        return value  # a type that only checkers know
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(_in_range(value, where))
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return _in_range(value, where) if isinstance(value, int | float) else value
    raise BadInput(f"wrong type of {where}: {shown(value)}; give a value of type {kind.__name__}")


def _convert_one_of(kinds: list[Any], value: Any, where: str) -> Any:
    """A value in the first of several types that takes it, one that it has already coming first."""

    def is_another(kind: Any) -> bool:
        return (typing.get_origin(kind) or kind) is not type(value)

    kinds = sorted(kinds, key=is_another)
    for kind in kinds[:-1]:
        try:
            return _convert(kind, value, where)
        except BadInput:
            continue
    return _convert(kinds[-1], value, where)


def _as_tuples(value: Any) -> Any:
    """Lists at any depth as tuples: JSON and TOML have lists only."""
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


def _key(hint: Any, key: Any) -> Any:
    """A key of a table, which JSON and TOML write as text, as the number that it was."""
    if hint in (int, float) and isinstance(key, str):
        with suppress(ValueError):
            return hint(key)
    return key


def _in_range(value: Any, where: str) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput(f"{where} is {value}; give a finite number")
    if abs(value) > LARGEST:
        raise BadInput(f"{where} is out of range: {shown(value, 40)}; give at most {LARGEST:.0e}")
    return value


def at_least(config: Any, **minima: int) -> None:
    """Check sizes of a network against their smallest and largest values; all items of a tuple count.

    Raises:
        BadInput: a value is too small or beyond ``MOST``, or a tuple is empty or too long.
    """
    for key, least in minima.items():
        value = getattr(config, key)
        if min(value if isinstance(value, tuple) else (value,), default=least - 1) < least:
            raise BadInput(f"{key} must be at least {least}: {value}; raise it")
        most = MOST.get(key, WIDEST)
        if max(value if isinstance(value, tuple) else (value,)) > most:
            raise BadInput(f"{key} must be at most {most:,}: {clipped(str(value))}; lower it")
        if isinstance(value, tuple) and len(value) > MOST["stages"]:
            raise BadInput(
                f"{key} has {len(value):,} values, more than {MOST['stages']}; drop some"
            )


def plain(config: Any) -> dict[str, Any]:
    """A dataclass as JSON would read it back: tuples and sets become lists, at any depth.

    Raises:
        BadInput: it holds what JSON cannot.
    """
    try:
        text = json.dumps(dataclasses.asdict(config), default=_listed)
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"{type(config).__name__} holds what JSON cannot: {error}; use numbers, texts, lists, tables "
            "and dataclasses of them"
        ) from error
    values: dict[str, Any] = json.loads(text)
    return values


def _listed(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{value!r:.80} of type {type(value).__name__}")


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        BadInput: the file is missing or is not TOML, or breaks a rule of ``ganbench.parsing``.
    """
    try:
        data = parsing.read_bytes(path, parsing.SMALL)
    except parsing.Refused as error:
        raise BadInput(f"cannot read recipe: {path} ({error}); check the path") from error
    try:
        return parsing.parse_toml(parsing.decode(data))
    except parsing.Refused as error:
        raise BadInput(f"not a TOML file: {path} ({error}); mend that line") from error


def parse_assignments(texts: Iterable[str]) -> dict[str, Any]:
    """The values of ``--set``: ``["iterations=9"]`` -> ``{"iterations": 9}``.

    Values are TOML, except that a bare word is a text. The last of several assignments of a key counts.

    Raises:
        BadInput: an assignment has no ``=``, or a value breaks a limit of ``ganbench.parsing``.
    """
    assignments: dict[str, Any] = {}
    for assignment in texts:
        key, separator, text = assignment.partition("=")
        key = key.strip()
        if not separator or not key:
            raise BadInput(f"not an assignment: {shown(assignment)}; write --set key=value")
        try:
            value = parsing.parse_toml(f"value = {text}")["value"]
        except parsing.Refused as error:
            if not isinstance(error.__cause__, tomllib.TOMLDecodeError):
                raise BadInput(
                    f"cannot use --set {clipped(assignment)} ({error}); change it"
                ) from error
            value = text.strip()
        assignments.pop(key, None)  # the order decides where one key lies in the table of another
        assignments[key] = value
    return assignments


def assign(table: dict[str, Any], assignments: Mapping[str, Any]) -> None:
    """Set keys of nested tables in place.

    Args:
        table: the outer table.
        assignments: values by key; a dot in a key descends into an inner table: ``"network.width"``.

    Raises:
        BadInput: a key has too many parts, or leads through a value that is no table.
    """
    for key, value in assignments.items():
        inner = table
        *path, last = key.split(".")
        if len(path) > parsing.DEPTH:
            raise BadInput(f"a key of {len(path) + 1:,} parts: --set {clipped(key)}; drop dots")
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise BadInput(f"not a table: {part!r} in --set {clipped(key)}; drop the dot")
        inner[last] = value
