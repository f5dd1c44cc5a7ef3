"""What an evaluation would do and cost, found out without doing it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ganbench.evaluation import protocol
from ganbench.evaluation.passes import Job, Pass
from ganbench.judges.interface import ask

# Images timed for an estimate, after as many to warm up.
SAMPLE = 16


@dataclass(frozen=True)
class Item:
    """One maker's share of the work.

    Attributes:
        title: real images, true edits, or a method.
        images: how many images it makes or judges in all.
        missing: how many of those the store does not hold yet.
        jobs, missing_jobs: the same in stored pieces.
        seconds: estimated time for what is missing.
    """

    title: str
    images: int
    missing: int
    jobs: int
    missing_jobs: int
    seconds: float


def plan(run: Pass) -> list[Item]:
    """The work of a pass, maker by maker; a few images are edited and judged to learn the speed."""
    jobs = run.jobs()
    missing = set(map(id, (job for job in jobs if run.missing(job))))
    found = []
    for title in dict.fromkeys(job.title for job in jobs):
        own = [job for job in jobs if job.title == title]
        todo = [job for job in own if id(job) in missing]
        found.append(
            Item(
                title=title,
                images=sum(job.images for job in own),
                missing=sum(job.images for job in todo),
                jobs=len(own),
                missing_jobs=len(todo),
                seconds=_seconds(run, todo),
            )
        )
    return found


def _seconds(run: Pass, jobs: list[Job]) -> float:
    """Estimated time of some jobs of one maker."""
    total = 0.0
    for kind in {job.kind for job in jobs}:
        own = [job for job in jobs if job.kind == kind]
        total += _seconds_an_image(run, own[0]) * sum(job.images for job in own)
    return total


@torch.inference_mode()
def _seconds_an_image(run: Pass, job: Job) -> float:
    if job.kind == "render":
        # Of a probe, an image has many.
        chosen, of_each = job.chunk.indices[:SAMPLE], 1
        if job.codes:
            chosen, of_each = chosen[:1], len(run.probe(job.codes).units)
        return _time(lambda: run.render(job, chosen), len(chosen) * of_each)
    n = min(SAMPLE, run.batch_size)
    images = torch.rand(n, 3, run.dataset.size, run.dataset.size)
    judges = run.missing(job)
    judging = _time(lambda: [ask(judge, images).logits.cpu() for judge in judges], n)
    if job.kind not in ("edits", "probe"):
        return judging
    method = run.methods[job.method]
    codes, _ = protocol.codes(method, "anchor", run.seed, 0)  # all codes take the same time
    return judging + _time(lambda: method.edit(images, codes[:n]).images.cpu(), n)


def _time(work: Callable[[], object], images: int) -> float:
    work()
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) / images
