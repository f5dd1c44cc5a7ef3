"""An evaluation of toys, whose every number is computed here a second time, with numpy and by hand."""

import threading

import numpy as np
import pytest
import torch
from scipy import stats
from toys import K, Painter, Plane, Reader, ToyFaces, ToyPhotos, Wheel

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation.protocol import FEW, chunks, codes
from ganbench.evaluation.run import evaluate
from ganbench.seeds import generator
from ganbench.storage.store import Store

N = 250  # two full chunks and a half

LEVELS = (np.arange(K) + 1) * 25 / 255  # of the patch that shows each emotion
GROUND = 230 / 255
COUNTS = np.bincount(np.arange(N) % K)  # of the images of each emotion


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def numbers(evaluation):
    return [record for record in evaluation.results.records if record.method != "real"]


def fed(shown):
    """FED to the real images of edits that show some emotions.

    The only feature of the toy judge that varies is the mean of a quarter of the image, a fourth of
    which is the patch. FED in one dimension is the squared difference of means and of deviations.
    """
    real, fake = (LEVELS[emotions] / 4 for emotions in (np.arange(N) % K, shown.ravel()))
    return (real.mean() - fake.mean()) ** 2 + (real.std(ddof=1) - fake.std(ddof=1)) ** 2


def changed(values):
    """The values [source, target] of all edits to another emotion, one for each edit."""
    return np.repeat(values[~np.eye(K, dtype=bool)], np.repeat(COUNTS, K - 1))


def interval_of_mean(values):
    """Ends of the 95 % interval of a mean over images, by Student's t."""
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return values.mean() - half, values.mean() + half


def test_a_perfect_editor(store):
    found = evaluate([Painter()], ToyFaces(N), Reader(), store=store)
    results = found.results
    for emotion in EMOTIONS:
        cell = results.find("painter", "accuracy", emotion)
        assert (cell.value, cell.n) == (100, N)
        assert (cell.low, cell.high) == pytest.approx((100 * 0.04 ** (1 / N), 100))  # p^N / 2 = 2 %
    assert results.find("painter", "accuracy").value == 100
    assert results.find("real", "accuracy").value == 100
    assert results.find("painter", "ere").value == pytest.approx(0, abs=1e-9)
    assert results.find("painter", "background").value == pytest.approx(0, abs=1e-7)
    assert results.find("painter", "gain").value == pytest.approx(1)
    assert results.find("painter", "gain", variant="parallel").value == pytest.approx(1, abs=1e-5)
    for region in ("", "mouth", "features"):
        error = results.find("painter", "gt_error", variant=region)
        assert error.value == pytest.approx(0, abs=1e-5)
        assert error.n == N * (K - 1)
    eyes = results.find("painter", "gt_error", variant="eyes")
    assert eyes.value is None
    assert "already right" in eyes.note
    everything = np.tile(np.arange(K), (N, 1))
    for source in ("painter", "truth"):
        record = results.find(source, "fed")
        assert (record.value, record.n) == (pytest.approx(fed(everything), rel=1e-4), N * K)
    assert (found.predictions["painter"] == everything).all()


def test_an_editor_that_paints_the_next_emotion(store):
    found = evaluate([Painter(wrong=1)], ToyFaces(N), Reader(), store=store)
    results = found.results
    following = (np.arange(K) + 1) % K
    assert results.find("painter", "accuracy").value == 0
    assert results.find("painter", "ere").value == pytest.approx(1)
    assert results.find("painter", "gain").value == pytest.approx(0)
    assert (found.predictions["painter"] == following).all()
    expected = np.zeros((K, K, K), int)
    expected[:, np.arange(K), following] = COUNTS[:, None]
    assert results.confusion["painter"] == expected.tolist()
    cell = results.find("painter", "accuracy", "happy")
    assert (cell.low, cell.high) == (0, pytest.approx(100 * (1 - 0.04 ** (1 / N))))
    # The distances of edit and input to the right level, over all edits to another emotion.
    error, step = LEVELS[following] - LEVELS, LEVELS - LEVELS[:, None]
    ratio = changed(np.broadcast_to(abs(error), (K, K))).sum() / changed(abs(step)).sum()
    for region in ("", "mouth", "features"):
        value = results.find("painter", "gt_error", variant=region).value
        assert value == pytest.approx(ratio, rel=1e-4)
    parallel = changed(step * (step + error)).sum() / changed(step**2).sum()
    value = results.find("painter", "gain", variant="parallel").value
    assert value == pytest.approx(parallel, rel=1e-4)


