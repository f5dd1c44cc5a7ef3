"""What the metrics record, on toys whose every number is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import t
from toys import K, Painter, Plane, Reader, ToyFaces, ToyPhotos, Wheel, level, region_map

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation import jobs, protocol
from ganbench.evaluation.protocol import order
from ganbench.evaluation.run import evaluate
from ganbench.records import Results
from ganbench.registry import METRICS
from ganbench.report.tables import other_table, seeds_table
from ganbench.scoring import DEFAULT, MetricInputs, select_metrics
from ganbench.scoring.noise_seeds import DEVIATION, OVER_SEEDS
from ganbench.scoring.predictions import Accuracy
from ganbench.scoring.probes import (
    INTENSE,
    INTENSITIES,
    OF_EMOTIONS,
    POINTS,
    RADII,
    SPOKES,
    TRUE_INTENSITY,
    ControlLinearity,
    Intensity,
    Smoothness,
    circle_variant,
)
from ganbench.storage.store import Store
from ganbench.validation import withheld

N = 42


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def value(results, method, metric, **identity):
    return results.find(method, metric, **identity).value


def test_names_are_chosen_with_accuracy_first_and_unknown_ones_are_hinted_at():
    def names(text):
        return [metric.specs[0].name for metric in select_metrics(text)]

    assert names("default") == list(DEFAULT)
    # What failed its trial is not offered.
    assert not withheld().keys() & set(DEFAULT)
    assert names("kid") == ["accuracy", "kid"]
    assert names("default, kid,kid") == [*DEFAULT, "kid"]
    assert len(select_metrics("all")) == len(METRICS.names()) == 20
    # FFE-Bench's name of a metric is a name of it, and names it once.
    assert names("mscr") == names("mSCR,neighbour_confusion") == ["accuracy", "neighbour_confusion"]
    with pytest.raises(BadInput, match="did you mean 'input_similarity'"):
        select_metrics("fed,input_similarty")
    with pytest.raises(BadInput, match="not a list of metrics"):
        select_metrics("fed,,kid")


def test_only_what_was_asked_for_is_recorded_and_edited(store):
    data, judge = ToyPhotos(N), Reader()
    method = Plane()
    few = evaluate([method], data, judge, store=store, metrics="ere").results
    assert {r.metric for r in few.records} == {"accuracy", "ere"}
    edited = method.edited
    evaluate([method], data, judge, store=store)
    assert method.edited == edited  # the default needs no edits of its own
    found = evaluate([method], data, judge, store=store, metrics="default,smoothness").results
    assert method.edited == edited + 14 * 21 * 9
    assert value(found, "plane", "smoothness") > 1  # the nearest anchor wins: it jumps
    evaluate([method], data, judge, store=store, metrics="smoothness")
    assert method.edited == edited + 14 * 21 * 9


def test_a_perfect_editor_under_all_metrics(store):
    found = evaluate([Painter()], ToyFaces(N), Reader(), store=store, metrics="all").results
    assert value(found, "painter", "gain") == pytest.approx(1)
    assert value(found, "painter", "gain", variant="parallel") == pytest.approx(1, abs=1e-5)
    assert value(found, "painter", "gain", variant="orthogonal") == pytest.approx(0, abs=1e-5)
    assert value(found, "painter", "neighbour_confusion") == 0
    assert value(found, "painter", "diversity") == 0
    beyond = found.find("painter", "input_similarity", variant="beyond the true edit")
    assert (beyond.value, beyond.direction) == (pytest.approx(0, abs=1e-6), "reported")
    for metric in ("kid", "precision", "recall", "density", "coverage", "input_similarity"):
        assert value(found, "painter", metric) == pytest.approx(value(found, "truth", metric))
    for metric in ("intensity", "cls", "smoothness"):
        assert value(found, "painter", metric) is None
        assert found.find("painter", metric).note
    assert value(found, "real", "calibration") == pytest.approx(0, abs=1e-9)
    titles = {column.title for column in other_table(found).columns}
    assert {"KID", "Coverage", "Calibration error", "Smoothness"} <= titles
    assert Results.from_json(found.to_json()) == found


def test_a_lazy_editor_gains_nothing_and_a_wrong_one_takes_neighbours(store):
    class Lazy(Painter):
        def translate(self, x, codes):
            return x, None

    lazy = evaluate([Lazy()], ToyFaces(N), Reader(), store=store).results
    assert value(lazy, "painter", "gain") == pytest.approx(0)
    assert value(lazy, "painter", "gain", variant="parallel") == pytest.approx(0, abs=1e-6)
    assert value(lazy, "painter", "input_similarity") == pytest.approx(1)
    assert value(lazy, "painter", "input_similarity", variant="beyond the true edit") > 0
    # Asked for surprised it paints fearful, for disgusted angry; never the other way round.
    wrong = evaluate([Painter(wrong=1)], ToyPhotos(N), Reader(), store=store).results
    assert value(wrong, "painter", "neighbour_confusion") == pytest.approx(100 * 2 / 6)
    assert value(wrong, "painter", "neighbour_confusion", variant="sad/neutral") == 0
    both = [value(wrong, "painter", "neighbour_confusion", variant=v) for v in ("surprised/fearful", "disgusted/angry")]  # fmt: skip
    assert value(wrong, "painter", "neighbour_confusion", variant="FFE-Bench") == np.mean(both)
    assert value(wrong, "painter", "neighbour_confusion", variant="disgusted/angry") == 50


class Dusk(ToyPhotos):
    """The farther down in the protocol's order, the darker: every chunk has a mean of its own."""

    def images(self, indices):
        rank = np.argsort(order(self.labels))[np.asarray(indices)]
        light = torch.linspace(1, 0.1, len(self))[rank]
        return super().images(indices) * light[:, None, None, None]


