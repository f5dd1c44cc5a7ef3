"""Configuration: TOML tables to dataclasses, and every mistake named."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench.config import assign, build, parse_assignments, plain, read_toml
from ganbench.errors import BadInput, unknown
from ganbench.training import recipe as recipes
from ganbench.training.recipe import Recipe


@dataclass(frozen=True)
class Inner:
    strength: float = 1.0
    pair: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Outer:
    size: int
    rate: float = 0.1
    kind: Literal["soft", "hard"] = "soft"
    names: tuple[str, ...] = ("a",)
    maybe: int | None = None
    flag: bool = False
    inner: Inner = field(default_factory=Inner)


def test_values_find_their_fields():
    table = {
        "size": 3,
        "rate": 2,
        "kind": "hard",
        "names": ["x", "y"],
        "maybe": 5,
        "flag": True,
        "inner": {"pair": [1, 2.5]},
    }
    made = build(Outer, table, "here")
    assert made == Outer(3, 2.0, "hard", ("x", "y"), 5, True, Inner(1.0, (1.0, 2.5)))
    assert isinstance(made.rate, float)
    assert isinstance(made.inner.pair[0], float)


def test_missing_keys_keep_their_defaults():
    assert build(Outer, {"size": 3}, "here") == Outer(3)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "missing key in here: size"),
        ({"size": 3, "rat": 1}, r"unknown key in here: 'rat'; did you mean 'rate'\? known: flag, "),
        ({"size": 3.5}, r"wrong type of here size: 3.5; give a value of type int"),
        ({"size": True}, "wrong type of here size: True"),
        ({"size": "3"}, "wrong type of here size: '3'"),
        ({"size": 3, "rate": "fast"}, "wrong type of here rate: 'fast'; give a value of type float"),
        ({"size": 3, "flag": 1}, "wrong type of here flag: 1; give a value of type bool"),
        ({"size": 3, "kind": "sort"}, r"unknown here kind: 'sort'; did you mean 'soft'\?"),
        ({"size": 3, "names": "x"}, "wrong type of here names: 'x'; give a list in brackets"),
        ({"size": 3, "names": [1]}, "wrong type of here names: 1"),
        ({"size": 3, "maybe": "x"}, "wrong type of here maybe: 'x'"),
        ({"size": 3, "inner": 4}, "wrong type of here inner: 4; give a table"),
        ({"size": 3, "inner": {"stregth": 4}}, "unknown key in here inner: 'stregth'; did you mean 'strength'"),
        ({"size": 3, "inner": {"pair": [1]}}, "wrong length of here inner pair: 1; give 2 values"),
    ],
)  # fmt: skip
def test_mistakes_are_named(table, message):
    with pytest.raises(BadInput, match=message) as error:
        build(Outer, table, "here")
    assert "\n" not in str(error.value)


def test_checks_of_the_class_itself_are_kept():
    with pytest.raises(BadInput, match="iterations must be at least 1"):
        build(Recipe, {"iterations": 0}, "recipe")
    with pytest.raises(BadInput, match="augment flip must be a probability"):
        build(Recipe, {"augment": {"flip": 2.0}}, "recipe")


def test_plain_is_what_json_gives_back():
    for config in (Outer(1), Recipe()):
        values = plain(config)
        assert json.loads(json.dumps(values)) == values


finite = st.floats(-1e6, 1e6)
outers = st.builds(
    Outer,
    size=st.integers(-(10**12), 10**12),
    rate=finite,
    kind=st.sampled_from(["soft", "hard"]),
    names=st.lists(st.text(max_size=3), max_size=4).map(tuple),
    maybe=st.none() | st.integers(-(10**12), 10**12),
    flag=st.booleans(),
    inner=st.builds(Inner, finite, st.tuples(finite, finite)),
)


@given(outers)
def test_plain_values_build_the_same_again(config):
    assert build(Outer, json.loads(json.dumps(plain(config))), "here") == config


# -- files and assignments ----------------------------------------------------------------------------


def test_a_toml_file(tmp_path):
    (tmp_path / "a.toml").write_text("[x]\na = 1\n")
    assert read_toml(tmp_path / "a.toml") == {"x": {"a": 1}}


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot read recipe: .*a.toml"), (b"x = ", "not a TOML file"), (b"\xff", "not a TOML")],
)
def test_files_that_are_no_toml(tmp_path, content, message):
    path = tmp_path / "a.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=message):
        read_toml(path)


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("a=1", {"a": 1}),
        ("a = 1e-4", {"a": 1e-4}),
        ("a=[1, 2]", {"a": [1, 2]}),
        ("a=true", {"a": True}),
        ("a=bf16", {"a": "bf16"}),
        ("a='bf16'", {"a": "bf16"}),
        ("a=x=y", {"a": "x=y"}),
        ("b.c.d=3", {"b": {"c": {"d": 3}}}),
        ("t.old=2", {"t": {"old": 2, "kept": 5}}),
    ],
)
def test_assignments(assignment, expected):
    table: dict = {"t": {"old": 1, "kept": 5}}
    assign(table, parse_assignments([assignment]))
    assert table == {"t": {"old": 1, "kept": 5}, **expected}


@pytest.mark.parametrize("assignment", ["a", "", "=3", " = 3"])
def test_what_is_no_assignment(assignment):
    with pytest.raises(BadInput, match=r"not an assignment: .*write --set key=value"):
        parse_assignments([assignment])


def test_a_dot_needs_a_table():
    with pytest.raises(BadInput, match=r"not a table: 'a' in --set a\.b; remove the dot"):
        assign({"a": 3}, {"a.b": 1})


def test_the_last_assignment_of_a_key_counts():
    found = parse_assignments(["a.b=1", "a={c = 2}", "a.b=3"])
    assert found == {"a": {"c": 2}, "a.b": 3}
    table: dict = {}
    assign(table, found)
    assert table == {"a": {"c": 2, "b": 3}}


# -- recipes ------------------------------------------------------------------------------------------


def test_a_recipe_file_with_assignments(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[stargan]\niterations = 5\n[stargan.network]\nwidth = 8\n")
    table = recipes.load(str(path), "stargan", {"iterations": 7, "network.blocks": 2})
    assert table == {"iterations": 7, "network": {"width": 8, "blocks": 2}}


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("face", r"unknown recipe: 'face'; did you mean 'faces'\?"),
        ("nowhere.toml", "cannot read recipe: nowhere.toml"),
    ],
)
def test_recipes_that_are_not_there(recipe, message):
    with pytest.raises(BadInput, match=message):
        recipes.load(recipe, "stargan")


def test_a_recipe_without_the_method(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[stargan]\n[linear]\n")
    with pytest.raises(BadInput, match=r"has no table \[smit\]; it has: linear, stargan"):
        recipes.load(str(path), "smit")


def test_a_recipe_whose_method_is_no_table(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("stargan = 3\n")
    with pytest.raises(BadInput, match="stargan"):
        recipes.load(str(path), "stargan", {"iterations": 7})


def test_a_table_may_have_a_base(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(
        "[all]\niterations = 5\nbatch_size = 2\n[all.augment]\nflip = 0.5\nrotate = 1.0\n"
        '[stargan]\nbase = "all"\nbatch_size = 4\n[stargan.augment]\nflip = 0.25\n'
        '[linear]\nbase = "al"\n'
    )
    assert recipes.load(str(path), "stargan", {"augment.rotate": 2.0}) == {
        "iterations": 5,
        "batch_size": 4,
        "augment": {"flip": 0.25, "rotate": 2.0},
    }
    with pytest.raises(BadInput, match=r"has no table \[al\]; it has: all, linear, stargan"):
        recipes.load(str(path), "linear")


def test_bases_have_bases_and_later_ones_win(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(
        "[most]\niterations = 5\nbatch_size = 2\nkeep = 7\n"
        '[some]\nbase = "most"\nbatch_size = 3\n'
        "[wide.network]\nwidth = 9\n[wide]\nbatch_size = 6\n"
        '[linear]\nbase = ["some", "wide"]\nkeep = 1\n'
        '[stargan]\nbase = ["faces:stargan", "wide"]\n'
        '[smit]\nbase = "fases:smit"\n'
        '[ganimation]\nbase = "round"\n[round]\nbase = "ganimation"\n'
    )
    assert recipes.load(str(path), "linear") == {
        "iterations": 5,
        "batch_size": 6,
        "keep": 1,
        "network": {"width": 9},
    }
    faces, here = recipes.load("faces", "stargan"), recipes.load(str(path), "stargan")
    assert here == faces | {"batch_size": 6, "network": faces["network"] | {"width": 9}}
    with pytest.raises(
        BadInput, match=r"recipe in the base of \[smit\]: 'fases'; did you mean 'faces'"
    ):
        recipes.load(str(path), "smit")
    with pytest.raises(BadInput, match=r"\[round\] is a base of itself, through 'ganimation'"):
        recipes.load(str(path), "ganimation")


@pytest.mark.parametrize("recipe", recipes.shipped_recipes())
def test_shipped_recipes_fit_their_methods(recipe):
    """Every table is read, and every network in it can be built."""
    import torch

    from ganbench.registry import METHODS
    from ganbench.training.setup import model_and_trainer

    path = recipes.resources.files("ganbench.recipes") / f"{recipe}.toml"
    for name in [*METHODS.first, "judge"]:
        assert name in read_toml(path)
        model, trainer = model_and_trainer(name)
        table = recipes.load(recipe, name)
        network, training = recipes.resolve(table, model.Config, trainer.Recipe, name)
        with torch.device("meta"):
            trainer(model(network), training)


def test_a_network_that_is_no_table():
    with pytest.raises(BadInput, match="wrong type of here network: 3; give a table"):
        recipes.resolve({"network": 3}, Inner, Recipe, "here")


# -- hints --------------------------------------------------------------------------------------------


@given(st.sampled_from(["stargan", "linear", "ganimation"]), st.data())
def test_one_wrong_letter_is_understood(name, data):
    place = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from("qxz"))
    typed = name[:place] + letter + name[place + 1 :]
    message = str(unknown("method", typed, ["stargan", "linear", "ganimation"]))
    assert f"did you mean {name!r}? known: ganimation, linear, stargan" in message


def test_nothing_near_gives_no_hint():
    assert str(unknown("x", "zzz", ["abc"])) == "unknown x: 'zzz'; known: abc"
