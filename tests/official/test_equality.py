"""An imported checkpoint gives what the authors' networks give: images, masks, codes, scores.

Networks are thin in a quick run; the slow tests, ``nox -s equality``, have the published widths.
"""

from __future__ import annotations

from pathlib import Path

import authors
import pytest
import torch
from torch import Tensor

import ganbench
from ganbench.emotions import EMOTIONS
from ganbench.methods.conditions import ActionUnits, ReferenceImage
from ganbench.methods.interface import Method
from ganbench.methods.weights import load_discriminator
from ganbench.official import import_checkpoint

LABELS = [0, 3, 6]
ALPHABETICAL = sorted(EMOTIONS)


class Pair:
    """The authors' networks in double precision, and ours after the import in single."""

    def __init__(self, layout: str, folder: Path, divisor: int | None, **options: object) -> None:
        name, _ = authors.LAYOUTS[layout]
        found = authors.states(layout, divisor)
        file, critic = authors.save(layout, found, folder)
        out = folder / "imported.safetensors"
        import_checkpoint(name, file, discriminator=critic, out=out, **options)
        self.states = {
            network: {key: tensor.double() for key, tensor in state.items()}
            for network, state in found.items()
        }
        self.method: Method = ganbench.load_method(name, out, device="cpu")
        self.critic = self.method.official().discriminator(self.method.config)
        load_discriminator(out, self.critic)
        draw = torch.Generator().manual_seed(5)
        size = self.method.spec.image_size
        self.images = torch.rand(len(LABELS), 3, size, size, generator=draw)
        self.x = self.images.double() * 2 - 1
        self.noise = torch.randn(len(LABELS), self.method.noise_dim, generator=draw)

    def codes(self, labels: list[int] = LABELS) -> Tensor:
        return self.method.codes(torch.tensor(labels), self.noise)


@pytest.fixture
def pair(request, tmp_path):
    """``pair(layout, **options)``: a random checkpoint, imported; its widths are divided by the parameter."""
    divisor = getattr(request, "param", None)
    with torch.no_grad():
        yield lambda layout, **options: Pair(layout, tmp_path, divisor, **options)


widths = pytest.mark.parametrize(
    "pair",
    [None, pytest.param(1, marks=pytest.mark.equality)],
    ids=["thin", "published"],
    indirect=True,
)


def assert_equal(ours: Tensor, theirs: Tensor) -> None:
    scale = min(1.0, float(theirs.abs().max()))  # small outputs are held to a smaller tolerance
    torch.testing.assert_close(ours.detach().double(), theirs, atol=1e-5 * scale, rtol=0)
    assert scale > 0.01


def displayed(y: Tensor) -> Tensor:
    return ((y + 1) / 2).clamp(0, 1)


@widths
@pytest.mark.parametrize("layout", ["linear", "gaussian"])
def test_ganmut(pair, layout):
    p = pair(layout)
    g, d = p.states["G"], p.states["D"]
    make = authors.linear_codes if layout == "linear" else authors.gaussian_codes
    codes = make(g, torch.tensor(LABELS))
    assert_equal(p.codes(), codes)
    # The authors' images are BGR.
    bgr = p.x.flip(1)
    y = authors.family_generator(g, bgr, codes)
    assert_equal(p.method.translate(bgr.float(), p.codes())[0], y)
    assert_equal(p.method.edit(p.images, p.codes()).images, displayed(y.flip(1)))
    for ours, theirs in zip(
        p.critic(bgr.float()), authors.family_discriminator(d, bgr), strict=True
    ):
        assert_equal(ours, theirs)


def test_label_distribution(pair):
    p = pair("gaussian")
    z = torch.rand(20, 2) * 2 - 1
    theirs = authors.label_distribution(p.states["G"], z.double())
    assert_equal(p.method.label_distribution(z), theirs)


@widths
def test_stargan(pair):
    p = pair("stargan")
    assert_equal(p.codes(), authors.one_hot(torch.tensor(LABELS), 7))
    y = authors.family_generator(p.states["G"], p.x, p.codes().double())
    assert_equal(p.method.translate(p.x.float(), p.codes())[0], y)
    assert_equal(p.method.edit(p.images, p.codes()).images, displayed(y))
    theirs = authors.family_discriminator(p.states["D"], p.x)
    for ours, output in zip(p.critic(p.x.float()), theirs, strict=True):
        assert_equal(ours, output)


