"""Action units: edits of single units, compared with the same faces rendered with these units.

The edits are those of the first 35 images in the protocol's order. For each of OpenFace's 17 units the
method is asked for the units of the image with this one at 0, 0.4 and 0.8, which is the most that the
jaw of a rendered face drops. The true edit is the expression of the face with the unit at this
intensity. Its units are not independent, as those that are asked for are: the true edit for jaw drop
also parts the lips, for example (``ganbench.data.faces.expressions.with_action_unit``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.action_units import ACTION_UNITS
from ganbench.data.dataset import Dataset
from ganbench.methods.conditions import ActionUnits
from ganbench.methods.interface import Method, ability
from ganbench.metrics import METRICS, relative_distance, unit_response
from ganbench.metrics.gt_error import REGIONS
from ganbench.records import Record
from ganbench.scoring.interface import Metric, MetricInputs, Probe, record
from ganbench.scoring.intervals import over_images, ratio_over_images
from ganbench.seeds import generator

IMAGES = 35
INTENSITIES = (0.0, 0.4, 0.8)
NAMES = tuple(f"AU{number:02d}" for number in ACTION_UNITS)
ASKED = tuple((unit, value) for unit in range(len(ACTION_UNITS)) for value in INTENSITIES)


class UnitProbe(Probe):
    """Edits to the action units of the images, of which one is changed."""

    def codes_of(
        self, method: Method, seed: int, dataset: Dataset, indices: NDArray[np.int64]
    ) -> Tensor | None:
        """Codes [n, P, code_dim]; None if the data have no units or true edits, or the method no units."""
        if ActionUnits not in method.conditions or not dataset.has_true_units:
            return None
        shown = dataset.action_units(indices)
        if shown is None:
            return None
        asked = shown[:, None].repeat(1, len(self.asked), 1)
        for edit, (unit, value) in enumerate(self.asked):
            asked[:, edit, unit] = value
        flat = asked.flatten(0, 1).to(method.device)
        noise = method.draw_noise(len(flat), generator(seed, "noise", method.name, self.name))
        codes = ability(method.encode, ActionUnits(flat), noise)
        return None if codes is None else codes.reshape(len(shown), len(self.asked), -1)


class Units(Metric):
    """Ground-truth error and rank correlation of methods that are conditioned on action units."""

    specs = (METRICS["units"], METRICS["unit_intensity"])
    probes = (UnitProbe("action units", IMAGES, lambda method, seed: None, ASKED),)

    def score(self, inputs: MetricInputs) -> list[Record]:
        """Records over all units, by region, and by unit; none for a method that takes no action units."""
        (probe,) = self.probes
        if ActionUnits not in inputs.conditions:
            return []
        if probe.name not in inputs.probes:
            note = "the data know no true edit for action units, or the method takes only changes"
            return [record(spec, inputs.method, None, 0, note=note) for spec in self.specs]
        arrays = inputs.probes[probe.name]
        shape = (-1, len(NAMES), len(INTENSITIES))
        truth, unedited = (
            arrays[name].reshape(*shape, len(REGIONS)) for name in ("gt_distance", "unedited")
        )
        return [
            *self._errors(inputs, truth, unedited),
            *self._responses(inputs, arrays["position"].reshape(shape)),
        ]

    def _errors(
        self, inputs: MetricInputs, truth: NDArray[np.float64], unedited: NDArray[np.float64]
    ) -> list[Record]:
        """Records of the error, from distances [n, units, intensities, regions]."""
        spec, whole = self.specs[0], REGIONS.index("all")
        # As in ``gt_error``, edits to what the input already shows are left out.
        changed = unedited[..., whole] > 0
        every = np.ones(len(NAMES), np.bool_)
        parts = [("" if region == "all" else region, i, every) for i, region in enumerate(REGIONS)]
        parts += [(name, whole, np.arange(len(NAMES)) == u) for u, name in enumerate(NAMES)]
        records = []
        for variant, region, units in parts:
            chosen = (changed & units[:, None]).reshape(len(changed), -1)
            edited = truth[..., region].reshape(chosen.shape)
            start = unedited[..., region].reshape(chosen.shape)
            # Renderings are exact, so the smallest difference counts.
            value = relative_distance(edited[chosen], start[chosen], nothing_to_do=0.0)
            limits: dict[str, Any] = (
                {} if value is None else ratio_over_images(inputs.labels, edited, start, chosen)
            )
            note = "" if value is not None else "the inputs are already right there"
            n = int(chosen.sum())
            records.append(
                record(spec, inputs.method, value, n, variant=variant, note=note, **limits)
            )
        return records

    def _responses(self, inputs: MetricInputs, positions: NDArray[np.float64]) -> list[Record]:
        """Records of the correlation, from positions [n, units, intensities]."""
        spec = self.specs[1]
        correlation, parallel = unit_response(INTENSITIES, positions)
        ratio = {"unit": "ratio", "direction": "reported"}
        parts: list[tuple[str, NDArray[np.float64], dict[str, Any]]] = [
            ("", correlation, {}),
            ("parallel", parallel, ratio),
            *((name, correlation[:, [u]], {}) for u, name in enumerate(NAMES)),
        ]
        records = []
        for variant, values, facts in parts:
            known = ~np.isnan(values)
            value = float(values[known].mean()) if known.any() else None
            facts |= {"note": "" if known.any() else "no true edit shows the unit"}
            facts |= over_images(inputs.labels, values, known)
            records.append(
                record(spec, inputs.method, value, int(known.sum()), variant=variant, **facts)
            )
        return records
