"""A head of D of its own for the sources of edits: what GANmut's and GGANmut's trainings share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from ganbench.training.adversarial import AdversarialRecipe, AdversarialTrainer
from ganbench.training.batches import Batch
from ganbench.training.trainer import Terms


@dataclass(frozen=True)
class SourceHeadRecipe(AdversarialRecipe):
    """What the recipes of both methods share.

    Attributes:
        source_head: whether the classification that ``lambda_source`` trains has a head of its own, by which
            G's edits are classified. D_cls then knows real images only. In one head, D learns to be undecided
            about edits: GGANmut's L_div makes p_z as undecided, and GANmut's intensity loss takes any edit
            for a weak one.
    """

    source_head: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        used = not self.source_head or self.lambda_source > 0
        self.require("source_head", used, "false where lambda_source is 0")


class SourceHeadTrainer(AdversarialTrainer):
    """A trainer whose discriminator may have a last head that classifies the sources of edits."""

    recipe: SourceHeadRecipe

    @abstractmethod
    def classify(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """D(x): patch map, logits of D_cls [N, emotions], code [N, 2], logits of the head for sources.

        The last are those of D_cls if the source has no head of its own.
        """

    def recognition_terms(self, x: Tensor, batch: Batch) -> Terms:
        _, cls, _, source = self.classify(x)
        return {
            "d_cls": (1.0, F.cross_entropy(cls, batch.emotions)),
            **self.real_source_terms(1.0, source, batch),
        }

    def real_source_terms(self, weight: float, source: Tensor, batch: Batch) -> Terms:
        """Classification of real images [B, ...] by the head for sources, logits [B, emotions], if it is one."""
        if not self.recipe.source_head:
            return {}
        return {"d_source_real": (weight, F.cross_entropy(source, batch.emotions))}
