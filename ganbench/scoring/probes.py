"""Metrics that need extra edits: diversity, intensity, CLS and smoothness. None is recorded by default.

Their edits are those of the first images in the protocol's order:

    diversity   70 images x 7 emotions, with other noise
    intensity   28 images x 6 emotions x intensities 0.2, 0.4 ... 1; cls has the same edits
    smoothness  14 images x 21 pairs of anchors x 9 points of the straight line between them, and where codes
                of a plane have an intensity 24 points each around the centre at the intensities 0.4 and 1
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.emotions import EMOTIONS
from ganbench.methods.conditions import Category
from ganbench.methods.interface import Method, ability
from ganbench.metrics import (
    METRICS,
    control_linearity,
    intensity_response,
    noise_diversity,
    path_smoothness,
    softmax,
    total_variation,
)
from ganbench.records import Record
from ganbench.scoring.interface import Metric, MetricInputs, Probe, record
from ganbench.scoring.intervals import over_images, ratio_over_images
from ganbench.seeds import generator
from ganbench.storage.store import Arrays

DIVERSITY_IMAGES, INTENSITY_IMAGES, SMOOTHNESS_IMAGES = 70, 28, 14
INTENSITIES = (0.2, 0.4, 0.6, 0.8, 1.0)
POINTS = 9
RADII, SPOKES = (0.4, 1.0), 24

# The variant of the diversity that is divided by the distance of edits to different emotions.
OF_EMOTIONS = "of the distance between emotions"

# The variant of CLS whose intensities are measured by renderings of the same face.
TRUE_INTENSITY = "true intensity"

# All emotions but neutral, which has no intensity.
INTENSE = range(1, len(EMOTIONS))


def circle_variant(radius: float) -> str:
    """The variant of the smoothness that holds the largest step on a circle."""
    return f"largest step at intensity {radius:g}"


def _again(method: Method, seed: int) -> Tensor | None:
    """The codes of the emotions with noise that Table 1 does not use."""
    if not method.noise_dim:
        return None
    targets = torch.arange(len(EMOTIONS)).repeat(DIVERSITY_IMAGES)
    noise = method.draw_noise(len(targets), generator(seed, "noise", method.name, "again"))
    return method.codes(targets, noise=noise).reshape(DIVERSITY_IMAGES, len(EMOTIONS), -1)


def _rising(method: Method, seed: int) -> Tensor | None:
    """Codes [1, 6 * 5, code_dim] of rising intensity for each emotion; None for methods with noise."""
    emotions = torch.tensor(INTENSE, device=method.device).repeat_interleave(len(INTENSITIES))
    rho = torch.tensor(INTENSITIES, device=method.device).repeat(len(INTENSE))
    if method.noise_dim:
        return None
    codes = ability(method.encode, Category(emotions, rho))
    return None if codes is None else codes[None]


def _lines(method: Method, seed: int) -> Tensor | None:
    """Codes [1, 21 * 9, code_dim] along the lines between all pairs of anchors, line by line."""
    anchors = ability(method.anchors)
    if anchors is None:
        return None
    anchors = anchors[method.labels(EMOTIONS)]
    pairs = torch.tensor(list(combinations(range(len(anchors)), 2)), device=anchors.device)
    start, end = anchors[pairs[:, 0], None], anchors[pairs[:, 1], None]
    t = torch.linspace(0, 1, POINTS, device=anchors.device)[:, None]
    return (start + t * (end - start)).flatten(0, 1)[None]


def _circles(method: Method, seed: int) -> Tensor | None:
    """Codes [1, 2 * 24, 2] around the centre of a plane whose codes have an intensity, circle by circle."""
    if method.code_dim != 2 or _rising(method, seed) is None or ability(method.anchors) is None:
        return None
    angles = torch.arange(SPOKES, device=method.device) * (2 * torch.pi / SPOKES)
    circle = torch.stack([angles.cos(), angles.sin()], dim=1)
    return torch.cat([radius * circle for radius in RADII])[None]


class Diversity(Metric):
    """Feature distance of edits with two noises, that of Table 1 and another; 0 for methods without noise.

    A second record divides it by the distance of the same image's edits to different emotions.
    """

    specs = (METRICS["diversity"],)
    probes = (Probe("other noise", DIVERSITY_IMAGES, _again),)

    def score(self, inputs: MetricInputs) -> list[Record]:
        """One record."""
        (spec,), (probe,) = self.specs, self.probes
        if not inputs.stochastic:
            note = "by definition: the method takes no noise"
            return [record(spec, inputs.method, 0.0, inputs.judged.size, note=note)]
        other = inputs.probes[probe.name]["features"]
        first = inputs.edits["features"][: len(other)]
        distances = noise_diversity(np.stack([first, other], axis=-2))
        mean, limits = float(distances.mean()), over_images(inputs.labels, distances)
        absolute = record(spec, inputs.method, mean, distances.size, **limits)
        between = np.broadcast_to(noise_diversity(first)[:, None], distances.shape)
        if not between.any():
            return [absolute]
        every = np.ones(distances.shape, np.bool_)
        limits = ratio_over_images(inputs.labels, distances, between, every)
        ratio = float(distances.mean() / between.mean())
        more = {"unit": "ratio", "variant": OF_EMOTIONS, **limits}
        return [absolute, record(spec, inputs.method, ratio, distances.size, **more)]


class AlongIntensity(Metric):
    """A correlation of intensity and what is measured, for methods whose codes have an intensity."""

    probes = (
        Probe(
            "intensities",
            INTENSITY_IMAGES,
            _rising,
            tuple((c, rho) for c in INTENSE for rho in INTENSITIES),
            "emotions",
        ),
    )

    def score(self, inputs: MetricInputs) -> list[Record]:
        """``measure``, or one record without a value."""
        (spec,), (probe,) = self.specs, self.probes
        if probe.name not in inputs.probes:
            note = "its codes have no intensity"
            return [record(spec, inputs.method, None, 0, note=note)]
        return self.measure(inputs, inputs.probes[probe.name])

    def measure(self, inputs: MetricInputs, arrays: Arrays) -> list[Record]:
        """Records from the arrays of the probe, [n, 6 * 5, ...]."""
        raise NotImplementedError

    def probabilities(self, arrays: Arrays) -> NDArray[np.float64]:
        """The judge's probability of the emotion that was asked for, [n, 6, 5]."""
        p = softmax(arrays["logits"]).reshape(-1, len(INTENSE), len(INTENSITIES), len(EMOTIONS))
        return np.stack([p[:, i, :, c] for i, c in enumerate(INTENSE)], axis=1)

    def by_emotion(
        self, inputs: MetricInputs, every: NDArray[np.float64], variant: str = ""
    ) -> list[Record]:
        """A record over all emotions but neutral, and one for each of them, of values [n, 6]."""
        columns = [(None, every), *((c, every[:, [i]]) for i, c in enumerate(INTENSE))]
        records = []
        for c, values in columns:
            known = ~np.isnan(values)
            value = float(values[known].mean()) if known.any() else None
            facts = {"variant": variant, **over_images(inputs.labels, values, known)}
            facts |= {"note": "" if known.any() else "no true edit shows the emotion"}
            n = int(known.sum())
            records.append(record(self.specs[0], inputs.method, value, n, c, **facts))
        return records


