"""Several judges in one evaluation."""

import csv
from dataclasses import dataclass, replace

import pytest
from scipy.stats import norm, t
from toys import Painter, Plane, Reader, ToyFaces, ToyPhotos

from ganbench.emotions import index
from ganbench.errors import BadInput
from ganbench.evaluation.estimate import estimate
from ganbench.evaluation.protocol import judge_names
from ganbench.evaluation.run import evaluate, prepare
from ganbench.gate import compare, tolerances
from ganbench.gate.comparison import Run
from ganbench.judges.interface import Judged
from ganbench.metrics import binomial_ends
from ganbench.records import Results
from ganbench.report.formats import to_csv
from ganbench.report.tables import judges_table
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Store

N = 130  # a full chunk and a part
ANGRY, FEARFUL = index("angry"), index("fearful")


@dataclass(eq=False)
class Squinter(Reader):
    """Takes angry for fearful, and has features of its own."""

    fingerprint: str = "squinter"

    @property
    def spec(self):
        return replace(super().spec, name="squinter", title="Squinter", dimension=2)

    def judge(self, images):
        found = super().judge(images)
        logits = found.logits.clone()
        logits[:, FEARFUL] = found.logits[:, [FEARFUL, ANGRY]].amax(1)
        logits[:, ANGRY] = 0
        return Judged(logits, found.features[:, :2])


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_every_judge_has_its_accuracy_and_its_agreement(store):
    results = evaluate([Painter()], ToyFaces(N), Reader(), others=[Squinter()], store=store).results
    variant = "judge squinter"
    for maker in ("painter", "truth"):
        assert results.find(maker, "accuracy").value == 100
        assert results.find(maker, "accuracy", variant=variant).value == pytest.approx(600 / 7)
        assert results.find(maker, "accuracy", "angry", variant).value == 0
        assert results.find(maker, "accuracy", "angry", variant).interval == "mid-p 95%"
        assert results.find(maker, "agreement", variant=variant).value == pytest.approx(600 / 7)
        assert results.find(maker, "agreement", "angry", variant).value == 0
        cell = results.find(maker, "agreement", "happy", variant)
        assert (cell.value, cell.high, cell.n) == (100, 100, N)
        # p_o = 6/7; the one sees each emotion 1/7 of the time, the other fear 2/7 and anger never.
        assert results.find(maker, "kappa", variant=variant).value == pytest.approx(5 / 6)
    assert results.find("real", "accuracy", "angry", variant).value == 0
    assert results.find("real", "agreement", variant=variant).n == N


def test_agreement_is_not_accuracy(store):
    method = Painter(wrong=1)
    results = evaluate(
        [method], ToyPhotos(N), Reader(), others=[Reader("again")], store=store
    ).results
    (name,) = results.protocol["extra judges"]
    assert results.find("painter", "accuracy", variant=f"judge {name}").value == 0
    assert results.find("painter", "agreement", variant=f"judge {name}").value == 100
    assert results.find("painter", "kappa", variant=f"judge {name}").value == pytest.approx(1)


def test_the_first_judges_numbers_do_not_change(store, tmp_path):
    parts = [Painter(), Plane()], ToyFaces(N), Reader()
    alone = evaluate(*parts, store=store).results
    both = evaluate(*parts, others=[Squinter()], store=Store(tmp_path / "other")).results
    assert tuple(r for r in both.records if not r.judge) == alone.records
    assert both.protocol_hash == alone.protocol_hash
    assert both.confusion == alone.confusion
    assert both.protocol != alone.protocol
    assert Results.from_json(both.to_json()) == both


def test_an_edit_is_made_once_for_all_judges_and_kept_for_each(store):
    method, data, reader, squinter = Plane(), ToyFaces(N), Reader(), Squinter()
    evaluate([method], data, reader, others=[squinter], store=store)
    assert method.edited == 3 * 7 * N
    assert (reader.judged, squinter.judged) == (N + 7 * N * (1 + 3), N + 7 * N * (1 + 1))
    alone = evaluate([method], data, reader, store=store)
    evaluate([method], data, reader, others=[squinter], store=store)
    assert method.edited == 3 * 7 * N
    assert alone.results.find("plane", "accuracy").value == 100
    # As the main judge it takes over what it has seen, and adds the other sets of codes.
    evaluate([method], data, squinter, store=store)
    assert method.edited == 5 * 7 * N


