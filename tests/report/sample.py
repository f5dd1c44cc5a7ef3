"""Results made by hand, small enough to check by eye in the golden files."""

from ganbench.emotions import EMOTIONS
from ganbench.metrics import METRICS
from ganbench.records import Results
from ganbench.scoring import record

ACCURACY = {
    "real": [90, 80, 70, 60, 50, 40, 30],
    "smit": [50, 50, 50, 50, 50, 50, 50.04],
    "stargan": [90.5, 10, 50, 50, 50, 50, 50],
    "odd & new": [0, 99.96, 50, 50, 50, 50, None],
}
OTHERS = {  # FED, ERE, background, truth
    "smit": (12.345, 0.25, 0.01, 0.5),
    "stargan": (12.3449, 0.5, None, 1.5),
    "odd & new": (1234.5, 0.75, 0.02, None),
}
TITLES = {"smit": "SMIT", "odd & new": "odd_& <new>", "stargan": "StarGAN"}


def results() -> Results:
    records = []
    for method, cells in ACCURACY.items():
        for c, value in enumerate(cells):
            records.append(record(method, "accuracy", value, 700, c))
        known = [v for v in cells if v is not None]
        records.append(record(method, "accuracy", sum(known) / len(known), 700))
    for method, values in OTHERS.items():
        for metric, value in zip(("fed", "ere", "background", "truth"), values, strict=True):
            records.append(record(method, metric, value, 4900, note="" if value else "no masks"))
    assert set(METRICS) == {r.metric for r in records}
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
    )
