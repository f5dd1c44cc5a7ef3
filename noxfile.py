"""Sessions of the project, all in one environment: torch alone takes gigabytes.

nox -s tests    unit, property, golden, command-line tests
nox -s lint     ruff: rules and format
nox -s types    mypy, strict
nox -s bench    the limits that ganbench promises, measured
"""

import nox

nox.options.sessions = ["tests", "lint", "types"]
nox.options.reuse_existing_virtualenvs = True

SHARED = ".nox/shared"


def install(session: nox.Session) -> None:
    """Install the project and its tools, in place, once."""
    session.install("--quiet", "-e", ".[dev]")


@nox.session(venv_location=SHARED)
def tests(session: nox.Session) -> None:
    """Run the tests; arguments go to pytest."""
    install(session)
    # One thread a test: the nets are tiny, and threads that wait for each other are slower.
    session.run("pytest", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session(venv_location=SHARED)
def lint(session: nox.Session) -> None:
    """Check rules and format."""
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(venv_location=SHARED)
def types(session: nox.Session) -> None:
    """Check types."""
    install(session)
    session.run("mypy", "ganbench", "baselines")


@nox.session(venv_location=SHARED)
def bench(session: nox.Session) -> None:
    """Measure the promised limits."""
    install(session)
    session.run("python", "benchmarks/limits.py", *session.posargs)
