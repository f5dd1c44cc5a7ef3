"""Layers that several methods share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganbench.methods.winograd import convolve

EPSILON = 1e-5
"""What instance norms add to a variance, as torch's do."""


class InstanceNorm(nn.InstanceNorm2d):
    """Affine instance norm that always uses the statistics of the sample.

    The authors of StarGAN and GANmut track running statistics but never call ``eval()``, so that the
    running statistics are never used; a network that used them would give other pictures.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same shape."""
        return _normalised(x, self.weight, self.bias)


def _normalised(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
    """Maps [N, C, H, W] of mean 0 and variance 1, times ``weight`` plus ``bias`` [C] if they are given.

    torch's kernels differ by a factor of ten in time, and by more in precision. On one CPU core, for [32, 48, 32, 32]
    in channels-last and float32: instance norm takes 4.8 ms, since it copies the maps, and 8 with its gradients;
    group norm of one channel a group, which is the same mathematics, takes 0.6 and 12. But it subtracts the squared mean from
    the mean square, so that a map of mean 5 has errors of 2e-4. The two passes below take 1.2 ms, with errors of 1e-6.
    In bfloat16 the group norm takes a sixth of the time of instance norm, and its gradients five times as long; its
    error is below that of the numbers.
    """
    trains = torch.is_grad_enabled()
    if x.device.type == "cpu" and x.dtype != torch.bfloat16 and not trains:
        centred = x - x.mean((2, 3), keepdim=True)
        scale = ((centred * centred).mean((2, 3), keepdim=True) + EPSILON).rsqrt()
        if weight is None or bias is None:
            return centred.mul_(scale)
        return torch.addcmul(bias[:, None, None], centred, scale * weight[:, None, None])
    if trains and (x.device.type == "cpu" or torch.is_autocast_enabled(x.device.type)):
        return functional.instance_norm(x, weight=weight, bias=bias, eps=EPSILON)
    return functional.group_norm(x, x.shape[1], weight, bias, EPSILON)


class SameConv(nn.Conv2d):
    """3x3 convolution that keeps the size of its maps.

    On one core, for an image of 256 channels and 32 x 32 places in float32, ``convolve`` took 0.7 to 0.9 of the time of
    torch's convolution, and 0.75 with both gradients. With 64 channels it gained nothing. With 96 it gained a tenth, and the
    shipped networks, which are not wider, keep their bits. With 512 channels and 8 x 8 places it took twice as long.
    Of several threads it has use only for large maps: with two, 256 channels and 32 x 32 places took 0.94, with both
    gradients 0.87 of torch's time, and 128 channels at these places 1.3 to 1.4.
    """

    CHANNELS, PATCHES = 128, 64
    VALUES = 1 << 17
    """Values of an image's map for each thread, where there are several."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__(inputs, outputs, 3, padding=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H, W]."""
        height, width = x.shape[2:]
        narrow = min(self.in_channels, self.out_channels) < self.CHANNELS
        few = height * width < 4 * self.PATCHES or height % 2 or width % 2
        threads = torch.get_num_threads()
        small = threads > 1 and self.in_channels * height * width < self.VALUES * threads
        if narrow or few or small or not _in_float32_on_cpu(x):
            return super().forward(x)
        y: Tensor = convolve(x, self.weight)
        return y if self.bias is None else y + self.bias[:, None, None]


class PatchConv(nn.Conv2d):
    """4x4 convolution of stride 2 that halves a map, and its transpose.

    On a CPU it is one matrix product over unfolded patches where there are many weights for each place
    of the result: torch's convolution then spends its time on reordering weights.
    """

    WEIGHTS = 1 << 16
    """Weights for each place from which the product is faster: slower at 2^14, half the time at 2^18."""
    PLACES = 256
    """Number of places of a large batch of 2 x 2 maps."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1)

    def make_contiguous(self) -> None:
        """Store the weights in the order of the matrix product, if they are likely to be used in one."""
        if self._as_product(self.PLACES, "cpu"):
            self.weight.data = self.weight.data.contiguous()

    def _as_product(self, places: int, device: str) -> bool:
        return device == "cpu" and self.weight.numel() >= self.WEIGHTS * places

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C', H / 2, W / 2]."""
        n, _, height, width = x.shape
        if not self._as_product(n * height * width // 4, x.device.type):
            return super().forward(x)
        patches = functional.unfold(x, 4, padding=1, stride=2).transpose(1, 2).flatten(0, 1)
        y = functional.linear(patches, self.weight.flatten(1), self.bias)
        return y.view(n, height // 2, width // 2, -1).permute(0, 3, 1, 2)

    def adjoint(self, y: Tensor) -> Tensor:
        """The transposed convolution without bias: [N, C', h, w] -> [N, C, 2h, 2w]."""
        n, _, height, width = y.shape
        if not self._as_product(n * height * width, y.device.type):
            return functional.conv_transpose2d(y, self.weight, stride=2, padding=1)
        patches = y.permute(0, 2, 3, 1).flatten(0, 2) @ self.weight.flatten(1)
        columns = patches.view(n, height * width, -1).transpose(1, 2)
        return functional.fold(columns, (2 * height, 2 * width), 4, padding=1, stride=2)


class CodeConv(nn.Conv2d):
    """7x7 convolution without bias of an image and of a code that is tiled over its places.

    In float32 on a CPU the code is not tiled: at all places whose window is inside the image it adds the same to
    the result, and nearer to the border what the window still holds. Ten channels in take torch 1.0 ms an
    image of 64 px with 24 channels out, and three channels and these sums 0.35 ms.

    Args:
        colours: channels of the image.
        code: entries of the code.
        outputs: channels of the result.
    """

    RADIUS = 3

    def __init__(self, colours: int, code: int, outputs: int) -> None:
        super().__init__(colours + code, outputs, 7, padding=self.RADIUS, bias=False)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:  # type: ignore[override]
        """``x`` [N, colours, H, W], ``code`` [N, code] -> [N, outputs, H, W]."""
        if not _in_float32_on_cpu(x) or min(x.shape[2:]) < 2 * self.RADIUS:
            return super().forward(tile(code, x))
        colours, radius = x.shape[1], self.RADIUS
        y = functional.conv2d(x, self.weight[:, :colours], padding=radius)
        # Along an axis a place is one of the first three, of the last three, or between them. Row i says which
        # weights are inside the image at the i-th of these seven kinds.
        kinds = torch.arange(2 * radius + 1, device=x.device)
        sums = kinds[:, None] + kinds
        inside = ((sums >= radius) & (sums <= 3 * radius)).to(x.dtype)
        of_code = (inside @ self.weight[:, colours:] @ inside.T).permute(1, 2, 3, 0)
        # A matrix product would round otherwise in batches of another size.
        added = (code.to(x)[:, :, None, None, None] * of_code).sum(1).permute(0, 3, 1, 2)
        parts = (
            (slice(None, radius), slice(None, radius)),
            (slice(radius, -radius), slice(radius, radius + 1)),
            (slice(-radius, None), slice(-radius, None)),
        )
        for rows, row_kinds in parts:
            for columns, column_kinds in parts:
                y[:, :, rows, columns] += added[:, :, row_kinds, column_kinds]
        return y


class HeadConv(nn.Conv2d):
    """7x7 convolution without bias from a generator's last features to the ``outputs`` channels of a picture."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H, W]."""
        return convolve_to_few(x, self.weight)


def convolve_to_few(x: Tensor, weight: Tensor) -> Tensor:
    """The convolution of ``x`` [N, C, H, W] with a few kernels [K, C, 7, 7] and a padding of 3: [N, K, H, W].

    torch's convolution on a CPU computes eight channels, of which all but K are thrown away. In float32 without
    gradients the 7 rows of the kernels are therefore 7 K channels of a convolution with 1 x 7 weights, whose sums,
    shifted by their rows, are the result: 0.55 instead of 0.95 ms for an image of 64 px with C = 24 and K = 3. The
    gradients of the sums take longer than what this saves.
    """
    if torch.is_grad_enabled() or not _in_float32_on_cpu(x):
        return functional.conv2d(x, weight, padding=3)
    count, height = len(weight), x.shape[2]
    rows = weight.permute(2, 0, 1, 3).flatten(0, 1)[:, :, None]
    parts = torch.split(functional.conv2d(x, rows, padding=3), count, dim=1)
    y: Tensor = parts[0][:, :, :height].clone()
    for shift, part in enumerate(parts[1:], start=1):
        y += part[:, :, shift : shift + height]
    return y


def colours_and_mask(h: Tensor, colour: HeadConv, attention: HeadConv) -> tuple[Tensor, Tensor]:
    """What the two heads of a generator with a mask make of its last features ``h`` [N, C, H, W].

    Returns:
        colours [N, 3, H, W] in [-1, 1], attention mask [N, 1, H, W] in [0, 1].
    """
    # One convolution for both reads the features once.
    heads = full_precision(convolve_to_few(h, torch.cat([colour.weight, attention.weight])))
    return torch.tanh(heads[:, :3]), torch.sigmoid(heads[:, 3:])


def _in_float32_on_cpu(x: Tensor) -> bool:
    """Whether layers compute ``x`` on a CPU, and not in bfloat16."""
    return x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")


class Dropout(nn.Module):
    """Dropout (Srivastava et al., 2014) whose random numbers are given.

    torch's dropout draws from a global generator of the device, so that its numbers depend on the device
    and on what was drawn before.

    Attributes:
        p: probability that a unit is set to 0.
        uniform: function of a shape that returns uniform numbers in [0, 1) on the device; needed in
            training mode.
    """

    uniform: Callable[..., Tensor]

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Any shape; in training mode the units that are kept are divided by 1 - p."""
        if not self.training or self.p == 0:
            return x
        return x * (self.uniform(*x.shape) >= self.p) / (1 - self.p)


Norms = Literal["all", "residual"]
"""Where a generator has norms: after every convolution, or in its residual blocks only."""


def outer_norm(norms: Norms, kind: Callable[[int], nn.Module], channels: int) -> nn.Module:
    """The norm of a convolution outside the residual blocks; an identity where only those have norms."""
    return kind(channels) if norms == "all" else nn.Identity()


def instance_norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Adaptive instance norm: every sample has another scale and shift.

    Args:
        x: [N, C, H, W].
        weight, bias: [N, C].
    """
    scale, shift = weight[:, :, None, None].to(x.dtype), bias[:, :, None, None].to(x.dtype)
    return torch.addcmul(shift, _normalised(x), scale)


def in_format(x: Tensor) -> Tensor:
    """``x`` [N, C, H, W] in the memory format in which a generator takes the least time.

    On a CPU that is channels-last: in torch's default format every convolution copies its maps, and StarGAN takes
    11.7 instead of 7.8 ms for an edit. On CUDA the caller decides: trainings give images in channels-last.
    """
    return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x


def full_precision(x: Tensor) -> Tensor:
    """``x`` in float32 or wider: in bfloat16 a sigmoid above 0.998 rounds to 1 and loses its gradient."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def tile(code: Tensor, x: Tensor) -> Tensor:
    """``code`` [N, K] spread over the pixels of ``x`` [N, 3, H, W] and appended to its channels."""
    n, k = code.shape
    return torch.cat([x, code[:, :, None, None].expand(n, k, *x.shape[2:])], dim=1)


def he_init(network: nn.Module) -> None:
    """Set normal weights of variance 2 / fan-in and zero biases, which suit ReLU networks without norms."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
