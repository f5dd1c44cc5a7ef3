"""Batches: which images an iteration trains on, and how they become tensors on the device."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.distributed import WHOLE, Share
from ganbench.errors import BadInput
from ganbench.seeds import generator
from ganbench.training.augment import Augment, augment
from ganbench.training.draws import RepeatedDraws

if TYPE_CHECKING:
    from ganbench.training.images import Images
    from ganbench.training.trainer import Trainer

# ``check_targets`` looks at the batches of one epoch, and at no more than this number of iterations.
CHECKED_ITERATIONS = 1000


@dataclass(frozen=True)
class Batch:
    """Training images of one step, on the device; in distributed training those of one process.

    Attributes:
        images: float32 [B, 3, S, S], RGB in [0, 1], augmented.
        emotions: int64 [B], labels of the network: positions in its ``emotions``.
        action_units: float32 [B, 17] in [0, 1], or None.
        global_labels: emotions and action units of the images of all processes, without the images;
            None if one process trains.
    """

    images: Tensor
    emotions: Tensor
    action_units: Tensor | None = None
    global_labels: Batch | None = None

    @property
    def global_batch(self) -> Batch:
        """The batch of all processes; only its labels are certain to be there.

        Random targets are drawn from it, so that they do not depend on the number of processes.
        """
        return self if self.global_labels is None else self.global_labels

    def __len__(self) -> int:
        return len(self.emotions)

    def __getitem__(self, part: slice) -> Batch:
        units = None if self.action_units is None else self.action_units[part]
        labels = None
        if self.global_labels is not None:
            times = len(self.global_labels) // len(self)
            start, stop, _ = part.indices(len(self))
            labels = self.global_labels[start * times : stop * times]
        return Batch(self.images[part], self.emotions[part], units, labels)


def shard_batch(
    images: Tensor, emotions: Tensor, action_units: Tensor | None = None, share: Share = WHOLE
) -> Batch:
    """The batch of one process.

    Args:
        images: images of this process.
        emotions, action_units: labels of the global batch.
        share: which process this is.
    """
    if share.world == 1:
        return Batch(images, emotions, action_units)
    labels = Batch(images[:0], emotions, action_units)
    units = None if action_units is None else share.local_rows(action_units)
    return Batch(images, share.local_rows(emotions), units, labels)


@lru_cache(maxsize=4)
def _permutation(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    order: NDArray[np.int64] = torch.randperm(n, generator=generator(seed, "order", epoch)).numpy()
    return order


def shuffled(n: int, count: int, iteration: int, seed: int) -> NDArray[np.int64]:
    """The ``count`` indices of an iteration, in a walk through epochs of random order.

    No batch is short: one that reaches the end of an epoch is filled from the next epoch. Losses may
    therefore rely on the size of a batch.
    """
    positions = np.arange(iteration * count, (iteration + 1) * count)
    epochs = positions // n
    return np.concatenate(
        [_permutation(n, seed, int(e))[positions[epochs == e] % n] for e in np.unique(epochs)]
    )


class _Host(NamedTuple):
    """A batch before it is on the device: ``Images.fetch``, labels and action units of the global batch."""

    iteration: int
    images: Tensor
    labels: Tensor
    units: Tensor | None

    def pinned(self) -> _Host:
        """The same in memory that a GPU reads by itself."""
        units = None if self.units is None else self.units.pin_memory()
        return _Host(self.iteration, self.images.pin_memory(), self.labels.pin_memory(), units)


class Batches:
    """The batches of a run; each is a function of its iteration and the seed alone.

    Args:
        trainer: chooses the images of an iteration, and knows device, recipe and process.
        images: the training images.
        labels: int64 [N], their labels in the order of the network's emotions.
        seed: seed of the run.
    """

    def __init__(
        self, trainer: Trainer, images: Images, labels: NDArray[np.int64], seed: int
    ) -> None:
        self.trainer, self.images, self.labels, self.seed = trainer, images, labels, seed
        self._waited = 0.0
        # Other changes ask for other random numbers.
        self._draws: defaultdict[Augment, RepeatedDraws] = defaultdict(
            lambda: RepeatedDraws(trainer.device)
        )

    def between(self, start: int, end: int) -> Generator[Batch, None, None]:
        """Batches of the iterations from ``start`` to ``end``; a thread prepares the next one."""
        # A GPU augments on the stream of the training, whose thread starts the work. A CPU augments beside it.
        on_gpu = self.trainer.device.type != "cpu"

        # Rows whose images are being fetched, perhaps several batches ahead, in order.
        chosen: deque[NDArray[np.int64]] = deque()

        def rows() -> Iterator[NDArray[np.int64]]:
            for iteration in range(start, end):
                chosen.append(self._chosen(iteration))
                yield self.trainer.share.local_rows(chosen[-1])

        def prepare(iteration: int) -> Any:
            fetched = next(images)  # first, since it may choose the rows
            host = self._host(iteration, chosen.popleft(), fetched)
            return host if on_gpu else self._land(host)

        with ThreadPoolExecutor(1) as pool:
            begun = time.perf_counter()
            images = self.images.serve(rows())
            ahead = pool.submit(prepare, start)
            for iteration in range(start, end):
                ready = ahead.result()
                if iteration + 1 < end:
                    ahead = pool.submit(prepare, iteration + 1)
                batch = self._land(ready) if on_gpu else ready
                self._waited += time.perf_counter() - begun
                yield batch
                begun = time.perf_counter()

    def time_waited(self) -> float:
        """Seconds that the training has waited for batches since the last call of this function."""
        waited, self._waited = self._waited, 0.0
        return waited

    def _chosen(self, iteration: int) -> NDArray[np.int64]:
        """Rows of the global batch of an iteration."""
        # Chosen by the suite's labels: the order of a network's emotions does not change the images.
        return self.trainer.indices(self.images.dataset.labels, iteration, self.seed)

    def _host(self, iteration: int, chosen: NDArray[np.int64], fetched: Tensor) -> _Host:
        """What a batch of chosen rows needs, in memory that a GPU copies by itself."""
        trainer = self.trainer
        units = self.images.dataset.action_units(chosen) if trainer.needs_action_units else None
        host = _Host(iteration, fetched, torch.as_tensor(self.labels[chosen]), units)
        # Copies from other memory are not asynchronous: the training would wait for the GPU.
        return host.pinned() if trainer.device.type == "cuda" else host

    def _land(self, host: _Host) -> Batch:
        """The batch on the device."""
        trainer, share = self.trainer, self.trainer.share
        changes = trainer.recipe.augmentation(host.iteration)
        images = augment(
            self.images.land(host.images, trainer.device),
            changes,
            self._draws[changes].next(generator(self.seed, "augment", host.iteration)),
            share,
        )
        units = host.units
        return shard_batch(
            images.to(memory_format=torch.channels_last),
            host.labels.to(trainer.device, non_blocking=True),
            None if units is None else units.to(trainer.device, non_blocking=True),
            share,
        )


def check_targets(trainer: Trainer, labels: NDArray[np.int64], seed: int) -> None:
    """Refuse a training in which no image is ever edited to another emotion than it shows.

    Some trainers make targets by permuting the labels of a batch. A target can then differ from what
    its image shows only if the batch holds two emotions. Trainers that draw targets from all
    emotions are not checked.

    Args:
        trainer: tells by ``permuted_parts`` how it makes targets, and by ``indices`` which images an
            iteration has.
        labels: int64 [N], the labels of the training images.
        seed: seed of the run.

    Raises:
        BadInput: batches hold one image, or all batches of the first epoch (or the same part of all
            of them) hold one emotion each.
    """
    parts, size = trainer.permuted_parts, trainer.recipe.batch_size
    if not parts:
        return
    name = getattr(trainer.model, "name", "this method")
    if size < 2:
        raise BadInput(
            f"batch_size {size} gives every image its label as target: {name} makes targets by permuting "
            "the labels of a batch; use batch_size 2 or more"
        )
    if not trainer.needs_emotions:  # targets are action units, which differ between any two images
        if len(labels) < 2:
            raise BadInput(
                f"{len(labels)} training image: {name} takes its targets from other images; add some"
            )
        return
    epoch = -(-len(labels) // (parts * size))
    iterations = min(epoch, CHECKED_ITERATIONS)
    alike = set(range(parts))  # the parts that held a single emotion in every batch so far
    for iteration in range(iterations):
        batch = labels[trainer.indices(labels, iteration, seed)]
        split = np.split(batch, parts)
        alike = {k for k in alike if len(set(split[k].tolist())) < 2}
        if not alike:
            return
    what = f"none of the first {iterations} batches of {size} holds two emotions"
    if parts > 1:
        which = " and ".join(f"{k + 1}" for k in sorted(alike))
        what += f" in part {which} of {parts}"
    raise BadInput(
        f"no target would differ from what its image shows: {name} permutes the labels of a batch, and "
        f"{what}; raise batch_size, or balance the data"
    )
