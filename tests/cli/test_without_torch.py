"""What only prints names does not load networks' libraries."""

import subprocess
import sys

import pytest

from ganbench.methods.interface import Method
from ganbench.registry import IN_PRINT, METHODS

SCRIPT = """
import sys
sys.argv = ["ganbench", *{words!r}]
from ganbench.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
loaded = [name for name in ("torch", "matplotlib", "scipy", "numba") if name in sys.modules]
assert not loaded, loaded
"""


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["methods"], "GGANmut"),
        (["checkpoints", "list"], "GGANmut"),
        (["data", "list"], "faces"),
        (["--help"], "checkpoints"),
        (["eval", "--help"], "--methods"),
        (["figure", "--help"], "gamut"),
    ],
)
def test_names_are_printed_without_torch(words, shown):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(words=words)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


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
    assert (cls.title, cls.paper) == IN_PRINT[name]
