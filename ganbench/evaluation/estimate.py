"""What an evaluation would do and cost, found out without doing it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ganbench.evaluation import protocol
from ganbench.evaluation.compute import render
from ganbench.evaluation.jobs import Job
from ganbench.evaluation.plan import Plan
from ganbench.evaluation.precision import arithmetic
from ganbench.faces_in_photos import load_face_networks
from ganbench.faces_in_photos.framed import describe
from ganbench.judges.interface import ask
from ganbench.methods.outputs import to_bytes

# Number of images that are timed for an estimate, after the same number to warm up.
SAMPLE = 16


@dataclass(frozen=True)
class Item:
    """The work for one source of images.

    Attributes:
        title: real images, true edits, or a method.
        images: number of images that it makes or judges in all.
        missing: number of those that the store does not hold yet.
        jobs, missing_jobs: the same numbers in jobs.
        seconds: estimated time for what is missing.
    """

    title: str
    images: int
    missing: int
    jobs: int
    missing_jobs: int
    seconds: float


def estimate(plan: Plan) -> list[Item]:
    """The work of a plan by the titles of its jobs; a few images are edited and judged to learn the speed."""
    missing = {id(job) for job in plan.jobs if plan.missing(job)}
    items = []
    for title in dict.fromkeys(job.title for job in plan.jobs):
        jobs = [job for job in plan.jobs if job.title == title]
        todo = [job for job in jobs if id(job) in missing]
        items.append(
            Item(
                title=title,
                images=sum(job.images for job in jobs),
                missing=sum(job.images for job in todo),
                jobs=len(jobs),
                missing_jobs=len(todo),
                seconds=_seconds(plan, todo),
            )
        )
    return items


def _seconds(plan: Plan, jobs: list[Job]) -> float:
    """Estimated time of some jobs with one title."""
    total = 0.0
    for kind in {job.kind for job in jobs}:
        alike = [job for job in jobs if job.kind == kind]
        total += _seconds_an_image(plan, alike[0]) * sum(job.images for job in alike)
    return total


@torch.inference_mode()
def _seconds_an_image(plan: Plan, job: Job) -> float:
    if job.kind == "render":
        # A probe has many true edits of each image.
        indices = job.chunk.indices[: 1 if job.asked else SAMPLE]
        count = len(indices) * max(1, len(job.asked))
        return _time(lambda: render(job, plan.dataset, indices), count)
    n = min(SAMPLE, plan.batch_size)
    images = torch.rand(n, 3, plan.dataset.size, plan.dataset.size)
    if job.kind == "faces":
        # Pictures without a face would be looked at again and again.
        faces = to_bytes(plan.dataset.images(job.chunk.indices[:n])).transpose(0, 2, 3, 1)
        networks = load_face_networks(plan.judge.device)
        judging = _time(lambda: describe(networks, faces), len(faces))
    else:
        judges = plan.missing(job)
        judging = _time(lambda: [ask(judge, images).logits.cpu() for judge in judges], n)
    if (method := job.method) is None:
        return judging
    codes, _ = protocol.codes(method, "anchor", plan.seed, 0)  # all codes take the same time

    def edit() -> None:
        with arithmetic(plan.precision, method.device):
            method.edit(images, codes[:n]).images.cpu()

    return judging + _time(edit, n)


def _time(work: Callable[[], object], images: int) -> float:
    work()
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) / images
