"""The command line as a user meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toys import photograph

import ganbench
from ganbench.cli import COMMANDS
from ganbench.emotions import EMOTIONS

SCRIPT = Path(sys.executable).with_name("ganbench")
MODULE = [sys.executable, "-m", "ganbench"]


@pytest.fixture
def photos(tmp_path):
    """A folder per emotion with three small photographs each, one for testing."""
    photograph(tmp_path / "photos/train", 3, (20, 20), ".jpg")
    photograph(tmp_path / "photos/test", 1, (20, 20), ".jpg")
    return tmp_path / "photos"


@pytest.fixture
def process(tmp_path):
    """``process(*args)``: runs ganbench as its own process in an empty folder."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "GANBENCH_CACHE": str(tmp_path / "cache"),
        "COLUMNS": "200",
    }

    def start(*args: object, program: list[str] = MODULE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*program, *map(str, args)],
            cwd=folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(*args: object, program: list[str] = MODULE) -> subprocess.CompletedProcess[str]:
        with start(*args, program=program) as running:
            out, err = running.communicate(timeout=60)
        return subprocess.CompletedProcess(running.args, running.returncode, out, err)

    run.start = start  # type: ignore[attr-defined]
    return run


def assert_refused(result: tuple[int, str, str], message: str) -> None:
    """Exit code 2 and one line on stderr that says what is wrong, after notes perhaps."""
    code, out, err = result
    assert code == 2
    assert out == ""
    err = "".join(line for line in err.splitlines(keepends=True) if not line.startswith("note: "))
    assert err.count("\n") == 1, err
    assert err.startswith("ganbench: ")
    assert "Traceback" not in err
    assert re.search(message, err), err


# -- help -------------------------------------------------------------------------------------------


def test_help_lists_every_command(call):
    code, out, _ = call("--help")
    assert code == 0
    for name, text in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(text[:20])}", out, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_of_its_own(call, command):
    code, out, _ = call(command, "--help")
    assert code == 0
    assert out.startswith(f"Usage: ganbench {command}")


def test_no_arguments_show_the_help(call):
    code, out, err = call()
    assert code in (0, 2)
    assert "Commands:\n" in out + err


@pytest.mark.parametrize("program", [MODULE, [str(SCRIPT)]], ids=["module", "script"])
def test_version(process, program):
    if not Path(program[0]).exists():
        pytest.skip("installed without its script")
    done = process("--version", program=program)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"ganbench, version {ganbench.__version__}\n"


def test_methods_are_listed(call):
    code, out, err = call("methods")
    assert (code, err) == (0, "")
    names = [line.split()[0] for line in out.splitlines()]  # aliases follow in parentheses
    assert names[:6] == ["linear", "gaussian", "stargan", "ganimation", "smit", "stargan-v2"]
    assert "GGANmut" in out


# -- mistakes ---------------------------------------------------------------------------------------


