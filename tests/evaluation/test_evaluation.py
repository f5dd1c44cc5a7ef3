"""The one pass, on toys whose every number is known."""

import threading

import pytest
from toys import Painter, Plane, Reader, ToyFaces, ToyPhotos, Wheel

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation.run import evaluate
from ganbench.metrics import METRICS, difference
from ganbench.scoring import record as record_of
from ganbench.scoring.differences import differences, interval_of
from ganbench.storage.store import Store

N = 250  # two full chunks and a half


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def numbers(evaluation):
    return [record for record in evaluation.results.records if record.method != "real"]


def test_a_perfect_editor(store):
    results = evaluate([Painter()], ToyFaces(N), Reader(), store=store).results
    for emotion in (*EMOTIONS, None):
        assert results.find("painter", "accuracy", emotion).value == 100
    assert results.find("painter", "accuracy", "sad").n == N
    assert results.find("painter", "ere").value == pytest.approx(0, abs=1e-9)
    assert results.find("painter", "background").value == pytest.approx(0, abs=1e-7)
    for region in ("", "mouth", "features"):
        assert results.find("painter", "gt_error", variant=region).value == pytest.approx(
            0, abs=1e-5
        )
    eyes = results.find("painter", "gt_error", variant="eyes")
    assert eyes.value is None
    assert "already right" in eyes.note
    # It paints exactly what the renderer would.
    assert results.find("painter", "fed").value == pytest.approx(
        results.find("truth", "fed").value, rel=1e-6
    )
    assert results.find("real", "accuracy").value == 100


def test_an_editor_that_paints_the_next_emotion(store):
    method = Painter(wrong=1)
    results = evaluate([method], ToyPhotos(N), Reader(), store=store).results
    assert results.find("painter", "accuracy").value == 0
    assert results.find("painter", "ere").value == pytest.approx(1)
    counts = results.confusion["painter"]
    assert [sum(counts[s][2][3] for s in range(7)), sum(map(sum, counts[0][2:3]))] == [N, 36]
    low = results.find("painter", "accuracy", "happy")
    assert low.low == 0
    assert 0 < low.high < 2


def test_a_lazy_editor_is_as_far_from_the_truth_as_the_input(store):
    class Lazy(Painter):
        def translate(self, x, codes):
            return x, None

    results = evaluate([Lazy()], ToyFaces(N), Reader(), store=store).results
    for region in ("", "mouth", "features"):
        assert results.find("painter", "gt_error", variant=region).value == pytest.approx(
            1, rel=1e-4
        )
    for emotion in EMOTIONS:  # right only where there was nothing to do
        assert results.find("painter", "accuracy", emotion).value == pytest.approx(100 / 7, abs=0.5)


def test_a_leak_into_the_background_is_measured(store):
    results = evaluate([Painter(leak=0.125)], ToyFaces(N), Reader(), store=store).results
    assert results.find("painter", "background").value == pytest.approx(0.125, abs=1e-6)
    assert results.find("painter", "accuracy").value == 100


def test_photographs_have_no_invented_numbers(store):
    results = evaluate([Painter()], ToyPhotos(N), Reader(), store=store).results
    for metric in ("background", "gt_error"):
        record = results.find("painter", metric)
        assert record.value is None
        assert record.note
    assert "truth" not in results.confusion


def test_a_method_with_a_plane_of_codes_is_measured_with_each_set(store):
    results = evaluate([Plane(), Wheel()], ToyPhotos(N), Reader(), store=store).results
    for name in ("plane", "wheel"):
        variants = {r.variant for r in results.records if (r.method, r.metric) == (name, "fed")}
        assert variants - {"minus wheel"} == {"", "anchor", "uniform"}
        assert results.find(name, "fed", variant="uniform").n == 7 * N
    assert results.find("wheel", "ere", variant="uniform") is None  # its codes stand for no label
    # p_z of an anchor is not one-hot, so a judge that is sure cannot agree with it.
    p = Plane().label_distribution(Plane().anchors())
    sure = 1 - p.diagonal().mean().item()
    assert results.find("plane", "ere").value == pytest.approx(sure, abs=1e-6)


