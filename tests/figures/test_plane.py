import numpy as np
import pytest
from toys import Painter, Plane, Wheel

from ganbench.errors import BadInput, Unsupported
from ganbench.figures import plane, plane_map
from ganbench.figures.plane import JudgedPlane
from ganbench.figures.search import lattice


def test_a_view_is_the_mean_of_the_verdicts_nearby():
    codes = lattice(40)
    left = (codes[:, 0] < 0)[:, None]
    softmax = np.where(left, [1.0, 0.0], [0.25, 0.75])
    view = JudgedPlane(codes, softmax)
    assert 0.05 < view.width < 0.15
    seen = view.mean_at(np.array([[-0.7, 0.3], [0.7, -0.9], [0.0, 0.0]]))
    assert seen == pytest.approx(np.array([[1, 0], [0.25, 0.75], [0.625, 0.375]]), abs=1e-3)
    assert seen.sum(1) == pytest.approx(1)


def test_more_edits_give_a_sharper_view():
    few, many = (JudgedPlane(lattice(side), np.ones((side**2, 1))) for side in (10, 40))
    assert few.width == pytest.approx(4 * many.width)


def test_disagreement_is_total_variation_and_the_leader():
    judged, promised = np.array([[0.6, 0.4], [0.1, 0.9]]), np.array([[0.4, 0.6], [0.0, 1.0]])
    variation, unlike = plane.disagreement(judged, promised)
    assert variation == pytest.approx([0.2, 0.1])
    assert unlike.tolist() == [True, False]


def test_the_square_belongs_to_p_z_and_the_disc_to_directions():
    corner = np.array([[0.9, 0.9], [0.5, 0.5], [1.0, 0.0], [0.0, 1.2]])
    assert plane.in_space(Plane(), corner).tolist() == [True, True, True, False]
    assert plane.in_space(Wheel(), corner).tolist() == [False, True, True, False]
    with pytest.raises(BadInput, match=r"plane of wheel: \(0.90, 0.90\); .* disc"):
        plane.check_codes(Wheel(), corner)
    with pytest.raises(BadInput, match=r"\(0.00, 1.20\); .* square"):
        plane.check_codes(Plane(), corner)


def test_a_distribution_is_p_z_of_arrays():
    p = plane.distribution(Plane())(lattice(4))
    assert p.shape == (16, 7)
    assert p.sum(1) == pytest.approx(1)


def test_methods_without_a_plane_say_so():
    with pytest.raises(Unsupported, match="painter has no anchors"):
        plane.anchors(Painter())
    with pytest.raises(Unsupported, match="wheel defines no label"):
        plane.distribution(Wheel())

    class Space(Plane):
        def anchors(self):
            return self.mu.repeat(1, 2)

    with pytest.raises(Unsupported, match="codes of 4 numbers"):
        plane.anchors(Space())


def test_colours_are_the_leaders_and_pale_with_doubt():
    sure, unsure = np.eye(7)[1], np.full(7, 0.1) + 0.3 * np.eye(7)[1]
    strong, weak, unknown = plane_map.shade(np.stack([sure, unsure, np.full(7, np.nan)]))
    assert unknown.tolist() == [1, 1, 1]
    hue = plane_map.RGB[1]
    for colour in (strong, weak):  # on the line from white to the emotion's colour
        depth = (1 - colour) / (1 - hue)
        assert depth == pytest.approx(depth[0])
    assert (strong < weak).all()
