"""What can be said of a row without its edits: names, numbers, verdicts and hashes agree with each other."""

from __future__ import annotations

import re

import numpy as np
from PIL import Image

from ganbench import parsing
from ganbench.emotions import EMOTIONS
from ganbench.evaluation import labels
from ganbench.leaderboard.rows import Row, frozen_rows
from ganbench.protocols import Protocol
from ganbench.records import REFERENCE, Record
from ganbench.report.sprites import sprite_name
from ganbench.submission.scorer import PICTURES
from ganbench.submission.verification import rows_of
from ganbench.text import clipped, is_web, plural, shown

# Longest text of a fact on the page.
LONGEST = 300


def faults_of(row: Row, protocol: Protocol) -> list[str]:
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
    if _by_target(results.confusion.get(row.label, [])) != counted.tolist():
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


def _by_target(confusion: list[list[list[int]]]) -> list[list[int]]:
    """The counts [target][judged] of counts [source][target][judged]; empty if they have another shape."""
    shapes = {(len(table), len(line)) for table in confusion for line in table}
    if len(confusion) != len(EMOTIONS) or shapes != {(len(EMOTIONS), len(EMOTIONS))}:
        return []
    totals: list[list[int]] = np.array(confusion).sum(axis=0).tolist()
    return totals


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
