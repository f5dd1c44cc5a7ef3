"""Methods and judges that break their promise are named before anything is computed for the others."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from toys import SIZE, K, Painter, Reader, ToyPhotos, patch

import ganbench
from ganbench.editing import edit_pictures, select_pictures
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput, Unsupported
from ganbench.evaluation import contract
from ganbench.figures.scene import Faces, Scene
from ganbench.judges.interface import Judged
from ganbench.methods.interface import Edit
from ganbench.methods.outputs import cut
from ganbench.storage.store import Store

NAN, INF = float("nan"), float("inf")


class Broken(Painter):
    """Paints, and then does something to the outcome of ``translate``."""

    name, title = "broken", "Broken"

    def __init__(self, change) -> None:
        super().__init__()
        self.change = change

    def translate(self, x, codes):
        y, mask = super().translate(x, codes)
        return self.change(y, mask)


def one(value):
    def change(y, mask):
        y = y.clone()
        y[-1, 0, 0, 0] = value
        return y, mask

    return change


def lost(y, mask):
    raise RuntimeError("no kernel\nfor this device")


# What translate returns -> what the message says.
FAULTS = {
    "NaN": (one(NAN), "not finite: broken returns NaN"),
    "infinity": (one(INF), "not finite: broken"),
    "all NaN": (lambda y, m: (y * NAN, m), "not finite: broken"),
    "no mask": (lambda y, m: y, "broken returns Tensor where translate must return images and a"),
    "three": (lambda y, m: (y, m, m), "broken returns tuple where translate"),
    "nothing": (lambda y, m: (None, m), "broken returns images of type NoneType"),
    "numpy": (lambda y, m: (y.numpy(), m), "broken returns images of type ndarray"),
    "larger": (lambda y, m: (y.repeat(1, 1, 2, 2), m), r"broken returns images float32 \[7, 3, 16, 16\] .* \[7, 3, 8, 8\]"),
    "grey": (lambda y, m: (y[:, :1], m), r"float32 \[7, 1, 8, 8\] for 7 inputs"),
    "channels last": (lambda y, m: (y.permute(0, 2, 3, 1), m), r"float32 \[7, 8, 8, 3\]"),
    "fewer": (lambda y, m: (y[:1], m), r"float32 \[1, 3, 8, 8\] for 7 inputs"),
    "double": (lambda y, m: (y.double(), m), r"broken returns images float64"),
    "half": (lambda y, m: (y.half(), m), r"broken returns images float16"),
    "bytes": (lambda y, m: ((y * 127).to(torch.uint8), m), "broken returns images uint8"),
    "0 to 255": (lambda y, m: ((y + 1) * 127.5, m), r"values outside \[0, 1\]: broken returns"),
    "doubled": (lambda y, m: (2 * y, m), r"values outside \[0, 1\]: broken returns"),
    "shifted": (lambda y, m: (y + 3, m), r"values outside \[0, 1\]: broken returns"),
    "negative": (lambda y, m: (y - 2, m), r"values outside \[0, 1\]: broken returns"),
    "mask shape": (lambda y, m: (y, torch.zeros(len(y), 3, SIZE, SIZE)), r"broken returns a mask float32 \[7, 3"),
    "mask NaN": (lambda y, m: (y, y[:, :1] * NAN), "not finite: broken"),
    "mask range": (lambda y, m: (y, torch.full((len(y), 1, SIZE, SIZE), 2.0)), "broken returns a mask that leaves it"),
    "error": (lost, "broken fails: RuntimeError: no kernel; mend"),
}  # fmt: skip


@pytest.fixture
def places(tmp_path):
    """Folders of pictures to edit."""
    from PIL import Image

    folder = tmp_path / "in"
    folder.mkdir()
    for i, image in enumerate(patch(torch.arange(K))):
        pixels = (image * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder, tmp_path / "out"


def one_line(error: pytest.ExceptionInfo) -> None:
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_method_is_named_before_the_others_are_edited(tmp_path, places, fault):
    change, message = FAULTS[fault]
    good, judge = Painter(), Reader()
    store = Store(tmp_path / "store")
    with pytest.raises(BadInput, match=message) as error:
        ganbench.evaluate([good, Broken(change)], ToyPhotos(14), judge, store=store)
    one_line(error)
    assert not (tmp_path / "store").exists()  # nothing was computed
    assert good.edited <= contract.IMAGES * 2

    folder, out = places
    with pytest.raises(BadInput, match=message):
        list(edit_pictures(Broken(change), 1, select_pictures([folder], out).items, out))
    assert not out.exists()

    faces = Faces(patch(torch.arange(K)), EMOTIONS, np.arange(K))
    good = Painter()
    scene = Scene((good, Broken(change)), 0, lambda n: faces, lambda: judge)
    with pytest.raises(BadInput, match=message):
        scene.edits(faces.images, good.codes(torch.arange(K)))
    assert good.edited <= contract.IMAGES * 2


def test_weights_that_are_not_finite(tmp_path, places):
    for value in (NAN, INF):
        method = Painter()
        method.weight.data[1] = value  # its edits do not show it
        with pytest.raises(BadInput, match="not finite: weight in painter"):
            ganbench.evaluate([method], ToyPhotos(14), Reader(), store=Store(tmp_path / "store"))
        folder, out = places
        scene = Scene((method,), 0, lambda n: None, Reader)
        with pytest.raises(BadInput, match="not finite: weight in painter"):
            scene.edits(patch(torch.arange(K)), torch.eye(K))
        with pytest.raises(BadInput, match="not finite: weight in painter"):
            list(edit_pictures(method, 1, select_pictures([folder], out).items, out))


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (lambda hot: hot * NAN, "encodes emotions as NaN"),
        (lambda hot: hot[:, :3], r"encodes emotions as float32 \[\d+, 3\]; codes must be"),
        (lambda hot: hot.long(), r"encodes emotions as int64 \[\d+, 7\]"),
        (lambda hot: hot.tolist(), "encodes emotions as list"),
    ],
)
def test_codes(tmp_path, codes, message):
    class Coder(Painter):
        def encode(self, condition, noise=None):
            return codes(super().encode(condition, noise))

    with pytest.raises(BadInput, match=f"painter {message}"):
        ganbench.evaluate([Coder()], ToyPhotos(14), Reader(), store=Store(tmp_path / "store"))


class Own(Painter):
    """A plug-in with an ``edit`` of its own."""

    def __init__(self, change) -> None:
        super().__init__()
        self.change = change

    def edit(self, images, codes):
        return self.change(super().edit(images, codes))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.images, "painter returns Tensor where an Edit is wanted"),
        (lambda e: Edit(e.images * NAN), "not finite: painter"),
        (lambda e: Edit(e.images.double()), "painter returns images float64"),
        (lambda e: Edit(e.images * 255), r"values outside \[0, 1\]: painter"),
    ],
)
def test_an_edit_of_its_own(tmp_path, change, message):
    with pytest.raises(BadInput, match=message):
        ganbench.evaluate([Own(change)], ToyPhotos(14), Reader(), store=Store(tmp_path / "store"))


def test_an_edit_of_its_own_is_cut_too():
    images, codes = patch(torch.arange(K)), torch.eye(K)
    raw = images + 0.15  # of a ground of 0.9
    found = contract.edit(Own(lambda e: Edit(raw, e.mask)), images, codes, first=True)
    assert torch.equal(found.images, raw.clamp(0, 1))
    assert found.clamped.tolist() == cut(raw).tolist()
    assert found.clamped.min() > 0.9
    # What it has cut itself still counts.
    told = torch.full((K,), 0.25)
    found = contract.edit(Own(lambda e: Edit(e.images, e.mask, told)), images, codes)
    assert torch.equal(found.clamped, told)


def test_a_trial_leaves_no_trace():
    class Keeper(Painter):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Sequential(torch.nn.Identity())

        def translate(self, x, codes):
            for module in (self, self.inner, self.inner[0]):
                module.register_buffer("kept", x[:1], persistent=False)
                module.extra = torch.nn.Identity()
            return super().translate(x, codes)

    method = Keeper()
    before = list(method.state_dict())
    contract.try_method(method, patch(torch.arange(K)))
    assert list(method.state_dict()) == before
    for module in (method, method.inner, method.inner[0]):
        assert "kept" not in dict(module.named_buffers(recurse=False))
        assert "kept" not in module._non_persistent_buffers_set
        assert not hasattr(module, "extra")
    assert contract._copied(method).weight is method.weight


def test_a_trial_does_not_part_hooks_from_what_they_fill():
    class Hooked(Painter):
        def __init__(self):
            super().__init__()
            self.inner, self.seen = torch.nn.Identity(), {}
            self.taps = [self.inner]
            self.inner.register_forward_hook(self.keep)

        def keep(self, module, inputs, output):
            self.seen["last"] = module.last = output

        def translate(self, x, codes):
            self.inner(x)
            assert self.seen["last"] is self.taps[0].last
            return super().translate(x, codes)

    assert contract.try_method(Hooked(), patch(torch.arange(K))) == ""


def test_nan_in_the_middle_of_a_run_is_named_too(tmp_path):
    calls = itertools.count()

    def later(y, mask):
        return (y * NAN if next(calls) > 3 else y), mask

    with pytest.raises(BadInput, match="not finite: broken"):
        ganbench.evaluate([Broken(later)], ToyPhotos(14), Reader(), store=Store(tmp_path / "store"))


def test_errors_of_ours_stay_what_they_are(tmp_path):
    def unable(y, mask):
        raise Unsupported("needs landmarks")

    with pytest.raises(Unsupported, match="needs landmarks"):
        ganbench.evaluate([Broken(unable)], ToyPhotos(14), Reader(), store=Store(tmp_path / "s"))


# -- what is cut to [0, 1] ----------------------------------------------------------------------------


def brighter(y, mask):
    """A quarter of the image leaves [0, 1] by 0.1."""
    y = y.clone()
    y[:, :, :, 6:] = 1.2
    return y, mask


def test_the_share_of_cut_pixels_is_recorded_and_said(tmp_path, places):
    data, judge, store = ToyPhotos(14), Reader(), Store(tmp_path / "store")
    found = ganbench.evaluate([Broken(brighter), Painter()], data, judge, store=store)
    facts = found.results.methods
    assert facts["broken"]["clamped"] == 0.25
    assert facts["painter"]["clamped"] == 0.0
    # It is neither part of the protocol nor a record, and it comes back.
    alone = ganbench.evaluate([Painter()], data, judge, store=store).results
    assert alone.protocol_hash == found.results.protocol_hash
    assert {r.metric for r in alone.records} == {r.metric for r in found.results.records}
    again = ganbench.records.Results.from_json(found.results.to_json())
    assert again.methods["broken"]["clamped"] == 0.25

    from ganbench.report.run_folder import write_run

    write_run(found, tmp_path / "run")
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Broken: 25.0% of the pixels of its edits lay outside [0, 1]" in page
    assert "the judge saw the edits after the cut" in page
    assert "Painter: 0" not in page

    folder, out = places
    notes: list[str] = []
    items = select_pictures([folder], out).items
    list(edit_pictures(Broken(brighter), 1, items, out, batch_size=3, on_note=notes.append))
    assert notes == ["Broken: 25.0% of the pixels of its edits lay outside [0, 1] and were cut to it; the files hold the edits after the cut"]  # fmt: skip


def test_a_network_without_a_bound_says_so(tmp_path):
    method = Broken(lambda y, mask: (3 * y, mask))
    with pytest.raises(BadInput, match="bounded = False"):
        ganbench.evaluate([method], ToyPhotos(14), Reader(), store=Store(tmp_path / "store"))
    method.bounded = False
    found = ganbench.evaluate([method], ToyPhotos(14), Reader(), store=Store(tmp_path / "store"))
    assert found.results.methods["broken"]["clamped"] > 0.9


def test_what_counts_as_cut():
    images = torch.zeros(2, 3, 2, 2)
    images[0, 0, 0, 0] = 1.01
    images[0, 1, 0, 0] = -0.01  # the same pixel
    images[1] = 1 + 1e-4  # 8 bits do not show it
    assert cut(images).tolist() == [0.25, 0.0]
    edit = Painter().edit(patch(torch.tensor([1])), torch.eye(K)[:1])
    assert edit.clamped is not None
    assert edit.clamped.tolist() == [0.0]


# -- judges -------------------------------------------------------------------------------------------


class Liar(Reader):
    """Judges, and then does something to the verdicts."""

    def __init__(self, change) -> None:
        super().__init__(fingerprint="liar")
        self.change = change

    def judge(self, images):
        found = super().judge(images)
        return self.change(found.logits, found.features)


def dizzy(logits, features):
    raise ValueError("too bright\nreally")


VERDICTS = {
    "NaN logits": (lambda a, b: Judged(a * NAN, b), "not finite: judge reader returns NaN or infinite logits"),
    "inf logits": (lambda a, b: Judged(a + INF, b), "not finite: judge reader .* logits"),
    "NaN features": (lambda a, b: Judged(a, b * NAN), "not finite: judge reader .* features"),
    "classes": (lambda a, b: Judged(a[:, :6], b), r"judge reader returns logits float32 \[7, 6\] for 7 images"),
    "rows": (lambda a, b: Judged(a[:1], b), r"logits float32 \[1, 7\] for 7 images"),
    "flat": (lambda a, b: Judged(a.argmax(1), b), r"logits int64 \[7\]"),
    "width": (lambda a, b: Judged(a, b[:, :3]), r"features float32 \[7, 3\] .*\[7, 4\]"),
    "maps": (lambda a, b: Judged(a, b[:, :, None]), r"features float32 \[7, 4, 1\]"),
    "numpy": (lambda a, b: Judged(a.numpy(), b), "judge reader returns logits of type ndarray"),
    "a pair": (lambda a, b: (a, b), "judge reader returns logits of type NoneType"),
    "error": (dizzy, "judge reader fails: ValueError: too bright; mend"),
}  # fmt: skip


@pytest.mark.parametrize("fault", VERDICTS)
@pytest.mark.parametrize("further", [False, True])
def test_a_judge_is_named_before_anything_is_computed(tmp_path, fault, further):
    change, message = VERDICTS[fault]
    judges = (Reader(), Liar(change)) if further else (Liar(change),)
    method, store = Painter(), Store(tmp_path / "store")
    with pytest.raises(BadInput, match=message) as error:
        ganbench.evaluate([method], ToyPhotos(14), judges[0], others=judges[1:], store=store)
    one_line(error)
    assert method.edited == 0
    assert not (tmp_path / "store").exists()


def test_a_judge_of_a_figure():
    liar = Liar(VERDICTS["NaN features"][0])
    faces = Faces(patch(torch.arange(K)), EMOTIONS)
    with pytest.raises(BadInput, match="not finite: judge reader"):
        Scene((Painter(),), 0, lambda n: faces, lambda: liar).judged(faces.images)


def test_nothing_is_tried_where_everything_is_stored(tmp_path):
    store, method, judge = Store(tmp_path / "store"), Painter(), Reader()
    ganbench.evaluate([method], ToyPhotos(14), judge, store=store)
    edited, judged = method.edited, judge.judged
    ganbench.evaluate([method], ToyPhotos(14), judge, store=store)
    assert (method.edited, judge.judged) == (edited, judged)
