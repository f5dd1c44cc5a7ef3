"""All other pages, done by a reader with small data and short trainings."""

import pytest
from page_blocks import ELSEWHERE, PAGES, ROOT, Reader, blocks
from scenery import PLACES, Scenery

from ganbench import load_dataset, load_judge
from ganbench.data.faces.dataset import FacesDataset
from ganbench.submission import scorer
from ganbench.submission.opened import Opened

OTHERS = [
    page
    for page in PAGES
    if page.parent.name != "tutorials" and page.name not in (*ELSEWHERE, "index.md")
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The cache of all pages."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def few_faces(monkeypatch):
    """Without ``--data`` there are 14 rendered faces in each split; so has the protocol faces64-v1."""
    for split in ("train", "test"):
        monkeypatch.setitem(FacesDataset.__init__.__kwdefaults__, split, 14)

    def small_protocol(name, *_):
        return Opened("folder", load_dataset("faces", "test", test=14), load_judge(device="cpu"))

    monkeypatch.setattr(scorer, "open_protocol", small_protocol)


@pytest.mark.slow
@pytest.mark.usefixtures("few_faces")
@pytest.mark.parametrize("page", OTHERS, ids=lambda page: page.stem)
def test_a_page_in_small(call, cache, tmp_path, monkeypatch, page):
    monkeypatch.setenv("GANBENCH_CACHE", str(cache))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    scenery = Scenery(tmp_path, call)
    scenery.build(page.relative_to(ROOT).as_posix())
    reader = Reader(tmp_path, scenery.run, scenery.small, PLACES)
    try:
        for block in blocks(page):
            reader.do(block)
    finally:
        reader.close()
