"""The gate's promises for distances of whole sets, paired over the images and by their intervals."""

from dataclasses import replace

import numpy as np
import pytest
from doctored import K, number, predictions, run

from ganbench.gate import compare, tolerances
from ganbench.metrics import frechet_interval, kernel_interval, ratio_interval
from ganbench.scoring import ends

METHODS = ("linear", "gaussian", "stargan", "smit")
N, D, EDITS = 100, 4, 2
POOL = 60
TRIALS = 400
SHIFT = 0.5

INTERVALS = {"fed": frechet_interval, "kid": kernel_interval}
TOLERANCES = tolerances(INTERVALS)


def edited(metric, real, shift, random):
    """The value of an evaluation on the images ``real``, with its interval."""
    image = np.repeat(np.arange(N), EDITS)
    noise = 0.5 * random.standard_normal((N * EDITS, D))
    fake = real[image] + noise + shift / np.sqrt(D)
    return INTERVALS[metric](real, fake, image, np.zeros(N, np.int64))


def intervals(metric, shift, seed):
    """Values of evaluations that differ in their images and noise alone, with their intervals."""
    random = np.random.default_rng(seed)
    return [edited(metric, random.standard_normal((N, D)), shift, random) for _ in range(POOL)]


def compared(metric, before, after, seed):
    """Verdicts on the last method; the others never change. Evaluations are drawn from the pools."""
    random = np.random.default_rng(seed)
    judged = {m: predictions(np.random.default_rng(0), np.full((N, K), 0.9)) for m in METHODS}

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


@pytest.fixture(scope="module", params=INTERVALS)
def same(request):
    """The metric, and evaluations of one method."""
    return request.param, intervals(request.param, SHIFT, seed=0)


@pytest.mark.slow
def test_other_images_and_noise_raise_an_alarm_in_at_most_one_of_twenty_comparisons(same):
    metric, pool = same
    codes = [code for code, _ in compared(metric, pool, pool, seed=1)]
    assert np.mean(codes) <= 0.05


@pytest.mark.slow
def test_a_real_rise_of_what_the_report_calls_detectable_is_caught(same):
    metric, pool = same
    # |shift|^2 is a term of FED, so twice the shift nearly triples it. KID rises more, and its error
    # rises as much as its value.
    worse = intervals(metric, {"fed": 2, "kid": 2.5}[metric] * SHIFT, seed=2)
    rise = np.mean([i.value for i in worse]) - np.mean([i.value for i in pool])
    found = list(compared(metric, pool, worse, seed=3))
    assert all(c.test == "intervals" for _, c in found)
    assert np.median([c.detectable for _, c in found]) <= rise
    assert np.mean([c.status == "worse" for _, c in found]) >= 0.95


@pytest.mark.slow
def test_a_rise_within_the_margin_or_within_chance_is_none(same):
    metric, pool = same
    value = np.mean([i.value for i in pool])
    within = [replace(i, value=i.value + 0.02 * value) for i in pool]
    assert np.mean([code for code, _ in compared(metric, pool, within, seed=4)]) <= 0.05


def on_the_same_images(metric, seed, trials):
    """Exit codes and tests of comparisons of one editor with itself."""
    random = np.random.default_rng(seed)
    judged = {"smit": predictions(np.random.default_rng(0), np.full((N, K), 0.9))}
    for _ in range(trials):
        real, made = random.standard_normal((N, D)), []
        for _ in range(2):
            i = edited(metric, real, SHIFT, random)
            found = number("fed", i.value, **ends(i, "Hall over images"))
            made.append(run(judged, [replace(found, metric=metric)], kept=True))
        report = compare(*made, TOLERANCES)
        (tested,) = (c for c in report.comparisons if c.record.metric == metric)
        yield report.exit_code, tested.test


@pytest.mark.parametrize(
    ("metric", "trials"),
    [
        ("kid", 20),
        pytest.param("fed", 200, marks=pytest.mark.slow),
        pytest.param("kid", 200, marks=pytest.mark.slow),
    ],
)
def test_other_noise_on_the_same_images_raises_an_alarm_in_at_most_one_of_twenty(metric, trials):
    found = list(on_the_same_images(metric, seed=5, trials=trials))
    assert {test for _, test in found} == {"paired"}
    assert np.mean([code for code, _ in found]) <= 0.05


def test_pairing_catches_a_rise_that_hides_behind_what_the_images_do():
    random = np.random.default_rng(6)
    judged = {"smit": predictions(np.random.default_rng(0), np.full((N, K), 0.9))}
    caught = {True: 0, False: 0}
    for _ in range(50):
        hard, made = 0.5 + 0.2 * random.standard_normal(N), []
        for rise in (0, 0.04):  # the margin of ERE is 0.03
            found = ratio_interval(hard + rise + 0.02 * random.standard_normal(N), np.ones(N))
            made.append(number("ere", found.value, **ends(found, "of images")))
        for kept in caught:
            base, head = (run(judged, [one], kept) for one in made)
            caught[kept] += compare(base, head, tolerances(["accuracy", "ere"])).exit_code
    assert caught[True] >= 48
    assert caught[False] == 0
