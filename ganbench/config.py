"""Frozen dataclasses from TOML or JSON tables; errors name unknown keys and values of wrong types."""

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

# Largest number in a configuration. Sums of larger numbers may be infinite, or lose whole units.
LARGEST = 10**12

# Largest values of sizes of networks, by the names of fields; WIDEST holds for all others. The time to
# build a network grows with the number of its layers, its memory with the square of their widths.
MOST = {
    "image_size": 4096,
    **dict.fromkeys(
        ("scales", "blocks", "critic_layers", "critic_scales", "bottleneck", "stages"), 64
    ),
}
WIDEST = 65_536


def build(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """An instance of a dataclass; keys that the table lacks have their defaults.

    Args:
        cls: the dataclass; its fields may be dataclasses, too.
        table: keys and values, as read from TOML or JSON.
        where: name of the table in messages, e.g. ``"recipe faces [stargan]"``.

    Raises:
        BadInput: a key is unknown or missing, or a value has the wrong type.
    """
    hints, required = _fields_of(typing.cast(Any, cls))
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in hints:
            raise unknown(f"key in {where}", key, hints)
        hint = hints[key]
        # Results hold millions of values, and nearly all of them need no conversion.
        fits = hint.takes(value)
        values[key] = value if fits else _convert(hint.hint, value, f"{where} {key}")
    if missing := [name for name in required if name not in values]:
        raise BadInput(f"missing key in {where}: {', '.join(missing)}; add it")
    return cls(**values)


@dataclasses.dataclass(frozen=True)
class _Hint:
    """The type of a field, and values that need no conversion.

    Attributes:
        hint: the type.
        kinds: types all of whose values fit.
        numbers: types whose values fit if they are in range.
        texts: texts that fit.
    """

    hint: Any
    kinds: frozenset[type]
    numbers: frozenset[type]
    texts: frozenset[str]

    def takes(self, value: Any) -> bool:
        """Whether a value fits without conversion; after False, ``_convert`` decides."""
        kind = type(value)
        if kind in self.kinds:
            return True
        if kind in self.numbers:
            return bool(-LARGEST <= value <= LARGEST)  # False for NaN
        return kind is str and value in self.texts


def _hint_of(hint: Any) -> _Hint:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    kind: Any = hint
    kinds: set[type] = set()
    if origin in (typing.Union, types.UnionType) and type(None) in arguments:
        kinds.add(type(None))
        arguments = tuple(a for a in arguments if a is not type(None))
        kind = arguments[0] if len(arguments) == 1 else None
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    kinds |= {one for one in (str, bool) if one is kind}
    numbers = frozenset(one for one in (int, float) if one is kind)
    texts = {a for a in arguments if isinstance(a, str)} if origin is typing.Literal else set()
    return _Hint(hint, frozenset(kinds), numbers, frozenset(texts))


@cache
def _fields_of(cls: type[Any]) -> tuple[dict[str, _Hint], list[str]]:
    """The types of a dataclass's fields by name, and the names of fields without a default."""
    try:
        hints = typing.get_type_hints(cls)
    except NameError as error:
        raise BadInput(
            f"the types of {cls.__module__}.{cls.__qualname__} cannot be read ({error}); import them outside "
            "of TYPE_CHECKING"
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
            raise BadInput(f"wrong type of {where}: {shown(value)}; give a list in brackets")
        if (
            not arguments
        ):  # a tuple without types of items; inner lists become tuples, to be hashable
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
        return value  # a type that only type checkers use
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(_in_range(value, where))
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return _in_range(value, where) if isinstance(value, int | float) else value
    raise BadInput(f"wrong type of {where}: {shown(value)}; give a value of type {kind.__name__}")


def _convert_one_of(kinds: list[Any], value: Any, where: str) -> Any:
    """A value in the first of several types that takes it, beginning with the value's type."""

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
    """Lists at any depth as tuples, which JSON and TOML do not have."""
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


def _key(hint: Any, key: Any) -> Any:
    """The key of a table as a number, if ``hint`` asks for one: in JSON and TOML all keys are texts."""
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
    """Check sizes of a network, in tuples all items.

    Args:
        config: the configuration.
        minima: smallest values by the names of fields; ``MOST`` has the largest ones.

    Raises:
        BadInput: a value is too small or too large, or a tuple is empty or too long.
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
    """A dataclass as a table for JSON; tuples and sets become lists, at any depth.

    Raises:
        BadInput: it holds a value that JSON cannot represent.
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
        BadInput: the file is missing, is no TOML, or breaks a limit of ``ganbench.parsing``.
    """
    try:
        data = parsing.read_bytes(path, parsing.SMALL)
    except parsing.Refused as error:
        raise BadInput(f"cannot read recipe: {path} ({error}); check the path") from error
    try:
        return parsing.parse_toml(parsing.decode(data))
    except parsing.Refused as error:
        raise BadInput(f"not a TOML file: {path} ({error}); correct that line") from error


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
        assignments.pop(key, None)  # the order matters: "a" and then "a.b" changes the new table
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
            raise BadInput(f"a key of {len(path) + 1:,} parts: --set {clipped(key)}; remove dots")
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise BadInput(f"not a table: {part!r} in --set {clipped(key)}; remove the dot")
        inner[last] = value
