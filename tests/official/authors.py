"""The authors' side: random checkpoints in their layouts, and their networks written out plainly.

Everything is computed from their keys, as the published descriptions say, without any code of
ganbench: what an imported checkpoint gives must equal it.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

FOLDER = Path(__file__).parents[1] / "golden" / "official_layouts"
State = dict[str, Tensor]

# Layout -> method, and the divisor of all widths that makes a network small enough for a test.
LAYOUTS = {
    "linear": ("linear", 16),
    "gaussian": ("gaussian", 16),
    "stargan": ("stargan", 16),
    "ganimation7": ("ganimation", 16),
    "ganimation17": ("ganimation", 16),
    "smit": ("smit", 8),
    "stargan-v2": ("stargan-v2", 16),
}


def published(layout: str, divisor: int = 1) -> dict[str, dict[str, tuple[int, ...]]]:
    """Shapes by network and key; all widths divided, in names as well where SMIT has them there."""

    def narrow(n: int) -> int:
        is_width = n >= divisor and (n & (n - 1) == 0 or n == 6144) and n >= 16
        is_width &= n != 16 or layout == "smit"  # StarGAN-v2's latent has 16 entries
        return n // divisor if is_width else n

    def named(key: str) -> str:
        if layout != "smit":
            return key
        return re.sub(r"_(\d\d+)", lambda width: f"_{narrow(int(width[1]))}", key)

    networks = json.loads((FOLDER / f"{layout}.json").read_text())["state_dicts"]
    return {
        network: {
            named(key): tuple(narrow(n) for n in facts["shape"]) for key, facts in tensors.items()
        }
        for network, tensors in networks.items()
    }


def critic_of_v2(encoder: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Shapes of StarGAN-v2's discriminator: the style encoder's trunk and a 1x1 convolution."""
    trunk = {
        key.replace("shared", "main"): shape
        for key, shape in encoder.items()
        if key.startswith("shared")
    }
    heads = [key for key in encoder if re.fullmatch(r"unshared\.\d+\.bias", key)]
    last = max(int(key.split(".")[1]) for key in trunk)
    width = trunk[f"main.{last}.bias"][0]
    return {
        **trunk,
        f"main.{last + 2}.weight": (len(heads), width, 1, 1),
        f"main.{last + 2}.bias": (len(heads),),
    }