def test_a_second_run_computes_nothing(store):
    parts = [Painter(), Plane()], ToyFaces(N), Reader()
    first = evaluate(*parts, store=store)
    done = [method.edited for method in parts[0]], parts[1].rendered, parts[2].judged
    assert done == ([7 * N, 3 * 7 * N], 7 * N, N + 7 * N * (1 + 1 + 3))
    second = evaluate(*parts, store=store)
    assert ([method.edited for method in parts[0]], parts[1].rendered, parts[2].judged) == done
    assert second.results == first.results


def test_every_two_methods_are_compared_on_the_same_images(store):
    results = evaluate([Painter(leak=0.125), Plane()], ToyFaces(N), Reader(), store=store).results
    found = {r.metric: r for r in results.records if r.variant == "minus plane"}
    assert {r.method for r in found.values()} == {"painter"}
    assert {"accuracy", "fed", "ere", "background", "gt_error"} <= found.keys()
    for metric, apart in found.items():
        painter, plane = (results.find(name, metric) for name in ("painter", "plane"))
        assert apart.value == pytest.approx(painter.value - plane.value)
        assert apart.low <= apart.value <= apart.high
        assert (apart.n, apart.unit, apart.direction) == (painter.n, painter.unit, "reported")
        assert apart.interval == "paired 95%"
        expected = difference(interval_of(painter), interval_of(plane))
        assert (apart.low, apart.high) == pytest.approx((expected.low, expected.high))
    assert not any(r.variant == "minus painter" for r in results.records)


def test_values_that_do_not_tell_how_they_move_are_told_apart_as_independent_ones():
    a, b = (record_of(METRICS["fed"], name, 9.0, 7, low=8.0, high=10.0) for name in "ab")
    (apart,) = differences([a, b], ["a", "b"])
    assert (apart.method, apart.variant, apart.interval) == ("a", "minus b", "independent 95%")
    assert (apart.low, apart.high) == pytest.approx((-(2**0.5), 2**0.5))
    assert (
        differences([a, record_of(METRICS["fed"], "b", 9.0, 6, low=8.0, high=10.0)], ["a", "b"])
        == []
    )


def test_a_new_method_costs_only_itself(store):
    data, judge = ToyPhotos(N), Reader()
    evaluate([Painter()], data, judge, store=store)
    judged, old = judge.judged, Painter()
    evaluate([old, Wheel()], data, judge, store=store)
    assert old.edited == 0
    assert judge.judged == judged + 3 * 7 * N


@pytest.mark.parametrize(
    "other",
    [
        {"method": Painter(leak=0.25)},
        {"dataset": ToyPhotos(N, "others")},
        {"judge": Reader("another")},
        {"seed": 1, "method": Painter(noise=1)},
    ],
)
def test_nothing_is_taken_from_other_weights_data_judges_or_seeds(store, other):
    usual = Painter(noise=1) if "seed" in other else Painter()
    evaluate([usual], ToyPhotos(N), Reader(), store=store)
    method = other.get("method", Painter())
    before = method.edited
    evaluate(
        [method],
        other.get("dataset", ToyPhotos(N)),
        other.get("judge", Reader()),
        seed=other.get("seed", 0),
        store=store,
    )
    assert method.edited == before + 7 * N


