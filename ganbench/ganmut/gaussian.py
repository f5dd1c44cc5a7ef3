"""GGANmut, the Gaussian model: each emotion is a Gaussian over the square of codes.

d'Apolito et al., CVPR 2021. mu_c = tanh(w_c); Sigma_c = R(angle_c) diag(|a_c1|, |a_c2|) R(angle_c)^T.
The label distribution of a code is the softmax of the negative squared Mahalanobis distances:

    p_z(c) = softmax_c( -(z - mu_c)^T Sigma_c^-1 (z - mu_c) )

The objectives are equations (16) and (17) of the supplement (linear.py has the shared terms), with

    L_div = KL(p_z || p_D) + KL(p_D || p_z),  p_D = D_cls(. | G(x, z)),

and with the classification loss L_cls^f on the edits whose codes are means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench.errors import BadInput
from ganbench.ganmut.linear import GANmut
from ganbench.ganmut.source_head import SourceHeadRecipe, SourceHeadTrainer
from ganbench.methods.backbone import Discriminator, PainterConfig
from ganbench.methods.conditions import Category, Condition
from ganbench.training.adversarial import Target
from ganbench.training.batches import Batch
from ganbench.training.draws import Draws
from ganbench.training.limits import SQUARED, Facts, Limit, cross_entropy, squared
from ganbench.training.trainer import Terms

if TYPE_CHECKING:
    from ganbench.official.layout import Layout


@dataclass(frozen=True)
class GaussianConfig(PainterConfig):
    """Architecture of GGANmut.

    Attributes:
        channels: channel order of the networks' images; the released weights were trained on BGR.
        dims: length of a code, always 2; files of ganbench 0.1 state it.
        means: first means of the emotions: "random" as in the paper; "circle" puts neutral at the
            origin and the others at equal angles on a circle of radius 0.75, which spares a short
            training from separating them.
        variance: first variances; 1 in the paper, with which p_z is almost uniform.
        labels: code of an emotion: "tanh" is the mean mu_c = tanh(w_c); "legacy" is w_c, which one
            path of the released code uses by mistake.
    """

    channels: Literal["rgb", "bgr"] = "bgr"
    dims: Literal[2] = 2
    means: Literal["random", "circle"] = "random"
    variance: float = 1.0
    labels: Literal["tanh", "legacy"] = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variance <= 0:
            raise BadInput(f"variance must be positive: {self.variance}; the paper uses 1")


class Gaussian(GANmut):
    """GGANmut: the code of an emotion is its mean, z = mu_c."""

    name = "gaussian"
    title = "GGANmut"
    Config = GaussianConfig
    config: GaussianConfig

    def __init__(self, config: GaussianConfig) -> None:
        super().__init__(config)
        classes = len(config.emotions)
        if config.means == "circle":
            around = [c for c, name in enumerate(config.emotions) if name != "neutral"]
            angles = torch.arange(len(around)) * (2 * math.pi / len(around))
            mu = torch.zeros(classes, 2)
            mu[around] = torch.atanh(0.75 * torch.stack([angles.cos(), angles.sin()], dim=1))
        else:
            mu = (2 * torch.rand(classes, self.code_dim) - 1) * math.sqrt(0.5)
        self.mu = nn.Parameter(mu)
        self.covariance_angles = nn.Parameter(torch.zeros(1, classes))
        self.covariance_axes = nn.Parameter(torch.full((classes, 2), config.variance))

    def anchors(self) -> Tensor:
        """The means mu_c = tanh(w_c): [emotions, 2] in (-1, 1)."""
        return torch.tanh(self.mu)

    def centres(self) -> Tensor:
        """Codes of all emotions, [emotions, 2]: the means, or w_c with ``labels`` "legacy"."""
        return self.mu if self.config.labels == "legacy" else self.anchors()

    def covariances(self) -> Tensor:
        """Sigma_c: [emotions, 2, 2], symmetric and positive."""
        cos, sin = self.covariance_angles[0].cos(), self.covariance_angles[0].sin()
        rotation = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
        axes = self.covariance_axes.abs()
        return rotation @ torch.diag_embed(axes) @ rotation.transpose(1, 2)

    def mahalanobis(self, codes: Tensor) -> Tensor:
        """Squared Mahalanobis distances of codes [N, 2] to every emotion: [N, emotions].

        With Sigma = R diag(a) R^T the distance needs no inverse: rotate, square, divide by a.
        """
        offset = codes[:, None, :] - self.anchors()  # [N, emotions, 2]
        cos, sin = self.covariance_angles.cos(), self.covariance_angles.sin()
        along = cos * offset[..., 0] + sin * offset[..., 1]
        across = cos * offset[..., 1] - sin * offset[..., 0]
        axes = self.covariance_axes.abs()
        return along.square() / axes[:, 0] + across.square() / axes[:, 1]

    def label_distribution(self, codes: Tensor) -> Tensor:
        """p_z [N, emotions]; rows sum to 1."""
        return torch.softmax(-self.mahalanobis(codes), dim=1)

    def own_codes(self, condition: Condition, noise: Tensor | None = None) -> Tensor:
        """mu_c; an intensity is refused, since distances from the origin have no meaning here."""
        if not isinstance(condition, Category) or condition.intensity is not None:
            raise self.refuse(condition)
        return self.centres()[condition.emotions]

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Codes uniform over the square [-1, 1]^2, [n, 2]."""
        return (2 * torch.rand(n, self.code_dim, generator=generator) - 1).to(self.device)

    @classmethod
    def trainer(cls) -> type[Any]:
        """See ``GaussianTrainer``."""
        return GaussianTrainer

    @classmethod
    def official(cls) -> Layout:
        """See ``GaussianLayout``."""
        from ganbench.official.stargan_family import GaussianLayout

        return GaussianLayout()


