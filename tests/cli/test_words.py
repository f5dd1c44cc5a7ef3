"""Seeds, devices and counts: one rule each for all commands."""

import re
from pathlib import Path

import click
import pytest

import ganbench
from ganbench.cli import COMMANDS, cli
from ganbench.cli.options import SEED
from ganbench.data import parse_data
from ganbench.devices import resolve
from ganbench.errors import BadInput
from ganbench.text import plural
from ganbench.training.session import prepare


def commands(group, path=()):
    """Every command of the command line with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def test_every_seed_is_of_one_type():
    seeds = {
        words: option.type
        for words, command in commands(cli)
        for option in command.params
        if "--seed" in option.opts
    }
    assert {words[0] for words in seeds} >= {"eval", "figure", "train", "edit", "data", "validate"}
    assert all(kind is SEED for kind in seeds.values())
    assert len(COMMANDS) > 5


@pytest.mark.parametrize("seed", ["-1", "4294967296"])
@pytest.mark.parametrize(
    "words",
    [
        ["train", "stargan"],
        ["edit", "--framed", "--images", "x", "--method", "smit", "--emotion", "sad", "--out", "y"],
        ["eval"],
        ["validate"],
        ["data", "export", "faces", "x"],
    ],
)
def test_a_seed_out_of_range_is_refused_by_all(call, words, seed):
    code, _, err = call(*words, "--seed", seed)
    assert code == 2
    assert f"{seed} is not in the range 0<=x<=4294967295" in err


def test_a_seed_out_of_range_is_refused_from_python(tiny_recipe):
    with pytest.raises(BadInput, match="seed is out of range: -1"):
        prepare("stargan", tiny_recipe, seed=-1, device="cpu")
    with pytest.raises(BadInput, match="seed is out of range"):
        parse_data("faces:seed=4294967296")


@pytest.mark.parametrize("name", ["gpu", "GPU:0", "meta", "tpu", "", "cuda:", "cpu;x", "a" * 5000])
def test_a_device_that_is_none_is_one_short_line(name):
    with pytest.raises(BadInput, match="device is not available") as caught:
        resolve(name)
    text = str(caught.value)
    assert len(text) < 160
    assert "hpu" not in text  # torch's list of twenty
    assert ("is cuda" in text) == name.lower().startswith("gpu")


def test_a_device_that_computes_nothing_is_refused(call):
    with pytest.raises(BadInput, match="'meta'"):
        ganbench.load_method("stargan", device="meta")
    code, _, err = call("train", "stargan", "--device", "meta")
    assert (code, err.count("\n")) == (2, 1)
    assert str(resolve("cpu")) == "cpu"


def test_a_count_agrees_with_its_noun():
    assert plural(1, "edit") == "1 edit"
    assert plural(0, "edit") == "0 edits"
    assert plural(7000, "edit") == "7,000 edits"
    assert plural(2, "class", "classes") == "2 classes"


# Counts that are never one, where a plural is right.
MANY = {
    "evaluation/judges.py": 1,  # four groups or more
    "judges/label_check.py": 3,  # of many images
    "scoring/features.py": 4,
    "scoring/intervals.py": 1,  # four groups or more
    "config.py": 2,  # beyond a limit
    "evaluation/labels.py": 1,
    "text.py": 1,
    "figures/tsne.py": 1,
    "figures/scene.py": 1,
    "figures/same_label.py": 1,
    "validation/formats.py": 1,
    "evaluation/shards.py": 1,
    "data/leaks.py": 1,
    "cli/eval_plan.py": 1,
    "metrics/features.py": 1,
    "data/doctor.py": 1,
    "figures/feature_map.py": 1,
}
COUNTED = re.compile(
    r"\{[^{}]*\b(?:len\(|count|sum\(|n\b|total|images|iterations|seeds|faces|missing|jobs)[^{}]*\} "
    r"(?:(?:bad|further|test|real|training) )?(?:edits|images|pictures|pieces|checkpoints|files|numbers|"
    r"faces|iterations|rows|methods|values|emotions|jobs|judges|links|groups|labels|entries|points|"
    r"codes|parts|shards|classes|characters|keys|columns)\b"
)


def test_counted_nouns_go_through_plural():
    """A guard for new messages: a count before a plural is one that cannot be 1, or goes through it."""
    root = Path(ganbench.__file__).parent
    found = {}
    for path in root.rglob("*.py"):
        lines = [line for line in path.read_text().splitlines() if 'f"' in line or "f'" in line]
        hits = [line.strip() for line in lines if COUNTED.search(line) and "'s'" not in line]
        if hits:
            found[path.relative_to(root).as_posix()] = hits
    unexpected = {name: hits for name, hits in found.items() if len(hits) > MANY.get(name, 0)}
    assert not unexpected
