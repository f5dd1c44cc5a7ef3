"""A hash of the current state of objects: of the values that they hold and of the code that they run.

A stored number may be used again only if the objects that it was computed with are still the same. The
file that an object was loaded from does not show this: parameters can be trained, attributes set, and
methods of a class replaced.
"""

from __future__ import annotations

import copyreg
import ctypes
import enum
import functools
import hashlib
import secrets
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganbench.storage import source

# Attributes that PyTorch keeps in every module; of these only hooks and tensors change an output.
_BARE = frozenset(vars(nn.Module()))
_HOOKS = ("_forward_pre_hooks", "_forward_hooks")
_TENSORS = ("_parameters", "_buffers", "_modules")

_PLAIN = (
    type(None), bool, int, float, complex, str, bytes, PurePath, enum.Enum,
    torch.dtype, torch.device, torch.Size, torch.layout, torch.memory_format,
)  # fmt: skip
_BUILT_IN = (
    types.BuiltinFunctionType, types.GetSetDescriptorType, types.MemberDescriptorType,
    types.MethodDescriptorType, types.WrapperDescriptorType, np.ufunc,
)  # fmt: skip
# Values of global names that are hashed with the functions that use them, in ganbench's code too.
_VALUES = (
    *_PLAIN, Tensor, dict, functools._lru_cache_wrapper, list, nn.Module, np.ndarray, set, tuple,
    types.FunctionType,
)  # fmt: skip
_CONTAINERS = (Mapping, list, tuple, set, frozenset, np.ndarray)
_C_DATA = (ctypes._SimpleCData, ctypes.Structure, ctypes.Union, ctypes.Array)
# Types of the standard library that users keep settings in; ganbench keeps no settings there.
_SETTINGS = (types.SimpleNamespace, functools.partial)
# Attributes of a class with two underscores around their names are hashed if they are of these types.
_RUN = (types.FunctionType, staticmethod, classmethod)
_LIBRARIES = ("", "builtins", "numpy", "torch")
# Objects of these modules change no output.
_IDLE = ("_thread", "threading", "logging", "concurrent.futures.thread", "_weakref", "weakref")


def identity(*objects: object) -> dict[str, str]:
    """The part of a key that stands for some objects: numbers computed with them depend on it.

    Args:
        objects: methods, judges, modules of PyTorch, functions ... A class may describe its objects to
            this function: by a method ``fingerprint_state()``, whose result is hashed instead of
            attributes that Python cannot read; by ``fingerprint_ignores``, the names of attributes that
            change no result; and by ``sets_training = True``, if its objects set ``training`` of
            their modules themselves before they compute.

    Returns:
        ``state``: sha256 of everything that the objects hold: parameters, buffers, other attributes,
        hooks, and the byte code of their functions, which an interpreter can change without a file.
        Where some state cannot be read, it is a random number, so that nothing is used again.
        ``code``: sha256 of the source (``ganbench.storage.source``).
    """
    visitor = _visit_all(objects)
    if visitor.opaque:
        visitor.add(secrets.token_hex(16))
    return {
        "state": visitor.digest.hexdigest(),
        "code": source.code_hash(visitor.modules),
    }


def opaque(*objects: object) -> list[str]:
    """The types of parts of some objects that cannot be read, and the modules that were edited meanwhile."""
    visitor = _visit_all(objects)
    return [*visitor.opaque, *(f"{name}, edited" for name in source.edited(visitor.modules))]


def _visit_all(objects: Iterable[object]) -> _Visitor:
    visitor = _Visitor()
    for value in objects:
        try:
            visitor.visit(value)
        except Exception as error:  # an object of a user may be nested too deep, or raise anything
            visitor.opaque.append(f"{type(value).__qualname__}, {type(error).__name__}")
    return visitor


def tensor_hash(module: nn.Module) -> str:
    """sha256 (hex) of the configuration, parameters and buffers of a module."""
    digest = hashlib.sha256(repr(getattr(module, "config", "")).encode())
    held: dict[str, Any] = {**module.state_dict(), **dict(module.named_buffers())}
    for name, part in sorted(held.items()):
        digest.update(name.encode())
        if isinstance(part, Tensor) and not part.is_quantized:
            digest.update(f"{tuple(part.shape)}{part.dtype}".encode())
            digest.update(_bytes(part))
        else:  # packed parameters of a quantised network
            digest.update(identity(part)["state"].encode())
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> memoryview:
    if tensor.is_quantized:
        raise TypeError("the bytes of a quantised tensor lack its scales")
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data