@dataclass(frozen=True)
class GaussianRecipe(SourceHeadRecipe):
    """GGANmut's weights; the defaults are those of the authors' scripts.

    Attributes:
        lambda_cls_d: classification of real images, critic step.
        lambda_cls_g: classification of the edits at the means, generator step.
        lambda_div: symmetric divergence of p_z and D_cls, generator step.
        lambda_coor: code recovery, critic step.
        random_codes: number of images of a batch with random codes. The codes of the others are the
            means, and each mean must occur. None leaves one image for each mean, as the released code
            does regardless of its option n_r_g.
    """

    lambda_cls_d: float = 2.0
    lambda_cls_g: float = 0.5
    lambda_div: float = 2.0
    lambda_coor: float = 1.0
    random_codes: int | None = None


class GaussianTrainer(SourceHeadTrainer):
    """Equations (16) and (17)."""

    Recipe = GaussianRecipe
    recipe: GaussianRecipe
    method: Gaussian
    supports_distributed = True

    def __init__(self, method: Gaussian, recipe: GaussianRecipe) -> None:
        self.classes = len(method.config.emotions)
        random = recipe.random_codes
        self.at_means = self.classes if random is None else recipe.batch_size - random
        if not self.classes <= self.at_means <= recipe.batch_size:
            raise BadInput(
                f"a batch must hold the means of all {self.classes} emotions: batch_size "
                f"{recipe.batch_size}, random_codes {random}; raise the one or lower the other"
            )
        # Classes and code come from one head, as in the released network.
        heads = [self.classes + method.code_dim] + [self.classes] * recipe.source_head
        super().__init__(method, Discriminator(method.config, heads), recipe)

    def split(self, head: Tensor) -> tuple[Tensor, Tensor]:
        """The head's output -> class logits [N, emotions], code [N, 2]."""
        return head[:, : self.classes], head[:, self.classes :]

    def target(self, batch: Batch, random: Draws) -> Target:
        shape = (len(batch.global_batch) - self.at_means, self.method.code_dim)
        anywhere = random.uniform(-1, 1, *shape)
        labels = torch.arange(self.at_means, device=batch.images.device) % self.classes
        codes = torch.cat([self.method.centres()[labels], anywhere])
        nearest = self.method.mahalanobis(codes[self.at_means :]).argmin(1)
        emotions = torch.cat([labels, nearest])
        return Target(self.share.local_rows(codes), self.share.local_rows(emotions))

    def limits(self, facts: Facts) -> dict[str, Limit]:
        """Limits: codes lie in the square; L_div is at most twice the largest log p_z / D_cls.

        Narrow Gaussians have some hundred, so the limit of L_div is wide.
        """
        limits = super().limits(facts) | {
            "d_source": cross_entropy(self.classes),
            "g_div": Limit(SQUARED, "narrow Gaussians have some hundred", 0.5 * SQUARED),
        }
        for key in ("d_cls", "d_source_real"):
            if self.recipe.lambda_cls_d:
                limits[key] = cross_entropy(self.classes, facts.entropy())
        if self.recipe.lambda_cls_g:
            limits["g_cls"] = cross_entropy(self.classes)
        if self.recipe.lambda_coor:
            limits["d_coor"] = squared()
        return limits

    def classify(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        src, head, *own = self.discriminator(x)
        cls, coor = self.split(head)
        return src, cls, coor, own[0] if own else cls

    def discriminator_terms(
        self, x: Tensor, fake: Tensor, batch: Batch, target: Target, random: Draws
    ) -> Terms:
        src, cls, coor, source = self.classify(torch.cat([x, fake]))
        n = len(x)
        return {
            "d_real": (-1.0, src[:n].mean()),
            "d_fake": (1.0, src[n:].mean()),
            "d_gp": (self.recipe.lambda_gp, self.gradient_penalty(x, fake, random)),
            "d_cls": (self.recipe.lambda_cls_d, F.cross_entropy(cls[:n], batch.emotions)),
            "d_coor": (self.recipe.lambda_coor, F.mse_loss(coor[n:], target.codes)),
            **self.real_source_terms(self.recipe.lambda_cls_d, source[:n], batch),
            **self.source_terms(lambda: F.cross_entropy(source[n:], batch.emotions)),
        }

    def generator_terms(self, x: Tensor, batch: Batch, target: Target, random: Draws) -> Terms:
        fake = self.generate(x, target.codes)
        src, cls, _, source = self.classify(self.augment_for_critic(fake, random))
        log_d = F.log_softmax(cls, dim=1)
        log_z = F.log_softmax(-self.method.mahalanobis(target.codes), dim=1)
        # KL(p||q) + KL(q||p) = sum (p - q)(log p - log q)
        divergence = ((log_z.exp() - log_d.exp()) * (log_z - log_d)).sum(1).mean()
        with torch.no_grad():
            source_codes = self.classify(x)[2]
        n = self.share.local_count(self.at_means)
        classified = F.cross_entropy(source[:n], target.emotions[:n])
        return {
            "g_fake": (-1.0, src.mean()),
            "g_rec": (self.recipe.lambda_rec, (x - self.generate(fake, source_codes)).abs().mean()),
            **self.change_terms(x, fake),
            "g_div": (self.recipe.lambda_div, divergence),
            "g_cls": (self.recipe.lambda_cls_g, self.share.mean(classified, n, self.at_means)),
        }
