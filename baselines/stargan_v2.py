"""StarGAN v2: Diverse Image Synthesis for Multiple Domains.

Choi, Uh, Yoo and Ha, CVPR 2020, arXiv 1912.01865. Four networks: generator G(x, s), mapping
network F_y(z), style encoder E_y(x) and discriminator D_y(x), where y is the domain. With a target
style s~ = F_y~(z), z ~ N(0, I), or s~ = E_y~(x_ref):

    (1) L_adv = E log D_y(x) + E log(1 - D_y~(G(x, s~))), G in its non-saturating form   [eq. 1]
    (2) L_sty = E ||s~ - E_y~(G(x, s~))||_1                                              [eq. 2]
    (3) L_ds = E ||G(x, s~_1) - G(x, s~_2)||_1, the second image held constant           [eq. 3]
    (4) L_cyc = E ||x - G(G(x, s~), E_y(x))||_1                                          [eq. 4]
    (5) min over G, F, E, max over D: L_adv + lambda_sty L_sty - lambda_ds L_ds + lambda_cyc L_cyc
        lambda_ds falls linearly to 0; D adds R1 = 1/2 E ||grad D_y(x)||^2 in every step [eq. 5]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log2, sqrt
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench.config import at_least
from ganbench.emotions import EMOTIONS, distinct
from ganbench.errors import BadInput, Unsupported
from ganbench.methods.backbone import one_hot
from ganbench.methods.conditions import Category, Condition, ReferenceImage
from ganbench.methods.interface import Method
from ganbench.methods.layers import (
    InstanceNorm,
    SameConv,
    full_precision,
    he_init,
    in_format,
    instance_norm,
)
from ganbench.seeds import generator
from ganbench.training import recipe
from ganbench.training.batches import Batch
from ganbench.training.draws import Draws
from ganbench.training.limits import Facts, Limit, logistic, r1, reconstruction
from ganbench.training.losses import r1_penalty
from ganbench.training.trainer import WARMUP, Terms, Trainer, frozen

if TYPE_CHECKING:
    from ganbench.official.layout import Layout

# -- networks -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StarGANv2Config:
    """Architecture of the four networks; the defaults are the authors'.

    Attributes:
        image_size: side of the images, pixels; a power of two from 32 on.
        emotions: names of the domains, in label order.
        channel_base: channels at full resolution, times ``image_size``. Each halving of the resolution
            doubles the channels.
        max_channels: largest number of channels.
        style_dim: length of a style s, the native code.
        latent_dim: length of the latent z.
        hidden: width of the mapping network.
        bottleneck: residual blocks of encoder and decoder at the lowest resolution, each.
        w_hpf: above 0 in files of the authors' variant, which adds edges of the input's eyes, brows
            and mouth to the decoder and has one halving more. The edges need a landmark network that
            ganbench does not have: such a file can be imported, shown and exported, and nothing else.
        output: what G computes: the image, as in the paper, or the change that is added to its input;
            see ``PainterConfig``.
    """

    image_size: int = 128
    emotions: tuple[str, ...] = EMOTIONS
    channel_base: int = 2**14
    max_channels: int = 512
    style_dim: int = 64
    latent_dim: int = 16
    hidden: int = 512
    bottleneck: int = 2
    w_hpf: float = 0.0
    output: Literal["image", "change"] = "image"

    def __post_init__(self) -> None:
        object.__setattr__(self, "emotions", distinct(self.emotions))
        at_least(
            self, max_channels=1, style_dim=1, latent_dim=1, hidden=1, bottleneck=0, image_size=1
        )
        if self.image_size < 32 or self.image_size & (self.image_size - 1):
            raise BadInput(
                f"image_size of stargan-v2 must be a power of two from 32 on: {self.image_size}; "
                "change it"
            )
        if self.channel_base < self.image_size:
            raise BadInput(
                f"channel_base of stargan-v2 must be at least image_size: {self.channel_base}; "
                f"raise it to {self.image_size} or more"
            )

    def channels(self, halvings: int) -> int:
        """Number of channels after ``halvings`` halvings of the resolution."""
        return min(self.max_channels, (self.channel_base // self.image_size) << halvings)


def halve(x: Tensor) -> Tensor:
    """2x2 average pool."""
    return F.avg_pool2d(x, 2)


def double(x: Tensor) -> Tensor:
    """Upsampling by 2, nearest neighbour."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def activation(x: Tensor) -> Tensor:
    """LeakyReLU of slope 0.2."""
    return F.leaky_relu(x, 0.2)


