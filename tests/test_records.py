import json
import math

import pytest

from ganbench.errors import BadInput
from ganbench.records import Record, Results

CELL = Record(
    "smit", "accuracy", "happy", 87.5, 8, "%", "higher", low=52.9, high=97.8, interval="wilson 95%"
)
FED = Record("smit", "fed", None, None, 1, "squared feature distance", "lower", note="needs two")


@pytest.fixture
def results():
    return Results(
        protocol={"version": 1, "data": {"name": "toys"}},
        seed=3,
        methods={"smit": {"title": "SMIT", "weights": "ab"}},
        records=(CELL, FED),
        confusion={"smit": [[[1]]]},
    )


def test_results_survive_the_file(results, tmp_path):
    path = tmp_path / "results.json"
    results.save(path)
    assert Results.load(path) == results
    assert Results.load(tmp_path) == results  # the run folder does as well
    table = json.loads(path.read_text())
    assert table["schema"] == 2
    assert table["records"][0]["method"] == "smit"
    assert table["protocol_hash"] == results.protocol_hash


def test_find(results):
    assert results.find("smit", "accuracy", "happy") is CELL
    assert results.find("smit", "accuracy") is None
    assert results.find("smit", "fed", variant="uniform") is None


def test_the_hash_tells_protocols_apart_but_not_seeds(results):
    import dataclasses

    other = dataclasses.replace(results, protocol={**results.protocol, "version": 2})
    assert other.protocol_hash != results.protocol_hash
    assert dataclasses.replace(results, seed=4).protocol_hash == results.protocol_hash


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_number_is_finite_or_missing(bad):
    with pytest.raises(BadInput, match="not finite"):
        Record("smit", "fed", None, bad, 1, "", "lower")


def change(**parts):
    return lambda table: table.update(parts)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change(schema=3), "schema 3"),
        (lambda table: table.pop("schema"), "no schema"),
        (change(protocol=None), "'protocol'"),
        (change(records={}), "'records'"),
        (change(records=[7]), "'records'"),
        (change(protocol={"version": 9}), "hash"),
        (lambda table: table["records"][0].update(valeu=1), "did you mean 'value'"),
        (lambda table: table["records"][0].update(direction="up"), "direction"),
        (lambda table: table["records"][0].pop("n"), "missing key"),
        (lambda table: table["records"][0].update(value="12"), "wrong type"),
    ],
)
def test_what_is_not_results_is_refused_by_name(results, damage, message):
    table = json.loads(results.to_json())
    damage(table)
    with pytest.raises(BadInput, match=message):
        Results.from_json(json.dumps(table))


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(BadInput, match="cannot read"):
        Results.load(tmp_path)
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(BadInput, match="not JSON"):
        Results.load(tmp_path)
