"""The suite's judge: a VGG trained on the train split (Simonyan and Zisserman, 2015).

It is either torchvision's VGG-16 with another last layer, which weights that were trained on ImageNet can
start (``ganbench.judges.pretrained``), or a VGG of any depth and width. The judge of the embedded faces is
a narrow one of the second kind.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench import config as configuration
from ganbench.data.sketches import CARD as PICTURES
from ganbench.devices import resolve
from ganbench.emotions import EMOTIONS, columns, distinct, in_suite_order
from ganbench.errors import BadInput
from ganbench.judges.interface import Judged, JudgeSpec, NetworkJudge, resample
from ganbench.methods.layers import Dropout
from ganbench.methods.locate import checkpoint_file, shipped
from ganbench.methods.weights import check_network, load_state, read_header, sha256

# Of ImageNet's images, RGB in [0, 1]: torchvision's networks take (x - mean) / std.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class VGGConfig:
    """Architecture.

    Attributes:
        image_size: side of the images, pixels; a multiple of 2**len(stages).
        emotions: names of the classes, in label order.
        arch: ``"vgg16"`` or ``"vgg16_bn"`` is the network of this name in ``torchvision.models``, with
            one output for each emotion. ``"stages"`` is a VGG with batch norm as ``stages``, ``widths``
            and ``hidden`` tell; checkpoints that do not name their ``arch`` hold such a network.
        stages: convolutions of each stage; a 2 x 2 max-pool follows each. The defaults of ``stages``,
            ``widths`` and ``hidden`` are VGG-16's, and torchvision's networks have no others.
        widths: channels of each stage.
        hidden: width of the two fully connected layers; the second is the feature layer.
        dropout: share of fully connected units dropped in training.
    """

    image_size: int = 224
    emotions: tuple[str, ...] = EMOTIONS
    arch: Literal["stages", "vgg16", "vgg16_bn"] = "stages"
    stages: tuple[int, ...] = (2, 2, 3, 3, 3)
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    hidden: int = 4096
    dropout: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "emotions", distinct(self.emotions))
        if len(self.stages) != len(self.widths):
            raise BadInput(
                f"stages and widths differ in length: {self.stages}, {self.widths}; give one width a stage"
            )
        configuration.at_least(self, stages=1, widths=1, hidden=1, image_size=1)
        if self.arch != "stages":
            for key in fields(self):
                value = getattr(self, key.name)
                if key.name in ("stages", "widths", "hidden") and value != key.default:
                    raise BadInput(
                        f"{key.name} of {self.arch} cannot be changed: {value}; leave it out, or set "
                        'arch = "stages"'
                    )
        if not 0 <= self.dropout < 1:
            raise BadInput(f"dropout must be in [0, 1): {self.dropout}; 0 switches it off")
        if self.image_size % 2 ** len(self.stages):
            raise BadInput(
                f"image_size must be a multiple of {2 ** len(self.stages)}: {self.image_size}; change it"
            )


class VGG(nn.Module):
    """Stages of 3 x 3 convolutions, two fully connected layers with dropout, one linear layer.

    The tensors of torchvision's networks have the names that torchvision gives them.
    """

    name: ClassVar[str] = "judge"
    title: ClassVar[str] = "VGG judge"
    Config = VGGConfig
    layer: ClassVar[str] = "fc2"
    mean: Tensor
    std: Tensor

    def __init__(self, config: VGGConfig) -> None:
        super().__init__()
        self.config = config
        if config.arch == "stages":
            self._add_stages(config)
        else:
            from torchvision import models  # takes seconds, and the shipped judge does not need it

            network = models.get_model(
                config.arch, weights=None, num_classes=len(config.emotions), dropout=config.dropout
            )
            self.features, self.avgpool = network.features, network.avgpool
            self.classifier = nn.Sequential(
                *(
                    Dropout(config.dropout) if isinstance(layer, nn.Dropout) else layer
                    for layer in network.classifier
                )
            )
            for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
                self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def _add_stages(self, config: VGGConfig) -> None:
        layers: list[nn.Module] = []
        channels = 3
        for convolutions, width in zip(config.stages, config.widths, strict=True):
            for _ in range(convolutions):
                layers += [
                    nn.Conv2d(channels, width, 3, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(inplace=True),
                ]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.convolutions = nn.Sequential(*layers)
        side = config.image_size // 2 ** len(config.stages)
        self.fc1 = nn.Linear(channels * side * side, config.hidden)
        self.fc2 = nn.Linear(config.hidden, config.hidden)
        self.fc3 = nn.Linear(config.hidden, len(config.emotions))
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images [N, 3, S, S] in [-1, 1] -> logits [N, emotions], features [N, hidden] (fc2, after ReLU)."""
        if self.config.arch != "stages":
            h = self.avgpool(self.features(((x + 1) / 2 - self.mean) / self.std)).flatten(1)
            features = self.classifier[:5](h)
            return self.classifier[5:](features), features
        h = self.convolutions(x).flatten(1)
        features = F.relu(self.fc2(self.dropout(F.relu(self.fc1(h)))))
        return self.fc3(self.dropout(features)), features


class VGGJudge(NetworkJudge):
    """A trained VGG with the interface of judges."""

    def __init__(self, model: VGG, spec: JudgeSpec, card: dict[str, Any]) -> None:
        super().__init__(model, spec)
        self.model, self.card = model, card
        # The network's output of each emotion, in the suite's order.
        self.columns = columns(model.config.emotions, spec.emotions)

    @torch.inference_mode()
    def judge(self, images: Tensor) -> Judged:
        """See ``Judge``; images of another size are resampled bilinearly with antialiasing."""
        x = resample(images.to(self.device, torch.float32), self.model.config.image_size)
        logits, features = self.model(x * 2 - 1)
        return Judged(logits[:, self.columns], features)


def load_vgg(
    checkpoint: str | os.PathLike[str] | None = None, device: str | torch.device = "auto"
) -> VGGJudge:
    """Load a judge made by ``ganbench train judge``, a file or its run folder; None loads the shipped one.

    Raises:
        BadInput: the file is missing, no checkpoint of ganbench, or the checkpoint of a method.
    """
    where = resolve(device)
    path = shipped("judge") if checkpoint is None else checkpoint_file(checkpoint)
    header = read_header(path)
    if header["kind"] != "judge":
        raise BadInput(
            f"not a judge: {path} holds the {header['kind']} {header['name']!r}; give a judge's checkpoint"
        )
    network = configuration.build(VGGConfig, header["config"], f"checkpoint {path.name}")
    check_network(path, VGG, network)
    model = VGG(network)
    load_state(path, model)
    model.to(where).to(memory_format=torch.channels_last).eval().requires_grad_(False)
    size, card = model.config.image_size, header["card"]
    data = str(card.get("data", {}).get("name", "unknown data"))
    spec = JudgeSpec(
        name="vgg",
        title=f"VGG ({data}, {size} px)",
        image_size=size,
        emotions=in_suite_order(model.config.emotions),
        layer=VGG.layer,
        dimension=model.config.hidden,
        fingerprint=sha256(path),
        licence=card.get("licence", "unknown"),
        trained_on=data,
        pictures=card.get(PICTURES),
    )
    return VGGJudge(model, spec, card)
