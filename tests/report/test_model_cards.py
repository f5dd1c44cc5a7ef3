"""Model cards: what the Hub reads in them, and what a reader does."""

import tomllib
from dataclasses import replace

import pytest
import yaml
from huggingface_hub import ModelCard
from sample import results

import ganbench
from ganbench.methods.manifest import MANIFEST, shipped_folder
from ganbench.methods.weights import read_header, sha256
from ganbench.report.model_card import model_card, rows_of
from ganbench.scoring import REAL

SHIPPED = tomllib.loads((shipped_folder() / MANIFEST).read_text())
HEADER = {
    "kind": "method",
    "name": "gaussian",
    "config": {"image_size": 64, "emotions": list(ganbench.EMOTIONS)},
    "card": {},
}


def front_matter(card):
    return yaml.safe_load(card.split("---\n")[1])


def of(header=HEADER, rows=(), **card):
    return model_card(header | {"card": card}, "my.safetensors", list(rows))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_hub_reads_the_card_of_a_shipped_checkpoint(call, tmp_path, name):
    code, out, err = call("checkpoints", "card", name, "--out", "README.md")
    assert (code, out, err) == (0, "README.md\n", "")
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.license == "apache-2.0"
    assert card.data.library_name == "ganbench"
    assert card.data.datasets == ["faces"]
    assert {"ganbench", name} <= set(card.data.tags)
    assert {one.dataset_config for one in card.data.eval_results} == {
        "faces64-v1",
        "faces128-v1",
        "faces256-v1",
    }
    of_64 = [one for one in card.data.eval_results if one.dataset_config == "faces64-v1"]
    found = {one.metric_type: one for one in of_64}
    scores = SHIPPED[name]["scores"]
    assert found["accuracy"].metric_value == pytest.approx(scores["accuracy"], abs=1e-3)
    assert found["accuracy"].dataset_revision == ganbench_hash()
    if name == "judge":
        assert set(found) == {"accuracy", "calibration"}
        assert found["accuracy"].task_type == "image-classification"
    else:
        assert found["ere"].metric_value == pytest.approx(scores["ere"], abs=1e-4)
        assert {"identity", "landmarks", "gt_error"} <= set(found)
        assert "| Nothing done | Another person | True edits |" in card.text
    assert SHIPPED[name]["command"] in card.text


def ganbench_hash():
    from ganbench.submission.rows import frozen_run

    return frozen_run("faces64-v1").results.protocol_hash


def test_intervals_stand_in_the_text(call):
    code, out, _ = call("checkpoints", "card", "gganmut")
    assert code == 0
    assert "| Accuracy ↑, % | 98.3 | 97.9 to 98.7 | 14.3 | 99.1 | 99.7 |" in out
    assert "dapolito2021ganmut" in out
    assert 'ganbench.load_method("gaussian", "gaussian.safetensors")' in out


def test_rows_are_found_by_the_hash_of_the_file():
    run = results()
    facts = run.methods | {"smit": run.methods["smit"] | {"loaded_from": {"sha256": "a" * 64}}}
    run = replace(run, methods=facts)
    (row,) = rows_of("a" * 64, [run, results()])
    assert row.label == "smit"
    assert rows_of("b" * 64, [run]) == []
    (row,) = rows_of("e" * 64, [run])
    assert row.label == REAL
    card = of(rows=rows_of("a" * 64, [run]))
    assert "| Accuracy ↑, % | 50.0 | 48.0 to 51.0 |" in card


def test_a_run_adds_its_rows_and_another_files_is_refused(call, tmp_path):
    run = results()
    path = shipped_folder() / "smit.safetensors"
    loaded = {"loaded_from": {"sha256": sha256(path)}}
    run = replace(run, methods=run.methods | {"smit": run.methods["smit"] | loaded})
    (tmp_path / "run").mkdir()
    run.save(tmp_path / "run" / "results.json")
    code, out, _ = call("checkpoints", "card", "smit", "--run", "run")
    assert code == 0
    # Its row stands beside those of three protocols.
    assert len(front_matter(out)["model-index"][0]["results"]) == 4
    code, _, err = call("checkpoints", "card", "stargan", "--run", "run")
    assert (code, err.count("\n")) == (2, 1)
    assert "no row of stargan.safetensors in: run" in err
    assert call("checkpoints", "card", "stargan", "--run", "none")[0] == 2


def test_what_the_card_does_not_tell_is_not_invented():
    card = of()
    facts = front_matter(card)
    assert facts["license"] == "unknown"
    assert not {"datasets", "model-index"} & set(facts)
    assert "No evaluation of this checkpoint is known." in card
    assert "does not tell how it was trained" in card
    assert "rendered faces only" not in card
    plug_in = of(HEADER | {"name": "mine"}, licence="My licence 1.0")
    assert front_matter(plug_in)["license"] == "other"
    assert front_matter(plug_in)["license_name"] == "My licence 1.0"
    assert "dapolito" not in plug_in


def test_text_of_a_stranger_cannot_leave_its_place():
    evil = 'x"\n---\nlicense: mit\n# <script>\n```\n|'
    card = of(
        HEADER | {"name": evil},
        licence=evil,
        command=evil,
        data={"name": evil, "images": 3},
        versions={"ganbench": evil},
    )
    assert card.count("\n---\n") == 1
    facts = front_matter(card)
    assert (facts["license"], facts["library_name"]) == ("other", "ganbench")
    body = card.split("\n---\n")[1]
    assert "\n# <script>" not in body
    assert "\n```\n|" not in body
    assert all(line.startswith("      ") or "<script>" not in line or "\\n" in line for line in body.splitlines())  # fmt: skip


def test_the_header_of_a_real_file_is_enough():
    path = shipped_folder() / "linear.safetensors"
    card = model_card(read_header(path), path.name, [])
    assert card.startswith("---\nlicense: ")
    assert "# GANmut\n" in card
