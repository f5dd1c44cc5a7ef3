"""Sessions of the project, all in one environment: torch alone takes gigabytes.

nox -s tests    unit, property, golden, command-line tests
nox -s lint     ruff: rules and format
nox -s types    mypy, strict
nox -s bench    the limits that ganbench promises, measured
"""

import os
import sys
from pathlib import Path

import nox

nox.options.sessions = ["tests", "lint", "types"]

SHARED = Path(".nox/shared").resolve()
BIN = SHARED / ("Scripts" if os.name == "nt" else "bin")


def run(session: nox.Session, *command: str, **options: object) -> None:
    """Run a module in the shared environment, which the first session makes.

    nox gives every session an environment of its own; these use none of nox's and share ours.
    """
    python = str(BIN / "python")
    if not BIN.is_dir():
        session.run(sys.executable, "-m", "venv", str(SHARED), external=True)
    if not getattr(run, "installed", False):
        session.run(python, "-m", "pip", "install", "--quiet", "-e", ".[dev]", external=True)
        run.installed = True  # type: ignore[attr-defined]
    session.run(python, *command, external=True, **options)  # type: ignore[arg-type]


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Run the tests; arguments go to pytest."""
    # One thread a test: the nets are tiny, and threads that wait for each other are slower.
    run(session, "-m", "pytest", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Check rules and format."""
    run(session, "-m", "ruff", "check", ".")
    run(session, "-m", "ruff", "format", "--check", ".")


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Check types."""
    run(session, "-m", "mypy", "ganbench", "baselines")


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """Measure the promised limits."""
    run(session, "benchmarks/limits.py", *session.posargs)