def test_a_lazy_editor_is_as_far_from_the_truth_as_the_input(store):
    class Lazy(Painter):
        def translate(self, x, codes):
            return x, None

    results = evaluate([Lazy()], ToyFaces(N), Reader(), store=store).results
    for region in ("", "mouth", "features"):
        error = results.find("painter", "gt_error", variant=region)
        assert error.value == pytest.approx(1, rel=1e-4)
    for emotion, count in zip(EMOTIONS, COUNTS, strict=True):  # right where it had nothing to do
        cell = results.find("painter", "accuracy", emotion)
        assert cell.value == pytest.approx(100 * count / N)
    everyone = np.repeat(np.arange(K), COUNTS)
    assert results.find("painter", "fed").value == pytest.approx(
        fed(np.repeat(everyone, K)), rel=1e-3
    )


@pytest.mark.parametrize(
    ("leak", "change", "clamped"), [(0.125, 0.125, 0), (-0.25, 1 - GROUND, 0.5)]
)
def test_a_leak_into_the_background_is_measured(store, leak, change, clamped):
    results = evaluate([Painter(leak=leak)], ToyFaces(N), Reader(), store=store).results
    assert results.find("painter", "background").value == pytest.approx(change, abs=1e-6)
    assert results.find("painter", "accuracy").value == 100
    assert results.methods["painter"]["clamped"] == clamped


def test_photographs_have_no_invented_numbers(store):
    results = evaluate([Painter()], ToyPhotos(N), Reader(), store=store).results
    for metric in ("background", "gt_error"):
        record = results.find("painter", metric)
        assert record.value is None
        assert record.note
    assert "truth" not in results.confusion
    assert results.metrics.keys() == {record.metric for record in results.records}


@pytest.mark.parametrize("method", [Plane(), Wheel()], ids=["plane", "wheel"])
@pytest.mark.parametrize("sets", ["anchor", "noisy", "uniform"])
def test_a_method_with_a_plane_of_codes_is_measured_with_each_set(store, method, sets):
    name, data = method.name, ToyPhotos(N)
    results = evaluate([method], data, Reader(), store=store, all_codes=True).results
    variants = {r.variant for r in results.records if r.metric == "fed"}
    assert variants == {"", "anchor", "uniform"}
    z = [codes(method, sets, 0, chunk.number)[0][: len(chunk) * K] for chunk in chunks(data.labels)]
    angles = 2 * np.pi * np.arange(K) / K
    anchors = 0.95 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    squares = np.square(torch.cat(z).detach().numpy()[:, None] - anchors).sum(axis=-1)
    nearest = squares.argmin(axis=1)
    record = results.find(name, "fed", variant=sets.replace("noisy", ""))
    assert (record.value, record.n) == (pytest.approx(fed(nearest), rel=1e-3), N * K)
    ere = results.find(name, "ere", variant=sets.replace("anchor", ""))
    if name == "plane":  # the judge is sure of the nearest anchor, and p_z is not
        p = np.exp(-squares) / np.exp(-squares).sum(axis=1, keepdims=True)
        assert ere.value == pytest.approx(1 - p[np.arange(N * K), nearest].mean(), abs=1e-6)
    elif sets == "uniform":  # its codes stand for no label
        assert ere is None
    else:
        wrong = (nearest != np.tile(np.arange(K), N)).mean()
        assert ere.value == pytest.approx(wrong, abs=1e-9)


def test_extra_codes_are_used_for_the_first_images_unless_all_are_asked_for(store):
    data = ToyFaces(N)
    few = evaluate([Plane()], data, Reader(), store=store).results
    first = evaluate([Plane()], data, Reader(), store=store, limit=FEW).results
    full = evaluate([Plane()], data, Reader(), store=store, all_codes=True).results
    # The first images are those of a run with as many images: their edits and values are the same.
    for metric in ("fed", "ere"):
        for codes_, before in (
            ("uniform", "uniform"),
            ("noisy", "" if metric == "fed" else "noisy"),
        ):
            now = few.find("plane", metric, variant=codes_)
            then = first.find("plane", metric, variant=before)
            assert now.n == FEW * K
            assert (now.value, now.low, now.high) == (then.value, then.low, then.high)
    assert few.find("plane", "fed", variant="noisy").note == f"against {FEW} real images"
    # The headline rests on all images in any case.
    anchors = full.find("plane", "fed", variant="anchor")
    headline = few.find("plane", "fed")
    assert (headline.value, headline.n) == (anchors.value, N * K)
    assert full.find("plane", "fed").n == N * K
    assert few.protocol["codes"]["noisy and uniform"] == f"the first {FEW} images"
    assert few.protocol_hash != full.protocol_hash
    # Where there are no more images, nothing is left out, and the protocol is that of before.
    whole = evaluate([Plane()], data, Reader(), store=store, limit=FEW, all_codes=True).results
    assert whole.protocol == first.protocol
    assert whole.records == first.records