@widths
@pytest.mark.parametrize("layout", ["ganimation7", "ganimation17"])
def test_ganimation(pair, layout):
    p = pair(layout)
    if layout == "ganimation7":
        codes = p.codes()
        assert_equal(codes, authors.one_hot(torch.tensor(LABELS), 7))
    else:
        codes = p.method.encode(ActionUnits(torch.rand(len(LABELS), 17)))
    y, mask = authors.ganimation_generator(p.states["G"], p.x, codes.double())
    edit = p.method.edit(p.images, codes)
    assert_equal(edit.images, displayed(y))
    assert_equal(edit.mask, mask)
    theirs = authors.family_discriminator(p.states["D"], p.x)
    for ours, output in zip(p.critic(p.x.float()), theirs, strict=True):
        assert_equal(ours, output)


@widths
def test_smit(pair):
    p = pair("smit")
    label = authors.one_hot(torch.tensor(LABELS), 7)
    codes = torch.cat([p.noise.double(), label], 1)
    assert_equal(p.codes(), codes)
    y, mask = authors.smit_generator(p.states["G"], p.x, codes)
    edit = p.method.edit(p.images, p.codes())
    assert_equal(edit.images, displayed(y))
    assert_equal(edit.mask, mask)
    theirs = authors.smit_discriminator(p.states["D"], p.x)
    for training in (False, True):
        found = p.critic.train(training)(p.x.float())
        for ours, outputs in zip(found, theirs, strict=True):
            for score, output in zip(ours, outputs, strict=True):
                assert_equal(score, output)


@widths
def test_stargan_v2(pair):
    p = pair("stargan-v2")
    # The authors number folders alphabetically; ours are in Table-1 order.
    domains = [ALPHABETICAL.index(EMOTIONS[label]) for label in LABELS]
    styles = authors.v2_mapping(p.states["mapping_network"], p.noise.double(), domains)
    assert_equal(p.codes(), styles)
    encoded = authors.v2_style(p.states["style_encoder"], p.x, domains)
    ours = p.method.encode(ReferenceImage(p.images, torch.tensor(LABELS)))
    assert_equal(ours, encoded)
    y = authors.v2_generator(p.states["generator"], p.x, styles)
    assert_equal(p.method.translate(p.x.float(), p.codes())[0], y)
    assert_equal(p.method.edit(p.images, p.codes()).images, displayed(y))
    scores = authors.v2_discriminator(p.states["discriminator"], p.x, domains)
    assert_equal(p.critic(p.x.float(), torch.tensor(LABELS)), scores)


@pytest.mark.parametrize("layout", ["linear", "gaussian", "stargan", "ganimation7", "smit", "stargan-v2"])  # fmt: skip
def test_classes_are_found_by_name_whatever_the_order_of_the_file(pair, layout):
    order = ["neutral", "anger", "sad", "Fear", "surprise", "disgust", "happiness"]
    names = ["neutral", "angry", "sad", "fearful", "surprised", "disgusted", "happy"]
    p = pair(layout, emotions=order)
    assert p.method.spec.emotions == EMOTIONS
    there = [names.index(EMOTIONS[label]) for label in LABELS]
    g = p.states["G"] if layout != "stargan-v2" else p.states["generator"]
    if layout == "stargan-v2":
        noise = p.noise.double()
        styles = authors.v2_mapping(p.states["mapping_network"], noise, there)
        assert_equal(p.codes(), styles)
        scores = authors.v2_discriminator(p.states["discriminator"], p.x, there)
        assert_equal(p.critic(p.x.float(), torch.tensor(LABELS)), scores)
        return
    if layout in ("linear", "gaussian"):
        make = authors.linear_codes if layout == "linear" else authors.gaussian_codes
        assert_equal(p.codes(), make(g, torch.tensor(there)))
        if layout == "gaussian":
            theirs = authors.label_distribution(g, p.codes().double())
            by_name = theirs[:, [names.index(name) for name in EMOTIONS]]
            assert_equal(p.method.label_distribution(p.codes()), by_name)
    else:
        label = authors.one_hot(torch.tensor(there), 7)
        codes = torch.cat([p.noise.double(), label], 1)
        networks = {"stargan": lambda *a: (authors.family_generator(*a), None)}
        networks |= {"smit": authors.smit_generator, "ganimation7": authors.ganimation_generator}
        y, _ = networks[layout](g, p.x, codes)
        assert_equal(p.method.translate(p.x.float(), p.codes())[0], y)
    if layout == "smit":
        logits, theirs = (
            p.critic(p.x.float())[0][1],
            authors.smit_discriminator(p.states["D"], p.x)[0][1],
        )
    else:
        logits, theirs = (
            p.critic(p.x.float())[1],
            authors.family_discriminator(p.states["D"], p.x)[1],
        )
    columns = [names.index(name) for name in EMOTIONS]
    assert_equal(logits[:, :7], theirs[:, columns])