def test_likeness_is_seen_against_the_mean_of_all_inputs_whatever_chunks_and_batches(
    tmp_path, monkeypatch
):
    data, method, n = Dusk(130), Painter(), 130
    found = []
    for chunk, batch in ((100, 32), (100, 1), (100, 500), (30, 32), (130, 7)):
        monkeypatch.setattr(protocol, "CHUNK", chunk)
        place = Store(tmp_path / f"{chunk}-{batch}")
        made = evaluate(
            [method], data, Reader(), store=place, batch_size=batch, metrics="input_similarity"
        )
        found.append(made.results.find("painter", "input_similarity"))
    assert [r.value for r in found] == [found[0].value] * len(found)
    assert (found[0].n, found[0].interval) == (7 * n, "Hall within classes 95%")
    assert found[0].low < found[0].value < found[0].high

    inputs = data.images(order(data.labels)).double().numpy()
    edits = np.repeat(inputs[:, None], K, axis=1)
    edits[..., :2, :2] = level(np.arange(K))[:, None, None, None]

    def likeness(mean):
        a, b = (inputs - mean).reshape(n, 1, -1), (edits - mean[:, None]).reshape(n, K, -1)
        lengths = np.sqrt(np.square(a).sum(-1) * np.square(b).sum(-1))
        return float(((a * b).sum(-1) / lengths).mean())

    def mean_of(rows):
        return np.broadcast_to(inputs[rows].mean(axis=0), inputs[rows].shape)

    assert found[0].value == pytest.approx(likeness(mean_of(slice(None))), abs=1e-6)
    chunkwise = np.concatenate([mean_of(slice(100)), mean_of(slice(100, n))])
    assert abs(likeness(chunkwise) - found[0].value) > 0.01


def test_likeness_of_photographs_has_no_mark_and_of_one_photograph_no_value(store):
    found = evaluate([Painter()], ToyPhotos(N), Reader(), store=store).results
    (record,) = (r for r in found.records if r.metric == "input_similarity")
    assert (record.method, record.direction, record.n) == ("painter", "higher", 7 * N)
    assert 0 < record.value < 1
    one = evaluate([Painter()], ToyPhotos(N), Reader(), store=store, limit=1).results
    record = one.find("painter", "input_similarity")
    assert (record.value, record.n, record.note) == (None, 0, "the inputs do not differ")


def test_a_new_definition_of_likeness_makes_thumbnails_anew(store, monkeypatch):
    method, data = Painter(), ToyPhotos(N)
    evaluate([method], data, Reader(), store=store)
    monkeypatch.setattr(jobs, "INPUT_SIMILARITY", replace(jobs.INPUT_SIMILARITY, version=99))
    evaluate([method], data, Reader(), store=store)
    assert method.edited == 2 * 7 * N


def test_every_value_has_an_interval_that_says_which_variance_it_counts(store):
    found = evaluate(
        [Painter(noise=3)], ToyFaces(N), Reader(), store=store, metrics="default,kid,prdc"
    )
    for metric, how in {
        "accuracy": "mid-p within classes 95%",
        "ere": "Hall within classes 95%",
        "background": "Hall within classes 95%",
        "gt_error": "Hall within classes 95%",
        "gain": "Hall within classes 95%",
        "neighbour_confusion": "mid-p within classes 95%",
        "input_similarity": "Hall within classes 95%",
        "fed": "Hall within classes 95%",
        "kid": "Hall within classes 95%",
        "precision": "halves within classes 95%",
        "recall": "halves within classes 95%",
        "density": "halves within classes 95%",
        "coverage": "halves within classes 95%",
    }.items():
        r = found.results.find("painter", metric)
        assert r.interval == how
        assert r.low <= r.value + 1e-9
        assert r.value - 1e-9 <= r.high
    assert found.results.find("real", "calibration").interval == "halves within classes 95%"
    none = [r for r in found.results.records if r.value is not None and r.low is None]
    assert none == []


