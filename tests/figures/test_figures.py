"""Every figure with methods whose edits and predictions are known, and what its caption says."""

import io
import itertools
import re

import numpy as np
import pytest
import torch
from PIL import Image
from toys import Painter, Plane, Reader, ToyPhotos, Wheel

from ganbench.errors import BadInput, Unsupported
from ganbench.figures import FIGURES, load, wheel
from ganbench.figures.page import Page, to_png
from ganbench.figures.scene import Faces, Scene, sample_faces
from ganbench.seeds import generator

DPI = 40  # drawing at 300 is slow


@pytest.fixture
def stage():
    """``stage(*methods)``: a small scene with toy photographs and a judge that reads them."""

    def make(*methods, seed=0, pictures=0):
        data = ToyPhotos(70)

        def faces(count):
            if pictures:
                return Faces(data.images(range(pictures)), tuple(map(str, range(pictures))))
            return sample_faces(data, count, seed)

        return Scene(methods, seed, faces, Reader, dpi=DPI)

    return make


def draw(name, scene, **options):
    drawing = load(name)(scene, **options)
    width, height = drawing.figure.get_size_inches()
    assert 3.4 < width < 7.21
    assert height < 9.7
    assert drawing.figure.dpi == DPI
    return drawing


def numbers(caption):
    return [float(n) for n in re.findall(r"\d+\.\d+", caption)]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_alike_again(stage, name):
    methods = {
        "styles": [Painter(noise=2)],
        "compare": [Painter(noise=2), Plane(), Wheel()],
        "wheel": [Wheel()],
    }.get(name, [Plane()])
    options = {"limit": 28} if name == "tsne" else {}
    first, again = (draw(name, stage(*methods), **options) for _ in range(2))
    assert to_png(first.figure) == to_png(again.figure)
    assert first.caption == again.caption
    assert methods[0].title in first.caption


@pytest.mark.parametrize(
    ("name", "method", "message"),
    [
        ("complex", Painter(), "painter defines no label distribution"),
        ("complex", Wheel(), "wheel defines no label distribution"),
        ("same-label", Painter(), "painter defines no label distribution"),
        ("nuance", Painter(), "painter has no anchors"),
        ("wheel", Painter(noise=1), "painter has no anchors"),
        ("gamut", Painter(), "painter has no anchors"),
        ("styles", Plane(), "plane takes no noise"),
    ],
)
def test_what_a_method_cannot_make_is_refused_before_any_work(name, method, message):
    def never(*_):
        raise AssertionError

    with pytest.raises(Unsupported, match=message):
        load(name)(Scene((method,), 0, never, never))


def test_the_judge_disagrees_with_the_gamut_of_a_wrong_method(stage):
    right = draw("gamut", stage(Plane())).caption
    assert re.search(r"emotions differ on (\d|1\d) %", right)  # at borders, which the mean blurs
    method = Plane()
    method.wrong = 1
    wrong = draw("gamut", stage(method)).caption
    assert re.search(r"emotions differ on (9\d|100) %", wrong)
    assert numbers(wrong)[-1] > numbers(right)[-1] + 0.1


def test_a_gamut_without_p_z_shows_the_directions(stage):
    drawing = draw("gamut", stage(Wheel()))
    # The toy is certain of the nearest anchor: all or nothing, never the intensity.
    assert "defines no label distribution" in drawing.caption
    assert 0.2 < numbers(drawing.caption)[-1] < 0.6


def test_given_codes_are_shown_with_what_they_stand_for(stage):
    codes = Plane().mu.detach().double().numpy()[[2, 5]]
    caption = draw("complex", stage(Plane()), codes=codes).caption
    assert re.search(r"1: \(.*?\), \d+ % sad, .* 2: \(.*?\), \d+ % disgusted", caption)
    with pytest.raises(BadInput, match="outside the conditional plane"):
        draw("complex", stage(Plane()), codes=np.array([[0, 1.5]]))


def test_a_plane_of_one_emotion_has_no_mixtures(stage):
    method = Plane()
    method.label_distribution = lambda codes: torch.eye(7)[torch.zeros(len(codes), dtype=int)]
    with pytest.raises(BadInput, match="no two emotions lead together in the plane of plane"):
        draw("complex", stage(method))


def test_same_labels_keep_the_tolerance(stage):
    caption = draw("same-label", stage(Plane()), tolerance=0.02).caption
    apart, tolerance, near, far = numbers(caption)
    assert apart <= tolerance == 0.02
    assert 0 < near <= far
    with pytest.raises(BadInput, match=r"no two codes of plane .* 1e-09; raise --tolerance"):
        draw("same-label", stage(Plane()), tolerance=1e-9)


