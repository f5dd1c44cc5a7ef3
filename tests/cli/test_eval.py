"""``ganbench eval`` from end to end, with networks of a few weights and a folder of tiny photographs."""

import csv
import json

import pytest
import torch
from toys import photograph

from ganbench.judges.vgg import VGG, VGGConfig
from ganbench.methods.weights import save_checkpoint


@pytest.fixture
def place(call, tmp_path, tiny_method):
    """``place(*args)``: exit code, stdout and stderr of eval beside photographs, judges and methods."""
    for split in ("train", "test"):
        photograph(tmp_path / "photos" / split, size=(20, 20), ending=".jpg")
    for seed, name in enumerate(("judge", "second")):
        torch.manual_seed(seed)
        judge = VGG(VGGConfig(image_size=16, stages=(1, 1), widths=(4, 6), hidden=8))
        save_checkpoint(
            tmp_path / f"{name}.safetensors", judge, "judge", "judge", {"licence": "MIT"}
        )
    for name in ("stargan", "gaussian", "ganimation"):
        path = tmp_path / f"{name}.safetensors"
        save_checkpoint(path, tiny_method(name), "method", name, {"licence": "MIT"})

    def run(*arguments):
        methods = ",".join(f"{name}=./{name}.safetensors" for name in ("gaussian", "stargan"))
        defaults = ["--methods", methods, "--data", "folder", "--root", "photos"]
        return call(
            "eval", *defaults, "--judge", "judge.safetensors", "--device", "cpu", *arguments
        )

    return run


def test_eval_prints_table_1_and_leaves_a_run(place, tmp_path):
    code, out, err = place("--dry-run")
    assert code == 0, err
    assert "0 of 5 pieces are stored" in out  # real, stargan, and three sets of codes of gaussian
    assert "tsne_gaussian_figure1.png" in out
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "cache" / "evaluations").exists()
    code, out, err = place()
    assert code == 0, err
    for word in ("Real", "GGANmut"):
        assert word in out
    assert "AffectNet" not in out
    assert "AffectNet" in place("--published")[1]
    folder = tmp_path / "runs" / "eval"
    rows = list(csv.reader((folder / "table1.csv").open()))
    assert [row[0] for row in rows] == ["Method", "Real", "StarGAN", "GGANmut"]
    table = json.loads((folder / "results.json").read_text())
    assert table["protocol"]["data"]["images"] == 14
    assert str(tmp_path) not in (folder / "manifest.json").read_text()
    assert "5 of 5 pieces are stored" in place("--dry-run")[1]
    assert place("--batch-size", "5", "--fresh", "--out", "again")[0] == 0
    assert (tmp_path / "again/results.json").read_bytes() == (folder / "results.json").read_bytes()


def test_two_judges_stand_side_by_side(place, tmp_path):
    code, out, warnings = place("--judge", "judge.safetensors, second.safetensors")
    assert code == 0, warnings
    assert warnings.count("warning: judge VGG (unknown data, 16 px)") == 2
    folder = tmp_path / "runs" / "eval"
    table = list(csv.reader((folder / "judges.csv").open()))
    assert [row[0] for row in table] == ["Method", "Real", "StarGAN", "GGANmut"]
    heads = [head.split(",")[0] for head in table[0]]
    # Each with the two ends of its interval.
    assert heads == [
        "Method",
        *["Accuracy"] * 6,
        *["Agreement"] * 3,
        *["Cohen's κ"] * 3,
        "Protocol",
    ]
    assert table[0][7] in out
    page = (folder / "report.html").read_text()
    assert 'id="table-judges"' in page
    assert "Extra judge" in page
    assert "judges.csv" in json.loads((folder / "manifest.json").read_text())["files"]
    both = json.loads((folder / "results.json").read_text())
    assert place()[0] == 0
    assert not (folder / "judges.csv").exists()
    assert 'id="table-judges"' not in (folder / "report.html").read_text()
    alone = json.loads((folder / "results.json").read_text())
    assert both["protocol_hash"] == alone["protocol_hash"]
    assert [r for r in both["records"] if not r["variant"].startswith("judge ")] == alone["records"]


def test_what_is_left_out_of_the_data_is_told_for_good(place, tmp_path):
    (tmp_path / "photos" / "test" / "happy" / "0.jpg").write_text("no picture")
    code, _, err = place("--skip-bad")
    assert code == 0
    assert "left out of folder: 1 bad file, first test/happy/0.jpg" in err
    folder = tmp_path / "runs" / "eval"
    told = json.loads((folder / "manifest.json").read_text())["left_out"]
    assert told.startswith("1 bad file, first test/happy/0.jpg: ")
    assert f"<dt>Left out</dt><dd>{told}</dd>" in (folder / "report.html").read_text()


def test_metrics_and_seeds_that_were_asked_for_are_printed_and_planned(place, tmp_path):
    arguments = ["--metrics", "kid,smoothness", "--noise-seeds", "2"]
    out = place(*arguments, "--dry-run")[1]
    # real, stargan, and of gaussian the anchor codes, two noisy sets twice, and lines between anchors
    assert "0 of 8 pieces are stored" in out
    assert "GGANmut: lines between anchors" in out
    code, out, err = place(*arguments)
    assert code == 0, err
    assert "KID" in out
    assert "Smoothness" in out
    records = json.loads((tmp_path / "runs/eval/results.json").read_text())["records"]
    assert {r["metric"] for r in records if r["method"] == "gaussian"} == {
        "accuracy",
        "kid",
        "smoothness",
    }
    spread = [r for r in records if "over seeds" in r["variant"]]
    assert {(r["method"], r["metric"]) for r in spread} == {("gaussian", "kid")}
    assert {r["n"] for r in spread} == {2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "stargen"], "did you mean 'stargan'"),
        (["--methods", "stargan=missing.safetensors"], "not found"),
        (["--methods", "smit=stargan.safetensors"], "'stargan', not 'smit'"),
        (["--methods", "stargan,,"], "not a list of methods"),
        (["--methods", "stargan,stargan"], "methods given twice: stargan"),
        (["--methods", "real:stargan"], "reserved label"),
        (["--methods", "stargan=photos"], "not a run folder"),
        (["--judge", "photos"], "not a run folder"),
        (["--judge", "stargan.safetensors"], "not a judge"),
        (["--judge", "vggg"], "did you mean 'vgg'"),
        (["--judge", "judge.safetensors,"], "not a list of judges"),
        (["--judge", "judge.safetensors,vggg"], "did you mean 'vgg'"),
        (["--judge", "judge.safetensors,./judge.safetensors"], "given twice"),
        (["--judge", "judge.safetensors,face-api", "--labels", "a"], "ONNX judges only"),
        (["--root", "nowhere"], "nowhere"),
        (["--data", "facess"], "did you mean 'faces'"),
        (["--device", "tpu9"], "device"),
        (["--limit", "0"], "limit"),
        (["--metrics", "input_similarty"], "did you mean 'input_similarity'"),
        (["--noise-seeds", "0"], "noise-seeds"),
        (["--seeds", "2"], "--seeds is called --noise-seeds now"),
        (["--batch-size", "x"], "batch-size"),
        (["--out", "judge.safetensors"], "cannot write"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(place, tmp_path, arguments, message):
    code, _, error = place(*arguments)
    assert code == 2
    lines = [line for line in error.splitlines() if line.strip()]
    assert message in lines[-1]
    assert "Traceback" not in error
    assert not (tmp_path / "runs").exists()
