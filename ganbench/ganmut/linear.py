"""GANmut, the linear model: emotions are directions in a disc, intensity is the distance from the origin.

d'Apolito et al., CVPR 2021. A code is z = rho v_c. Each emotion c has a learned unit vector v_c, except
neutral, whose code is the origin. Where the released code differs from the paper, an option has the value
``"official"``. The equations have the numbers of the supplement:

    (12) L_coor = E || D_coor(G(x, z)) - z ||^2
    (13) L_rec = E | x - G(G(x, z), z_x) |_1,  z_x the code of the input
    (14) L_cls^r = E -log D_cls(c' | x)
    (15) L_adv = E D_src(x) - E D_src(G(x, z)) - lambda_gp E( ||grad D_src(x_hat)|| - 1 )^2
    (16) L_D = -L_adv + lambda_cls L_cls^r + lambda_coor L_coor
    (17) L_G = L_adv + lambda_cls L_cls^f + lambda_rec L_rec + lambda_coor L_coor + lambda_strength L_rho
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench.emotions import KNOWN
from ganbench.errors import BadInput
from ganbench.ganmut.source_head import SourceHeadRecipe, SourceHeadTrainer
from ganbench.methods.backbone import Discriminator, Generator, PainterConfig
from ganbench.methods.conditions import Category, Condition
from ganbench.methods.interface import Method
from ganbench.training.adversarial import Target, permuted
from ganbench.training.batches import Batch
from ganbench.training.draws import Draws
from ganbench.training.limits import Facts, Limit, cross_entropy, r1, squared
from ganbench.training.losses import r1_penalty
from ganbench.training.trainer import Terms

if TYPE_CHECKING:
    from ganbench.official.layout import Layout


@dataclass(frozen=True)
class LinearConfig(PainterConfig):
    """Architecture of GANmut.

    Attributes:
        channels: channel order of the networks' images; the released weights were trained on BGR.
        dims: length of a code, always 2; files of ganbench 0.1 state it.
        directions: first directions of the emotions: "random" as in the paper; "circle" at equal angles
            in label order, which spares a short training from separating two emotions.
    """

    channels: Literal["rgb", "bgr"] = "bgr"
    dims: Literal[2] = 2
    directions: Literal["random", "circle"] = "random"

    def __post_init__(self) -> None:
        super().__post_init__()
        if "neutral" not in self.emotions and set(self.emotions) & set(KNOWN):
            raise BadInput(
                "linear puts neutral at the origin of its plane, and emotions lacks it: "
                f"{', '.join(self.emotions)}; add neutral"
            )

    @property
    def neutral(self) -> int:
        """Label of the class at the origin: neutral, or the first class if no class is an emotion."""
        return self.emotions.index("neutral") if "neutral" in self.emotions else 0


class GANmut(Method):
    """What GANmut and GGANmut share: a plane of codes, BGR images, one generator."""

    paper = "d'Apolito et al., CVPR 2021"

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.generator = Generator(config, self.code_dim)

    @property
    def code_dim(self) -> int:
        """Codes are points of a plane: 2."""
        return 2

    def to_native(self, images: Tensor) -> Tensor:
        """RGB in [0, 1] -> [-1, 1], in the configured channel order."""
        x = images * 2 - 1
        return x.flip(1) if self.config.channels == "bgr" else x

    def from_native(self, x: Tensor) -> Tensor:
        """Inverse of ``to_native``."""
        return ((x.flip(1) if self.config.channels == "bgr" else x) + 1) / 2

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        """G(x, z)."""
        return self.generator(x, codes), None


class Linear(GANmut):
    """GANmut: z = rho v_c."""

    name = "linear"
    title = "GANmut"
    Config = LinearConfig
    config: LinearConfig

    def __init__(self, config: LinearConfig) -> None:
        super().__init__(config)
        emotions = len(config.emotions) - 1
        if config.directions == "circle":
            angles = torch.arange(emotions) * (2 * math.pi / emotions)
            axes = torch.stack([angles.cos(), angles.sin()], dim=1)
        else:
            # U(-b, b) with the supplement's bound. It is tiny, but only the directions have an effect.
            axes = (2 * torch.rand(emotions, self.code_dim) - 1) * 1e-4 * math.sqrt(1 / 6)
        # The rows of the weight are the directions. The bias is not used; it is here since the released
        # network has one.
        self.axes = nn.Linear(self.code_dim, emotions)
        with torch.no_grad():
            self.axes.weight.copy_(axes)
            self.axes.bias.zero_()

    def anchors(self) -> Tensor:
        """Codes of all emotions at intensity 1, [emotions, 2]: unit vectors, and the origin for neutral."""
        axes, neutral = self.axes.weight, self.config.neutral
        origin, units = torch.zeros_like(axes[:1]), F.normalize(axes, dim=1)
        if neutral == 0:
            return torch.cat([origin, units])
        return torch.cat([units[:neutral], origin, units[neutral:]])

    def own_codes(self, condition: Condition, noise: Tensor | None = None) -> Tensor:
        """rho v_c; rho is the condition's intensity, or 1 if it has none."""
        if not isinstance(condition, Category):
            raise self.refuse(condition)
        codes = self.anchors()[condition.emotions]
        if condition.intensity is not None:
            codes = codes * condition.intensity.to(codes)[:, None]
        return codes

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Codes uniform over the unit disc, [n, 2]."""
        angle, square = torch.rand(2, n, generator=generator)
        return polar(angle * 2 * math.pi, square.sqrt()).to(self.device)

    @classmethod
    def trainer(cls) -> type[Any]:
        """See ``LinearTrainer``."""
        return LinearTrainer

    @classmethod
    def official(cls) -> Layout:
        """See ``LinearLayout``."""
        from ganbench.official.stargan_family import LinearLayout

        return LinearLayout()


def polar(angle: Tensor, radius: Tensor) -> Tensor:
    """Angles [N] in radians and radii [N] -> points [N, 2]."""
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


@dataclass(frozen=True)
class LinearRecipe(SourceHeadRecipe):
    """GANmut's weights and draws.

    Attributes:
        lambda_cls: weight of both classification losses.
        lambda_coor: weight of the code recovery, equation (12), in both steps.
        lambda_strength: weight of the intensity loss in the generator's step. The authors' scripts
            all set 4; the default of their program is 1.
        noise: standard deviation of the Gaussian noise on training codes: 0.1 in the paper,
            0.075 in the released code.
        random_codes: number of images of a batch whose codes have random directions.
        strength: "official" draws rho from U[0.2, 1] (for neutral from U[0, 0.2]); "uniform_disc"
            draws codes uniformly over the area of the disc.
        penalty: "gp" as in the paper, or "r1", which one released model uses.
        cycle: code of the input for L_rec. "approximate": v_c' times D's confidence; "original":
            D_coor(x) of the real image; "official": "approximate" with the noise and random directions
            of training codes, as the released code has it.
        weigh_by_strength: whether the classification of an edit counts rho times as much. Otherwise it asks for
            a sure emotion at every rho, and contradicts the intensity loss.
    """

    lambda_cls: float = 1.0
    lambda_coor: float = 1.0
    lambda_strength: float = 4.0
    noise: float = 0.1
    random_codes: int = 5
    strength: Literal["official", "uniform_disc"] = "official"
    penalty: Literal["gp", "r1"] = "gp"
    cycle: Literal["approximate", "original", "official"] = "approximate"
    weigh_by_strength: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("noise", self.noise >= 0, "at least 0")
        if not 0 <= self.random_codes < self.batch_size:
            raise BadInput(
                f"random_codes must be below batch_size {self.batch_size}: {self.random_codes}; lower it"
            )


class LinearTrainer(SourceHeadTrainer):
    """Equations (16) and (17)."""

    Recipe = LinearRecipe
    recipe: LinearRecipe
    method: Linear
    supports_distributed = True
    permuted_parts = 1

    def __init__(self, method: Linear, recipe: LinearRecipe) -> None:
        k = len(method.config.emotions)
        heads = [k, method.code_dim] + [k] * recipe.source_head
        super().__init__(method, Discriminator(method.config, heads), recipe)

    def scatter(self, emotions: Tensor, strength: Tensor, random: Draws) -> Tensor:
        """Training codes [B, 2]: rho v_c plus noise; the first ``random_codes`` have random directions.

        Args:
            emotions: int64 [B].
            strength: rho, [B].
            random: generator of this iteration.
        """
        codes = self.method.own_codes(Category(emotions, strength))
        rows = self.share.global_count(len(codes))
        noise = self.share.local_rows(random.randn(rows, self.method.code_dim))
        codes = codes + self.recipe.noise * noise.to(codes)
        angle = self.share.local_rows(random.uniform(0, 2 * math.pi, self.recipe.random_codes))
        return torch.cat([polar(angle, strength[: len(angle)]), codes[len(angle) :]])

    def target(self, batch: Batch, random: Draws) -> Target:
        emotions = self.share.local_rows(permuted(batch.global_batch.emotions, random))
        neutral = emotions == self.method.config.neutral
        u = self.share.local_rows(random.rand(len(batch.global_batch)))
        if self.recipe.strength == "uniform_disc":
            # Neutral is at the origin for every rho, so it has no intensity to learn.
            first = self.share.local_count(self.recipe.random_codes)
            labelled = torch.arange(len(u), device=u.device) >= first
            strength = u.sqrt().masked_fill(labelled & neutral, 0.0)
        else:
            strength = torch.where(neutral, 0.2 * u, 0.2 + 0.8 * u)
        return Target(self.scatter(emotions, strength, random), emotions, strength)

    def limits(self, facts: Facts) -> dict[str, Limit]:
        """Limits: codes lie in the unit disc, apart from their noise; the intensity loss is in [0, 1]."""
        k = len(self.method.config.emotions)
        limits = super().limits(facts) | {"d_source": cross_entropy(k)}
        if self.recipe.penalty == "r1":
            limits["d_gp"] = r1()
        if self.recipe.lambda_cls:
            limits |= {"d_cls": cross_entropy(k, facts.entropy()), "g_cls": cross_entropy(k)}
            limits["d_source_real"] = limits["d_cls"]
        if self.recipe.lambda_coor:
            code = squared(1 + self.recipe.noise**2)
            limits |= {"d_coor": code, "g_coor": code}
        return limits

    def classify(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        src, cls, coor, *own = self.discriminator(x)
        return src, cls, coor, own[0] if own else cls

    def discriminator_terms(
        self, x: Tensor, fake: Tensor, batch: Batch, target: Target, random: Draws
    ) -> Terms:
        src, cls, coor, source = self.classify(torch.cat([x, fake]))
        n = len(x)
        if self.recipe.penalty == "gp":
            penalty = self.gradient_penalty(x, fake, random)
        else:
            penalty = r1_penalty(lambda x_: self.discriminator(x_)[0], x)
        return {
            "d_real": (-1.0, src[:n].mean()),
            "d_fake": (1.0, src[n:].mean()),
            "d_gp": (self.recipe.lambda_gp, penalty),
            "d_cls": (self.recipe.lambda_cls, F.cross_entropy(cls[:n], batch.emotions)),
            "d_coor": (self.recipe.lambda_coor, F.mse_loss(coor[n:], target.codes)),
            **self.real_source_terms(self.recipe.lambda_cls, source[:n], batch),
            **self.source_terms(lambda: F.cross_entropy(source[n:], batch.emotions)),
        }

    @torch.no_grad()
    def input_codes(self, x: Tensor, batch: Batch, random: Draws) -> Tensor:
        """Codes of the inputs, for the cycle: [B, 2]."""
        _, cls, coor, _ = self.classify(x)
        if self.recipe.cycle == "original":
            return torch.as_tensor(coor)
        strength = cls.softmax(1).amax(1)
        if self.recipe.cycle == "official":
            return self.scatter(batch.emotions, strength, random)
        return self.method.own_codes(Category(batch.emotions, strength))

    def generator_terms(self, x: Tensor, batch: Batch, target: Target, random: Draws) -> Terms:
        assert target.strength is not None
        fake = self.generate(x, target.codes)
        src, cls, coor, source = self.classify(self.augment_for_critic(fake, random))
        n = self.share.local_count(self.recipe.random_codes)  # codes without a label
        labelled = self.share.global_count(len(cls)) - self.recipe.random_codes
        each = F.cross_entropy(source[n:], target.emotions[n:], reduction="none")
        if self.recipe.weigh_by_strength:
            neutral = target.emotions[n:] == self.method.config.neutral
            each = each * torch.where(neutral, 1.0, target.strength[n:])
        classified = each.mean()
        strong = (target.strength > 0.2).float()
        error = (cls.softmax(1).amax(1) - target.strength).square()
        mean_strong = self.share.average(strong.sum()).clamp(min=1 / self.share.world)
        back = self.generate(fake, self.input_codes(x, batch, random))
        return {
            "g_fake": (-1.0, src.mean()),
            "g_cls": (
                self.recipe.lambda_cls,
                self.share.mean(classified, len(cls) - n, labelled),
            ),
            "g_rec": (self.recipe.lambda_rec, (x - back).abs().mean()),
            **self.change_terms(x, fake),
            "g_coor": (self.recipe.lambda_coor, F.mse_loss(coor, target.codes)),
            "g_strength": (self.recipe.lambda_strength, (strong * error).sum() / mean_strong),
        }