def test_a_judge_that_comes_later_leaves_what_is_stored(store):
    method, data, reader = Painter(), ToyPhotos(N), Reader()
    evaluate([method], data, reader, store=store)
    before = reader.judged
    late = evaluate([method], data, reader, others=[Squinter()], store=store)
    assert reader.judged == before
    assert method.edited == 2 * 7 * N
    assert late.results.find("painter", "accuracy", variant="judge squinter").value > 0


def test_the_plan_knows_what_a_further_judge_has_not_seen(store):
    def missing(*others):
        data = ToyPhotos(N)
        run = prepare([Painter()], data, Reader(), 0, None, 32, store, Stopwatch(), others=others)
        return [item.missing for item in estimate(run)]

    evaluate([Painter()], ToyPhotos(N), Reader(), store=store)
    assert missing() == [0, 0]
    assert missing(Squinter()) == [N, 7 * N]


def test_judges_of_one_name_are_told_apart_by_their_hash():
    specs = [Reader("a" * 64).spec, Reader("b" * 64).spec, Squinter().spec]
    assert judge_names(specs) == ["reader aaaaaaaa", "reader bbbbbbbb", "squinter"]
    assert judge_names(specs[:1]) == ["reader"]


def test_a_judge_given_twice_is_refused(store):
    with pytest.raises(BadInput, match="given twice: reader"):
        evaluate([Painter()], ToyPhotos(N), Reader(), others=[Reader()], store=store)


def test_the_table_has_a_column_for_each_judge(store):
    parts = [Painter()], ToyFaces(N), Reader()
    assert judges_table(evaluate(*parts, store=store).results) is None
    found = judges_table(evaluate(*parts, others=[Squinter()], store=store).results)
    heads, *rows = csv.reader(to_csv(found).splitlines())
    names = ["Accuracy, reader", "Accuracy, squinter", "Agreement, squinter", "Cohen's κ, squinter"]
    assert heads == [
        "Method",
        *(head for name in names for head in (name, f"{name} low", f"{name} high")),
    ]
    assert [row[0] for row in rows] == ["Real", "Painter", "True edits"]
    real, *edits = ([float(cell) for cell in row[1:]] for row in rows)

    def limits(share):  # every image's edits are judged alike, so each image is one trial
        trials = N * (norm.ppf(0.975) / t.ppf(0.975, N - 7)) ** 2
        return [100 * end for end in binomial_ends(share * trials, trials, 0.025)]

    accuracies = [100, *limits(1), 85.7143, *limits(6 / 7)]
    assert real[:6] == pytest.approx(accuracies, rel=1e-5)
    assert [real[6], real[9]] == pytest.approx([86.1538, 0.838442], rel=1e-5)
    for row in edits:
        assert row[:9] == pytest.approx([*accuracies, *accuracies[3:]], rel=1e-5)
        assert row[9:] == pytest.approx([0.833333] * 3, rel=1e-5)
    assert "Reader; Squinter" in found.caption


@pytest.fixture
def runs(store):
    """``runs(*others)``: an evaluation, ready for the gate."""

    def make(*others, method=None):
        found = evaluate([method or Painter()], ToyPhotos(N), Reader(), others=others, store=store)
        return Run(found.results, found.predictions)

    return make


def compared(base, head):
    metrics = {r.metric for run in (base, head) for r in run.results.records}
    return compare(base, head, tolerances(metrics))


def test_the_gate_compares_the_first_judge_whoever_else_was_asked(runs):
    report = compared(runs(), runs(Squinter()))
    by_judge = {bool(c.record.judge): set() for c in report.comparisons}
    for c in report.comparisons:
        by_judge[bool(c.record.judge)].add((c.status, c.reason))
    assert {status for status, _ in by_judge[False]} == {"same"}
    assert by_judge[True] == {("not comparable", "judge squinter in head only")}
    assert report.exit_code == 0


def test_the_gate_never_compares_two_judges_of_one_name(runs):
    report = compared(runs(Squinter()), runs(Squinter("retrained")))
    further = [c for c in report.comparisons if c.record.judge]
    assert {c.status for c in further} == {"not comparable"}
    assert "judge squinter fingerprint squinter -> retrained" in further[0].reason
    assert {c.status for c in report.comparisons if not c.record.judge} == {"same"}


def test_the_gate_sees_a_further_judge_disappointed(runs):
    report = compared(runs(Squinter()), runs(Squinter(), method=Painter(wrong=1)))
    worse = {(c.record.judge, c.record.metric) for c in report.comparisons if c.status == "worse"}
    assert ("squinter", "accuracy") in worse
    agreed = [c for c in report.comparisons if c.record.metric in ("agreement", "kappa")]
    assert {c.status for c in agreed} == {"same"}  # reported, never an alarm