def test_a_mistake_in_a_real_process_is_one_line(process):
    done = process("trian", "stargan")
    assert_refused((done.returncode, done.stdout, done.stderr), "unknown command: 'trian'; did you mean 'train'")  # fmt: skip


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["evl"], "unknown command: 'evl'; did you mean 'eval'"),
        (["zzz"], f"unknown command: 'zzz'; known: {', '.join(sorted(COMMANDS))}"),
        (["--verbose"], "--verbose"),
        (["train"], "Missing argument"),
        (["train", "stargan", "more"], "unexpected extra argument"),
        (["train", "stargan", "--itertions", "3"], "--itertions"),
        (["train", "stargan", "--seed", "x"], "'x' is not a valid integer"),
        (["train", "stargn"], "unknown method: 'stargn'; did you mean 'stargan'"),
        (["train", "jugde"], "judge"),
        (["train", "stargan", "--recipe", "face"], "unknown recipe: 'face'; did you mean 'faces'"),
        (["train", "stargan", "--recipe", "no.toml"], "cannot read recipe: no.toml"),
        (["train", "stargan", "--set", "iteration=3"], "unknown key in recipe .*'iteration'; did you mean 'iterations'"),
        (["train", "stargan", "--set", "network.widht=3"], "'widht'; did you mean 'width'"),
        (["train", "stargan", "--set", "iterations"], "not an assignment: 'iterations'"),
        (["train", "stargan", "--set", "iterations=many"], "wrong type of .* iterations: 'many'"),
        (["train", "stargan", "--set", "schedule=liner"], "'liner'; did you mean 'linear'"),
        (["train", "stargan", "--device", "gpu"], "device is not available: 'gpu'"),
        (["train", "stargan", "--data", "folde"], "unknown data set: 'folde'; did you mean 'folder'"),
        (["train", "stargan", "--data", "folder"], "needs --root"),
        (["train", "stargan", "--data", "folder", "--root", "nowhere"], "no such folder: 'nowhere'"),
        (["train", "stargan", "--data", "folder", "--root", "."], "looked for"),
        (["train", "stargan", "--root", "."], "no data set was recognised under"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_mistakes_are_one_line(call, args, message):
    assert_refused(call(*args), message)


def train(photos, recipe, out, *more):
    return ["train", "stargan", "--recipe", recipe, "--data", "folder", "--root", photos, "--out", out, "--device", "cpu", *more]  # fmt: skip


def test_nothing_to_resume(call, photos, tiny_recipe):
    assert_refused(call(*train(photos, tiny_recipe, "out", "--resume")), "nothing to resume: out")


def test_a_recipe_without_the_method(call, photos, tmp_path):
    (tmp_path / "other.toml").write_text("[linear]\n")
    assert_refused(call(*train(photos, "other.toml", "out")), r"has no table \[stargan\]")


def test_an_unreadable_photograph(call, photos, tiny_recipe, tmp_path):
    (photos / "train/happy/1.jpg").write_bytes(b"not an image")
    code, out, err = call(*train(photos, tiny_recipe, "out"))
    *progress, message = err.splitlines()
    assert_refused((code, out, message + "\n"), "train/happy/1.jpg.*--skip-bad")
    assert not any("ganbench" in line for line in progress)
    code, _, err = call(*train(photos, tiny_recipe, "out", "--skip-bad"))
    assert code == 0, err
    card = json.loads((tmp_path / "out/recipe.json").read_text())
    assert card["data"]["images"] == 20


def test_a_diverging_run_exits_with_1(call, photos, tiny_recipe):
    code, _, err = call(*train(photos, tiny_recipe, "out", "--set", "learning_rate=1e12", "--set", "iterations=100"))  # fmt: skip
    assert code == 1
    last = err.splitlines()[-1]
    assert last.startswith("ganbench: ")
    assert "diverged" in last
    assert "Traceback" not in err


# -- training -----------------------------------------------------------------------------------------


def test_training_resuming_and_loading(call, photos, tiny_recipe, tmp_path):
    out = tmp_path / "run"
    code, printed, err = call(
        *train(photos, tiny_recipe, out, "--set", "iterations=4", "--seed", 7)
    )
    assert (code, printed) == (0, f"{out / 'stargan.safetensors'}\n"), err
    method = ganbench.load_method("stargan", out / "stargan.safetensors", device="cpu")
    assert method.spec.image_size == 16
    assert method.card["seed"] == 7
    assert method.card["iteration"] == 4
    assert method.card["data"]["images"] == 21
    assert method.card["command"].startswith("ganbench train stargan --recipe")
    assert "--set iterations=4" in method.card["command"]

    code, printed, err = call(*train(photos, tiny_recipe, out, "--seed", 7, "--resume"))
    assert code == 0, err
    assert printed == f"{out / 'stargan.safetensors'}\n"
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert {"d_real", "d_fake", "d_gp", "d_cls"} <= lines[-1].keys()
    assert {path.name for path in (out / "samples").iterdir()} >= {"0000003.png", "0000006.png"}


def test_a_run_is_neither_overwritten_nor_mixed(call, photos, tiny_recipe):
    code, _, err = call(*train(photos, tiny_recipe, "out", "--set", "iterations=2"))
    assert code == 0, err
    assert_refused(call(*train(photos, tiny_recipe, "out")), "a run is already there: out; add --")
    again = train(photos, tiny_recipe, "out", "--seed", 8, "--resume")
    assert_refused(call(*again), "cannot resume: seed was 0, now 8")


def test_the_judge_is_trained_by_the_same_command(call, photos, tiny_recipe, tmp_path):
    args = train(photos, tiny_recipe, "judged")
    args[1] = "judge"
    code, printed, err = call(*args)
    assert code == 0, err
    assert printed == "judged/judge.safetensors\n"
    judge = ganbench.load_judge(checkpoint=tmp_path / "judged/judge.safetensors", device="cpu")
    assert judge.spec.emotions == EMOTIONS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_can_be_resumed(process, call, photos, tiny_recipe, tmp_path, number):
    out = tmp_path / "run"
    endless = ("--set", "iterations=1000000", "--set", "sample_every=1000000", "--set", "checkpoint_every=1000000")  # fmt: skip
    running = process.start(*train(photos, tiny_recipe, out, *endless))
    log, end = out / "log.jsonl", time.monotonic() + 60
    while running.poll() is None and not (log.exists() and log.read_text().count("\n") > 3):
        assert time.monotonic() < end
        time.sleep(0.05)
    running.send_signal(number)
    printed, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert printed == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "ganbench: interrupted; what was finished is kept"

    stopped = [json.loads(line)["iteration"] for line in log.read_text().splitlines()]
    assert stopped == list(range(1, len(stopped) + 1))
    assert (out / "checkpoints" / f"{stopped[-1]:07d}.safetensors").exists()
    code, _, err = call(*train(photos, tiny_recipe, out, *endless, "--set", f"iterations={stopped[-1] + 2}", "--resume"))  # fmt: skip
    assert code == 0, err
    assert len(log.read_text().splitlines()) == stopped[-1] + 2
