"""Action units: lists with and without emotions, their scale, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.data import load_dataset
from ganbench.data.action_units import ACTION_UNITS, AU_COLUMNS, parse_units
from ganbench.data.doctor import examine
from ganbench.errors import BadInput, Unsupported
from ganbench.methods import load_method
from ganbench.methods.conditions import EMOTION_UNITS, ActionUnits, Category

SIZE = 16


def write(root, values, split="train", labels=None, header=None, more="", paths=None, extra=None):
    """A list of images with action units [N, 17], spelt as by OpenFace: with spaces before names."""
    random = np.random.default_rng([len(values), len(split)])
    (root / "images").mkdir(parents=True, exist_ok=True)
    names = paths or [f"images/{split}{i}.png" for i in range(len(values))]
    for name in names:
        pixels = random.integers(0, 255, (SIZE, SIZE, 3), np.uint8)
        Image.fromarray(pixels).save(root / name)
    columns = header or [f" {name}" for name in AU_COLUMNS]
    head = ["path", *columns, *(["label"] if labels else []), *(extra or {})]
    rows = [",".join(head)]
    for i, (name, row) in enumerate(zip(names, values, strict=True)):
        cells = [name, *(f" {value:g}" for value in row), *([labels[i]] if labels else [])]
        cells += [str(column[i]) for column in (extra or {}).values()]
        rows.append(",".join(cells) + more)
    (root / f"{split}.csv").write_text("\n".join(rows) + "\n")
    return root


def units(root, split="train", **options):
    data = load_dataset("csv", split, root=root, size=SIZE, unlabelled=True, **options)
    return data.action_units(range(len(data)))


def drawn(n, top, seed=0):
    """n rows whose largest value is ``top``."""
    values = np.random.default_rng(seed).random((n, 17)).round(3) * top
    values[0, 0] = top
    return values


def test_a_list_without_emotions_is_read_where_it_will_do(tmp_path):
    values = drawn(9, 5)
    root = write(tmp_path, values)
    data = load_dataset("csv", "train", root=root, size=SIZE, unlabelled=True)
    assert not data.labelled
    assert data.labels.tolist() == [-1] * 9
    torch.testing.assert_close(data.action_units(range(9)), torch.tensor(values / 5).float(), atol=1e-6, rtol=0)  # fmt: skip
    with pytest.raises(
        BadInput, match=r"lists action units, but no emotions .* add a column 'label'"
    ):
        load_dataset("csv", "train", root=root, size=SIZE)


def test_a_list_without_either_is_no_list(tmp_path):
    write(tmp_path, np.zeros((3, 2)), header=["width", "height"])
    with pytest.raises(BadInput, match="no column for the label: found path, width, height"):
        units(tmp_path)


def test_openface_s_file_of_a_folder_names_no_image(tmp_path):
    head = ["frame", " face_id", " timestamp", " confidence", " success"]
    head += [f" {name}" for name in AU_COLUMNS]
    row = ",".join(["1", "0", "0.0", "0.98", "1", *["1.5"] * 17])
    (tmp_path / "train.csv").write_text(",".join(head) + "\n" + row + "\n")
    with pytest.raises(BadInput, match="has action units, but does not say of which images: found frame, face_id"):  # fmt: skip
        units(tmp_path)


@pytest.mark.parametrize(
    ("n", "top", "scale", "divisor"),
    [
        (5, 5.0, None, 5), (5, 1.01, None, 5), (5, 4.0, 5, 5), (5, 1.0, 5, 5), (5, 1.0, 1, 1),
        (100, 1.0, None, 1), (100, 0.51, None, 1), (5, 0.0, None, 5),
    ],
)  # fmt: skip
def test_scales(tmp_path, n, top, scale, divisor):
    values = drawn(n, top)
    found = units(write(tmp_path, values), au_scale=scale)
    torch.testing.assert_close(found, torch.tensor(values / divisor).float(), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("n", "top"), [(99, 1.0), (100, 0.5), (3, 0.9)])
def test_a_scale_that_cannot_be_told_is_asked_for(tmp_path, n, top):
    root = write(tmp_path, drawn(n, top))
    with pytest.raises(
        BadInput, match=rf"end at {top:g} in {n} rows.*--au-scale 5 or --au-scale 1"
    ):
        units(root)


def test_a_scale_that_nobody_needs_is_no_fault(tmp_path):
    root = write(tmp_path, drawn(7, 0.9), labels=EMOTIONS)
    (found,) = examine(load_dataset("csv", "train", root=root, size=SIZE))
    assert (found.level, "--au-scale 5 or --au-scale 1" in found.text) == ("note", True)


@pytest.mark.parametrize(
    ("value", "scale", "message"),
    [
        (5.2, None, r"AU06_r of 'images/train2.png' is 5.2, outside 0 to 5 \(1 of 4 rows"),
        (-0.1, None, "is -0.1, outside 0 to 5"),
        (3.0, 1, r"is 3, outside 0 to 1 .* or give --au-scale 5"),
        (np.nan, None, "AU06_r of 'images/train2.png' is .*nan.*, not a number"),
        (np.inf, None, "not a number"),
    ],
)
def test_values_out_of_range_are_faults_and_not_clipped(tmp_path, value, scale, message):
    values = np.minimum(drawn(4, 5 if scale is None else 1), 5)
    values[2, 4] = value
    with pytest.raises(BadInput, match=message):
        units(write(tmp_path, values), au_scale=scale)


def test_images_without_a_face_are_faults(tmp_path):
    root = write(tmp_path, drawn(4, 5), extra={" success": [1, 1, 0, 1]})
    with pytest.raises(BadInput, match=r"no face in 1 of 4 images .* first 'images/train2.png'"):
        units(root)


def test_a_path_with_other_units_is_a_fault_and_with_the_same_none(tmp_path):
    values = drawn(3, 5)
    values[2] = values[0]
    paths = ["images/a.png", "images/b.png", "images/a.png"]
    assert len(units(write(tmp_path, values, paths=paths))) == 3
    values[2, 3] += 0.01
    with pytest.raises(BadInput, match=r"'images/a.png' stands twice .* AU05_r is .* in row 1 and .* in row 3"):  # fmt: skip
        units(write(tmp_path, values, paths=paths))


@pytest.mark.parametrize("more", [",0.5", ",0.5,0.6", ',"a, b"'])
def test_a_surplus_field_is_a_fault(tmp_path, more):
    root = write(tmp_path, drawn(3, 5), more=more)
    with pytest.raises(BadInput, match=r"data row 1 has more fields than the 18 columns, and so have 3 of 3"):  # fmt: skip
        units(root)


def test_a_surplus_field_of_one_row_of_labels_is_a_fault(tmp_path):
    write(tmp_path, drawn(2, 5))
    (tmp_path / "train.csv").write_text("path,label\nimages/train0.png,happy\nimages/train1.png,sad,x\n")  # fmt: skip
    with pytest.raises(BadInput, match="data row 2 has more fields than the 2 columns"):
        load_dataset("csv", "train", root=tmp_path, size=SIZE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AU12=.8,AU06=.5", {12: 0.8, 6: 0.5}), ("au1_r = 1", {1: 1.0}), ("45=0.25", {45: 0.25}),
        ("AU12=0", {}),
    ],
)  # fmt: skip
def test_units_are_given_by_name(text, expected):
    assert dict(zip(ACTION_UNITS, parse_units(text), strict=True)) == {
        unit: expected.get(unit, 0.0) for unit in ACTION_UNITS
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AU12=4", "AU12 must be in 0 to 1: 4; divide"), ("AU12=-1", "must be in 0 to 1"),
        ("AU12=nan", "must be in 0 to 1"), ("AU3=1", "unknown action unit: 'AU3'"), ("", "unknown"),
        ("AU12", "no value for AU12"), ("AU12=1,AU12=0", "AU12 stands twice"), ("AU12=x", "no value"),
    ],
)  # fmt: skip
def test_units_that_mean_nothing_are_refused(text, message):
    with pytest.raises(BadInput, match=message):
        parse_units(text)


# -- training, editing and evaluating with action units ---------------------------------------------------

EMOTIONS = ["neutral", "happy", "sad", "surprised", "fearful", "disgusted", "angry"]


def train(call, recipe, out, *more):
    return call(
        "train", "ganimation", "--recipe", recipe, "--device", "cpu", "--out", out, "--data", "csv",
        "--set", "network.condition='action_units'", "--set", "sample_every=99", *more,
    )  # fmt: skip


def test_units_train_without_emotions_and_edit_by_name(call, tiny_recipe, tmp_path):
    root = write(tmp_path / "data", drawn(9, 5))
    write(root, drawn(9, 5, seed=1), split="test")
    code, out, err = train(call, tiny_recipe, "run", "--root", root)
    assert code == 0, err
    method = load_method("ganimation", tmp_path / out.strip(), "cpu")
    assert method.conditions == (ActionUnits,)
    for name in ("a", "b"):
        pixels = np.full((SIZE, SIZE, 3), 90, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    edit = ("edit", "--framed", "--method", f"ganimation={out.strip()}", "--device", "cpu", "--images", "a.png", "b.png")  # fmt: skip
    code, said, err = call(*edit, "--aus", "AU12=.8,AU06=.5", "--out", "smile")
    assert code == 0, err
    assert "2 edits" in said
    wanted = torch.zeros(1, 17)
    wanted[0, ACTION_UNITS.index(12)], wanted[0, ACTION_UNITS.index(6)] = 0.8, 0.5
    image = torch.full((1, 3, SIZE, SIZE), 90 / 255)
    expected = (method.edit(image, wanted).images[0] * 255).round().permute(1, 2, 0).byte()
    with Image.open(tmp_path / "smile" / "a.png") as made:
        assert np.array_equal(np.array(made), expected.numpy())
    # It was trained without emotions.
    code, _, err = call(*edit, "--emotion", "happy", "--out", "happy")
    assert code == 2
    assert "was trained on action units without emotions" in err
    assert not (tmp_path / "happy").exists()
    for wrong in ([], ["--aus", "AU12=1", "--emotion", "happy"]):
        code, _, err = call(*edit, *wrong, "--out", "none")
        assert (code, "give one of --emotion NAME" in err) == (2, True)
    code, _, err = call("edit", "--framed", "--method", "stargan", "--images", "a.png", "--aus", "AU12=1", "--out", "none")  # fmt: skip
    assert (code, "stargan was not trained on action units" in err) == (2, True)


def test_faults_of_units_are_told_before_anything_is_written(call, tiny_recipe, tmp_path):
    values = drawn(9, 5)
    values[3, 3] = 7
    root = write(tmp_path / "data", values)
    write(root, drawn(9, 5, seed=1), split="test")
    data = ("--data", "csv", "--root", root, "--device", "cpu")
    for needs in (("train", "stargan", "--recipe", tiny_recipe), ("eval", "--methods", "stargan")):
        code, _, err = call(*needs, *data)
        assert (code, "no emotions" in err) == (2, True)
    code, _, err = train(call, tiny_recipe, "run", "--root", root)
    assert (code, "AU05_r of 'images/train3.png' is 7, outside 0 to 5" in err) == (2, True)
    assert not (tmp_path / "run").exists()


def test_emotions_of_a_network_of_units_are_the_data_s_means(call, tiny_recipe, tmp_path):
    values, labels = drawn(21, 5), EMOTIONS * 3
    root = write(tmp_path / "data", values, labels=labels)
    write(root, drawn(14, 5, seed=1), split="test", labels=EMOTIONS * 2)
    code, out, err = train(call, tiny_recipe, "run", "--root", root)
    assert code == 0, err
    method = load_method("ganimation", tmp_path / out.strip(), "cpu")
    assert method.conditions == (ActionUnits, Category)
    happy = torch.tensor(values[1::7].mean(0) / 5).float()
    torch.testing.assert_close(method.codes(torch.tensor([1]))[0], happy, atol=1e-5, rtol=0)
    half = method.encode(Category(torch.tensor([1]), torch.tensor([0.5])))[0]
    torch.testing.assert_close(half, happy / 2, atol=1e-5, rtol=0)


def test_a_network_of_units_is_evaluated_by_emotions(tiny_method, tmp_path):
    from toys import Reader, ToyFaces

    import ganbench
    from ganbench.storage.store import Store

    method = tiny_method("ganimation", image_size=8, condition="action_units")
    faces = ToyFaces(14)

    def evaluate():
        return ganbench.evaluate([method], faces, Reader(), store=Store(tmp_path / "store"), metrics="accuracy,gt_error,intensity")  # fmt: skip

    with pytest.raises(Unsupported, match="trained on action units without emotions"):
        evaluate()
    means = np.linspace(0, 1, 7 * 17).reshape(7, 17)
    method.card = {EMOTION_UNITS: dict(zip(EMOTIONS, means.tolist(), strict=True))}
    found = {r.metric: r for r in evaluate().results.records if r.method == "ganimation"}
    assert {"accuracy", "gt_error", "intensity"} <= found.keys()
    # An intensity rho of an emotion is rho times its units, so its response can be measured.
    assert found["intensity"].n > 0


@pytest.mark.parametrize(
    "row", [[0.5] * 16, [2.0] * 17, [float("nan")] * 17, "x", [[0.5]] * 17, [True] * 17]
)
def test_a_card_whose_units_were_changed_is_refused(tiny_method, row):
    method = tiny_method("ganimation", condition="action_units")
    means = dict.fromkeys(EMOTIONS, [0.5] * 17) | {"sad": row}
    method.card = {EMOTION_UNITS: means}
    with pytest.raises(BadInput, match="emotion_units of sad in the card are not 17 numbers"):
        method.codes(torch.tensor([1]))
