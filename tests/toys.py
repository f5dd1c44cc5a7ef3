"""A data set, a method and a judge whose every number can be worked out by hand.

An image is flat grey but for a patch of its top left corner, whose level says which emotion it
shows. The toy method paints that patch; the toy judge reads it. Both count what they are asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganbench.data.dataset import Dataset
from ganbench.data.regions import BACKGROUND, EYES, FACE, MOUTH
from ganbench.emotions import EMOTIONS
from ganbench.errors import Unsupported
from ganbench.judges.interface import Judged, JudgeSpec
from ganbench.methods.interface import Method

# How many images each toy has edited or judged. It is no state of theirs, on which results depend.
COUNTS: WeakKeyDictionary[object, int] = WeakKeyDictionary()

SIZE = 8
K = len(EMOTIONS)


def photograph(
    split: Path,
    each: int = 2,
    size: tuple[int, int] = (16, 16),
    ending: str = ".png",
    seed: int = 0,
) -> None:
    """Write noise as photographs: a folder for each emotion with ``each`` different files.

    Args:
        split: the folder that holds those of the emotions.
        each: files of an emotion, called 0.png, 1.png ...
        size: width and height.
        ending: of the files.
        seed: of the noise; the folder's name counts, too.
    """
    random = np.random.default_rng([seed, *split.name.encode()])
    for emotion in EMOTIONS:
        (split / emotion).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            pixels = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(split / emotion / f"{i}{ending}")


def level(emotion):
    """Grey level of the patch that means an emotion; exact in 8 bits."""
    return (emotion + 1) * 25 / 255


def patch(emotions: Tensor, ground: float = 230 / 255) -> Tensor:
    images = torch.full((len(emotions), 3, SIZE, SIZE), ground)
    images[:, :, :2, :2] = level(emotions.float())[:, None, None, None]
    return images


def region_map(n: int) -> Tensor:
    """Mouth where the patch is, eyes beside it, the rest of the left half face, the right half not."""
    regions = torch.full((n, SIZE, SIZE), BACKGROUND, dtype=torch.uint8)
    regions[:, :, :4] = FACE
    regions[:, :2, :2] = MOUTH
    regions[:, :2, 2:4] = EYES
    return regions


class ToyPhotos(Dataset):
    """Labelled images without masks or true edits."""

    name, split, size = "toys", "test", SIZE

    def __init__(self, n: int = 250, fingerprint: str = "toys") -> None:
        self.labels = np.sort(np.arange(n) % K)
        self.paths = [f"{i}.png" for i in range(n)]
        self.fingerprint = f"{fingerprint}-{n}"

    def images(self, indices):
        return patch(torch.as_tensor(self.labels[np.asarray(indices)]))


class ToyFaces(ToyPhotos):
    """The same with masks, and with true edits."""

    name = "toyfaces"

    @property
    def rendered(self) -> int:
        return COUNTS.get(self, 0)

    @rendered.setter
    def rendered(self, count: int) -> None:
        COUNTS[self] = count

    def regions(self, indices):
        return region_map(len(indices))

    def true_edits(self, indices, emotion):
        self.rendered += len(indices)
        emotions = torch.full((len(indices),), emotion)
        return patch(emotions), region_map(len(indices))


@dataclass(frozen=True)
class ToyConfig:
    image_size: int = SIZE
    emotions: tuple[str, ...] = EMOTIONS


class Painter(Method):
    """Paints the patch of the emotion asked for; ``noise`` shifts the ground, ``leak`` the background."""

    name, title, paper = "painter", "Painter", "Nobody, 2020"
    Config = ToyConfig

    def __init__(self, size: int = SIZE, leak: float = 0.0, noise: int = 0, wrong: int = 0) -> None:
        super().__init__(ToyConfig(size))
        self.weight = nn.Parameter(torch.tensor([leak, float(noise), float(wrong)]))
        self.leak, self.noise_dim, self.wrong = leak, noise, wrong

    @property
    def edited(self) -> int:
        return COUNTS.get(self, 0)

    @edited.setter
    def edited(self, count: int) -> None:
        COUNTS[self] = count

    @property
    def code_dim(self) -> int:
        return K + self.noise_dim

    def encode(self, condition, noise=None):
        if condition.intensity is not None:
            raise self.refuse(condition)
        hot = torch.nn.functional.one_hot(condition.emotions, K).float()
        return hot if noise is None else torch.cat([hot, noise], 1)

    def translate(self, x, codes):
        self.edited += len(x)
        y = x.clone()
        emotions = (codes[:, :K].argmax(1) + self.wrong) % K
        y[:, :, :2, :2] = (level(emotions.float()) * 2 - 1)[:, None, None, None]
        y[:, :, :, 4:] -= 2 * self.leak
        if self.noise_dim:
            y[:, :, 4:, :4] = codes[:, K:].mean(1).tanh()[:, None, None, None]
        return y, None


class Plane(Painter):
    """A toy GGANmut: its codes are points of a plane, the nearest anchor wins."""

    name, title = "plane", "Plane"

    def __init__(self) -> None:
        super().__init__()
        angle = torch.arange(K) * 2 * torch.pi / K
        self.mu = nn.Parameter(0.95 * torch.stack([angle.cos(), angle.sin()], 1))

    @property
    def code_dim(self) -> int:
        return 2

    def anchors(self):
        return self.mu

    def sample(self, n, generator=None):
        return torch.rand(n, 2, generator=generator) * 2 - 1

    def label_distribution(self, codes):
        return torch.softmax(-(torch.cdist(codes, self.mu) ** 2), 1)

    def encode(self, condition, noise=None):
        if condition.intensity is not None:
            raise self.refuse(condition)
        return self.mu[condition.emotions]

    def translate(self, x, codes):
        return super().translate(
            x, torch.nn.functional.one_hot(torch.cdist(codes, self.mu).argmin(1), K)
        )


class Wheel(Plane):
    """A toy GANmut: anchors and a space, but no label distribution."""

    name, title = "wheel", "Wheel"

    def label_distribution(self, codes):
        raise Unsupported("wheel defines no label distribution")


@dataclass(eq=False)
class Reader:
    """Reads the patch; its features are the means of four parts of the image."""

    fingerprint: str = "reader"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def judged(self) -> int:
        return COUNTS.get(self, 0)

    @judged.setter
    def judged(self, count: int) -> None:
        COUNTS[self] = count

    @property
    def spec(self) -> JudgeSpec:
        return JudgeSpec(
            "reader", "Reader", SIZE, EMOTIONS, "parts", 4, self.fingerprint, "Apache-2.0", "toys"
        )

    def judge(self, images: Tensor) -> Judged:
        self.judged += len(images)
        seen = images[:, 0, 0, 0]
        distance = (seen[:, None] - level(torch.arange(K).float())).abs()
        logits = torch.where(distance < 0.05, 100.0, 0.0)
        parts = torch.nn.functional.adaptive_avg_pool2d(images.mean(1, keepdim=True), 2).flatten(1)
        return Judged(logits, parts)
