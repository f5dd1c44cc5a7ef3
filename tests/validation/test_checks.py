"""Checks hold where they should, and a metric that lies is caught."""

import numpy as np
import pytest
import torch

from ganbench import metrics
from ganbench.errors import BadInput
from ganbench.evaluation.compute import thumbnails
from ganbench.judges import load_judge
from ganbench.metrics.input_similarity import SIDE
from ganbench.metrics.precision_recall import PRDC
from ganbench.scoring import MetricInputs
from ganbench.scoring.features import InputSimilarity
from ganbench.validation import FAILED, withheld
from ganbench.validation.checks import ANY, BY_NAME, EXPECTED, between, equal, order
from ganbench.validation.editors import EDITORS
from ganbench.validation.formats import summary, to_markdown
from ganbench.validation.measures import CachedJudge, JudgedEdits
from ganbench.validation.trial import Trial, examine, validate

pytest_plugins = ["few_faces"]  # no conftest: that name is taken by the folder above

# Sets of fourteen images say little, and the independent judge is left out.
TOO_FEW = {"fed", "kid", "precision", "recall", "density", "coverage", "accuracy face-api"}


def table(**columns):
    """``table(fed=(lazy, half, perfect))``."""
    editors = ("lazy", "half", "perfect")
    return {e: {c: v[i] for c, v in columns.items()} for i, e in enumerate(editors)}


def test_order_follows_the_direction_of_the_metric():
    found = table(fed=(3.0, 2.0, 2.0), accuracy=(3.0, 2.0, None))
    assert order("fed", "half", "lazy", "").holds(found)
    assert not order("fed", "lazy", "half", "").holds(found)
    assert not order("fed", "half", "perfect", "").holds(found)  # equal is not better
    assert order("accuracy", "lazy", "half", "").holds(found)
    assert not order("accuracy", "lazy", "perfect", "").holds(found)  # nor is nothing worse


def test_between_is_a_share_of_the_way_whatever_the_direction():
    found = table(gt_error=(1.0, 0.4, 0.0), accuracy=(10.0, 20.0, 10.0))
    assert between("gt_error", "half", 0.5, ANY, "").holds(found)
    assert not between("gt_error", "half", 0.7, ANY, "").holds(found)
    assert between("gt_error", "half", -ANY, 0.6, "").holds(found)
    assert not between("accuracy", "half", -ANY, ANY, "").holds(found)  # there is no way


def test_value_is_exact():
    found = table(gt_error=(1.0, 1.00001, None))
    assert equal("gt_error", "lazy", 1, "").holds(found)
    assert not equal("gt_error", "half", 1, "").holds(found)
    assert not equal("gt_error", "perfect", 1, "").holds(found)


def test_every_column_has_a_check_and_every_check_a_column_and_editors():
    assert {check.column for check in EXPECTED} == set(BY_NAME)
    names = {editor.name for editor in EDITORS}
    assert all(names.issuperset(check.editors) for check in EXPECTED)
    assert names == {editor for check in EXPECTED for editor in check.editors}
    assert len({(check.column, check.claim) for check in EXPECTED}) == len(EXPECTED)


def test_every_metric_is_on_trial():
    # Of label distributions, and of edits by single units, which no editor of the trial makes;
    # tests/scoring/test_unit_probe.py has editors of known quality for the latter.
    apart = {"calibration", "units", "unit_intensity"}
    specs = {name for name in metrics.METRICS if name not in apart}
    assert specs <= {column.metric for column in BY_NAME.values()}


def test_what_failed_is_named_and_main_readings_are_withheld():
    assert FAILED.keys() <= BY_NAME.keys()
    assert withheld().keys() == {name for name in FAILED if name in metrics_of(BY_NAME.values())}


def metrics_of(columns):
    return {column.metric for column in columns if column.name == column.metric}


def test_a_few_faces_show_what_does_not_need_many(table):
    found = [o for o in examine(table) if o.check.column not in {*TOO_FEW, *FAILED}]
    assert [(o.check.column, o.check.claim) for o in found if not o.passed] == []
    assert len(found) > 50


def test_the_texture_is_exposed_by_truth_and_not_by_its_judge(table):
    texture, perfect, lazy = (table[name] for name in ("texture", "perfect", "lazy"))
    assert texture["accuracy"] > 0.9 * perfect["accuracy"]
    assert texture["gt_error"] > lazy["gt_error"] == pytest.approx(1)
    assert texture["gain parallel"] < 0.05


