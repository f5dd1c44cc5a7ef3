import re

import pytest
import torch
from toys import Painter, Plane, Reader, ToyPhotos, Wheel

from ganbench.evaluation.collect import conclude
from ganbench.evaluation.run import prepare
from ganbench.report import cached_scene
from ganbench.report.comparison_figures import (
    MOST,
    comparison_figure_names,
    draw_comparison_figures,
)
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Store


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(cached_scene, "DPI", 30)  # drawn five times as fast as a real page
    methods = [Painter(noise=2), Plane(), Wheel()]
    store = Store(tmp_path)
    return prepare(methods, ToyPhotos(14), Reader(), 0, None, 32, store, Stopwatch())


def test_only_what_changed_is_edited_and_judged_again(run):
    def work():
        return {name: method.edited for name, method in run.methods.items()}, run.judge.judged

    gallery = conclude(run).gallery
    edited, judged = work()
    first = draw_comparison_figures(run, gallery)
    assert [picture.name for picture in first] == comparison_figure_names(run)
    assert comparison_figure_names(run) == ["compare.png", "styles_painter.png"]
    assert "Painter, Plane, Wheel" in first[0].caption
    assert re.search(r"Diversity.*: \d\.\d+; between two emotions.*Judge: Reader", first[1].caption)
    # Seven codes of each method on one face; six styles and seven emotions on seven faces.
    styles = 6 * 7 + 7 * 7
    edited = {name: count + 7 for name, count in edited.items()}
    edited["painter"] += styles
    assert work() == (edited, judged + styles)

    assert [a.png for a in draw_comparison_figures(run, gallery)] == [b.png for b in first]
    assert work() == (edited, judged + styles)

    with torch.no_grad():
        run.methods["painter"].weight.fill_(1)
    run.methods["painter"].wrong = 3
    assert draw_comparison_figures(run, gallery)[0].png != first[0].png
    edited["painter"] += 7 + styles
    assert work() == (edited, judged + 2 * styles)

    run.judge.fingerprint = "another"
    draw_comparison_figures(run, gallery)
    assert work() == (edited, judged + 3 * styles)


def test_methods_that_do_not_fit_on_a_page_get_another(run):
    def named(i):
        method = Painter()
        method.name = f"painter{i}"
        return method

    run.methods = {f"painter{i}": named(i) for i in range(MOST + 1)}
    names = ["compare.png", "compare_2.png"]
    assert comparison_figure_names(run) == names
    gallery = conclude(run).gallery
    assert [picture.name for picture in draw_comparison_figures(run, gallery)] == names
    run.methods = {"painter1": named(1)}
    assert comparison_figure_names(run) == []
