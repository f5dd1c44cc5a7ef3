"""``ganbench reproduce`` with a manifest of small nets trained on small faces."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ganbench import load_dataset
from ganbench import reproduction as reproduce
from ganbench.methods.locate import shipped
from ganbench.methods.weights import read_header, save_checkpoint, sha256, weights_hash
from ganbench.reproduction import Claim, compare, make_plan, read_claims
from ganbench.training.recipe import renewed

DATA = "faces:train=14,test=14"


@pytest.fixture
def manifest(call, tiny_recipe, tmp_path):
    """``manifest(*names)``: checkpoints trained here, beside their recipe and a MANIFEST.toml."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    recipe = shutil.copy(tiny_recipe, folder)

    def make(*names, **changes):
        tables = []
        for name in names:
            words = (
                "--recipe",
                recipe,
                "--data",
                DATA,
                "--seed",
                3,
                "--set",
                "log_every=2",
                "--precision",
                "bf16",
            )
            code, _, err = call("train", name, *words, "--device", "cpu", "--out", f"first/{name}")
            assert code == 0, err
            # One that was stopped: its last periodic checkpoint is what is shipped.
            stopped = tmp_path / f"first/{name}/checkpoints/0000003.safetensors"
            file = shutil.copy(stopped, folder / f"{name}.safetensors")
            tables.append(f'[{name}]\nfile = "{name}.safetensors"\nsha256 = "{sha256(file)}"\n')
        (folder / "MANIFEST.toml").write_text("\n".join(tables))
        return folder

    return make


def reship(folder, name, change):
    """Change the card of a checkpoint, or its tensors, and its line in the manifest."""
    path = folder / f"{name}.safetensors"
    before = sha256(path)
    header, tensors = read_header(path), load_file(path)
    change(header["card"], tensors)
    save_file(tensors, path, metadata={"ganbench": json.dumps(header)})
    text = (folder / "MANIFEST.toml").read_text()
    (folder / "MANIFEST.toml").write_text(text.replace(before, sha256(path)))


def test_all_are_reproduced_to_the_bit(call, manifest, tmp_path):
    folder = manifest("stargan", "judge")
    command = ("reproduce", "all", "--manifest", folder / "MANIFEST.toml", "--device", "cpu")
    code, out, err = call(*command, "--dry-run")
    assert (code, err) == (0, "")
    assert "stargan: 3 iterations of recipe tiny.toml, seed 3" in out
    assert not (tmp_path / "runs").exists()
    code, out, err = call(*command)
    assert code == 0, err
    for name in ("stargan", "judge"):
        assert f"{name}: bit-identical: all weights are those of {name}.safetensors" in out
    made = tmp_path / "runs/reproduce/stargan/checkpoints/0000003.safetensors"
    assert weights_hash(made) == weights_hash(folder / "stargan.safetensors")
    assert (
        read_header(made)["card"]["command"]
        == read_header(folder / "stargan.safetensors")["card"]["command"]
    )
    code, _, err = call(*command)
    assert code == 2
    assert "a run is already there" in err
    code, out, err = call(*command, "--resume")
    assert (code, out.count("bit-identical")) == (0, 2)


def test_other_weights_are_judged_by_their_scores(call, manifest, tmp_path, monkeypatch):
    folder = manifest("stargan")

    def disturb(card, tensors):
        tensors["generator.main.0.weight"] += 1e-6

    def destroy(card, tensors):
        for tensor in tensors.values():
            tensor += torch.randn(tensor.shape, generator=torch.Generator().manual_seed(0))

    command = ("reproduce", "stargan", "--manifest", folder / "MANIFEST.toml", "--device", "cpu")
    reship(folder, "stargan", disturb)
    code, out, err = call(*command, "--out", "made")
    assert code == 0, err
    assert "other bits; scores within their margins and intervals: accuracy " in out
    for metric in ("fed", "ere", "background", "gt_error"):
        assert f"{metric} " in out
    reship(folder, "stargan", destroy)
    code, out, err = call(*command, "--out", "made", "--resume")
    assert code == 1, err
    assert "other bits; scores not the same: accuracy " in out
    assert "(worse)" in out or "(better)" in out