def test_the_trial_reads_likeness_as_an_evaluation_records_it(faces, edits, table):
    def small(pictures):
        floats = torch.from_numpy(pictures.reshape(-1, *pictures.shape[-3:])).float() / 255
        return thumbnails(floats).reshape(*pictures.shape[:-2], SIDE, SIDE)

    inputs = {"thumbnail": small(faces.images)}
    for name in ("half", "wrong identity"):
        sets = {"anchor": {"thumbnail": small(edits[name].images)}}
        (record,) = InputSimilarity().score(MetricInputs("any", faces.labels, inputs, sets))
        assert record.value == pytest.approx(table[name]["input_similarity"])


def flipped(name):
    """A metric function with the sign of its value turned round."""
    honest = getattr(metrics, name)

    def lie(*arguments, **options):
        value = honest(*arguments, **options)
        if isinstance(value, PRDC):
            return PRDC(*(-v for v in value))
        return tuple(-v for v in value) if isinstance(value, tuple) else -value

    return lie


@pytest.mark.parametrize(
    ("function", "columns"),
    [
        ("frechet_distance", ["fed"]),
        ("kernel_distance", ["kid"]),
        ("prdc", ["recall", "coverage"]),
        ("ere_distance", ["ere"]),
        ("noise_diversity", ["diversity"]),
        ("background_change", ["background"]),
        ("intensity_response", ["intensity"]),
        ("control_linearity", ["cls", "cls true intensity"]),
        ("path_smoothness", ["smoothness"]),
        ("probability_gain", ["gain"]),
        ("gt_gain", ["gain parallel", "gain orthogonal"]),
        ("cosine_similarity", ["input_similarity"]),
        ("harmonic_score", ["hes"]),
        ("relative_distance", ["gt_error", "gt_error mouth"]),
    ],
)
def test_a_metric_with_its_sign_turned_round_fails(
    monkeypatch, known, edits, table, function, columns
):
    def look(own):
        return known.judge.predict(own.images)

    monkeypatch.setattr(metrics, function, flipped(function))
    before = {o.check: o.passed for o in examine(table)}
    for column in columns:
        doctored = {
            name: {
                **table[name],
                column: BY_NAME[column].measure(JudgedEdits(known, own, *[look(own)] * 2)),
            }
            for name, own in edits.items()
        }
        now = [o for o in examine(doctored) if o.check.column == column]
        assert any(before[o.check] and not o.passed for o in now)


def test_a_metric_that_cannot_tell_fails(table):
    deaf = {name: {**row, "gt_error mouth": 0.5} for name, row in table.items()}
    failed = {o.check.column for o in examine(deaf) if not o.passed} - TOO_FEW - FAILED.keys()
    assert failed == {"gt_error mouth"}


def test_the_exit_code_tells_news_from_known_failures(table):
    passing = tuple(o for o in examine(table) if o.passed)
    failing = [o for o in examine(table) if not o.passed]
    facts = {"faces": 14, "seed": 0, "size": 64}
    facts |= {name: {"title": "x"} for name in ("judge", "independent judge")}
    known = tuple(o for o in failing if o.known)
    assert known
    assert Trial(facts, table, (*passing, *known)).exit_code == 0
    assert "Failed:" not in summary(Trial(facts, table, (*passing, *known)))
    new = next(o for o in examine(table) if o.check.column == "fed" and o.passed)
    broken = Trial(facts, table, (*passing, *known, type(new)(new.check, False, new.values)))
    assert broken.exit_code == 1
    assert "Failed: FED." in summary(broken)
    assert "| FAILS |" in to_markdown(broken)


def test_a_picture_is_judged_once(faces, judge):
    class Counting:
        judged = 0

        def judge(self, images):
            self.judged += len(images)
            return judge.judge(images)

    counting = Counting()
    cached = CachedJudge(counting)
    twice = np.stack([faces.images[:4], faces.images[:4]])
    found = cached.predict(twice)
    cached.predict(faces.images[:5])
    assert counting.judged == 5
    assert (found.logits[0] == found.logits[1]).all()
    assert found.features.shape == (2, 4, judge.spec.dimension)


def test_only_a_judge_with_gradients_can_be_deceived():
    other = load_judge("face-api", device="cpu")
    with pytest.raises(BadInput, match="gradients"):
        validate(other, other, 14)
