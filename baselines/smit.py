"""SMIT: Stochastic Multi-Label Image-to-Image Translation.

Romero, Arbelaez, Van Gool and Timofte, ICCV Workshops 2019, arXiv 1812.03704. The generator is
conditioned on a label c and a style z ~ N(0, I). It makes a colour image C and an attention mask A:

    (1) G(x, c, z) = A x + (1 - A) C,   A = 1 keeps the input
    (2) L_adv(r, f) = sum over scales of 1/2 [ E relu(1 - (D(r) - E D(f)))
                                             + E relu(1 + (D(f) - E D(r))) ]
        the relativistic average hinge; D minimises L_adv(x, G), G minimises L_adv(G, x)
    (3) L_cls(r, c) = sum over scales of -log D_cls(c | r), r = x for D and r = G(x, c, z) for G
    (4) L_rec = E ||x - G(G(x, c, z), c', z')||_1, c' the label of x, z' a fresh style
    (5) L_idt = E ||x - G(x, c', z'')||_1
    (6) L_attn = E A + lambda_tv / lambda_mask TV(A), for the edit and for its reconstruction;
        TV sums the squared differences of neighbouring pixels

Label and style enter through AdaIN. Its parameters are a linear map of [z, c] that is drawn at random
once and never trained, so a checkpoint has to hold this map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench.config import at_least
from ganbench.emotions import EMOTIONS, distinct
from ganbench.errors import BadInput
from ganbench.methods.backbone import one_hot
from ganbench.methods.conditions import Category, Condition
from ganbench.methods.interface import Method
from ganbench.methods.layers import (
    HeadConv,
    InstanceNorm,
    Norms,
    SameConv,
    colours_and_mask,
    in_format,
    instance_norm,
    outer_norm,
)
from ganbench.training import losses
from ganbench.training.adversarial import BOTH, CriticRecipe, CriticTrainer, permuted
from ganbench.training.batches import Batch, shuffled
from ganbench.training.draws import Draws
from ganbench.training.limits import (
    Facts,
    Limit,
    classification_limits,
    hinge,
    mask,
    reconstruction,
)
from ganbench.training.losses import check_mask, total_variation
from ganbench.training.trainer import WARMUP, Terms, frozen

if TYPE_CHECKING:
    from ganbench.official.layout import Layout

# -- networks -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SMITConfig:
    """Architecture of generator and discriminator; the defaults are the authors'.

    Attributes:
        image_size: side of the images, pixels; a power of two.
        emotions: names of the classes, in label order.
        width: channels after the generator's first convolution; each halving doubles them.
        scales: halvings of the image before the residual blocks.
        blocks: residual blocks of the generator.
        norm: where the generator has norms: "all" as the authors', or only in the residual blocks,
            where AdaIN acts; see ``BackboneConfig``.
        noise_dim: length of the style z.
        label_gain: factor of the label's columns of the frozen map. With the authors' 1 the label has
            one part in 21 of the variance of an AdaIN parameter, and the style has the rest.
        critic_width: channels after the discriminator's first convolution; each layer doubles them.
            None is the authors' rule: 32 from 256 px on, 16 below.
        critic_scales: number of discriminators; each sees half the resolution of the one before.
        critic_gain: factor of the discriminators' class logits. Spectral norms bound the layers below, and
            the features of the last one are about 0.02 at the start: with the authors' 1 a short run
            ends before D tells the emotions apart.
    """

    image_size: int = 128
    emotions: tuple[str, ...] = EMOTIONS
    width: int = 32
    scales: int = 3
    blocks: int = 6
    norm: Norms = "all"
    noise_dim: int = 20
    label_gain: float = 1.0
    critic_width: int | None = None
    critic_scales: int = 3
    critic_gain: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "emotions", distinct(self.emotions))
        at_least(self, width=1, scales=0, blocks=0, noise_dim=1, critic_scales=1, image_size=1)
        if self.critic_width is not None:
            at_least(self, critic_width=1)
        for gain in ("label_gain", "critic_gain"):
            if not getattr(self, gain) > 0:
                raise BadInput(f"{gain} must be positive: {getattr(self, gain)}; the authors' is 1")
        smallest = max(2**self.scales, 4 * 2 ** (self.critic_scales - 1))
        if self.image_size < smallest or self.image_size & (self.image_size - 1):
            raise BadInput(
                f"image_size of smit must be a power of two from {smallest} on: {self.image_size}; "
                "change it, or use fewer scales or critic_scales"
            )

    @property
    def first_critic_width(self) -> int:
        """``critic_width``, by the authors' rule if None."""
        return self.critic_width or (32 if self.image_size >= 256 else 16)

    @property
    def bottleneck(self) -> int:
        """Number of channels of the residual blocks."""
        return self.width << self.scales

    @property
    def adain_dim(self) -> int:
        """Length of the vector of AdaIN parameters: bias and weight of two layers in each block."""
        return self.blocks * 2 * 2 * self.bottleneck


