"""Pictures that are where they must not be: in two splits, under two emotions, in training and test.

``find`` compares the files of splits at hand. Whether a network was trained on pictures that are
nowhere at hand is told by its card, which keeps sketches of its data (``record``, ``trained_on``).
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
from ganbench.data.content import Sketch, content_hashes, equal_files
from ganbench.data.dataset import Dataset
from ganbench.data.doctor import Finding
from ganbench.data.splits import NoSplit, part_of
from ganbench.data.table import Listing, TableDataset
from ganbench.emotions import KNOWN
from ganbench.errors import BadInput
from ganbench.text import plural

# Key of the card that holds the sketches.
CARD = "pictures"


@dataclass(eq=False)
class Split:
    """The pictures of one split, by file.

    Attributes:
        name: ``"train"`` or ``"test"``.
        place: the folder of the data set.
        paths: of the pictures, as messages name them.
        labels: the emotion of each, in Table-1 order.
    """

    name: str
    place: Path
    paths: Sequence[str]
    labels: Sequence[int]

    @property
    def files(self) -> list[Path]:
        """The picture files."""
        return [self.place / path for path in self.paths]

    @cached_property
    def hashes(self) -> list[str]:
        """A hash of each picture's content."""
        return content_hashes(self.files, self.place)


# What was read of a data set is not read again.
_SPLITS: WeakKeyDictionary[Dataset, Split] = WeakKeyDictionary()


