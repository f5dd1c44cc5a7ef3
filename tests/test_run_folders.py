"""A run folder of ``ganbench train`` stands wherever a checkpoint does."""

import json
import shutil

import pytest
from toys import photograph

import ganbench
from ganbench.errors import BadInput
from ganbench.methods.locate import checkpoint_file
from ganbench.methods.weights import save_checkpoint, sha256


@pytest.fixture
def photos(tmp_path):
    for split in ("train", "test"):
        photograph(tmp_path / "photos" / split)
    return ["--data", "folder", "--root", "photos"]


def test_trained_runs_are_evaluated_edited_with_and_started_from(
    call, photos, tiny_recipe, tmp_path
):
    options = ["--recipe", tiny_recipe, *photos, "--device", "cpu"]

    def done(*arguments):
        code, out, err = call(*arguments)
        assert code == 0, err
        return out

    for seed, run in enumerate(("a", "b")):
        done("train", "stargan", "--out", f"runs/{run}", "--seed", seed, *options)
    done("train", "judge", "--out", "runs/judge", *options)
    methods = "a:stargan=runs/a,b:stargan=runs/b/"
    judge = ["--judge", "runs/judge", "--device", "cpu"]
    out = done("eval", "--methods", methods, *photos, *judge)
    assert "a (StarGAN)" in out
    assert "b (StarGAN)" in out
    folder = tmp_path / "runs" / "eval"
    facts = json.loads((folder / "results.json").read_text())["methods"]
    for label in ("a", "b"):
        hashed = sha256(tmp_path / "runs" / label / "stargan.safetensors")
        assert facts[label]["method"] == "stargan"
        assert facts[label]["loaded_from"] == {"file": "stargan.safetensors", "sha256": hashed}
        assert (folder / f"grid_{label}.png").is_file()
    assert facts["a"]["weights"] != facts["b"]["weights"]
    out = done("compare", "runs/eval", "runs/eval")
    assert "Nothing worse" in out
    faces = [*photos, "--device", "cpu"]
    out = done("figure", "compare", "--methods", methods, *faces, "--out", "c.png")
    assert "a (StarGAN), b (StarGAN)" in out
    out = done(
        "figure", "tsne", "--method", "mine:stargan=runs/a",
        *photos, *judge, "--out", "t.png",
    )  # fmt: skip
    assert "mine (StarGAN)" in out
    done(
        "edit", "--framed", "--method", "stargan=runs/a", "--emotion", "sad",
        "--images", "photos/test/happy", "--out", "edits", "--device", "cpu",
    )  # fmt: skip
    assert "stargan" in done("checkpoints", "show", "runs/a")
    assert done("checkpoints", "verify", "runs/a", "runs/judge").count(": complete") == 2
    done("train", "stargan", "--out", "runs/c", "--init", "runs/a", *options)
    card = json.loads((tmp_path / "runs/c/recipe.json").read_text())
    assert "--init stargan.safetensors" in card["command"]
    assert card["init"]["sha256"] == facts["a"]["loaded_from"]["sha256"]
    code, _, err = call("checkpoints", "export", "runs/a", "--official", "--out", "authors")
    assert (code, "runs/a" in err) in ((0, False), (2, False))  # the tiny one has no such layout


@pytest.fixture
def run(tmp_path, tiny_method):
    """A folder as a run of 6 iterations leaves it."""
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "recipe.json").write_text(
        json.dumps({"name": "stargan", "recipe": {"iterations": 6}})
    )
    for name, iteration in (("checkpoints/0000003", 3), ("checkpoints/0000006", 6), ("stargan", 6)):
        save_checkpoint(
            folder / f"{name}.safetensors",
            tiny_method("stargan"),
            "method",
            "stargan",
            {"iteration": iteration},
        )
    return folder


def test_the_checkpoint_of_a_run_is_what_its_training_ended_with(run):
    assert checkpoint_file(run) == run / "stargan.safetensors"
    assert (
        checkpoint_file(run / "checkpoints" / "0000003.safetensors").name == "0000003.safetensors"
    )
    assert ganbench.load_method("stargan", run, "cpu").source["file"] == "stargan.safetensors"
    with pytest.raises(BadInput, match="holds 'stargan', not 'smit'"):
        ganbench.load_method("smit", run, "cpu")


def test_a_run_that_is_not_finished_names_its_newest_checkpoint(run):
    (run / "stargan.safetensors").unlink()
    with pytest.raises(BadInput, match=r"not finished.*0000006\.safetensors"):
        ganbench.load_method("stargan", run, "cpu")
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(BadInput, match=r"not finished.*--resume'$"):
        checkpoint_file(run)


def test_the_result_of_a_shorter_run_is_not_that_of_a_longer_one(run):
    """It was finished, then resumed with more iterations, and stopped on the way."""
    (run / "recipe.json").write_text(json.dumps({"name": "stargan", "recipe": {"iterations": 12}}))
    with pytest.raises(BadInput, match=r"is to have 12 iterations .* iteration 6"):
        checkpoint_file(run)


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (None, "not a run folder"),
        ("[1]", "cannot read recipe.json"),
        ("{", "cannot read recipe.json"),
        ("[" * 100_000, "recipe.json"),
        ("{}", "does not tell what was trained"),
        ('{"name": "../../etc/x"}', "does not tell what was trained"),
        ('{"name": 3}', "does not tell what was trained"),
    ],
)
def test_a_folder_that_is_no_run_is_refused(tmp_path, card, message):
    folder = tmp_path / "folder"
    folder.mkdir()
    if card is not None:
        (folder / "recipe.json").write_text(card)
    for load in (
        checkpoint_file,
        ganbench.load_judge,
        lambda path: ganbench.load_method("smit", path),
    ):
        with pytest.raises(BadInput, match=message):
            load(str(folder))
