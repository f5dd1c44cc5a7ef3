"""What the pages promise: every command in them is one that the command line takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from ganbench.cli import cli
from ganbench.config import parse_assignments
from ganbench.training.setup import configure

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BETWEEN = {"&&", "||", ";", "|", "&", ">", ">>", "<"}


def commands(text):
    """The ganbench commands of a page's shell blocks, as lists of words."""
    blocks = [block for language, block in BLOCK.findall(text) if language in ("", "sh", "bash")]
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
            lexer.whitespace_split = True
            words: list[str] = []
            for word in [*lexer, ";"]:
                if word not in BETWEEN:
                    words.append(word)
                    continue
                if words[:1] == ["ganbench"]:
                    yield words
                words = []


FOUND = [
    pytest.param(words, id=f"{page.stem}: {' '.join(words)[:60]}")
    for page in PAGES
    for words in commands(page.read_text(encoding="utf-8"))
]


def parse(words):
    """The innermost command of a line and its parameters; nothing is executed."""
    command, name, rest = cli, "ganbench", list(words[1:])
    while isinstance(command, click.Group) and (rest or not command.invoke_without_command):
        name, command, rest = command.resolve_command(click.Context(command), rest)
    return command.make_context(name, rest)


@pytest.mark.parametrize("words", FOUND)
def test_commands_of_the_pages_parse(words, monkeypatch):
    # The files that a page speaks of are not here.
    monkeypatch.setattr(
        click.Path, "convert", lambda path, value, *_: path.coerce_path_result(value)
    )
    context = parse(words)
    if context.command.name == "train" and context.params["name"] != "METHOD":
        given = context.params
        configure(given["name"], given["recipe"], parse_assignments(given["assignments"]))


def test_the_way_to_table_1_has_every_step():
    page = (ROOT / "docs/affectnet.md").read_text(encoding="utf-8")
    trained = {words[2] for words in commands(page) if words[1] == "train"}
    assert trained == {"judge", "linear", "gaussian", "stargan", "ganimation", "smit", "stargan-v2"}
    assert {words[1] for words in commands(page)} == {"data", "train", "checkpoints", "eval"}


def test_options_named_in_the_page_are_options_of_the_recipe():
    page = (ROOT / "docs/affectnet.md").read_text(encoding="utf-8")
    checked = 0
    for row in re.findall(r"^\| .*`[\w.]+=.*\|$", page, re.MULTILINE):
        methods = row.split("|")[1].strip().split(", ")
        for method in methods:
            for option in re.findall(r"`([\w.]+=[^`]+)`", row):
                configure(method, "affectnet", parse_assignments([option]))
                checked += 1
    assert checked > 15


def test_a_page_that_rots_is_noticed():
    page = (
        "```sh\nganbench train stargan --recipes x && ganbench evla # no\nls | ganbench data\n```\n"
    )
    assert [words[1:] for words in commands(page)] == [
        ["train", "stargan", "--recipes", "x"],
        ["evla"],
        ["data"],
    ]
    with pytest.raises(click.NoSuchOption):
        parse(["ganbench", "train", "stargan", "--recipes", "x"])
