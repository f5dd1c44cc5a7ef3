"""What N GPUs would make of the paper's trainings: a model of its cost, not a measurement.

    python benchmarks/scaling.py                     # all methods, recipe affectnet
    python benchmarks/scaling.py linear --gpus 1,8

Counted from the code, on tensors without content: operations, kernels, parameters and bytes that are
all-reduced in an iteration. Assumed, for want of GPUs, and given as (slow, middle, fast) below: how fast
a GPU computes, starts kernels, and reaches the others. An iteration then takes

    max(FLOP / (N x rate), kernels x start) + 2 (N - 1) / N x bytes / bandwidth + reductions x latency

since a GPU with little work waits for the CPU that feeds it, and gradients are reduced after backward,
not during it. Reading and decoding images are left out: the column img/s says what the disks must give.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from ganbench.seeds import generator
from ganbench.training.plan import plan
from ganbench.training.session import configure
from ganbench.training.trainer import dealt

METHODS = ["stargan", "linear", "gaussian", "ganimation", "smit", "stargan-v2"]


@dataclass(frozen=True)
class Machine:
    """What is assumed of a machine.

    Attributes:
        rate: float32 operations a second that a GPU reaches in these networks.
        start: seconds until the CPU has started one kernel.
        bandwidth: bytes a second at which a GPU all-reduces with the others.
        latency: seconds of an all-reduce of nothing.
    """

    rate: float
    start: float
    bandwidth: float
    latency: float


MACHINES = {
    "slow": Machine(rate=3e12, start=15e-6, bandwidth=8e9, latency=100e-6),  # old cards, PCIe
    "middle": Machine(rate=10e12, start=8e-6, bandwidth=50e9, latency=50e-6),
    "fast": Machine(rate=30e12, start=5e-6, bandwidth=200e9, latency=30e-6),  # new ones, NVLink
}


@dataclass(frozen=True)
class Work:
    """An iteration of a method, in the mean over a cycle of critic and generator steps.

    Attributes:
        iterations: of the whole run.
        batch: images that all GPUs share.
        images: training images that are read; several batches of them for some methods.
        flops: for the whole batch.
        kernels: operations on each GPU, whatever its share.
        reductions: all-reduces of gradients.
        bytes: that these reduce, on each GPU.
    """

    iterations: int
    batch: int
    images: int
    flops: float
    kernels: float
    reductions: float
    bytes: float

    def seconds(self, gpus: int, machine: Machine) -> float:
        """Of an iteration; see the module."""
        computing = max(self.flops / gpus / machine.rate, self.kernels * machine.start)
        if gpus == 1:
            return computing
        moved = 2 * (gpus - 1) / gpus * self.bytes
        return computing + moved / machine.bandwidth + self.reductions * machine.latency


class Counter(TorchDispatchMode):
    """Counts operations of tensors, without mere views."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func.namespace == "aten" and not func.is_view
        return func(*args, **(kwargs or {}))


def count(name: str, recipe: str) -> Work:
    """Look at one cycle of a method's steps after the warm-up."""
    setup = configure(name, recipe, ("ema_decay=0.0",))
    whole, batch = plan(setup), setup.recipe.batch_size
    sent, reductions, kernels = 0, 0, Counter()
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    with fake:
        trainer = setup.build()
        for optimizer in trainer.optimizers.values():
            for group in optimizer.param_groups:
                group["foreach"] = True  # as on a GPU: not a kernel for each parameter
    images = len(trainer.indices(np.arange(1000) % 7, 0, 0))
    with fake:
        pixels = torch.empty(images, 3, setup.network.image_size, setup.network.image_size)
    given = dealt(pixels, torch.arange(images) % 7)
    minimise = trainer.minimise

    def observed(terms, *optimizers, **options):
        nonlocal sent, reductions
        reductions += 1
        groups = [group for name in optimizers for group in trainer.optimizers[name].param_groups]
        sent += sum(4 * p.numel() for group in groups for p in group["params"])
        return minimise(terms, *optimizers, **options)

    trainer.minimise = observed
    cycle, first = trainer.cycle, setup.recipe.warmup_iterations
    with kernels:
        for iteration in range(first, first + cycle):
            trainer.step(iteration, given, generator(0, "step", iteration))
    return Work(
        iterations=setup.recipe.iterations,
        batch=batch,
        images=images,
        flops=whole.flops / setup.recipe.iterations,
        kernels=kernels.count / cycle,
        reductions=reductions / cycle,
        bytes=sent / cycle,
    )


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="*", help="Which; all six if none is named.")
    parser.add_argument("--recipe", default="affectnet")
    parser.add_argument("--gpus", default="1,2,4,8", help="Numbers of GPUs, with commas.")
    options = parser.parse_args()
    for machine, assumed in MACHINES.items():
        print(
            f"{machine}: {assumed.rate / 1e12:g} TFLOP/s, {assumed.start * 1e6:g} us a kernel, "
            f"{assumed.bandwidth / 1e9:g} GB/s, {assumed.latency * 1e6:g} us an all-reduce"
        )
    print("\nAn iteration, counted from the code:")
    print(f"{'':<12}{'batch':>7}{'TFLOP':>8}{'kernels':>9}{'reduced':>10}")
    works = {name: count(name, options.recipe) for name in options.methods or METHODS}
    for name, work in works.items():
        print(
            f"{name:<12}{work.batch:>7}{work.flops / 1e12:>8.2f}{work.kernels:>9.0f}"
            f"{work.bytes / 1e6:>7.0f} MB"
        )
    print("\nThe whole run, by the model: hours (images read a second)")
    print(f"{'':<12}{'GPUs':>5}" + "".join(f"{machine:>18}" for machine in MACHINES))
    for name, work in works.items():
        for gpus in map(int, options.gpus.split(",")):
            print(f"{name:<12}{gpus:>5}", end="")
            for assumed in MACHINES.values():
                seconds = work.seconds(gpus, assumed)
                hours, speed = work.iterations * seconds / 3600, work.images / seconds
                print(f"{hours:>10.1f} ({speed:>5.0f})", end="")
            print("" if work.batch % gpus == 0 else "  batch does not divide")


if __name__ == "__main__":
    main()
