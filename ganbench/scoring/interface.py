"""The interface of a metric: its inputs, its records, and the extra edits that it may ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.dataset import Dataset
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.methods.interface import Method
from ganbench.metrics import MetricSpec, confusion, strata_of
from ganbench.records import Record
from ganbench.storage.store import Arrays

REAL, TRUTH = "real", "truth"

# Sets of codes: ``protocol.code_sets``. FED is computed from the noisy codes where all images have them.
NOISY, ANCHOR = "noisy", "anchor"

Source = Literal["real", "truth", "method"]

# All targets as None, and each target, with the columns of an array [N, 7] that belong to them.
BY_TARGET: tuple[tuple[int | None, slice], ...] = (
    (None, slice(None)),
    *((c, slice(c, c + 1)) for c in range(len(EMOTIONS))),
)


class FaceArrays(NamedTuple):
    """What the face networks say of the first n images: of the inputs, and of the edits of one source.

    Attributes:
        inputs: ``points`` [n, 68, 2] in shares of the side, ``descriptor`` [n, 128] and ``found`` [n].
        edits: the same arrays [n, 7, ...]; empty for real images.
        true_edits: those of the true edits, if they are known; None for the true edits themselves.
    """

    inputs: Arrays
    edits: Arrays
    true_edits: Arrays | None = None

    def subset(self, rows: NDArray[np.bool_]) -> FaceArrays:
        """The arrays of some images."""
        true_edits = None if self.true_edits is None else _rows(self.true_edits, rows)
        return FaceArrays(_rows(self.inputs, rows), _rows(self.edits, rows), true_edits)


@dataclass(frozen=True)
class MetricInputs:
    """The arrays that metrics are computed from, for one source: a method, the test set, or the true edits.

    N is the number of test images, in the protocol's order, 7 the emotions in Table-1 order, and d
    the width of the judge's features.

    Attributes:
        method: the method's label, or ``REAL``, or ``TRUTH``.
        labels: int64 [N], the emotions of the inputs.
        real: arrays of the inputs: ``logits`` [N, 7], ``features`` [N, d] and ``thumbnail`` [N, 3, s, s].
        sets: arrays of the edits of every input to every target, for each set of codes
            (``protocol.code_sets``): ``logits`` [N, 7, 7], ``features`` [N, 7, d], and ``desired``
            [N, 7, 7] if a code stands for a distribution. Anchor codes also have ``thumbnail``
            [N, 7, 3, s, s] and, if the data know them, ``background`` [N, 7] and ``gt_distance``
            [N, 7, regions]. True edits count as edits with anchor codes, and their ``gt_distance`` is
            that of the unedited input. Real images have no sets. Sets other than ``ANCHOR`` may be those
            of the first n images only.
        true_edits: arrays of the true edits, if they are known; None for the true edits themselves.
        probes: arrays of each probe that the method can answer: ``logits`` [n, P, 7] and ``features``
            [n, P, d]. If the probe has ``asked`` and the data know the true edits, also ``gt_distance``
            and ``unedited`` [n, P, 6], the distances of the edit and of the input to the true edit in
            ``metrics.gt_error.REGIONS``, and ``position`` [n, P] (``metrics.unit_position``).
        conditions: classes of ``ganbench.methods.conditions`` that the method can be conditioned on.
        stochastic: whether two edits of one image to one emotion can differ.
        repetition: whether the noise has another seed than the first. A repetition needs values without
            intervals, and has no probes.
        faces: for metrics with ``Metric.faces`` what the face networks say of the first images; None
            if the images are too small for them.
        whole: the inputs of all images, if these are those of a part of them; else None.
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
    faces: FaceArrays | None = None
    whole: MetricInputs | None = field(default=None, repr=False)

    def subset(self, rows: NDArray[np.bool_]) -> MetricInputs:
        """The inputs of some images, bool [N]; ``whole`` of it is this."""
        return replace(
            self,
            labels=self.labels[rows],
            real=_rows(self.real, rows),
            sets={codes: _rows(arrays, rows) for codes, arrays in self.sets.items()},
            true_edits=None if self.true_edits is None else _rows(self.true_edits, rows),
            probes={},
            faces=None if self.faces is None else self.faces.subset(rows),
            whole=self,
        )

    @property
    def part(self) -> bool:
        """Whether these are a part of the test images."""
        return self.whole is not None

    @property
    def source(self) -> Source:
        """Whether the images are real ones, true edits, or edits of a method."""
        marks: dict[str, Source] = {REAL: "real", TRUTH: "truth"}
        return marks.get(self.method, "method")

    @property
    def edits(self) -> Arrays:
        """The edits that Table 1 is about: those with anchor codes."""
        return self.sets[ANCHOR]

    @property
    def headline_codes(self) -> str:
        """The set of codes that distances of sets are about: ``NOISY`` if it has all images, else ``ANCHOR``.

        A distance depends on the number of images, so all methods of a table need the same.
        """
        noisy = self.sets.get(NOISY)
        return NOISY if noisy and len(noisy["features"]) == len(self.labels) else ANCHOR

    @cached_property
    def judged(self) -> NDArray[np.int64]:
        """The emotions that the judge predicts: int64 [N, 7] for edits, [N, 1] for real images."""
        arrays = self.edits if self.sets else {"logits": self.real["logits"][:, None]}
        return np.asarray(arrays["logits"].argmax(axis=-1), np.int64)

    @cached_property
    def strata(self) -> NDArray[np.int64]:
        """The stratum of each image (``metrics.strata_of``), int64 [N]."""
        return strata_of(self.labels)

    @property
    def targets(self) -> NDArray[np.int64]:
        """The target emotions, of the shape of ``judged``; the labels for real images."""
        if not self.sets:
            return self.labels[:, None]
        return np.broadcast_to(np.arange(len(EMOTIONS)), self.judged.shape)

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Which edits are towards another emotion than the input shows, bool [N, 7]."""
        return np.asarray(self.labels[:, None] != np.arange(len(EMOTIONS)))

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Counts of the edits, int64 [source, target, judged]."""
        return confusion(self.labels[:, None], self.targets, self.judged)


