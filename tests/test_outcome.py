"""What evaluate and score return: tables, figures, and one clear line for a bad argument."""

import numpy as np
import pandas as pd
import pytest
from toys import Painter, Plane, Reader, ToyFaces

import ganbench
from ganbench.errors import BadInput
from ganbench.records import Results
from ganbench.report import cached_scene
from ganbench.storage.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("outcome"))


@pytest.fixture(scope="module")
def found(store):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cached_scene, "DPI", 30)  # drawn five times as fast as a real page
        yield ganbench.evaluate([Painter(noise=2), Plane()], ToyFaces(14), Reader(), store=store)


def test_a_table_has_the_numbers_of_the_results(found):
    table = found.table()
    assert isinstance(table, pd.DataFrame)
    assert list(table.index) == ["Real", "Painter", "Plane"]
    assert table.loc["Painter", "FED"] == found.results.find("painter", "fed").value
    assert table.dtypes.eq(float).all()
    assert np.isnan(table.loc["Real", "FED"])
    assert "14 test images" in table.attrs["caption"]
    assert "mSCR (confusion of neighbours)" in found.table("other").columns
    every = found.numbers()
    assert len(every) == len(found.results.records)
    one = every.query(
        "method == 'painter' and metric == 'ere' and emotion.isna() and variant == ''"
    )
    assert one.value.item() == found.results.find("painter", "ere").value
    assert one.n.item() == 14 * 7


def test_unknown_and_empty_tables_say_what_there_is(found):
    with pytest.raises(BadInput, match="did you mean 'faces'"):
        found.table("face")
    with pytest.raises(BadInput, match="no numbers for the table: 'seeds'; this evaluation has main, paper"):  # fmt: skip
        found.table("seeds")


def test_it_shows_itself(found):
    assert repr(found).startswith("<ganbench: painter, plane on 14 images of toyfaces, own:")
    assert len(repr(found)) < 120
    page = found._repr_html_()
    assert page.count("<tr") == 4
    assert "Painter" in page
    assert f"{found.results.find('painter', 'fed').value:.2f}" in page


def test_titles_of_strangers_are_shown_and_not_run(store):
    method = Painter()
    method.own_title = "<script>alert(1)</script>"
    page = ganbench.evaluate(method, ToyFaces(14), Reader(), store=store)._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("kind", ["grid_painter", "grid_truth", "compare", "styles_painter", "gamut_plane", "tsne_plane"])  # fmt: skip
def test_figures_are_drawn_on_demand(found, kind):
    assert kind in found.figures
    picture = found.figure(kind)
    assert min(picture.size) > 50
    assert len(np.unique(np.asarray(picture.convert("L")))) > 2


def test_unknown_figures_are_hinted_at(found):
    with pytest.raises(BadInput, match="did you mean 'grid_painter'"):
        found.figure("grid_paint")


def test_it_is_saved_as_a_run_folder(found, tmp_path):
    page = found.save(tmp_path / "run")
    assert page == tmp_path / "run/report.html"
    assert Results.load(tmp_path / "run") == found.results
    assert (tmp_path / "run/compare.png").exists()


def test_names_stand_for_methods_data_and_judge(store):
    asked = {"store": store, "device": "cpu", "metrics": "accuracy"}
    found = ganbench.evaluate("gganmut", data="faces:test=14", judge="judge", **asked)
    assert list(found.results.methods) == ["gaussian"]
    data = found.results.protocol["data"]
    assert (data["name"], data["images"], data["size"]) == ("faces", 14, 64)
    assert found.results.protocol["judge"]["name"] == "vgg"
    loaded = ganbench.evaluate(
        ganbench.load_method("gaussian", device="cpu"),
        ganbench.load_dataset("faces", "test", test=14),
        ganbench.load_judge("vgg", device="cpu"),
        **asked,
    )
    assert loaded.results == found.results


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"methods": 3}, "not a method: 3; give a name"),
        ({"methods": [3]}, "not a method: 3; give a name"),
        ({"methods": [("gaussian", "a", "b")]}, "not a method: "),
        ({"methods": "gausian"}, "did you mean 'gaussian'"),
        ({"methods": []}, "no methods to evaluate"),
        ({"data": 3}, "not a data set: 3; give a name such as 'faces:test=14'"),
        ({"data": "face"}, "did you mean 'faces'"),
        ({"data": "faces:tset=14"}, "did you mean 'test'"),
        ({"root": "/x"}, "root '/x' with a data set that is open"),
        ({"judge": 3}, "not a judge: 3; give 'vgg' or 'face-api'"),
        ({"judge": "vg"}, "did you mean 'vgg'"),
        ({"others": ["face-ap"]}, "did you mean 'face-api'"),
        ({"limit": "ten"}, "limit is no whole number: 'ten'"),
        ({"limit": 1.5}, "limit is no whole number: 1.5"),
        ({"seed": None}, "seed is no whole number: None"),
        ({"batch_size": True}, "batch_size is no whole number: True"),
        ({"metrics": "fedd"}, "did you mean 'fed'"),
        ({"device": "gpu"}, "gpu"),
    ],
)
def test_a_bad_argument_gets_one_clear_line(arguments, message, store):
    given = {"methods": Painter(), "data": ToyFaces(14), "judge": Reader(), "store": store}
    with pytest.raises(BadInput) as caught:
        ganbench.evaluate(**(given | arguments))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"folder": 3}, "not a folder of edits: 3"),
        ({"protocol": 3}, "not a protocol: 3; give a name such as 'faces64-v1'"),
        ({"protocol": "faces64"}, "did you mean 'faces64-v1'"),
    ],
)
def test_a_bad_argument_of_score_gets_one_clear_line(arguments, message, tmp_path):
    with pytest.raises(BadInput) as caught:
        ganbench.score(**({"folder": tmp_path, "protocol": "faces64-v1"} | arguments))
    assert message in str(caught.value)
