"""What a row must pass before it enters a leaderboard: everything that can be checked without trust."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganbench import parsing
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.gate.folder import MANIFEST, files_of
from ganbench.leaderboard.adding import EDITS, SAMPLE, sample_of
from ganbench.leaderboard.rows import Row, frozen_rows, read_manifest, read_rows, run_folders
from ganbench.leaderboard.rules import faults_of
from ganbench.protocols import Protocol, list_protocols, load_protocol
from ganbench.submission.opened import Opened
from ganbench.submission.rows import RESULTS
from ganbench.submission.scorer import PART
from ganbench.submission.tasks import task_id
from ganbench.submission.verification import verify
from ganbench.text import clipped, plural, shown

# Two rows of which so many of a hundred edits are the same pictures are one row under two names.
ALIKE = 50


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
    allow_unverified: bool = False,
) -> Checked:
    """Check every run folder in a folder.

    Args:
        folder: of the results.
        open_protocol: loads a named protocol; it is called for protocols of rows whose edits are verified.
        edits: holds, for each run folder, a folder of the same name with all of its edits. Rows without one are
            verified by the edits that they bring themselves.
        images: number of images whose edits a row must bring, or that are drawn from ``edits``.
        allow_unverified: let rows of ``ganbench eval`` pass, whose pictures have no hashes.

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
            faults += faults_of(row, protocol) if protocol else []
            verified = 0
            if row.hashes and protocol and not faults:
                if protocol.name not in opened:
                    opened[protocol.name] = open_protocol(protocol.name)
                own = None if edits is None else edits / place.name
                if own is not None and not parsing.is_folder(own):
                    found.notes.append(
                        f"{name}: no folder {own}; it is verified by the edits that it brings"
                    )
                    own = None
                verified, more = _of_edits(row, opened[protocol.name], own, images)
                faults += more
            elif not row.hashes:
                text = f"no hashes of pictures: {row.label}, which ganbench ran from {row.fact('weights')[:16]}"
                if allow_unverified:
                    found.notes.append(f"{name}: {text}")
                else:
                    faults.append(
                        f"{text}; have its edits scored, or trust it with --allow-unverified"
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
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_symlink():
            faults.append(f"a link: {clipped(name)}; put the file itself there")
        elif name != MANIFEST and name not in known and not path.is_dir():
            faults.append(f"a file that {MANIFEST} does not name: {clipped(name)}; leave it out")
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


def _of_edits(row: Row, opened: Opened, folder: Path | None, images: int) -> tuple[int, list[str]]:
    """The number of pictures that were verified, and what is wrong with them."""
    assert row.place is not None
    if folder is not None:
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
        return f"{common:,} of {plural(len(row.hashes), 'picture')} the same"
    return ""
