"""Choosing a judge, and being told when it judges data that it never saw."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from toys import Painter, Reader, ToyFaces, ToyPhotos

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation.protocol import describe, training_notes
from ganbench.evaluation.run import evaluate
from ganbench.judges import list_judges, load_judge
from ganbench.report.manifest import make_manifest
from ganbench.storage.store import Store


@pytest.mark.parametrize("name", list_judges())
def test_every_listed_judge_loads(name):
    spec = load_judge(name, device="cpu").spec
    assert (spec.name, spec.emotions) == (name, EMOTIONS)


def test_an_unknown_judge_gets_a_hint():
    with pytest.raises(BadInput, match="did you mean 'face-api'"):
        load_judge("faceapi")


def test_a_judge_of_other_data_is_noted():
    own = describe(ToyPhotos(7), Reader().spec, 7)  # the reader was trained on "toys"
    other = describe(ToyFaces(7), Reader().spec, 7)
    assert training_notes(own) == []
    assert "trained on toys, not on toyfaces" in training_notes(other)[0]


def test_the_note_is_in_the_manifest(tmp_path):
    for dataset, notes in ((ToyPhotos(7), 0), (ToyFaces(7), 1)):
        found = evaluate([Painter()], dataset, Reader(), store=Store(tmp_path / dataset.name))
        assert len(make_manifest(found.results, found.stopwatch, [], {})["notes"]) == notes


def test_the_command_line_warns_once(tmp_path):
    for shade, emotion in enumerate(EMOTIONS):
        folder = tmp_path / "photos" / "test" / emotion
        folder.mkdir(parents=True)
        Image.fromarray(np.full((64, 64, 3), shade, np.uint8)).save(folder / "0.png")
    command = [sys.executable, "-m", "ganbench", "eval", "--methods", "stargan", "--dry-run"]
    command += ["--data", "folder", "--root", str(tmp_path / "photos"), "--device", "cpu"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    warnings = [line for line in ended.stderr.splitlines() if line.startswith("warning:")]
    assert len(warnings) == 1
    assert "trained on faces, not on folder" in warnings[0]