class LayerNorm(nn.Module):
    """MUNIT's layer norm: (x - mean) / (std + 1e-5) over each sample, std unbiased, then gamma and beta.

    gamma starts at 1; the published description does not state a value.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same shape; statistics are float32."""
        variance, mean = torch.var_mean(x.float(), dim=(1, 2, 3), correction=1)  # [N]
        scale = self.gamma / (variance.sqrt() + 1e-5)[:, None]  # [N, C]
        shift = self.beta - mean[:, None] * scale
        return torch.addcmul(
            shift[..., None, None].to(x.dtype), x, scale[..., None, None].to(x.dtype)
        )


class Stage(nn.Module):
    """Convolution without bias, norm, ReLU; ``up`` doubles the resolution first."""

    def __init__(self, conv: nn.Conv2d, norm: nn.Module, up: bool = False) -> None:
        super().__init__()
        self.conv, self.norm, self.up = conv, norm, up

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C', H', W']."""
        if self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return F.relu(self.norm(self.conv(x)), inplace=True)


class AdaINBlock(nn.Module):
    """x + [conv3 - AdaIN - ReLU - conv3 - AdaIN]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = SameConv(channels, channels)
        self.conv2 = SameConv(channels, channels)

    def forward(self, x: Tensor, adain: Tensor) -> Tensor:
        """``adain`` [N, 4C]: bias and weight of the first norm, then of the second."""
        bias1, weight1, bias2, weight2 = adain.chunk(4, dim=1)
        h = F.relu(instance_norm(self.conv1(x), weight1, bias1), inplace=True)
        residual: Tensor = instance_norm(self.conv2(h), weight2, bias2)
        return x + residual


class DomainEmbedding(nn.Module):
    """The frozen random linear map [z, c] -> AdaIN parameters [N, adain_dim].

    Its weights are buffers: they are saved with the generator, and no optimiser changes them. They are
    drawn like those of a linear layer, from U(-1/sqrt(code_dim), 1/sqrt(code_dim)).
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, code_dim: int, adain_dim: int) -> None:
        super().__init__()
        bound = code_dim**-0.5
        self.register_buffer("weight", torch.empty(adain_dim, code_dim).uniform_(-bound, bound))
        self.register_buffer("bias", torch.empty(adain_dim).uniform_(-bound, bound))

    def forward(self, codes: Tensor) -> Tensor:
        """[N, code_dim] -> [N, adain_dim]."""
        return F.linear(codes, self.weight, self.bias)