class _Visitor:
    """Walks through objects and hashes them.

    Attributes:
        digest: the hash.
        modules: the names of the modules of all classes and functions that were visited.
        opaque: the types that could not be read.
    """

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.modules: set[str] = set()
        self.opaque: list[str] = []
        # Whether the visited value belongs to a class or to a global name. If it cannot be read there,
        # the hash of the source is enough.
        self._lenient = False
        # Ids of the modules whose ``training`` does not count, see ``sets_training`` in ``identity``.
        self._untrained: frozenset[int] = frozenset()
        # Number of each visited object by its id, and the object, so that no other gets the same id.
        self._visited: dict[int, tuple[int, object]] = {}
        self._handlers: tuple[tuple[Any, Callable[[Any], None]], ...] = (
            (Tensor, self._tensor),
            (np.ndarray | np.generic, lambda value: self._array(np.asarray(value))),
            (types.FunctionType, self._function),
            (type, self._class),
            (Mapping, self._mapping),
            (list | tuple, self._sequence),
            (set | frozenset, lambda value: self.add(len(value), *sorted(map(self._apart, value)))),
            (types.CodeType, self._code),
            (types.ModuleType, lambda value: self.add("module", value.__name__)),
            (types.MethodType, lambda value: self.visit([value.__func__, value.__self__])),
            (staticmethod | classmethod, lambda value: self.visit(value.__func__)),
            (property, lambda value: self.visit([value.fget, value.fset])),
            (functools.cached_property, lambda value: self.visit(value.func)),
            (functools.partial, lambda v: self.visit([v.func, v.args, v.keywords])),
            (_BUILT_IN, self._built_in),
            (_C_DATA, lambda value: self.add(type(value).__qualname__, bytes(value))),
            (torch.Generator, lambda value: self._tensor(value.get_state())),
        )

    def add(self, *parts: object) -> None:
        for part in parts:
            self.digest.update(f"{part}\0".encode(errors="surrogatepass"))

    def visit(self, value: object) -> None:
        """Hash an object and what it holds."""
        if isinstance(value, _PLAIN):
            return self.add(type(value).__qualname__, repr(value))
        if id(value) in self._visited:
            return self.add("seen", self._visited[id(value)][0])
        self._visited[id(value)] = len(self._visited), value
        for kinds, handle in self._handlers:
            if isinstance(value, kinds):
                handle(value)
                # Attributes of a user's subclass of a container.
                if isinstance(value, _CONTAINERS) and getattr(value, "__dict__", None):
                    self._mapping(vars(value))
                return None
        return self._object(value)

    def _built_in(self, value: Any) -> None:
        self.add("built in", value.__name__)
        owner = getattr(value, "__self__", None)
        if not isinstance(owner, types.ModuleType | type(None)):
            self.visit(owner)

    def _sequence(self, value: list[Any] | tuple[Any, ...]) -> None:
        self.add(type(value).__qualname__, len(value))
        for item in value:
            self.visit(item)

    def _tensor(self, value: Tensor) -> None:
        self.add("tensor", type(value).__qualname__, value.dtype, tuple(value.shape))
        try:
            self.digest.update(_bytes(value))
        except (RuntimeError, NotImplementedError, TypeError):  # on no device, sparse, or quantised
            self._give_up(value)
        if vars(value):  # quantisers and adapters set attributes of parameters
            self._mapping(vars(value))

    def _array(self, value: np.ndarray[Any, Any]) -> None:
        self.add("array", value.dtype.str, value.shape)
        if value.dtype.hasobject:
            return self.visit(value.tolist())
        self.digest.update(value.tobytes())
        return None

    def _mapping(self, value: Mapping[Any, Any]) -> None:
        self.add(type(value).__qualname__, len(value))
        for name, key in sorted(
            ((self._apart(key), key) for key in value), key=lambda pair: pair[0]
        ):
            self.add(name)
            self.visit(value[key])

    def _apart(self, value: object) -> str:
        """The hash of one member of a set; the members are sorted by it."""
        if isinstance(value, _PLAIN):
            return f"{type(value).__qualname__} {value!r}"
        other = _Visitor()
        other._visited = dict(self._visited)
        other._lenient, other._untrained = self._lenient, self._untrained
        other.visit(value)
        self.modules |= other.modules
        self.opaque += other.opaque
        return other.digest.hexdigest()

    def _object(self, value: object) -> None:
        cls = type(value)
        if cls.__module__ in _IDLE or isinstance(value, weakref.ref):
            return self.add("idle", cls.__qualname__)
        self.visit(cls)
        state = getattr(value, "fingerprint_state", None)
        if callable(state):
            return self.visit(state())
        held = _held(value)
        if held is None:
            return self._give_up(value)
        ignored, before = getattr(cls, "fingerprint_ignores", ()), self._untrained
        if isinstance(value, nn.Module):
            if getattr(cls, "sets_training", False):
                self._untrained |= frozenset(map(id, value.modules()))
            if id(value) not in self._untrained:
                self.add("training", value.training)
        self._mapping(
            {
                name: part
                for name, part in held.items()
                # A user may keep a tensor under one of these names, which then counts.
                if name not in ignored or not isinstance(part, str | dict)
            }
        )
        self._untrained = before
        return None

    def _give_up(self, value: object) -> None:
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        if not self._lenient:
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
            dunder = name.startswith("__") and name.endswith("__")
            if name == "_abc_impl" or (dunder and not isinstance(value, _RUN)):
                continue
            self.add(name)
            self._leniently(value)

    def _leniently(self, value: object) -> None:
        """Visit the value of a class attribute or of a global name."""
        before, self._lenient = self._lenient, True
        self.visit(value)
        self._lenient = before

    def _function(self, value: types.FunctionType) -> None:
        self.add("function", value.__module__, value.__qualname__)
        module = value.__module__ or ""
        if not _followed(module):
            # A decorator of a library may wrap a function of a user.
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
        # Global names in an installed library are known by its version.
        for name in () if source.is_foreign(module) else sorted(_names(value.__code__)):
            found = value.__globals__.get(name)
            if isinstance(found, types.ModuleType):
                self._attributes(found, value.__code__)
            elif (
                isinstance(found, _VALUES)
                or _is_users(found)
                or (isinstance(found, _SETTINGS) and not source.within(module, source.PACKAGE))
            ):
                self.add(name)
                self._leniently(found)
        return None

    def _attributes(self, module: types.ModuleType, code: types.CodeType) -> None:
        """Visit attributes of a module that the code of a function may use, such as ``settings.GAIN``."""
        name = module.__name__
        if not _followed(name) or source.is_foreign(name) or source.within(name, source.PACKAGE):
            return
        for name in sorted(_names(code)):
            found = vars(module).get(name)
            if isinstance(found, (*_VALUES, *_SETTINGS)) or _is_users(found):
                self.add(module.__name__, name)
                self._leniently(found)

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
    """The values that an object holds, by name; None if Python cannot read them."""
    if isinstance(value, nn.Module):
        held = vars(value)
        found = {name: part for name, part in held.items() if name not in _BARE}
        # The order of modules counts, as in ``nn.Sequential``.
        found |= {name: list(held[name].items()) for name in _TENSORS}
        # The keys of hooks are numbers that a process counts.
        return found | {name: list(held[name].values()) for name in _HOOKS}
    found = {}
    for cls in type(value).__mro__:
        for name in getattr(cls, "__slots__", ()):
            if isinstance(name, str) and hasattr(value, name):
                found[name] = getattr(value, name)
    if hasattr(value, "__dict__"):
        # What it is pickled as, such as a table of pandas, which has caches and parts in C.
        if _reduces(type(value)):
            with suppress(Exception):  # an object of a user may raise anything
                return {"reduced": value.__reduce_ex__(2)[1:3]}
        return found | dict(vars(value))
    if found:
        return found
    try:
        reducer = copyreg.dispatch_table.get(type(value))
        reduced = value.__reduce_ex__(2) if reducer is None else reducer(value)
    except Exception:  # an object of a user may raise anything
        return None
    return {"reduced": reduced[1:3]} if isinstance(reduced, tuple) else {"reduced": reduced}


def _reduces(cls: type) -> bool:
    """Whether a class defines how its objects are pickled."""
    names = ("__reduce__", "__reduce_ex__", "__getstate__")
    return any(getattr(cls, name) is not getattr(object, name) for name in names)


@functools.lru_cache(maxsize=4096)
def _followed(module: str) -> bool:
    """Whether the code of a module is visited: that of ganbench and of users, not that of Python and PyTorch."""
    top = module.partition(".")[0]
    return module == "__main__" or not (top in sys.stdlib_module_names or top in _LIBRARIES)


def _is_users(value: object) -> bool:
    """Whether a value is an object of a user's class, or a user's class that has no source file."""
    cls = value if isinstance(value, type) else type(value)
    module = str(cls.__module__)
    if not _followed(module) or source.within(module, source.PACKAGE) or source.is_foreign(module):
        return False
    return not isinstance(value, type) or module == "__main__" or source.find(module) is None
