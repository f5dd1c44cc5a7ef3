"""Checks of the order of a data set's labels, and of a judge's classes.

The shipped judges look at a sample of a data set. If a permutation of its labels fits their answers far
better than the labels as they are (``ganbench.judges.reordering``), the labels follow another order. Where
the labels are known to be right, as those of rendered faces are, a judge's classes are checked the same way.
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

# Largest number of images in a sample: 20 of each emotion.
SAMPLE = 140
# Side of the sample's images, pixels; training images may be too small for the judges.
SIZE = 128
BATCH = 35

# An order that has a name is advised if its fit is at most this much below that of the best permutation.
NEARLY = 0.05


@dataclass(frozen=True)
class LabelCheck:
    """The result of ``check_labels``.

    Attributes:
        note: a line for the user; empty if the labels may be right.
        confirmed: whether a judge understands the images and agrees with the labels.
    """

    note: str = ""
    confirmed: bool = False


def check_labels(dataset: Dataset, device: str | torch.device = "auto") -> LabelCheck:
    """Let the shipped judges look at a sample of a data set's images, if there are enough.

    Labels of rendered faces are right and are not checked. A permutation that one judge finds is not
    reported if the other judge contradicts it.
    """
    if not isinstance(dataset, TableDataset) or dataset.has_true_edits or not dataset.labelled:
        return LabelCheck(confirmed=dataset.has_true_edits)
    known = dataset.labels[dataset.labels < K]
    sizes = np.bincount(known, minlength=K)
    if (sizes >= LEAST_IMAGES).sum() < LEAST_LABELS:
        return LabelCheck()
    try:
        images, labels = _sample(dataset)
    except BadInput:  # no image can be decoded, which the command that needs them reports
        return LabelCheck()
    tables: list[tuple[str, NDArray[np.int64]]] = []
    for name in list_judges():
        try:
            with torch.random.fork_rng(devices=[]):  # a new network draws random weights
                judge = load_judge(name, device=device)
        except BadInput:  # an installation without shipped checkpoints
            continue
        judged = np.concatenate([_judged(judge, part) for part in torch.split(images, BATCH)])
        tables.append((judge.spec.title, counts(labels, judged)))
    claims = [
        (claim, title, table)
        for title, table in tables
        if (claim := find_reordering(table)) is not None
        and not any(contradicts(other, claim) for _, other in tables)
    ]
    if claims:
        claim, title, table = max(claims, key=lambda one: one[0].after)
        return LabelCheck(labels_note(dataset, title, claim, table))
    return LabelCheck(confirmed=any(understands(table) for _, table in tables))


def _sample(dataset: TableDataset) -> tuple[torch.Tensor, NDArray[np.int64]]:
    """The first images of each emotion in turn, ``SAMPLE`` at most, and their labels.

    Returns:
        float32 [n, 3, SIZE, SIZE] in [0, 1], and int64 [n].
    """
    frame = dataset.frame.drop(columns="regions", errors="ignore")
    frame = frame.loc[frame["expression"] < K]  # the shipped judges have no class for contempt
    listing = replace(dataset.listing, frame=frame, unread=())
    sample = TableDataset(listing, size=SIZE, limit=SAMPLE, skip_bad=True, framing=dataset.framing)
    return sample.images(range(len(sample))), sample.labels


def _judged(judge: Judge, images: torch.Tensor) -> NDArray[np.int64]:
    answers: NDArray[np.int64] = ask(judge, images).logits.numpy().argmax(axis=1)
    return answers


def labels_note(
    dataset: TableDataset, title: str, claim: Reordering, table: NDArray[np.int64]
) -> str:
    """The note about labels in another order, with the option that mends it.

    Args:
        dataset: the images and how they are labelled.
        title: title of the judge.
        claim: the permutation.
        table: the ``counts`` in which the permutation was found.
    """
    head = (
        f"{dataset.split}: the labels seem to be in another order. Judge {title} agrees with "
        f"{claim.before:.0%} of {claim.images} images as they are labelled, and with "
    )
    listing = dataset.listing
    if not listing.numbered:
        pairs = ", ".join(f"{EMOTIONS[a]} shows {EMOTIONS[b]}" for a, b in claim.moved.items())
        where = "class folders" if listing.name == "folder" else "labels in the list"
        return f"{head}{claim.after:.0%} if {pairs}; mend the {where}"
    given = parse_order(listing.label_order) if listing.label_order else TABLE1
    order = _advised(given, claim, table, listing)
    fit = _fit(table, given, order)
    share = fit[1] if fit else claim.after
    names = ",".join(order.names[:K])
    more = "" if order.name.endswith(names) else f", which is {names}"
    return f"{head}{share:.0%} with --label-order {order.name}{more}; give that option"


def _advised(
    given: LabelOrder, claim: Reordering, table: NDArray[np.int64], listing: Listing
) -> LabelOrder:
    """The order that mends the labels: one that has a name if it fits nearly as well as the best."""
    rows = np.flatnonzero(table.sum(axis=1))
    best = float(np.mean([table[row, claim.shown[row]] / table[row].sum() for row in rows]))
    named = [
        (fit[0], order)
        for order in ORDERS.values()
        if (fit := _fit(table, given, order)) is not None and fit[0] >= best - NEARLY
    ]
    if named:
        return max(named, key=lambda one: one[0])[1]
    names = [
        EMOTIONS[claim.shown[EMOTIONS.index(name)]] if name in EMOTIONS else name
        for name in given.names
    ]
    if not listing.dropped:  # the labels use no numbers beyond those of the emotions
        names = names[: 1 + max(i for i, name in enumerate(names) if name in EMOTIONS)]
    return parse_order(f"{given.first}:" * bool(given.first) + ",".join(names))


def _fit(
    table: NDArray[np.int64], given: LabelOrder, order: LabelOrder
) -> tuple[float, float] | None:
    """How well the labels fit the answers if their numbers follow ``order`` instead of ``given``.

    Returns:
        The mean over labels of the share of images that then fit, and the share of all images; None if
        ``order`` has no emotion for a number that the labels use.
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
    """Notes about judges that agree with the labels only after a permutation.

    Args:
        judges: the judges of the real images.
        labels: int64 [n], the labels of these images.
        logits: for each judge float [n, 7].
        dataset: the data set of the images.
        check: the check of its labels; if they follow another order, no judge is blamed.
    """
    notes = []
    for judge, answers in zip(judges, logits, strict=True):
        table = counts(labels, answers.argmax(axis=1))
        if check.note or (claim := find_reordering(table)) is None:
            continue
        if not check.confirmed and isinstance(dataset, TableDataset) and _shipped(judge):
            notes.append(labels_note(dataset, judge.spec.title, claim, table))
        else:
            notes.append(_judge_note(judge, claim, dataset.name, check.confirmed))
    return notes


