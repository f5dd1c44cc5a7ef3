"""Pictures that are where they must not be: in two splits, under two emotions, in training and test.

``find`` compares the files of splits that are on disk. Whether a network was trained on pictures that
are elsewhere is told by its card, which keeps sketches of its data (``record``).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from ganbench.data import read_listing
from ganbench.data.dataset import Dataset
from ganbench.data.doctor import Finding
from ganbench.data.files import content_hashes, equal_files
from ganbench.data.sketches import CARD, Sketch, sketch
from ganbench.data.splits import NoSplit, part_of
from ganbench.data.table import TableDataset
from ganbench.emotions import KNOWN
from ganbench.errors import BadInput
from ganbench.text import plural


@dataclass(eq=False)
class Split:
    """The pictures of one split, by file.

    Attributes:
        name: ``"train"`` or ``"test"``.
        root: the folder of the data set.
        paths: of the pictures, as messages name them.
        labels: the emotion of each picture, in Table-1 order.
    """

    name: str
    root: Path
    paths: Sequence[str]
    labels: Sequence[int]

    @property
    def files(self) -> list[Path]:
        """The picture files."""
        return [self.root / path for path in self.paths]

    @cached_property
    def hashes(self) -> list[str]:
        """A hash of the content of each picture."""
        return content_hashes(self.files, self.root)


# The splits of data sets, so that their hashes are computed once.
_SPLITS: WeakKeyDictionary[Dataset, Split] = WeakKeyDictionary()


def split_of(dataset: Dataset) -> Split | None:
    """The pictures of a data set; None if it has no files of a user, as the embedded faces."""
    if not isinstance(dataset, TableDataset) or dataset.has_true_edits:
        return None
    if dataset not in _SPLITS:
        _SPLITS[dataset] = Split(
            dataset.split, dataset.root, dataset.paths, dataset.labels.tolist()
        )
    return _SPLITS[dataset]


def other_split(dataset: Dataset) -> tuple[Split | None, list[Finding]]:
    """The other split of the same source, as it is listed.

    Returns:
        The split, None if there is none or if nothing tells the splits apart; and a note if it is
        there, but cannot be read.
    """
    if not isinstance(dataset, TableDataset) or dataset.listing.source is None:
        return None, []
    listing, source = dataset.listing, dataset.listing.source
    name = "test" if dataset.split == "train" else "train"
    if source.is_file() and listing.undivided == "" and part_of(source.stem):
        source = source.parent  # the user gave "train.csv": "test.csv" may lie beside it
    try:
        other = read_listing(
            listing.name,
            name,
            source,
            listing.label_order or None,
            KNOWN,
            cameras=listing.cameras or None,
        )
    except NoSplit:
        return None, []
    except BadInput as error:
        text = f"the other split cannot be read ({error}): nobody has looked for leaks"
        return None, [Finding("note", text)]
    if other.undivided:
        return None, []
    paths = [str(path) for path in other.frame["path"]]
    return Split(other.split, other.root, paths, other.frame["expression"].tolist()), []


def find(
    splits: Sequence[Split],
    allowed: bool = False,
    first_only: bool = False,
    pixels: Sequence[str] | None = None,
) -> list[Finding]:
    """Equal pictures in two splits and under two emotions (faults), and within a split (a remark).

    Args:
        splits: of one data set.
        allowed: report the faults as notes.
        first_only: look only for the pictures of the first split; repetitions within the other splits
            do not matter.
        pixels: a hash of the pixels of each picture, split after split, if they are known: pictures
            with equal pixels are then looked for instead of equal files.
    """
    files = [path for split in splits for path in split.files]
    first = len(splits[0].paths) if first_only else None
    places = [(k, i) for k, split in enumerate(splits) for i in range(len(split.paths))]
    equal = equal_files(files, splits[0].root, first) if pixels is None else _equal(pixels)
    groups = [[places[i] for i in group] for group in equal]

    def first_pair(what: str, value: Callable[[tuple[int, int]], int]) -> Iterator[Finding]:
        """A finding about the groups in which ``value`` differs, which names the first pair."""
        pairs = [
            (group[0], next((one for one in group if value(one) != value(group[0])), None))
            for group in groups
        ]
        wrong = [(one, other) for one, other in pairs if other is not None]
        if wrong:
            one, other = (repr(splits[k].paths[i]) for k, i in wrong[0])
            images = f"{len(wrong)} images are" if len(wrong) > 1 else "1 image is"
            text = f"{images} {what}, first {one} and {other}"
            yield _fault(text, "remove one of each pair", "--allow-leaks", allowed)

    findings = list(first_pair("both in train and in test", lambda place: place[0]))
    findings += first_pair(
        "under different emotions", lambda place: splits[place[0]].labels[place[1]]
    )
    within = sum(
        max(0, sum(part == k for part, _ in group) - 1)
        for group in groups
        for k in range(len(splits))
    )
    if within:
        repeat, their = ("repeats", "its") if within == 1 else ("repeat", "their")
        text = f"{plural(within, 'image')} {repeat} another of {their} split"
        findings.append(Finding("remark", text, "repeats"))
    return findings


def _equal(keys: Sequence[str]) -> list[list[int]]:
    """Groups of equal keys, by their positions."""
    groups: dict[str, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        groups[key].append(i)
    return [group for group in groups.values() if len(group) > 1]


def pixel_hashes(datasets: Sequence[TableDataset]) -> list[str] | None:
    """A hash of the pixels of each picture as they are used; None unless all pixels are in memory.

    A picture that was saved again in another format without loss has the same hash.
    """
    if not all(dataset.in_memory for dataset in datasets):
        return None
    return [
        hashlib.sha256(dataset.images([i]).numpy().tobytes()).hexdigest()
        for dataset in datasets
        for i in range(len(dataset))
    ]


def undivided(dataset: TableDataset, allowed: bool = False) -> Finding | None:
    """A fault if nothing in the source of a data set tells its two splits apart; else None."""
    if not dataset.listing.undivided:
        return None
    return _fault(
        f"{dataset.listing.undivided!r} does not tell which images are for training and which for "
        "testing: each is used for both",
        "add a column 'split' or keep two lists",
        "--same-data",
        allowed,
    )


def _fault(text: str, advice: str, option: str, allowed: bool) -> Finding:
    """A fault, or a note if the user allowed it by an option."""
    if allowed:
        return Finding("note", f"{text} (allowed by {option})")
    return Finding("fault", f"{text}; {advice}, or accept it with {option}")


def record(train: Split, test: Split | None) -> dict[str, Any]:
    """Sketches of a training split and of the test split beside it, which a card keeps."""
    table = {"train": Sketch.of(train.hashes).to_json()}
    if test is not None:
        table["test"] = Sketch.of(test.hashes).to_json()
    return table


def familiarity(pictures: Any, trained_on: str, dataset: Dataset) -> str:
    """Whether a network learned from the data set that a split belongs to.

    Args:
        pictures: the sketches in its card (``CARD``).
        trained_on: the name of the data that it learned from.
        dataset: the split.

    Returns:
        ``"these"``; ``"others"``; ``"unknown"`` if the card does not tell; "" for data without files
        of a user, and for cards without sketches that name another kind of data.
    """
    split = split_of(dataset)
    if split is None:
        return ""
    known = [sketch({CARD: pictures}, part) for part in ("test", "train")]
    if not any(known):
        return "unknown" if trained_on == dataset.name else ""
    for one in known:
        hits, candidates = one.met(split.hashes) if one is not None else (0, 0)
        if 2 * hits > candidates:
            return "these"
    return "others" if known[0] is not None else "unknown"


def check_training(dataset: Dataset, allowed: bool = False) -> tuple[list[Finding], dict[str, Any]]:
    """Leaks of a training split, and the sketches that the card of the training keeps.

    Args:
        dataset: the training split.
        allowed: report leaks as notes.

    Returns:
        The findings, and ``record``'s table; both empty for data without files of a user.
    """
    train = split_of(dataset)
    if train is None:
        return [], {}
    assert isinstance(dataset, TableDataset)
    test, findings = other_split(dataset)
    findings += _without_repeats(find([train, *([test] if test else [])], allowed, True))
    if dataset.listing.undivided:
        text = (
            f"{dataset.listing.undivided!r} does not tell which images are for testing: all are "
            "trained on; add a column 'split', or keep other images for the evaluation"
        )
        findings.append(Finding("note", text))
    return findings, record(train, test)


def check_evaluation(
    dataset: Dataset,
    cards: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    allow_leaks: bool = False,
    same_data: bool = False,
) -> list[Finding]:
    """Leaks of a test split: into the training split beside it, and into the training of networks.

    Args:
        dataset: the test split.
        cards: of the methods and judges: the name of each in messages, and its card.
        allow_leaks: report leaks as notes.
        same_data: allow test images that a network was trained on.
    """
    test = split_of(dataset)
    if test is None:
        return []
    assert isinstance(dataset, TableDataset)
    train, findings = other_split(dataset)
    findings += _without_repeats(find([test, *([train] if train else [])], allow_leaks, True))
    shares = [(name, _trained_share(card, dataset, test.hashes)) for name, card in cards]
    most = [name for name, share in shares if share > 0.5]
    some = [f"{name} from about {share:.0%}" for name, share in shares if 0 < share <= 0.5]
    if most:
        where = f" ({dataset.listing.undivided!r})" if dataset.listing.undivided else ""
        text = (
            f"{' and '.join(most)} learned from these very images{where}: the numbers would be "
            "those of training images"
        )
        advice = "evaluate on others (a list's column 'split' keeps them apart)"
        findings.append(_fault(text, advice, "--same-data", same_data))
    if some:
        text = f"there are networks that learned from these images: {', '.join(some)} of them"
        findings.append(_fault(text, "evaluate on others", "--allow-leaks", allow_leaks))
    return findings


def _trained_share(card: Mapping[str, Any], dataset: TableDataset, hashes: Sequence[str]) -> float:
    """The estimated share of pictures that a network was trained on, by its card; 0 if unknown."""
    data = card.get("data")
    if isinstance(data, Mapping) and data.get("fingerprint") == dataset.fingerprint:
        return 1.0
    known = sketch(card, "train")
    hits, candidates = known.met(hashes) if known is not None else (0, 0)
    return hits / candidates if hits else 0.0


def _without_repeats(findings: Sequence[Finding]) -> list[Finding]:
    """Findings without those about images that repeat another of their split.

    ``ganbench data check`` shows those.
    """
    return [one for one in findings if one.kind != "repeats"]