class Generator(nn.Module):
    """Colour image C [N, 3, S, S] in [-1, 1] and attention mask A [N, 1, S, S] in [0, 1]."""

    def __init__(self, config: SMITConfig) -> None:
        super().__init__()
        norm = partial(outer_norm, config.norm)
        w = config.width
        down = [Stage(nn.Conv2d(3, w, 7, padding=3, bias=False), norm(InstanceNorm, w))]
        up = []
        for i in range(config.scales):
            fine, coarse = w * 2**i, w * 2 ** (i + 1)
            conv = nn.Conv2d(fine, coarse, 4, stride=2, padding=1, bias=False)
            down.append(Stage(conv, norm(InstanceNorm, coarse)))
            conv = SameConv(coarse, fine)
            up.append(Stage(conv, norm(LayerNorm, fine), up=True))
        self.down = nn.Sequential(*down)
        self.blocks = nn.ModuleList(AdaINBlock(config.bottleneck) for _ in range(config.blocks))
        self.up = nn.Sequential(*reversed(up))
        self.colour = HeadConv(w, 3)
        self.attention = HeadConv(w, 1)

    def forward(self, x: Tensor, adain: Tensor) -> tuple[Tensor, Tensor]:
        """``x`` [N, 3, S, S] in [-1, 1], ``adain`` [N, adain_dim]."""
        h = self.down(in_format(x))
        parameters = adain.chunk(len(self.blocks), dim=1) if len(self.blocks) else ()
        for block, block_parameters in zip(self.blocks, parameters, strict=True):
            h = block(h, block_parameters)
        return colours_and_mask(self.up(h), self.colour, self.attention)


class SpectralConv(nn.Module):
    """4x4 convolution of stride 2 whose weight is divided by its largest singular value sigma.

    Each forward pass takes one step of the power iteration on the weight W, reshaped to [out, rest]:
    v = normalise(W^T u), u = normalise(W v), sigma = u . W v. Training mode stores u and v.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        conv = nn.Conv2d(inputs, outputs, 4)  # the library's initial weights
        self.weight_bar = nn.Parameter(conv.weight.detach())
        assert conv.bias is not None
        self.bias = nn.Parameter(conv.bias.detach())
        self.register_buffer("weight_u", F.normalize(torch.randn(outputs), dim=0))
        self.register_buffer("weight_v", F.normalize(torch.randn(inputs * 16), dim=0))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C', H / 2, W / 2]."""
        matrix = self.weight_bar.flatten(1)
        u, v = self.weight_u.clone(), self.weight_v.clone()  # the graph must outlive the buffers
        # In bfloat16 sigma would have two digits, and all of D would be wrong by its error.
        with torch.autocast(x.device.type, enabled=False):
            with torch.no_grad():
                v = F.normalize(matrix.T @ u, dim=0, eps=1e-12)
                u = F.normalize(matrix @ v, dim=0, eps=1e-12)
                if self.training:
                    self.weight_u.copy_(u)
                    self.weight_v.copy_(v)
            weight = self.weight_bar / (u @ (matrix @ v))
        return F.conv2d(x, weight, self.bias, stride=2, padding=1)


