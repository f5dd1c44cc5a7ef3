"""The doctor's remarks on pictures: near duplicates, mixed crops, grey or blurred pictures, a person in both splits.

Each remark is one line with a count and the first examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ganbench.data.dataset import Dataset
from ganbench.data.doctor import Finding
from ganbench.data.face_survey import FaceSurvey
from ganbench.data.looks import WORDS, Look
from ganbench.data.near_pairs import near_pairs
from ganbench.data.table import TableDataset
from ganbench.faces_in_photos.geometry import FRAME
from ganbench.faces_in_photos.whitening import load_whitening
from ganbench.stopwatch import Progress
from ganbench.text import plural

# On 60 portraits, 60 aligned ones and 60 renders, compression, sizes, brightness and grey gave at most 0.024 and 0.06; two
# pictures of one person, neutral and smiling, at least 0.035 and 0.2. A crop by 1 % on each side is another picture.
# Hashes of near duplicates differ in at most so many of 256 bits; their pixels, after brightness and contrast are
# fitted, by at most this root mean square, and nowhere by more than this, in shares of the range.
BITS, RMS, ANYWHERE = 24, 0.03, 0.12
# Pairs whose pixels are compared.
COMPARED = 2_000
# A picture of less detail was enlarged, or is blurred; see ``looks``.
DETAIL = 0.2
# Eyes that are so far from the median place, in shares of the side, or whose distance differs by this share, stand in
# another frame; so large a share of them is a remark, and of pictures without a face.
ELSEWHERE, LARGER, MANY, FACELESS = 0.1, 0.25, 0.1, 0.02
# Eyes in the mean so far from those of rendered faces are a note.
AWAY = 0.08
# Two faces are of one person if their descriptors are nearer than this and, whitened, have a larger cosine. The distance
# alone takes rendered persons for one another. Of 30 persons, 29 were found by a picture with another expression; the
# largest cosine of two persons was 0.60 in 1,740 pairs of portraits, and 0.73 in 31,605 pairs of renders.
SAME, COSINE = 0.5, 0.75


@dataclass(frozen=True)
class Part:
    """A split under examination.

    Attributes:
        table: the split.
        looks: of each of its pictures; None for one that cannot be decoded.
        survey: its faces; None if nobody looked.
    """

    table: TableDataset
    looks: Sequence[Look | None]
    survey: FaceSurvey | None = None


def examine_pictures(parts: Sequence[Part], progress: Progress | None = None) -> list[Finding]:
    """Remarks on the pictures of some splits of one data set.

    Args:
        parts: the splits.
        progress: called while near duplicates are searched, with (pictures done, pictures in total).
    """
    found = [one for part in parts for one in (*_grey(part), *_blurred(part))]
    found += _near_duplicates(parts, progress)
    surveyed = [(part, part.survey) for part in parts if part.survey is not None]
    for part, survey in surveyed:
        found += _faces(part.table, survey)
    if len(surveyed) > 1:
        found += _same_persons(surveyed)
    return found


def _remark(text: str) -> Finding:
    return Finding("remark", text)


def _grey(part: Part) -> Iterable[Finding]:
    grey = [i for i, one in enumerate(part.looks) if one is not None and one.grey]
    if 0 < len(grey) < sum(one is not None for one in part.looks):
        table = part.table
        rest = "is grey and the others have colours" if len(grey) == 1 else "are grey and the others have colours"  # fmt: skip
        yield _remark(
            f"{table.split}: {plural(len(grey), 'image')} of {len(table):,} {rest}, first "
            f"{table.paths[grey[0]]!r}"
        )


def _blurred(part: Part) -> Iterable[Finding]:
    table = part.table
    large = (
        table.extents.min(1) >= table.size
    )  # of the others ``doctor.examine`` says that they are small
    dull = [i for i, one in enumerate(part.looks) if one and large[i] and one.detail < DETAIL]
    if dull:
        is_are = "holds" if len(dull) == 1 else "hold"
        yield _remark(
            f"{table.split}: {plural(len(dull), 'image')} of {len(table):,} {is_are} no detail of {table.size} px: "
            f"enlarged from fewer pixels, or blurred, first {table.paths[dull[0]]!r}"
        )


def _near_duplicates(parts: Sequence[Part], progress: Progress | None) -> Iterable[Finding]:
    places = [
        (k, i)
        for k, part in enumerate(parts)
        for i, one in enumerate(part.looks)
        if one is not None
    ]
    looks = (one for part in parts for one in part.looks if one is not None)
    hashes = np.array([one.hash for one in looks], np.uint64).reshape(-1, WORDS)
    candidates, total = near_pairs(hashes, BITS, progress)
    pairs = []
    for a, b, _ in candidates[:COMPARED].tolist():
        (k, i), (m, j) = places[a], places[b]
        one, other = parts[k].table, parts[m].table
        # Equal files and pixels are the business of ``leaks``.
        if one.contents[i] != other.contents[j] and _alike(one, i, other, j):
            pairs.append((k, i, m, j))
    least = "at least " if total > min(len(candidates), COMPARED) else ""

    def finding(what: str, chosen: Callable[[int, int, int, int], bool]) -> Iterable[Finding]:
        some = [pair for pair in pairs if chosen(*pair)]
        if some:
            k, i, m, j = some[0]
            yield _remark(
                f"{least}{plural(len(some), 'pair')} of near-duplicate images {what}, first "
                f"{parts[k].table.paths[i]!r} and {parts[m].table.paths[j]!r}"
            )

    yield from finding("across train and test", lambda k, i, m, j: k != m)
    yield from finding(
        "under different emotions",
        lambda k, i, m, j: parts[k].table.labels[i] != parts[m].table.labels[j],
    )
    for n, part in enumerate(parts):
        yield from finding(f"within {part.table.split}", partial(_within, n))


def _within(n: int, k: int, i: int, m: int, j: int) -> bool:
    """Whether a pair of pictures, of splits k and m, is in split n."""
    return k == m == n


def _alike(one: Dataset, i: int, other: Dataset, j: int) -> bool:
    """Whether two pictures differ in compression, size, brightness or contrast alone."""
    a, b = (
        data.images([row])[0].mean(0).numpy().astype(np.float64)
        for data, row in ((one, i), (other, j))
    )
    a, b = (_softened(x) for x in (a, b))
    spread = a.std()
    if spread < 1 / 255 or b.std() < 1 / 255:
        return bool(np.abs(a - b).max() < ANYWHERE and spread < 1 / 255 and b.std() < 1 / 255)
    # The least-squares fit of b by a.
    gain = ((a - a.mean()) * (b - b.mean())).mean() / spread**2
    rest = (a - a.mean()) * gain - (b - b.mean())
    scale = b.std() / max(spread, b.std())
    return bool(
        gain > 0
        and np.sqrt((rest**2).mean()) < RMS * scale
        and np.abs(rest).max() < ANYWHERE * scale
    )


def _softened(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of 2 x 2 pixels, which compression and sampling change less than the pixels."""
    height, width = (side // 2 * 2 for side in grey.shape)
    if min(height, width) < 2:
        return grey
    means: NDArray[np.float64] = (
        grey[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    )
    return means


def _faces(table: TableDataset, survey: FaceSurvey) -> Iterable[Finding]:
    looked, found = len(survey.rows), len(survey.faces)
    if looked - found > FACELESS * looked:
        first = next(row for row in survey.rows.tolist() if row not in set(survey.faces.tolist()))
        yield _remark(
            f"{table.split}: no face was found in {looked - found:,} of {looked:,} images, first "
            f"{table.paths[first]!r}"
        )
    if found < 5:
        return
    middle = survey.eyes.mean(1)
    apart = np.linalg.norm(survey.eyes[:, 1] - survey.eyes[:, 0], axis=1)
    usual, usual_apart = np.median(middle, 0), float(np.median(apart))
    away = np.linalg.norm(middle - usual, axis=1)
    odd = (away > ELSEWHERE) | (np.abs(np.log(apart / usual_apart)) > np.log(1 + LARGER))
    if odd.mean() > MANY:
        first = int(survey.faces[int(np.argmax(odd))])
        yield _remark(
            f"{table.split}: mixed crops: in {int(odd.sum()):,} of {found:,} images the eyes stand elsewhere than in "
            f"most, first {table.paths[first]!r}; 'ganbench data align' brings all into one frame"
        )
        return
    frame = np.array(FRAME)
    expected, width = frame.mean(0), float(np.linalg.norm(frame[1] - frame[0]))
    if np.linalg.norm(usual - expected) > AWAY or abs(np.log(usual_apart / width)) > np.log(1.25):
        yield Finding(
            "note",
            f"{table.split}: the eyes stand about ({usual[0]:.2f}, {usual[1]:.2f}) of the side, {usual_apart:.2f} apart; in "
            f"rendered faces ({expected[0]:.2f}, {expected[1]:.2f}), {width:.2f} apart: for shipped methods and judges, "
            "'ganbench data align' brings them there",
        )


def _same_persons(surveyed: Sequence[tuple[Part, FaceSurvey]]) -> Iterable[Finding]:
    (one, a), (other, b) = surveyed[:2]
    if not len(a.faces) or not len(b.faces):
        return
    first, second = a.descriptors.astype(np.float64), b.descriptors.astype(np.float64)
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    cosines = _whitened(first) @ _whitened(second).T
    same = (squares < SAME**2) & (cosines > COSINE)
    if same.any():
        i, j = np.unravel_index(int(np.where(same, cosines, -1).argmax()), same.shape)
        yield _remark(
            f"the same person seems to be in both splits: {int(same.any(0).sum()):,} of {len(b.faces):,} "
            f"{other.table.split} images, first {other.table.paths[b.faces[j]]!r} and "
            f"{one.table.paths[a.faces[i]]!r} (face descriptors nearer than {SAME}, and {COSINE} in cosine after "
            "whitening)"
        )


def _whitened(descriptors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Descriptors as the metric ``identity`` compares them, of length 1."""
    whitening = load_whitening()
    turned = (descriptors - whitening.mean) @ whitening.matrix
    unit: NDArray[np.float64] = turned / np.linalg.norm(turned, axis=1, keepdims=True)
    return unit
