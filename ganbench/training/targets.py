"""Whether a training asks for anything: targets that are permuted labels may never differ from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ganbench.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganbench.training.trainer import Trainer

# An epoch, or this many iterations of it, decides whether batches mix emotions.
LOOKED_AT = 1000


def check_targets(trainer: Trainer, labels: NDArray[np.int64], seed: int) -> None:
    """Refuse a training whose targets would always be what the images show already.

    Targets that are a permutation of a batch's own labels can only differ where the batch holds two
    emotions. Methods that draw targets from all emotions are not concerned.

    Args:
        trainer: says by ``permuted_parts`` how it draws targets, and by ``indices`` which images an
            iteration sees.
        labels: of the training images.
        seed: of the run.

    Raises:
        BadInput: targets are permuted within single images, or within batches, or a part of them, of
            one emotion in all iterations of the first epoch.
    """
    parts, size = trainer.permuted_parts, trainer.recipe.batch_size
    if not parts:
        return
    name = getattr(trainer.model, "name", "this method")
    if size < 2:
        raise BadInput(
            f"batch_size {size} leaves every image its own target: {name} draws targets by permuting "
            "the labels of a batch; use batch_size 2 or more"
        )
    if not trainer.needs_emotions:  # the units of other images differ, whatever emotion they show
        if len(labels) < 2:
            raise BadInput(
                f"{len(labels)} training image: {name} takes its targets from other images; add some"
            )
        return
    epoch = -(-len(labels) // (parts * size))
    iterations = min(epoch, LOOKED_AT)
    alike = set(range(parts))  # the parts that have held one emotion only, so far
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
