"""The meaning of labels: orders of numbers, spellings of names, headers, delimiters, columns of splits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from picture_files import picture

from ganbench.data import load_dataset, read_listing
from ganbench.data.label_order import ORDERS, name_label, parse_order, read_label
from ganbench.data.splits import part_of
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput

FER = ("angry", "disgusted", "fearful", "happy", "sad", "surprised", "neutral")


def listing(root, text, name="train.csv", kind="csv", split="train", order=None, encoding="utf-8"):
    """The emotions that a list of the images a.png ... h.png gives its rows."""
    for i, stem in enumerate("abcdefgh"):
        picture(root / f"{stem}.png", i)
    (root / name).write_text(text, encoding=encoding)
    frame = read_listing(kind, split, root, order).frame
    return [EMOTIONS[i] for i in frame["expression"]]


@pytest.mark.parametrize(
    ("order", "first", "names"),
    [
        ("table1", 0, EMOTIONS),
        ("AffectNet", 0, EMOTIONS),
        ("alphabetical", 0, ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")),
        ("fer2013", 0, FER),
        ("FER-2013", 0, FER),
        ("raf-db", 1, ("surprised", "fearful", "disgusted", "happy", "sad", "angry", "neutral")),
        ("RAF_DB", 1, ("surprised", "fearful", "disgusted", "happy", "sad", "angry", "neutral")),
        ("sadness, Joy,neutral", 0, ("sad", "happy", "neutral")),
        ("1:anger,fear", 1, ("angry", "fearful")),
    ],
)  # fmt: skip
def test_an_order_says_what_numbers_mean(order, first, names):
    parsed = parse_order(order)
    assert [EMOTIONS[parsed.meaning(first + i)] for i in range(len(names))] == list(names)
    with pytest.raises(BadInput, match=f"label {first - 1} is not in the label order"):
        parsed.meaning(first - 1)


def test_orders_hold_every_emotion_once():
    for order in ORDERS.values():
        assert sorted(order.names[:7]) == sorted(EMOTIONS)


@pytest.mark.parametrize(
    ("order", "cause"),
    [
        ("fer2031", "unknown label order: 'fer2031'; did you mean 'fer2013'"),
        ("happy,hapy", "unknown emotion: 'hapy'; did you mean 'happy'"),
        ("happy,sad,happiness", "names happy twice"),
        ("x:happy,sad", "not a label order"),
    ],
)
def test_bad_orders(order, cause):
    with pytest.raises(BadInput, match=cause):
        parse_order(order)


@pytest.mark.parametrize(
    ("text", "label"),
    [("Happiness", 1), ("HAPPY", 1), ("joy", 1), ("3_surprise", 3), ("0 - neutral", 0), ("'fear'", 4),
     ("01.anger", 6), ("Contempt", 7), ("2.0", 2), ("None", 8)],
)  # fmt: skip
def test_spellings_of_labels(text, label):
    assert read_label(text) == label


def test_a_number_in_a_name_is_no_name():
    with pytest.raises(BadInput, match="unknown emotion: '4'"):
        name_label("4")


@pytest.mark.parametrize("kind", ["csv", "affectnet"])
def test_ids_of_another_order(tmp_path, kind):
    text = "path,label\n" + "".join(f"{'abcdefg'[i]}.png,{i}\n" for i in range(7))
    assert listing(tmp_path, text, kind=kind) == list(EMOTIONS)
    assert listing(tmp_path, text, kind=kind, order="fer2013") == list(FER)
    given = ",".join(reversed(EMOTIONS))
    assert listing(tmp_path, text, kind=kind, order=given) == list(reversed(EMOTIONS))
    assert read_listing(kind, "train", tmp_path, "fer2013").label_order == "fer2013"


def test_names_mean_what_they_say_in_any_order(tmp_path):
    text = "path,label\na.png,fear\nb.png,happy\n"
    assert listing(tmp_path, text, order="fer2013") == ["fearful", "happy"]


def test_one_to_seven_needs_an_order(tmp_path):
    text = "path,label\n" + "".join(f"{'abcdefg'[i]}.png,{i + 1}\n" for i in range(7))
    with pytest.raises(BadInput, match=r"are 1 to 7, without 0: .*--label-order raf-db"):
        listing(tmp_path, text)
    assert listing(tmp_path, text, order="raf-db")[0] == "surprised"
    assert listing(tmp_path, text, order="affectnet") == list(EMOTIONS[1:])


def test_the_order_is_in_the_fingerprint(tmp_path):
    listing(tmp_path, "path,label\na.png,0\nb.png,1\n")
    one, other, same = (
        load_dataset("csv", "train", root=tmp_path, size=8, label_order=order)
        for order in (None, "fer2013", "table1")
    )
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert (one.label_order, other.label_order) == ("", "fer2013")


def test_the_faces_take_no_order():
    with pytest.raises(BadInput, match="take no label order"):
        load_dataset("faces", "test", label_order="fer2013")


def test_the_later_layout_takes_an_order(tmp_path):
    (tmp_path / "annotations").mkdir()
    for number in range(3):
        picture(tmp_path / f"images/{number}.png", number)
        np.save(tmp_path / f"annotations/{number}_exp.npy", np.array(str(number)))
    found = read_listing("affectnet", "train", tmp_path, "fer2013")
    assert found.frame["expression"].tolist() == [6, 5, 4]
    assert found.undivided == tmp_path.name


class TestFolders:
    def test_numbers_need_an_order(self, tmp_path):
        for number in range(7):
            picture(tmp_path / "train" / str(number) / "a.png", number)
        with pytest.raises(BadInput, match=r"are numbers \(0, 1, .*--label-order table1, alphabet"):
            read_listing("folder", "train", tmp_path)
        found = read_listing("folder", "train", tmp_path, "fer2013").frame
        folders = [int(path.split("/")[1]) for path in found["path"]]
        assert [FER[number] for number in folders] == [EMOTIONS[i] for i in found["expression"]]

    def test_a_split_in_another_case(self, tmp_path):
        picture(tmp_path / "TRAIN/Happy/a.png")
        picture(tmp_path / "Public Test/Sad/a.png")
        assert read_listing("folder", "train", tmp_path).frame["expression"].tolist() == [1]
        assert read_listing("folder", "test", tmp_path).frame["expression"].tolist() == [2]

    def test_two_splits_of_one_name(self, tmp_path):
        picture(tmp_path / "TRAIN/happy/a.png")
        picture(tmp_path / "train/happy/a.png")
        with pytest.raises(BadInput, match="several entries of one name: TRAIN, train"):
            read_listing("folder", "train", tmp_path)

    def test_numbers_before_names(self, tmp_path):
        picture(tmp_path / "train/0_angry/a.png")
        assert read_listing("folder", "train", tmp_path).frame["expression"].tolist() == [6]


@pytest.mark.parametrize(
    "text",
    [
        "image;label\na.png;sad\nb.png;fear\n",
        "image\tlabel\na.png\tsad\nb.png\tfear\n",
        "sep=;\nimage;label\na.png;sad\nb.png;fear\n",
        "a.png;2\nb.png;4\n",
        "2,a.png\n4,b.png\n",
        "\ufeffImage Path , LABEL\na.png, sad\nb.png ,4\n",
        "FileName|Emotion Label\na.png|sad\nb.png|fear\n",
        "pth,label,relFCs\na.png,sad,0.1\nb.png,fear,0.2\n",
        # Names count more than numbers of an unknown order.
        "image,label,emotion\na.png,5,sad\nb.png,1,fear\n",
    ],
)
def test_lists_as_programs_write_them(tmp_path, text):
    assert listing(tmp_path, text) == ["sad", "fearful"]


def test_decimal_commas(tmp_path):
    text = "image;label;valence\na.png;sad;0,25\n"
    listing(tmp_path, text)
    assert read_listing("csv", "train", tmp_path).frame["valence"].tolist() == [0.25]


@pytest.mark.parametrize(
    ("kind", "text", "cause"),
    [
        ("csv", "when,label\nx,sad\n", "no column for the image path: found when, label; call it 'image'"),
        ("csv", "when;who\nx;y\n", "found when, who; call it 'image'"),
        ("affectnet", "when,expression\nx,1\n", "call it 'subDirectory_filePath'"),
        ("csv", "emotion,pixels,Usage\n0,1 2 3,Training\n", "holds the pixels themselves"),
    ],
)  # fmt: skip
def test_what_a_column_should_be_called(tmp_path, kind, text, cause):
    with pytest.raises(BadInput, match=cause):
        listing(tmp_path, text, kind=kind)


def test_a_list_in_another_case(tmp_path):
    assert listing(tmp_path, "image,label\na.png,sad\n", name="TRAIN.CSV") == ["sad"]


def test_a_list_of_another_name_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"it has labels\.csv: use --data csv and give --root that"):
        listing(tmp_path, "image,label\na.png,sad\n", name="labels.csv")


class TestSplitColumn:
    TEXT = (
        "image,label,Split\na.png,sad,TRAIN\nb.png,happy,test\nc.png,fear,Validation\n"
        "d.png,angry,training\n"
    )

    @pytest.fixture
    def root(self, tmp_path):
        for i, stem in enumerate("abcd"):
            picture(tmp_path / f"{stem}.png", i)
        (tmp_path / "all.csv").write_text(self.TEXT)
        return tmp_path / "all.csv"

    def test_rows_serve_their_own_split_only(self, root):
        train = load_dataset("csv", "train", root=root, size=8)
        test = load_dataset("csv", "test", root=root, size=8)
        assert train.paths == ["a.png", "d.png"]
        assert test.paths == ["b.png"]
        assert test.left_out == "1 row of its validation part"
        assert read_listing("csv", "test", root).undivided == ""

    def test_validation_is_the_test_where_there_is_no_other(self, root):
        root.write_text(self.TEXT.replace("b.png,happy,test\n", ""))
        assert load_dataset("csv", "test", root=root, size=8).paths == ["c.png"]

    def test_fer2013_calls_it_usage(self, root):
        rows = (
            "image,emotion,Usage",
            "a.png,0,Training",
            "b.png,3,PublicTest",
            "c.png,6,PrivateTest",
        )
        root.write_text("\n".join(rows) + "\n")
        found = read_listing("csv", "test", root, "fer2013").frame
        assert found["path"].tolist() == ["c.png"]
        assert found["expression"].tolist() == [0]

    def test_an_unknown_split_is_refused(self, root):
        root.write_text(self.TEXT.replace("Validation", "third"))
        with pytest.raises(BadInput, match="data row 3: Split 'third' is no split"):
            read_listing("csv", "train", root)

    def test_a_split_without_rows(self, root):
        root.write_text("image,label,split\na.png,sad,train\n")
        with pytest.raises(
            BadInput, match="no row of the test split: column 'split' holds 'train'"
        ):
            read_listing("csv", "test", root)

    def test_a_column_that_means_something_else_is_left_alone(self, root):
        root.write_text("image,label,set\na.png,sad,studio\nb.png,happy,train\n")
        assert len(read_listing("csv", "train", root).frame) == 2

    def test_a_list_without_one_serves_as_both(self, root):
        root.write_text("image,label\na.png,sad\nb.png,happy\n")
        assert read_listing("csv", "train", root).undivided == "all.csv"


@pytest.mark.parametrize(
    ("text", "part"),
    [("Train", "train"), ("training set", "train"), ("VAL", "validation"), ("PublicTest", "validation"),
     ("test_set", "test"), ("PrivateTest", "test"), ("third", None)],
)  # fmt: skip
def test_spellings_of_parts(text, part):
    assert part_of(text) == part


def test_training_records_the_order(call, tiny_recipe, tmp_path):
    rows = []
    for i in range(14):
        picture(tmp_path / f"data/{i}.png", i)
        rows.append(f"{i}.png,{i % 7}\n")
    (tmp_path / "data/train.csv").write_text("path,label\n" + "".join(rows))
    options = (
        "--recipe",
        tiny_recipe,
        "--data",
        "csv",
        "--root",
        tmp_path / "data",
        "--device",
        "cpu",
    )
    code, _, error = call("train", "judge", *options, "--label-order", "fer2013", "--out", "run")
    assert code == 0, error
    card = json.loads((tmp_path / "run/recipe.json").read_text())
    assert card["data"]["label_order"] == "fer2013"
    assert "--label-order fer2013" in card["command"]
