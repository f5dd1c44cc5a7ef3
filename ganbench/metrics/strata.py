"""Strata of test images, and groups and halves of images that are balanced over the strata.

The protocol takes one image of each class in turn. If all classes then have equally many images, their
numbers are fixed by design, and another draw of the test images has the same numbers. An interval must
not count the variance of the numbers, so classes are strata, and the interval counts the variance within
classes. If the numbers of the classes differ, they are those of the data. Another draw would have
other numbers, so all images form one stratum, and the interval counts the variance over images.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GROUPS = 20

# Smallest stratum: its images have a third moment.
LEAST = 3


def strata_of(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The stratum of each image, int64 [N], counted from 0.

    Strata are the classes if the numbers of their images differ by one at most; otherwise there is one
    stratum. Classes of fewer than ``LEAST`` images are joined.

    Args:
        labels: int64 [N], the class of each image.
    """
    _, classes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if not len(sizes) or sizes.max() - sizes.min() > 1:
        return np.zeros(len(labels), np.int64)
    return joined(classes.astype(np.int64))


def joined(strata: NDArray[np.int64], least: int = LEAST) -> NDArray[np.int64]:
    """Strata of at least ``least`` images where there are as many: smaller ones are joined, smallest first.

    Args:
        strata: int64 [N].
    """
    _, found, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    new, name, images = np.zeros(len(sizes), np.int64), 0, 0
    for c in np.argsort(sizes, kind="stable"):
        new[c], images = name, images + sizes[c]
        if images >= least:
            name, images = name + 1, 0
    if images and name:
        new[new == name] = name - 1
    return np.asarray(new[found.reshape(-1)], np.int64)


def variance_counted(strata: NDArray[np.int64]) -> str:
    """Which variance an interval counts, in words: ``within classes`` or ``over images``."""
    return "within classes" if strata.max(initial=0) > 0 else "over images"


def assign_groups(strata: NDArray[np.int64], groups: int = GROUPS) -> NDArray[np.int64]:
    """The group of each image, int64 [N]; fewer images than ``groups`` form one group each.

    The images of each stratum are dealt out to the groups in turn, in random order. The sizes of groups
    differ by one at most, and likewise the numbers of the images of one stratum. With 140 images of seven
    classes, each of 20 groups has one image of each class.
    """
    images = len(strata)
    found = np.empty(images, np.int64)
    found[_shuffled(strata)] = np.arange(images) % min(groups, images)
    return found


def assign_halves(strata: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
    """The group of each image for ``halves.splits``, int64 [N], counted from 0.

    Every four images of a stratum are in four groups k, k + G/4, k + G/2 and k + 3G/4. Each split puts
    two of them into each half, and one into each quarter. Both halves then have equally many images of
    each stratum, apart from the one to three images that are left over; these form fours across strata.

    Args:
        strata: int64 [N].
        groups: G, a power of two, four or more.
    """
    order = _shuffled(strata)
    y = strata[order]
    first = np.searchsorted(y, y, side="left")
    sizes = np.searchsorted(y, y, side="right") - first
    place = np.arange(len(y))
    left_over = place - first >= sizes - sizes % 4
    order = order[np.argsort(left_over, kind="stable")]
    quarter = groups // 4
    found = np.empty(len(y), np.int64)
    found[order] = (place // 4) % quarter + quarter * (place % 4)
    return found


def _shuffled(strata: NDArray[np.int64]) -> NDArray[np.intp]:
    """The images by stratum, in random order within each stratum."""
    return np.lexsort((np.random.default_rng(0).permutation(len(strata)), strata))
