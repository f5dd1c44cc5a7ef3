"""BibTeX entries and CITATION.cff."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ganbench import __version__
from ganbench.citations import PAPERS, entries
from ganbench.registry import METHODS

ROOT = Path(__file__).parent.parent


def test_every_method_has_an_entry_with_balanced_braces():
    assert set(METHODS.first) <= set(PAPERS)
    for entry in entries():
        assert entry.count("{") == entry.count("}")
        assert re.match(r"@(software|inproceedings)\{\w+,\n", entry)
        assert re.search(r"^  year = \{20\d\d\},$", entry, re.M)


def test_a_paper_of_two_methods_is_cited_once(call):
    code, out, _ = call("cite", "ganmut", "GGANmut", "stargan")
    assert code == 0
    assert re.findall(r"^@\w+\{(\w+)", out, re.M) == [
        "ganbench",
        "dapolito2021ganmut",
        "choi2018stargan",
    ]


def test_all_six_by_default(call):
    assert len(re.findall(r"^@", call("cite")[1], re.M)) == 6


def test_an_unknown_method_is_one_line(call):
    code, out, error = call("cite", "stargam")
    assert (code, out) == (2, "")
    assert "did you mean 'stargan'" in error


@pytest.mark.parametrize("key", ["cff-version", "title", "authors", "license"])
def test_the_citation_file_names_what_it_must(key):
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^{key}:", text, re.M)
    assert f"version: {__version__}\n" in text
