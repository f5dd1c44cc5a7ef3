import hashlib
import json
import re

import numpy as np
import pytest
from PIL import Image
from toys import Painter, Plane, Reader, ToyFaces, ToyPhotos

from ganbench.errors import BadInput
from ganbench.evaluation.run import evaluate, prepare
from ganbench.records import Results
from ganbench.report import cached_scene
from ganbench.report.run_folder import check_writable, file_names, write_run
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Store


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    store = Store(folder / "store")
    methods, data, judge = [Painter(noise=2), Plane()], ToyFaces(14), Reader()
    found = evaluate(methods, data, judge, store=store)
    run = prepare(methods, data, judge, 0, None, 32, store, Stopwatch())
    command = ["ganbench", "eval", "--root", "/secret/place"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cached_scene, "DPI", 30)  # drawn five times as fast as a real page
        write_run(found, folder / "out", command, run)
    return found, folder, [path.name for path in (folder / "out").iterdir()], run


def test_a_run_leaves_what_the_dry_run_promised(parts):
    found, folder, names, run = parts
    assert sorted(names) == sorted(file_names(run))
    pictures = {"tsne_plane_figure1.png", "grid_truth.png", "grid_painter.png", "gamut_plane.png"}
    pictures |= {"complex_plane.png", "nuance_plane.png", "compare.png", "styles_painter.png"}
    assert pictures <= set(names)
    assert Results.load(folder / "out") == found.results


def test_small_pictures_have_a_row_for_each_image_and_a_column_for_each_target(parts):
    found, folder, names, _ = parts
    assert {"edits_real.webp", "edits_truth.webp", "edits_painter.webp", "edits_plane.webp"} <= set(
        names
    )
    gallery = found.gallery
    for name, pictures in (("real", gallery.inputs[:, None]), ("plane", gallery.edits["plane"])):
        sheet = np.asarray(Image.open(folder / "out" / f"edits_{name}.webp").convert("RGB"), float)
        rows, columns, _, side, _ = pictures.shape
        assert sheet.shape == (rows * side, columns * side, 3)
        whole = pictures.transpose(0, 3, 1, 4, 2).reshape(sheet.shape)
        assert np.abs(sheet - whole).mean() < 12  # it is compressed


def test_the_page_links_to_files_of_its_folder_and_tells_its_command(parts):
    _, folder, names, _ = parts
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    linked = set(re.findall(r'href="([^"#:]+)"', page))
    assert {"table1.csv", "results.json"} <= linked <= set(names)
    assert page.count("<code>ganbench eval --root") == 2


def test_the_manifest_names_everything_but_the_user(parts):
    found, folder, names, _ = parts
    text = (folder / "out" / "manifest.json").read_text()
    table = json.loads(text)
    assert "/secret" not in text
    assert str(folder) not in text
    assert table["protocol_hash"] == found.results.protocol_hash
    assert table["files"].keys() == set(names) - {"manifest.json"}
    for name, sha256 in table["files"].items():
        assert hashlib.sha256((folder / "out" / name).read_bytes()).hexdigest() == sha256
    assert {"edit: Plane", "judge: Plane", "score", "t-SNE", "report"} <= table["stages"].keys()
    assert all(stage["peak_mib"] > 0 for stage in table["stages"].values())


def test_the_published_table_stands_beside_ours(parts):
    folder = parts[1] / "out"
    for name in ("table1.md", "table1.tex", "report.html"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "Painter" in text
        assert "AffectNet" in text
        assert "96.9" in text
    assert "AffectNet" not in (folder / "table1.csv").read_text()


def test_pictures_of_an_earlier_run_go_and_foreign_files_stay(parts, tmp_path):
    _, folder, names, _ = parts
    out = tmp_path / "out"
    out.mkdir()
    for name in names:
        (out / name).write_bytes((folder / "out" / name).read_bytes())
    (out / "grid_mine.png").write_bytes(b"mine")
    (out / "outcomes.npz").write_bytes(b"what predictions.npz was called")
    data = ToyPhotos(14)
    alone = evaluate([Painter()], data, Reader(), store=Store(folder / "store"))
    write_run(alone, out)
    left = {p.name for p in out.iterdir()}
    assert "grid_mine.png" in left
    assert "grid_painter.png" in left
    gone = {name for name in names if "plane" in name} | {"grid_truth.png", "compare.png"}
    gone |= {"edits_truth.webp"}
    assert len(gone) > 7
    assert not left & (gone | {"styles_painter.png", "outcomes.npz"})


def test_an_unusable_place_is_found_out_first(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write"):
        check_writable(tmp_path / "file")
    check_writable(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
