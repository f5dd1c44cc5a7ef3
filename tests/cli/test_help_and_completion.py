"""Worked examples in every help text; names that a shell completes; words that mean one thing everywhere."""

import os
import re
import subprocess
import sys

import click
import pytest
from test_docs import parse
from test_words import commands

from ganbench.cli import COMMANDS, cli
from ganbench.registry import METHODS, METRICS

ALL = dict(commands(cli))
GROUPS = [
    name for name in COMMANDS if isinstance(cli.get_command(click.Context(cli), name), click.Group)
]


def examples_of(text):
    """The lines of a help text that are commands, each without what a shell does with its output."""
    lines = (line.strip() for line in text.splitlines())
    return [re.split(" >> | > | +#", line)[0] for line in lines if re.match("ganbench [a-z]", line)]


def help_of(command, words):
    return command.get_help(click.Context(command, info_name=" ".join(("ganbench", *words))))


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_help_has_an_example_of_its_command_that_parses(words):
    import shlex

    found = examples_of(help_of(ALL[words], words))
    assert any(shlex.split(line)[1 : len(words) + 1] == list(words) for line in found), found
    for line in found:
        parse(shlex.split(line))


@pytest.mark.parametrize("name", GROUPS)
def test_every_group_has_an_example(name):
    import shlex

    found = examples_of(help_of(cli.get_command(click.Context(cli), name), (name,)))
    assert found
    for line in found:
        parse(shlex.split(line))


def complete(*words):
    """What bash is told to offer for the last word, names only."""
    line = ["ganbench", *words]
    environment = {
        **os.environ,
        "_GANBENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(line),
        "COMP_CWORD": str(len(line) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", "from ganbench.cli import main; main()"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("ev",), ["eval"]),
        (("eval", "--methods", "g"), ["gaussian", "ganimation", "ganmut", "gganmut"]),
        (("eval", "--methods", "smit,star"), ["smit,stargan", "smit,stargan-v2"]),
        (("eval", "--metrics", "default,ms"), ["default,mscr"]),
        (("eval", "--judge", "face"), ["face-api"]),
        (("eval", "--data", "raf"), ["raf-db", "rafd"]),
        (("edit", "--emotion", "s"), ["sad", "surprised"]),
        (("edit", "--method", "smi"), ["smit"]),
        (("score", "--protocol", "faces12"), ["faces128-v1"]),
        (("protocol", "show", "fol"), ["folder"]),
        (("figure", "ga"), ["gamut"]),
        (("train", "ju"), ["judge"]),
        (("completion", "f"), ["fish"]),
    ],
)
def test_names_are_completed(words, expected):
    assert complete(*words) == expected


def test_shipped_checkpoints_are_completed_beside_files():
    assert complete("checkpoints", "show", "gaus") == [
        "gaus",
        "gaussian",
    ]  # the first asks for files


def test_completion_of_methods_loads_no_networks():
    script = (
        "import sys; from ganbench.cli import names as n; found = [n.methods(), n.metrics(), n.judges(), "
        "n.emotions(), n.protocols(), n.datasets()]; assert all(found); "
        "assert not {'torch', 'matplotlib', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(call, shell):
    code, out, err = call("completion", shell)
    assert (code, err) == (0, "")
    assert f"_GANBENCH_COMPLETE={shell}_complete" in out
    code, _, err = call("completion", "csh")
    assert (code, err.count("\n")) == (2, 1)


def test_bash_reads_the_script(call):
    script = call("completion", "bash")[1]
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("edit", "a.jpg", "--method", "gaussian", "--checkpoint", "f"), "give --method NAME=f"),
        (("figure", "wheel", "--method", "linear", "--checkpoint", "f", "--out", "a.png"), "give --method NAME=f"),
        (("protocol", "export", "faces64-v1", "x", "--force"), "give --overwrite"),
        (("data", "export", "faces", "x", "--force"), "give --overwrite"),
        (("verify", "run", "edits", "--images", "3"), "give --limit 3"),
        (("validate", "--faces", "14"), "give --limit 14"),
        (("eval", "--seeds", "2"), "give --noise-seeds 2"),
    ],
)  # fmt: skip
def test_an_old_option_is_an_error_that_says_the_new_one(call, words, message):
    code, _, err = call(*words)
    assert (code, err.count("\n")) == (2, 1)
    assert f"{message}; see" in err


def test_one_word_for_one_thing():
    options = {
        words: {name for option in command.params for name in option.opts if not getattr(option, "hidden", False)}
        for words, command in ALL.items()
    }  # fmt: skip
    assert not [words for words, given in options.items() if given & {"--force", "--checkpoint"}]
    assert sum("--overwrite" in given for given in options.values()) >= 4
    limited = {words[0] for words, given in options.items() if "--limit" in given}
    assert limited >= {"eval", "verify", "validate", "figure"}


@pytest.mark.parametrize("text", ["gaussian=", "=file", ""])
def test_a_method_without_name_or_file_is_one_line(call, text):
    code, _, err = call("edit", "a.jpg", "--method", text, "--emotion", "sad")
    assert (code, err.count("\n")) == (2, 1)
    assert "not a method" in err


def test_aliases_of_all_registries_are_completed():
    from ganbench.cli import names

    assert set(names.methods()) == {*METHODS.names(), *METHODS.aliases}
    assert {"mscr", "all", "default", *METRICS.names()} == set(names.metrics())
