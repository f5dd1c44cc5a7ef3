import re

import pytest
import torch
from toys import Painter, Plane, Reader, ToyPhotos, Wheel

from ganbench.evaluation.collect import conclude
from ganbench.evaluation.run import prepare
from ganbench.report import cached_scene
from ganbench.report.plane_figures import draw_plane_figures, plane_figure_names
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Store


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(cached_scene, "DPI", 30)  # drawn five times as fast as a real page
    methods = [Painter(noise=2), Plane(), Wheel()]
    store = Store(tmp_path)
    return prepare(methods, ToyPhotos(70), Reader(), 0, None, 32, store, Stopwatch())


def share_of_disagreement(picture):
    """Per cent of the plane, in the caption of a gamut."""
    return float(re.search(r"emotions differ on (\d+) % of the plane", picture.caption)[1])


def test_figures_are_drawn_from_the_edits_of_the_evaluation(run):
    gallery = conclude(run).gallery
    before = {name: method.edited for name, method in run.methods.items()}
    judged = run.judge.judged
    pictures = draw_plane_figures(run, gallery)
    names = [f"{name}_plane.png" for name in ("gamut", "complex", "same-label", "nuance")]
    # No nuance: the code half-way to happy is too near to the rim.
    names += ["gamut_wheel.png", "wheel_wheel.png"]
    assert plane_figure_names(run) == [picture.name for picture in pictures] == names
    added = {name: method.edited - before[name] for name, method in run.methods.items()}
    labelled = 6 * 6 + 4 * 6  # codes of complex and same-label, on six faces
    assert added == {"painter": 0, "plane": 7 * 7 + labelled + 25, "wheel": 37 + 24}
    assert run.judge.judged - judged == 7 * 7 + 37
    # The judge sees all 490 random codes of the toy as their nearest anchor, as p_z does.
    assert "edits of all test images" in pictures[0].caption
    assert share_of_disagreement(pictures[0]) < 25

    done = [method.edited for method in run.methods.values()], run.judge.judged
    again = draw_plane_figures(run, gallery)
    assert ([method.edited for method in run.methods.values()], run.judge.judged) == done
    assert [a.png for a in again] == [b.png for b in pictures]

    with torch.no_grad():
        run.methods["plane"].weight.fill_(1)
    run.methods["plane"].wrong = 3
    run.methods = {"plane": run.methods["plane"]}
    changed = draw_plane_figures(run, conclude(run).gallery)
    assert share_of_disagreement(changed[0]) > 75


def test_a_plane_of_one_emotion_has_no_figure_of_mixtures(run):
    method = run.methods["plane"]
    method.label_distribution = lambda codes: torch.eye(7)[torch.zeros(len(codes), dtype=int)]
    names = plane_figure_names(run)
    assert "complex_plane.png" not in names
    assert "same-label_plane.png" in names
