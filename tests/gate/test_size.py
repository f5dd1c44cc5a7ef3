"""Comparing large results: work in proportion to the records, and a table that can be read."""

import cProfile
import json
import pstats
import runpy
from pathlib import Path

import pytest

from ganbench.gate import compare, load, tolerances
from ganbench.gate.formats import ROWS, lines, summary, to_json, to_markdown, to_rich

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "compare.py"
made_up = runpy.run_path(str(BENCHMARK))["made_up"]


def compared(base, head):
    runs = load(base), load(head)
    metrics = {record.metric for run in runs for record in run.results.records}
    return compare(*runs, tolerances(metrics))


def calls(folder, count):
    """How many functions a comparison of so many records calls: a time that no other work disturbs."""
    for seed in (0, 1):
        made_up(count, seed).save(folder / f"{count}-{seed}.json")
    profile = cProfile.Profile()
    profile.enable()
    report = compared(*(folder / f"{count}-{seed}.json" for seed in (0, 1)))
    for write in (summary, to_markdown, to_json, to_rich):
        write(report)
    profile.disable()
    return pstats.Stats(profile).total_calls


def test_twice_the_records_take_twice_the_work(tmp_path):
    calls(tmp_path, 80)  # what is loaded on first use
    assert calls(tmp_path, 1600) / calls(tmp_path, 800) < 2.2


def test_a_record_is_found_without_a_search():
    results = made_up(4000, 0)
    looked_at = []

    class Watched(tuple):
        __slots__ = ()

        def __iter__(self):
            looked_at.append(1)
            return super().__iter__()

    object.__setattr__(results, "records", Watched(results.records))
    for record in tuple.__iter__(results.records):
        assert results.find(record.method, record.metric, record.emotion) == record
    assert results.find("method0", "nothing") is None
    assert len(looked_at) == 1


@pytest.mark.parametrize("methods", [1, 600])
def test_a_table_of_thousands_is_cut_and_says_so(tmp_path, call, methods):
    for seed in (0, 1):
        made_up(8 * 600, seed, methods).save(tmp_path / f"{seed}.json")
    report = compared(tmp_path / "0.json", tmp_path / "1.json")
    found = lines(report)
    assert len(found) == ROWS + 1
    last = found[-1].cells[-1]
    assert "rows more; --json has all" in last
    assert len(json.loads(to_json(report))["comparisons"]) == 8 * 600
    order = [line.status for line in found]
    assert order == sorted(order, key=("worse", "better", "same").index)
    code, out, _ = call("compare", tmp_path / "0.json", tmp_path / "1.json")
    assert code in (0, 1)
    assert last in out
    assert len(out) < 300_000
