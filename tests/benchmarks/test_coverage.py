"""The simulation of nox -s intervals: small enough for a test, and told when a promise is broken."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from ganbench.metrics import Interval

BENCHMARK = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/intervals.py"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statistic", "world"), [(s, world) for s, kind in BENCHMARK["KINDS"].items() for world in kind]
)
def test_intervals_cover_in_every_world(statistic, world):
    draws = list(BENCHMARK["intervals"](statistic, world, n=80, d=8, draws=60, seed=7))
    for name in draws[0]:
        value, low, high = np.array([tuple(found[name]) for found in draws]).T
        covered = ((low <= value.mean()) & (value.mean() <= high)).mean()
        assert covered >= 0.87, name  # three standard errors of 60 draws below 95 %
        # Near 1 a share has few values, and intervals so lopsided that pairing cancels less of them.
        if name not in ("precision", "recall", "coverage", "of shares"):
            assert (high - low).mean() / (2 * t.ppf(0.975, 19) * value.std(ddof=1)) < 1.5, name


@pytest.mark.parametrize("statistic", ["fed", "ece", "edits"])
def test_a_draw_has_an_interval_around_its_value(statistic):
    world = next(iter(BENCHMARK["KINDS"][statistic]))
    first, again = (
        list(BENCHMARK["intervals"](statistic, world, n=80, d=8, draws=2, seed=7)) for _ in range(2)
    )
    assert [{name: tuple(i) for name, i in found.items()} for found in first] == [
        {name: tuple(i) for name, i in found.items()} for found in again
    ]
    assert all(i.low < i.value < i.high for found in first for i in found.values())


def test_a_broken_promise_is_told(monkeypatch, capsys):
    report = BENCHMARK["report"]
    z = np.random.default_rng(0).standard_normal(500)
    for half, holds, word in ((1.96, True, "ok"), (1.5, False, "BROKEN"), (4, False, "BROKEN")):
        drawn = [{"fed": Interval(v, v - half, v + half)} for v in z]
        monkeypatch.setitem(report.__globals__, "intervals", lambda *_, drawn=drawn: drawn)
        assert report("fed", "alike", 1000, 16, 500, 1) is holds
        assert capsys.readouterr().out.startswith(word)