class ScaleDiscriminator(nn.Module):
    """D at one scale: strided convolutions down to 2x2, a patch critic and a classifier."""

    def __init__(self, size: int, width: int, classes: int, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = gain
        layers: list[nn.Module] = []
        channels = 3
        while size > 2:
            layers += [SpectralConv(channels, width), nn.LeakyReLU(0.01, inplace=True)]
            channels, width, size = width, 2 * width, size // 2
        self.main = nn.Sequential(*layers)
        self.src = nn.Conv2d(channels, 1, 3, padding=1, bias=False)
        self.aux = nn.Conv2d(channels, classes, 2, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-> patch map [N, 1, 2, 2], class logits [N, classes]."""
        h = self.main(x)
        return self.src(h), self.gain * self.aux(h).flatten(1)


class Discriminator(nn.Module):
    """D at several scales; each has a patch map [N, 1, 2, 2] and class logits [N, K].

    Windows of 3x3 are averaged between scales. At the border the mean is over the pixels inside the image,
    as in MUNIT; the published description does not state it.
    """

    def __init__(self, config: SMITConfig) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            ScaleDiscriminator(
                config.image_size >> i,
                config.first_critic_width,
                len(config.emotions),
                config.critic_gain,
            )
            for i in range(config.critic_scales)
        )

    def forward(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Patch map and class logits of each scale, the finest first."""
        outputs: list[tuple[Tensor, Tensor]] = []
        for scale in self.scales:
            if outputs:
                x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
            outputs.append(scale(x))
        return outputs


# -- the method -----------------------------------------------------------------------------------


class SMIT(Method):
    """G(x, c, z); a code is [z (20), one-hot c]."""

    name = "smit"
    title = "SMIT"
    paper = "Romero et al., ICCV Workshops 2019, arXiv:1812.03704"
    Config = SMITConfig

    def __init__(self, config: SMITConfig) -> None:
        super().__init__(config)
        self.noise_dim = config.noise_dim
        self.generator = Generator(config)
        self.embedding = DomainEmbedding(self.code_dim, config.adain_dim)
        self.embedding.weight[:, self.noise_dim :] *= config.label_gain

    @property
    def code_dim(self) -> int:
        """The style's entries and one for each emotion."""
        return int(self.config.noise_dim) + len(self.config.emotions)

    def own_codes(self, condition: Condition, noise: Tensor | None = None) -> Tensor:
        """[z, one-hot c]; ``noise`` [N, noise_dim] is the style z and must be given."""
        if not isinstance(condition, Category) or condition.intensity is not None:
            raise self.refuse(condition)
        if noise is None:
            raise BadInput("smit needs a style: noise is None; draw it with draw_noise(n)")
        labels = one_hot(condition.emotions, len(self.config.emotions))
        return torch.cat([noise.to(labels), labels], dim=1)

    def colour_and_mask(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """C [N, 3, S, S] and A [N, 1, S, S] of equation (1)."""
        colour, mask = self.generator(x, self.embedding(codes))
        return colour, mask

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        """A x + (1 - A) C and A, equation (1)."""
        colour, mask = self.colour_and_mask(x, codes)
        return attend(x, colour, mask), mask

    @classmethod
    def trainer(cls) -> type[Any]:
        """See ``SMITTrainer``."""
        return SMITTrainer

    @classmethod
    def official(cls) -> Layout:
        """See ``SMITLayout``."""
        from ganbench.official.smit import SMITLayout

        return SMITLayout(Discriminator)


# -- losses ---------------------------------------------------------------------------------------


def attend(x: Tensor, colour: Tensor, mask: Tensor) -> Tensor:
    """A x + (1 - A) C, equation (1), in float32."""
    return torch.lerp(colour.float(), x.float(), mask.float())


def relativistic_hinge(
    real: Sequence[Tensor],
    fake: Sequence[Tensor],
    average: Callable[[Tensor], Tensor] = lambda mean: mean,
) -> Tensor:
    """L_adv of equation (2): each score is compared with the mean score of the other images.

    Args:
        real: patch maps of the images that should have high scores, one tensor for each scale.
        fake: patch maps of the images that should have low scores.
        average: turns a mean over the images of one process into the mean over all processes.
    """
    terms = [
        F.relu(1 - (r - average(f.mean()))).mean() + F.relu(1 + (f - average(r.mean()))).mean()
        for r, f in zip(real, fake, strict=True)
    ]
    return 0.5 * torch.stack(terms).sum()


# -- training -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SMITRecipe(CriticRecipe):
    """The authors' settings for labels that exclude each other (RafD); we use them for AffectNet too.

    An iteration is one step of D and one step of G, on ``batch_size`` different images each. The length is
    the authors' 40 epochs of AffectNet's 284 thousand images; the rate falls in the last 20.

    Attributes:
        classification: "softmax" cross-entropy for labels that exclude each other; "binary"
            cross-entropy summed over the labels, for labels of which an image can have several.
        lambda_cls: weight of both classification losses.
        lambda_rec: weight of the reconstruction of the input.
        lambda_idt: weight of L_idt; at 0 its generator pass is left out.
        lambda_mask: weight of the mean of the mask; it moves the mask towards the colour image.
        lambda_tv: weight of the mask's total variation, which is a sum over pixels and batch.
    """

    iterations: int = 284_000
    batch_size: int = 20
    learning_rate: float = 2e-4
    decay_iterations: int = 142_000
    classification: Literal["softmax", "binary"] = "softmax"
    lambda_cls: float = 2.0
    lambda_rec: float = 10.0
    lambda_idt: float = 10.0
    lambda_mask: float = 1.0
    lambda_tv: float = 1e-5


class SMITTrainer(CriticTrainer):
    """L_D = L_adv + lambda_cls L_cls; L_G adds reconstruction, identity and attention losses."""

    Recipe = SMITRecipe
    recipe: SMITRecipe
    model: SMIT
    supports_distributed = True
    permuted_parts = 2  # D's and G's images

    def __init__(self, method: SMIT, recipe: SMITRecipe) -> None:
        super().__init__(method, recipe)
        self.discriminator = Discriminator(method.config)
        self.networks["discriminator"] = self.discriminator
        self.optimizers = {"g": self.adam(method), "d": self.adam(self.discriminator, warm=False)}

    def indices(self, labels: NDArray[np.int64], iteration: int, seed: int) -> NDArray[np.int64]:
        """Indices of two batches: one for the step of D, one for the step of G."""
        return shuffled(len(labels), 2 * self.recipe.batch_size, iteration, seed)

    def limits(self, facts: Facts) -> dict[str, Limit]:
        """Limits; scores and classification losses are summed over the scales of D."""
        scales, k = self.model.config.critic_scales, len(self.model.config.emotions)
        real, edits = classification_limits(self.recipe.classification, k, facts, scales)
        limits = {
            "d_adv": hinge(scales),
            "g_adv": hinge(scales),
            "d_source": edits,
            "g_mask": mask(),
        }
        limits["g_warmup"] = reconstruction()
        if self.recipe.lambda_cls:
            limits |= {"d_cls": real, "g_cls": edits}
        if self.recipe.lambda_rec:
            limits["g_rec"] = reconstruction(facts)
        if self.recipe.lambda_idt:
            limits["g_idt"] = reconstruction(facts)
        return limits

    def code(self, emotions: Tensor, random: Draws) -> Tensor:
        """Codes of the emotions with fresh styles."""
        rows = self.share.global_count(len(emotions))
        noise = self.share.local_rows(random.randn(rows, self.model.noise_dim))
        return self.model.own_codes(Category(emotions), noise)

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """G(x, c, z) and A in the recipe's precision; outputs are float32."""
        with self.autocast():
            colour, mask = self.model.colour_and_mask(x, codes)
        return attend(x, colour, mask), mask.float()

    def criticise(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """D(x) in the recipe's ``critic_precision``; outputs are float32."""
        with self.critic_autocast():
            outputs = self.discriminator(x)
        return [(src.float(), aux.float()) for src, aux in outputs]

    def classification(self, outputs: Sequence[tuple[Tensor, Tensor]], emotions: Tensor) -> Tensor:
        """L_cls of equation (3), mean over the batch and sum over scales."""
        kind = self.recipe.classification
        of_scale = [losses.classification(kind, logits, emotions) for _, logits in outputs]
        return torch.stack(of_scale).sum()

    def discriminator_terms(self, x: Tensor, batch: Batch, random: Draws) -> Terms:
        """The objective of D."""
        with torch.no_grad():
            target = self.share.local_rows(permuted(batch.global_batch.emotions, random))
            fake, _ = self.translate(x, self.code(target, random))
            x, fake = self.augment_for_critic(x, random), self.augment_for_critic(fake, random)
        # One pass for real images and edits: both see the same weights, with one power iteration.
        outputs = self.criticise(torch.cat([x, fake]))
        real = [(src[: len(x)], aux[: len(x)]) for src, aux in outputs]
        generated = [(src[len(x) :], aux[len(x) :]) for src, aux in outputs]
        emotions = batch.emotions
        sides = [src for src, _ in real], [src for src, _ in generated]
        return {
            "d_adv": (1.0, relativistic_hinge(*sides, self.share.average)),
            "d_cls": (self.recipe.lambda_cls, self.classification(real, emotions)),
            **self.source_terms(lambda: self.classification(generated, emotions)),
        }

    def generator_terms(self, x: Tensor, batch: Batch, random: Draws) -> Terms:
        """The objective of G; in L_adv real and fake swap roles."""
        target = self.share.local_rows(permuted(batch.global_batch.emotions, random))
        fake, mask = self.translate(x, self.code(target, random))
        rec, mask_rec = self.translate(fake, self.code(batch.emotions, random))
        with torch.no_grad():
            real = [src for src, _ in self.criticise(self.augment_for_critic(x, random))]
        outputs = self.criticise(self.augment_for_critic(fake, random))
        tv = self.share.sum(total_variation(mask) + total_variation(mask_rec))
        terms = {
            "g_adv": (
                1.0,
                relativistic_hinge([src for src, _ in outputs], real, self.share.average),
            ),
            "g_cls": (self.recipe.lambda_cls, self.classification(outputs, target)),
            "g_rec": (self.recipe.lambda_rec, (x - rec).abs().mean()),
            "g_mask": (self.recipe.lambda_mask, mask.mean()),
            "g_mask_rec": (self.recipe.lambda_mask, mask_rec.mean()),
            "g_tv": (self.recipe.lambda_tv, tv),
        }
        if self.recipe.lambda_idt:
            same, _ = self.translate(x, self.code(batch.emotions, random))
            terms["g_idt"] = (self.recipe.lambda_idt, (x - same).abs().mean())
        return terms

    def warmup_terms(self, x: Tensor, batch: Batch, random: Draws) -> Terms:
        """Reconstruction by the colour image alone: with the mask, A = 1 would reconstruct every input."""
        with self.autocast():
            colour, _ = self.model.colour_and_mask(x, self.code(batch.emotions, random))
        return {"g_warmup": (1.0, (colour.float() - x).abs().mean())}

    def warmup_step(self, x: Tensor, batch: Batch, random: Draws) -> dict[str, Tensor]:
        """G learns to reconstruct its input and D to tell emotions, before they train each other."""
        half = len(batch) // 2
        values = self.minimise(self.warmup_terms(x[half:], batch[half:], random), "g")
        self.update_ema()
        shown = self.augment_for_critic(x[:half], random)
        loss = self.classification(self.criticise(shown), batch.emotions[:half])
        return values | self.minimise({"d_cls": (self.recipe.lambda_cls, loss)}, "d")

    def kind(self, iteration: int) -> str:
        """Warm-up, or one step of D on the first half of the batch, and one of G on the second half."""
        return WARMUP if iteration < self.recipe.warmup_iterations else BOTH

    def update(self, kind: str, batch: Batch, random: Draws) -> dict[str, Tensor]:
        x = self.model.to_native(batch.images)
        if kind == WARMUP:
            return self.warmup_step(x, batch, random)
        half = len(batch) // 2
        values = self.minimise(self.discriminator_terms(x[:half], batch[:half], random), "d")
        with frozen(self.discriminator):
            terms = self.generator_terms(x[half:], batch[half:], random)
            values |= self.minimise(terms, "g")
        self.update_ema()
        return values

    def check(self, values: Mapping[str, float]) -> None:
        """As ``Trainer.check``; also stop a saturated attention mask."""
        super().check(values)
        check_mask(values)
