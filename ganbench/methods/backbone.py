"""The networks that StarGAN, GANmut, GGANmut and GANimation share (StarGAN, CVPR 2018, tables 4-5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from ganbench.config import at_least
from ganbench.emotions import EMOTIONS, distinct
from ganbench.errors import BadInput
from ganbench.methods.layers import (
    CodeConv,
    HeadConv,
    InstanceNorm,
    Norms,
    PatchConv,
    SameConv,
    full_precision,
    in_format,
    outer_norm,
)


@dataclass(frozen=True)
class BackboneConfig:
    """Architecture of generator and discriminator; the defaults are the papers'.

    Attributes:
        image_size: side of the images, pixels; a multiple of 2**scales and of 2**critic_layers.
        emotions: names of the classes, in label order.
        width: channels after the generator's first convolution.
        scales: how often the generator halves the image before its residual blocks.
        blocks: residual blocks of the generator.
        upsample: how the generator doubles a map: "transposed", a transposed convolution of 4 x 4 as in the
            papers, or "resize", where each value is repeated in 2 x 2 and convolved with 3 x 3, which cannot
            paint a checkerboard (Odena et al., Distill 2016).
        norm: where the generator has instance norm: after every convolution, as in the papers, or
            in the residual blocks only. Instance norm removes everything that is constant over the
            image: the mean colour and the tiled code. After it, the code can only act through the zero
            padding at the image's border.
        critic_width: channels after the discriminator's first convolution; doubles with each layer.
        critic_layers: strided convolutions of the discriminator.
    """

    image_size: int = 128
    emotions: tuple[str, ...] = EMOTIONS
    width: int = 64
    scales: int = 2
    blocks: int = 6
    upsample: Literal["transposed", "resize"] = "transposed"
    norm: Norms = "all"
    critic_width: int = 64
    critic_layers: int = 6

    def __post_init__(self) -> None:
        object.__setattr__(self, "emotions", distinct(self.emotions))
        at_least(self, width=1, scales=0, blocks=0, critic_width=1, critic_layers=1, image_size=1)
        step = 2 ** max(self.scales, self.critic_layers)
        if self.image_size < step or self.image_size % step:
            raise BadInput(
                f"image_size must be a multiple of {step}: {self.image_size}; "
                "change it, or use fewer critic_layers"
            )


@dataclass(frozen=True)
class PainterConfig(BackboneConfig):
    """Architecture of the methods whose generator has no mask.

    Attributes:
        output: meaning of the generator's last tanh: the image, as in the papers, or a change that is
            added to the input, as in the residual images of Shen and Liu (CVPR 2017). With a change, the
            generator need not learn to copy the parts that stay as they are.
    """

    output: Literal["image", "change"] = "image"


class ResidualBlock(nn.Module):
    """conv3-IN-ReLU-conv3-IN plus the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            SameConv(channels, channels),
            InstanceNorm(channels),
            nn.ReLU(inplace=True),
            SameConv(channels, channels),
            InstanceNorm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.main(x)
        return x + residual


class Conditioned(nn.Sequential):
    """Layers one after the other, of which the first reads an image and a code."""

    def forward(self, x: Tensor, code: Tensor) -> Tensor:  # type: ignore[override]
        """``x`` [N, 3, S, S], ``code`` [N, code_dim]."""
        first, *others = self
        h: Tensor = first(in_format(x), code)
        for layer in others:
            h = layer(h)
        return h


def trunk(config: BackboneConfig, code_dim: int) -> list[nn.Module]:
    """The layers of ``Conditioned`` up to the generator's last feature map [N, width, S, S]."""
    norm = partial(outer_norm, config.norm, InstanceNorm)
    w = config.width
    layers: list[nn.Module] = [
        CodeConv(3, code_dim, w), norm(w), nn.ReLU(inplace=True),
    ]  # fmt: skip
    for _ in range(config.scales):
        layers += [nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False), norm(2 * w), nn.ReLU(inplace=True)]
        w *= 2
    layers += [ResidualBlock(w) for _ in range(config.blocks)]
    for _ in range(config.scales):
        w //= 2
        layers += [doubling(config.upsample, 2 * w, w), norm(w), nn.ReLU(inplace=True)]
    return layers


