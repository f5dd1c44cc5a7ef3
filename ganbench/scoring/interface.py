"""What a metric is given, what it returns, and what further edits it may ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.dataset import Dataset
from ganbench.emotions import EMOTIONS
from ganbench.methods.interface import Method
from ganbench.metrics import MetricSpec, confusion
from ganbench.records import Record
from ganbench.storage.store import Arrays

REAL, TRUTH = "real", "truth"

# Sets of codes: ``protocol.code_sets``. FED is computed from the noisy codes where a method has them.
NOISY, ANCHOR = "noisy", "anchor"

Source = Literal["real", "truth", "method"]


@dataclass(frozen=True)
class MetricInputs:
    """All that metrics are computed from, for one source of images: a method, the test set, or the renderer.

    N is the number of test images, in the protocol's order, 7 the emotions in Table-1 order, and d
    the width of the judge's features.

    Attributes:
        method: the method's name, or ``REAL``, or ``TRUTH``.
        labels: int64 [N], the emotions of the inputs.
        real: of the inputs, ``logits`` [N, 7], ``features`` [N, d] and ``thumbnail`` [N, 3, s, s]
            (``ganbench.evaluation.compute``).
        sets: for each set of codes (``protocol.code_sets``) of the edit of every input to every
            target ``logits`` [N, 7, 7], ``features`` [N, 7, d]; only of anchor codes ``thumbnail``
            [N, 7, 3, s, s] and, where the data know them, ``background`` [N, 7] and ``gt_distance``
            [N, 7, regions]; ``desired`` [N, 7, 7] where a code stands for a distribution. The true
            edits count as edits with anchor codes, and their ``gt_distance`` is the distance of the
            unedited input. Empty for the real images.
        true_edits: the arrays of the true edits, if they are known; None for the true edits themselves.
        probes: for each probe that the method could answer ``logits`` [n, P, 7] and ``features``
            [n, P, d]; of a probe with ``units``, where the data know the true edits, also
            ``gt_distance`` and ``unedited`` [n, P, 6], the distances of the edit and of the input to
            the true edit in ``metrics.gt_error.REGIONS``, and ``position`` [n, P] (``metrics.unit_position``).
        conditions: what the method can be conditioned on, classes of ``ganbench.methods.conditions``.
        stochastic: whether two edits of one image to one emotion can differ.
        repetition: whether it repeats the noise with another seed: then only values are wanted, no
            intervals, and there are no probes.
    """

    method: str
    labels: NDArray[np.int64]
    real: Arrays
    sets: Mapping[str, Arrays] = field(default_factory=dict)
    true_edits: Arrays | None = None
    probes: Mapping[str, Arrays] = field(default_factory=dict)
    conditions: tuple[type, ...] = ()
    stochastic: bool = False
    repetition: bool = False

    @property
    def source(self) -> Source:
        """Whether the images are real ones, true edits, or edits of a method."""
        marks: dict[str, Source] = {REAL: "real", TRUTH: "truth"}
        return marks.get(self.method, "method")

    @property
    def edits(self) -> Arrays:
        """The edits that Table 1 is about: those with the emotions' own codes."""
        return self.sets[ANCHOR]

    @cached_property
    def judged(self) -> NDArray[np.int64]:
        """What the judge saw: [N, 7] in the edits, [N, 1] in the real images."""
        arrays = self.edits if self.sets else {"logits": self.real["logits"][:, None]}
        return np.asarray(arrays["logits"].argmax(axis=-1), np.int64)

    @property
    def targets(self) -> NDArray[np.int64]:
        """What it should have seen, of the shape of ``judged``."""
        if not self.sets:
            return self.labels[:, None]
        return np.broadcast_to(np.arange(len(EMOTIONS)), self.judged.shape)

    @property
    def changed(self) -> NDArray[np.bool_]:
        """[N, 7]: the edits towards another emotion than the input shows."""
        return np.asarray(self.labels[:, None] != np.arange(len(EMOTIONS)))

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Counts [source, target, judged]."""
        return confusion(self.labels[:, None], self.targets, self.judged)


@dataclass(frozen=True)
class Probe:
    """Further edits that a metric needs beside those to the seven emotions.

    They are made only when the metric is asked for, of the first ``images`` test images in the
    protocol's order (one of each emotion in turn) and at most of its first chunk.

    Attributes:
        name: of its arrays in ``MetricInputs.probes`` and in progress bars.
        images: how many images at most.
        codes: from a method and a seed codes [images, P, code_dim], P for each image, or
            [1, P, code_dim], the same for all; None where the method has no such codes.
        units: of each of the P edits the action unit (its position in OpenFace's order) and the
            intensity that its right answer shows (``Dataset.true_units``); empty without right
            answers.
    """

    name: str
    images: int
    codes: Callable[[Method, int], Tensor | None]
    units: tuple[tuple[int, float], ...] = ()

    def codes_of(
        self, method: Method, seed: int, dataset: Dataset, indices: NDArray[np.int64]
    ) -> Tensor | None:
        """The codes for some images of a data set; a subclass may take them from the images.

        Args:
            indices: the images, ``images`` of them or fewer.

        Returns:
            As ``codes``, or [len(indices), P, code_dim].
        """
        return self.codes(method, seed)


class Metric:
    """A metric of the evaluation.

    A subclass names what it records in ``specs``, for which sources of images it is defined in ``sources``, and
    what further edits it needs in ``probes``; and it implements ``score``.
    """

    specs: ClassVar[tuple[MetricSpec, ...]]
    sources: ClassVar[tuple[Source, ...]] = ("method",)
    probes: ClassVar[tuple[Probe, ...]] = ()

    def score(self, inputs: MetricInputs) -> list[Record]:
        """Records of one source, made with ``record``; a missing value is None, with a note."""
        raise NotImplementedError


def record(
    spec: MetricSpec,
    method: str,
    value: float | None,
    n: int,
    emotion: int | None = None,
    **more: Any,
) -> Record:
    """A record of a metric; unit, direction and version are its own unless ``more`` says otherwise."""
    facts: dict[str, Any] = {
        "unit": spec.unit,
        "direction": spec.direction,
        "version": spec.version,
    }
    return Record(
        method=method,
        metric=spec.name,
        emotion=None if emotion is None else EMOTIONS[emotion],
        value=value,
        n=n,
        **(facts | more),
    )
