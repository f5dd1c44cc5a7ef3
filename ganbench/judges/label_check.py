"""Are labels, and a judge's classes, in the order that they are taken for?

The shipped judges look at a sample of a data set: if a permutation of its labels fits what they see far
better than the labels do (``ganbench.judges.reordering``), the labels are in another order. Where the
labels are known to be right, as those of rendered faces, the same question is asked about a judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.data.dataset import Dataset
from ganbench.data.label_order import ORDERS, TABLE1, LabelOrder, parse_order
from ganbench.data.listing import Listing
from ganbench.data.table import TableDataset
from ganbench.emotions import EMOTIONS, canonical
from ganbench.errors import BadInput
from ganbench.judges import Judge, list_judges, load_judge
from ganbench.judges.interface import ask
from ganbench.judges.reordering import (
    LEAST_IMAGES,
    LEAST_LABELS,
    K,
    Reordering,
    contradicts,
    counts,
    find_reordering,
    understands,
)

# Images that a sample has at most: 20 of each emotion.
SAMPLE = 140
# Side of the images that judges look at, pixels: training images may be too small for them.
SIZE = 128
BATCH = 35

# An order with a name is advised if it fits nearly as well as the best permutation.
NEARLY = 0.05


@dataclass(frozen=True)
class LabelCheck:
    """What the shipped judges say of a data set's labels.

    Attributes:
        note: what to tell the user; empty if the labels may well be right.
        vouched: whether a judge understands the images and agrees with the labels.
    """

    note: str = ""
    vouched: bool = False


def check_labels(dataset: Dataset, device: str | torch.device = "auto") -> LabelCheck:
    """Let the shipped judges look at a sample of a data set's images, if it has enough.

    Labels of rendered faces are right, and nobody looks at them. A permutation is not told if one of the
    judges that sees it is contradicted by the other.
    """
    if not isinstance(dataset, TableDataset) or dataset.has_true_edits or not dataset.labelled:
        return LabelCheck(vouched=dataset.has_true_edits)
    known = dataset.labels[dataset.labels < K]
    sizes = np.bincount(known, minlength=K)
    if (sizes >= LEAST_IMAGES).sum() < LEAST_LABELS:
        return LabelCheck()
    try:
        images, labels = _sample(dataset)
    except BadInput:  # none of them can be decoded: who uses them will say so
        return LabelCheck()
    found: list[tuple[str, NDArray[np.int64]]] = []
    for name in list_judges():
        try:
            with torch.random.fork_rng(devices=[]):  # building a network draws its first weights
                judge = load_judge(name, device=device)
        except BadInput:  # an installation without shipped checkpoints
            continue
        judged = np.concatenate([_judged(judge, part) for part in torch.split(images, BATCH)])
        found.append((judge.spec.title, counts(labels, judged)))
    claims = [
        (claim, title, table)
        for title, table in found
        if (claim := find_reordering(table)) is not None
        and not any(contradicts(other, claim) for _, other in found)
    ]
    if claims:
        claim, title, table = max(claims, key=lambda one: one[0].after)
        return LabelCheck(labels_note(dataset, title, claim, table))
    return LabelCheck(vouched=any(understands(table) for _, table in found))


def _sample(dataset: TableDataset) -> tuple[torch.Tensor, NDArray[np.int64]]:
    """The first images of each emotion in turn, ``SAMPLE`` at most, at a size that judges can see.

    Returns:
        float32 [n, 3, SIZE, SIZE] in [0, 1], and int64 [n].
    """
    frame = dataset.frame.drop(columns="regions", errors="ignore")
    frame = frame.loc[frame["expression"] < K]  # of contempt the judges know nothing
    listing = replace(dataset.listing, frame=frame, unread=())
    sample = TableDataset(listing, size=SIZE, limit=SAMPLE, skip_bad=True, framing=dataset.framing)
    return sample.images(range(len(sample))), sample.labels


def _judged(judge: Judge, images: torch.Tensor) -> NDArray[np.int64]:
    answers: NDArray[np.int64] = ask(judge, images).logits.numpy().argmax(axis=1)
    return answers


def labels_note(
    dataset: TableDataset, title: str, found: Reordering, table: NDArray[np.int64]
) -> str:
    """What to tell of labels that are in another order, with the option that mends it.

    Args:
        dataset: the images and how they are labelled.
        title: of the judge.
        found: the permutation.
        table: ``counts`` that it was found in.
    """
    head = (
        f"{dataset.split}: the labels seem to be in another order. Judge {title} agrees with "
        f"{found.before:.0%} of {found.images} images as they are labelled, and with "
    )
    listing = dataset.listing
    if not listing.numbered:
        pairs = ", ".join(f"{EMOTIONS[a]} shows {EMOTIONS[b]}" for a, b in found.moved.items())
        where = "class folders" if listing.name == "folder" else "labels in the list"
        return f"{head}{found.after:.0%} if {pairs}; mend the {where}"
    given = parse_order(listing.label_order) if listing.label_order else TABLE1
    order = _advised(given, found, table, listing)
    fit = _fit(table, given, order)
    share = fit[1] if fit else found.after
    names = ",".join(order.names[:K])
    more = "" if order.name.endswith(names) else f", which is {names}"
    return f"{head}{share:.0%} with --label-order {order.name}{more}; give that option"


def _advised(
    given: LabelOrder, found: Reordering, table: NDArray[np.int64], listing: Listing
) -> LabelOrder:
    """The order that mends the labels: one that has a name, if it fits nearly as well as any."""
    rows = np.flatnonzero(table.sum(axis=1))
    best = float(np.mean([table[row, found.shown[row]] / table[row].sum() for row in rows]))
    named = [
        (fit[0], order)
        for order in ORDERS.values()
        if (fit := _fit(table, given, order)) is not None and fit[0] >= best - NEARLY
    ]
    if named:
        return max(named, key=lambda one: one[0])[1]
    names = [
        EMOTIONS[found.shown[EMOTIONS.index(name)]] if name in EMOTIONS else name
        for name in given.names
    ]
    if not listing.dropped:  # no number beyond those of the emotions is in use
        names = names[: 1 + max(i for i, name in enumerate(names) if name in EMOTIONS)]
    return parse_order(f"{given.first}:" * bool(given.first) + ",".join(names))


def _fit(
    table: NDArray[np.int64], given: LabelOrder, order: LabelOrder
) -> tuple[float, float] | None:
    """How well labels fit if their numbers are read by ``order`` instead of ``given``.

    Returns:
        The mean share of a label's images, and the share of all images, that then fit; None if the
        order does not give an emotion for every number in use.
    """
    shares, right = [], 0
    for label in np.flatnonzero(table.sum(axis=1)).tolist():
        if EMOTIONS[label] not in given.names:
            return None
        try:
            shown = order.meaning(given.first + given.names.index(EMOTIONS[label]))
        except BadInput:
            return None
        if shown >= K:
            return None
        shares.append(table[label, shown] / table[label].sum())
        right += int(table[label, shown])
    return float(np.mean(shares)), right / int(table.sum())


def judge_notes(
    judges: Sequence[Judge],
    labels: NDArray[np.int64],
    logits: Sequence[NDArray[np.float32]],
    dataset: Dataset,
    check: LabelCheck,
) -> list[str]:
    """What to tell of judges that agree with the labels only under a permutation.

    Args:
        judges: who judged the real images.
        labels: int64 [n], of these images.
        logits: float [n, 7], of each judge.
        dataset: where the images come from.
        check: what is known of its labels; where they are in another order, no judge is blamed.
    """
    found = []
    for judge, own in zip(judges, logits, strict=True):
        table = counts(labels, own.argmax(axis=1))
        if check.note or (claim := find_reordering(table)) is None:
            continue
        if not check.vouched and isinstance(dataset, TableDataset) and _shipped(judge):
            found.append(labels_note(dataset, judge.spec.title, claim, table))
        else:
            found.append(_judge_note(judge, claim, dataset.name, check.vouched))
    return found


def _judge_note(judge: Judge, found: Reordering, data: str, vouched: bool) -> str:
    title, before, after = judge.spec.title, f"{found.before:.0%}", f"{found.after:.0%}"
    if vouched:
        head = (
            f"judge {title} seems to have its classes in another order: it agrees with {before} of "
            f"{found.images} real images, and with {after}"
        )
    else:
        head = (
            f"judge {title} and the labels of {data} are in different orders: they agree on {before} of "
            f"{found.images} real images, and on {after}"
        )
    # Images labelled ``label`` are what the judge calls ``shown``.
    means = {EMOTIONS[shown]: EMOTIONS[label] for label, shown in enumerate(found.shown)}
    expects = getattr(judge, "expects", None)
    if expects is not None:
        names = ",".join(means.get(canonical(name), name) for name in expects.labels)
        mend = f"with --labels {names}"
    else:
        pairs = ", ".join(f"its {a} means {b}" for a, b in means.items() if a != b)
        mend = f"if {pairs}; train it again with the right --label-order"
    return f"{head} {mend}" + ("" if vouched else ", or mend the labels if they are wrong")


def _shipped(judge: Judge) -> bool:
    """Whether a judge is one of the suite's, whose classes are in their order."""
    for name in list_judges():
        try:
            if load_judge(name, device="cpu").spec.fingerprint == judge.spec.fingerprint:
                return True
        except BadInput:
            continue
    return False
