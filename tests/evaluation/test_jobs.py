"""The plan of an evaluation: its jobs are listed once, and each array is read once."""

from collections import Counter

import torch
from toys import Painter, Plane, Reader, ToyFaces

from ganbench.evaluation.collect import conclude
from ganbench.evaluation.run import perform, prepare
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Store

N = 110  # a full chunk and a part


def planned(store, **more):
    parts = [Painter(noise=2), Plane()], ToyFaces(N), Reader(), 0, None, 32, store, Stopwatch()
    return prepare(*parts, **more)


def test_jobs_are_listed_once(tmp_path):
    plan = planned(Store(tmp_path))
    perform(plan)
    jobs = plan.jobs
    conclude(plan)
    assert plan.jobs is jobs
    with torch.no_grad():
        plan.methods["plane"].mu.mul_(0.5)
    plan.refresh()
    assert plan.jobs is not jobs


def test_the_jobs_of_a_chunk_follow_each_other(tmp_path):
    plan = planned(Store(tmp_path), metrics="default,diversity", noise_seeds=2)
    numbers = [job.chunk.number for job in plan.jobs]
    assert numbers == sorted(numbers)
    first = [job for job in plan.jobs if job.chunk.number == 0]
    assert Counter(job.kind for job in first) == {
        "real": 1,
        "render": 7,
        "truth": 1,
        "edits": 2 * 1 + 1 + 2 + 2,  # only edits that depend on noise are repeated
        "probe": 1,
    }
    assert all(job.kind != "probe" for job in plan.jobs if job.chunk.number)


def test_each_array_is_read_once(tmp_path, monkeypatch):
    store, read = Store(tmp_path), Counter()
    plan = planned(store, noise_seeds=2, others=[Reader("another")])
    perform(plan)
    get = store.get
    monkeypatch.setattr(store, "get", lambda key: read.update([store.path(key)]) or get(key))
    conclude(plan)
    judged = [store.path(plan.keys.of(j, judge)) for j in plan.jobs for judge in j.judges]
    rendered = {store.path(plan.keys.of(j, plan.judge)) for j in plan.jobs if j.kind == "render"}
    assert {path for path in judged if read[path] != 1} <= rendered
