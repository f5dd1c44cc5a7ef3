"""The independent judge: the expression network of face-api, which others trained on photographs.

ganbench trains and tunes nothing with it. It shows whether a method pleases only the suite's judge.
The weights come from npm ``@vladmandic/face-api`` 1.7.15, MIT licence (see NOTICE).
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import torch
from torch import Tensor, nn

from ganbench.devices import resolve
from ganbench.emotions import EMOTIONS
from ganbench.faces_in_photos.layers import MEAN, Backbone, normalised, read_weights
from ganbench.judges.interface import Judged, JudgeSpec, NetworkJudge, resample
from ganbench.methods.tensors import fitted
from ganbench.methods.weights import sha256

SIZE = 112

# The order of the network's outputs.
OUTPUTS = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")


class ExpressionNet(Backbone):
    """Four dense blocks, a 7 x 7 average and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(self.WIDTHS[-1], len(OUTPUTS))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """RGB [N, 3, 112, 112] in [0, 1] -> logits [N, 7] in the order of ``OUTPUTS``, features [N, 256]."""
        features = self.features(normalised(x, MEAN))
        return self.fc(features), features


class FaceAPIJudge(NetworkJudge):
    """``ExpressionNet`` with the interface of judges."""

    def __init__(self, model: ExpressionNet, spec: JudgeSpec) -> None:
        super().__init__(model, spec)
        self.model = model
        self.order = [OUTPUTS.index(emotion) for emotion in spec.emotions]

    @torch.inference_mode()
    def judge(self, images: Tensor) -> Judged:
        """See ``Judge``."""
        logits, features = self.model(resample(images.to(self.device, torch.float32), SIZE))
        return Judged(logits[:, self.order], features)


def load_face_api(device: str | torch.device = "auto") -> FaceAPIJudge:
    """Load the independent judge."""
    path = Path(str(resources.files("ganbench.judges") / "face_api.safetensors"))
    model = ExpressionNet()
    model.load_state_dict(fitted(model.state_dict(), read_weights(path), path))
    model.to(resolve(device)).eval().requires_grad_(False)
    spec = JudgeSpec(
        name="face-api",
        title=f"face-api ({SIZE} px)",
        image_size=SIZE,
        emotions=EMOTIONS,
        layer="average pool",
        dimension=ExpressionNet.WIDTHS[-1],
        fingerprint=sha256(path),
        licence="MIT",
        trained_on="photographs, by others",
    )
    return FaceAPIJudge(model, spec)
