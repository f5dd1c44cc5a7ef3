"""TOML tables -> frozen dataclasses, with unknown keys and wrong types refused by name."""

from __future__ import annotations

import dataclasses
import json
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from ganbench.errors import BadInput, unknown

T = TypeVar("T")


def build(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """An instance of the dataclass ``cls`` from ``table``; missing keys keep their defaults.

    Args:
        cls: a dataclass; its fields may be dataclasses themselves.
        table: keys and values as TOML or JSON give them.
        where: what the table is called in messages, e.g. ``"recipe faces [stargan]"``.

    Raises:
        BadInput: an unknown key (with a hint), a value of the wrong type, a missing required key.
    """
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in fields:
            raise unknown(f"key in {where}", key, fields)
        values[key] = _convert(hints[key], value, f"{where} {key}")
    missing = [
        name
        for name, field in fields.items()
        if name not in values
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise BadInput(f"missing key in {where}: {', '.join(missing)}; add it")
    return cls(**values)


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _convert(next(a for a in arguments if a is not type(None)), value, where)
    if origin is typing.Literal:
        if value not in arguments:
            raise unknown(where, str(value), [str(a) for a in arguments])
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise BadInput(f"wrong type of {where}: {value!r}; give a list")
        inner = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(inner) != len(value):
            raise BadInput(f"wrong length of {where}: {len(value)}; give {len(inner)} values")
        return tuple(_convert(kind, item, where) for kind, item in zip(inner, value, strict=True))
    if dataclasses.is_dataclass(hint):
        if isinstance(value, Mapping):
            return build(typing.cast(type, hint), value, where)
        raise BadInput(f"wrong type of {where}: {value!r}; give a table")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise BadInput(f"wrong type of {where}: {value!r}; give a value of type {hint.__name__}")


def at_least(config: Any, **minima: int) -> None:
    """Check fields of a dataclass against their smallest values; every item of a tuple counts.

    Raises:
        BadInput: a value is too small, or a tuple is empty.
    """
    for key, least in minima.items():
        value = getattr(config, key)
        if min(value if isinstance(value, tuple) else (value,), default=least - 1) < least:
            raise BadInput(f"{key} must be at least {least}: {value}; raise it")


def plain(config: Any) -> dict[str, Any]:
    """A dataclass as JSON would read it back: tuples become lists, at any depth."""
    values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return values


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        BadInput: the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read recipe: {path} ({error.strerror}); check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not a TOML file: {path} ({error}); mend that line") from error


def override(table: dict[str, Any], assignment: str) -> None:
    """Apply one ``key=value`` of ``--set`` in place; dots descend into tables, values are TOML.

    Raises:
        BadInput: no ``=``, or a value TOML does not understand (a bare word is taken as text).
    """
    key, separator, text = assignment.partition("=")
    if not separator or not key.strip():
        raise BadInput(f"not an assignment: {assignment!r}; write --set key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    *path, last = key.strip().split(".")
    for part in path:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise BadInput(f"not a table in --set {assignment!r}: {part!r}; drop the dot")
    table[last] = value