def doubling(upsample: str, inputs: int, outputs: int) -> nn.Module:
    """[N, inputs, H, W] -> [N, outputs, 2H, 2W]; see ``BackboneConfig.upsample``."""
    if upsample == "transposed":
        return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
    return nn.Sequential(nn.Upsample(scale_factor=2), SameConv(inputs, outputs))


class Generator(nn.Module):
    """G(x, z): the code is tiled over the image, and a tanh bounds the output.

    Where the output is a change, its sum with the input may leave [-1, 1]. The critic gets the sum as it
    is; an edit is cut to the range.
    """

    def __init__(self, config: PainterConfig, code_dim: int) -> None:
        super().__init__()
        self.adds = config.output == "change"
        head = HeadConv(config.width, 3)
        self.main = Conditioned(*trunk(config, code_dim), head, nn.Tanh())

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        painted: Tensor = self.main(x, code)
        return x + full_precision(painted) if self.adds else painted


class Discriminator(nn.Module):
    """D: a patch critic and, on the same features, one linear head per entry of ``heads``.

    Args:
        config: the backbone.
        heads: output sizes of the full-kernel convolutions conv2, conv3 ...

    Returns:
        The patch map [N, 1, s, s], then the outputs [N, k] of each head.

    Attributes:
        critic_bf16: whether it computes in bfloat16. Its outputs and ``gradient`` are float32 always.
    """

    critic_bf16 = False
    SLOPE = 0.01

    def __init__(self, config: BackboneConfig, heads: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, width = 3, config.critic_width
        for _ in range(config.critic_layers):
            layers += [PatchConv(channels, width), nn.LeakyReLU(self.SLOPE, inplace=True)]
            channels, width = width, 2 * width
        self.main = nn.Sequential(*layers)
        self.conv1 = nn.Conv2d(channels, 1, 3, padding=1, bias=False)
        kernel = config.image_size // 2**config.critic_layers
        for position, outputs in enumerate(heads, start=2):
            self.add_module(f"conv{position}", nn.Conv2d(channels, outputs, kernel, bias=False))
        self.heads = [f"conv{position}" for position in range(2, 2 + len(heads))]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        with self._arithmetic(x):
            h = self.main(self._in_format(x))
            heads = (getattr(self, head)(h).flatten(1) for head in self.heads)
            return tuple(map(full_precision, (self.conv1(h), *heads)))

    def memory_format(self, device: torch.device) -> torch.memory_format:
        """The memory format of maps and weights in which it takes the least time.

        That is channels-last, but in float32 on a CPU torch's default, for deep and narrow maps.
        """
        default = device.type == "cpu" and not self.critic_bf16
        return torch.contiguous_format if default else torch.channels_last

    def _in_format(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=self.memory_format(x.device))

    def _arithmetic(self, x: Tensor) -> torch.autocast:
        return torch.autocast(x.device.type, torch.bfloat16, enabled=self.critic_bf16)

    def gradient(self, x: Tensor) -> Tensor:
        """Gradient of the patch map's sum with respect to ``x`` [N, 3, S, S], differentiable in the weights.

        D is piecewise linear. Where no unit crosses zero, its gradient is a product of transposed
        convolutions and constant slopes, which this function computes as a forward pass. To
        differentiate autograd's gradient costs twice as much, because that also goes back through D(x),
        on which the gradient does not depend.
        """
        with self._arithmetic(x):
            convolutions = [module for module in self.main if isinstance(module, PatchConv)]
            activations = []
            with torch.no_grad():
                h = self._in_format(x)
                for module in self.main:
                    h = module(h)
                    if isinstance(module, nn.LeakyReLU):
                        activations.append(h)
            one = torch.ones_like(h[:, :1])
            gradient = nn.functional.conv_transpose2d(one, self.conv1.weight, padding=1)
            for convolution, y in zip(reversed(convolutions), reversed(activations), strict=True):
                # The output of a leaky unit has the sign of its input.
                gradient = torch.ops.aten.leaky_relu_backward(gradient, y, self.SLOPE, True)
                gradient = convolution.adjoint(gradient)
            return full_precision(gradient)


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """int64 [N] -> float32 [N, classes]."""
    # torch's one_hot reads the labels' values on a CPU, which a recorded step must not.
    return (labels[:, None] == torch.arange(classes, device=labels.device)).float()
