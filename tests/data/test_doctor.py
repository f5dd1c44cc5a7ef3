"""The doctor as a library: faults and notes of a split, without the command around them."""

from __future__ import annotations

import numpy as np
import pytest

from ganbench.data.doctor import Finding, examine, refuse
from ganbench.errors import BadInput


@pytest.fixture
def labelled(tiny_faces):
    """``labelled(0, 0, 1, ...)``: a training split with these labels."""

    def make(*labels):
        data = tiny_faces(len(labels))
        data.labels = np.array(labels, dtype=np.int64)
        return data

    return make


def test_a_class_without_images_is_a_fault(labelled):
    (fault,) = (one for one in examine(labelled(0, 1, 2, 3, 6)) if one.level == "fault")
    assert "train has no image of: fearful, disgusted;" in fault.text
    with pytest.raises(BadInput, match="fearful, disgusted"):
        refuse([Finding("note", "a note"), fault])


def test_only_the_wanted_emotions_are_needed(labelled):
    data = labelled(0, 1, 2)
    assert examine(data, ("neutral", "happiness", "sad")) == []
    (fault,) = examine(data, ("neutral", "contempt"))
    assert "no image of: contempt; the methods need neutral, contempt" in fault.text


def test_a_rare_class_is_a_remark(labelled):
    data = labelled(*[0, 1, 2, 3, 4, 6] * 660, *[5] * 15)
    (note,) = examine(data)
    assert note.level == "remark"
    assert "train: few of the 3,975 images show some emotions: 15 disgusted;" in note.text
    refuse([note])
    assert examine(labelled(*range(7))) == []


def test_further_faults_are_counted():
    with pytest.raises(BadInput, match=r"^one \(and 1 more\)$"):
        refuse([Finding("fault", "one"), Finding("fault", "two"), Finding("fault", "one")])
