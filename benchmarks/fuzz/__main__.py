"""Hand damaged files of every kind to ganbench: ``python benchmarks/fuzz [--count 2000] [--seed 0]``.

A fork reads each input, with a limit of memory and of time. An answer as for a valid file is right, and so
is one line of error with exit code 2. Tracebacks, errors of several lines, more than 5 seconds of computing,
more than 1 GiB of additional memory, and crashes are wrong. The exit code is 1 if an input was wrong.
``--case NAME:17`` repeats one input and keeps its files.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import readers
from readers import PLACES, READERS, Reader

from ganbench.errors import GanbenchError

SECONDS, MEMORY = 5.0, 1 << 30
DEADLINE = 40  # seconds of real time; other processes may use the machine, too


def plan(count: int) -> list[tuple[str, int]]:
    """Names of readers with the numbers of their cases; any first part of the list keeps the shares."""
    total = sum(reader.share for reader in READERS.values())
    found = [
        ((i + 0.5) / reader.share, name, i)
        for name, reader in READERS.items()
        for i in range(reader.share * (count // total + 1))
    ]
    return [(name, i) for _, name, i in sorted(found)[:count]]


def prepare(sample: Path, folder: Path, name: str, case: int, seed: int) -> None:
    """A copy of the valid files in which one is damaged."""
    reader, rng = READERS[name], random.Random(f"{seed} {name} {case}")
    shutil.copytree(sample, folder, dirs_exist_ok=True, symlinks=True)
    path = folder / reader.file
    if name == "options":
        path.write_text(json.dumps(rng.choice(readers.COMMANDS)))
    elif rng.random() < 0.06:
        readers.misplace(path, rng.choice(PLACES))
        return
    path.write_bytes(reader.change(path.read_bytes(), rng))


def answer(reader: Reader, folder: Path) -> dict[str, Any]:
    """The answer of ganbench, in this process."""
    out, err = io.StringIO(), io.StringIO()
    code, fault = 0, ""
    os.chdir(folder)
    os.environ["GANBENCH_CACHE"] = str(folder / "cache")
    with redirect_stdout(out), redirect_stderr(err):
        try:
            if reader.call:
                reader.call(folder)
            else:
                readers.main_with(*(word.replace("{}", str(folder)) for word in reader.arguments))
        except SystemExit as end:
            code = int(end.code or 0)
        except GanbenchError as error:
            code = 2
            print(f"ganbench: {' '.join(str(error).split())}", file=err)
        except BaseException:
            fault = traceback.format_exc()
    errors = [line for line in err.getvalue().splitlines() if line.startswith("ganbench: ")]
    if not fault and code not in (0, 1, 2, 3):
        fault = f"exit code {code}: {err.getvalue()[-500:]}"
    elif not fault and code == 2 and len(errors) != 1:
        fault = f"not one line of error: {err.getvalue()[-500:]}"
    elif not fault and "Traceback" in err.getvalue():
        fault = err.getvalue()
    elif not fault and "\x1b" in out.getvalue() + err.getvalue():
        fault = "control characters are printed"
    return {"code": code, "fault": fault, "said": (errors or [""])[-1][:300]}


def attempt(reader: Reader, folder: Path, again: bool = True) -> dict[str, Any]:
    """The answer of a fork, with its seconds of computing and its additional memory.

    A fork without an answer is repeated: it may, rarely, wait for a lock that a thread held in the
    parent. A fork that waits for a pipe does so each time.
    """
    read, write = os.pipe()
    stuck = folder.with_name("stuck")
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.close(read)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(DEADLINE)
        faulthandler.dump_traceback_later(DEADLINE - 2, file=stuck.open("w"))
        before = resource.getrusage(resource.RUSAGE_SELF)
        virtual = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        used = int(before.ru_utime + before.ru_stime)
        resource.setrlimit(resource.RLIMIT_CPU, (used + 4 * int(SECONDS),) * 2)
        resource.setrlimit(resource.RLIMIT_AS, (virtual + 2 * MEMORY,) * 2)
        started = time.process_time()
        found = answer(reader, folder)
        after = resource.getrusage(resource.RUSAGE_SELF)
        found["seconds"] = time.process_time() - started
        found["memory"] = (after.ru_maxrss - before.ru_maxrss) * 1024
        with os.fdopen(write, "w") as pipe:
            json.dump(found, pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if status == signal.SIGALRM and again:
        return attempt(reader, folder, again=False)
    if status:
        late = status == signal.SIGALRM
        cause = f"no answer in {DEADLINE} s" if late else f"the process died: {status}"
        return {"code": -1, "fault": cause, "said": "", "seconds": float(DEADLINE), "memory": 0}
    found = json.loads(text)
    if not found["fault"] and found["seconds"] > SECONDS:
        found["fault"] = f"took {found['seconds']:.1f} s"
    if not found["fault"] and found["memory"] > MEMORY:
        found["fault"] = f"took {found['memory'] >> 20} MiB"
    return found


def check_valid(sample: Path, folder: Path) -> None:
    """See that each command reads the valid files.

    Raises:
        SystemExit: one fails.
    """
    commands = {(reader.arguments, reader.call): name for name, reader in READERS.items()}
    for name in commands.values():
        if name != "options":
            place = folder / "valid"
            shutil.copytree(sample, place)
            found = attempt(READERS[name], place)
            shutil.rmtree(place)
            if found["fault"]:
                raise SystemExit(f"a valid file fails, {name}: {found['fault']}")
            if found["code"] == 2:
                print(f"a valid file is refused, {name}: {found['said']}", flush=True)


def imports() -> None:
    """Import the modules of the commands, once for all forks; none of them starts a thread."""
    import torch._dynamo  # noqa: F401
    from PIL import Image

    from ganbench import gate  # noqa: F401
    from ganbench.cli import checkpoints, compare, data, edit, eval, plot, reproduce, train  # noqa: F401
    from ganbench.data import affectnet, folder  # noqa: F401
    from ganbench.data.faces import dataset  # noqa: F401
    from ganbench.figures import curves, page  # noqa: F401
    from ganbench.report import formats, run_folder  # noqa: F401
    from ganbench.training import plan, session  # noqa: F401

    Image.init()
    gc.freeze()  # a collection in a fork would copy the memory of all these modules


def main() -> int:
    """Read all inputs and print a table; 1 if an input was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", help="NAME:NUMBER of one input, as a fault names it")
    parser.add_argument("--only", help="names of readers that contain this")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch.set_num_threads would start a pool here
    np.seterr(all="ignore")
    imports()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    sample = folder / "sample"
    sample.mkdir()
    readers.make(sample)
    if (begun := attempt(readers.BEGIN, sample))["code"]:
        raise SystemExit(f"the training fails: {begun['fault'] or begun['said']}")
    if given.case:
        name, _, number = given.case.rpartition(":")
        prepare(sample, folder / "case", name, int(number), given.seed)
        found = attempt(READERS[name], folder / "case")
        print(json.dumps(found, indent=1).replace("\\n", "\n"))
        print(f"its files: {folder / 'case'}")
        return int(bool(found["fault"]))
    check_valid(sample, folder)
    chosen = [one for one in plan(given.count) if (given.only or "") in one[0]]
    totals: dict[str, Counter[str]] = {}
    faults, worst = [], {"seconds": 0.0, "memory": 0}
    began = time.monotonic()
    for name, case in chosen:
        place = folder / "case"
        prepare(sample, place, name, case, given.seed)
        found = attempt(READERS[name], place)
        shutil.rmtree(place)
        verdict = "wrong" if found["fault"] else "refused" if found["code"] == 2 else "read"
        totals.setdefault(name, Counter())[verdict] += 1
        if found["fault"]:
            faults.append(f"{name}:{case}\n{found['fault'].rstrip()}\n")
            print(faults[-1], flush=True)
        else:
            worst = {key: max(value, found[key]) for key, value in worst.items()}
    shutil.rmtree(folder)
    for name, counts in totals.items():
        print(
            f"{name:<24}", *(f"{counts[word]:>5} {word}" for word in ("refused", "read", "wrong"))
        )
    print(
        f"{len(chosen)} inputs, {len(faults)} wrong, in {time.monotonic() - began:.0f} s; of the others at "
        f"most {worst['seconds']:.1f} s and {worst['memory'] >> 20} MiB"
    )
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
