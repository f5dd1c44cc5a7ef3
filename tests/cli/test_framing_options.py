"""``--framing`` and ``--max-pixels`` of train, eval, figure and data check."""

from __future__ import annotations

import json

import pytest
from conftest import JUDGE, RECIPE
from toys import photograph


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with photographs that are not square, and a StarGAN and a judge trained on them."""
    place = tmp_path_factory.mktemp("framing")
    for split in ("train", "test"):
        photograph(place / "photos" / split, 2, (30, 20))
        photograph(place / "photos" / split, 1, (20, 20), seed=1)
    (place / "tiny.toml").write_text(RECIPE.replace("NAME", "stargan") + JUDGE)
    return place


@pytest.fixture
def run(trained, call, monkeypatch):
    """``run(*arguments)`` -> exit code, stdout, stderr of the command in that folder."""
    monkeypatch.chdir(trained)
    monkeypatch.setenv("GANBENCH_CACHE", str(trained / "cache"))
    return call


DATA = ("--data", "folder", "--root", "photos")


def test_framing_is_said_recorded_and_compared(run, trained):
    for name, framing in (("stargan", "stretch"), ("judge", "centre")):
        code, _, err = run(
            "train", name, "--recipe", "tiny.toml", *DATA, "--framing", framing, "--out", name, "--device", "cpu"
        )  # fmt: skip
        assert code == 0, err
        done = "they are stretched" if framing == "stretch" else "their middle square is cut out"
        assert f"folder: 7 images are not square, of 14: {done}" in " ".join(err.split())
        card = json.loads((trained / name / "recipe.json").read_text())
        assert card["data"]["framing"] == framing
        assert ("--framing stretch" in card["command"]) == (framing == "stretch")
    common = ("--methods", "stargan=stargan", "--judge", "judge/judge.safetensors", *DATA, "--device", "cpu", "--dry-run")  # fmt: skip
    warning = "trained on pictures of framing 'stretch', and these are of framing 'centre'"
    code, _, err = run("eval", *common)
    assert code == 0, err
    assert warning in " ".join(err.split())
    assert "of 14: their middle square is cut out (--framing centre" in " ".join(err.split())
    code, _, err = run("eval", *common, "--framing", "stretch")
    assert code == 0, err
    assert "was trained on pictures of framing 'centre'" in " ".join(err.split())  # the judge
    assert warning not in " ".join(err.split())
    code, _, err = run(
        "figure", "wheel", *DATA, "--method", "stargan", "--framing", "fit", "--out", "x.png"
    )
    assert (code, err.count("\n")) == (2, 1)


def test_the_doctor_says_what_framing_does(run):
    common = ("data", "check", *DATA, "--size", 16)
    _, centre, _ = run(*common)
    assert "note: train: 7 images are not square, of 14: their middle square is cut out" in centre
    _, stretch, _ = run(*common, "--framing", "stretch")
    assert "note: test: 7 images are not square, of 14: they are stretched" in stretch
    prints = [text.split("fingerprint")[1].split("\n")[0] for text in (centre, stretch)]
    assert prints[0] != prints[1]


def test_the_limit_of_pixels_holds_everywhere(run):
    for command in (
        ("data", "check", *DATA, "--split", "train", "--size", 16),
        ("train", "stargan", "--recipe", "tiny.toml", *DATA, "--out", "y", "--device", "cpu"),
        ("eval", "--methods", "stargan", *DATA, "--device", "cpu"),
    ):
        code, out, err = run(*command, "--max-pixels", 500)
        assert code == 2
        assert "600 pixels, more than 500" in out + err
        assert sum(not line.startswith("note: ") for line in err.splitlines()) == 1