class ResBlock(nn.Module):
    """(shortcut + residual) / sqrt 2; the residual is [IN]-act-conv3-[pool]-[IN]-act-conv3.

    The shortcut pools before its 1x1 convolution: the two commute, and this order costs a quarter.
    """

    def __init__(self, inputs: int, outputs: int, norm: bool = False, down: bool = False) -> None:
        super().__init__()
        self.down = down
        self.conv1 = SameConv(inputs, inputs, bias=True)
        self.conv2 = SameConv(inputs, outputs, bias=True)
        self.norm1: nn.Module = InstanceNorm(inputs) if norm else nn.Identity()
        self.norm2: nn.Module = InstanceNorm(inputs) if norm else nn.Identity()
        self.conv1x1: nn.Module = nn.Identity()
        if inputs != outputs:
            self.conv1x1 = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C', H', W']."""
        h = self.conv1(activation(self.norm1(x)))
        if self.down:
            h, x = halve(h), halve(x)
        h = self.conv2(activation(self.norm2(h)))
        result: Tensor = (self.conv1x1(x) + h) / sqrt(2)
        return result


class AdaIN(nn.Module):
    """(1 + gamma(s)) IN(x) + beta(s), with gamma and beta from one linear layer."""

    def __init__(self, style_dim: int, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(style_dim, 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """``x`` [N, C, H, W], ``style`` [N, style_dim]."""
        gamma, beta = self.fc(style).float().chunk(2, dim=1)
        return instance_norm(x, 1 + gamma, beta)


class AdaINResBlock(nn.Module):
    """(shortcut + AdaIN-act-[x2]-conv3-AdaIN-act-conv3) / sqrt 2."""

    def __init__(self, inputs: int, outputs: int, style_dim: int, up: bool) -> None:
        super().__init__()
        self.up = up
        self.conv1 = SameConv(inputs, outputs, bias=True)
        self.conv2 = SameConv(outputs, outputs, bias=True)
        self.norm1 = AdaIN(style_dim, inputs)
        self.norm2 = AdaIN(style_dim, outputs)
        self.conv1x1: nn.Module = nn.Identity()
        if inputs != outputs:
            self.conv1x1 = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """``x`` [N, C, H, W], ``style`` [N, style_dim] -> [N, C', H', W']."""
        h = activation(self.norm1(x, style))
        h = self.conv1(double(h) if self.up else h)
        h = self.conv2(activation(self.norm2(h, style)))
        shortcut = self.conv1x1(x)  # commutes with nearest neighbour doubling
        result: Tensor = (h + (double(shortcut) if self.up else shortcut)) / sqrt(2)
        return result


class Generator(nn.Module):
    """G(x, s): [N, 3, S, S] in about [-1, 1] (there is no tanh), style [N, style_dim]."""

    def __init__(self, config: StarGANv2Config) -> None:
        super().__init__()
        halvings = int(log2(config.image_size)) - 4 + (config.w_hpf > 0)
        wide, style = config.channels(halvings), config.style_dim
        first = config.channels(0)
        self.adds = config.output == "change"
        self.from_rgb = nn.Conv2d(3, first, 3, padding=1)
        encode, decode = [], []
        for i in range(halvings):
            fine, coarse = config.channels(i), config.channels(i + 1)
            encode.append(ResBlock(fine, coarse, norm=True, down=True))
            decode.append(AdaINResBlock(coarse, fine, style, up=True))
        for _ in range(config.bottleneck):
            encode.append(ResBlock(wide, wide, norm=True))
            decode.append(AdaINResBlock(wide, wide, style, up=False))
        self.encode = nn.Sequential(*encode)
        self.decode = nn.ModuleList(reversed(decode))
        self.to_rgb = nn.Sequential(InstanceNorm(first), nn.LeakyReLU(0.2), nn.Conv2d(first, 3, 1))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Images of the same shape."""
        h = self.encode(self.from_rgb(in_format(x)))
        for block in self.decode:
            h = block(h, style)
        painted: Tensor = self.to_rgb(h)
        return x + full_precision(painted) if self.adds else painted


class MappingNetwork(nn.Module):
    """F_y(z): shared layers, then a branch for each domain; [N, latent_dim] -> [N, style_dim]."""

    def __init__(self, config: StarGANv2Config) -> None:
        super().__init__()
        h = config.hidden

        def layers(first: int, count: int) -> list[nn.Module]:
            sizes = [first] + [h] * count
            return [m for i in range(count) for m in (nn.Linear(sizes[i], h), nn.ReLU())]

        self.shared = nn.Sequential(*layers(config.latent_dim, 4))
        self.unshared = nn.ModuleList(
            nn.Sequential(*layers(h, 3), nn.Linear(h, config.style_dim)) for _ in config.emotions
        )

    def forward(self, z: Tensor, domains: Tensor) -> Tensor:
        """``z`` [N, latent_dim], ``domains`` int64 [N]."""
        h = self.shared(z)
        return select_domain(torch.stack([branch(h) for branch in self.unshared], dim=1), domains)


def trunk(config: StarGANv2Config) -> list[nn.Module]:
    """The part that E and D share: [N, 3, S, S] -> [N, C, 1, 1]."""
    halvings = int(log2(config.image_size)) - 2
    last = config.channels(halvings)
    blocks = [
        ResBlock(config.channels(i), config.channels(i + 1), down=True) for i in range(halvings)
    ]
    return [
        nn.Conv2d(3, config.channels(0), 3, padding=1),
        *blocks,
        nn.LeakyReLU(0.2),
        nn.Conv2d(last, last, 4),
        nn.LeakyReLU(0.2),
    ]


class StyleEncoder(nn.Module):
    """E_y(x): [N, 3, S, S] -> [N, style_dim], with a linear head for each domain."""

    def __init__(self, config: StarGANv2Config) -> None:
        super().__init__()
        self.shared = nn.Sequential(*trunk(config))
        last = config.channels(int(log2(config.image_size)) - 2)
        self.unshared = nn.ModuleList(nn.Linear(last, config.style_dim) for _ in config.emotions)

    def forward(self, x: Tensor, domains: Tensor) -> Tensor:
        """``x`` [N, 3, S, S], ``domains`` int64 [N]."""
        h = self.shared(x).flatten(1)
        return select_domain(torch.stack([head(h) for head in self.unshared], dim=1), domains)


class Discriminator(nn.Module):
    """D(x): a logit for each domain, [N, domains]; D_y(x) is that of domain y."""

    def __init__(self, config: StarGANv2Config) -> None:
        super().__init__()
        last = config.channels(int(log2(config.image_size)) - 2)
        self.main = nn.Sequential(*trunk(config), nn.Conv2d(last, len(config.emotions), 1))

    def logits(self, x: Tensor) -> Tensor:
        """``x`` [N, 3, S, S] -> [N, domains]."""
        scores: Tensor = self.main(x)
        return scores.flatten(1)

    def forward(self, x: Tensor, domains: Tensor) -> Tensor:
        """D_y(x) [N], ``domains`` y int64 [N]."""
        return select_domain(self.logits(x), domains)


def select_domain(outputs: Tensor, domains: Tensor) -> Tensor:
    """The entry of each sample's domain: [N, domains, ...] -> [N, ...]."""
    return outputs[torch.arange(len(domains), device=outputs.device), domains]


def library_init(network: nn.Module) -> None:
    """Draw the initial weights of torch's layers anew, in place."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.reset_parameters()


# -- the method -----------------------------------------------------------------------------------


class StarGANv2(Method):
    """G(x, s); the code is the style s, computed by F for an emotion and by E for a reference image."""

    name = "stargan-v2"
    title = "StarGAN-v2"
    paper = "Choi et al., CVPR 2020, arXiv:1912.01865"
    Config = StarGANv2Config
    conditions = (Category, ReferenceImage)
    bounded = False  # the last convolution has no activation

    def __init__(self, config: StarGANv2Config) -> None:
        super().__init__(config)
        self.noise_dim = config.latent_dim
        self.generator = Generator(config)
        self.mapping_network = MappingNetwork(config)
        self.style_encoder = StyleEncoder(config)
        he_init(self)

    @property
    def code_dim(self) -> int:
        """Length of a style."""
        return int(self.config.style_dim)

    def own_codes(self, condition: Condition, noise: Tensor | None = None) -> Tensor:
        """Styles: F_y(noise) for an emotion y, E_y(images) for reference images of domain y.

        Raises:
            BadInput: an emotion without noise, a reference without its emotion or of another size.
        """
        if isinstance(condition, ReferenceImage):
            size = self.config.image_size
            if condition.emotions is None:
                raise BadInput(
                    "stargan-v2 has one style encoder for each emotion: emotions is None; "
                    "give the emotion of each reference image"
                )
            if condition.images.shape[1:] != (3, size, size):
                raise BadInput(
                    f"wrong reference size for stargan-v2: {tuple(condition.images.shape)}, "
                    f"expected [N, 3, {size}, {size}]; resize the images to {size} px"
                )
            references = self.to_native(condition.images.to(self.device, torch.float32))
            return self.style(references, condition.emotions.to(self.device))
        if not isinstance(condition, Category) or condition.intensity is not None:
            raise self.refuse(condition)
        if noise is None:
            raise BadInput("stargan-v2 needs a latent: noise is None; draw it with draw_noise(n)")
        styles: Tensor = self.mapping_network(noise, condition.emotions)
        return styles

    def style(self, x: Tensor, emotions: Tensor) -> Tensor:
        """E_y(x), ``x`` in the native range."""
        styles: Tensor = self.style_encoder(x, emotions)
        return styles

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        """G(x, s).

        Raises:
            Unsupported: the variant with w_hpf > 0, which needs facial landmarks.
        """
        if self.config.w_hpf > 0:
            raise Unsupported(
                f"stargan-v2 with w_hpf = {self.config.w_hpf} needs facial landmarks, which "
                "ganbench does not compute; use a model with w_hpf = 0"
            )
        return self.generator(x, codes), None

    @classmethod
    def trainer(cls) -> type[Any]:
        """See ``StarGANv2Trainer``."""
        return StarGANv2Trainer

    @classmethod
    def official(cls) -> Layout:
        """See ``StarGANv2Layout``."""
        from ganbench.official.stargan_v2 import StarGANv2Layout

        return StarGANv2Layout(Discriminator)


T = TypeVar("T")

# How the name of a kind of iteration ends in which the edits' diversity has a weight.
DIVERSE = ", diverse"

# -- training -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StarGANv2Recipe(recipe.Recipe):
    """The authors' settings. An iteration is a step of D and of G with latents, and one with references.

    Attributes:
        mapping_learning_rate: learning rate of F, a hundredth of that of the other networks.
        weight_decay: L2 penalty of all four networks, added to the gradient.
        lambda_reg: weight of R1.
        lambda_sty: weight of the style reconstruction.
        lambda_ds: weight of the diversity loss after the warm-up.
        ds_iterations: iterations over which ``lambda_ds`` falls linearly to 0.
        lambda_cyc: weight of the cycle.
        lambda_match: weight of the matching-aware loss of Reed et al. (ICML 2016): a real image counts
            as fake in all domains but that of its emotion. The paper does not have it, so the default
            is 0. Without it D learns to tell emotions only from the edits of G.
        reference_every: the steps with references are taken in every ``reference_every``-th iteration.
            The authors' value is 1; with more, most iterations cost half.
        ema_init: first weights of the moving average. "copy": those of the networks; "official": other
            random ones, since the authors copy the networks before they initialise them. The average
            then needs about 1,000 steps until it edits.
        critic_precision: arithmetic of D and of R1; "auto" is TF32 on CUDA and float32 elsewhere.
    """

    iterations: int = 100_000
    batch_size: int = 8
    beta1: float = 0.0
    beta2: float = 0.99
    schedule: Literal["linear", "official"] = "official"
    ema_decay: float = 0.999
    mapping_learning_rate: float = 1e-6
    weight_decay: float = 1e-4
    lambda_reg: float = 1.0
    lambda_sty: float = 1.0
    lambda_ds: float = 1.0
    ds_iterations: int = 100_000
    lambda_cyc: float = 1.0
    lambda_match: float = 0.0
    reference_every: int = 1
    ema_init: Literal["copy", "official"] = "copy"
    critic_precision: Literal["auto", "fp32", "bf16"] = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("reference_every", "ds_iterations"):
            self.require(key, getattr(self, key) >= 1, "at least 1")

    def diversity(self, iteration: int) -> float:
        """lambda_ds of an iteration."""
        after_warmup = iteration - self.warmup_iterations
        return self.lambda_ds * max(0.0, 1 - after_warmup / self.ds_iterations)


@dataclass(frozen=True)
class StyleTarget:
    """What a step edits to: for each image a target domain, and two latents or two references of it.

    Attributes:
        domains: target domains y~, int64 [B].
        latents: z_1 and z_2, [B, latent_dim] each; None in a step with references.
        references: two images of each domain, [B, 3, S, S] each; None in a step with latents.
    """

    domains: Tensor
    latents: tuple[Tensor, Tensor] | None = None
    references: tuple[Tensor, Tensor] | None = None


class StarGANv2Trainer(Trainer):
    """Steps of D and G with styles from latents, and then with styles from references.

    Args:
        method: G, F and E.
        recipe: recipe of the training.

    Raises:
        Unsupported: the variant with w_hpf > 0.
    """

    Recipe = StarGANv2Recipe
    recipe: StarGANv2Recipe
    model: StarGANv2
    supports_distributed = True

    def __init__(self, method: StarGANv2, recipe: StarGANv2Recipe) -> None:
        if method.config.w_hpf > 0:
            raise Unsupported(
                f"stargan-v2 with w_hpf = {method.config.w_hpf} cannot be trained: it needs facial "
                "landmarks, which ganbench does not compute; set w_hpf = 0"
            )
        super().__init__(method, recipe)
        if self.ema is not None and recipe.ema_init == "official":
            library_init(self.ema)
        self.discriminator = Discriminator(method.config)
        he_init(self.discriminator)
        self.networks["discriminator"] = self.discriminator
        decay, slow = recipe.weight_decay, recipe.mapping_learning_rate
        self.optimizers = {
            "g": self.adam(method.generator, decay=decay),
            "f": self.adam(method.mapping_network, rate=slow, decay=decay),
            "e": self.adam(method.style_encoder, decay=decay),
            "d": self.adam(self.discriminator, decay=decay, warm=False),
        }

    @property
    def cycle(self) -> int:
        return self.recipe.reference_every

    def indices(self, labels: NDArray[np.int64], iteration: int, seed: int) -> NDArray[np.int64]:
        """Indices of source images, first references and second references; all classes are equally likely.

        The two references of an image show the same class, which is the image's target domain.
        """
        random = generator(seed, "balanced", iteration)
        count = self.recipe.batch_size
        members = [np.flatnonzero(labels == c) for c in np.unique(labels)]
        sources, targets = torch.randint(len(members), (2, count), generator=random).tolist()
        place = torch.rand(3 * count, generator=random, dtype=torch.float64).tolist()
        classes = [*sources, *targets, *targets]
        chosen = [members[c][int(p * len(members[c]))] for c, p in zip(classes, place, strict=True)]
        return np.array(chosen, dtype=np.int64)

    def limits(self, facts: Facts) -> dict[str, Limit]:
        """Limits of both kinds of step; styles have no scale, so g_sty has no limit."""
        limits = {"d_real": logistic(), "d_fake": logistic(), "d_match": logistic(), "d_reg": r1()}
        limits["g_adv"] = logistic()
        if self.recipe.lambda_cyc:
            limits["g_cyc"] = reconstruction(facts)
        return {"g_warmup": reconstruction()} | limits | mark_references(limits)

    def generate(self, x: Tensor, styles: Tensor) -> Tensor:
        """G(x, s) in the recipe's precision; the output is float32."""
        with self.autocast():
            image, _ = self.model.translate(x, styles)
        return image.float()

    def domain_logits(self, x: Tensor) -> Tensor:
        """D's logit of each domain [N, domains] in the recipe's ``critic_precision``, as float32."""
        with self.critic_autocast():
            logits: Tensor = self.discriminator.logits(x)
        return logits.float()

    def styles(self, target: StyleTarget) -> Iterator[Tensor]:
        """The two target styles s~_1 and s~_2, each computed when it is asked for."""
        for latent in target.latents or ():
            yield self.model.mapping_network(latent, target.domains)
        for reference in target.references or ():
            yield self.model.style(reference, target.domains)

    def discriminator_terms(self, x: Tensor, emotions: Tensor, target: StyleTarget) -> Terms:
        """The objective of D."""
        passes: list[Tensor] = []

        def critic(images: Tensor) -> Tensor:
            passes.append(self.domain_logits(images))
            return select_domain(passes[-1], emotions)

        penalty = r1_penalty(critic, x)
        (logits,) = passes  # the losses use the penalty's pass over x
        with torch.no_grad():
            fake = self.generate(x, next(self.styles(target)))
        generated = select_domain(self.domain_logits(fake), target.domains)
        return {
            **self.real_terms(logits, emotions),
            "d_fake": (1.0, F.softplus(generated).mean()),
            "d_reg": (self.recipe.lambda_reg, penalty),
        }

    def real_terms(self, logits: Tensor, emotions: Tensor) -> Terms:
        """The part of D's objective on real images; ``logits`` [N, domains]."""
        terms = {"d_real": (1.0, F.softplus(-select_domain(logits, emotions)).mean())}
        if self.recipe.lambda_match:
            shown = one_hot(emotions, logits.shape[1]).bool()
            others = F.softplus(logits).masked_fill(shown, 0.0).sum() / (~shown).sum()
            terms["d_match"] = (self.recipe.lambda_match, others)
        return terms

    def generator_terms(
        self, x: Tensor, emotions: Tensor, target: StyleTarget, diverse: bool
    ) -> Terms:
        """The objective of G, and of F and E in a step that trains them; ``diverse``: with lambda_ds."""
        styles = self.styles(target)
        style = next(styles)
        fake = self.generate(x, style)
        terms: dict[str, tuple[float | Tensor, Tensor]] = {
            "g_adv": (
                1.0,
                F.softplus(-select_domain(self.domain_logits(fake), target.domains)).mean(),
            ),
            "g_sty": (
                self.recipe.lambda_sty,
                (self.model.style(fake, target.domains) - style).abs().mean(),
            ),
            "g_cyc": (
                self.recipe.lambda_cyc,
                (self.generate(fake, self.model.style(x, emotions)) - x).abs().mean(),
            ),
        }
        if diverse:
            with torch.no_grad():
                other = self.generate(x, next(styles))
            terms["g_ds"] = (self.weight["g_ds"], (fake - other).abs().mean())
        return terms

    def warmup_terms(self, x: Tensor, target: StyleTarget) -> Terms:
        """Reconstruction only, whatever the style."""
        with torch.no_grad():
            style = next(self.styles(target))
        return {"g_warmup": (1.0, (self.generate(x, style) - x).abs().mean())}

    def kind(self, iteration: int) -> str:
        """Warm-up, or steps with latents, perhaps also with references, and with diversity or without."""
        after_warmup = iteration - self.recipe.warmup_iterations
        if after_warmup < 0:
            return WARMUP
        kind = "latents" if after_warmup % self.recipe.reference_every else "latents and references"
        return kind + (DIVERSE if self.recipe.diversity(iteration) else "")

    def weights(self, iteration: int) -> dict[str, float]:
        """The weight of the diversity, which falls to 0."""
        return {"g_ds": -self.recipe.diversity(iteration)}

    def update(self, kind: str, batch: Batch, random: Draws) -> dict[str, Tensor]:
        """Steps of D with latents and references; of G, F and E with latents; of G with references."""
        count = len(batch) // 3
        images = self.model.to_native(batch.images)
        x, first, second = images[:count], images[count : 2 * count], images[2 * count :]
        emotions, domains = batch.emotions[:count], batch.emotions[count : 2 * count]
        drawn = random.randn(2, self.share.global_count(count), self.model.noise_dim)
        noise = self.share.local_rows(drawn, dim=1)
        latent = StyleTarget(domains, latents=(noise[0], noise[1]))
        reference = StyleTarget(domains, references=(first, second))

        if kind == WARMUP:
            values: dict[str, Tensor] = {}
            if self.model.config.output == "image":
                values |= self.minimise(self.warmup_terms(x, latent), "g")
                self.update_ema()
            if self.recipe.lambda_match:
                recognition = self.real_terms(self.domain_logits(x), emotions)
                values |= self.minimise(recognition, "d")
            return values

        both, diverse = "references" in kind, kind.endswith(DIVERSE)
        values = self.minimise(self.discriminator_terms(x, emotions, latent), "d")
        if both:
            terms = self.discriminator_terms(x, emotions, reference)
            values |= mark_references(self.minimise(terms, "d"))
        with frozen(self.discriminator):
            terms = self.generator_terms(x, emotions, latent, diverse)
            values |= self.minimise(terms, "g", "f", "e")
        if both:
            with frozen(self.discriminator, self.model.style_encoder):
                terms = self.generator_terms(x, emotions, reference, diverse)
                values |= mark_references(self.minimise(terms, "g"))
        self.update_ema()
        return values


def mark_references(values: Mapping[str, T]) -> dict[str, T]:
    """Values of a step with references, whose names get a suffix."""
    return {f"{name}_ref": value for name, value in values.items()}
