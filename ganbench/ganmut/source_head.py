"""A head of D of its own for the sources of edits: what GANmut's and GGANmut's trainings share."""

from __future__ import annotations

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

    def real_source_terms(self, weight: float, source: Tensor, batch: Batch) -> Terms:
        """Classification of real images [B, ...] by the head for sources, logits [B, emotions], if it is one."""
        if not self.recipe.source_head:
            return {}
        return {"d_source_real": (weight, F.cross_entropy(source, batch.emotions))}
