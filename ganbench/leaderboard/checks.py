"""What a row must pass before it enters a leaderboard: everything that can be checked without trust."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganbench import parsing
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation import labels
from ganbench.gate.folder import files_of
from ganbench.leaderboard.adding import EDITS, SAMPLE, sample_of
from ganbench.leaderboard.rows import Row, frozen_rows, read_manifest, read_rows, run_folders
from ganbench.protocols import Protocol, list_protocols, load_protocol
from ganbench.records import REFERENCE, Record
from ganbench.report.sprites import sprite_name
from ganbench.submission.opened import Opened
from ganbench.submission.rows import RESULTS
from ganbench.submission.scorer import PART, PICTURES
from ganbench.submission.tasks import task_id
from ganbench.submission.verification import rows_of, verify
from ganbench.text import clipped, is_web, plural, shown

# Two rows of which so many of a hundred edits are the same pictures are one row under two names.
ALIKE = 50

# Longest text of a fact on the page.
LONGEST = 300


@dataclass(frozen=True)
class Fault:
    """What is wrong with a run folder.

    Attributes:
        folder: as it was found below the results.
        text: cause, value and fix in a line.
        unread: whether the folder could not be read at all.
    """

    folder: str
    text: str
    unread: bool = False

    def __str__(self) -> str:
        return f"{self.folder}: {self.text}"


@dataclass
class Checked:
    """What a check has found.

    Attributes:
        rows: for each row that could be read its folder, label, protocol, and number of verified pictures.
        faults: what is wrong.
        notes: what a reader should know.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0: nothing wrong; 1: a check failed; 2: a folder could not be read."""
        if any(fault.unread for fault in self.faults):
            return 2
        return 1 if self.faults else 0

    def as_json(self) -> dict[str, Any]:
        """The same for other programs."""
        faults = [{"folder": f.folder, "fault": f.text, "unread": f.unread} for f in self.faults]
        return {"schema": 1, "rows": self.rows, "faults": faults, "notes": self.notes}


def check(
    folder: Path,
    open_protocol: Callable[[str], Opened],
    *,
    edits: Path | None = None,
    images: int = SAMPLE,
) -> Checked:
    """Check every run folder in a folder.

    Args:
        folder: of the results.
        open_protocol: loads a named protocol; it is called for protocols of rows whose edits are verified.
        edits: holds, for each run folder, a folder of the same name with all of its edits. Rows without one are
            verified by the edits that they bring themselves.
        images: number of images whose edits a row must bring, or that are drawn from ``edits``.

    Raises:
        BadInput: it is no folder, or holds no run folder.
    """
    found, opened = Checked(), dict[str, Opened]()
    all_rows: list[tuple[str, Row]] = []
    for place in run_folders(folder):
        name = place.relative_to(folder).as_posix()
        try:
            rows = read_rows(place)
        except BadInput as error:
            found.faults.append(Fault(name, str(error), unread=True))
            continue
        if not rows:
            found.notes.append(f"{name}: all of its rows are reference values of ganbench")
        faults = _of_files(place)
        for row in rows:
            protocol = _protocol(row)
            faults += _of_protocol(row, protocol, read_manifest(place))
            faults += _of_row(row, protocol) if protocol else []
            verified = 0
            if row.hashes and protocol and not faults:
                if protocol.name not in opened:
                    opened[protocol.name] = open_protocol(protocol.name)
                own = None if edits is None else edits / place.name
                verified, more = _of_edits(row, opened[protocol.name], own, images)
                faults += more
            elif not row.hashes:
                found.notes.append(
                    f"{name}: {row.label} was run by ganbench from weights {row.fact('weights')[:16]}; no pictures to verify"
                )
            told = {"folder": name, "row": row.label, "protocol": row.run.results.protocol_name}
            found.rows.append(told | {"verified": verified, "pictures": len(row.hashes)})
            all_rows.append((name, row))
        found.faults += [Fault(name, text) for text in faults]
    found.faults += _duplicates(all_rows)
    return found


def _protocol(row: Row) -> Protocol | None:
    """The named protocol that a row belongs to; None if it belongs to none."""
    name = row.run.results.protocol_name
    return load_protocol(name) if name in list_protocols() else None


def _of_protocol(row: Row, protocol: Protocol | None, manifest: dict[str, Any]) -> list[str]:
    """Whether it is of a named protocol, whatever it calls itself."""
    results = row.run.results
    if protocol is not None:
        return []
    # ``read_rows`` names protocols by what they are; the file tells what the row claims.
    assert row.place is not None
    claimed = str(parsing.read_json(row.place / RESULTS)["protocol"].get("name", ""))
    if claimed.startswith(PART):
        return [f"a part of the tasks: {clipped(claimed)}; score all of them"]
    if claimed not in list_protocols():
        return [
            f"no named protocol: {clipped(claimed) or results.protocol_name}; score under a name of "
            "'ganbench protocol list'"
        ]
    frozen = load_protocol(claimed)
    wrong = frozen.deviations(results.protocol)
    if results.seed != frozen.seed:
        wrong.append(f"seed {frozen.seed} -> {results.seed}")
    if frozen.left_out not in (None, manifest.get("left_out")):
        wrong.append(
            f"left out {frozen.left_out or 'nothing'} -> {shown(manifest.get('left_out'))}"
        )
    wrong += [
        f"metric {name} {frozen.versions[name]} -> {shown(spec.get('version'), 20)}"
        for name, spec in results.metrics.items()
        if name in frozen.versions and spec.get("version") != frozen.versions[name]
    ]
    return [f"not {claimed}: {clipped(', '.join(wrong), 400)}; score under the frozen protocol"]


def _of_files(place: Path) -> list[str]:
    """Whether the folder holds what its manifest names, unchanged, and nothing that a page could not show."""
    known, faults = files_of(place), []
    if not known:
        return [
            "no manifest.json with hashes of files; add the folder with 'ganbench leaderboard add'"
        ]
    for name, value in known.items():
        if Path(name).is_absolute() or ".." in Path(name).parts:
            faults.append(f"a file outside of the folder: {clipped(name)}; leave it out")
            continue
        try:
            now = hashlib.sha256(parsing.read_bytes(place / name)).hexdigest()
        except parsing.Refused as error:
            faults.append(f"missing or unreadable: {clipped(name)} ({error}); add the folder again")
            continue
        if now != value:
            faults.append(
                f"changed: {clipped(name)} is not the file that manifest.json names; add the folder again"
            )
    return faults


def _of_row(row: Row, protocol: Protocol) -> list[str]:
    """Whether names, numbers, verdicts and hashes of a row agree with the protocol and with each other."""
    return [
        *_names(row),
        *_numbers(row, protocol),
        *_verdicts(row),
        *_hashes(row, protocol),
        *_sprite(row),
    ]


def _names(row: Row) -> list[str]:
    faults = []
    url = row.facts.get("url", "")
    if url and not (isinstance(url, str) and is_web(url)):
        faults.append(f"not a web address: {shown(url)}; give --url https://...")
    for key in ("title", "url", "paper", "licence", "trained_on"):
        value = row.facts.get(key, "")
        if not isinstance(value, str) or len(value) > LONGEST:
            faults.append(
                f"{key} is no text of at most {LONGEST} characters: {shown(value)}; score again"
            )
    if not row.title.strip():
        faults.append(f"no name in print: {shown(row.facts.get('title'))}; give --name")
    if row.facts.get(REFERENCE):
        faults.append(f"a point of reference: {row.label}; ganbench brings those of a protocol")
    if row.label.lower() in labels.RESERVED:
        faults.append(f"reserved name: {row.label}; give another --name")
    return faults


def _numbers(row: Row, protocol: Protocol) -> list[str]:
    """Whether all numbers of the protocol are there, in the frozen versions."""
    results, faults = row.run.results, []
    records = [record for record in results.records if record.method == row.label]
    headlines = {record.metric: record for record in records if record.headline}
    wanted = {
        record.metric
        for reference in frozen_rows(protocol.name)
        if reference.kind == "network"
        for record in reference.run.results.records
        if record.headline and record.method == reference.label
    } or {"accuracy"}
    if missing := sorted(wanted - headlines.keys()):
        faults.append(
            f"no number for: {', '.join(missing)}; score with all metrics of {protocol.name}"
        )
    moved = {
        f"{r.metric} {r.version}"
        for r in records
        if protocol.versions.get(r.metric, r.version) != r.version
    }
    if moved:
        faults.append(
            f"other versions of metrics: {', '.join(sorted(moved))}; score again with this ganbench"
        )
    outside = sorted({r.metric for r in records if not _possible(r)})
    if outside:
        faults.append(f"impossible numbers: {', '.join(outside)}; score again")
    if row.label not in row.run.predictions:
        faults.append(
            f"no verdicts of {row.label} in predictions.npz; add the file that the run wrote"
        )
    else:
        lacking = [
            name
            for name, record in headlines.items()
            if record.low is not None and record.influence is None
        ]
        if lacking:
            faults.append(
                f"no influence values of: {', '.join(sorted(lacking))}; differences cannot be paired: add the "
                "predictions.npz that the run wrote"
            )
    return faults


def _possible(record: Record) -> bool:
    """Whether a share of per cent is one, and whether a value lies in its interval."""
    value = record.value
    if value is None:
        return True
    if record.unit == "%" and not -1e-6 <= value <= 100 + 1e-6:
        return False
    if record.low is None or record.high is None:
        return True
    slack = 1e-6 * max(1.0, abs(value))
    return record.low - slack <= value <= record.high + slack


def _verdicts(row: Row) -> list[str]:
    """Whether accuracies by emotion and confusion are counted from the verdicts."""
    judged = row.run.predictions.get(row.label)
    if judged is None:
        return []
    results, faults = row.run.results, []
    counted = np.array(
        [[(judged[:, t] == e).sum() for e in range(7)] for t in range(len(EMOTIONS))]
    )
    table = np.array(results.confusion.get(row.label, []))
    if table.shape != (7, 7, 7) or not np.array_equal(table.sum(axis=0), counted):
        faults.append("confusion and predictions.npz disagree; add the files of one run")
    for target, emotion in enumerate(EMOTIONS):
        record = results.find(row.label, "accuracy", emotion)
        share = 100 * counted[target, target] / max(len(judged), 1)
        if record is None or record.value is None or abs(record.value - share) > 1e-6:
            told = "none" if record is None or record.value is None else f"{record.value:.2f} %"
            faults.append(
                f"accuracy of {emotion} is {told}, and the verdicts say {share:.2f} %; add the files of one run"
            )
    return faults


def _hashes(row: Row, protocol: Protocol) -> list[str]:
    """Whether each picture of the tasks, or the weights, has a hash."""
    if not row.hashes:
        weights = row.fact("weights")
        if re.fullmatch("[0-9a-f]{64}", weights):
            return []
        return [f"no hash of the weights: {clipped(weights) or 'none'}; evaluate again"]
    wrong = [name for name, value in row.hashes.items() if not re.fullmatch("[0-9a-f]{64}", value)]
    if wrong:
        return [
            f"not a sha256 in {PICTURES}: that of {clipped(wrong[0])} and {len(wrong) - 1} more; score again"
        ]
    images = int(protocol.fixed["data"]["images"])
    if rows_of(row.hashes) != list(range(images)):
        return [
            f"{PICTURES} has {plural(len(row.hashes), 'hash', 'hashes')}, and {protocol.name} has "
            f"{images * len(EMOTIONS):,} tasks; score all of them"
        ]
    return []


def _sprite(row: Row) -> list[str]:
    """Whether the pictures for the page can be decoded and have the right shape."""
    assert row.place is not None
    name = sprite_name(row.label)
    if row.label not in row.sprites:
        return [f"no {name}, the pictures for the page; score again with this ganbench"]
    try:
        with Image.open(row.place / name) as image:
            image.load()
            width, height = image.size
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        return [f"cannot decode: {name} ({parsing.why(error)}); score again"]
    if width % 7 or height % (width // 7) or not 0 < height <= 4 * width:
        return [f"{name} is {width} x {height}, and no rows of seven squares; score again"]
    return []


def _of_edits(row: Row, opened: Opened, folder: Path | None, images: int) -> tuple[int, list[str]]:
    """The number of pictures that were verified, and what is wrong with them."""
    assert row.place is not None
    if folder is not None and parsing.is_folder(folder):
        found = verify(row.place, folder, opened, images=images)
    else:
        folder = row.place / EDITS
        sample = sample_of(row.hashes, images)
        names = [task_id(image, target) for image in sample for target in range(len(EMOTIONS))]
        missing = [name for name in names if not parsing.is_file(folder / f"{name}.png")]
        if missing:
            return 0, [
                f"edits of its sample are missing: {EDITS}/{missing[0]}.png and {len(missing) - 1} more of "
                f"{plural(len(names), 'edit')}; add them with 'ganbench leaderboard add --edits'"
            ]
        found = verify(row.place, folder, opened, only=sample)
    return found.pictures, [f"{fault}; score again" for fault in found.faults]


def _duplicates(rows: Sequence[tuple[str, Row]]) -> list[Fault]:
    """Rows of the same protocol with the same name, the same weights or the same pictures."""
    faults, seen = [], list[tuple[str, Row]]()
    protocols = sorted({row.run.results.protocol_name for _, row in rows})
    seen += [("ganbench", row) for name in protocols for row in frozen_rows(name)]
    for folder, row in rows:
        for other_folder, other in seen:
            if other.run.results.protocol_hash == row.run.results.protocol_hash:
                reason = _alike(row, other)
                if reason:
                    faults.append(
                        Fault(
                            folder,
                            f"{reason} as {other.title} of {other_folder}; keep one of them, or give another --name",
                        )
                    )
        seen.append((folder, row))
    return faults


def _alike(row: Row, other: Row) -> str:
    """Why two rows are one; empty if they are two."""
    if row.label.lower() == other.label.lower() or row.title.casefold() == other.title.casefold():
        return f"the same name: {clipped(row.title)}"
    if row.fact("weights") and row.fact("weights") == other.fact("weights"):
        return "the same weights or pictures"
    common = sum(other.hashes.get(name) == value for name, value in row.hashes.items())
    if row.hashes and 100 * common >= ALIKE * len(row.hashes):
        return f"{common:,} of {len(row.hashes):,} pictures the same"
    return ""
