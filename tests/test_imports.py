"""Imports run downwards: CONTRIBUTING.md's table of floors is what is tested here."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def floors():
    """Each package or module of the table, with the number of its floor."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    table = text.partition("## Floors")[2].partition("\n## ")[0]
    found = {}
    for number, cell in re.findall(r"^\| *(\d+) *\| *(.*?) *\|", table, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", cell):
            assert name not in found, f"{name} stands twice in the table"
            found[name.rstrip("/")] = int(number)
    return found


def modules():
    """The name of each module of the package, and its file."""
    found = {}
    for folder, package in (
        (ROOT / "ganbench", "ganbench"),
        (ROOT / "baselines", "ganbench.baselines"),
    ):
        for path in folder.rglob("*.py"):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path):
    """The modules of ganbench that a file imports, inside functions too, but not for a type checker alone."""

    def visit(node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert not child.level, f"{path.name}: a relative import"
                inner = {f"{child.module}.{alias.name}" for alias in child.names} & MODULES.keys()
                found.update(inner or {child.module})
            visit(child)

    found = set()
    visit(ast.parse(path.read_text("utf-8")))
    return found & MODULES.keys()


def room(module):
    """The row's name for a module: its package or, of a module beside the packages, itself."""
    return [*module.split("."), "__init__"][1]


def test_each_module_has_a_floor():
    assert {room(module) for module in MODULES} == set(floors())


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_run_downwards(module):
    floor, here = floors(), room(module)
    wrong = [
        other
        for other in sorted(imports(MODULES[module]))
        if room(other) != here and floor[room(other)] >= floor[here]
    ]
    assert not wrong, f"{module} (floor {floor[here]}) imports {wrong}"


def test_no_modules_import_each_other_in_a_circle():
    graph = {name: imports(path) - {name} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_modules_are_short():
    """One idea a module: only the two papers whose networks are long take more than 400 lines."""
    long = {
        name for name, path in MODULES.items() if len(path.read_text("utf-8").splitlines()) >= 400
    }
    assert long <= {"ganbench.baselines.smit", "ganbench.baselines.stargan_v2"}


def test_commands_are_thin():
    """No function of the command line is longer than 60 lines."""
    long = []
    for name, path in MODULES.items():
        if name.startswith("ganbench.cli"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= 60:
                    long.append(f"{name}.{node.name}")
    assert not long
