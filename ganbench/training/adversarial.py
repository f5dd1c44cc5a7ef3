"""The training of StarGAN's family: several critic steps, then one generator step.

Each method adds its targets and losses.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ganbench.methods.interface import Method
from ganbench.methods.layers import full_precision, he_init
from ganbench.training import recipe
from ganbench.training.augment import Augment, augment
from ganbench.training.batches import Batch
from ganbench.training.draws import Draws
from ganbench.training.limits import Facts, Limit, penalty, reconstruction
from ganbench.training.losses import distance_from_one
from ganbench.training.trainer import WARMUP, Terms, Trainer, frozen

# Kinds of iteration after the warm-up.
CRITIC, BOTH = "critic", "critic and generator"


@dataclass(frozen=True)
class CriticRecipe(recipe.Recipe):
    """Options of the methods whose critic also classifies emotions: StarGAN's family and SMIT.

    Attributes:
        critic_augment: random flips, warps, crops and looks of all images that D sees, real ones and edits,
            in the steps of D and of G. A resampled edit keeps its shapes, but not a fine texture that
            only one classifier takes for an emotion (differentiable augmentation, Zhao et al., NeurIPS
            2020). The papers have none.
        lambda_source: weight, in D's step, of the classification of edits as the emotion that they
            were made from. D learns to reject edits that only resemble their target, and G must change
            more. An edit that equals a real image of its target is still the best that G can do. The
            papers train D's classifier on real images only.
        critic_precision: arithmetic of D and of its penalty; "auto" is TF32 on CUDA and float32 elsewhere.
    """

    critic_augment: Augment = field(default_factory=Augment)
    lambda_source: float = 0.0
    critic_precision: Literal["auto", "fp32", "bf16"] = "auto"


class CriticTrainer(Trainer):
    """What the trainers with a ``CriticRecipe`` share."""

    def augment_for_critic(self, images: Tensor, random: Draws) -> Tensor:
        """Images [N, 3, S, S] as D sees them, differentiable; draws no numbers if none are changed."""
        changes = self.recipe.critic_augment
        return images if changes == Augment() else augment(images, changes, random, self.share)

    def source_terms(self, loss: Callable[[], Tensor]) -> Terms:
        """D's classification of edits as their source emotion, if the recipe gives it a weight.

        Args:
            loss: computes the classification loss; not called at weight 0.
        """
        weight = self.recipe.lambda_source
        return {"d_source": (weight, loss())} if weight else {}


@dataclass(frozen=True)
class AdversarialRecipe(CriticRecipe):
    """Recipe of StarGAN's family.

    Attributes:
        n_critic: critic steps for each generator step.
        lambda_gp: weight of the gradient penalty.
        lambda_rec: weight of the reconstruction of the input.
        lambda_change: weight, in G's step, of mean |G(x, c) - x|. It keeps what an expression does not need: the cycle
            asks only that a change can be undone. The papers of StarGAN and GANmut have no such term, and GANimation
            keeps its attention mask small instead.
        critic_init: first weights of D: "paper" (PyTorch's default for StarGAN and GANmut, N(0, 0.02)
            for GANimation), or "he". The weights of the papers are too small for a network without norms:
            D distinguishes no emotions in about the first 400 iterations.
    """

    n_critic: int = 5
    lambda_gp: float = 10.0
    lambda_rec: float = 10.0
    lambda_change: float = 0.0
    critic_init: Literal["paper", "he"] = "paper"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("n_critic", self.n_critic >= 1, "at least 1")

    def generator_steps(self) -> int:
        """The generator steps in every ``n_critic``-th iteration, counted from the start of the run."""
        return max(0, self.iterations // self.n_critic - self.warmup_iterations // self.n_critic)


@dataclass(frozen=True)
class Target:
    """What the images of a batch are edited to.

    Attributes:
        codes: [B, code_dim], differentiable if the method learns its codes.
        emotions: int64 [B].
        strength: [B] in [0, 1], for methods with intensity.
    """

    codes: Tensor
    emotions: Tensor
    strength: Tensor | None = None

    def __getitem__(self, part: slice) -> Target:
        strength = None if self.strength is None else self.strength[part]
        return Target(self.codes[part], self.emotions[part], strength)


class AdversarialTrainer(CriticTrainer):
    """Alternates critic and generator steps; a subclass states targets and losses.

    Args:
        method: the method to train.
        discriminator: D; returns the patch map first, then the outputs of its heads.
        recipe: the method's recipe.
    """

    Recipe: ClassVar[type[recipe.Recipe]] = AdversarialRecipe

    def __init__(self, method: Method, discriminator: nn.Module, recipe: Any) -> None:
        super().__init__(method, recipe)
        self.method, self.discriminator = method, discriminator
        if recipe.critic_init == "he":
            he_init(discriminator)
        discriminator.critic_bf16 = self.arithmetic.critic == "bf16"  # type: ignore[assignment]
        self.networks["discriminator"] = discriminator
        self.optimizers = {"g": self.adam(method), "d": self.adam(discriminator, warm=False)}

    def to(self, device: torch.device) -> None:
        low = self.recipe.arithmetic(device).critic == "bf16"
        self.discriminator.critic_bf16 = low
        super().to(device)

    @property
    def cycle(self) -> int:
        return int(self.recipe.n_critic)

    def limits(self, facts: Facts) -> dict[str, Limit]:
        """Limits of the losses that all have: the gradient penalty and the reconstructions."""
        limits = {"d_gp": penalty(), "g_warmup": reconstruction()}
        if self.recipe.lambda_rec:
            limits["g_rec"] = reconstruction(facts)
        return limits

    @abstractmethod
    def target(self, batch: Batch, random: Draws) -> Target:
        """Draw what each image is edited to, for the global batch; returns the rows of this process."""

    @abstractmethod
    def discriminator_terms(
        self, x: Tensor, fake: Tensor, batch: Batch, target: Target, random: Draws
    ) -> Terms:
        """The critic's objective.

        Args:
            x, fake: real images and edits as D sees them, in the method's range; without gradients.
            batch: labels of ``x``.
            target: what ``fake`` were edited to.
            random: generator of this iteration.
        """

    @abstractmethod
    def generator_terms(self, x: Tensor, batch: Batch, target: Target, random: Draws) -> Terms:
        """The generator's objective; ``x`` are the images of ``batch`` in the method's range."""

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        """G(x, codes) in the recipe's precision; outputs are float32 or wider."""
        with self.autocast():
            y, mask = self.method.translate(x, codes)
        return full_precision(y), None if mask is None else full_precision(mask)

    def generate(self, x: Tensor, codes: Tensor) -> Tensor:
        """The image of ``translate``."""
        return self.translate(x, codes)[0]

    def change_terms(self, x: Tensor, fake: Tensor) -> Terms:
        """How much edits [N, 3, S, S] differ from their inputs ``x``, if the recipe gives it a weight."""
        weight = self.recipe.lambda_change
        return {"g_change": (weight, (fake - x).abs().mean())} if weight else {}

    def gradient_penalty(self, x: Tensor, fake: Tensor, random: Draws) -> Tensor:
        """WGAN-GP of D_src, at points drawn between each pair of real and fake images."""
        mix = self.share.local_rows(random.rand(self.share.global_count(len(x)), 1, 1, 1))
        x_hat = mix * x + (1 - mix) * fake
        return distance_from_one(self.discriminator.gradient(x_hat))  # type: ignore[operator]

    def warmup_terms(self, x: Tensor, codes: Tensor) -> Terms:
        """Reconstruction only, whatever the code: small networks learn colours and shapes first.

        There are no terms if the generator adds a change to its input: adding nothing is then the
        reconstruction, and a network that has learned to add nothing has dead units.
        """
        if getattr(self.method.config, "output", "image") == "change":
            return {}
        return {"g_warmup": (1.0, (self.generate(x, codes) - x).abs().mean())}

    def recognition_terms(self, x: Tensor, batch: Batch) -> Terms:
        """The critic's objective in the warm-up: classification of real images."""
        return {}

    @torch.no_grad()
    def critic_images(
        self, x: Tensor, batch: Batch, random: Draws
    ) -> tuple[Tensor, Tensor, Target]:
        """Real images and edits as D sees them in its step, and the targets of the edits."""
        target = self.target(batch, random)
        fake = self.generate(x, target.codes)
        return self.augment_for_critic(x, random), self.augment_for_critic(fake, random), target

    def discriminator_step(self, x: Tensor, batch: Batch, random: Draws) -> dict[str, Tensor]:
        """One step of D."""
        x, fake, target = self.critic_images(x, batch, random)
        return self._descend(
            "d",
            len(x),
            lambda p: self.discriminator_terms(x[p], fake[p], batch[p], target[p], random),
        )

    def generator_step(self, x: Tensor, batch: Batch, random: Draws) -> dict[str, Tensor]:
        """One step of G."""
        target = self.target(batch, random)
        with frozen(self.discriminator):
            values = self._descend(
                "g", len(x), lambda p: self.generator_terms(x[p], batch[p], target[p], random)
            )
        self.update_ema()
        return values

    def _descend(
        self, optimizer: str, images: int, terms: Callable[[slice], Terms]
    ) -> dict[str, Tensor]:
        """One step of an optimiser, with the batch in as many parts as the recipe's ``accumulate``."""
        first, *others = self.parts(images)
        return self.minimise(terms(first), optimizer, more=map(terms, others) if others else ())

    def warmup_step(self, x: Tensor, batch: Batch, random: Draws) -> dict[str, Tensor]:
        """G learns to reconstruct its input and D to tell emotions, before they train each other."""
        values: dict[str, Tensor] = {}
        if reconstruction := self.warmup_terms(x, self.target(batch, random).codes):
            values |= self.minimise(reconstruction, "g")
            self.update_ema()
        if recognition := self.recognition_terms(self.augment_for_critic(x, random), batch):
            values |= self.minimise(recognition, "d")
        return values

    def kind(self, iteration: int) -> str:
        """Warm-up, or a critic step, and every ``n_critic`` iterations a generator step after it."""
        if iteration < self.recipe.warmup_iterations:
            return WARMUP
        return CRITIC if (iteration + 1) % self.recipe.n_critic else BOTH

    def update(self, kind: str, batch: Batch, random: Draws) -> dict[str, Tensor]:
        x = self.method.to_native(batch.images)
        if kind == WARMUP:
            return self.warmup_step(x, batch, random)
        values = self.discriminator_step(x, batch, random)
        if kind == BOTH:
            values |= self.generator_step(x, batch, random)
        return values


def permuted(emotions: Tensor, random: Draws) -> Tensor:
    """Target labels: those of the batch in random order, so that targets have the data's class shares."""
    return emotions[random.randperm(len(emotions))]