def random_state(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> State:
    """Tensors of these shapes whose networks have outputs of order one."""
    random = torch.Generator().manual_seed(seed)

    def draw(key: str, shape: tuple[int, ...]) -> Tensor:
        if key.endswith("num_batches_tracked"):
            return torch.tensor(1234 + seed)
        values = torch.randn(shape, generator=random)
        if key.endswith(("weight_u", "weight_v")):
            return F.normalize(values, dim=0)
        if key.startswith(("mu", "covariance", "axes.weight")):
            return values
        if len(shape) > 1:
            gain = 0.2 if key.startswith("to_rgb") else 2.0
            return values * math.sqrt(gain / math.prod(shape[1:]))
        return 0.1 * values + (0.0 if key.endswith(("bias", "beta", "running_mean")) else 1.0)

    return {key: draw(key, shape) for key, shape in shapes.items()}


def states(layout: str, divisor: int | None = None) -> dict[str, State]:
    """A random checkpoint: the state of each network, the discriminator's included."""
    shapes = published(layout, LAYOUTS[layout][1] if divisor is None else divisor)
    if layout == "stargan-v2":
        shapes["discriminator"] = critic_of_v2(shapes["style_encoder"])
    return {
        network: random_state(tensors, seed)
        for seed, (network, tensors) in enumerate(shapes.items())
    }


def save(layout: str, networks: dict[str, State], folder: Path) -> tuple[Path, Path]:
    """The files that the authors' code would write: generator's, discriminator's."""
    if layout == "stargan-v2":
        file, critic = folder / "100000_nets_ema.ckpt", folder / "100000_nets.ckpt"
        ours = {name: state for name, state in networks.items() if name != "discriminator"}
        torch.save(ours, file)
        torch.save(networks, critic)
        return file, critic
    facts = json.loads((FOLDER / f"{layout}.json").read_text())
    file, critic = (folder / name for name in facts["files"])
    torch.save(networks["G"], file)
    torch.save(networks["D"], critic)
    return file, critic


# -- what several networks share ----------------------------------------------------------------------


def normalised(h: Tensor) -> Tensor:
    """Instance norm from its definition: statistics of each sample and channel, biased variance."""
    mean = h.mean((2, 3), keepdim=True)
    variance = (h - mean).square().mean((2, 3), keepdim=True)
    return (h - mean) / (variance + 1e-5).sqrt()


def affine(h: Tensor, state: State, key: str) -> Tensor:
    """Instance norm with the weight and bias of ``key``."""
    scale, shift = state[f"{key}.weight"], state[f"{key}.bias"]
    return normalised(h) * scale[:, None, None] + shift[:, None, None]


def leaky(h: Tensor, slope: float) -> Tensor:
    return torch.where(h > 0, h, slope * h)


def doubled(h: Tensor) -> Tensor:
    return h.repeat_interleave(2, 2).repeat_interleave(2, 3)


def halved(h: Tensor) -> Tensor:
    return (h[..., ::2, ::2] + h[..., 1::2, ::2] + h[..., ::2, 1::2] + h[..., 1::2, 1::2]) / 4


def one_hot(labels: Tensor, classes: int) -> Tensor:
    return torch.eye(classes, dtype=torch.float64)[labels]


# -- StarGAN, GANmut, GGANmut, GANimation ---------------------------------------------------------------


def family_features(g: State, x: Tensor, code: Tensor) -> Tensor:
    """The generator up to its heads."""
    h = torch.cat([x, code[:, :, None, None].repeat(1, 1, *x.shape[2:])], 1)
    h = F.relu(affine(F.conv2d(h, g["main.0.weight"], padding=3), g, "main.1"))
    for layer in (3, 6):
        h = F.conv2d(h, g[f"main.{layer}.weight"], stride=2, padding=1)
        h = F.relu(affine(h, g, f"main.{layer + 1}"))
    for layer in range(9, 15):
        r = F.conv2d(h, g[f"main.{layer}.main.0.weight"], padding=1)
        r = F.relu(affine(r, g, f"main.{layer}.main.1"))
        r = F.conv2d(r, g[f"main.{layer}.main.3.weight"], padding=1)
        h = h + affine(r, g, f"main.{layer}.main.4")
    for layer in (15, 18):
        h = F.conv_transpose2d(h, g[f"main.{layer}.weight"], stride=2, padding=1)
        h = F.relu(affine(h, g, f"main.{layer + 1}"))
    return h


def family_generator(g: State, x: Tensor, code: Tensor) -> Tensor:
    return torch.tanh(F.conv2d(family_features(g, x, code), g["main.21.weight"], padding=3))


def ganimation_generator(g: State, x: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
    """Image and mask."""
    h = family_features(g, x, code)
    colour = torch.tanh(F.conv2d(h, g["img_reg.0.weight"], padding=3))
    mask = torch.sigmoid(F.conv2d(h, g["attetion_reg.0.weight"], padding=3))
    return mask * x + (1 - mask) * colour, mask


def family_discriminator(d: State, x: Tensor) -> list[Tensor]:
    """The patch map and the output of each head."""
    h = x
    for layer in range(0, 12, 2):
        h = leaky(F.conv2d(h, d[f"main.{layer}.weight"], d[f"main.{layer}.bias"], 2, 1), 0.01)
    heads = [d[key] for key in ("conv2.weight", "conv3.weight") if key in d]
    return [
        F.conv2d(h, d["conv1.weight"], padding=1),
        *(torch.einsum("nchw,kchw->nk", h, head) for head in heads),
    ]


def linear_codes(g: State, labels: Tensor) -> Tensor:
    """Neutral is 0, the others unit directions."""
    directions = g["axes.weight"] / g["axes.weight"].norm(dim=1, keepdim=True)
    return torch.cat([torch.zeros(1, 2).to(directions), directions])[labels]


def gaussian_codes(g: State, labels: Tensor) -> Tensor:
    return torch.tanh(g["mu.weight"])[labels]


def label_distribution(g: State, z: Tensor) -> Tensor:
    """softmax of the negative squared Mahalanobis distances, with the inverse written out."""
    distances = []
    for mu, angle, axes in zip(
        torch.tanh(g["mu.weight"]),
        g["covariance_angles.weight"][0],
        g["covariance_axes.weight"].abs(),
        strict=True,
    ):
        rotation = torch.stack(
            [torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])]
        )
        inverse = torch.linalg.inv(rotation @ torch.diag(axes) @ rotation.T)
        distances.append(torch.einsum("ni,ij,nj->n", z - mu, inverse, z - mu))
    return torch.softmax(-torch.stack(distances, 1), 1)


