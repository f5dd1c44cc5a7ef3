"""How the suite's judge is trained: cross-entropy on the emotions of the train split."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ganbench.judges.vgg import VGG
from ganbench.methods.layers import Dropout
from ganbench.seeds import generator
from ganbench.training.batches import Batch
from ganbench.training.draws import Draws
from ganbench.training.limits import Facts, Limits, cross_entropy
from ganbench.training.recipe import Recipe
from ganbench.training.trainer import Trainer


@dataclass(frozen=True)
class VGGRecipe(Recipe):
    """Recipe of the judge: Adam with its usual beta1 of 0.9, which suits a classifier.

    Attributes:
        weight_decay: L2 penalty.
        label_smoothing: probability that is moved from the label to all classes equally, which makes
            the judge less confident.
        balance: draw all emotions equally often. Otherwise all images are drawn equally often, and
            an emotion with few images may never be learned.
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
        """Limit of the cross-entropy; a balanced batch has equal shares of all classes that occur."""
        if self.recipe.balance:
            occurs = facts.shares > 0
            facts = replace(facts, shares=occurs / occurs.sum())
        idle = facts.entropy(self.recipe.label_smoothing)
        return {"loss": cross_entropy(len(self.model.config.emotions), idle, patience=400)}

    def indices(self, labels: NDArray[np.int64], iteration: int, seed: int) -> NDArray[np.int64]:
        if self.recipe.balance:
            return balanced(labels, self.recipe.batch_size, iteration, seed)
        return super().indices(labels, iteration, seed)

    def kind(self, iteration: int) -> str:
        """All iterations do the same."""
        return "judge"

    def update(self, kind: str, batch: Batch, random: Draws) -> dict[str, Tensor]:
        self.model.train()
        for module in self.model.modules():
            if isinstance(module, Dropout):
                module.uniform = random.rand
        with self.autocast():
            logits, _ = self.model(batch.images * 2 - 1)
        logits = logits.float()
        loss = F.cross_entropy(logits, batch.emotions, label_smoothing=self.recipe.label_smoothing)
        values = self.minimise({"loss": (1.0, loss)}, "judge")
        self.update_ema()
        self.model.eval()
        return values | {"accuracy": (logits.argmax(1) == batch.emotions).float().mean()}


def balanced(labels: NDArray[np.int64], count: int, iteration: int, seed: int) -> NDArray[np.int64]:
    """The ``count`` indices of an iteration, with all classes equally often.

    The classes take turns, also across iterations. The images of each class are drawn in epochs of
    random order, so that an image of a rare class is drawn more often than one of a frequent class.

    Args:
        labels: int64 [N].
        count: images of an iteration.
        iteration: counted from 0.
        seed: seed of the run.

    Returns:
        int64 [count], in random order.
    """
    classes = np.unique(labels)
    positions = np.arange(iteration * count, (iteration + 1) * count)
    turn, place = positions % len(classes), positions // len(classes)
    chosen = np.empty(count, np.int64)
    for k, label in enumerate(classes.tolist()):
        members, slots = np.flatnonzero(labels == label), np.flatnonzero(turn == k)
        epochs = place[slots] // len(members)
        for epoch in np.unique(epochs).tolist():
            random = generator(seed, "balance", label, epoch)
            order = torch.randperm(len(members), generator=random).numpy()
            now = slots[epochs == epoch]
            chosen[now] = members[order[place[now] % len(members)]]
    # In the order of the turns, processes that share a batch would each get some classes only.
    mixed = torch.randperm(count, generator=generator(seed, "balance", iteration)).numpy()
    result: NDArray[np.int64] = chosen[mixed]
    return result
