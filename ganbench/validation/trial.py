"""The trial of the metrics: all columns of all editors, and which expectations hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ganbench.errors import BadInput
from ganbench.judges.interface import Judge, JudgeSpec
from ganbench.judges.vgg import VGGJudge
from ganbench.validation import FAILED
from ganbench.validation.checks import EXPECTED, Check, Table
from ganbench.validation.editors import EDITORS
from ganbench.validation.measures import measure, prepare
from ganbench.validation.scene import make_scene

# Each of the seven emotions needs some neighbours.
FEWEST = 14

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many editors are done, and how many there are."""


@dataclass(frozen=True)
class Outcome:
    """An expectation and whether it held, with the values it was about."""

    check: Check
    passed: bool
    values: Mapping[str, float | None]

    @property
    def known(self) -> bool:
        """Whether the column is one that is known to fail, and withheld for it."""
        return self.check.column in FAILED


@dataclass(frozen=True)
class Trial:
    """What a trial found.

    Attributes:
        facts: faces, seed and judges.
        table: for each editor, the value of each column.
        outcomes: of all checks, in the order of ``EXPECTED``.
    """

    facts: dict[str, Any]
    table: Table
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The checks that did not hold."""
        return tuple(outcome for outcome in self.outcomes if not outcome.passed)

    @property
    def holds_again(self) -> tuple[str, ...]:
        """Columns that are known to fail and did not."""
        failed = {outcome.check.column for outcome in self.failed}
        return tuple(column for column in FAILED if column not in failed)

    @property
    def exit_code(self) -> int:
        """1 if a metric fails that is not known to, else 0."""
        return 1 if any(not outcome.known for outcome in self.failed) else 0


def validate(
    judge: Judge, other: Judge, faces: int, seed: int = 0, progress: Progress | None = None
) -> Trial:
    """Let all editors edit some faces, and hold the metrics against what is known about them.

    Args:
        judge: whose verdicts and features the metrics are computed from, and whom the texture is
            made for: a VGG, since that takes its gradients.
        other: the independent judge; nothing is made for it.
        faces: how many test faces.
        seed: of the faces and all draws.
        progress: told before each editor.

    Raises:
        BadInput: another kind of judge, or too few faces.
    """
    if not isinstance(judge, VGGJudge):
        raise BadInput(
            f"the texture needs the gradients of a VGG: --judge {judge.spec.name}; give vgg or a "
            "checkpoint of 'ganbench train judge'"
        )
    if faces < FEWEST:
        raise BadInput(f"too few faces: {faces}; use {FEWEST} or more, two of each emotion")
    tell = progress or (lambda *_: None)
    tell("render", 0, len(EDITORS))
    scene = make_scene(faces, judge.spec.image_size, seed)
    known = prepare(scene, judge, other)
    table = {}
    for i, editor in enumerate(EDITORS):
        tell(editor.name, i, len(EDITORS))
        table[editor.name] = measure(known, editor.edit(scene, judge))
    facts = {
        "faces": faces,
        "seed": seed,
        "size": scene.size,
        "judge": _identity(judge.spec),
        "independent judge": _identity(other.spec),
    }
    return Trial(facts, table, examine(table))


def examine(table: Table, checks: tuple[Check, ...] = EXPECTED) -> tuple[Outcome, ...]:
    """Hold a table against expectations."""
    return tuple(
        Outcome(
            check,
            check.holds(table),
            {editor: table[editor][check.column] for editor in check.editors},
        )
        for check in checks
    )


def _identity(judge: JudgeSpec) -> dict[str, str]:
    return {"title": judge.title, "fingerprint": judge.fingerprint}
