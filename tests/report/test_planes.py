import re

import pytest
import torch
from toys import Painter, Plane, Reader, ToyPhotos, Wheel

from ganbench.evaluation.collect import conclude
from ganbench.evaluation.run import prepare
from ganbench.report.comparison_figures import MOST, draw_plates, plate_names
from ganbench.report.plane_figures import draw_planes, plane_names
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Store


@pytest.fixture
def run(tmp_path):
    methods = [Painter(noise=2), Plane(), Wheel()]
    data = ToyPhotos(70)
    store = Store(tmp_path)
    return prepare(methods, data, Reader(), 0, None, 32, store, Stopwatch())


def test_planes_are_drawn_from_what_was_edited_and_kept(run):
    found = conclude(run)
    before = {name: method.edited for name, method in run.methods.items()}
    judged = run.judge.judged
    pictures = draw_planes(run, found.gallery)
    assert [picture.name for picture in pictures] == plane_names(run)
    of = {
        method: {name.split("_")[0] for name in plane_names(run) if name.endswith(f"_{method}.png")}
        for method in run.methods
    }
    assert of == {
        "painter": set(),
        "plane": {"gamut", "complex", "same-label", "nuance"},
        "wheel": {"gamut", "wheel"},  # no nuance: half way to happy is too near to the rim
    }
    added = {name: method.edited - before[name] for name, method in run.methods.items()}
    labelled = 6 * 6 + 4 * 6  # codes of complex and same-label, on six faces
    assert added == {"painter": 0, "plane": 7 * 7 + labelled + 25, "wheel": 37 + 24}
    assert run.judge.judged - judged == 7 * 7 + 37

    done = [method.edited for method in run.methods.values()], run.judge.judged
    again = draw_planes(run, found.gallery)
    assert ([method.edited for method in run.methods.values()], run.judge.judged) == done
    assert [a.png for a in again] == [b.png for b in pictures]


def test_methods_side_by_side_and_styles_are_drawn_once(run):
    gallery = conclude(run).gallery
    before = sum(method.edited for method in run.methods.values())
    pictures = draw_plates(run, gallery)
    assert [picture.name for picture in pictures] == plate_names(run)
    assert plate_names(run) == ["compare.png", "styles_painter.png"]
    assert "Painter, Plane, Wheel" in pictures[0].caption
    assert re.search(
        r"Diversity.*: \d\.\d+; between two emotions.*Judge: Reader", pictures[1].caption
    )
    # Seven codes of each method on one face; six styles and seven emotions on seven faces.
    edited = sum(method.edited for method in run.methods.values()) - before
    assert edited == 3 * 7 + 6 * 7 + 7 * 7
    judged = run.judge.judged
    again = draw_plates(run, gallery)
    assert sum(method.edited for method in run.methods.values()) - before == edited
    assert run.judge.judged == judged
    assert [a.png for a in again] == [b.png for b in pictures]


def test_other_weights_and_another_judge_are_seen(run):
    gallery = conclude(run).gallery
    first = draw_plates(run, gallery)
    painter, others = run.methods["painter"], [run.methods[name] for name in ("plane", "wheel")]
    before, judged = [method.edited for method in (painter, *others)], run.judge.judged
    with torch.no_grad():
        painter.weight.fill_(1)
    painter.wrong = 3
    assert draw_plates(run, gallery)[0].png != first[0].png
    assert painter.edited == before[0] + 7 + 6 * 7 + 7 * 7
    assert [method.edited for method in others] == before[1:]
    assert run.judge.judged == judged + 6 * 7 + 7 * 7
    run.judge.fingerprint = "another"
    draw_plates(run, gallery)
    assert run.judge.judged == judged + 2 * (6 * 7 + 7 * 7)


def test_a_page_holds_so_many_methods_and_the_rest_get_another(run):
    def named(i):
        method = Painter()
        method.name = f"painter{i}"
        return method

    run.methods = {f"painter{i}": named(i) for i in range(MOST + 1)}
    assert plate_names(run) == ["compare.png", "compare_2.png"]
    assert [p.name for p in draw_plates(run, conclude(run).gallery)] == plate_names(run)
    run.methods = {"painter1": named(1)}
    assert plate_names(run) == []


def test_a_plane_of_one_emotion_has_no_figure_of_mixtures(run):
    lone = run.methods["plane"]
    lone.label_distribution = lambda codes: torch.eye(7)[torch.zeros(len(codes), dtype=int)]
    names = plane_names(run)
    assert "complex_plane.png" not in names
    assert "same-label_plane.png" in names


def test_a_method_that_keeps_its_word_agrees_with_the_judge(run):
    # All 490 random codes of the toy are judged as their nearest anchor, which p_z names too.
    caption = draw_planes(run, conclude(run).gallery)[0].caption
    assert "edits of all test images" in caption
    share = float(caption.split(" % of the plane")[0].rsplit(" ", 1)[1])
    assert share < 25

    with torch.no_grad():
        run.methods["plane"].weight.fill_(1)  # other weights: nothing stored is of this one
    run.methods["plane"].wrong = 3
    caption = draw_planes(run, conclude(run).gallery)[0].caption
    assert float(caption.split(" % of the plane")[0].rsplit(" ", 1)[1]) > 75
