"""Results of an evaluation: records of single numbers, and the file ``results.json``.

Numbers are comparable only if they have the same version of the metric and the same protocol. Results
hold both with the numbers, and tables and comparisons check them.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ganbench import config, parsing
from ganbench.errors import BadInput
from ganbench.metrics.spec import Direction
from ganbench.storage.store import digest, write_atomic
from ganbench.text import clipped, shown

# Version of the layout and the names in ``results.json``. Files of schema 1 are translated (``_renamed``).
SCHEMA = 2

# Upper limit of counts in a file: more images than any data set has.
LARGEST_COUNT = 10**12

# Key of the protocol that describes the extra judges. Only the numbers of these judges depend on it.
EXTRA = "extra judges"

# Key of the protocol that tells whether judges were trained on the data that they judge: "these",
# "others" or "unknown". No number depends on it.
LEARNED = "judges learned from"

# Key of the protocol that holds its name: that of a frozen protocol (``ganbench.protocols``), or ``own:`` and
# the beginning of its hash.
NAME = "name"

# Key of the protocol that describes the networks of the metrics ``metrics.OF_FACES``, on which only these depend.
FACES = "face networks"

# The keys of the protocol that are not hashed.
UNHASHED = (EXTRA, LEARNED, NAME, FACES)

# Key of the facts of a method that is a point of reference, such as doing nothing, and competes with no other.
REFERENCE = "reference"

# Prefix of the variants that hold a difference of two methods: "minus stargan".
MINUS = "minus "

# Prefix of the variants that come from an extra judge: "judge face-api".
JUDGE = "judge "

# Prefix of the variants that hold the value of a group of images: "by pose: turned".
BY = "by "

Key = tuple[str, str, str | None, str]
"""Method, metric, emotion and variant, which identify a record."""


@dataclass(frozen=True)
class Record:
    """One number of an evaluation.

    Attributes:
        method: label of the method, ``"real"`` for the test images, or ``"truth"`` for the true edits.
        metric: name of the metric, e.g. ``"fed"``.
        emotion: target emotion; None for all emotions.
        value: the number; None if it does not exist, and ``note`` then says why.
        n: number of images or edits that it was computed from.
        unit: unit of ``value``, ``low`` and ``high``.
        direction: whether higher or lower is better, or neither (``"reported"``).
        variant: name of another reading of the metric; empty for the one that tables show.
        version: version of the metric's definition.
        low, high: ends of the interval; None without an interval.
        interval: method of the interval, e.g. ``"mid-p 95%"``.
        note: what a reader must know about the value.
        influence: how much each part of the images changes the value, a ``metrics.Influence``, for
            paired differences; None if that is not known. Not in ``results.json``, see
            ``gate.predictions``.
    """

    method: str
    metric: str
    emotion: str | None
    value: float | None
    n: int
    unit: str
    direction: Direction
    variant: str = ""
    version: int = 1
    low: float | None = None
    high: float | None = None
    interval: str = ""
    note: str = ""
    influence: Any = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if any(x is not None and not math.isfinite(x) for x in (self.value, self.low, self.high)):
            raise BadInput(f"record is not finite: {self}; a missing value is None, with a note")
        if not 0 <= self.n <= LARGEST_COUNT:
            raise BadInput(f"n of a record is {shown(self.n)}; it is a count of images or edits")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise BadInput(f"low is above high in the record {clipped(str(self))}; evaluate again")

    @property
    def headline(self) -> bool:
        """Whether it is the value over all emotions that tables show: it has no emotion and no variant."""
        return self.emotion is None and not self.variant

    @property
    def group(self) -> tuple[str, str] | None:
        """The property and the group of images that it is about, ``("pose", "turned")``; None for all images."""
        if not self.variant.startswith(BY):
            return None
        name, _, group = self.variant.removeprefix(BY).partition(": ")
        return name, group

    @property
    def judge(self) -> str:
        """Name of the extra judge that it comes from; empty for the main judge."""
        return self.variant.removeprefix(JUDGE) if self.variant.startswith(JUDGE) else ""


def group_variant(name: str, group: str) -> str:
    """The variant of a record about a group of images, which ``Record.group`` reads."""
    return f"{BY}{name}: {group}"


@dataclass(frozen=True)
class Results:
    """All numbers of one evaluation.

    Attributes:
        protocol: data, judges and codes that the numbers depend on, but neither the methods nor the
            seed of their noise. Results with equal ``protocol_hash`` can be compared.
        seed: seed of all noise.
        methods: title, fingerprint of the weights and other facts of each method, in table order;
            ``clamped`` is the share of the pixels of its edits that were cut to [0, 1], if known.
        records: the numbers.
        confusion: counts [source][target][judged] for each method.
        metrics: the definition (``MetricSpec``) of each metric as a table, for readers that lack the
            package of a plug-in. Results of early versions have none.
    """

    protocol: dict[str, Any]
    seed: int
    methods: dict[str, dict[str, Any]]
    records: tuple[Record, ...]
    confusion: dict[str, list[list[list[int]]]] = field(default_factory=dict)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def protocol_hash(self) -> str:
        """sha256 (hex) of the protocol without ``UNHASHED``, which the main judge's numbers do not depend on."""
        return _hash(self.protocol, UNHASHED)

    @property
    def protocol_name(self) -> str:
        """The name of the protocol; ``own:`` and the beginning of its hash in results of earlier versions."""
        return str(self.protocol.get(NAME, f"own:{self.protocol_hash[:8]}"))

    @property
    def competing(self) -> list[str]:
        """The labels of the methods that are no points of reference."""
        return [label for label, facts in self.methods.items() if not facts.get(REFERENCE)]

    def find(
        self, method: str, metric: str, emotion: str | None = None, variant: str = ""
    ) -> Record | None:
        """The first record of this method, metric, emotion and variant, or None."""
        return self.index.get((method, metric, emotion, variant))

    @cached_property
    def index(self) -> dict[Key, Record]:
        """The records by method, metric, emotion and variant, in their order; the first of equal keys counts."""
        index: dict[Key, Record] = {}
        for r in self.records:
            index.setdefault((r.method, r.metric, r.emotion, r.variant), r)
        return index

    def to_json(self) -> str:
        """The text of ``results.json``."""
        head = {
            "schema": SCHEMA,
            "protocol": self.protocol,
            "protocol_hash": self.protocol_hash,
            "seed": self.seed,
            "methods": self.methods,
            "metrics": self.metrics,
        }
        kept = [field.name for field in dataclasses.fields(Record) if field.name != "influence"]
        body = [
            json.dumps({name: getattr(record, name) for name in kept}, allow_nan=False)
            for record in self.records
        ]
        # One record a line: readable, and small in a diff.
        return (
            json.dumps(head, indent=1, allow_nan=False)[:-2]
            + ',\n "records": [\n  '
            + ",\n  ".join(body)
            + '\n ],\n "confusion": '
            + json.dumps(self.confusion)
            + "\n}\n"
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``results.json`` atomically."""
        write_atomic(path, self.to_json())

    @classmethod
    def from_json(cls, text: str, where: str = "results") -> Results:
        """Read the text of ``results.json``; ``where`` names it in messages.

        Raises:
            BadInput: the text is no results, has an unknown schema, or was changed by hand.
        """
        try:
            table = parsing.parse_json(text)
        except parsing.Refused as error:
            raise BadInput(
                f"not JSON: {where} ({error}); give the results.json of a run"
            ) from error
        if not isinstance(table, dict) or "schema" not in table:
            raise BadInput(f"no schema number in: {where}; give the results.json of a run")
        if table["schema"] not in (1, SCHEMA):
            raise BadInput(
                f"schema {shown(table['schema'])} in: {where}; this ganbench reads schema 1 to {SCHEMA}: "
                "evaluate again, or use the version that wrote it"
            )
        old = table["schema"] != SCHEMA
        records = table.get("records")
        fields: dict[str, Any] = {"metrics": table.get("metrics", {})}
        for key in ("protocol", "seed", "methods", "confusion", "metrics"):
            kind = int if key == "seed" else dict
            value = fields.setdefault(key, table.get(key))
            if not isinstance(value, kind):
                raise BadInput(
                    f"{key!r} is missing or no {kind.__name__} in: {where}; evaluate again"
                )
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise BadInput(f"'records' is missing or no list of tables in: {where}; evaluate again")
        unhashed = (_EXTRA_1, LEARNED) if old else UNHASHED
        if _hash(fields["protocol"], unhashed) != table.get("protocol_hash"):
            raise BadInput(
                f"protocol and its hash disagree in: {where}; the file was changed: evaluate again"
            )
        if old:
            fields["protocol"] = _renamed_protocol(fields["protocol"])
        _check_tables(fields, where)
        if any("influence" in record for record in records):
            raise BadInput(f"unknown key 'influence' in the records of {where}; evaluate again")
        results = cls(
            **fields,
            records=tuple(
                config.build(Record, record, f"record {i} of {where}")
                for i, record in enumerate(records)
            ),
        )
        return _renamed(results) if old else results

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Results:
        """Read a ``results.json``, or the ``results.json`` of a run folder.

        Raises:
            BadInput: there is no such file, or it holds no results (see ``from_json``).
        """
        file = Path(path)
        file = file / "results.json" if parsing.is_folder(file) else file
        try:
            text = parsing.read_text(file, parsing.RESULTS)
        except parsing.Refused as error:
            raise BadInput(f"cannot read results: {file} ({error}); give a run folder") from error
        return cls.from_json(text, file.name)


def _check_tables(fields: dict[str, Any], where: str) -> None:
    """Check the shape of the tables of results, as deep as they are used.

    Raises:
        BadInput: a table has another shape.
    """
    try:
        for name in ("methods", "metrics"):
            for key, facts in fields[name].items():
                parsing.need(fields[name], {key: dict})
                if name == "methods":
                    parsing.need(facts, {key: str for key in ("title",) if key in facts})
        extra = fields["protocol"].get(EXTRA, {})
        parsing.need({EXTRA: extra}, {EXTRA: dict})
        parsing.need(extra, dict.fromkeys(extra, dict))
        for name, counts in fields["confusion"].items():
            flat = _flatten(counts, 3)
            if not all(type(count) is int and 0 <= count <= LARGEST_COUNT for count in flat):
                raise parsing.Refused(f"confusion of {shown(name)} holds other things than counts")
    except parsing.Refused as error:
        raise BadInput(f"{error} in: {where}; evaluate again") from error


def _flatten(table: Any, levels: int) -> list[Any]:
    """The values of lists that are nested ``levels`` deep."""
    if not levels:
        return [table]
    if not isinstance(table, list):
        raise parsing.Refused(f"confusion has no nested lists but {shown(table, 40)}")
    return [value for row in table for value in _flatten(row, levels - 1)]


def _hash(protocol: Mapping[str, Any], without: Collection[str]) -> str:
    return digest({key: value for key, value in protocol.items() if key not in without})


# -- schema 1: what ganbench wrote until November 2026 -------------------------------------------------

# Names of metrics in schema 1, and their names of today.
RENAMED_METRICS: Mapping[str, str] = {
    "truth": "gt_error",
    "structural": "neighbour_confusion",
    "identity": "input_similarity",
}
_TITLES_1 = {
    "gt_error": "Ground-truth error",
    "neighbour_confusion": "Confusion of neighbours",
    "input_similarity": "Input similarity",
}
_EXTRA_1 = "further judges"
_CODES_1 = {"exact": "anchor", "near": "noisy", "space": "uniform"}
_VARIANTS_1 = {
    "gain": {"along": "parallel", "across": "orthogonal"},
    "unit_intensity": {"along": "parallel"},
}


def _renamed(results: Results) -> Results:
    """Results of schema 1 with the names of today. Their protocol must be translated already."""
    return replace(
        results,
        methods={name: _renamed_codes(facts) for name, facts in results.methods.items()},
        metrics=dict(_renamed_spec(name, spec) for name, spec in results.metrics.items()),
        records=tuple(
            replace(
                record,
                metric=RENAMED_METRICS.get(record.metric, record.metric),
                variant=_renamed_variant(record.metric, record.variant),
            )
            for record in results.records
        ),
    )


def _renamed_protocol(protocol: dict[str, Any]) -> dict[str, Any]:
    protocol = {EXTRA if key == _EXTRA_1 else key: value for key, value in protocol.items()}
    if isinstance(codes := protocol.get("codes"), dict):
        protocol["codes"] = {
            key: value.replace("exact", "anchor") if isinstance(value, str) else value
            for key, value in codes.items()
        }
    return protocol


def _renamed_codes(method: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(codes := method.get("codes"), list):
        return method
    return method | {"codes": [_CODES_1.get(str(name), name) for name in codes]}


def _renamed_spec(name: str, spec: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if name not in RENAMED_METRICS:
        return name, spec
    name = RENAMED_METRICS[name]
    return name, spec | {"name": name, "title": _TITLES_1[name]}


def _renamed_variant(metric: str, variant: str) -> str:
    """The variant of a record with the names of today; the part after a colon has not changed."""
    reading, colon, rest = variant.partition(":")
    return (_CODES_1 | _VARIANTS_1.get(metric, {})).get(reading, reading) + colon + rest
