"""Help and lists of names are instant: they load no library of networks."""

import json
import subprocess
import sys

import pytest

from ganbench.methods.interface import Method
from ganbench.registry import METHODS, TITLES

SCRIPT = """
import contextlib, io, json, sys
from ganbench.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["ganbench", *words]
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            main()
    except SystemExit as end:
        assert not end.code, end.code
    print(json.dumps([words, list(sys.modules), printed.getvalue()]))
"""
NETWORKS = {"torch", "matplotlib", "scipy", "numba"}


def run(*commands):
    """Words, loaded modules and output of commands that run one after the other in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(commands)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_help_loads_nothing_heavy():
    commands = (["--help"], ["-h"], ["--version"], ["train", "--help"], ["eval", "--help"], ["methods", "--help"])  # fmt: skip
    for words, modules, _ in run(*commands):
        assert not {*NETWORKS, "numpy", "pandas", "rich"} & set(modules), words


def test_names_are_printed_without_networks():
    wanted = {
        "methods": "GGANmut",
        "checkpoints list": "GGANmut",
        "data list": "faces",
        "figure --help": "gamut",
    }
    for words, modules, printed in run(*map(str.split, wanted)):
        assert not NETWORKS & set(modules), words
        assert wanted[" ".join(words)] in printed


def test_methods_are_listed_from_python_without_torch():
    script = (
        "import sys, ganbench; print(ganbench.list_methods()); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "stargan-v2" in done.stdout


@pytest.mark.parametrize("name", METHODS.first)
def test_what_is_printed_of_ours_is_what_their_classes_say(name):
    cls = METHODS.load(name, Method)
    assert (cls.title, cls.paper) == TITLES[name]
