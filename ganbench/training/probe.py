"""The probe: how many of its edits a judge takes for what they are meant to be, as training goes on.

It looks at training faces only, and with the suite's own judge: test faces and independent judges
are for the evaluation, and a checkpoint that was chosen by them would flatter itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ganbench.data.dataset import Dataset
from ganbench.emotions import EMOTIONS, KNOWN
from ganbench.errors import BadInput
from ganbench.judges.vgg import VGGJudge, load_vgg
from ganbench.methods.conditions import Category
from ganbench.methods.interface import Method
from ganbench.seeds import generator

FACES = 35  # five of each emotion, edited to all seven: a step of the accuracy is 0.4 %


class Probe:
    """Judges edits of the first ``FACES`` training faces to every emotion of the network.

    It draws no random numbers but its own and leaves the model as it was, so that a training with a
    probe is, bit for bit, the one without.

    Args:
        dataset: the training faces.
        judge: a judge of their size that knows the emotions.
        emotions: those of the network.
    """

    def __init__(
        self, dataset: Dataset, judge: VGGJudge, emotions: Sequence[str] = EMOTIONS
    ) -> None:
        self.images = dataset.images(range(min(FACES, len(dataset))))
        self.judge, self.emotions = judge, tuple(emotions)

    @property
    def edits(self) -> int:
        """How many edits one look judges."""
        return len(self.images) * len(self.emotions)

    @property
    def card(self) -> dict[str, object]:
        """What a reader must know of it, for the run's card."""
        return {"judge": self.judge.spec.fingerprint, "faces": len(self.images)}

    @torch.no_grad()
    def __call__(self, model: nn.Module) -> float:
        """Share of edits, in [0, 1], that the judge takes for the emotion that was asked for."""
        assert isinstance(model, Method)
        training, n = model.training, len(self.images)
        right = 0
        for emotion in self.emotions:
            number = KNOWN.index(emotion)
            codes = model.codes([emotion] * n, generator=generator(0, "probe", number))
            seen = self.judge.judge(model.edit(self.images, codes).images).logits.argmax(1).cpu()
            right += int((seen == self.judge.emotions.index(emotion)).sum())
        model.train(training)
        return right / self.edits


def find_probe(model: nn.Module, dataset: Dataset, device: torch.device) -> Probe | None:
    """The probe of a training; None where nobody could judge it.

    There is one for methods that edit the embedded faces to emotions that the shipped judge knows, at
    its size.
    """
    if dataset.name != "faces" or dataset.split != "train":
        return None
    if not isinstance(model, Method) or Category not in model.conditions:
        return None
    try:
        judge = load_vgg(device=device)
    except BadInput:  # an installation without shipped checkpoints
        return None
    spec = judge.spec
    if spec.image_size != dataset.size or not set(model.config.emotions) <= set(spec.emotions):
        return None
    return Probe(dataset, judge, model.config.emotions)
