"""Which metrics an evaluation records, and the records of one metric."""

from __future__ import annotations

from collections.abc import Sequence

from ganbench.errors import BadInput
from ganbench.records import RENAMED_METRICS, Record
from ganbench.registry import DEFAULT_METRICS, METRICS
from ganbench.scoring.interface import Metric, MetricInputs, Probe

# An evaluation may spend a tenth of its time on anything but editing and judging. KID and PRDC are not
# among the default metrics because they compare every edit with every other, and because KID and
# precision failed their trial (``ganbench.validation.withheld``); diversity, intensity, smoothness and
# units are not because they need extra edits.
DEFAULT = DEFAULT_METRICS


def select_metrics(names: str | Sequence[str] = "default") -> tuple[Metric, ...]:
    """The metrics of the given names. Accuracy always comes first, because Table 1 and the gate need it.

    Args:
        names: names of registered metrics, as a list or separated by commas; ``"default"`` stands for
            ``DEFAULT``, and ``"all"`` for all registered metrics.

    Raises:
        BadInput: a name is unknown, old or empty, a plug-in is no ``Metric``, or two metrics record
            under one name.
    """
    parts = [part.strip() for part in names.split(",")] if isinstance(names, str) else list(names)
    wanted = ["accuracy"]
    for part in parts:
        if not part:
            raise BadInput(f"not a list of metrics: {names!r}; write all, or default,kid,prdc")
        every = {"default": list(DEFAULT), "all": METRICS.names()}
        wanted += every.get(part, [METRICS.canonical(part)])
    metrics: list[Metric] = []
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
        metrics.append(metric)
    return tuple(metrics)


def score(metric: Metric, inputs: MetricInputs) -> list[Record]:
    """The records of one source of images under one metric; none if the metric is not defined for it.

    Raises:
        BadInput: a plug-in returns records of another method, or of metrics that are not in its ``specs``.
    """
    if inputs.source not in metric.sources:
        return []
    records, names = metric.score(inputs), {spec.name for spec in metric.specs}
    for record in records:
        if record.method != inputs.method or record.metric not in names:
            cls = type(metric)
            raise BadInput(
                f"metric {cls.__module__}.{cls.__qualname__} returned a record of "
                f"{record.method} {record.metric}; it may record {', '.join(sorted(names))} of "
                f"{inputs.method} only: mend the package that registers it"
            )
    return records
