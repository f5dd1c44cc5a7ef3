"""Faces are described for the first images, once, and only if a metric needs it."""

from collections import Counter

import numpy as np
import pytest
import torch
from toys import Painter, Reader

from ganbench.data import load_dataset
from ganbench.evaluation import faces, plan, protocol
from ganbench.evaluation.run import evaluate
from ganbench.faces_in_photos.framed import Framed
from ganbench.records import FACES
from ganbench.scoring import TRUTH
from ganbench.storage.store import Store

SIZE = 64
N, FEW = 21, 14


class Lazy(Painter):
    """Returns its inputs."""

    name, title = "lazy", "Lazy"

    def translate(self, x, codes):
        self.edited += len(x)
        return x.clone(), None


@pytest.fixture
def data():
    return load_dataset("faces", "test", size=SIZE, train=7, test=N)


@pytest.fixture
def described(monkeypatch):
    """Cheap face networks: everything follows from the mean of a picture. Counts the pictures."""
    count = Counter()

    def describe(_, pictures):
        count["pictures"] += len(pictures)
        mean = pictures.mean(axis=(1, 2, 3)) / 255
        points = np.tile(np.linspace(0.1, 0.9, 68)[:, None], (len(pictures), 1, 2))
        return Framed(
            (points + mean[:, None, None]).astype(np.float32),
            np.outer(mean, np.arange(1, 129)).astype(np.float32),
            mean > 0.3,
        )

    monkeypatch.setattr(faces, "describe", describe)
    monkeypatch.setattr(protocol, "FEW", FEW)
    monkeypatch.setattr(protocol, "CHUNK", 10)
    return count


def test_the_first_images_are_described_once(data, described, tmp_path):
    store, method = Store(tmp_path), Lazy(SIZE)
    first = evaluate([method], data, Reader(), store=store).results
    # Inputs, true edits, and edits of the method.
    assert described["pictures"] == FEW + 2 * 7 * FEW
    for name, n in (("identity", 7 * FEW), ("found", 7 * FEW), ("landmarks", 6 * FEW)):
        assert first.find("lazy", name).n == n
    assert first.find("lazy", "accuracy").n == N
    assert first.find("lazy", "identity").value == pytest.approx(1)
    assert first.find(TRUTH, "identity").value is not None
    assert first.protocol[FACES]["images"] == f"the first {FEW}"
    edited = method.edited
    again = evaluate([method], data, Reader(), store=store).results
    assert again.records == first.records
    assert (described["pictures"], method.edited) == (FEW * 15, edited)
    # Edits were made once for judge and networks; a few tried the method out.
    assert 7 * N <= edited < 7 * N + 20


def test_edits_are_made_again_for_the_networks_where_the_store_has_what_the_judge_saw(
    data, described, tmp_path
):
    store, method = Store(tmp_path), Painter(noise=2, size=SIZE)
    whole = evaluate([method], data, Reader(), store=store).results
    parts = Store(tmp_path / "parts")
    evaluate([method], data, Reader(), store=parts, metrics="accuracy")
    edited = method.edited
    later = evaluate([method], data, Reader(), store=parts).results
    assert 7 * FEW <= method.edited - edited < 7 * FEW + 20
    assert later.records == whole.records


def test_all_images_are_described_on_demand_and_the_protocol_keeps_its_hash(
    data, described, tmp_path
):
    few = evaluate([Lazy(SIZE)], data, Reader(), store=Store(tmp_path)).results
    every = evaluate([Lazy(SIZE)], data, Reader(), store=Store(tmp_path), all_faces=True).results
    assert every.find("lazy", "identity").n == 7 * N
    assert every.protocol[FACES]["images"] == "all"
    assert every.protocol_hash == few.protocol_hash
    for metric in ("accuracy", "gt_error"):
        assert every.find("lazy", metric) == few.find("lazy", metric)


def test_nothing_is_described_for_other_metrics_or_small_images(data, described, tmp_path):
    found = evaluate([Lazy(SIZE)], data, Reader(), store=Store(tmp_path), metrics="ere").results
    assert described["pictures"] == 0
    assert FACES not in found.protocol
    assert plan.LEAST_SIZE > 32
    small = load_dataset("faces", "test", size=32, train=7, test=7)
    found = evaluate([Lazy(32)], small, Reader(), store=Store(tmp_path)).results
    assert described["pictures"] == 0
    assert "too small" in found.find("lazy", "identity").note


def test_groups_of_rendered_faces_are_recorded(data, described, tmp_path):
    found = evaluate([Lazy(SIZE)], data, Reader(), store=Store(tmp_path)).results
    groups = {r.group[0] for r in found.records if r.group}
    assert {"sex", "pose"} <= groups
    sexes = data.groups(np.arange(N))["sex"]
    for name in ("female", "male"):
        record, n = found.find("lazy", "accuracy", variant=f"by sex: {name}"), (sexes == name).sum()
        assert (record is None) == (n < 10)
        assert record is None or record.n == n


def test_the_batch_size_changes_no_number(data, tmp_path):
    edits = []
    for batch in (3, 32):
        torch.manual_seed(0)
        found = evaluate(
            [Lazy(SIZE)], data, Reader(), store=Store(tmp_path / str(batch)), batch_size=batch,
            limit=7, metrics="identity,landmarks,found",
        ).results  # fmt: skip
        edits.append([r.value for r in found.records if r.metric != "accuracy"])
        assert found.find("lazy", "identity").value == pytest.approx(1, abs=1e-5)
        assert found.find("lazy", "identity", variant="found again").value == 100
        # True edits show the same persons, and more than nothing of another expression.
        assert found.find(TRUTH, "identity").value > 0.4
        assert found.find("lazy", "landmarks").value > 0.02
        assert found.find("lazy", "found").value == 100
    known = [(a, b) for a, b in zip(*edits, strict=True) if a is not None]
    assert np.array(known)[:, 0] == pytest.approx(np.array(known)[:, 1], abs=1e-4)
