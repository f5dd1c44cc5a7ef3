"""The simulation of nox -s intervals: small enough for a test, and told when a promise is broken."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from ganbench.metrics import Interval

BENCHMARK = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/intervals.py"))


SETTINGS = [(kind, world) for kind, worlds in BENCHMARK["WORLDS"].items() for world in worlds]


def draws(kind, world, n, count):
    randoms = (np.random.default_rng([7, n, i]) for i in range(count))
    return [BENCHMARK["draw"](kind, world, n, random) for random in randoms]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "world"), [s for s in SETTINGS if s[0] in ("means", "shares", "calibration")]
)
def test_intervals_cover_in_every_world(kind, world):
    drawn = draws(kind, world, 140, 400)
    for name in drawn[0]:
        value, low, high = np.array([tuple(found[name]) for found in drawn]).T
        covered = ((low <= value.mean()) & (value.mean() <= high)).mean()
        assert covered >= 0.87, name  # three standard errors of 400 draws below 91 %
        assert (high - low).mean() / (3.92 * value.std(ddof=1)) < 1.9, name


@pytest.mark.slow
@pytest.mark.parametrize("world", ["normal", "kurtosis 16, 2 % broken"])
def test_distances_cover(world):
    for name in ("fed", "kid"):
        drawn = draws(name, world, 140, 40)
        value, low, high = np.array([tuple(found[name]) for found in drawn]).T
        assert ((low <= value.mean()) & (value.mean() <= high)).mean() >= 0.82, name


@pytest.mark.parametrize(
    ("kind", "world"),
    [
        ("means", "2 % broken"),
        ("shares", "a hard class"),
        ("fed", "alike"),
        ("calibration", "sure"),
    ],
)
def test_a_draw_has_an_interval_around_its_value(kind, world):
    first, again = draws(kind, world, 42, 2), draws(kind, world, 42, 2)
    assert [{name: tuple(i) for name, i in found.items()} for found in first] == [
        {name: tuple(i) for name, i in found.items()} for found in again
    ]
    assert all(i.low < i.value < i.high for found in first for i in found.values())


def test_equal_methods_are_told_apart_or_not():
    told = [
        BENCHMARK["false_difference"](np.random.default_rng(i), "lognormal means", 42)
        for i in range(10)
    ]
    assert sum(told) <= 3


def test_a_broken_promise_is_told(monkeypatch, capsys):
    report = BENCHMARK["report"]
    z = np.random.default_rng(0).standard_normal(500)
    for half, holds, word in ((1.96, True, "ok"), (1.2, False, "BROKEN"), (4, False, "BROKEN")):
        drawn = iter([{"mean": Interval(v, v - half, v + half)} for v in z])
        monkeypatch.setitem(report.__globals__, "draw", lambda *_, drawn=drawn: next(drawn))
        assert report("means", "normal", 350, 500, 1) is holds
        assert capsys.readouterr().out.startswith(word)