# -- SMIT -----------------------------------------------------------------------------------------------


def smit_generator(g: State, x: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
    """Image and mask; ``code`` is [noise, label]."""
    embedding = g["Domain_Embedding.model.output.weight"]
    parameters = code @ embedding.T + g["Domain_Embedding.model.output.bias"]
    widths = sorted(
        int(found[1]) for key in g if (found := re.search(r"down_conv_(\d+)\.weight", key))
    )
    h = x
    for place, width in enumerate(widths):
        name = f"generator.main.down_{{}}_{width}"
        stride, padding = (1, 3) if place == 0 else (2, 1)
        h = F.conv2d(h, g[name.format("conv") + ".weight"], stride=stride, padding=padding)
        h = F.relu(affine(h, g, name.format("norm")))

    def adain(h: Tensor) -> Tensor:
        nonlocal parameters
        channels = h.shape[1]
        bias, weight, parameters = parameters.split(
            [channels, channels, parameters.shape[1] - 2 * channels], 1
        )
        return weight[:, :, None, None] * normalised(h) + bias[:, :, None, None]

    for block in range(6):
        name = f"generator.main.res_{widths[-1]}_{block}.main"
        r = F.relu(adain(F.conv2d(h, g[f"{name}.0.weight"], padding=1)))
        h = h + adain(F.conv2d(r, g[f"{name}.3.weight"], padding=1))
    assert parameters.shape[1] == 0
    for width in widths[-2::-1]:
        h = F.conv2d(doubled(h), g[f"generator.main.up_conv_{width}.weight"], padding=1)
        flat = h.flatten(1)
        mean, std = flat.mean(1)[:, None, None, None], flat.std(1)[:, None, None, None]
        gamma, beta = (g[f"generator.main.up_norm_{width}.{key}"] for key in ("gamma", "beta"))
        h = F.relu((h - mean) / (std + 1e-5) * gamma[:, None, None] + beta[:, None, None])
    colour = torch.tanh(F.conv2d(h, g["generator.fake.fake.weight"], padding=3))
    mask = torch.sigmoid(F.conv2d(h, g["generator.attn.attn.weight"], padding=3))
    return mask * x + (1 - mask) * colour, mask


def smit_discriminator(d: State, x: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Patch map and class logits of each scale, with one power iteration on every weight."""
    outputs = []
    for scale in range(3):
        if scale:  # the border's windows average over what there is of the image
            count = F.conv2d(torch.ones_like(x[:, :1]), torch.ones(1, 1, 3, 3).to(x), None, 2, 1)
            sums = [F.conv2d(c, torch.ones(1, 1, 3, 3).to(x), None, 2, 1) for c in x.split(1, 1)]
            x = torch.cat(sums, 1) / count
        h = x
        widths = [re.search(rf"cnns_main\.{scale}\.conv_(\d+)\.module\.bias", key) for key in d]
        for width in sorted(int(found[1]) for found in widths if found):
            name = f"cnns_main.{scale}.conv_{width}.module"
            weight = d[f"{name}.weight_bar"]
            matrix = weight.flatten(1)
            v = matrix.T @ d[f"{name}.weight_u"]
            v = v / v.norm()
            u = matrix @ v
            u = u / u.norm()
            h = F.conv2d(h, weight / (u @ matrix @ v), d[f"{name}.bias"], stride=2, padding=1)
            h = leaky(h, 0.01)
        logits = torch.einsum("nchw,kchw->nk", h, d[f"cnns_aux.{scale}.aux.weight"])
        outputs.append((F.conv2d(h, d[f"cnns_src.{scale}.src.weight"], padding=1), logits))
    return outputs


# -- StarGAN-v2 -----------------------------------------------------------------------------------------


def v2_linear(state: State, key: str, h: Tensor) -> Tensor:
    return h @ state[f"{key}.weight"].T + state[f"{key}.bias"]


def v2_conv(state: State, key: str, h: Tensor, padding: int = 1) -> Tensor:
    return F.conv2d(h, state[f"{key}.weight"], state.get(f"{key}.bias"), padding=padding)


def v2_block(state: State, key: str, h: Tensor, down: bool) -> Tensor:
    """Pre-activation residual block; the shortcut's convolution comes before its pooling."""

    def norm(h: Tensor, layer: str) -> Tensor:
        return affine(h, state, f"{key}.{layer}") if f"{key}.{layer}.weight" in state else h

    r = v2_conv(state, f"{key}.conv1", leaky(norm(h, "norm1"), 0.2))
    r = halved(r) if down else r
    r = v2_conv(state, f"{key}.conv2", leaky(norm(r, "norm2"), 0.2))
    if f"{key}.conv1x1.weight" in state:
        h = v2_conv(state, f"{key}.conv1x1", h, padding=0)
    return ((halved(h) if down else h) + r) / math.sqrt(2)


def v2_mapping(f: State, z: Tensor, domains: list[int]) -> Tensor:
    h = z
    for layer in (0, 2, 4, 6):
        h = F.relu(v2_linear(f, f"shared.{layer}", h))
    rows = []
    for row, domain in zip(h, domains, strict=True):
        for layer in (0, 2, 4):
            row = F.relu(v2_linear(f, f"unshared.{domain}.{layer}", row))
        rows.append(v2_linear(f, f"unshared.{domain}.6", row))
    return torch.stack(rows)


def v2_trunk(state: State, part: str, x: Tensor) -> tuple[Tensor, int]:
    """What the style encoder and the discriminator share; the index of its last convolution."""
    blocks = len({key.split(".")[1] for key in state if f"{part}." in key and ".conv1." in key})
    h = v2_conv(state, f"{part}.0", x)
    for block in range(1, blocks + 1):
        h = v2_block(state, f"{part}.{block}", h, down=True)
    h = v2_conv(state, f"{part}.{blocks + 2}", leaky(h, 0.2), padding=0)
    return leaky(h, 0.2), blocks + 2


def v2_style(e: State, x: Tensor, domains: list[int]) -> Tensor:
    h, _ = v2_trunk(e, "shared", x)
    rows = zip(h.flatten(1), domains, strict=True)
    return torch.stack([v2_linear(e, f"unshared.{domain}", row) for row, domain in rows])


def v2_discriminator(d: State, x: Tensor, domains: list[int]) -> Tensor:
    h, last = v2_trunk(d, "main", x)
    return v2_conv(d, f"main.{last + 2}", h, padding=0).flatten(1)[range(len(x)), domains]


def v2_generator(g: State, x: Tensor, style: Tensor) -> Tensor:
    """Without w_hpf: 128 px are halved to 16, two blocks on either side of the bottleneck."""
    blocks = len({key.split(".")[1] for key in g if key.startswith("encode.")})
    h = v2_conv(g, "from_rgb", x)
    for block in range(blocks):
        h = v2_block(g, f"encode.{block}", h, down=block < blocks - 2)

    def adain(h: Tensor, key: str) -> Tensor:
        gamma, beta = v2_linear(g, f"{key}.fc", style)[:, :, None, None].chunk(2, 1)
        return (1 + gamma) * normalised(h) + beta

    for block in range(blocks):
        key = f"decode.{block}"
        up = block >= 2
        r = leaky(adain(h, f"{key}.norm1"), 0.2)
        r = v2_conv(g, f"{key}.conv1", doubled(r) if up else r)
        r = v2_conv(g, f"{key}.conv2", leaky(adain(r, f"{key}.norm2"), 0.2))
        h = doubled(h) if up else h
        if f"{key}.conv1x1.weight" in g:
            h = v2_conv(g, f"{key}.conv1x1", h, padding=0)
        h = (h + r) / math.sqrt(2)
    return v2_conv(g, "to_rgb.2", leaky(affine(h, g, "to_rgb.0"), 0.2), padding=0)
