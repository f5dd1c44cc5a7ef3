"""Edits by action units against rendered true edits, from the pass to records."""

import numpy as np
import pytest
import torch
from toys import K, Painter, Reader, ToyFaces, ToyPhotos, region_map

from ganbench.data import load_dataset
from ganbench.data.action_units import AU_COLUMNS
from ganbench.data.faces.expressions import ACTION_UNITS
from ganbench.emotions import EMOTIONS
from ganbench.evaluation.estimate import estimate
from ganbench.evaluation.run import evaluate, prepare
from ganbench.judges.vgg import VGG, VGGConfig, load_vgg
from ganbench.methods.conditions import EMOTION_UNITS, ActionUnits, Category
from ganbench.methods.weights import save_checkpoint
from ganbench.report.tables import other_table
from ganbench.scoring.units import ASKED, IMAGES, NAMES
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Store

N, UNITS = 14, len(NAMES)
# Where a toy shows its units: 17 of 18 pixels, some of the face and some of the background.
SHOWN = (slice(None), slice(None), slice(3, 6), slice(0, 6))


def show(images, units):
    """Paint each unit's pixel as bright as its intensity, exactly in 8 bits where it has 8."""
    painted = images.clone()
    pixels = torch.cat([units, units[:, :1]], 1).reshape(-1, 1, 3, 6)
    painted[SHOWN] = pixels.to(images)
    return painted


class ToyUnits(ToyFaces):
    """Toy faces that know their action units, and show them."""

    def __init__(self, n: int = N) -> None:
        super().__init__(n)
        self.own = np.random.default_rng(0).integers(0, 256, (n, UNITS)) / 255

    def action_units(self, indices):
        return torch.tensor(self.own[np.asarray(indices)]).float()

    def images(self, indices):
        return show(super().images(indices), self.action_units(indices))

    def true_units(self, indices, unit, value):
        units = self.action_units(indices)
        units[:, unit] = value
        return show(self.images(indices), units), region_map(len(indices))


class Actor(Painter):
    """Shows the units asked for, ``share`` of the way."""

    name, title = "actor", "Actor"
    conditions = (ActionUnits, Category)

    def __init__(self, share: float = 1.0) -> None:
        super().__init__()
        self.share = share

    @property
    def code_dim(self):
        return K + UNITS

    def encode(self, condition, noise=None):
        if isinstance(condition, ActionUnits):
            return torch.cat([torch.zeros(len(condition.values), K), condition.values], 1)
        return torch.cat(
            [super().encode(condition), -torch.ones(len(condition.emotions), UNITS)], 1
        )

    def translate(self, x, codes):
        asked = show(x, codes[:, K:] * 2 - 1)
        edits = x + self.share * (asked - x)
        by_emotion = codes[:, :K].sum(1) > 0
        return torch.where(
            by_emotion[:, None, None, None], super().translate(x, codes)[0], edits
        ), None


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def measured(method, data, store, **options):
    return evaluate([method], data, Reader(), store=store, metrics="units", **options).results


@pytest.mark.parametrize("share", [1.0, 0.0, 0.5, 0.25])
def test_errors_and_responses_of_editors_of_known_quality(share, store):
    found = measured(Actor(share), ToyUnits(), store)
    for variant in ("", "face", "background", *NAMES):
        error = found.find("actor", "units", variant=variant)
        assert error.value == pytest.approx(abs(1 - share), abs=1e-6), variant
        assert error.direction == "lower"
        assert error.low <= error.value + 1e-9
        assert error.interval == "Hall within classes 95%"
    for variant in ("", *NAMES):
        response = found.find("actor", "unit_intensity", variant=variant)
        assert response.value == pytest.approx(np.sign(share)), variant
        assert response.n == (N * UNITS if not variant else N)
    along = found.find("actor", "unit_intensity", variant="parallel")
    assert (along.value, along.direction) == (pytest.approx(share, abs=1e-6), "reported")
    # Nothing moves there.
    assert found.find("actor", "units", variant="mouth").value is None
    assert {c.title for c in other_table(found).columns} >= {"Action units", "Unit intensity"}


def test_what_an_input_shows_already_is_no_edit(store):
    data = ToyUnits()
    data.own[:] = 0
    found = measured(Actor(), data, store)
    assert found.find("actor", "units").n == N * UNITS * 2
    assert found.find("actor", "unit_intensity").n == N * UNITS


def test_only_methods_of_units_are_measured_and_only_where_the_truth_is_known(store):
    without = measured(Painter(), ToyUnits(), store)
    assert {r.metric for r in without.records} == {"accuracy"}
    photographs = measured(Actor(), ToyPhotos(N), store)
    for metric in ("units", "unit_intensity"):
        record = photographs.find("actor", metric)
        assert (record.value, record.n) == (None, 0)
        assert "the data know no true edit for action units" in record.note
    plain = evaluate([Actor()], ToyUnits(), Reader(), store=store).results
    assert {r.metric for r in plain.records}.isdisjoint({"units", "unit_intensity"})


