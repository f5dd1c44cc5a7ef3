"""The current state of objects, as a hash: of what they hold, and of the code that they run.

A stored number may be used again only while the objects that it was computed with are the same. A file
that an object was loaded from does not tell that: parameters can be trained on, an attribute set, a
method of a class replaced.
"""

from __future__ import annotations

import copyreg
import enum
import functools
import hashlib
import secrets
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganbench import source

# What PyTorch keeps in every module beside what a user puts there; of these only some change an output.
_BARE = frozenset(vars(nn.Module()))
_HOOKS = ("_forward_pre_hooks", "_forward_hooks")
_TENSORS = ("_parameters", "_buffers", "_modules")

# Facts about a method that change nothing that it computes. The card is none: it may hold numbers that
# codes are made from.
_FACTS = frozenset({"fingerprint", "label", "licence", "loaded", "source", "title"})

_PLAIN = (
    type(None), bool, int, float, complex, str, bytes, PurePath, enum.Enum,
    torch.dtype, torch.device, torch.Size, torch.layout, torch.memory_format,
)  # fmt: skip
_BUILT_IN = (types.BuiltinFunctionType, types.MethodDescriptorType, np.ufunc)
# What a global name of a function may stand for and be hashed with it. Other objects are left to the
# hash of the source.
_VALUES = (
    *_PLAIN, Tensor, dict, functools._lru_cache_wrapper, list, np.ndarray, set, tuple, types.FunctionType,
)  # fmt: skip
_LIBRARIES = ("", "builtins", "numpy", "torch")
# Objects of these modules change no output.
_IDLE = ("_thread", "threading", "logging", "concurrent.futures.thread", "_weakref", "weakref")


def identity(*objects: object, modules: Iterable[str] = ()) -> dict[str, str]:
    """What numbers depend on that were computed with some objects: part of the key of a stored result.

    Args:
        objects: methods, judges, modules of PyTorch, functions ... An object whose state cannot be
            told in Python may define ``fingerprint_state()``, whose answer then stands for it.
        modules: names of modules whose code was used as well.

    Returns:
        ``state``: sha256 of everything that the objects hold: parameters, buffers, other attributes,
        hooks, and the byte code of their functions, which an interpreter can change without a file.
        It is drawn by chance where some state cannot be told, since such a number must not be used
        again. ``code``: sha256 of the source (``ganbench.source``).
    """
    visitor = _Visitor()
    for value in objects:
        visitor.visit(value)
    if visitor.opaque:
        visitor.add(secrets.token_hex(16))
    return {
        "state": visitor.digest.hexdigest(),
        "code": source.code_hash({*visitor.modules, *modules}),
    }


def opaque(*objects: object) -> list[str]:
    """The types among the parts of some objects whose state cannot be told."""
    visitor = _Visitor()
    for value in objects:
        visitor.visit(value)
    return visitor.opaque


def tensor_hash(module: nn.Module) -> str:
    """sha256 (hex) of the configuration, parameters and buffers of a module."""
    digest = hashlib.sha256(repr(getattr(module, "config", "")).encode())
    for name, tensor in sorted(
        {**dict(module.named_parameters()), **dict(module.named_buffers())}.items()
    ):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data


