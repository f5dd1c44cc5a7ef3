"""A few faces, all editors, and the table of the metrics, made once."""

import pytest

from ganbench.judges import load_judge
from ganbench.validation.editors import EDITORS
from ganbench.validation.measures import measure, prepare
from ganbench.validation.scene import make_scene


@pytest.fixture(scope="session")
def judge():
    return load_judge("vgg", device="cpu")


@pytest.fixture(scope="session")
def scene():
    return make_scene(14, 64, seed=0)


@pytest.fixture(scope="session")
def edits(scene, judge):
    return {editor.name: editor.edit(scene, judge) for editor in EDITORS}


@pytest.fixture(scope="session")
def known(scene, judge):
    """With the judge in the place of the independent one, which takes four times as long."""
    return prepare(scene, judge, judge)


@pytest.fixture(scope="session")
def table(known, edits):
    return {name: measure(known, found) for name, found in edits.items()}
