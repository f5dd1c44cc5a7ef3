"""The data behind the page's scripts: edits behind the numbers, the map, and the verdict in words."""

import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image
from sample import results
from toys import Painter, Plane, Reader, ToyFaces, ToyPhotos

from ganbench.evaluation.collect import conclude
from ganbench.evaluation.run import prepare
from ganbench.gate import load
from ganbench.report.edits import COUNT, make_edits, relative
from ganbench.report.pictures import place_points
from ganbench.report.points import SCALE, make_points
from ganbench.report.verdict import verdict
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Store

REFERENCE = Path(__file__).parents[2] / "reports/reference"


def plan(folder, methods, data):
    return prepare(methods, data, Reader(), 0, None, 32, Store(folder), Stopwatch())


def pixels(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))


def test_edits_of_the_page_are_those_of_the_evaluation(tmp_path):
    run = plan(tmp_path, {"right": Painter(noise=2), "wrong": Painter(wrong=1)}, ToyFaces(70))
    found = conclude(run)
    edits = make_edits(run)
    tile, (first, second) = edits["tile"], edits["methods"]
    assert edits["labels"] == [0, 1, 2, 3, 4, 5, 6] * 4
    for label in (first, second):
        one = edits["methods"][label]
        assert one["seen"] == found.predictions[label][:COUNT].ravel().tolist()
        shown = found.gallery.edits[label].transpose(0, 3, 1, 4, 2).reshape(7 * tile, 7 * tile, 3)
        sprite = pixels(one["sprite"])
        assert sprite.shape == (COUNT * tile, 7 * tile, 3)
        assert np.abs(sprite[: 7 * tile].astype(float) - shown).mean() < 12  # WebP
    # Painter(wrong=1) shows the next emotion: the judge gives the target nothing, and it is far from the truth.
    wrong = edits["methods"][second]
    assert wrong["p"] == [0] * 7 * COUNT
    assert [value is None for value in wrong["error"][:8]] == [True, *[False] * 7]
    assert pixels(edits["truth"]).shape == (COUNT * tile, 7 * tile, 3)
    before = [method.edited for method in run.methods.values()]
    assert make_edits(run) == edits
    assert [method.edited for method in run.methods.values()] == before


def test_photographs_have_no_right_answer(tmp_path):
    run = plan(tmp_path, [Plane()], ToyPhotos(14))
    edits = make_edits(run)
    assert edits["truth"] is None
    assert edits["methods"]["plane"]["error"] is None
    assert edits["methods"]["plane"]["background"] is None
    assert len(edits["methods"]["plane"]["p"]) == 14 * 7


def test_a_distance_is_relative_where_there_was_something_to_do():
    found = relative(np.array([[1.0, 0.1]]), np.array([[4.0, 0.0]]))
    assert found[0, 0] == 0.25
    assert np.isnan(found[0, 1])


def test_an_edit_to_the_emotion_of_the_input_has_no_error(tmp_path):
    data = ToyFaces(70)
    right = data.images
    data.images = lambda indices: 0.9 * right(indices)  # no input equals a true edit
    errors = make_edits(plan(tmp_path, [Painter()], data))["methods"]["painter"]["error"]
    same = [edit % 7 == edit // 7 % 7 for edit in range(7 * COUNT)]
    assert [error is None for error in errors] == same


def test_points_keep_places_and_rows(tmp_path):
    run = plan(tmp_path, [Painter(noise=2), Plane()], ToyFaces(140))
    evaluation = conclude(run)
    placed = place_points(evaluation)
    points = make_points(placed)
    assert make_points([]) is None
    ends = np.concatenate([np.array([c["x"], c["y"]]).T for c in points["clouds"]])
    assert ends.min() == 0
    assert ends.max() == SCALE
    labels = run.dataset.labels[run.chunks[0].indices]
    for cloud, (_, positions) in zip(points["clouds"], placed, strict=True):
        order = np.argsort(positions[:, 0], kind="stable")
        assert (np.diff(np.array(cloud["x"])[order]) >= 0).all()
        if cloud["method"] == "real":
            seen = [(r, c) for r, c in zip(cloud["row"], cloud["label"], strict=True) if r < 100]
            assert [labels[row] for row, _ in seen] == [label for _, label in seen]
        else:
            assert [row % 7 for row in cloud["row"]] == cloud["label"]
    assert [cloud["anchor"] for cloud in points["clouds"]] == [False, True, False, False]


def test_the_verdict_names_leaders_and_ties(tmp_path):
    run = plan(
        tmp_path, {"a": Painter(), "b": Painter(wrong=1), "c": Painter(leak=0.1)}, ToyFaces(70)
    )
    found = conclude(run).results
    accuracy, *_, background = (
        sentence
        for sentence in verdict(found)
        if sentence.startswith(("Mean accuracy", "Accuracy", "Background"))
    )
    assert "tied at the top" in accuracy
    assert accuracy.count("(100.0 %)") == 2
    assert "tied at the top: a (Painter)" in background
    assert "c (" not in background  # it leaks
    # Without differences nothing can be said.
    assert verdict(results()) == []


def test_the_verdict_tells_the_best_first_and_only_of_metrics_with_a_direction():
    found = verdict(load(str(REFERENCE)).results)
    assert [sentence.split(":")[0] for sentence in found] == [
        "Accuracy ↑", "FED ↓", "ERE ↓", "Background ↓", "Ground-truth error ↓",
    ]  # fmt: skip
    (fed,) = (sentence for sentence in found if sentence.startswith("FED"))
    values = [float(value) for value in re.findall(r"\(([\d.]+)\)", fed)]
    assert len(values) > 1
    assert values == sorted(values)


def test_a_single_leader_leads(tmp_path):
    run = plan(tmp_path, {"a": Painter(), "b": Painter(wrong=1)}, ToyFaces(70))
    accuracy = verdict(conclude(run).results)[0]
    assert accuracy.startswith("Accuracy ↑: a (Painter) (100.0 %)")
    assert accuracy.endswith(" leads.")
