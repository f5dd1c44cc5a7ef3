"""Every block of the pages is something that a test does, or says visibly why not."""

import json
import os
import re
import sys

import pytest
from page_blocks import (
    ELSEWHERE,
    PAGES,
    REASONS,
    ROOT,
    SHELL,
    SHOWN,
    Block,
    Reader,
    blocks,
    loose_commands,
)

BLOCKS = [one for page in PAGES if page.name not in ELSEWHERE for one in blocks(page)]
NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))


def fault(block: Block) -> str:
    """Why a block is neither executed nor excused; empty if it is."""
    if block.reason is not None:
        return "" if REASONS.match(block.reason) else f"is no reason: {block.reason}"
    if block.language in SHOWN:
        command = re.search(r"^(\$ |ganbench|python|pip|nox) ?.*", block.text, re.MULTILINE)
        return f"hides a command: {command[0]}" if command else ""
    if block.file or block.language in (*SHELL, "python"):
        return ""
    return f"nothing can be done with {block.language}"


@pytest.mark.parametrize("block", [pytest.param(one, id=one.where) for one in BLOCKS])
def test_a_block_is_executed_or_says_why_not(block):
    assert not fault(block), f"{block.where}: {fault(block)}"


def test_no_command_hides_in_an_indented_block():
    assert [line for page in PAGES for line in loose_commands(page)] == []


def test_what_nobody_executes_is_noticed(tmp_path):
    def of(text, above=""):
        language, _, body = text.partition("\n")
        return Block("docs/x.md", 1, language, body, above)

    assert "nothing can be done" in fault(of("json\n{}\n"))
    assert "hides a command" in fault(of("text\n1\nganbench eval\n"))
    assert "no reason" in fault(of("sh\nx\n", "*Not run by the tests: it is boring.*"))
    assert not fault(of("sh\nx\n", "*Not run by the tests: needs a GPU.*"))
    assert not fault(of("toml\na = 1\n", "With the recipe `my.toml`:"))
    reader = Reader(tmp_path, lambda *words: (2, "", "no such command"))
    for bad in ("sh\nganbench evla\n", "sh\nfalse\n", "sh\npip install no-such-package-here\n"):
        with pytest.raises(AssertionError, match=r"docs/x\.md:1"):
            reader.do(of(bad))
    with pytest.raises(ZeroDivisionError):
        reader.do(of("python\n1 / 0\n"))
    reader.do(of("sh\nganbench evla || echo $HOME && export A=1 # a remark\n"))
    reader.do(of("sh\nganbench evla\n", "*Not run by the tests: needs a GPU.*"))
    assert os.environ["A"] == "1"
    reader.close()
    assert "A" not in os.environ
    assert str(tmp_path) not in sys.path


def test_every_page_and_notebook_is_in_the_navigation():
    index = (ROOT / "docs/index.md").read_text("utf-8")
    trees = "\n".join(
        one.text for one in blocks(ROOT / "docs/index.md") if one.language == "{toctree}"
    )
    entries = re.findall(r"^(?!:)(?:.*<)?([^\s>]+)>?$", trees, re.MULTILINE)
    here = [*(ROOT / "docs").rglob("*.md"), *NOTEBOOKS]
    pages = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in here}
    assert pages - {"index"} <= set(entries)
    assert "grid.png" in index


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_hold_no_outputs(path):
    notebook = json.loads(path.read_text("utf-8"))
    for cell in notebook["cells"]:
        assert not cell.get("outputs"), "strip the outputs: nox -s docs makes them"
        assert cell.get("execution_count") is None
        assert cell["metadata"] == {}
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}
