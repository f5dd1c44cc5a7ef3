"""The trial of the metrics: the table of all columns and editors, and the checks that hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganbench.errors import BadInput
from ganbench.judges.interface import Judge, JudgeSpec
from ganbench.judges.vgg import VGGJudge
from ganbench.stopwatch import StageProgress
from ganbench.validation import FAILED
from ganbench.validation.checks import EXPECTED, Check, Table
from ganbench.validation.editors import EDITORS
from ganbench.validation.faces import make_known_faces
from ganbench.validation.measures import measure, prepare

# Two faces of each emotion, since some metrics need neighbours.
FEWEST = 14


@dataclass(frozen=True)
class CheckResult:
    """A check, whether it holds, and the values that it compares."""

    check: Check
    passed: bool
    values: Mapping[str, float | None]

    @property
    def known(self) -> bool:
        """Whether the column is known to fail."""
        return self.check.column in FAILED


@dataclass(frozen=True)
class Trial:
    """The result of a trial.

    Attributes:
        facts: number of faces, seed, size and judges.
        table: the value of each column for each editor.
        results: the results of all checks, in the order of ``EXPECTED``.
    """

    facts: dict[str, Any]
    table: Table
    results: tuple[CheckResult, ...]

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The results of the checks that do not hold."""
        return tuple(result for result in self.results if not result.passed)

    @property
    def holds_again(self) -> tuple[str, ...]:
        """Columns that are known to fail, but passed."""
        failed = {result.check.column for result in self.failed}
        return tuple(column for column in FAILED if column not in failed)

    @property
    def exit_code(self) -> int:
        """1 if a check fails that is not known to fail, else 0."""
        return 1 if any(not result.known for result in self.failed) else 0


def validate(
    judge: Judge, other: Judge, count: int, seed: int = 0, progress: StageProgress | None = None
) -> Trial:
    """Let all editors edit some faces, and check the metrics of their edits.

    Args:
        judge: its predictions and features are the inputs of the metrics. It must be a VGG, because the
            texture is computed from its gradients.
        other: the independent judge, which the texture is not made for.
        count: number of test faces.
        seed: seed of the faces and of all draws.
        progress: called before each editor.

    Raises:
        BadInput: the judge is no VGG, or there are too few faces.
    """
    if not isinstance(judge, VGGJudge):
        raise BadInput(
            f"the texture needs the gradients of a VGG: --judge {judge.spec.name}; give vgg or a "
            "checkpoint of 'ganbench train judge'"
        )
    if count < FEWEST:
        raise BadInput(f"too few faces: {count}; use {FEWEST} or more, two of each emotion")
    tell = progress or (lambda *_: None)
    tell("render", 0, len(EDITORS))
    faces = make_known_faces(count, judge.spec.image_size, seed)
    reference = prepare(faces, judge, other)
    table = {}
    for i, editor in enumerate(EDITORS):
        tell(editor.name, i, len(EDITORS))
        table[editor.name] = measure(reference, editor.edit(faces, judge))
    facts = {
        "faces": count,
        "seed": seed,
        "size": faces.size,
        "judge": _identity(judge.spec),
        "independent judge": _identity(other.spec),
    }
    return Trial(facts, table, examine(table))


def examine(table: Table, checks: tuple[Check, ...] = EXPECTED) -> tuple[CheckResult, ...]:
    """The results of some checks on a table."""
    return tuple(
        CheckResult(
            check,
            check.holds(table),
            {editor: table[editor][check.column] for editor in check.editors},
        )
        for check in checks
    )


def _identity(judge: JudgeSpec) -> dict[str, str]:
    return {"title": judge.title, "fingerprint": judge.fingerprint}
