"""Sessions of the project, all in one environment: torch alone takes gigabytes.

nox -s tests    unit, property, golden, command-line tests
nox -s slow     tests that simulate or train for long
nox -s lint     ruff: rules and format
nox -s types    mypy, strict
nox -s bench    the limits that ganbench promises, measured
nox -s equality the authors' networks at their published widths, recomputed plainly; below 8 GB
nox -s regression  the shipped checkpoints on a fixed subset, compared with reports/reference
nox -s reference   a new reports/reference, on purpose; says what moved
nox -s protocols   the shipped methods under the named protocols, compared with their frozen values
nox -s reproduce   a short training from scratch, compared with its recorded log
nox -s intervals   how often the intervals of FED and KID cover, by simulation
nox -s docs        the site of the pages, site/html, with executed notebooks; a dead link is an error
nox -s fuzz        2,000 damaged files of all kinds: no traceback, no hang, no flood of memory
nox -s oracle      every metric against other people's implementations
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nox

nox.options.sessions = ["tests", "lint", "types"]

SHARED = Path(".nox/shared").resolve()
BIN = SHARED / ("Scripts" if os.name == "nt" else "bin")

# What the gate compares with, and the subset that it is measured on: twenty faces of each emotion take
# about 75 CPU seconds, report and pictures included (24 were measured for two faces of each).
REFERENCE = Path("reports/reference")
SUBSET = ("--methods", "all", "--data", "faces:test=140", "--device", "cpu", "--seed", "0")


installed: set[str] = set()


def run(session: nox.Session, *command: str, extras: str = "dev", **options: object) -> None:
    """Run a module in the shared environment, which the first session makes.

    nox gives every session an environment of its own; these use none of nox's and share ours.
    """
    python = str(BIN / "python")
    if not BIN.is_dir():
        session.run(sys.executable, "-m", "venv", str(SHARED), external=True)
    if extras not in installed:
        session.run(python, "-m", "pip", "install", "--quiet", "-e", f".[{extras}]", external=True)
        installed.add(extras)
    session.run(python, *command, external=True, **options)  # type: ignore[arg-type]


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Run the tests, without those of ``equality`` and ``slow``; arguments go to pytest."""
    # A process a core, and one thread in each: the networks are tiny, and threads that wait for each
    # other are slower. A file's tests stay in one process, which shares its fixtures.
    chosen = session.posargs or ("-m", "not equality and not slow")
    workers = ("-n", "logical", "--dist", "loadfile")
    run(session, "-m", "pytest", *workers, *chosen, env={"OMP_NUM_THREADS": "1"})


@nox.session(venv_backend="none")
def slow(session: nox.Session) -> None:
    """Run the tests that simulate or train for long; arguments go to pytest."""
    run(session, "-m", "pytest", "-m", "slow", *session.posargs, env={"OMP_NUM_THREADS": "1"})


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
def docs(session: nox.Session) -> None:
    """Build the site of the pages in site/html and execute its notebooks; a warning is an error."""
    places = ("-c", "docs", "-d", "site/doctrees", ".", "site/html")
    strict = ("--fail-on-warning", "--keep-going", "--quiet")
    run(session, "-m", "sphinx", *strict, *session.posargs, *places, extras="dev,docs")


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """Measure the promised limits."""
    run(session, "benchmarks/limits.py", *session.posargs)
    run(session, "benchmarks/frechet.py")
    run(session, "benchmarks/compare.py")
    run(session, "benchmarks/studio.py")


@nox.session(venv_backend="none")
def intervals(session: nox.Session) -> None:
    """Simulate the coverage of intervals; arguments choose settings, draws and seed."""
    # One thread: the matrices are small.
    env = {"OMP_NUM_THREADS": "1"}
    run(session, "benchmarks/intervals.py", *session.posargs, env=env)


@nox.session(venv_backend="none")
def oracle(session: nox.Session) -> None:
    """Compare every metric with other people's implementations."""
    run(session, "benchmarks/oracle.py", extras="dev,oracle")


@nox.session(venv_backend="none")
def fuzz(session: nox.Session) -> None:
    """Read 2,000 damaged files of all kinds; --count, --seed, --only and --case choose others."""
    run(session, "benchmarks/fuzz", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session(venv_backend="none")
def reproduce(session: nox.Session) -> None:
    """Train briefly and compare the log with the recorded one; --update records it anew."""
    run(session, "benchmarks/reproduce.py", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session(venv_backend="none")
def equality(session: nox.Session) -> None:
    """Compare imported networks with the authors' to 1e-5, as large as they were published."""
    run(session, "-m", "pytest", "-m", "equality", "tests/official", *session.posargs)


@nox.session(venv_backend="none")
def regression(session: nox.Session) -> None:
    """Evaluate the shipped checkpoints and fail if anything got worse than the reference."""
    if not (REFERENCE / "results.json").is_file():
        session.error(f"no reference: {REFERENCE} is empty; make it with nox -s reference")
    fresh = evaluate(session)
    run(session, "-m", "ganbench", "compare", str(REFERENCE), str(fresh), *session.posargs)


@nox.session(venv_backend="none")
def reference(session: nox.Session) -> None:
    """Replace the reference by what the shipped checkpoints score now, and say what moved."""
    fresh = evaluate(session)
    if (REFERENCE / "results.json").is_file():
        compared = ("-m", "ganbench", "compare", str(REFERENCE), str(fresh))
        run(session, *compared, success_codes=[0, 1, 2, 3])  # even a damaged one is replaced
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name in ("results.json", "predictions.npz", "outcomes.npz"):
        (REFERENCE / name).unlink(missing_ok=True)
        if (fresh / name).is_file():
            shutil.copy(fresh / name, REFERENCE / name)


@nox.session(venv_backend="none")
def protocols(session: nox.Session) -> None:
    """Evaluate the shipped methods under named protocols, all or those given, and compare with what is frozen."""
    faces = ("faces64-v1", "faces128-v1", "faces256-v1")
    with tempfile.TemporaryDirectory() as cache:
        env = {"GANBENCH_CACHE": cache}
        run(session, "tools/freeze_protocol.py", "--check", *(session.posargs or faces), env=env)


def evaluate(session: nox.Session) -> Path:
    """Evaluate the subset in an empty cache: a stored result would hide what the code broke."""
    fresh = Path(".nox/evaluation").resolve()
    with tempfile.TemporaryDirectory() as cache:
        env = {"GANBENCH_CACHE": cache}
        run(session, "-m", "ganbench", "eval", *SUBSET, "--out", str(fresh), env=env)
    return fresh
