"""A few faces, all editors, and the table of the metrics, made once."""

import pytest

from ganbench.judges import load_judge
from ganbench.validation.editors import EDITORS
from ganbench.validation.faces import make_known_faces
from ganbench.validation.measures import measure, prepare


@pytest.fixture(scope="session")
def judge():
    return load_judge("vgg", device="cpu")


@pytest.fixture(scope="session")
def faces():
    return make_known_faces(14, 64, seed=0)


@pytest.fixture(scope="session")
def edits(faces, judge):
    return {editor.name: editor.edit(faces, judge) for editor in EDITORS}


@pytest.fixture(scope="session")
def known(faces, judge):
    """With the judge in the place of the independent one, which takes four times as long."""
    return prepare(faces, judge, judge)


@pytest.fixture(scope="session")
def table(known, edits):
    return {name: measure(known, found) for name, found in edits.items()}
