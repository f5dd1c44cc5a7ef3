"""The tutorials and the first page, done word for word."""

import pytest
from page_blocks import ROOT, Reader, blocks

TUTORIALS = sorted((ROOT / "docs/tutorials").glob("*.md"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The cache of all pages, so that the renderer is compiled once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def reader(call, cache, tmp_path, monkeypatch):
    """A reader in a new folder."""
    monkeypatch.setenv("GANBENCH_CACHE", str(cache))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    reader = Reader(tmp_path, call)
    yield reader
    reader.close()


def test_the_tutorials_are_five():
    assert [page.stem for page in TUTORIALS] == [
        "affectnet",
        "gate",
        "method",
        "photographs",
        "score",
    ]


@pytest.mark.parametrize("page", [ROOT / "docs/index.md", *TUTORIALS], ids=lambda page: page.stem)
def test_a_tutorial_word_for_word(reader, page):
    for block in blocks(page):
        if not block.slow:
            reader.do(block)
    made = {path.name for path in reader.folder.iterdir()}
    match page.stem:
        case "score":
            assert (
                reader.printed.startswith("verified: 98 of 98 pictures")
                or "verified" in reader.printed
            )
        case "method":
            card = (reader.folder / "MODEL_CARD.md").read_text()
            assert "| Accuracy ↑, %" in card
            assert "1 passed" not in card
        case "affectnet":
            assert "GANmut" in (reader.folder / "runs/eval/table1.csv").read_text()
            assert len(list(reader.folder.glob("runs/*/*.safetensors"))) == 7
        case "photographs":
            assert {"photo-happy.jpg", "photo-all.jpg", "surprised", "path.gif"} <= made
        case "gate":
            assert "the gate is closed" in reader.printed
            assert "Nothing worse" in (reader.folder / "summary.md").read_text()


LONG = {"score": "runs/score64/table1.csv", "affectnet": "runs/table1/table1.csv"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [one for one in TUTORIALS if one.stem in LONG], ids=lambda page: page.stem
)
def test_a_tutorial_with_its_long_steps(reader, page):
    for block in blocks(page):
        reader.do(block)
    table = (reader.folder / LONG[page.stem]).read_text()
    assert all(name in table for name in ("GANmut", "GGANmut", "StarGAN-v2", "SMIT"))


def test_tutorials_with_long_steps_are_known():
    assert {page.stem for page in TUTORIALS if any(one.slow for one in blocks(page))} == set(LONG)
