"""The dataset doctor: faults of a data set that its labels and files show.

``ganbench data check`` prints all findings; a training refuses a data set with a fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ganbench.data.action_units import UnknownScale
from ganbench.data.dataset import Dataset
from ganbench.data.table import TableDataset
from ganbench.emotions import EMOTIONS, KNOWN, canonical
from ganbench.errors import BadInput
from ganbench.text import plural

# A class with less than this share of its even part of the images gets a remark: of seven classes 2.9 %.
RARE = 0.2


@dataclass(frozen=True)
class Finding:
    """A finding of the doctor.

    Attributes:
        level: ``"fault"``: the data cannot be used as they are; ``"remark"``: they may be worse than they
            could be, and ``--strict`` takes it for a fault; ``"note"``: a user should know it.
        text: one line: the cause, the value and the way out.
        kind: ``"repeats"`` for images that repeat another of their split; else empty.
    """

    level: Literal["fault", "remark", "note"]
    text: str
    kind: Literal["", "repeats"] = ""


def examine(dataset: Dataset, emotions: Sequence[str] = EMOTIONS) -> list[Finding]:
    """Faults and notes about one split; no image is decoded.

    Args:
        dataset: the split.
        emotions: the classes that are needed, such as those of the network to be trained.
    """
    found = examine_labels(dataset, emotions)
    try:
        dataset.action_units(np.empty(0, np.int64))
    except UnknownScale as error:  # only a training on action units needs the scale
        found.append(Finding("note", str(error)))
    except BadInput as error:
        found.append(Finding("fault", str(error)))
    if isinstance(dataset, TableDataset):
        found += [Finding("note", f"{dataset.split}: {note}") for note in dataset.notes]
        small = np.flatnonzero(dataset.extents.min(1) < dataset.size)
        if len(small):
            first, be = dataset.paths[small[0]], "is" if len(small) == 1 else "are"
            text = (
                f"{dataset.split}: {plural(len(small), 'image')} {be} smaller than {dataset.size} px and will "
                f"be enlarged, first {first!r}"
            )
            found.append(Finding("remark", text))
    return found


def examine_labels(dataset: Dataset, emotions: Sequence[str] = EMOTIONS) -> list[Finding]:
    """Emotions that no image of a split shows (a fault), and those that few show (a remark)."""
    split = dataset.split
    if not dataset.labelled:
        text = f"{split} has no emotions: it serves methods that are trained on action units"
        return [Finding("note", text)]
    counts = {name: int(np.sum(dataset.labels == _label(name))) for name in emotions}
    total, findings = sum(counts.values()), []
    if empty := [name for name, count in counts.items() if not count]:
        needed = "all seven emotions" if tuple(emotions) == EMOTIONS else ", ".join(emotions)
        dropped = dataset.dropped if isinstance(dataset, TableDataset) else {}
        # Labels 1 to 7 that are read in AffectNet's order, 0 to 7, lack neutral and hold contempt.
        shifted = empty[0] == EMOTIONS[0] and "contempt" in dropped
        hint = ", or, if the labels' numbers begin with 1, give --label-order raf-db" * shifted
        text = (
            f"{split} has no image of: {', '.join(empty)}; the methods need {needed}: "
            f"add images of them{hint}"
        )
        findings.append(Finding("fault", text))
    limit = RARE * total / max(1, len(emotions))
    if few := [f"{count:,} {name}" for name, count in counts.items() if 0 < count < limit]:
        effect = (
            "a network may never learn them (--set balance=true trains a judge equally often on all emotions)"
            if split == "train"
            else "their accuracies rest on these few"
        )
        text = (
            f"{split}: few of the {total:,} images show some emotions: {', '.join(few)}; {effect}"
        )
        findings.append(Finding("remark", text))
    return findings


def _label(name: str) -> int:
    """The label of an emotion; -1, which no image has, for a name that no data set knows."""
    key = canonical(name)
    return KNOWN.index(key) if key in KNOWN else -1


def refuse(findings: Sequence[Finding]) -> None:
    """Raise the faults among findings as one error.

    Raises:
        BadInput: there is a fault; the message holds the first and counts the others.
    """
    faults = list(dict.fromkeys(one.text for one in findings if one.level == "fault"))
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise BadInput(f"{faults[0]}{more}")