def _judge_note(judge: Judge, claim: Reordering, data: str, confirmed: bool) -> str:
    title, before, after = judge.spec.title, f"{claim.before:.0%}", f"{claim.after:.0%}"
    if confirmed:
        head = (
            f"judge {title} seems to have its classes in another order: it agrees with {before} of "
            f"{claim.images} real images, and with {after}"
        )
    else:
        head = (
            f"judge {title} and the labels of {data} are in different orders: they agree on {before} of "
            f"{claim.images} real images, and on {after}"
        )
    # The judge calls images with the label ``label`` by the name of ``shown``.
    means = {EMOTIONS[shown]: EMOTIONS[label] for label, shown in enumerate(claim.shown)}
    expects = getattr(judge, "expects", None)
    if expects is not None:
        names = ",".join(means.get(canonical(name), name) for name in expects.labels)
        mend = f"with --labels {names}"
    else:
        pairs = ", ".join(f"its {a} means {b}" for a, b in means.items() if a != b)
        mend = f"if {pairs}; train it again with the right --label-order"
    return f"{head} {mend}" + ("" if confirmed else ", or mend the labels if they are wrong")


def _shipped(judge: Judge) -> bool:
    """Whether a judge is one of the shipped ones, whose classes are known to be in the right order."""
    for name in list_judges():
        try:
            if load_judge(name, device="cpu").spec.fingerprint == judge.spec.fingerprint:
                return True
        except BadInput:
            continue
    return False
