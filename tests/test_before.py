"""Files that earlier versions wrote are still read: results, predictions, run folders."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganbench.errors import BadInput
from ganbench.gate import compare, load, to_npz, tolerances
from ganbench.metrics import METRICS
from ganbench.records import RENAMED_METRICS, Results
from ganbench.scoring import select_metrics

BEFORE = Path(__file__).parent / "golden/before"
RESULTS = BEFORE / "results"


# -- results and predictions ---------------------------------------------------------------------------


def test_old_results_have_the_names_of_today():
    results = Results.load(RESULTS)
    old = json.loads((RESULTS / "results.json").read_text())
    assert len(results.records) == len(old["records"])
    assert not {record.metric for record in results.records} & RENAMED_METRICS.keys()
    for method, metric, variant, was in (
        ("gaussian", "gt_error", "eyes", ("truth", "eyes")),
        ("smit", "gt_error", "mean over seeds", ("truth", "mean over seeds")),
        ("gaussian", "neighbour_confusion", "sad/neutral", ("structural", "sad/neutral")),
        ("gaussian", "input_similarity", "minus smit", ("identity", "minus smit")),
        ("gaussian", "fed", "anchor", ("fed", "exact")),
        ("gaussian", "fed", "uniform: mean over seeds", ("fed", "space: mean over seeds")),
        ("gaussian", "ere", "noisy", ("ere", "near")),
        ("gaussian", "gain", "parallel", ("gain", "along")),
        ("smit", "gain", "orthogonal: mean over seeds", ("gain", "across: mean over seeds")),
        ("gaussian", "accuracy", "judge face-api", ("accuracy", "judge face-api")),
    ):
        (value,) = (
            r["value"]
            for r in old["records"]
            if (r["method"], r["emotion"], r["metric"], r["variant"]) == (method, None, *was)
        )
        assert results.find(method, metric, variant=variant).value == value
    assert results.methods["gaussian"]["codes"] == ["anchor", "noisy", "uniform"]
    assert results.metrics["gt_error"]["title"] == "Ground-truth error"
    assert results.protocol["codes"]["accuracy"] == "anchor"
    assert list(results.protocol["extra judges"]) == ["face-api"]
    assert results.confusion.keys() == {"real", "truth", "gaussian", "smit"}


def test_old_results_written_anew_are_results_of_today(tmp_path):
    results = Results.load(RESULTS)
    results.save(tmp_path / "results.json")
    assert json.loads((tmp_path / "results.json").read_text())["schema"] == 2
    assert Results.load(tmp_path) == results


def test_old_predictions_are_paired_with_those_of_today(tmp_path):
    old = load(RESULTS)
    shutil.copy(RESULTS / "results.json", tmp_path)
    (tmp_path / "predictions.npz").write_bytes(to_npz(old.predictions, old.results.records))
    new = load(tmp_path)
    assert old.predictions.keys() == new.predictions.keys() == {"gaussian", "smit"}
    report = compare(old, new, tolerances({record.metric for record in old.results.records}))
    assert {c.status for c in report.comparisons} == {"same"}
    tests = {c.record.metric: c.test for c in report.comparisons if c.headline}
    assert tests["gt_error"] == tests["input_similarity"] == tests["accuracy"] == "paired"


def test_old_results_compare_with_new_ones_of_the_same_protocol():
    """What the file of today would hold, but for a metric that got worse."""
    old = load(RESULTS)
    records = [
        replace(r, value=r.value + 1, low=r.low + 1, high=r.high + 1)
        if (r.method, r.metric) == ("smit", "gt_error") and r.headline
        else r
        for r in old.results.records
    ]
    worse = replace(old, results=replace(old.results, records=tuple(records)))
    report = compare(old, worse, tolerances({record.metric for record in records}))
    assert [c.record.metric for c in report.comparisons if c.status == "worse"] == ["gt_error"]
    assert report.exit_code == 1


def test_an_old_file_that_was_changed_is_refused(tmp_path):
    table = json.loads((RESULTS / "results.json").read_text())
    table["protocol"]["codes"]["accuracy"] = "near"
    (tmp_path / "results.json").write_text(json.dumps(table))
    with pytest.raises(BadInput, match="protocol and its hash disagree"):
        Results.load(tmp_path)


def test_an_old_file_of_another_run_is_refused(tmp_path):
    for name in ("results.json", "outcomes.npz", "manifest.json"):
        shutil.copy(RESULTS / name, tmp_path)
    with np.load(tmp_path / "outcomes.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "outcomes.npz", **(arrays | {"smit": arrays["gaussian"]}))
    with pytest.raises(BadInput, match="not whole"):
        load(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["files"]["outcomes.npz"] = hashlib.sha256(
        (tmp_path / "outcomes.npz").read_bytes()
    ).hexdigest()
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BadInput, match="predictions and results of smit disagree"):
        load(tmp_path)


# "identity" is a metric again, in another version.
RENAMED = [(old, new) for old, new in RENAMED_METRICS.items() if old not in METRICS]


@pytest.mark.parametrize(("old", "new"), RENAMED)
def test_an_old_name_of_a_metric_tells_the_new_one(old, new, tmp_path):
    with pytest.raises(BadInput, match=f"{old}.*write '{new}'"):
        select_metrics(f"default,{old}")
    (tmp_path / "tolerance.toml").write_text(f"[{old}]\nmargin = 1.0\ncell = 1.0\n")
    with pytest.raises(BadInput, match=f"{old}.*write '{new}'"):
        tolerances(["accuracy"], tmp_path / "tolerance.toml")
