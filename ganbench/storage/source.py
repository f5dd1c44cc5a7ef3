"""The source files that a piece of code depends on, and their hash.

The search begins at some modules and follows their imports, also those inside functions, but not those
under ``if TYPE_CHECKING``. It imports nothing.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import secrets
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

PACKAGE = "ganbench"

# Parts of ganbench that others import without using them between pictures and arrays. The search follows
# imports into one of these parts only from the part itself or from a plug-in; or it begins there.
# tests/storage/test_source.py runs every kind of job and checks that no job runs code that was left out.
BARRIERS = (
    # They make checkpoints, or ask for numbers and present them.
    "ganbench.cli",
    "ganbench.figures",
    "ganbench.gate",
    "ganbench.official",
    "ganbench.report",
    "ganbench.scoring",
    "ganbench.training",
    "ganbench.validation",
    # Methods, judges and data sets: the search of an evaluation that uses one of them begins there.
    "ganbench.baselines",
    "ganbench.data.faces",
    "ganbench.data.table",
    "ganbench.ganmut",
    "ganbench.judges.face_api",
    "ganbench.judges.onnx",
    "ganbench.judges.vgg",
    "ganbench.methods.backbone",
)

# Conditions under which only a type checker reads what follows.
_CHECKERS = ("TYPE_CHECKING", "typing.TYPE_CHECKING")

_INSTALLED = {"site-packages", "dist-packages"}

# Distributions whose names differ from those of their packages; to look up others takes longer.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}

# Python 3.11 counts the depth of all trees together: two threads that parse at once may raise SystemError.
_PARSER = threading.Lock()

# Time when this process began, nearly. A plain number would be hashed as a part of the state.
PROCESS = SimpleNamespace(began=time.time())

# Number of source files of a package that are read; a larger package is known by its version.
MOST_FILES = 1000


def code_hash(modules: Iterable[str]) -> str:
    """sha256 (hex) of the source files that some modules depend on, and of the versions of other packages.

    Args:
        modules: names of imported modules. If one is not of ganbench, its whole package counts.
    """
    return _hash(frozenset(modules))


@lru_cache(maxsize=256)
def _hash(modules: frozenset[str]) -> str:
    # A process keeps the code that it has imported. Therefore the files are read once.
    files, packages = depends_on(modules)
    digest = hashlib.sha256(f"python {sys.version}".encode())
    for name, path in sorted(files.items()):
        digest.update(f"\n{name} {_file_hash(path)}".encode())
    if any(map(_is_newer, files.values())):
        digest.update(secrets.token_bytes(16))
    for package in sorted(packages):
        digest.update(f"\n{package} {_version(package)}".encode())
    return digest.hexdigest()


def edited(modules: Iterable[str]) -> list[str]:
    """The modules that some modules depend on and whose files were changed since this process began.

    The process may run the code from before the change. Therefore ``code_hash`` is then random.
    """
    return [name for name, path in sorted(depends_on(modules)[0].items()) if _is_newer(path)]


def _is_newer(path: Path) -> bool:
    try:
        return bool(path.stat().st_mtime > PROCESS.began)
    except OSError:
        return False


def depends_on(modules: Iterable[str]) -> tuple[dict[str, Path], set[str]]:
    """The modules and packages that some modules depend on.

    Returns:
        The source file of each module that the search reaches; and the names of the packages that count
        by their version, which are all installed packages but those of the standard library.
    """
    files: dict[str, Path] = {}
    packages: set[str] = set()
    roots = set(modules)
    for name in tuple(roots):
        if not within(name, PACKAGE):
            roots |= _siblings(name)
            packages |= {_top(name)} if is_foreign(name) else set()
    todo = sorted(roots)
    while todo:
        name = todo.pop()
        if name in files or _top(name) in sys.stdlib_module_names:
            continue
        path = find(name)
        if path is None or (name not in roots and is_foreign(name)):
            packages.add(_top(name))
            continue
        files[name] = path
        todo += [other for other in imports(path, name) if _enters(name, other)]
    for name in tuple(files):
        # Python also runs the packages that contain a module; what else they import is not used.
        while name := name.rpartition(".")[0]:
            if (path := find(name)) is not None:
                files[name] = path
    return files, packages


def within(name: str, package: str) -> bool:
    """Whether a module is a package or lies in it."""
    return name == package or name.startswith(f"{package}.")


@lru_cache(maxsize=4096)
def is_foreign(name: str) -> bool:
    """Whether a module belongs to an installed package, rather than to a folder of the user or to ganbench."""
    if within(name, PACKAGE) or name == "__main__":
        return False
    places = _places(_top(name))
    path = find(name) or find(_top(name))
    places += [path] if path else []
    return not places or any(_INSTALLED & set(place.parts) for place in places)


def imports(path: Path, name: str) -> tuple[str, ...]:
    """The modules that a source file imports: for ``from a import b`` a and, if it is a module, a.b."""
    stat = path.stat()
    return _imports(path, name, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4096)
def _imports(path: Path, name: str, time: int, size: int) -> tuple[str, ...]:
    if path.suffix != ".py":
        return ()
    try:
        with _PARSER:
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return ()  # Python cannot run it either; its hash counts all the same
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: list[str] = []
    for node in _statements(tree.body):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *[base] * bool(base)])
            found.append(base)
            if not is_foreign(base):
                inner = [f"{base}.{alias.name}" for alias in node.names]
                found += [module for module in inner if find(module) is not None]
    return tuple(dict.fromkeys(module for module in found if module))


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements at any depth, except those that only a type checker reads."""
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) in _CHECKERS:
            yield from _statements(node.orelse)
            continue
        yield node
        for part in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(node, part, []))
        for branch in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            yield from _statements(branch.body)


