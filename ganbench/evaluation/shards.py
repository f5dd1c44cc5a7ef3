"""An evaluation in several processes, which meet in the store and nowhere else.

A shard is every N-th chunk of the test set with all that is made of it, so that images and right answers
are loaded by one process only. A piece does not depend on who computes it: results are those of one
process, to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganbench.errors import BadInput
from ganbench.evaluation.passes import Job, Pass
from ganbench.storage.store import digest


@dataclass(frozen=True)
class Shard:
    """Shard ``number`` of ``count``; the first is 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def jobs(self, run: Pass) -> list[Job]:
        """Its jobs of a pass."""
        return [job for job in run.jobs() if self.of(job, self.count) == self]

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


def left(run: Pass, count: int | None = None) -> str | None:
    """What the store lacks of a pass, in words; None if it has everything.

    Args:
        count: into how many shards the pass is cut; None takes what ``note`` was told last.
    """
    jobs = run.jobs()
    missing = [job for job in jobs if run.missing(job)]
    if not missing:
        return None
    if count is None and (noted := run.store.get(_key(jobs, run))) is not None:
        count = int(noted["count"])
    text = f"{len(missing)} of {len(jobs)} pieces"
    if count is None:
        return text
    shards = sorted({Shard.of(job, count).number for job in missing})
    return f"{text}, of shards {', '.join(str(Shard(i, count)) for i in shards)}"


def note(run: Pass, shard: Shard) -> None:
    """Leave word in the store of how many shards there are."""
    run.store.put(_key(run.jobs(), run), {"count": np.array(shard.count)})


def _key(jobs: list[Job], run: Pass) -> dict[str, Any]:
    return {"kind": "shards", "of": digest([run.key(job) for job in jobs])}
