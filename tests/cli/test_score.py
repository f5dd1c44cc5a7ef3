"""``ganbench protocol``, ``score`` and ``verify`` as processes, from tasks to a row that is proven."""

import csv
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from toys import photograph

from ganbench.judges.vgg import VGG, VGGConfig
from ganbench.methods.weights import save_checkpoint

DATA = ["--data", "folder", "--root", "photos", "--size", "16", "--judge", "judge.safetensors"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with photographs, a judge, tasks, and the edits of a program that knows none of ganbench."""
    place = tmp_path_factory.mktemp("score")
    for split in ("train", "test"):
        photograph(place / "photos" / split, size=(16, 16))
    torch.manual_seed(0)
    judge = VGG(VGGConfig(image_size=16, stages=(1, 1), widths=(4, 6), hidden=8))
    save_checkpoint(place / "judge.safetensors", judge, "judge", "judge", {"licence": "MIT"})
    done = ganbench(place, "protocol", "export", "folder", "todo", *DATA)
    assert done.returncode == 0, done.stderr
    (place / "edits").mkdir()
    for line in csv.DictReader((place / "todo" / "tasks.csv").open()):
        pixels = np.asarray(Image.open(place / "todo" / line["input"]))
        shift = int(line["seed"]) % 200
        edit = np.roll(pixels, len(line["target"]), axis=0) // 2 + shift // 2
        Image.fromarray(edit.astype(np.uint8)).save(place / "edits" / f"{line['id']}.png")
    return place


def ganbench(place, *words):
    """A process of the command line."""
    env = os.environ | {"GANBENCH_CACHE": str(place / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "ganbench", *map(str, words)]
    return subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def scored(place):
    words = ["--name", "My [b]method", "--url", "https://x.org", "--trained-on", "RaFD"]
    done = ganbench(place, "score", "edits", "--protocol", "folder", *DATA, *words, "--out", "run")
    assert done.returncode == 0, done.stderr
    return done


def test_a_folder_becomes_a_run_with_table_and_page(place, scored):
    assert "My [b]method" in scored.stdout
    assert "my-b-method: own:" in scored.stdout
    names = {path.name for path in (place / "run").iterdir()}
    assert {"results.json", "predictions.npz", "table1.csv", "report.html", "pictures.csv"} <= names
    assert {"grid_my-b-method.png", "manifest.json"} <= names
    table = json.loads((place / "run" / "results.json").read_text())
    facts = table["methods"]["my-b-method"]
    assert (facts["url"], facts["trained_on"]) == ("https://x.org", "RaFD")
    assert table["protocol"]["name"] == f"own:{table['protocol_hash'][:8]}"
    page = (place / "run" / "report.html").read_text()
    assert "trained on RaFD; at https://x.org" in page
    manifest = json.loads((place / "run" / "manifest.json").read_text())
    assert "pictures.csv" in manifest["files"]
    assert str(place) not in json.dumps(manifest)


def test_a_second_run_stands_beside_it(place, scored):
    shutil.copytree(place / "edits", place / "lighter", dirs_exist_ok=True)
    for path in (place / "lighter").iterdir():
        Image.fromarray(np.asarray(Image.open(path)) // 2 + 127).save(path)
    words = ["--protocol", "folder", *DATA, "--name", "Lighter", "--beside", "run", "--out", "both"]
    done = ganbench(place, "score", "lighter", *words)
    assert done.returncode == 0, done.stderr
    rows = list(csv.reader((place / "both" / "table1.csv").open()))
    assert [row[0] for row in rows] == ["Method", "Real", "Lighter", "My [b]method"]
    assert rows[0][-1] == "Protocol"
    assert rows[1][-1].startswith("own:")
    compared = ganbench(place, "compare", "run", "both")
    assert compared.returncode == 0, compared.stderr  # the row is the same in both
    verified = ganbench(place, "verify", "both", "lighter", "--protocol", "folder", *DATA)
    assert verified.stdout == "verified: 98 of 98 pictures\n", verified.stderr
    again = ganbench(place, "score", "lighter", *words[:-5], "My [b]method", *words[-4:])
    assert again.returncode == 2
    assert "name given twice" in again.stderr


def test_a_run_is_verified_in_a_sample_and_as_a_whole(place, scored):
    words = ["--protocol", "folder", *DATA]
    done = ganbench(place, "verify", "run", "edits", *words, "--limit", "3")
    assert (done.returncode, done.stdout) == (0, "verified: 21 of 98 pictures\n"), done.stderr
    done = ganbench(place, "verify", "run", "edits", *words, "--whole")
    assert done.stdout == "verified: 98 of 98 pictures\n"
    shutil.copytree(place / "edits", place / "forged", dirs_exist_ok=True)
    shutil.copy(place / "edits" / "00000-sad.png", place / "forged" / "00001-sad.png")
    done = ganbench(place, "verify", "run", "forged", *words, "--whole")
    assert done.returncode == 1
    assert "fault: 00001-sad.png is not the picture that was scored" in done.stdout
    assert "not verified: 1 fault in 98 of 98 pictures" in done.stdout


def test_faults_are_one_line_and_code_2(place):
    broken = place / "broken"
    shutil.copytree(place / "edits", broken, dirs_exist_ok=True)
    (broken / "00000-sad.png").unlink()
    (broken / "00001-sad.png").write_bytes(b"x")
    Image.new("RGB", (20, 20), (9, 9, 9)).save(broken / "00002-sad.png")
    (broken / "notes.txt").write_text("")
    done = ganbench(place, "score", "broken", "--protocol", "folder", *DATA, "--out", "no")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    for part in ("1 edit missing: 00000-sad.png", "1 edit unreadable: 00001-sad.png", "20 x 20", "notes.txt"):  # fmt: skip
        assert part in done.stderr
    assert not (place / "no").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["score", "edits", "--protocol", "faces65-v1"], "did you mean 'faces64-v1'"),
        (["score", "edits", "--size", "32"], "--size with --protocol faces64-v1, which decides it"),
        (["score", "edits", "--data", "folder"], "--data with --protocol faces64-v1"),
        (["score", "edits", "--protocol", "folder"], "needs --data"),
        (["score", "edits", "--name", "GANmut"], "taken or too long"),
        (["score", "edits", "--url", "javascript:alert(1)"], "not a web address"),
        (["score", "none", "--protocol", "folder", *DATA], "no folder of edits: none"),
        (["score", "edits", "--protocol", "affectnet-v1-3500"], "needs --root"),
        (["verify", "run", "edits"], "no named protocol"),
        (["verify", "edits", "edits"], "cannot read results"),
        (["protocol", "show", "nothing"], "unknown protocol"),
        (["protocol", "export", "faces64-v1", "todo"], "is not empty"),
    ],
)
def test_bad_input_is_one_line(place, scored, words, message):
    done = ganbench(place, *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert message in done.stderr


def test_protocols_are_listed_and_shown(place):
    listed = ganbench(place, "protocol", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed][-4:] == ["faces64-v1", "faces128-v1", "faces256-v1", "folder"]  # fmt: skip
    shown = ganbench(place, "protocol", "show", "faces64-v1", "--json")
    table = json.loads(shown.stdout)
    assert table["hash"][:12] == listed[2].split()[1]
    assert "judge hash" in ganbench(place, "protocol", "show", "faces64-v1").stdout
    assert "ganbench score edits" in ganbench(place, "score", "--help").stdout
