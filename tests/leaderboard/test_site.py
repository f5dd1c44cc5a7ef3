"""The files of the page: whole, escaped, without requests, and replaced as a whole."""

import csv
import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from edits_in_files import toy_protocol, write_edits
from fake_rows import write_row
from toys import Painter

from ganbench.errors import BadInput
from ganbench.evaluation.run import evaluate, perform
from ganbench.leaderboard.site import build
from ganbench.records import Results
from ganbench.report.run_folder import write_run
from ganbench.storage.store import Store
from ganbench.submission.scorer import PICTURES, About, prepare_scoring
from ganbench.text import is_web

ODD = '</script><b onload="x">Ødd & new'


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    place = tmp_path_factory.mktemp("board")
    write_row(place / "results" / "odd", "o+d.d_1", title=ODD, trained_on=ODD, paper=ODD)
    write_row(place / "results" / "bad", "bad", url="javascript:alert(1)", licence=7)
    build(place / "results", place / "site")
    return place / "site"


class Tags(HTMLParser):
    VOID = frozenset({"meta", "img", "link", "br", "input", "line", "path", "circle"})

    def __init__(self):
        super().__init__()
        self.open, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        if tag not in self.VOID and tag != "option":
            assert self.open.pop() == tag
        elif tag == "option":
            assert self.open.pop() == "option"


@pytest.fixture(scope="module")
def page(site):
    return (site / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tags(page):
    tags = Tags()
    tags.feed(page)
    return tags


def test_the_page_is_whole_and_every_link_leads_somewhere(site, page, tags):
    assert tags.open == []
    ids = {value for _, key, value in tags.attributes if key == "id"}
    outside = set()
    for tag, key, value in tags.attributes:
        if key == "src" or (tag == "option" and value and value.endswith(".webp")):
            assert (site / unquote(value)).is_file(), value
        elif key == "href" and value.startswith("#"):
            assert unquote(value[1:]) in ids
        elif key == "href":
            if value.startswith("https://"):
                outside.add(value)
            else:
                assert (site / unquote(value)).is_file(), value
    assert outside == {"https://example.org/x?y=1&z"}
    assert len(ids) == page.count(' id="')


def test_a_browser_may_run_the_pages_own_script_and_load_its_own_files(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; script-src 'sha256-")  # fmt: skip
    assert page.count("<script>") == 1
    assert "url(" not in page
    assert "@import" not in page
    assert "innerHTML" not in page


def test_text_of_strangers_is_shown_and_never_interpreted(page):
    assert ODD not in page
    assert "&lt;/script&gt;&lt;b onload=&#34;x&#34;&gt;Ødd &amp; new" in page
    assert 'href="javascript' not in page
    assert "<dd>javascript:alert(1)</dd>" in page


def test_the_page_says_which_metrics_reward_doing_nothing(page):
    (nothing,) = re.findall(r"<li>(Nothing done[^<]* better than every method in [^<]*)</li>", page)
    assert {"FED", "Background", "Identity"} <= set(re.split(r" in |, |\.", nothing))
    assert "Accuracy" not in nothing
    assert re.search(r"<li>Another person[^<]* better than every method in FED", page)


def test_each_row_has_its_numbers_as_files(site):
    rows = list(csv.DictReader((site / "rows/faces64-v1/o+d.d_1.csv").open(encoding="utf-8")))
    results = Results.load(site / "rows/faces64-v1/o+d.d_1.json")
    assert list(results.methods) == ["o+d.d_1"]
    head = next(r for r in rows if (r["metric"], r["variant"], r["emotion"]) == ("fed", "", ""))
    assert float(head["value"]) == results.find("o+d.d_1", "fed").value
    assert head["protocol"] == "faces64-v1"
    table = json.loads((site / "leaderboard.json").read_text())
    files = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    assert set(table["files"]) == files


def test_a_page_replaces_an_earlier_one_and_nothing_else(tmp_path):
    write_row(tmp_path / "results" / "a", "first")
    build(tmp_path / "results", tmp_path / "site")
    assert (tmp_path / "site/rows/faces64-v1/first.csv").is_file()
    (tmp_path / "site" / "CNAME").write_text("mine")
    write_row(tmp_path / "results" / "a", "second")
    for name in ("edits_first.webp",):
        (tmp_path / "results" / "a" / name).unlink()
    build(tmp_path / "results", tmp_path / "site")
    assert not (tmp_path / "site/rows/faces64-v1/first.csv").exists()
    assert (tmp_path / "site/rows/faces64-v1/second.csv").is_file()
    assert (tmp_path / "site" / "CNAME").read_text() == "mine"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("")
    with pytest.raises(BadInput, match="is not empty"):
        build(tmp_path / "results", tmp_path / "other")


def test_a_board_of_own_data_needs_no_named_protocol(tmp_path):
    """A run of ``score`` and one of ``eval`` on toys: one table, whose differences are paired."""
    opened, store = toy_protocol(), Store(tmp_path / "store")
    write_edits(Painter(leak=0.2).eval(), opened.dataset, tmp_path / "edits")
    scoring = prepare_scoring(tmp_path / "edits", opened, About("In files"), store=store)
    perform(scoring.plan)
    write_run(scoring.finish(), tmp_path / "results/files", [], scoring.plan, {PICTURES: scoring.pictures})  # fmt: skip
    found = evaluate({"painter": Painter()}, opened.dataset, opened.judge, store=store)
    write_run(found, tmp_path / "results/eval")
    (board,) = build(tmp_path / "results", tmp_path / "site")
    assert board.name.startswith("own:")
    assert set(board.competing) == {"in-files", "painter"}
    assert board.ranks["background"] == {"painter": (1, 1), "in-files": (2, 2)}
    page = (tmp_path / "site/index.html").read_text()
    assert f'id="{board.slug}"' in page
    assert (tmp_path / f"site/pictures/{board.slug}/in-files.webp").is_file()


@pytest.mark.parametrize("address", ["https://x.org", "http://x.org/a?b=c#d", "https://x.org:80/a"])
def test_addresses_of_the_web_are_links(address):
    assert is_web(address)


@pytest.mark.parametrize(
    "address",
    ["", "javascript:alert(1)", "https://", "ftp://x.org", "//x.org", "https://a b", "x.org", "https://u@x.org", " https://x.org", "https://x.org/\n"],
)  # fmt: skip
def test_other_addresses_are_not(address):
    assert not is_web(address)