def test_an_images_edits_are_not_independent(store):
    """Half of the images all right, the other half all wrong: 42 draws, not 294."""
    judged = np.where(np.arange(N)[:, None] % 2, np.arange(K), (np.arange(K) + 1) % K)
    made = MetricInputs("m", np.arange(N) % K, {}, {"anchor": {"logits": np.eye(K)[judged]}})
    mean = Accuracy().score(made)[-1]
    assert mean.value == 50
    # Six images of each class, and N - K degrees of freedom.
    error = 100 * (0.25 / N * 6 / 5) ** 0.5
    assert mean.high - mean.low == pytest.approx(2 * t.ppf(0.975, N - K) * error, rel=0.05)


def test_diversity_takes_a_further_draw_and_is_repeatable(store):
    methods, judge = [Painter(noise=2), Wheel()], Reader()
    found = evaluate(methods, ToyPhotos(N), judge, store=store, metrics="diversity").results
    assert methods[0].edited == 7 * N * 2
    record = found.find("painter", "diversity")
    assert record.value > 0
    assert record.n == 7 * N
    relative = found.find("painter", "diversity", variant=OF_EMOTIONS)
    assert relative.unit == "ratio"
    assert relative.low < relative.value < relative.high
    # Both are distances of the same features, of which those of different emotions are the larger ones.
    assert 0 < relative.value < 1
    assert found.find("wheel", "diversity").value == 0
    again = evaluate(
        methods, ToyPhotos(N), judge, store=Store(store.root / "b"), metrics="diversity"
    )
    assert again.results == found


def test_intensity_reads_its_probes_emotion_by_emotion():
    logits = np.zeros((3, len(INTENSE), len(INTENSITIES), K))
    for i, c in enumerate(INTENSE):
        logits[:, i, :, c] = np.array(INTENSITIES) * (-1 if EMOTIONS[c] == "sad" else 1)
    probes = {"intensities": {"logits": logits.reshape(3, -1, K)}}
    made = MetricInputs(
        "m", np.arange(3), {}, {"anchor": {"logits": np.zeros((3, K, K))}}, probes=probes
    )
    found = {r.emotion: r for r in Intensity().score(made)}
    assert found["happy"].value == pytest.approx(1)
    assert found["sad"].value == pytest.approx(-1)
    assert found[None].value == pytest.approx(4 / 6)
    assert "neutral" not in found


class Shades(ToyFaces):
    """Toy faces whose expression can be rendered at any intensity: their mouth grows brighter."""

    rendered_at = ()

    def true_intensities(self, indices, emotion, intensity):
        images, regions = self.images(indices), region_map(len(indices))
        images[:, :, 0, emotion] = intensity * 200 / 255
        self.rendered_at = (*self.rendered_at, (emotion, intensity))
        return images, regions


class Shader(Painter):
    """Shows the emotion at the intensity that is asked for, or at a power of it; ``share`` of the way."""

    name, title = "shader", "Shader"

    def __init__(self, power: float = 1.0, share: float = 1.0) -> None:
        super().__init__()
        self.power, self.share = power, share

    @property
    def code_dim(self) -> int:
        return K + 1

    def encode(self, condition, noise=None):
        hot = torch.nn.functional.one_hot(condition.emotions, K).float()
        asked = -torch.ones(len(hot)) if condition.intensity is None else condition.intensity
        return torch.cat([hot, asked[:, None]], 1)

    def translate(self, x, codes):
        plain, rho = super().translate(x, codes)[0], codes[:, K]
        shown, emotions = x.clone(), codes[:, :K].argmax(1)
        light = rho.clamp(min=0) ** self.power * 200 / 255 * 2 - 1
        shown[torch.arange(len(x)), :, 0, emotions] = light[:, None]
        shown = x + self.share * (shown - x)
        return torch.where((rho < 0)[:, None, None, None], plain, shown), None


def test_linearity_against_renderings_of_known_intensity(store):
    def found(method, data=None):
        data = data or Shades(14)
        results = evaluate([method], data, Reader(), store=store, metrics="cls").results
        return {(r.emotion, r.variant): r for r in results.records if r.metric == "cls"}

    data = Shades(14)
    right = found(Shader(), data)[None, TRUE_INTENSITY]
    assert right.value == pytest.approx(1)
    assert (right.n, right.interval, right.direction) == (
        14 * 6,
        "Hall within classes 95%",
        "higher",
    )
    assert set(data.rendered_at) == {(c, rho) for c in INTENSE for rho in INTENSITIES}
    assert found(Shader(share=0.5))[None, TRUE_INTENSITY].value == pytest.approx(1)
    late = found(Shader(power=5))
    assert 0.5 < late[None, TRUE_INTENSITY].value < 0.95
    assert late["happy", TRUE_INTENSITY].low <= late["happy", TRUE_INTENSITY].value
    both = evaluate([Shader()], Shades(14), Reader(), store=store, metrics="cls").results
    assert [c.title for c in other_table(both).columns][-2:] == ["CLS", "CLS, true intensity"]
    lazy = found(Shader(share=0))
    assert lazy[None, TRUE_INTENSITY].value == lazy[None, ""].value == 0
    # Photographs know no true intensity; the judge still measures one.
    assert (None, TRUE_INTENSITY) not in found(Shader(), ToyPhotos(14))
    none = found(Painter())
    assert [(r.value, r.note) for r in none.values()] == [(None, "its codes have no intensity")]


