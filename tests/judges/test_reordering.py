"""Labels, and classes of judges, in another order than they are taken for."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image
from toys import Painter, Reader, ToyFaces, ToyPhotos

from ganbench.data import load_dataset
from ganbench.data.label_order import ORDERS
from ganbench.emotions import EMOTIONS
from ganbench.evaluation.run import evaluate
from ganbench.judges import load_judge
from ganbench.judges.interface import Judged
from ganbench.judges.label_check import LabelCheck, check_labels, judge_notes
from ganbench.judges.onnx import OnnxInput
from ganbench.judges.reordering import counts, find_reordering, understands
from ganbench.judges.vgg import VGGJudge
from ganbench.storage.store import Store

# Answers of the shipped judges to 140 rendered faces, the second one weak.
STRONG = np.array(
    [[19, 0, 0, 1, 0, 0, 0], *(np.eye(7, dtype=np.int64)[c] * 20 for c in range(1, 7))]
)
WEAK = np.array([
    [19, 0, 0, 0, 0, 0, 1], [3, 17, 0, 0, 0, 0, 0], [10, 0, 9, 0, 0, 1, 0], [1, 0, 1, 18, 0, 0, 0],
    [4, 0, 4, 4, 8, 0, 0], [1, 0, 0, 0, 0, 19, 0], [13, 0, 6, 0, 0, 0, 1],
])  # fmt: skip
# And to 60 photographs of two emotions, of which they understand little.
PHOTOS = [
    [[16, 0, 0, 0, 0, 13, 1], [7, 0, 0, 3, 0, 20, 0]],
    [[0, 8, 17, 0, 5, 0, 0], [0, 10, 17, 0, 2, 0, 1]],
]
SHIFT = (1, 2, 3, 4, 5, 6, 0)
SWAP = (0, 1, 2, 3, 4, 6, 5)


def relabelled(table, labels):
    """The table where images of emotion c are labelled ``labels[c]``."""
    found = np.zeros_like(table)
    found[list(labels)] = table
    return found


class TestTables:
    @pytest.mark.parametrize("table", [STRONG, WEAK])
    def test_right_labels_raise_nothing(self, table):
        assert find_reordering(table) is None
        assert understands(table)

    @pytest.mark.parametrize("labels", [SHIFT, SWAP, (0, 2, 1, 3, 4, 5, 6), (2, 0, 1, 3, 4, 5, 6)])
    def test_a_permutation_is_found(self, labels):
        found = find_reordering(relabelled(STRONG, labels))
        assert [found.shown[label] for label in labels] == list(range(7))
        assert found.after == pytest.approx(139 / 140)
        assert not understands(relabelled(STRONG, labels))

    def test_a_weak_judge_finds_the_large_ones(self):
        assert find_reordering(relabelled(WEAK, SHIFT)) is not None

    def test_few_images_prove_nothing(self):
        assert find_reordering(relabelled(np.eye(7, dtype=np.int64) * 4, SHIFT)) is None
        assert find_reordering(relabelled(np.eye(7, dtype=np.int64) * 5, SWAP)) is None
        assert find_reordering(relabelled(np.eye(7, dtype=np.int64) * 10, SWAP)) is not None

    @pytest.mark.parametrize("rows", PHOTOS)
    def test_two_emotions_prove_nothing(self, rows):
        table = np.zeros((7, 7), np.int64)
        table[:2] = rows
        assert find_reordering(table) is None
        assert not understands(table)

    def test_judges_that_understand_little_raise_nothing(self):
        random = np.random.default_rng(0)
        for trial in range(600):
            skill, spread = (trial % 6) / 10, (0.3, 1.0, 3.0)[trial % 3]
            habit = random.dirichlet(np.full(7, spread))
            table = [
                random.multinomial(
                    (5, 20, 100)[trial // 6 % 3],
                    (1 - skill) * (habit + random.dirichlet(np.full(7, spread))) / 2
                    + skill * np.eye(7)[c],
                )
                for c in range(7)
            ]
            assert find_reordering(np.array(table)) is None

    def test_an_emotion_without_images(self):
        table = relabelled(STRONG, SHIFT)
        table[3] = 0
        found = find_reordering(table)
        assert sorted(found.shown) == list(range(7))
        assert [found.shown[label] for label in SHIFT] == list(range(7))


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """Rendered faces, ten of each emotion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        data = load_dataset("faces", "test", size=64, train=7, test=70)
        return data.images(range(70)), data.labels