class Intensity(AlongIntensity):
    """Rank correlation of the intensity that was asked for and the judge's probability."""

    specs = (METRICS["intensity"],)

    def measure(self, inputs: MetricInputs, arrays: Arrays) -> list[Record]:
        """A record over all emotions but neutral, and one for each of them."""
        rising = self.probabilities(arrays)
        return self.by_emotion(inputs, intensity_response(INTENSITIES, rising))


class ControlLinearity(AlongIntensity):
    """CLS: Pearson's correlation of the intensity that was asked for and the one that is measured."""

    specs = (METRICS["cls"],)

    def measure(self, inputs: MetricInputs, arrays: Arrays) -> list[Record]:
        """Records by the judge, and against renderings of known intensity where the data have them."""
        linear = control_linearity(INTENSITIES, self.probabilities(arrays))
        records = self.by_emotion(inputs, linear)
        if "position" in arrays:
            positions = arrays["position"].reshape(-1, len(INTENSE), len(INTENSITIES))
            linear = control_linearity(INTENSITIES, positions)
            records += self.by_emotion(inputs, linear, TRUE_INTENSITY)
        return records


class Smoothness(Metric):
    """Largest step divided by mean step along the lines between anchors, for methods with anchors.

    For a plane whose codes have an intensity two more records tell the largest step around the centre.
    """

    specs = (METRICS["smoothness"],)
    probes = (
        Probe("lines between anchors", SMOOTHNESS_IMAGES, _lines),
        Probe("circles around the centre", SMOOTHNESS_IMAGES, _circles),
    )

    def score(self, inputs: MetricInputs) -> list[Record]:
        """One record, or three."""
        (spec,), (probe, circles) = self.specs, self.probes
        if probe.name not in inputs.probes:
            note = "it has no anchors in one space"
            return [record(spec, inputs.method, None, 0, note=note)]
        logits = inputs.probes[probe.name]["logits"]
        ratios = path_smoothness(softmax(logits).reshape(len(logits), -1, POINTS, len(EMOTIONS)))
        known = ~np.isnan(ratios)
        around = inputs.probes.get(circles.name)
        return [
            *(self._around(inputs, around["logits"]) if around else ()),
            record(
                spec,
                inputs.method,
                float(ratios[known].mean()) if known.any() else None,
                int(known.sum()),
                note="" if known.any() else "nothing changes along any line",
                **over_images(inputs.labels, ratios, known),
            ),
        ]

    def _around(self, inputs: MetricInputs, logits: NDArray[np.float32]) -> list[Record]:
        """The largest step of the judge's softmax on each circle, of codes 15 degrees apart."""
        p = softmax(logits).reshape(len(logits), len(RADII), SPOKES, len(EMOTIONS))
        steps = total_variation(p, np.roll(p, -1, axis=2)).max(axis=2)
        return [
            record(
                self.specs[0],
                inputs.method,
                float(steps[:, i].mean()),
                len(steps),
                unit="probability",
                direction="reported",
                variant=circle_variant(radius),
                **over_images(inputs.labels, steps[:, [i]]),
            )
            for i, radius in enumerate(RADII)
        ]