def test_nuances_go_up_and_right_from_the_lower_left(stage):
    edited = []
    scene = stage(Wheel())
    scene.method.translate = lambda x, codes: (edited.append(codes), (x, None))[1]
    draw("nuance", scene, code=np.array([0.1, 0.2]), step=0.05)
    codes = torch.cat(edited).reshape(5, 5, 2)
    assert codes[2, 2].tolist() == pytest.approx([0.1, 0.2])
    assert codes[0, 0].tolist() == pytest.approx([0.0, 0.3])
    assert codes[4, 4].tolist() == pytest.approx([0.2, 0.1])


@pytest.mark.parametrize(("name", "options"), [("nuance", {"code": np.zeros(2)}), ("wheel", {})])
def test_figures_of_one_face_refuse_more(stage, name, options):
    with pytest.raises(BadInput, match="shows one face: 2 images"):
        draw(name, stage(Wheel(), pictures=2), **options)


def test_a_wheel_turns_at_even_angles():
    codes = wheel.codes([0.4, 1])
    assert codes.shape == (2, 12, 2)
    assert np.hypot(*codes[0].T) == pytest.approx(0.4)
    assert codes[1, 3] == pytest.approx([0, 1])
    assert codes[1, 6] == pytest.approx([-1, 0])


def test_a_single_ring_fits_a_column(stage):
    width, _ = draw("wheel", stage(Wheel()), rho=[0.6]).figure.get_size_inches()
    assert width == pytest.approx(3.5, abs=0.01)
    assert draw("wheel", stage(Wheel())).figure.get_size_inches()[0] == pytest.approx(7.2, abs=0.01)


@pytest.mark.parametrize("rho", [[0], [1.1], [-0.4, 1], [0.1, 0.2, 0.3, 0.4, 0.5]])
def test_rings_that_cannot_be_are_refused(stage, rho):
    with pytest.raises(BadInput, match="rho"):
        draw("wheel", stage(Wheel()), rho=rho)


def test_styles_measure_what_the_noise_changes(stage):
    varied = draw("styles", stage(Painter(noise=2)), emotion="Sad").caption
    assert "Painter, sad" in varied
    assert "Judge: Reader." in varied
    # The noise shows in one of the judge's four features, the lower left quarter's grey.
    scene = stage(Painter(noise=2))
    noise = scene.method.draw_noise(6, generator(0, "styles", "painter"))
    grey = (noise.mean(1).tanh() + 1) / 2
    pairs = [abs(float(a - b)) for a, b in itertools.combinations(grey, 2)]
    assert numbers(varied)[0] == pytest.approx(np.mean(pairs), abs=6e-4)
    unmoved = Painter(noise=2)
    translate = unmoved.translate
    unmoved.translate = lambda x, codes: translate(x, codes * (torch.arange(9) < 7))
    assert numbers(draw("styles", stage(unmoved)).caption)[0] == 0


def test_methods_without_a_space_get_their_own_codes_on_the_map(stage):
    assert "by emotion (right)" in draw("tsne", stage(Painter()), limit=28).caption
    assert "uniform over the plane (right)" in draw("tsne", stage(Plane()), limit=28).caption
    with pytest.raises(BadInput, match="too few images for t-SNE: 7"):
        draw("tsne", stage(Painter()), limit=7)


def test_a_comparison_holds_what_a_page_holds(stage):
    short, tall = (
        draw("compare", stage(Painter(), Plane(), pictures=n)).figure.get_figheight()
        for n in (1, 2)
    )
    assert tall > 1.7 * short
    with pytest.raises(BadInput, match="a page holds"):
        draw("compare", stage(Painter(), Plane(), Wheel(), pictures=4))


def test_a_face_covers_its_pixels_and_is_resampled_once():
    page = Page(3.6, 2.0, dpi=150)
    face = np.random.default_rng(0).integers(0, 256, (3, 16, 16), dtype=np.uint8)
    page.face(face, 0.5, 0.25, 0.8)
    page.face(face, 2.0, 0.25, 0.8, round_=True)
    page.box(0.5, 0.25, 0.1, 0.1, "#000000")  # boxes lie on faces
    pixels = np.asarray(Image.open(io.BytesIO(to_png(page.figure))))
    small = Image.fromarray(face.transpose(1, 2, 0))
    wanted = np.asarray(small.resize((120, 120), Image.Resampling.LANCZOS))
    shown = pixels[38:158, 75:195]
    assert (shown[20:, :] == wanted[20:, :]).all()
    assert (shown[:14, :14] == 0).all()
    assert (pixels[:38] == 255).all()
    disc = pixels[38:158, 300:420]
    assert (disc[40:80, 40:80] == wanted[40:80, 40:80]).all()
    assert (disc[:5, :5] == 255).all()
