"""Which metrics an evaluation records, and their records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ganbench.errors import BadInput
from ganbench.records import RENAMED_METRICS, Record
from ganbench.registry import METRICS
from ganbench.scoring.interface import Metric, MetricInputs, Probe

# What is recorded unless told otherwise: all that follows from the pass within the tenth of the time
# that an evaluation may spend on anything but editing and judging, less what failed its trial
# (``ganbench.validation.withheld``): KID and precision. KID and PRDC also compare every edit with
# every other, and diversity, intensity, smoothness and units take further edits.
DEFAULT: tuple[str, ...] = (
    "accuracy",
    "fed",
    "ere",
    "background",
    "gt_error",
    "gain",
    "neighbour_confusion",
    "input_similarity",
    "calibration",
)


def choose(names: str | Sequence[str] = "default") -> tuple[Metric, ...]:
    """The metrics of a choice, accuracy always first: Table 1 and the gate rest on it.

    Args:
        names: ``"default"``, ``"all"`` (plug-ins too), or names of registered metrics, as a list or
            separated by commas; ``default`` may be one of them.

    Raises:
        BadInput: an unknown or empty name, a plug-in that is none, or two that record one name.
    """
    parts = [part.strip() for part in names.split(",")] if isinstance(names, str) else list(names)
    wanted = ["accuracy"]
    for part in parts:
        if not part:
            raise BadInput(f"not a list of metrics: {names!r}; write all, or default,kid,prdc")
        wanted += {"default": list(DEFAULT), "all": METRICS.names()}.get(part, [part])
    chosen: list[Metric] = []
    recorded: dict[str, str] = {}
    probes: dict[str, Probe] = {}
    for name in dict.fromkeys(wanted):
        if name in RENAMED_METRICS and name not in METRICS.names():
            raise BadInput(f"old name of a metric: {name!r}; write {RENAMED_METRICS[name]!r}")
        metric = METRICS.load(name, Metric)()
        for spec in metric.specs:
            if recorded.setdefault(spec.name, name) != name:
                raise BadInput(
                    f"two metrics record {spec.name!r}: {recorded[spec.name]} and {name}; "
                    "leave one of them out"
                )
        for probe in metric.probes:
            if probes.setdefault(probe.name, probe) != probe:
                raise BadInput(
                    f"metric {name} and another mean different edits by {probe.name!r}; "
                    "leave one of them out"
                )
        chosen.append(metric)
    return tuple(chosen)


def score(metric: Metric, inputs: MetricInputs) -> list[Record]:
    """The records of one source of images under one metric; none where the metric is not defined for it.

    Raises:
        BadInput: a plug-in's records are not of the method, or not of what it says it records.
    """
    if inputs.source not in metric.sources:
        return []
    found = metric.score(inputs)
    _check(found, inputs.method, {spec.name for spec in metric.specs}, type(metric))
    return found


def _check(found: Iterable[Record], method: str, names: set[str], cls: type) -> None:
    for record in found:
        if record.method != method or record.metric not in names:
            raise BadInput(
                f"metric {cls.__module__}.{cls.__qualname__} returned a record of "
                f"{record.method} {record.metric}; it may record {', '.join(sorted(names))} of "
                f"{method} only: mend the package that registers it"
            )
