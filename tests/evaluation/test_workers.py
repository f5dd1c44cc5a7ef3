"""Threads render, compare and store while the next images are edited; no number depends on them."""

import threading
import time

import pytest
import torch
from toys import Painter, Reader, ToyFaces

from ganbench.errors import BadInput
from ganbench.evaluation import compute, workers
from ganbench.evaluation.run import evaluate, perform, prepare
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Store

N = 110  # a full chunk and a part
NAP = 0.02  # seconds


class Slow(Painter):
    """A method on a device that works while the processor sleeps."""

    def translate(self, x, codes):
        time.sleep(NAP)
        return super().translate(x, codes)


class SlowFaces(ToyFaces):
    def true_edits(self, indices, emotion):
        time.sleep(NAP)
        return super().true_edits(indices, emotion)


def planned(store, data=None, method=None):
    parts = [method or Slow()], data or ToyFaces(N), Reader(), 0, None, 32, store, Stopwatch()
    return prepare(*parts)


def test_pixels_are_compared_while_the_next_images_are_edited(tmp_path, monkeypatch):
    seen, distances = set(), compute._distances

    def slow(*arguments):
        seen.add(threading.get_ident())
        time.sleep(NAP)
        return distances(*arguments)

    monkeypatch.setattr(compute, "_distances", slow)
    plan = planned(Store(tmp_path))
    perform(plan)
    assert threading.get_ident() not in seen
    stages = plan.stopwatch.stages
    compared, waited = stages["compare with truth"], stages["wait for comparisons"]
    # 25 batches of edits and as many of true edits sleep; the edits' thread waits for the last ones of a
    # job only.
    assert compared.seconds == 0
    assert compared.beside > 50 * NAP
    assert waited.seconds < 0.6 * compared.beside


@pytest.mark.parametrize("spared", [True, False])
def test_true_edits_are_rendered_ahead_where_cores_are_free(tmp_path, monkeypatch, spared):
    monkeypatch.setattr(workers, "cores", lambda: torch.get_num_threads() + spared)
    data = SlowFaces(N)
    plan = planned(Store(tmp_path), data)
    perform(plan)
    assert data.rendered == 7 * N
    rendered = plan.stopwatch.stages["render true edits"]
    assert (rendered.beside > 0, rendered.seconds > 0) == (spared, not spared)
    assert plan.pieces.computed == len(plan.jobs)
    perform(plan)
    assert data.rendered == 7 * N  # the threads have stored them


def test_threads_change_no_number(tmp_path, monkeypatch):
    found = []
    for threads, spared in ((1, 0), (4, 1)):
        monkeypatch.setattr(workers, "cores", lambda t=threads: t + torch.get_num_threads())
        monkeypatch.setattr(workers, "MOST", threads)
        monkeypatch.setattr(workers, "spares_cores", lambda _, s=spared: bool(s))
        store = Store(tmp_path / str(threads))
        found.append(evaluate([Painter(noise=2)], ToyFaces(N), Reader(), store=store).results)
    assert found[0] == found[1]


def test_an_error_in_a_thread_ends_the_evaluation(tmp_path, monkeypatch):
    def broken(*_):
        raise BadInput("no such region: 9; give values in 0..4")

    monkeypatch.setattr(compute, "gt_distances", broken)
    with pytest.raises(BadInput, match="no such region"):
        perform(planned(Store(tmp_path)))


def test_an_edit_that_cannot_be_stored_ends_the_evaluation(tmp_path, monkeypatch):
    store = Store(tmp_path)

    def full(*_):
        raise BadInput(
            "cannot use the cache: no space left; point GANBENCH_CACHE to a folder with room"
        )

    plan = planned(store)
    monkeypatch.setattr(store, "put", full)
    with pytest.raises(BadInput, match="cannot use the cache"):
        perform(plan)
    assert threading.active_count() < 20  # the threads are gone


def test_few_tasks_wait_at_once():
    begun, go = [], threading.Event()

    def task(i):
        begun.append(i)
        go.wait(10)

    made = workers.Workers(threads=1)
    asker = threading.Thread(target=lambda: [made(task, i) for i in range(20)])
    asker.start()
    time.sleep(0.1)
    assert made.pool._work_queue.qsize() < workers.WAITING + 1
    go.set()
    asker.join()
    made.pool.shutdown()
    assert begun == list(range(20))


def test_a_stopwatch_counts_other_threads_apart():
    watch = Stopwatch()

    def beside():
        with watch.measure("work"):
            time.sleep(0.05)

    with watch.measure("wait"):
        thread = threading.Thread(target=beside)
        thread.start()
        thread.join()
    assert watch.stages["work"].seconds == 0
    assert watch.stages["work"].beside >= 0.05
    assert watch.stages["wait"].seconds >= 0.05
