"""Background change and distance to the true edit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.data.regions import BACKGROUND, EYES, FACE, HEAD, MOUTH
from ganbench.errors import BadInput
from ganbench.metrics import background_change, gt_distances, relative_distance
from ganbench.metrics.gt_error import REGIONS, joint_regions
from ganbench.metrics.regions import region_differences


def plain(n=2, level=0.5):
    return np.full((n, 3, 4, 4), level, np.float32)


def halves(n=2):
    regions = np.full((n, 4, 4), BACKGROUND, np.uint8)
    regions[:, :, :2] = FACE
    regions[:, 0, 0] = MOUTH
    return regions


def by_masks(a, b, regions, kinds):
    """The definition: each region's pixels, picked out and averaged."""
    difference = np.abs(a - b).mean(axis=1, dtype=np.float64)
    found = np.full((len(a), kinds + 1), np.nan)
    for i, region in np.ndindex(len(a), kinds):
        if (regions[i] == region).any():
            found[i, region] = difference[i][regions[i] == region].mean()
    found[:, kinds] = difference.mean(axis=(1, 2))
    return found


@settings(deadline=None)  # the first example may compile
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 6),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
)
def test_compiled_sums_are_the_definition(seed, n, c, h, w, kinds, dtype, channels_last):
    random = np.random.default_rng(seed)
    a, b = random.random((2, n, c, h, w)).astype(dtype)
    if channels_last:  # as some networks leave their pictures
        a = np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    regions = random.integers(0, kinds, (n, h, w), np.uint8)
    np.testing.assert_allclose(
        region_differences(a, b, regions, kinds), by_masks(a, b, regions, kinds), rtol=1e-12
    )


def test_no_images_have_no_differences():
    assert region_differences(plain(0), plain(0), halves(0)).shape == (0, 6)


def test_regions_must_be_known():
    with pytest.raises(BadInput, match="no such region: 4"):
        region_differences(plain(), plain(), halves(), kinds=4)


def test_background_change_sees_only_what_is_outside_the_face():
    edits = plain()
    edits[0, :, :, :2] += 0.4  # the face: does not count
    edits[1, 0, :, 2:] += 0.3  # one of three channels of all that is not face
    regions = halves()
    regions[:, :, 2] = HEAD  # hair and neck are outside the face
    assert background_change(plain(), edits, regions) == pytest.approx([0, 0.1], abs=1e-7)


def test_an_image_that_is_all_face_has_no_background():
    assert np.isnan(background_change(plain(), plain(), np.full((2, 4, 4), FACE, np.uint8))).all()


def test_gt_distances_by_region():
    edits = plain(1)
    edits[0, :, 0, 0] += 0.2  # mouth, 1 pixel
    edits[0, :, 1, 0] -= 0.35  # 1 of 7 face pixels
    found = dict(zip(REGIONS, gt_distances(edits, plain(1), halves(1))[0], strict=True))
    assert found["mouth"] == pytest.approx(0.2)
    assert found["face"] == pytest.approx(0.05)
    assert found["background"] == 0
    assert np.isnan(found["eyes"])
    assert found["all"] == pytest.approx(0.55 / 16)


def test_joint_regions_hold_what_is_uncovered_and_what_appears():
    before = np.array([[MOUTH, FACE, BACKGROUND, EYES]], np.uint8)
    after = np.array([[FACE, MOUTH, FACE, BACKGROUND]], np.uint8)
    assert joint_regions(before, after).tolist() == [[MOUTH, MOUTH, FACE, EYES]]


def test_relative_distance_is_0_for_the_truth_and_1_for_doing_nothing():
    unedited = np.array([0.1, 0.3, np.nan])
    assert relative_distance([0.0, 0.0, 0.0], unedited) == 0
    assert relative_distance(unedited, unedited) == 1
    assert relative_distance([0.1, 0.1, 9.0], unedited) == pytest.approx(0.5)


def test_relative_distance_does_not_exist_where_nothing_was_to_be_done():
    assert relative_distance([0.1], [0.001]) is None
    assert relative_distance([np.nan], [0.5]) is None


def test_shapes_must_fit():
    with pytest.raises(BadInput, match="do not fit"):
        background_change(plain(2), plain(3), halves(2))
