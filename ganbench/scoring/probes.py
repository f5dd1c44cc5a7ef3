"""Metrics that need extra edits: diversity, intensity and smoothness. None is recorded by default.

Their edits are those of the first images in the protocol's order:

    diversity   70 images x 7 emotions, with other noise
    intensity   28 images x 6 emotions x intensities 0.2, 0.4 ... 1
    smoothness  14 images x 21 pairs of anchors x 9 points of the straight line between them
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from ganbench.emotions import EMOTIONS
from ganbench.methods.conditions import Category
from ganbench.methods.interface import Method, ability
from ganbench.metrics import (
    METRICS,
    intensity_response,
    noise_diversity,
    path_smoothness,
    softmax,
)
from ganbench.records import Record
from ganbench.scoring.interface import Metric, MetricInputs, Probe, record
from ganbench.scoring.intervals import over_images
from ganbench.seeds import generator

DIVERSITY_IMAGES, INTENSITY_IMAGES, SMOOTHNESS_IMAGES = 70, 28, 14
INTENSITIES = (0.2, 0.4, 0.6, 0.8, 1.0)
POINTS = 9

# All emotions but neutral, which has no intensity.
INTENSE = range(1, len(EMOTIONS))


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


class Diversity(Metric):
    """Feature distance of edits with two noises, that of Table 1 and another; 0 for methods without noise."""

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
        return [record(spec, inputs.method, mean, distances.size, **limits)]


class Intensity(Metric):
    """Rank correlation of intensity and probability, for methods whose codes have an intensity."""

    specs = (METRICS["intensity"],)
    probes = (Probe("intensities", INTENSITY_IMAGES, _rising),)

    def score(self, inputs: MetricInputs) -> list[Record]:
        """A record over all emotions but neutral, and one for each of them."""
        (spec,), (probe,) = self.specs, self.probes
        if probe.name not in inputs.probes:
            note = "its codes have no intensity"
            return [record(spec, inputs.method, None, 0, note=note)]
        logits = inputs.probes[probe.name]["logits"]
        p = softmax(logits).reshape(len(logits), len(INTENSE), len(INTENSITIES), len(EMOTIONS))
        rising = np.stack([p[:, i, :, c] for i, c in enumerate(INTENSE)], axis=1)
        every = intensity_response(INTENSITIES, rising)
        by_emotion = [(None, every), *((c, every[:, [i]]) for i, c in enumerate(INTENSE))]
        return [
            record(
                spec,
                inputs.method,
                float(values.mean()),
                values.size,
                c,
                **over_images(inputs.labels, values),
            )
            for c, values in by_emotion
        ]


class Smoothness(Metric):
    """Largest step divided by mean step along the lines between anchors, for methods with anchors."""

    specs = (METRICS["smoothness"],)
    probes = (Probe("lines between anchors", SMOOTHNESS_IMAGES, _lines),)

    def score(self, inputs: MetricInputs) -> list[Record]:
        """One record."""
        (spec,), (probe,) = self.specs, self.probes
        if probe.name not in inputs.probes:
            note = "it has no anchors in one space"
            return [record(spec, inputs.method, None, 0, note=note)]
        logits = inputs.probes[probe.name]["logits"]
        ratios = path_smoothness(softmax(logits).reshape(len(logits), -1, POINTS, len(EMOTIONS)))
        known = ~np.isnan(ratios)
        return [
            record(
                spec,
                inputs.method,
                float(ratios[known].mean()) if known.any() else None,
                int(known.sum()),
                note="" if known.any() else "nothing changes along any line",
                **over_images(inputs.labels, ratios, known),
            )
        ]