def test_linearity_by_the_judge_reads_its_probes_emotion_by_emotion():
    p = np.full((3, len(INTENSE), len(INTENSITIES), K), 1e-6)
    for i, c in enumerate(INTENSE):
        steps = np.array(INTENSITIES) * 0.9
        p[:, i, :, c] = 1 - steps if EMOTIONS[c] == "sad" else steps
        p[:, i, :, 0] = 1 - p[:, i, :, c]
    probes = {"intensities": {"logits": np.log(p).reshape(3, -1, K)}}
    made = MetricInputs(
        "m", np.arange(3), {}, {"anchor": {"logits": np.zeros((3, K, K))}}, probes=probes
    )
    found = {r.emotion: r for r in ControlLinearity().score(made)}
    assert found["happy"].value == pytest.approx(1)
    assert found["sad"].value == pytest.approx(-1)
    assert found[None].value == pytest.approx(4 / 6)
    assert found[None].unit == "correlation"


def test_the_largest_step_around_the_centre():
    logits = np.zeros((4, len(RADII), SPOKES, K))
    logits[:, 1, 12:, 1] = 100  # at the larger radius half of the circle is happy
    flat = np.zeros((4, 21 * POINTS, K))
    probes = {
        "lines between anchors": {"logits": flat},
        "circles around the centre": {"logits": logits.reshape(4, -1, K)},
    }
    made = MetricInputs(
        "m", np.arange(4) % 2, {}, {"anchor": {"logits": np.zeros((4, K, K))}}, probes=probes
    )
    found = {r.variant: r for r in Smoothness().score(made)}
    assert found[circle_variant(0.4)].value == 0
    assert found[circle_variant(1.0)].value == pytest.approx(1 - 1 / K)
    assert found[""].value is None


def test_a_probe_answers_for_methods_with_intensity(store):
    from ganbench.ganmut.linear import Linear, LinearConfig

    config = LinearConfig(image_size=8, width=2, blocks=1, critic_width=2, critic_layers=1)
    method = Linear(config).requires_grad_(False)
    found = evaluate([method], ToyPhotos(14), Reader(), store=store, metrics="intensity").results
    record = found.find("linear", "intensity")
    assert -1 <= record.value <= 1
    assert record.n == 14 * 6
    around = evaluate([method], ToyPhotos(14), Reader(), store=store, metrics="smoothness").results
    for radius in RADII:
        assert 0 <= around.find("linear", "smoothness", variant=circle_variant(radius)).value <= 1
    assert around.find("linear", "smoothness") is not None


def test_seeds_repeat_only_what_depends_on_noise(store):
    methods, judge = [Painter(noise=2), Plane(), Painter()], Reader()
    methods[2].__class__ = type("Plain", (Painter,), {"name": "plain", "title": "Plain"})
    found = evaluate(methods, ToyPhotos(N), judge, store=store, noise_seeds=3).results
    assert [m.edited for m in methods] == [3 * 7 * N, (1 + 3 + 3) * 7 * N, 7 * N]
    fed = [
        value(evaluate(methods, ToyPhotos(N), judge, store=store, seed=s).results, "painter", "fed")
        for s in range(3)
    ]
    assert [m.edited for m in methods] == [3 * 7 * N, (1 + 3 + 3) * 7 * N, 7 * N]
    assert value(found, "painter", "fed") == fed[0]
    mean = found.find("painter", "fed", variant=OVER_SEEDS)
    assert (mean.value, mean.n) == (pytest.approx(np.mean(fed)), 3)
    assert value(found, "painter", "fed", variant=DEVIATION) == pytest.approx(np.std(fed, ddof=1))
    assert value(found, "painter", "accuracy", variant=DEVIATION) == 0
    # Of a method without noise only its noisy codes move; of one without those nothing does.
    assert found.find("plane", "fed", variant=f"uniform: {DEVIATION}").value > 0
    assert found.find("plane", "accuracy", variant=DEVIATION) is None
    assert not [r for r in found.records if r.method == "plain" and OVER_SEEDS in r.variant]
    assert [row.title for row in seeds_table(found).rows] == ["Painter"]  # Table 1 has no space
