import pytest
import torch
from toys import Painter, Plane, Reader, ToyPhotos, Wheel

from ganbench import evaluation
from ganbench.report.planes import draw_planes, plane_names
from ganbench.stopwatch import Stopwatch
from ganbench.store import Store


@pytest.fixture
def run(tmp_path):
    methods = [Painter(noise=2), Plane(), Wheel()]
    data = ToyPhotos(70)
    store = Store(tmp_path)
    return evaluation.prepare(methods, data, Reader(), 0, None, 32, store, Stopwatch())


def test_planes_are_drawn_from_what_was_edited_and_kept(run):
    found = evaluation.conclude(run)
    before = {name: method.edited for name, method in run.methods.items()}
    judged = run.judge.judged
    pictures = draw_planes(run, found.gallery)
    assert [picture.name for picture in pictures] == plane_names(run)
    assert plane_names(run) == ["gamut_plane.png", "gamut_wheel.png", "wheel_wheel.png"]
    added = {name: method.edited - before[name] for name, method in run.methods.items()}
    assert added == {"painter": 0, "plane": 7 * 7, "wheel": 37 + 24}
    assert run.judge.judged - judged == 7 * 7 + 37

    done = [method.edited for method in run.methods.values()]
    again = draw_planes(run, found.gallery)
    assert [method.edited for method in run.methods.values()] == done
    assert [a.png for a in again] == [b.png for b in pictures]


def test_a_method_that_keeps_its_word_agrees_with_the_judge(run):
    # All 490 random codes of the toy are judged as their nearest anchor, which p_z names too.
    caption = draw_planes(run, evaluation.conclude(run).gallery)[0].caption
    assert "edits of all test images" in caption
    share = float(caption.split(" % of it")[0].rsplit(" ", 1)[1])
    assert share < 25

    with torch.no_grad():
        run.methods["plane"].weight.fill_(1)  # other weights: nothing stored is of this one
    run.methods["plane"].wrong = 3
    caption = draw_planes(run, evaluation.conclude(run).gallery)[0].caption
    assert float(caption.split(" % of it")[0].rsplit(" ", 1)[1]) > 75
