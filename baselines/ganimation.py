"""GANimation: Anatomically-aware Facial Animation from a Single Image.

Pumarola et al., ECCV 2018, arXiv 1807.09251. The generator makes a colour image C and an attention mask A:

    G(x, y) = A x + (1 - A) C

Conditions y are action units in [0, 1]^17, or emotions, as in the GANmut paper's comparison. That paper does
not state how it encodes emotions; here they are one-hot, with GANimation's squared error.

    L_I = E D_I(G(x, y)) - E D_I(x) + lambda_gp E (||grad D_I(x_hat)||_2 - 1)^2
    L_A = lambda_TV TV(A) + lambda_A E mean A    (A = 1 keeps the input, as in the authors' code)
    L_y = E ||D_y(G(x, y_f)) - y_f||^2 + E ||D_y(x) - y_r||^2
    L_idt = E ||G(G(x, y_f), y_r) - x||_1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench.data.action_units import ACTION_UNITS
from ganbench.emotions import canonical
from ganbench.errors import BadInput, Unsupported
from ganbench.methods.backbone import BackboneConfig, Conditioned, Discriminator, one_hot, trunk
from ganbench.methods.conditions import EMOTION_UNITS, ActionUnits, Category, Condition
from ganbench.methods.interface import Method
from ganbench.methods.layers import HeadConv, colours_and_mask
from ganbench.training.adversarial import AdversarialRecipe, AdversarialTrainer, Target
from ganbench.training.batches import Batch
from ganbench.training.draws import Draws
from ganbench.training.limits import Facts, Limit, cross_entropy, mask, squared
from ganbench.training.losses import check_mask, total_variation
from ganbench.training.trainer import Terms, missing_units

if TYPE_CHECKING:
    from ganbench.official.layout import Layout

UNITS = len(ACTION_UNITS)


@dataclass(frozen=True)
class GANimationConfig(BackboneConfig):
    """Architecture of GANimation.

    Attributes:
        condition: what a code is: one entry for each emotion, or 17 action units.
    """

    condition: Literal["emotions", "action_units"] = "emotions"


class GANimationGenerator(nn.Module):
    """The shared trunk with two heads: colours and attention."""

    def __init__(self, config: BackboneConfig, code_dim: int) -> None:
        super().__init__()
        self.main = Conditioned(*trunk(config, code_dim))
        self.colour = HeadConv(config.width, 3)
        self.attention = HeadConv(config.width, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0.0, 0.02)

    def forward(self, x: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
        """-> colours [N, 3, S, S] in [-1, 1], attention [N, 1, S, S] in [0, 1]."""
        return colours_and_mask(self.main(x, code), self.colour, self.attention)


class GANimation(Method):
    """A x + (1 - A) C, conditioned on emotions or action units.

    A model that was trained on action units also edits to emotions, if its card has the mean units of
    the training images of each emotion (``emotion_units``). An emotion of intensity rho is then rho times
    its mean units.
    """

    name = "ganimation"
    title = "GANimation"
    paper = "Pumarola et al., ECCV 2018, arXiv:1807.09251"
    Config = GANimationConfig
    config: GANimationConfig

    def __init__(self, config: GANimationConfig) -> None:
        super().__init__(config)
        self.generator = GANimationGenerator(config, self.code_dim)

    @property
    def conditions(self) -> tuple[type, ...]:  # type: ignore[override]
        """Emotions or action units; both if the mean action units of emotions are known."""
        if self.config.condition == "emotions":
            return (Category,)
        return (ActionUnits, Category) if self.emotion_units is not None else (ActionUnits,)

    @property
    def emotion_units(self) -> Tensor | None:
        """Mean units of the training images of each emotion, [emotions, 17] in [0, 1]; None if unknown.

        Raises:
            BadInput: the card's entry does not hold 17 numbers in [0, 1] for each emotion.
        """
        stored, names = self.card.get(EMOTION_UNITS), [canonical(e) for e in self.config.emotions]
        if not isinstance(stored, dict) or not set(names) <= stored.keys():
            return None
        rows = [stored[name] for name in names]
        for name, row in zip(names, rows, strict=True):
            whole = isinstance(row, list) and len(row) == UNITS
            if not whole or not all(type(v) in (int, float) and 0 <= v <= 1 for v in row):
                raise BadInput(
                    f"{EMOTION_UNITS} of {name} in the card are not {UNITS} numbers in 0 to 1; take the "
                    "checkpoint that the training wrote"
                )
        return torch.tensor(rows, device=self.device).float()

    @property
    def code_dim(self) -> int:
        """One entry for each emotion or action unit."""
        return UNITS if self.config.condition == "action_units" else len(self.config.emotions)

    def own_codes(self, condition: Condition, noise: Tensor | None = None) -> Tensor:
        """One-hot labels, or intensities of action units."""
        if self.config.condition == "action_units":
            if isinstance(condition, Category):
                return self._units_of(condition)
            if not isinstance(condition, ActionUnits):
                raise self.refuse(condition)
            return condition.values
        if not isinstance(condition, Category) or condition.intensity is not None:
            raise self.refuse(condition)
        return one_hot(condition.emotions, self.code_dim)

    def _units_of(self, condition: Category) -> Tensor:
        known = self.emotion_units
        if known is None:
            raise Unsupported(
                f"{self.name} cannot be conditioned on Category: it was trained on action units without "
                "emotions; give units ('ganbench edit --aus AU12=0.8,AU06=0.5'), or train it on a list "
                "that also has labels"
            )
        units = known[condition.emotions.to(known.device)]
        rho = condition.intensity
        return units if rho is None else units * rho.to(units)[:, None]

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        """The edited images and the attention mask [N, 1, S, S]."""
        colour, attention = self.generator(x, codes)
        return attention * x + (1 - attention) * colour, attention

    @classmethod
    def trainer(cls) -> type[Any]:
        """See ``GANimationTrainer``."""
        return GANimationTrainer

    @classmethod
    def official(cls) -> Layout:
        """See ``GANimationLayout``."""
        from ganbench.official.stargan_family import GANimationLayout

        return GANimationLayout()


@dataclass(frozen=True)
class GANimationRecipe(AdversarialRecipe):
    """The paper's weights.

    Attributes:
        lambda_condition: weight of the condition regression, in both steps.
        lambda_mask: weight of the mean of the mask; without it the mask keeps the input everywhere.
        lambda_smooth: weight of the mask's total variation, summed over the batch.
        classification: "mse" is the paper's regression of the condition; "softmax" is a
            cross-entropy, for emotions only.
        lambda_cls: weight of the cross-entropy.
    """

    batch_size: int = 25
    lambda_condition: float = 4000.0
    lambda_mask: float = 0.1
    lambda_smooth: float = 1e-5
    classification: Literal["mse", "softmax"] = "mse"
    lambda_cls: float = 1.0


class GANimationTrainer(AdversarialTrainer):
    """The critic takes two steps in an iteration: one on its losses, one on the gradient penalty."""

    Recipe = GANimationRecipe
    recipe: GANimationRecipe
    method: GANimation
    supports_distributed = True
    permuted_parts = 1

    def __init__(self, method: GANimation, recipe: GANimationRecipe) -> None:
        if recipe.classification == "softmax" and method.config.condition != "emotions":
            raise BadInput(
                "classification = 'softmax' needs categories: condition is 'action_units'; use 'mse'"
            )
        discriminator = Discriminator(method.config, [method.code_dim])
        for module in discriminator.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
        super().__init__(method, discriminator, recipe)
        self.needs_action_units = method.config.condition == "action_units"
        self.needs_emotions = not self.needs_action_units

    def source_condition(self, batch: Batch) -> Tensor:
        """Conditions that the inputs show, [B, code_dim]."""
        if self.method.config.condition == "emotions":
            return one_hot(batch.emotions, self.method.code_dim)
        if batch.action_units is None:
            raise missing_units()
        return batch.action_units

    def target(self, batch: Batch, random: Draws) -> Target:
        """Conditions of other images of the batch; action units get noise from U(-0.1, 0.1), unclipped."""
        whole = batch.global_batch
        order = random.randperm(len(whole))
        codes = self.source_condition(whole)[order]
        if self.method.config.condition == "action_units":
            codes = codes + random.uniform(-0.1, 0.1, *codes.shape)
        return Target(self.share.local_rows(codes), self.share.local_rows(whole.emotions[order]))

    def condition(self, output: Tensor, codes: Tensor, emotions: Tensor) -> tuple[float, Tensor]:
        """Weight and value of L_y of some images.

        Args:
            output: D_y of the images, [B, code_dim].
            codes: their conditions, [B, code_dim].
            emotions: their emotions, int64 [B].
        """
        if self.recipe.classification == "softmax":
            return self.recipe.lambda_cls, F.cross_entropy(output, emotions)
        rows = self.share.global_count(len(codes))
        return self.recipe.lambda_condition, F.mse_loss(output, codes) / rows

    def limits(self, facts: Facts) -> dict[str, Limit]:
        """Limits: conditions lie in [0, 1]; the smoothness needs no limit, since masks lie in [0, 1]."""
        limits = super().limits(facts) | {"g_mask": mask()}
        if self.recipe.classification == "softmax":
            k = self.method.code_dim
            weight, real, edits = self.recipe.lambda_cls, cross_entropy(k, facts.entropy()), cross_entropy(k)  # fmt: skip
        else:
            # L_y is divided by the batch, as in the authors' code.
            real = edits = squared(1 / self.recipe.batch_size)
            weight = self.recipe.lambda_condition
        limits["d_source"] = edits
        return limits | {"d_cond": real, "g_cond": edits} if weight else limits

    def recognition_terms(self, x: Tensor, batch: Batch) -> Terms:
        condition = self.source_condition(batch)
        return {"d_cond": self.condition(self.discriminator(x)[1], condition, batch.emotions)}

    def discriminator_terms(
        self, x: Tensor, fake: Tensor, batch: Batch, target: Target, random: Draws
    ) -> Terms:
        src, y = self.discriminator(torch.cat([x, fake]))
        n = len(x)
        return {
            "d_real": (-1.0, src[:n].mean()),
            "d_fake": (1.0, src[n:].mean()),
            "d_cond": self.condition(y[:n], self.source_condition(batch), batch.emotions),
            **self.source_terms(
                lambda: self.condition(y[n:], self.source_condition(batch), batch.emotions)[1]
            ),
        }

    def discriminator_step(self, x: Tensor, batch: Batch, random: Draws) -> dict[str, Tensor]:
        x, fake, target = self.critic_images(x, batch, random)
        values = self.minimise(self.discriminator_terms(x, fake, batch, target, random), "d")
        penalty = self.gradient_penalty(x, fake, random)
        return values | self.minimise({"d_gp": (self.recipe.lambda_gp, penalty)}, "d")

    def warmup_terms(self, x: Tensor, codes: Tensor) -> Terms:
        """Reconstruction by the colour image alone: with the mask, A = 1 would reconstruct every input."""
        with self.autocast():
            colour, _ = self.method.generator(x, codes)
        return {"g_warmup": (1.0, (colour.float() - x).abs().mean())}

    def generator_terms(self, x: Tensor, batch: Batch, target: Target, random: Draws) -> Terms:
        fake, mask = self.translate(x, target.codes)
        back, mask_back = self.translate(fake, self.source_condition(batch))
        src, y = self.discriminator(self.augment_for_critic(fake, random))
        assert mask is not None
        assert mask_back is not None
        return {
            "g_fake": (-1.0, src.mean()),
            "g_cond": self.condition(y, target.codes, target.emotions),
            "g_rec": (self.recipe.lambda_rec, (back - x).abs().mean()),
            **self.change_terms(x, fake),
            "g_mask": (self.recipe.lambda_mask, mask.mean()),
            "g_mask_back": (self.recipe.lambda_mask, mask_back.mean()),
            "g_smooth": (
                self.recipe.lambda_smooth,
                self.share.sum(total_variation(mask) + total_variation(mask_back)),
            ),
        }

    def check(self, values: Any) -> None:
        """As ``Trainer.check``; also stop a saturated attention mask."""
        super().check(values)
        check_mask(values)