class _Visitor:
    """Walks an object graph and hashes it; ``modules`` collects the modules of all classes and functions."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.modules: set[str] = set()
        self.opaque: list[str] = []
        # Whether it is inside of what a global name stands for. What cannot be told there is left to the
        # hash of the source.
        self.outside = False
        # ``Method.edit`` sets ``training`` itself, so inside a method its value does not count.
        self.editing = 0
        # Objects seen, with their numbers; kept alive, so that no other gets their id.
        self.seen: dict[int, tuple[int, object]] = {}
        self._handlers: tuple[tuple[Any, Callable[[Any], None]], ...] = (
            (Tensor, self._tensor),
            (np.ndarray | np.generic, lambda value: self._array(np.asarray(value))),
            (types.FunctionType, self._function),
            (type, self._class),
            (Mapping, self._mapping),
            (list | tuple, self._sequence),
            (set | frozenset, lambda value: self.add(*sorted(map(repr, value)))),
            (types.CodeType, self._code),
            (types.ModuleType, lambda value: self.add("module", value.__name__)),
            (types.MethodType, lambda value: self.visit([value.__func__, value.__self__])),
            (staticmethod | classmethod, lambda value: self.visit(value.__func__)),
            (property, lambda value: self.visit([value.fget, value.fset])),
            (functools.cached_property, lambda value: self.visit(value.func)),
            (functools.partial, lambda v: self.visit([v.func, v.args, v.keywords])),
            (_BUILT_IN, lambda value: self.add("built in", value.__name__)),
            (torch.Generator, lambda value: self._tensor(value.get_state())),
        )

    def add(self, *parts: object) -> None:
        for part in parts:
            self.digest.update(f"{part}\0".encode(errors="surrogatepass"))

    def visit(self, value: object) -> None:
        """Hash an object and what it holds."""
        if isinstance(value, _PLAIN):
            return self.add(type(value).__qualname__, repr(value))
        if id(value) in self.seen:
            return self.add("seen", self.seen[id(value)][0])
        self.seen[id(value)] = len(self.seen), value
        for kinds, handle in self._handlers:
            if isinstance(value, kinds):
                return handle(value)
        return self._object(value)

    def _sequence(self, value: list[Any] | tuple[Any, ...]) -> None:
        self.add(type(value).__qualname__, len(value))
        for item in value:
            self.visit(item)

    def _tensor(self, value: Tensor) -> None:
        self.add("tensor", value.dtype, tuple(value.shape))
        try:
            self.digest.update(_bytes(value))
        except (RuntimeError, NotImplementedError, TypeError):  # on no device, or sparse
            self._give_up(value)

    def _array(self, value: np.ndarray[Any, Any]) -> None:
        self.add("array", value.dtype.str, value.shape)
        if value.dtype.hasobject:
            return self.visit(value.tolist())
        self.digest.update(value.tobytes())
        return None

    def _mapping(self, value: Mapping[Any, Any]) -> None:
        self.add(type(value).__qualname__, len(value))
        for key in sorted(value, key=repr):
            self.visit(key)
            self.visit(value[key])

    def _object(self, value: object) -> None:
        cls = type(value)
        if cls.__module__ in _IDLE or isinstance(value, weakref.ref | types.GeneratorType):
            return self.add("idle", cls.__qualname__)
        self.visit(cls)
        own = getattr(value, "fingerprint_state", None)
        if callable(own):
            return self.visit(own())
        held = _held(value)
        if held is None:
            return self._give_up(value)
        from ganbench.methods.interface import Method  # which the loading of methods comes before

        editor = isinstance(value, Method)
        if editor:
            held = {name: part for name, part in held.items() if name not in _FACTS}
        self.editing += editor
        if isinstance(value, nn.Module) and not self.editing:
            self.add("training", value.training)
        self._mapping(held)
        self.editing -= editor
        return None

    def _give_up(self, value: object) -> None:
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        if not self.outside:
            self.opaque.append(name)
        self.add("opaque", name)

    def _class(self, cls: type) -> None:
        self.add("class", cls.__module__, cls.__qualname__)
        if not _followed(cls.__module__):
            return
        self.modules.add(cls.__module__)
        for base in cls.__bases__:
            self.visit(base)
        for name, value in sorted(vars(cls).items()):
            if name in ("__init__", "__call__") or not name.startswith("__"):
                if isinstance(value, _PLAIN):
                    self.add(name, repr(value))
                elif callable(value) or isinstance(
                    value, property | staticmethod | classmethod | functools.cached_property | tuple
                ):
                    self.add(name)
                    self.visit(value)

    def _function(self, value: types.FunctionType) -> None:
        self.add("function", value.__module__, value.__qualname__)
        module = value.__module__ or ""
        if not _followed(module):
            # A decorator of a library: what it wraps is what counts.
            wrapped = getattr(value, "__wrapped__", None)
            return self.visit(wrapped) if wrapped is not None else None
        self.modules.add(module)
        self._code(value.__code__)
        self.visit(value.__defaults__)
        self.visit(value.__kwdefaults__)
        for cell in value.__closure__ or ():
            try:
                self.visit(cell.cell_contents)
            except ValueError:  # not filled yet
                self.add("empty")
        for name in sorted(_names(value.__code__)):
            found = value.__globals__.get(name)
            if isinstance(found, _VALUES) or (
                isinstance(found, type) and _interactive(found.__module__)
            ):
                self.add(name)
                before, self.outside = self.outside, True
                self.visit(found)
                self.outside = before
        return None

    def _code(self, code: types.CodeType) -> None:
        self.digest.update(code.co_code)
        self.add(code.co_names, code.co_varnames, code.co_freevars)
        for constant in code.co_consts:
            self.visit(constant)


def _names(code: types.CodeType) -> set[str]:
    """The global names that a function and the functions inside it use."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found


def _held(value: object) -> dict[str, Any] | None:
    """What an object holds, by name; None if Python cannot tell."""
    if isinstance(value, nn.Module):
        held = vars(value)
        found = {name: part for name, part in held.items() if name not in _BARE}
        found |= {name: held[name] for name in _TENSORS}
        # The keys of hooks are numbers that a process counts.
        return found | {name: list(held[name].values()) for name in _HOOKS}
    found = {}
    for cls in type(value).__mro__:
        for name in getattr(cls, "__slots__", ()):
            if isinstance(name, str) and hasattr(value, name):
                found[name] = getattr(value, name)
    if hasattr(value, "__dict__"):
        return found | vars(value)
    if found:
        return found
    try:
        reducer = copyreg.dispatch_table.get(type(value))
        reduced = value.__reduce_ex__(2) if reducer is None else reducer(value)
    except Exception:  # of any kind: the object is somebody else's
        return None
    return {"reduced": reduced[1:3]} if isinstance(reduced, tuple) else {"reduced": reduced}


@functools.lru_cache(maxsize=4096)
def _followed(module: str) -> bool:
    """Whether code of a module is looked into: that of ganbench and of users, not that of Python and PyTorch."""
    top = module.partition(".")[0]
    return module == "__main__" or not (top in sys.stdlib_module_names or top in _LIBRARIES)


def _interactive(module: str) -> bool:
    return module == "__main__" or source.find(module) is None
