"""An evaluation in several processes, which share the store and nothing else.

A shard is every N-th chunk of the test set with all jobs of these chunks. Only one process then loads the
images and true edits of a chunk. A piece does not depend on the process that computes it: results are equal
to those of one process, to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganbench.errors import BadInput
from ganbench.evaluation.jobs import Job
from ganbench.evaluation.plan import Plan
from ganbench.storage.store import digest


@dataclass(frozen=True)
class Shard:
    """Shard ``number`` of ``count``; the first is 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def jobs(self, plan: Plan) -> list[Job]:
        """Its jobs of a plan."""
        return [job for job in plan.jobs if self.of(job, self.count) == self]

    @classmethod
    def of(cls, job: Job, count: int) -> Shard:
        """The shard that a job belongs to."""
        return cls(job.chunk.number % count + 1, count)


def parse_shard(text: str) -> Shard:
    """``I/N`` -> the shard.

    Raises:
        BadInput: not of that form, or no I from 1 to N.
    """
    number, _, count = text.partition("/")
    if number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
        return Shard(int(number), int(count))
    raise BadInput(f"not a shard: {text!r}; write --shard 1/4, 2/4, 3/4 or 4/4")


def left(plan: Plan, count: int | None = None) -> str | None:
    """What the store lacks of a plan, in words; None if it has everything.

    Args:
        count: number of shards; None takes the number that ``note`` has stored.
    """
    missing = [job for job in plan.jobs if plan.missing(job)]
    if not missing:
        return None
    if count is None and (noted := plan.store.get(_key(plan))) is not None:
        count = int(noted["count"])
    text = f"{len(missing)} of {len(plan.jobs)} pieces"
    if count is None:
        return text
    shards = sorted({Shard.of(job, count).number for job in missing})
    return f"{text}, of shards {', '.join(str(Shard(i, count)) for i in shards)}"


def note(plan: Plan, shard: Shard) -> None:
    """Store the number of shards, for ``left`` in another process."""
    plan.store.put(_key(plan), {"count": np.array(shard.count)})


def _key(plan: Plan) -> dict[str, Any]:
    return {"kind": "shards", "of": digest([plan.keys.of(job, plan.judge) for job in plan.jobs])}