def test_edits_are_made_once_and_anew_when_the_images_units_change(store):
    data, method = ToyUnits(), Actor()
    measured(method, data, store)
    edits = method.edited
    assert edits == N * (K + len(ASKED))
    assert measured(method, data, store) == measured(method, data, store, batch_size=5)
    assert method.edited == edits
    data.own[3, 5] = 1 - data.own[3, 5]
    measured(method, data, store)
    assert method.edited == 2 * edits


def test_at_most_so_many_images_are_edited(store):
    data = ToyUnits(IMAGES + 7)
    measured(Actor(), data, store)
    run = prepare({"actor": Actor()}, data, Reader(), 0, None, 8, store, Stopwatch(), "units")
    jobs = {job.kind: job for job in run.jobs if job.codes not in ("", "anchor")}
    assert {kind: job.images for kind, job in jobs.items()} == {
        "render": IMAGES * len(ASKED),
        "probe": IMAGES * len(ASKED),
    }
    assert all(run.keys.of(job, run.judge) in store for job in jobs.values())
    title = jobs["render"].title
    (item,) = [item for item in estimate(run) if item.title == title]
    assert (item.images, item.missing) == (IMAGES * len(ASKED), 0)
    # One job renders for all methods.
    two = {"a": Actor(), "b": Actor(0.5)}
    run = prepare(two, data, Reader(), 0, None, 8, store, Stopwatch(), "units")
    assert [job.title for job in run.jobs].count(title) == 1
    run.store = Store(store.root / "other")
    assert next(item for item in estimate(run) if item.title == title).seconds > 0


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield load_dataset("faces", "test", size=16, train=7, test=7)


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("judge") / "judge.safetensors"
    model = VGG(VGGConfig(image_size=16, stages=(1, 1), widths=(4, 6), hidden=8))
    save_checkpoint(path, model, "judge", "judge", {"licence": "MIT"})
    return load_vgg(path, "cpu")


def test_a_checkpoint_of_units_is_measured_on_the_embedded_faces(faces, judge, tiny_method, store):
    means = faces.action_units(range(7)).tolist()
    units = tiny_method("ganimation", condition="action_units")
    units.card = {EMOTION_UNITS: dict(zip(EMOTIONS, means, strict=True))}
    methods = {"units": units, "emotions": tiny_method("ganimation")}
    found = evaluate(methods, faces, judge, store=store, metrics="units").results
    error = found.find("units", "units")
    assert error.value > 0
    assert error.low < error.value < error.high
    assert -1 <= found.find("units", "unit_intensity").value <= 1
    variants = {r.variant for r in found.records if (r.method, r.metric) == ("units", "units")}
    assert variants == {"", "mouth", "eyes", "face", "head", "background", *NAMES}
    assert {r.metric for r in found.records if r.method == "emotions"} == {"accuracy"}


def test_who_renders_the_truth_of_the_embedded_faces_makes_no_error(faces, judge, store):
    class Renderer(Actor):
        """Knows whom it sees, and renders them with the one unit that differs."""

        name = "renderer"

        def translate(self, x, codes):
            everyone = faces.images(range(7))
            edits = []
            for image, code in zip((x + 1) / 2, codes[:, K:], strict=True):
                who = int((everyone - image).abs().sum((1, 2, 3)).argmin())
                own = faces.action_units([who])[0]
                gaps = (code - own).abs()
                known = bool((code >= 0).all()) and bool(gaps.max() > 1e-6)
                unit = int(gaps.argmax())
                edits.append(
                    faces.true_units([who], unit, float(code[unit]))[0][0] if known else image
                )
            return torch.stack(edits) * 2 - 1, None

    method = Renderer()
    method.config = type(method.config)(16)
    found = evaluate([method], faces, judge, store=store, metrics="units").results
    errors = [r for r in found.records if r.metric == "units" and r.value is not None]
    assert len(errors) > UNITS
    # Where a face shows 0.4 in the table of units, its weights may be 0.40004, which moves a level.
    assert [r.value for r in errors] == pytest.approx([0] * len(errors), abs=1e-3)
    # At 16 px three of these 119 series of true edits do not keep their order in pixels.
    assert found.find("renderer", "unit_intensity").value == pytest.approx(1, abs=0.02)
    assert found.find("renderer", "unit_intensity", variant="parallel").value == pytest.approx(1)
    assert set(NAMES) == {name.removesuffix("_r") for name in ACTION_UNITS}
    assert len(AU_COLUMNS) == UNITS