def split_of(dataset: Dataset) -> Split | None:
    """The pictures of a data set; None if it has no files of its own, as the embedded faces."""
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
        The split, None if there is none, or nothing tells; and a note if it is there, but cannot be
        read.
    """
    if not isinstance(dataset, TableDataset) or dataset.listing.source is None:
        return None, []
    listing = dataset.listing
    name = "test" if dataset.split == "train" else "train"
    source = listing.source
    assert source is not None  # for mypy; seen above
    if source.is_file() and listing.undivided == "" and part_of(source.stem):
        source = source.parent  # "train.csv" was given: "test.csv" may lie beside it
    try:
        found = read_listing(listing.kind, name, source, listing.label_order or None, KNOWN)
    except NoSplit:
        return None, []
    except BadInput as error:
        text = f"the other split cannot be read ({error}): nobody has looked for leaks"
        return None, [Finding("note", text)]
    return (None if found.undivided else _of_listing(found)), []


def _of_listing(listing: Listing) -> Split:
    frame = listing.frame
    return Split(
        listing.split,
        listing.root,
        [str(path) for path in frame["path"]],
        frame["expression"].tolist(),
    )


def find(
    splits: Sequence[Split],
    allowed: bool = False,
    first_only: bool = False,
    pixels: Sequence[str] | None = None,
) -> list[Finding]:
    """Equal pictures in two splits and under two emotions (faults), and within a split (a note).

    Args:
        splits: of one data set.
        allowed: the faults are notes.
        first_only: look for the pictures of the first split only; what the others hold twice among
            themselves does not matter.
        pixels: a hash of each picture's pixels, split after split, if they are known: equal pixels
            are then looked for, in whatever files, instead of equal files.
    """
    files = [path for split in splits for path in split.files]
    own = len(splits[0].paths) if first_only else None
    whose = [(k, i) for k, split in enumerate(splits) for i in range(len(split.paths))]
    equal = equal_files(files, splits[0].place, own) if pixels is None else _equal(pixels)
    groups = [[whose[i] for i in group] for group in equal]

    def first_pair(what: str, differs: Callable[[tuple[int, int]], int]) -> Iterator[Finding]:
        pairs = [
            (group[0], next((one for one in group if differs(one) != differs(group[0])), None))
            for group in groups
        ]
        wrong = [(one, other) for one, other in pairs if other is not None]
        if wrong:
            one, other = (repr(splits[k].paths[i]) for k, i in wrong[0])
            images = f"{len(wrong)} images are" if len(wrong) > 1 else "1 image is"
            text = f"{images} {what}, first {one} and {other}"
            yield _verdict(text, "remove one of each pair", "--allow-leaks", allowed)

    found = list(first_pair("both in train and in test", lambda one: one[0]))
    found += first_pair("under different emotions", lambda one: splits[one[0]].labels[one[1]])
    within = sum(
        max(0, sum(part == k for part, _ in group) - 1)
        for group in groups
        for k in range(len(splits))
    )
    if within:
        repeat, their = ("repeats", "its") if within == 1 else ("repeat", "their")
        text = f"{plural(within, 'image')} {repeat} another of {their} split"
        found.append(Finding("note", text, "repeats"))
    return found


def _equal(keys: Sequence[str]) -> list[list[int]]:
    """Groups of equal keys, by their positions."""
    groups: dict[str, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        groups[key].append(i)
    return [group for group in groups.values() if len(group) > 1]


def pixel_hashes(datasets: Sequence[TableDataset]) -> list[str] | None:
    """A hash of each picture's pixels as they are used; None unless all pictures are kept in memory.

    It is the same for a picture that was saved anew in another format without loss.
    """
    if not all(dataset.in_memory for dataset in datasets):
        return None
    return [
        hashlib.sha256(dataset.images([i]).numpy().tobytes()).hexdigest()
        for dataset in datasets
        for i in range(len(dataset))
    ]


def undivided(dataset: TableDataset, allowed: bool = False) -> Finding | None:
    """What to say of a source that does not tell its splits apart, used for both; None if it does."""
    if not dataset.listing.undivided:
        return None
    return _verdict(
        f"{dataset.listing.undivided!r} does not tell which images are for training and which for "
        "testing: each is used for both",
        "add a column 'split' or keep two lists",
        "--same-data",
        allowed,
    )


def _verdict(text: str, advice: str, option: str, allowed: bool) -> Finding:
    """A fault, or a note where the user allowed it by an option."""
    if allowed:
        return Finding("note", f"{text} (allowed by {option})")
    return Finding("fault", f"{text}; {advice}, or accept it with {option}")


def record(train: Split, test: Split | None) -> dict[str, Any]:
    """What a card keeps of the pictures of a training, and of the test split beside them."""
    found = {"train": Sketch.of(train.hashes).to_json()}
    if test is not None:
        found["test"] = Sketch.of(test.hashes).to_json()
    return found


def sketch(card: Mapping[str, Any], split: str) -> Sketch | None:
    """A sketch that a card keeps; None if it has none."""
    table = card.get(CARD)
    return Sketch.read(table.get(split)) if isinstance(table, Mapping) else None


def trained_on(
    cards: Sequence[tuple[str, Mapping[str, Any]]], dataset: TableDataset, hashes: Sequence[str]
) -> Iterator[tuple[str, float]]:
    """Networks that were trained on pictures of a data set, by their cards.

    Args:
        cards: what each network is called in messages, and its card.
        dataset: the pictures that it is to be tested on.
        hashes: of these pictures.

    Yields:
        The network, and the estimated share of the pictures that it was trained on, in (0, 1].
    """
    for name, card in cards:
        data = card.get("data")
        if isinstance(data, Mapping) and data.get("fingerprint") == dataset.fingerprint:
            yield name, 1.0
        elif (known := sketch(card, "train")) is not None:
            hits, might = known.met(hashes)
            if hits:
                yield name, hits / might


def familiarity(pictures: Any, trained_on: str, dataset: Dataset) -> str:
    """Whether a network learned from the data set that a split belongs to.

    Args:
        pictures: what its card keeps of them (``CARD``).
        trained_on: the name of the data that it learned from.
        dataset: the split.

    Returns:
        ``"these"``, ``"others"``, ``"unknown"`` where its card does not tell, or "" for data without files
        of their own, and for cards that name another kind of data and nothing else.
    """
    split = split_of(dataset)
    if split is None:
        return ""
    known = [sketch({CARD: pictures}, part) for part in ("test", "train")]
    if not any(known):
        return "unknown" if trained_on == dataset.name else ""
    if any(one is not None and _mostly(one, split.hashes) for one in known):
        return "these"
    return "others" if known[0] is not None else "unknown"


def _mostly(known: Sketch, hashes: Sequence[str]) -> bool:
    hits, might = known.met(hashes)
    return 2 * hits > might


def check_training(dataset: Dataset, allowed: bool = False) -> tuple[list[Finding], dict[str, Any]]:
    """Leaks of a training split, and what the card of the training keeps of its pictures.

    Args:
        dataset: the training split.
        allowed: leaks are no faults.

    Returns:
        The findings, and ``record``'s table; empty for data without files of their own.
    """
    train = split_of(dataset)
    if train is None:
        return [], {}
    assert isinstance(dataset, TableDataset)
    test, unread = other_split(dataset)
    found = unread + _graver(find([train, *([test] if test else [])], allowed, True))
    if dataset.listing.undivided:
        found.append(
            Finding(
                "note",
                f"{dataset.listing.undivided!r} does not tell which images are for testing: all are "
                "trained on; add a column 'split', or keep other images for the evaluation",
            )
        )
    return found, record(train, test)


def check_evaluation(
    dataset: Dataset,
    cards: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    allow_leaks: bool = False,
    same_data: bool = False,
) -> list[Finding]:
    """Leaks of a test split: into the training split beside it, and into what networks learned from.

    Args:
        dataset: the test split.
        cards: of the methods and judges: what each is called in messages, and its card.
        allow_leaks: leaks are no faults.
        same_data: the test images may be those of the training.
    """
    test = split_of(dataset)
    if test is None:
        return []
    assert isinstance(dataset, TableDataset)
    train, unread = other_split(dataset)
    found = unread + _graver(find([test, *([train] if train else [])], allow_leaks, True))
    seen = list(trained_on(cards, dataset, test.hashes))
    same = [name for name, share in seen if share > 0.5]
    some = [f"{name} from about {share:.0%}" for name, share in seen if share <= 0.5]
    if same:
        where = f" ({dataset.listing.undivided!r})" if dataset.listing.undivided else ""
        found.append(
            _verdict(
                f"{' and '.join(same)} learned from these very images{where}: the numbers would be "
                "those of training images",
                "evaluate on others (a list's column 'split' keeps them apart)",
                "--same-data",
                same_data,
            )
        )
    if some:
        text = f"there are networks that learned from these images: {', '.join(some)} of them"
        found.append(_verdict(text, "evaluate on others", "--allow-leaks", allow_leaks))
    return found


def _graver(findings: Sequence[Finding]) -> list[Finding]:
    """All but the notes on images that repeat another of their split: ``ganbench data check`` has them."""
    return [one for one in findings if one.kind != "repeats"]