def _enters(importer: str, name: str) -> bool:
    """Whether the search follows the import of a module, see ``BARRIERS``."""
    if not within(importer, PACKAGE):
        return True
    return all(within(importer, barrier) for barrier in BARRIERS if within(name, barrier))


@lru_cache(maxsize=4096)
def find(name: str) -> Path | None:
    """The file of a module, imported or not; None if it has none."""
    module = sys.modules.get(name)
    known = getattr(module, "__file__", None)
    if known:
        return Path(known)
    if module is not None or not name:
        return None
    above, _, last = name.rpartition(".")
    if above in sys.modules or not above:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return None
        return Path(spec.origin) if spec and spec.has_location and spec.origin else None
    parent = find(above)
    folders = [parent.parent] if parent is not None and parent.name == "__init__.py" else []
    folders += _places(above)
    places = [place for f in folders for place in (f / f"{last}.py", f / last / "__init__.py")]
    return next((place for place in places if place.is_file()), None)


def _places(package: str) -> list[Path]:
    """The folders of a package, with or without ``__init__.py``; none for a module."""
    path = getattr(sys.modules.get(package), "__path__", None)
    if path is None and package not in sys.modules and "." not in package:
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError, AttributeError):
            return []
        path = spec.submodule_search_locations if spec else None
    return [Path(place) for place in path or ()]


def _siblings(name: str) -> set[str]:
    """All modules of the package of a module; none if there are more than ``MOST_FILES``."""
    found = set()
    for folder in _places(_top(name)):
        for path in folder.rglob("*.py"):
            parts = [_top(name), *path.relative_to(folder).with_suffix("").parts]
            found.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
            if len(found) > MOST_FILES:
                return set()
    return found


def _top(name: str) -> str:
    return name.partition(".")[0]


def _file_hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "unreadable"


@lru_cache(maxsize=256)
def _version(package: str) -> str:
    # The module's attribute ``__version__`` is known only after an import.
    names = [_DISTRIBUTIONS.get(package, package)]
    with suppress(metadata.PackageNotFoundError, ValueError):
        return metadata.version(names[0])
    names = sorted(set(_distributions().get(package, ())))
    return " ".join(f"{name} {metadata.version(name)}" for name in names)


@lru_cache(maxsize=1)
def _distributions() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()
