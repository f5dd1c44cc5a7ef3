"""The gate's promises for distances of whole sets, whose only evidence is their jackknife interval."""

from dataclasses import replace

import numpy as np
import pytest
from doctored import K, number, outcomes, run

from ganbench.gate import compare, tolerances
from ganbench.metrics import (
    assign_groups,
    frechet_statistic,
    jackknife,
    kernel_statistic,
)

METHODS = ("linear", "gaussian", "stargan", "smit")
N, D, EDITS = 100, 4, 2
POOL = 60
TRIALS = 400
SHIFT = 0.5

STATISTICS = {"fed": frechet_statistic, "kid": kernel_statistic}
TOLERANCES = tolerances(STATISTICS)


def intervals(metric, shift, seed):
    """Values of evaluations that differ in their images and noise alone, with their intervals."""
    random, groups = np.random.default_rng(seed), assign_groups(N)
    found = []
    for _ in range(POOL):
        real = random.standard_normal((N, D))
        noise = 0.5 * random.standard_normal((N * EDITS, D))
        fake = np.repeat(real, EDITS, axis=0) + noise + shift / np.sqrt(D)
        found.append(jackknife(STATISTICS[metric](real, fake, groups, np.repeat(groups, EDITS))))
    return found


def compared(metric, before, after, seed):
    """Verdicts on the last method; the others never change. Evaluations are drawn from the pools."""
    random = np.random.default_rng(seed)
    judged = {m: outcomes(np.random.default_rng(0), np.full((N, K), 0.9)) for m in METHODS}

    def one(pools):
        drawn = {m: pools[m][random.integers(POOL)] for m in METHODS}
        found = [number("fed", i.value, m, low=i.low, high=i.high) for m, i in drawn.items()]
        return run(judged, [replace(record, metric=metric) for record in found])

    same = dict.fromkeys(METHODS, before)
    for _ in range(TRIALS):
        report = compare(one(same), one(same | {METHODS[-1]: after}), TOLERANCES)
        (found,) = (
            c
            for c in report.comparisons
            if (c.record.metric, c.record.method) == (metric, METHODS[-1])
        )
        yield report.exit_code, found


@pytest.fixture(scope="module", params=STATISTICS)
def same(request):
    """The metric, and evaluations of one method."""
    return request.param, intervals(request.param, SHIFT, seed=0)


def test_other_images_and_noise_raise_an_alarm_in_at_most_one_of_twenty_comparisons(same):
    metric, pool = same
    codes = [code for code, _ in compared(metric, pool, pool, seed=1)]
    assert np.mean(codes) <= 0.05


def test_a_real_rise_of_what_the_report_calls_detectable_is_caught(same):
    metric, pool = same
    # |shift|^2 is a term of FED, so this nearly triples it; KID rises more.
    worse = intervals(metric, 2 * SHIFT, seed=2)
    rise = np.mean([i.value for i in worse]) - np.mean([i.value for i in pool])
    found = list(compared(metric, pool, worse, seed=3))
    assert all(c.test == "intervals" for _, c in found)
    assert np.median([c.detectable for _, c in found]) <= rise
    assert np.mean([c.status == "worse" for _, c in found]) >= 0.95


def test_a_rise_within_the_margin_or_within_chance_is_none(same):
    metric, pool = same
    value = np.mean([i.value for i in pool])
    within = [i._replace(value=i.value + 0.02 * value) for i in pool]
    assert np.mean([code for code, _ in compared(metric, pool, within, seed=4)]) <= 0.05