def test_an_interrupted_run_goes_on_where_it_stopped(store):
    whole = evaluate([Painter(noise=3)], ToyFaces(N), Reader(), store=Store(store.root / "other"))

    patient = threading.Event()  # no state of the method: it edits the same with and without

    class Impatient(Painter):
        def translate(self, x, codes):
            if self.edited > 1000 and not patient.is_set():
                raise KeyboardInterrupt
            return super().translate(x, codes)

    method, data = Impatient(noise=3), ToyFaces(N)
    with pytest.raises(KeyboardInterrupt):
        evaluate([method], data, Reader(), store=store)
    patient.set()
    method.edited = 0
    again = evaluate([method], data, Reader(), store=store)
    assert method.edited == 7 * (N - 100)  # the first chunk was finished
    assert data.rendered == 7 * N
    assert again.results == whole.results


def test_a_damaged_piece_is_computed_again(store):
    parts = [Painter()], ToyPhotos(N), Reader()
    first = evaluate(*parts, store=store)
    for path in sorted(store.root.glob("*/*.npz"))[::2]:
        path.write_bytes(path.read_bytes()[:-40])
    assert evaluate(*parts, store=store).results == first.results


@pytest.mark.parametrize("batch_size", [1, 33, 5000])
def test_batch_size_changes_no_number(tmp_path, batch_size):
    runs = [
        evaluate(
            [Painter(noise=2), Plane()],
            ToyFaces(57),
            Reader(),
            batch_size=size,
            store=Store(tmp_path / str(size)),
        )
        for size in (32, batch_size)
    ]
    for a, b in zip(*map(numbers, runs), strict=True):
        assert (a.method, a.metric, a.variant, a.n) == (b.method, b.metric, b.variant, b.n)
        assert (
            a.value == pytest.approx(b.value, rel=1e-9) if a.value is not None else b.value is None
        )
    assert runs[0].results.protocol_hash == runs[1].results.protocol_hash


def test_a_limit_takes_a_balanced_part_and_shares_full_chunks(store):
    method, data = Painter(noise=2), ToyPhotos(N)
    part = evaluate([method], data, Reader(), limit=107, store=store)
    assert part.results.protocol["data"]["images"] == 107
    assert part.results.find("real", "accuracy", "happy").n == 16
    evaluate([method], data, Reader(), store=store)
    assert method.edited == 7 * (107 + 150)


def test_an_emotion_without_test_images_has_no_real_accuracy(store):
    results = evaluate([Painter()], ToyPhotos(N), Reader(), limit=3, store=store).results
    assert results.find("real", "accuracy", "angry").value is None
    assert results.find("real", "accuracy").note == "mean of 3 emotions"
    assert results.find("painter", "accuracy", "angry").n == 3


def test_every_record_follows_its_definition(store):
    results = evaluate([Plane()], ToyFaces(30), Reader(), store=store).results
    for record in results.records:
        spec = METRICS[record.metric]
        assert record.version == spec.version
        if not record.variant:
            assert (record.unit, record.direction) == (spec.unit, spec.direction)
    assert results.metrics.keys() == {record.metric for record in results.records}


def test_progress_counts_to_the_end(store):
    told = []
    evaluate([Painter()], ToyFaces(N), Reader(), store=store, progress=lambda *a: told.append(a))
    done = [d for _, d, _ in told]
    assert done == sorted(done)
    assert done[-1] == told[-1][2] == N + 7 * N + 7 * N + 7 * N


@pytest.mark.parametrize(
    ("methods", "more", "message"),
    [
        ([], {}, "no methods"),
        ([Painter(), Painter()], {}, "given twice: painter"),
        ([Painter(size=16)], {}, "data at 8 px, methods at 16 px"),
        ([Painter()], {"batch_size": 0}, "batch size"),
        ([Painter()], {"limit": 0}, "limit"),
    ],
)
def test_what_does_not_fit_is_refused(store, methods, more, message):
    with pytest.raises(BadInput, match=message):
        evaluate(methods, ToyPhotos(20), Reader(), store=store, **more)


def test_methods_of_two_sizes_are_named(store):
    class Large(Painter):
        name = "large"

    with pytest.raises(BadInput, match="painter 8 px, large 16 px"):
        evaluate([Painter(), Large(16)], ToyPhotos(20), Reader(), store=store)
