"""The probe: accuracy of a model's edits during its training, by the suite's judge.

It edits training faces only. Test faces and other judges are kept for the evaluation: their scores of a
checkpoint that was chosen by them would be too high.
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

FACES = 140  # twenty of each emotion, edited to seven emotions: one edit is 0.1 % of the accuracy


class Probe:
    """Judges edits of the first ``FACES`` training faces to every emotion of the network.

    It draws from random generators that nothing else uses, and leaves the model as it was: a training
    with a probe has the same weights, to the bit, as one without.

    Args:
        dataset: the training faces.
        judge: a judge for images of their size that knows the emotions.
        emotions: emotions of the network.
    """

    def __init__(
        self, dataset: Dataset, judge: VGGJudge, emotions: Sequence[str] = EMOTIONS
    ) -> None:
        self.images = dataset.images(range(min(FACES, len(dataset))))
        self.judge, self.emotions = judge, tuple(emotions)

    @property
    def edits(self) -> int:
        """Number of edits that one call judges."""
        return len(self.images) * len(self.emotions)

    @property
    def card(self) -> dict[str, object]:
        """Judge and number of faces, for the run's card."""
        return {"judge": self.judge.spec.fingerprint, "faces": len(self.images)}

    @torch.no_grad()
    def __call__(self, model: nn.Module) -> float:
        """Share of edits, in [0, 1], that the judge takes for their target."""
        assert isinstance(model, Method)
        training, n = model.training, len(self.images)
        right = 0
        for emotion in self.emotions:
            number = KNOWN.index(emotion)
            codes = model.codes([emotion] * n, generator=generator(0, "probe", number))
            judged = self.judge.judge(model.edit(self.images, codes).images).logits.argmax(1).cpu()
            right += int((judged == self.judge.emotions.index(emotion)).sum())
        model.train(training)
        return right / self.edits


def find_probe(model: nn.Module, dataset: Dataset, device: torch.device) -> Probe | None:
    """The probe of a training; None if the shipped judge cannot judge its edits.

    A method has a probe if it is trained on the embedded faces, at the judge's image size, and edits to
    emotions that the judge knows.
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
