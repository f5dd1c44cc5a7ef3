"""No value of a card or manifest becomes part of a path, unless it can only be the name of a file."""

from __future__ import annotations

import json
from pathlib import Path

import authors
import pytest
from safetensors.torch import load_file, save_file

from ganbench.errors import BadInput
from ganbench.methods.manifest import read_manifest
from ganbench.methods.weights import read_header
from ganbench.official import export_checkpoint, import_checkpoint
from ganbench.storage.store import is_file_name

PLACES = [
    "../out",
    "/tmp/out",
    "..",
    ".",
    "",
    "a/b",
    "a\\b",
    "~",
    ".hidden",
    "x\0y",
    "x\ny",
    "x" * 300,
]


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authors")
    g, d = authors.save("stargan", authors.states("stargan"), folder)
    return import_checkpoint("stargan", g, discriminator=d, out=folder / "i.safetensors").path


@pytest.fixture
def with_card(imported, tmp_path):
    """``with_card(change)``: the checkpoint with a changed card, in a folder of its own."""

    def make(change) -> Path:
        header = read_header(imported)
        change(header["card"])
        path = tmp_path / "in" / "i.safetensors"
        path.parent.mkdir(exist_ok=True)
        save_file(load_file(imported), path, metadata={"ganbench": json.dumps(header)})
        return path

    return make


@pytest.mark.parametrize("value", [*PLACES, None, -1, 1.5, [3], {"a": 1}, 10**40])
def test_the_iteration_of_a_card(with_card, tmp_path, value):
    def change(card: dict) -> None:
        del card["official"]
        card["iteration"] = value

    path, out = with_card(change), tmp_path / "deep" / "out"
    with pytest.raises(BadInput, match=r"'?iteration'? .* the card|a number of 41 digits") as error:
        export_checkpoint(path, out)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize("role", ["generator", "discriminator"])
@pytest.mark.parametrize("value", [*PLACES, None, 3, ["x"]])
def test_the_imported_file_of_a_card(with_card, tmp_path, role, value):
    path, out = with_card(lambda card: card["official"][role].update(file=value)), tmp_path / "out"
    written = export_checkpoint(path, out)
    assert {place.parent for place in written} == {out}
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == sorted([path, *written])
    letter = {"generator": "G", "discriminator": "D"}[role]
    assert out / f"000000-{letter}.ckpt" in written or out / f"0-{letter}.ckpt" in written


@pytest.mark.parametrize("value", [3, "x", ["a"], {"generator": "x"}, {"classes": [3] * 7}])
def test_facts_of_another_shape(with_card, tmp_path, value):
    path = with_card(lambda card: card.update(official=value))
    if not isinstance(value, dict) or "classes" in value:
        with pytest.raises(BadInput, match=r"(classes|'official') .*the card"):
            export_checkpoint(path, tmp_path / "out")
    else:
        written = export_checkpoint(path, tmp_path / "out")
        assert {place.parent for place in written} == {tmp_path / "out"}


@pytest.mark.parametrize("place", PLACES)
def test_the_files_of_a_manifest(tmp_path, place):
    path = tmp_path / "MANIFEST.toml"
    path.write_text(f"[stargan]\nfile = {json.dumps(place)}\nsha256 = 'a'\n")
    with pytest.raises(BadInput, match="names no file beside it"):
        read_manifest(path)
    for entry in ("x = 3", "[x]\nfile = 3\nsha256 = 'a'", "[x]\nfile = 'a'", "[x]"):
        path.write_text(entry)
        with pytest.raises(BadInput, match="is no table with the texts"):
            read_manifest(path)


def test_names_that_stay():
    for name in ("1800000-G.ckpt", "net_epoch_3_id_G.pth", "Übung (2).pth", "100000_nets_ema.ckpt"):
        assert is_file_name(name)
    assert not any(map(is_file_name, PLACES))
