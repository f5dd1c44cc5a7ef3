"""Results made by hand, small enough to check by eye in the golden files."""

from dataclasses import asdict, replace

from ganbench.emotions import EMOTIONS
from ganbench.metrics import METRICS
from ganbench.metrics.agreement import KAPPA, SPEC
from ganbench.records import EXTRA, JUDGE, Results
from ganbench.scoring import record

ACCURACY = {
    "real": [90, 80, 70, 60, 50, 40, 30],
    "smit": [50, 50, 50, 50, 50, 50, 50.04],
    "stargan": [90.5, 10, 50, 50, 50, 50, 50],
    "odd & new": [0, 99.96, 50, 50, 50, 50, None],
}
OTHERS = {  # FED, ERE, background, truth, gain, KID
    "smit": (12.345, 0.25, 0.01, 0.5, 0.125, 0.25),
    "stargan": (12.3449, 0.5, None, 1.5, 0.75, None),
    "odd & new": (1234.5, 0.75, 0.02, None, -0.5, 0.5),
}
# SMIT's, whose accuracies have intervals too.
INTERVALS = {"fed": (12.0, 13.345), "gt_error": (0.375, 0.625)}
NAMES = ("fed", "ere", "background", "gt_error", "gain", "kid")
TITLES = {"smit": "SMIT", "odd & new": "odd_& <new>", "stargan": "StarGAN"}


def ends_of(method, value):
    """Lopsided intervals for SMIT's accuracies: the farther end is 2 points away."""
    if method != "smit":
        return {}
    return {"low": value - 2, "high": value + 1, "interval": "by hand 95%"}


def results() -> Results:
    records = []
    for method, cells in ACCURACY.items():
        for c, value in enumerate(cells):
            records.append(
                record(METRICS["accuracy"], method, value, 700, c, **ends_of(method, value))
            )
        known = [v for v in cells if v is not None]
        mean = sum(known) / len(known)
        records.append(record(METRICS["accuracy"], method, mean, 700, **ends_of(method, mean)))
    for method, values in OTHERS.items():
        for metric, value in zip(NAMES, values, strict=True):
            note, more = "" if value else "no masks", {}
            if method == "smit" and metric in INTERVALS:
                low, high = INTERVALS[metric]
                more = {"low": low, "high": high, "interval": "by hand 95%"}
            records.append(record(METRICS[metric], method, value, 4900, note=note, **more))
    k = len(EMOTIONS)
    return Results(
        protocol={
            "version": 1,
            "data": {
                "name": "toys",
                "split": "test",
                "size": 8,
                "images": 700,
                "fingerprint": "f" * 64,
            },
            "judge": {
                "name": "reader",
                "title": "Reader",
                "layer": "parts",
                "dimension": 4,
                "fingerprint": "e" * 64,
            },
        },
        seed=0,
        methods={
            name: {"title": title, "weights": "d" * 64, "paper": "Nobody, 2020", "licence": "MIT"}
            for name, title in TITLES.items()
        },
        records=tuple(records),
        confusion={name: [[[1] * k] * k] * k for name in ACCURACY},
        metrics={name: asdict(METRICS[name]) for name in ("accuracy", *NAMES)},
    )


def full_results() -> Results:
    """The same results with true edits and an extra judge."""
    plain = results()
    variant = f"{JUDGE}squinter"
    records = [record(METRICS["accuracy"], "truth", 100, 700)]
    for spec in (METRICS["accuracy"], SPEC, KAPPA):
        records.append(record(spec, "smit", 0.5, 700, variant=variant))
    k = len(EMOTIONS)
    return replace(
        plain,
        protocol=plain.protocol
        | {EXTRA: {"squinter": {"title": "Squinter", "fingerprint": "c" * 64}}},
        records=(*plain.records, *records),
        confusion=plain.confusion | {"truth": [[[1] * k] * k] * k},
    )
