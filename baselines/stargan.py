"""StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation.

Choi et al., CVPR 2018, arXiv 1711.09020. Losses below carry the paper's equation numbers:

    (2) L_cls^r = E -log D_cls(c' | x)
    (3) L_cls^f = E -log D_cls(c | G(x, c))
    (4) L_rec = E ||x - G(G(x, c), c')||_1
    (8) L_adv = E D_src(x) - E D_src(G(x, c)) - lambda_gp E (||grad D_src(x_hat)||_2 - 1)^2
    (5) L_D = -L_adv + lambda_cls L_cls^r
    (6) L_G = L_adv + lambda_cls L_cls^f + lambda_rec L_rec
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from ganbench.methods.backbone import Discriminator, Generator, PainterConfig, one_hot
from ganbench.methods.conditions import Category, Condition
from ganbench.methods.interface import Method
from ganbench.training import losses
from ganbench.training.adversarial import AdversarialRecipe, AdversarialTrainer, Target, permuted
from ganbench.training.batches import Batch
from ganbench.training.draws import Draws
from ganbench.training.limits import Facts, Limit, classification_limits
from ganbench.training.trainer import Terms

if TYPE_CHECKING:
    from ganbench.official.layout import Layout


class StarGAN(Method):
    """G(x, c) with the one-hot emotion c as code."""

    name = "stargan"
    title = "StarGAN"
    paper = "Choi et al., CVPR 2018, arXiv:1711.09020"
    Config = PainterConfig

    def __init__(self, config: PainterConfig) -> None:
        super().__init__(config)
        self.generator = Generator(config, self.code_dim)

    @property
    def code_dim(self) -> int:
        """One entry for each emotion."""
        return len(self.config.emotions)

    def own_codes(self, condition: Condition, noise: Tensor | None = None) -> Tensor:
        """One-hot labels [N, emotions]; an intensity is refused, since the labels are binary."""
        if not isinstance(condition, Category) or condition.intensity is not None:
            raise self.refuse(condition)
        return one_hot(condition.emotions, self.code_dim)

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        """G(x, c)."""
        return self.generator(x, codes), None

    @classmethod
    def trainer(cls) -> type[Any]:
        """See ``StarGANTrainer``."""
        return StarGANTrainer

    @classmethod
    def official(cls) -> Layout:
        """See ``StarGANLayout``."""
        from ganbench.official.stargan_family import StarGANLayout

        return StarGANLayout()


@dataclass(frozen=True)
class StarGANRecipe(AdversarialRecipe):
    """The paper's weights.

    Attributes:
        lambda_cls: weight of both classification losses.
        classification: "softmax" cross-entropy for labels that exclude each other; "binary"
            cross-entropy summed over the labels, for labels of which an image can have several.
    """

    lambda_cls: float = 1.0
    classification: Literal["softmax", "binary"] = "softmax"


class StarGANTrainer(AdversarialTrainer):
    """Equations (5) and (6)."""

    Recipe = StarGANRecipe
    recipe: StarGANRecipe
    supports_distributed = True
    supports_accumulation = True
    permuted_parts = 1

    def __init__(self, method: StarGAN, recipe: StarGANRecipe) -> None:
        super().__init__(method, Discriminator(method.config, [method.code_dim]), recipe)

    def target(self, batch: Batch, random: Draws) -> Target:
        emotions = self.share.local_rows(permuted(batch.global_batch.emotions, random))
        return Target(one_hot(emotions, self.method.code_dim), emotions)

    def limits(self, facts: Facts) -> dict[str, Limit]:
        """Limits of the shared losses and of the classification."""
        real, edits = classification_limits(self.recipe.classification, self.method.code_dim, facts)
        limits = super().limits(facts) | {"d_source": edits}
        return limits | {"d_cls": real, "g_cls": edits} if self.recipe.lambda_cls else limits

    def classification(self, logits: Tensor, emotions: Tensor) -> Tensor:
        """-log D_cls(c | x), mean over the batch."""
        return losses.classification(self.recipe.classification, logits, emotions)

    def recognition_terms(self, x: Tensor, batch: Batch) -> Terms:
        return {"d_cls": (1.0, self.classification(self.discriminator(x)[1], batch.emotions))}

    def discriminator_terms(
        self, x: Tensor, fake: Tensor, batch: Batch, target: Target, random: Draws
    ) -> Terms:
        src, cls = self.discriminator(torch.cat([x, fake]))
        real, generated = src.chunk(2)
        return {
            "d_real": (-1.0, real.mean()),
            "d_fake": (1.0, generated.mean()),
            "d_gp": (self.recipe.lambda_gp, self.gradient_penalty(x, fake, random)),
            "d_cls": (
                self.recipe.lambda_cls,
                self.classification(cls[: len(x)], batch.emotions),
            ),
            **self.source_terms(lambda: self.classification(cls[len(x) :], batch.emotions)),
        }

    def generator_terms(self, x: Tensor, batch: Batch, target: Target, random: Draws) -> Terms:
        fake = self.generate(x, target.codes)
        src, cls = self.discriminator(self.augment_for_critic(fake, random))
        source = one_hot(batch.emotions, self.method.code_dim)
        return {
            "g_fake": (-1.0, src.mean()),
            "g_cls": (self.recipe.lambda_cls, self.classification(cls, target.emotions)),
            "g_rec": (self.recipe.lambda_rec, (x - self.generate(fake, source)).abs().mean()),
            **self.change_terms(x, fake),
        }
