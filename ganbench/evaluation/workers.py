"""Threads that work beside the edits of an evaluation: they render, compare pixels, and store.

A device edits while the processor does all this. On a machine without one, the same threads use the cores
that the edits leave free. What they do is compiled or written in C, and hardly holds the interpreter's lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import torch

from ganbench.devices import cores

Result = TypeVar("Result")
P = ParamSpec("P")

# More threads than this would wait for the next edits.
MOST = 4

# Number of tasks a thread that may wait: each holds the pictures of a batch.
WAITING = 4


class Later:
    """Has functions called by the caller, at once; ``Workers`` has them called by threads."""

    def __call__(
        self, function: Callable[P, Result], *arguments: P.args, **named: P.kwargs
    ) -> Future[Result]:
        """Have a function called; its future has its result, or the error that it raised."""
        future: Future[Result] = Future()
        future.set_result(function(*arguments, **named))
        return future


class Workers(Later):
    """Threads that call functions. If many calls wait, the next one waits for a free place.

    Args:
        threads: their number; None leaves the machine a core for the thread that edits.
    """

    def __init__(self, threads: int | None = None) -> None:
        threads = threads or max(1, min(MOST, cores() - 1))
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="ganbench")
        self._places = threading.Semaphore(threads * WAITING)

    def __call__(
        self, function: Callable[P, Result], *arguments: P.args, **named: P.kwargs
    ) -> Future[Result]:
        self._places.acquire()
        future = self.pool.submit(function, *arguments, **named)
        future.add_done_callback(lambda _: self._places.release())
        return future


@contextmanager
def workers() -> Iterator[Workers]:
    """Threads for a block, which ends when they have done everything; an error drops what has not begun."""
    made = Workers()
    try:
        yield made
    except BaseException:
        made.pool.shutdown(cancel_futures=True)
        raise
    made.pool.shutdown()


@contextmanager
def ahead(tasks: Iterable[Callable[[], None]]) -> Iterator[list[Future[None]]]:
    """Do tasks one after the other in a thread, while the block runs.

    Returns:
        Their futures. The end of the block drops the tasks that have not begun.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="ganbench")
    try:
        yield [pool.submit(task) for task in tasks]
    finally:
        pool.shutdown(cancel_futures=True)


def spares_cores(devices: Iterable[torch.device]) -> bool:
    """Whether edits on these devices leave cores for work that takes all of them, such as rendering.

    If the threads of torch take all cores, they wait for each other at the end of each layer, and another
    thread would delay all of them.
    """
    return any(device.type != "cpu" for device in devices) or torch.get_num_threads() < cores()
