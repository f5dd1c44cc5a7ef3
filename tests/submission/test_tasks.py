"""What a protocol asks for: pictures and lines that any program can read."""

import csv
import json

import numpy as np
import pytest
from edits_in_files import toy_protocol
from PIL import Image

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.methods.outputs import to_bytes
from ganbench.submission.export import export
from ganbench.submission.tasks import tasks, tasks_hash


def test_inputs_and_tasks_are_written(tmp_path):
    opened = toy_protocol(9)
    export(opened, tmp_path / "todo")
    lines = list(csv.DictReader((tmp_path / "todo" / "tasks.csv").open()))
    assert len(lines) == 63
    assert len({line["id"] for line in lines}) == len({line["seed"] for line in lines}) == 63
    for line in lines:
        row, target = line["id"].split("-")
        assert line["target"] == target
        assert line["source"] == EMOTIONS[opened.dataset.labels[int(row)]]
        pixels = np.array(Image.open(tmp_path / "todo" / line["input"])).transpose(2, 0, 1)
        assert np.array_equal(pixels, to_bytes(opened.dataset.images([int(row)]))[0])
    told = json.loads((tmp_path / "todo" / "protocol.json").read_text())
    assert told["tasks"] == tasks_hash(opened.dataset, 0)
    assert "8 x 8 pixels" in (tmp_path / "todo" / "README.txt").read_text()
    with pytest.raises(BadInput, match="not empty"):
        export(opened, tmp_path / "todo")
    export(opened, tmp_path / "todo", force=True)


def test_tasks_of_a_part_and_of_the_whole_are_the_same():
    few, many = (list(tasks(toy_protocol(n).dataset, 0)) for n in (7, 7))
    assert few == many
    other = list(tasks(toy_protocol(7).dataset, 1))
    assert [t.id for t in other] == [t.id for t in few]
    assert not {t.seed for t in other} & {t.seed for t in few}
    assert all(0 <= t.seed < 2**31 for t in few)