@pytest.fixture(scope="module")
def photos(faces, tmp_path_factory):
    """``photos(number)``: a list of these faces as if they were photographs, with these labels."""
    root = tmp_path_factory.mktemp("photos")
    images, emotions = faces
    for i, image in enumerate(images):
        pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(root / f"{i}.png")

    def write(label, split="test"):
        rows = [f"{i}.png,{label(EMOTIONS[e])}" for i, e in enumerate(emotions)]
        (root / f"{split}.csv").write_text("\n".join(["path,label", *rows]) + "\n")
        return root

    return write


def note(root, order=None):
    return check_labels(load_dataset("csv", "test", root=root, size=64, label_order=order), "cpu")


def number(order):
    known = ORDERS[order]
    return lambda emotion: known.first + known.names.index(emotion)


class TestLabels:
    def test_right_labels_are_confirmed(self, photos):
        assert note(photos(number("table1"))) == LabelCheck("", True)
        assert note(photos(str)) == LabelCheck("", True)
        assert note(photos(number("raf-db")), "raf-db") == LabelCheck("", True)

    @pytest.mark.parametrize("order", ["alphabetical", "fer2013"])
    def test_an_order_with_a_name_is_advised(self, photos, order):
        root = photos(number(order))
        found = note(root)
        assert not found.confirmed
        assert re.search(
            r"agrees with 0% of 70 .* and with \d\d\d?% with --label-order", found.note
        )
        assert f"--label-order {order}, which is " in found.note
        assert note(root, order) == LabelCheck("", True)

    def test_one_named_order_taken_for_another(self, photos):
        root = photos(number("alphabetical"))
        assert "--label-order alphabetical" in note(root, "fer2013").note

    @pytest.mark.parametrize("start", [0, 1])
    def test_the_advised_list_mends_it(self, photos, start):
        names = list(EMOTIONS)
        names[1], names[5], names[6] = names[6], names[1], names[5]
        root = photos(lambda emotion: start + names.index(emotion))
        given = f"{start}:{','.join(EMOTIONS)}" if start else None
        (advised,) = re.findall(r"--label-order (\S+);", note(root, given).note)
        assert advised == f"{start}:" * start + ",".join(names)
        assert note(root, advised) == LabelCheck("", True)

    def test_two_emotions_that_the_weaker_judge_hardly_tells_apart(self, photos):
        names = list(EMOTIONS)
        names[4], names[6] = names[6], names[4]
        root = photos(names.index)
        assert f"--label-order {','.join(names)};" in note(root).note

    def test_names_are_mended_by_hand(self, photos):
        swapped = {"sad": "surprised", "surprised": "sad"}
        text = note(photos(lambda emotion: swapped.get(emotion, emotion))).note
        assert "if sad shows surprised, surprised shows sad; mend the labels in the list" in text
        assert "--label-order" not in text

    def test_commands_say_so(self, photos, call, tiny_recipe):
        photos(number("fer2013"), "train")
        root = photos(lambda emotion: 0, "test")
        options = ("--data", "csv", "--root", root)
        code, error, _ = call("data", "check", *options, "--split", "train")
        assert code == 2
        assert "the labels seem to be in another order" in error
        learn = ("train", "judge", "--recipe", tiny_recipe, "--device", "cpu", "--out", "run")
        code, _, error = call(*learn, *options, "--allow-leaks")
        assert code == 0
        assert "warning: train: the labels seem to be in another order" in error
        assert "--label-order fer2013" in error
        (root / "train.csv").rename(root / "test.csv")
        evaluation = ("eval", "--methods", "stargan", "--device", "cpu", "--dry-run", *options)
        code, _, error = call(*evaluation)
        assert code == 0
        assert "warning: test: the labels seem to be in another order" in error
        code, _, error = call(*evaluation, "--label-order", "fer2013")
        assert code == 0
        assert "another order" not in error


