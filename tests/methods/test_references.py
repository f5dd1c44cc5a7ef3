"""Points of reference: what they return, and that they compete with no method."""

import numpy as np
import torch
from toys import Painter, Reader, ToyFaces

from ganbench.evaluation import protocol
from ganbench.evaluation.run import evaluate
from ganbench.methods.references import references
from ganbench.report.tables import differences_table, in_order, table1
from ganbench.storage.store import Store


def test_another_person_shows_the_target_and_is_another():
    data = ToyFaces(30)
    order = protocol.order(data.labels)
    other = references(data, order)["another-person"]
    codes, _ = protocol.codes(other, "anchor", 0, 0)
    count = 7 * len(data)
    places = torch.arange(len(data)).repeat_interleave(7)
    edits = other.edit(data.images(order[places]), codes[:count]).images
    assert torch.equal(edits, data.images(order[other.chosen.flatten()]))
    labels = data.labels[order]
    assert (labels[other.chosen] == np.arange(7)).all()
    assert (other.chosen != torch.arange(len(data))[:, None]).all()


def test_the_only_picture_of_an_emotion_stands_for_itself():
    data = ToyFaces(7)
    other = references(data, protocol.order(data.labels))["another-person"]
    assert other.chosen.diagonal().tolist() == list(range(7))


def test_they_are_rows_that_compete_with_none(tmp_path):
    data = ToyFaces(28)
    worse = Painter(leak=0.1, wrong=1).eval()
    methods = {**references(data, protocol.order(data.labels)), "painter": worse}
    results = evaluate(methods, data, Reader(), store=Store(tmp_path)).results
    assert results.find("unedited", "gt_error").value == 1
    assert results.find("unedited", "background").value == 0
    assert results.find("another-person", "accuracy").value == 100
    assert results.competing == ["painter"]
    assert in_order(results) == ["painter", "unedited", "another-person"]
    assert not [r for r in results.records if r.variant.startswith("minus ")]
    assert differences_table(results) is None
    rows = table1(results).rows
    assert [row.title for row in rows] == ["Real", "Painter", "Nothing done", "Another person", "True edits"]  # fmt: skip
    assert [row.competes for row in rows] == [False, True, False, False, False]