def test_what_is_not_the_card_s_is_refused(call, manifest, tmp_path):
    folder = manifest("stargan")
    header = read_header(folder / "stargan.safetensors")
    for change, message in (
        (lambda c: c["data"].update(fingerprint="0" * 64), "data fingerprint was '0000"),
        (lambda c: c["recipe"].update(learning_rate=0.5), "recipe learning_rate was 0.5, now 0.001"),
        (lambda c: c["recipe"].update(iterations=7), "recipe iterations was 7, now 6"),
        (lambda c: c["network"].update(width=5), "network width was 5, now 4"),
        (lambda c: c.update(init={"name": "a.safetensors"}), "started from a.safetensors, which is not"),
        (lambda c: c.update(assignments={"n_critic": 3}), "recipe n_critic was 2, now 3"),
    ):  # fmt: skip
        card = copy.deepcopy(header["card"])
        change(card)
        reship(folder, "stargan", lambda old, _, card=card: (old.clear(), old.update(card)))
        for more in ((), ("--dry-run",)):
            code, out, err = call(
                "reproduce", "stargan", "--manifest", folder / "MANIFEST.toml", *more
            )
            assert (code, out) == (2, "")
            assert err.startswith("ganbench: cannot reproduce stargan: ")
            assert err.count("\n") == 1
            assert message in err
    assert not (tmp_path / "runs").exists()
    # What only reports otherwise is the same.
    card = copy.deepcopy(header["card"])
    card["recipe"].update(log_every=9, keep=1)
    reship(folder, "stargan", lambda old, _: (old.clear(), old.update(card)))
    assert call("reproduce", "stargan", "--manifest", folder / "MANIFEST.toml", "--dry-run")[0] == 0


def test_what_is_not_in_the_manifest_is_refused(call, manifest):
    folder = manifest("stargan")
    command = ("reproduce", "--manifest", folder / "MANIFEST.toml")
    assert "did you mean 'stargan'" in call(*command, "starga")[2]
    (folder / "stargan.safetensors").write_bytes(
        (folder / "stargan.safetensors").read_bytes()[:-4] + b"oops"
    )
    code, _, err = call(*command, "stargan")
    assert code == 2
    assert "changed: " in err


def test_older_cards_have_the_command_alone(call, manifest):
    folder = manifest("stargan")

    def age(card, _):
        assert card.pop("assignments") == {"log_every": 2, "precision": "bf16"}
        assert card.pop("data_options") == {"train": 14, "test": 14}
        card["command"] = (
            f"ganbench train stargan --recipe tiny.toml --data {DATA} --seed 3 --set log_every=2 "
            "--set precision=bf16"
        )

    command = ("reproduce", "stargan", "--manifest", folder / "MANIFEST.toml", "--device", "cpu")
    reship(folder, "stargan", age)
    code, out, err = call(*command)
    assert code == 0, err
    assert "bit-identical" in out
    reship(folder, "stargan", lambda card, _: card.update(command="ganbench train 'stargan"))
    assert "command in the card of" in call(*command)[2]


def flat(table, above=""):
    """The lines of a table in TOML."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        elif value is not None:
            yield f"{above}{key} = {json.dumps(value)}"


@pytest.mark.parametrize("name", ["gaussian", "judge"])
def test_a_checkpoint_of_2026_can_be_made_again(tmp_path, name):
    path = Path(__file__).parents[1] / f"golden/before/runs/{name}/{name}.safetensors"
    card = read_header(path)["card"]
    assert "assignments" not in card
    lines = [f"[{name}]", *flat(renewed(card["recipe"]) | {"network": card["network"]})]
    (tmp_path / "recipe.toml").write_text("\n".join(lines))
    plan = make_plan(Claim(name, path, card), tmp_path)
    assert plan.data_options == {"train": 14, "test": 14}
    assert len(plan.load("train", lazy=True)) == 14


def test_judges_are_compared_by_what_they_see(tmp_path):
    path = shipped("judge")
    claim = Claim("judge", path, read_header(path)["card"])
    faces = load_dataset("faces", "test", size=64, test=70)
    assert "bit-identical" in compare(claim, path, faces, "cpu").text
    from ganbench import config
    from ganbench.judges.vgg import VGG, VGGConfig

    torch.manual_seed(0)
    fresh = VGG(config.build(VGGConfig, read_header(path)["config"], "card"))
    save_checkpoint(tmp_path / "fresh.safetensors", fresh, "judge", "judge", {})
    verdict = compare(claim, tmp_path / "fresh.safetensors", faces, "cpu")
    assert not verdict.reproduced
    assert "accuracy" in verdict.text
    assert "(worse)" in verdict.text


def test_every_shipped_checkpoint_can_be_made_again(call):
    code, out, err = call("reproduce", "all", "--dry-run")
    assert code == 0, err
    names = [
        claim.name for claim in read_claims(shipped("judge").parent / reproduce.MANIFEST, "all")
    ]
    assert [line.partition(":")[0] for line in out.splitlines()] == names
