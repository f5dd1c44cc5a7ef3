"""Show which parts of a training step take how much time, for each method.

    python benchmarks/steps.py                        # networks of the faces recipe, as shipped
    python benchmarks/steps.py stargan --recipe affectnet --cycles 1
    python benchmarks/steps.py --operations 6         # torch.profiler: the operations that take most

Prints processor milliseconds of an iteration with one thread, as a mean over whole cycles after a first
cycle, and the shares of: data (indexing, augmentation), passes of the generator, the rest of the losses, the
gradient penalty, backward passes of critic and generator steps, optimisers, and the moving average.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ganbench.config import parse_assignments
from ganbench.data import load_dataset
from ganbench.registry import METHODS
from ganbench.seeds import generator
from ganbench.training import losses
from ganbench.training.augment import augment
from ganbench.training.batches import Batch
from ganbench.training.draws import Draws
from ganbench.training.session import prepare

COLUMNS = ("data", "G forward", "losses", "penalty", "D backward", "G backward", "optimiser", "EMA")


class Clock:
    """Processor seconds by name; time of a nested measurement counts for the inner name only."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.inner = [0.0]

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the processor time of the block to ``name``."""
        self.inner.append(0.0)
        start = time.process_time()
        try:
            yield
        finally:
            taken = time.process_time() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + taken - self.inner.pop()
            self.inner[-1] += taken

    def wrapped(self, function: Any, name: Callable[[], str]) -> Any:
        """A function that runs ``function`` and measures it under ``name()``."""

        def run(*args: Any, **kwargs: Any) -> Any:
            with self.measure(name()):
                return function(*args, **kwargs)

        return run


def watch(trainer: Any, clock: Clock) -> None:
    """Measure the parts of a trainer's steps."""
    step = ["D backward"]
    minimise = trainer.minimise

    def noted(terms: Any, *optimizers: str, **more: Any) -> Any:
        step[0] = "D backward" if optimizers == ("d",) else "G backward"
        return minimise(terms, *optimizers, **more)

    trainer.minimise = noted
    torch.Tensor.backward = clock.wrapped(torch.Tensor.backward, lambda: step[0])  # type: ignore[method-assign]
    for module in trainer.model.children():
        module.forward = clock.wrapped(module.forward, lambda: "G forward")
    if hasattr(trainer, "gradient_penalty"):
        trainer.gradient_penalty = clock.wrapped(trainer.gradient_penalty, lambda: "penalty")
    for optimizer in trainer.optimizers.values():
        optimizer.step = clock.wrapped(optimizer.step, lambda: "optimiser")
    trainer.update_ema = clock.wrapped(trainer.update_ema, lambda: "EMA")


def profile(
    name: str, recipe: str, assignments: tuple[str, ...], cycles: int
) -> tuple[float, Clock]:
    """Processor seconds of an iteration, and the clock with their parts."""
    trainer: Any = prepare(
        name, recipe, parse_assignments(("warmup_iterations=0", *assignments)), device="cpu"
    ).trainer
    size = trainer.model.config.image_size
    dataset = load_dataset("faces", "train", size=64, limit=140)
    clock = Clock()
    backward, derive = torch.Tensor.backward, losses._input_gradient
    losses._input_gradient = clock.wrapped(derive, lambda: "penalty")
    watch(trainer, clock)
    try:
        for iteration in range((cycles + 1) * trainer.cycle):
            if iteration == trainer.cycle:
                clock.seconds.clear()
                start = time.process_time()
            with clock.measure("data"):
                chosen = trainer.indices(dataset.labels, iteration, 0)
                images = dataset.images(chosen)
                if size != 64:
                    images = torch.nn.functional.interpolate(images, size=(size, size))
                images = augment(
                    images, trainer.recipe.augment, Draws(generator(0, "a", iteration))
                )
                images = images.to(memory_format=torch.channels_last)
                batch = Batch(images, torch.as_tensor(dataset.labels[chosen]))
            with clock.measure("losses"):
                trainer.set_rates(iteration)
                trainer.step(iteration, batch, generator(0, "step", iteration))
        total = time.process_time() - start
    finally:
        torch.Tensor.backward, losses._input_gradient = backward, derive  # type: ignore[method-assign]
    return total / (cycles * trainer.cycle), clock


def operations(name: str, recipe: str, assignments: tuple[str, ...], count: int) -> list[str]:
    """The operations of a cycle that take most processor time, as "name 12 % (34 calls)"."""
    chosen = parse_assignments(("warmup_iterations=0", *assignments))
    trainer: Any = prepare(name, recipe, chosen, device="cpu").trainer
    size = trainer.model.config.image_size
    n = len(trainer.indices(np.arange(700) % 7, 0, 0))
    images = torch.rand(n, 3, size, size, generator=generator(0, "images"))
    batch = Batch(images.to(memory_format=torch.channels_last), torch.arange(n) % 7)

    def cycle() -> None:
        for iteration in range(trainer.cycle):
            trainer.set_rates(iteration)
            trainer.step(iteration, batch, generator(0, "step", iteration))

    cycle()  # makes buffers and moments
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        cycle()
    events = profiler.key_averages()
    whole = sum(event.self_cpu_time_total for event in events)
    most = sorted(events, key=lambda event: -event.self_cpu_time_total)[:count]
    return [
        f"{event.key.removeprefix('aten::')} {event.self_cpu_time_total / whole:.0%} ({event.count})"
        for event in most
    ]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="*", metavar="METHOD", help="Default: all.")
    parser.add_argument("--recipe", default="faces")
    parser.add_argument("--cycles", type=int, default=4, help="Cycles of steps after the first.")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--operations", type=int, metavar="N", help="The N longest operations.")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.operations:
        for name in chosen.methods or METHODS.names():
            longest = operations(name, chosen.recipe, tuple(chosen.set), chosen.operations)
            print(f"| {name} | {', '.join(longest)} |", flush=True)
        return
    print(f"{'':<12}{'ms':>8}" + "".join(f"{column:>12}" for column in COLUMNS))
    for name in chosen.methods or METHODS.names():
        taken, clock = profile(name, chosen.recipe, tuple(chosen.set), chosen.cycles)
        whole = sum(clock.seconds.values())
        shares = "".join(f"{clock.seconds.get(column, 0.0) / whole:>12.1%}" for column in COLUMNS)
        print(f"{name:<12}{1000 * taken:>8.1f}{shares}", flush=True)


if __name__ == "__main__":
    main()
