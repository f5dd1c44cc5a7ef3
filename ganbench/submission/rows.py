"""Rows of other evaluations in one table, with paired differences: runs of one protocol are joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench import parsing
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation.collect import Evaluation
from ganbench.gate.comparison import Run
from ganbench.gate.predictions import PREDICTIONS, read_predictions
from ganbench.protocols.definition import folder_of
from ganbench.records import MINUS, Results
from ganbench.scoring import REAL, TRUTH
from ganbench.scoring.differences import differences

RESULTS = "results.json"


def frozen_run(name: str) -> Run | None:
    """The reference values of the shipped methods under a frozen protocol; None if it has none.

    Raises:
        BadInput: the files are damaged.
    """
    with resources.as_file(folder_of(name)) as folder:
        if not (folder / RESULTS).is_file():
            return None
        results = Results.from_json(
            parsing.read_text(folder / RESULTS, parsing.RESULTS), f"{name}/{RESULTS}"
        )
        return Run(*read_predictions(folder / PREDICTIONS, results))


def joined(evaluation: Evaluation, runs: Sequence[Run]) -> Evaluation:
    """An evaluation with the rows of other runs of its protocol beside its own.

    Differences of every two methods are computed anew, since their intervals hold together.

    Args:
        evaluation: its real images, true edits and pictures are kept.
        runs: with influence values, so that differences are paired.

    Raises:
        BadInput: a run has another protocol, or two runs have a method of the same name.
    """
    run = join(evaluation.results, runs)
    predictions = {**evaluation.predictions, **run.predictions}
    return replace(evaluation, results=run.results, predictions=predictions)


def join(results: Results, runs: Sequence[Run]) -> Run:
    """Results with the rows of other runs beside their own, and the predictions of these rows.

    Args:
        results: their real images and true edits are kept.
        runs: as for ``joined``.

    Raises:
        BadInput: as for ``joined``.
    """
    methods, confusion = dict(results.methods), dict(results.confusion)
    predictions: dict[str, NDArray[np.int8]] = {}
    records = [r for r in results.records if not r.variant.startswith(MINUS)]
    versions = {name: spec.get("version") for name, spec in results.metrics.items()}
    for run in runs:
        other = run.results
        _check(results, other, methods)
        for label, facts in other.methods.items():
            methods[label] = facts
            confusion[label] = _counts(other, label)
            if label in run.predictions:
                predictions[label] = run.predictions[label]
        records += [
            r
            for r in other.records
            if r.method not in (REAL, TRUTH)
            and not r.variant.startswith(MINUS)
            and versions.get(r.metric, r.version) == r.version
        ]
    specs = {name: spec for run in runs for name, spec in run.results.metrics.items()}
    merged = replace(
        results,
        methods=methods,
        confusion=confusion,
        records=tuple(records),
        metrics=specs | results.metrics,
    )
    records += differences(records, merged.competing)
    return Run(replace(merged, records=tuple(records)), predictions)


def _counts(results: Results, label: str) -> list[list[list[int]]]:
    """The counts of verdicts on the edits of a method, [7][7][7]."""
    counts = results.confusion.get(label, [])
    sizes = {len(counts), *map(len, counts), *(len(row) for rows in counts for row in rows)}
    if sizes != {len(EMOTIONS)}:
        raise BadInput(f"no counts of verdicts on the edits of {label} in its run; evaluate again")
    return counts


def _check(results: Results, other: Results, taken: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse another protocol, and labels and titles of methods that have a row already."""
    if other.protocol_hash != results.protocol_hash or other.seed != results.seed:
        raise BadInput(
            f"a run of another protocol: {other.protocol_name} is not {results.protocol_name}; a table has "
            "rows of one protocol"
        )
    lowered = {label.lower() for label in taken}
    titles = {str(facts.get("title", "")).lower() for facts in taken.values()}
    for label, facts in other.methods.items():
        if label.lower() in lowered or str(facts.get("title", "")).lower() in titles:
            raise BadInput(
                f"name given twice: {facts.get('title', label)} is a row of {other.protocol_name}; choose "
                "another --name"
            )