@dataclass(frozen=True)
class Probe:
    """Extra edits that a metric needs beside those to the seven emotions.

    They are made only if the metric is asked for. They are edits of the first ``images`` test images in
    the protocol's order, which has one image of each emotion in turn, and only of its first chunk.

    Attributes:
        name: name of the arrays in ``MetricInputs.probes``, shown in progress bars.
        images: largest number of images.
        codes: makes codes from a method and a seed: [images, P, code_dim] with P codes for each image,
            or [1, P, code_dim] for all images alike. None if the method has no such codes.
        asked: for each of the P edits what the true edit shows, and at which intensity: an action unit (its
            position in OpenFace's order) or an emotion (in Table-1 order); empty without true edits.
        of: whether ``asked`` names action units (``Dataset.true_units``) or emotions
            (``Dataset.true_intensities``).
    """

    name: str
    images: int
    codes: Callable[[Method, int], Tensor | None]
    asked: tuple[tuple[int, float], ...] = ()
    of: Literal["units", "emotions"] = "units"

    def codes_of(
        self, method: Method, seed: int, dataset: Dataset, indices: NDArray[np.int64]
    ) -> Tensor | None:
        """The codes for some images of a data set; a subclass may compute them from the images.

        Args:
            indices: positions of the images, at most ``images``.

        Returns:
            As for ``codes``, or [len(indices), P, code_dim].
        """
        return self.codes(method, seed)


class Metric:
    """A metric of the evaluation.

    A subclass implements ``score``, and names the metrics that it records in ``specs``, the sources of
    images that it is defined for in ``sources``, and the extra edits that it needs in ``probes``. With
    ``faces`` it needs ``MetricInputs.faces``. With ``by_group`` its headlines are also recorded for
    groups of images (``ganbench.scoring.groups``), whose numbers must be comparable whatever their sizes.
    """

    specs: ClassVar[tuple[MetricSpec, ...]]
    sources: ClassVar[tuple[Source, ...]] = ("method",)
    probes: ClassVar[tuple[Probe, ...]] = ()
    faces: ClassVar[bool] = False
    by_group: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if hasattr(cls, "makers"):
            raise BadInput(
                f"metric {cls.__name__} names its sources of images by 'makers', the word of earlier "
                "versions; rename the attribute to 'sources'"
            )

    def score(self, inputs: MetricInputs) -> list[Record]:
        """Records of one source, made with ``record``; a missing value is None and has a note."""
        raise NotImplementedError


def _rows(arrays: Arrays, rows: NDArray[np.bool_]) -> Arrays:
    """Some rows of arrays; those of the first images alone have as many of them as they can."""
    return {name: array[rows[: len(array)]] for name, array in arrays.items()}


def record(
    spec: MetricSpec,
    method: str,
    value: float | None,
    n: int,
    emotion: int | None = None,
    **more: Any,
) -> Record:
    """A record of a metric.

    Args:
        spec: gives unit, direction and version, unless ``more`` does.
        method: label of the method, or ``REAL``, or ``TRUTH``.
        value: None if it does not exist; ``more`` then has a ``note``.
        n: number of images or edits.
        emotion: position of the target in Table-1 order; None for all.
        more: other fields of ``Record``.
    """
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