@dataclass(eq=False)
class Shifted(Reader):
    """Its outputs are in another order than it says; ``expects`` is what an ONNX judge has."""

    labels: tuple[str, ...] = ()

    @property
    def expects(self):
        if not self.labels:
            raise AttributeError
        return OnnxInput(self.labels)

    def judge(self, images):
        found = super().judge(images)
        # The network has its outputs in the order of SHIFT, and is taken to have that of ``labels``.
        outputs = found.logits[:, list(SHIFT)]
        named = self.labels or EMOTIONS
        return Judged(outputs[:, [named.index(emotion) for emotion in EMOTIONS]], found.features)


class TestJudges:
    def run(self, tmp_path, judge, data, **options):
        return evaluate([Painter()], data, judge, store=Store(tmp_path), **options).notes

    def test_a_right_judge_is_no_matter(self, tmp_path):
        assert self.run(tmp_path, Reader(), ToyFaces(70)) == []

    def test_a_judge_with_wrong_labels(self, tmp_path):
        named = ("angry", *EMOTIONS[:6])
        (text,) = self.run(tmp_path, Shifted(labels=named), ToyFaces(70))
        assert (
            "judge Reader seems to have its classes in another order: it agrees with 0% of" in text
        )
        (advised,) = re.findall(r"100% with --labels (\S+)$", text)
        assert advised == ",".join(EMOTIONS[i] for i in SHIFT)
        mended = Shifted(fingerprint="mended", labels=tuple(advised.split(",")))
        assert self.run(tmp_path, mended, ToyFaces(70)) == []

    def test_an_extra_judge_too(self, tmp_path):
        judge = Shifted(fingerprint="other")
        (text,) = self.run(tmp_path, Reader(), ToyFaces(70), others=[judge])
        assert "its neutral means happy, its happy means sad" in text
        assert "train it again" in text

    def test_labels_of_nobody_knows_what(self, tmp_path):
        (text,) = self.run(tmp_path, Shifted(), ToyPhotos(70))
        assert "judge Reader and the labels of toys are in different orders" in text
        assert "or mend the labels if they are wrong" in text

    def test_a_checkpoint_that_learned_permuted_labels(self, faces):
        images, labels = faces
        judge = load_judge("vgg", device="cpu")
        spec = judge.spec.__class__(**{**vars(judge.spec), "fingerprint": "permuted"})
        judge = VGGJudge(judge.model, spec, {})
        logits = judge.judge(images).logits.numpy()
        right = judge_notes([judge], labels, [logits], ToyFaces(), LabelCheck(confirmed=True))
        assert right == []
        (text,) = judge_notes(
            [judge], labels, [logits[:, list(SHIFT)]], ToyFaces(), LabelCheck(confirmed=True)
        )
        assert "its neutral means happy" in text

    def test_nobody_is_blamed_twice(self, faces):
        _, labels = faces
        logits = [np.eye(7, dtype=np.float32)[np.roll(np.arange(7), 1)][labels]]
        told = LabelCheck("the labels seem to be in another order")
        assert judge_notes([Reader()], labels, logits, ToyPhotos(), told) == []


def test_counts_pass_over_other_labels():
    table = counts(np.array([0, 7, 6]), np.array([1, 2, 3]))
    assert table.sum() == 2
    assert (table[0, 1], table[6, 3]) == (1, 1)


def test_the_check_leaves_random_numbers_alone(photos):
    data = load_dataset("csv", "test", root=photos(number("table1")), size=64)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    check_labels(data, "cpu")
    assert torch.equal(torch.rand(1), expected)