def test_noise_belongs_to_the_protocol_and_pictures_show_the_first_inputs(store):
    found = evaluate([Painter(noise=2)], ToyFaces(N), Reader(), store=store).gallery
    assert found.labels.tolist() == list(range(K))
    levels = np.round(255 * LEVELS).astype(np.uint8)
    assert (found.inputs[:, :, :2, :2] == levels[:, None, None, None]).all()
    edits = found.edits["painter"]
    assert edits.shape == (K, K, 3, 8, 8)
    assert (edits[..., :2, :2] == found.truth[..., :2, :2]).all()
    assert (edits[..., :2, :2] == levels[:, None, None, None]).all()
    # One draw for each edit of the first chunk; the toy shows its mean at the lower left.
    noise = torch.randn(100 * K, 2, generator=generator(0, "noise", "painter", "exact", 0))
    shade = (np.tanh(noise.numpy().mean(axis=1)) + 1) / 2
    shown = edits[..., 4:, :4].reshape(K * K, -1)
    assert (shown == shown[:, :1]).all()
    assert abs(shown[:, 0] - 255 * shade[: K * K]).max() <= 0.51


class Uneven(Painter):
    """Darkens the background by ``base`` + ``slope`` times the level of the input's patch."""

    name, title = "uneven", "Uneven"

    def __init__(self, base, slope):
        super().__init__()
        self.base, self.slope = base, slope

    def translate(self, x, codes):
        y, _ = super().translate(x, codes)
        y[:, :, :, 4:] -= 2 * self.base + self.slope * (x[:, :, :1, :1] + 1)
        return y, None


def test_every_two_methods_are_compared_on_the_same_images(store):
    methods = {"a": Uneven(0, 0.5), "b": Uneven(0.4, -0.3)}
    results = evaluate(methods, ToyFaces(N), Reader(), store=store).results
    shown = LEVELS[np.arange(N) % K]
    a, b = 0.5 * shown, 0.4 - 0.3 * shown
    for name, change in (("a", a), ("b", b)):
        record = results.find(name, "background")
        assert record.value == pytest.approx(change.mean(), rel=1e-5)
        # All images of a class change alike: nothing varies within classes.
        assert (record.low, record.high) == pytest.approx((record.value,) * 2, rel=1e-5)
    apart = results.find("a", "background", variant="minus b")
    assert apart.value == pytest.approx((a - b).mean(), rel=1e-5)
    assert (apart.low, apart.high) == pytest.approx((apart.value,) * 2, rel=1e-5)
    assert (apart.n, apart.direction, apart.interval) == (
        N * K,
        "reported",
        "paired, all pairs together 95%",
    )
    metrics = {r.metric for r in results.records if r.variant == "minus b"}
    assert {"accuracy", "fed", "ere", "background", "gt_error"} <= metrics
    assert {r.method for r in results.records if r.variant.startswith("minus")} == {"a"}


def test_the_difference_of_two_methods_has_students_interval_where_class_counts_are_those_of_the_data(
    store,
):
    faces = ToyFaces(N, "unequal")
    # Numbers of images that differ by more than one are not fixed by design, so all images count.
    faces.labels = np.sort(np.minimum(np.arange(N) % (K + 3), K - 1))
    methods = {"a": Uneven(0, 0.5), "b": Uneven(0.4, -0.3)}
    results = evaluate(methods, faces, Reader(), store=store).results
    shown = LEVELS[faces.labels]
    a, b = 0.5 * shown, 0.4 - 0.3 * shown
    for name, change in (("a", a), ("b", b)):
        record = results.find(name, "background")
        assert record.interval == "Hall over images 95%"
        assert record.low < change.mean() < record.high
    apart = results.find("a", "background", variant="minus b")
    assert (apart.low, apart.high) == pytest.approx(interval_of_mean(a - b), rel=1e-5)


def test_a_second_run_computes_nothing(store):
    parts = [Painter(), Plane()], ToyFaces(N), Reader()
    first = evaluate(*parts, store=store)
    done = [method.edited for method in parts[0]], parts[1].rendered, parts[2].judged
    plane = 7 * (N + 2 * FEW)  # two more sets of codes for the first images
    assert done == ([7 * N, plane], 7 * N, N + 7 * N * 2 + plane)
    second = evaluate(*parts, store=store)
    assert ([method.edited for method in parts[0]], parts[1].rendered, parts[2].judged) == done
    assert second.results == first.results


def test_a_new_method_costs_only_itself(store):
    data, judge = ToyPhotos(N), Reader()
    evaluate([Painter()], data, judge, store=store)
    judged, old = judge.judged, Painter()
    evaluate([old, Wheel()], data, judge, store=store)
    assert old.edited == 0
    assert judge.judged == judged + 7 * (N + 2 * FEW)


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
