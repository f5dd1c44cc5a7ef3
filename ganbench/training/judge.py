"""How the suite's judge is trained: cross-entropy on the emotions of the train split."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ganbench.judges.vgg import VGG
from ganbench.seeds import generator
from ganbench.training.batches import Batch
from ganbench.training.limits import Facts, Limits, cross_entropy
from ganbench.training.recipe import Recipe
from ganbench.training.trainer import Trainer


@dataclass(frozen=True)
class VGGRecipe(Recipe):
    """Adam with its usual rates suits a classifier better than the GANs' beta1 of 0.5.

    Attributes:
        weight_decay: L2 penalty.
        label_smoothing: mass spread over the other classes, against over-confident verdicts.
        balance: draw all emotions alike, however few images show one. Otherwise images are drawn
            alike, and an emotion that few of them show may never be learned.
    """

    batch_size: int = 64
    learning_rate: float = 1e-3
    beta1: float = 0.9
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    balance: bool = False


class VGGTrainer(Trainer):
    """Cross-entropy."""

    Recipe = VGGRecipe
    recipe: VGGRecipe
    model: VGG

    def __init__(self, model: VGG, recipe: VGGRecipe) -> None:
        super().__init__(model, recipe)
        self.optimizers = {"judge": self.adam(model, decay=recipe.weight_decay)}

    def limits(self, facts: Facts) -> Limits:
        """Cross-entropy; with smoothed labels, answering their shares still is the idle answer."""
        if self.recipe.balance:
            there = facts.shares > 0
            facts = replace(facts, shares=there / there.sum())
        idle = facts.entropy(self.recipe.label_smoothing)
        return {"loss": cross_entropy(len(self.model.config.emotions), idle, patience=400)}

    def indices(self, labels: NDArray[np.int64], iteration: int, seed: int) -> NDArray[np.int64]:
        if self.recipe.balance:
            return balanced(labels, self.recipe.batch_size, iteration, seed)
        return super().indices(labels, iteration, seed)

    def step(self, iteration: int, batch: Batch, random: torch.Generator) -> dict[str, Tensor]:
        # Dropout has no generator argument; seeding the global one keeps a resumed run exact.
        torch.manual_seed(int(torch.randint(2**62, (), generator=random)))
        self.model.train()
        with self.autocast():
            logits, _ = self.model(batch.images * 2 - 1)
        logits = logits.float()
        loss = F.cross_entropy(logits, batch.emotions, label_smoothing=self.recipe.label_smoothing)
        values = self.minimise({"loss": (1.0, loss)}, "judge")
        self.update_ema()
        self.model.eval()
        return values | {"accuracy": (logits.argmax(1) == batch.emotions).float().mean()}


def balanced(labels: NDArray[np.int64], count: int, iteration: int, seed: int) -> NDArray[np.int64]:
    """``count`` indices for an iteration; the classes take turns, over iterations too.

    Each class walks through epochs of its own images in random order, so an image of a rare class is
    seen more often than one of a frequent class. Nothing depends on how often it was called before.

    Args:
        labels: int64 [N].
        count: images of an iteration.
        iteration: counted from 0.
        seed: of the run.

    Returns:
        int64 [count], in random order.
    """
    classes = np.unique(labels)
    positions = np.arange(iteration * count, (iteration + 1) * count)
    turn, place = positions % len(classes), positions // len(classes)
    chosen = np.empty(count, np.int64)
    for k, label in enumerate(classes.tolist()):
        own, slots = np.flatnonzero(labels == label), np.flatnonzero(turn == k)
        epochs = place[slots] // len(own)
        for epoch in np.unique(epochs).tolist():
            random = generator(seed, "balance", label, epoch)
            order = torch.randperm(len(own), generator=random).numpy()
            now = slots[epochs == epoch]
            chosen[now] = own[order[place[now] % len(own)]]
    # The turns are in one order: processes that share a batch would each get some classes only.
    mixed = torch.randperm(count, generator=generator(seed, "balance", iteration)).numpy()
    found: NDArray[np.int64] = chosen[mixed]
    return found
