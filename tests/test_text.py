"""Text of users at the border: shown, never interpreted, and never able to break what it stands in."""

import csv
import io
import itertools
import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from markdown_it import MarkdownIt

from ganbench.report.formats import to_csv, to_latex, to_markdown, to_rich
from ganbench.report.table import Cell, Column, Row, Table
from ganbench.text import clipped, html, latex, markdown, markdown_table, message, printable, shown

# All of Unicode, halves of pairs too, with the characters that formats and terminals care about often.
SPECIAL = "\x00\x07\x1b\r\n\t\x7f\x85\x9b\u2028\u202e\u200b\ufeff\udcff|\\*_`[]<>&%$#{}~^\"'!@±↑"
WORDS = st.text(st.one_of(st.characters(), st.sampled_from(SPECIAL)), max_size=40)
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(WORDS)
def test_nothing_hidden_reaches_a_terminal(text):
    found = printable(text)
    assert not any(unicodedata.category(c) in HIDDEN for c in found if c not in "\u200c\u200d")
    assert printable(found) == found
    found.encode("utf-8")
    if text.isprintable():
        assert found == text


def test_escapes_name_the_character():
    assert printable("a\x1b[31m\n\u202eb\udcff\U000e0041") == r"a\x1b[31m\n\u202eb\xff\U000e0041"
    assert printable("می‌خواهم, 👩‍🔬, ÄÖ") == "می‌خواهم, 👩‍🔬, ÄÖ"
    assert printable("a\nb\tc", keep="\n") == "a\nb\\tc"


def test_a_message_is_one_line_of_bounded_length():
    assert message(f"cannot read: {'x' * 10**6}\x1b\n; mend it").endswith(r"x\x1b ; mend it")
    assert len(message("y" * 10**6)) < 2100
    assert clipped("abc") == "abc"
    assert shown(10**5000) == "a int that is too large to print"
    tree = []
    for _ in range(100_000):
        tree = [tree]
    assert len(shown(tree)) < 200


def table(title):
    columns = Column("one", "higher", 1), Column(title, "lower", 1)
    rows = Row(title, (Cell(1.0), Cell(2.0))), Row("b", (Cell(2.0), Cell()))
    return Table(title, columns, rows)


def squeezed(text):
    return " ".join(text.split())


@given(WORDS)
def test_markdown_shows_any_text_in_its_cell(text):
    tokens = MarkdownIt("commonmark").enable("table").parse(to_markdown(table(f"a{text}b")))
    cells = [
        "".join(child.content if child.type != "softbreak" else "\n" for child in token.children)
        for before, token in itertools.pairwise(tokens)
        if before.type in ("th_open", "td_open", "paragraph_open")
    ]
    assert not any(token.type.startswith("html") for token in tokens)
    wanted = squeezed(printable(f"a{text}b"))
    # The caption, then the last heading and the first row.
    assert squeezed(cells[0]) == wanted
    assert [squeezed(cell) for cell in cells][3:5] == [wanted, wanted]
    assert len(cells) == 1 + 3 * 3


@given(WORDS)
def test_csv_shows_any_text_in_its_cell(text):
    rows = list(csv.reader(io.StringIO(to_csv(table(text)), newline="")))
    assert rows == [
        ["Method", "one", printable(text)],
        [printable(text), "1", "2"],
        ["b", "2", ""],
    ]


UNTEX = {
    r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^",
    r"\textless{}": "<", r"\textgreater{}": ">", r"\textbar{}": "|", r"\symbol{34}": '"',
    r"$\uparrow$": "↑", r"$\downarrow$": "↓", r"$\pm$": "±", "{[}": "[", "{]}": "]", "{*}": "*",
} | {f"\\{c}": c for c in "&%$#_{}"}  # fmt: skip


@given(WORDS)
def test_latex_shows_any_text_in_its_cell(text):
    pattern = "|".join(map(re.escape, sorted(UNTEX, key=len, reverse=True)))
    back = re.sub(pattern, lambda match: UNTEX[match[0]], latex(text))
    assert back == printable(text)
    # Nothing special is left beside the escapes.
    assert not set(re.sub(pattern, "", latex(text))) & set('\\&%$#_{}~^[]*<>|"')
    assert len(to_latex(table(text), "tab:x").splitlines()) == 13


class Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.tags = "", []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.found += data


@given(WORDS)
def test_a_page_shows_any_text(text):
    page = Environment(autoescape=True, finalize=html).from_string(
        '<p title="{{ text }}">{{ text }}</p>'
    )
    parser = Text()
    parser.feed(page.render(text=text))
    parser.close()
    wanted = printable(text, keep="\n")
    assert parser.found == wanted
    assert parser.tags == [("p", {"title": wanted})]


@pytest.mark.parametrize("text", ["[/x]", "[bold]a[/bold]", ":smile:", "a\x1b[2Jb\nc\u202e"])
def test_rich_shows_any_text(text, capsys):
    from ganbench.cli.screen import say, screen

    console = screen()
    console.width = 300
    console.print(text)
    console.print(to_rich(table(text)))
    say(text)
    shown = capsys.readouterr().out
    assert shown.count(printable(text)) == 5
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert markdown("a*b") == r"a\*b"


def test_a_table_of_markdown_aligns_its_numbers():
    rows = [("GANmut", "97.0"), ("**SMIT**", "8.5")]
    lines = markdown_table(["Method", "Mean"], rows, numbers=[1]).splitlines()
    assert lines == [
        "| Method | Mean |",
        "| --- | ---: |",
        "| GANmut | 97.0 |",
        "| **SMIT** | 8.5 |",
    ]
