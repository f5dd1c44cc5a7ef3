"""Model cards for the Hugging Face Hub: a checkpoint's card and its rows of evaluations as Markdown.

The front matter follows the Hub's metadata of model cards; ``model-index`` has a result for each evaluation
that the checkpoint has a row in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganbench.citations import PAPERS, entries
from ganbench.metrics import MetricSpec
from ganbench.records import REFERENCE, Record, Results
from ganbench.registry import TITLES
from ganbench.report.naming import specs, title_of
from ganbench.scoring import REAL, TRUTH
from ganbench.text import markdown, markdown_table, plural, printable

# The Hub's names of the tasks of a method and of a judge.
_TASKS = {
    "method": ("image-to-image", "Editing of facial expressions"),
    "judge": ("image-classification", "Classification of facial expressions"),
}

# The metrics that say something of a judge, among those of real images.
_OF_JUDGE = ("accuracy", "calibration")

# Licences that the Hub knows, by its own names; others are "other" with a name.
_LICENCES = frozenset(
    {"apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0"}
    | {"cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "gpl-3.0", "unknown"}
)


@dataclass(frozen=True)
class Row:
    """The numbers of one checkpoint in the results of an evaluation.

    Attributes:
        results: of the evaluation.
        label: of the method; ``REAL`` for the judge, whose numbers on real images they are.
    """

    results: Results
    label: str

    def headlines(self) -> list[tuple[MetricSpec, Record]]:
        """The values over all emotions, in the order of the records."""
        found = (
            (spec, self.results.find(self.label, name))
            for name, spec in specs(self.results).items()
        )
        return [
            (spec, one)
            for spec, one in found
            if one is not None
            and one.value is not None
            and (self.label != REAL or spec.name in _OF_JUDGE)
        ]


def rows_of(sha256: str, runs: Sequence[Results]) -> list[Row]:
    """The rows that evaluations have of a checkpoint: those with its hash, whatever they are called.

    Args:
        sha256: of the checkpoint's file, hex.
        runs: results of evaluations.
    """
    rows = []
    for results in runs:
        for label, facts in results.methods.items():
            source = facts.get("loaded_from")
            if isinstance(source, dict) and source.get("sha256") == sha256:
                rows.append(Row(results, label))
        judge = results.protocol.get("judge")
        if isinstance(judge, dict) and judge.get("fingerprint") == sha256:
            rows.append(Row(results, REAL))
    return rows


def model_card(header: Mapping[str, Any], file: str, rows: Sequence[Row]) -> str:
    """The model card of a checkpoint, Markdown with YAML front matter.

    Args:
        header: of the checkpoint, as ``ganbench.methods.weights.read_header`` returns it.
        file: name of the checkpoint's file.
        rows: its rows of evaluations (``rows_of``); without any, the card has no results.
    """
    title = _title(header)
    parts = [
        "---",
        *_yaml(_front_matter(header, title, rows)),
        "---",
        "",
        f"# {markdown(title)}",
        "",
        *_about(header),
        "",
        "## Use",
        "",
        *_usage(header, file),
        "",
        "## Results",
        "",
        *(_tables(rows) if rows else ["No evaluation of this checkpoint is known."]),
        "",
        "## Training",
        "",
        *_training(header["card"]),
        "",
        "## Limits",
        "",
        *_limits(header),
        "",
        "## Citation",
        "",
        "```bibtex",
        "\n\n".join(entries([header["name"]] if header["name"] in PAPERS else [])),
        "```",
    ]
    return "\n".join(parts) + "\n"


def _title(header: Mapping[str, Any]) -> str:
    name = str(header["name"])
    if header["kind"] == "judge":
        return "VGG judge of facial expressions"
    return TITLES[name][0] if name in TITLES else name


def _data_of(card: Mapping[str, Any]) -> str:
    """The name of the data that a card says were learned from; empty if it does not say."""
    return str(card.get("data", {}).get("name", ""))


def _images(data: Mapping[str, Any]) -> str:
    """The number of images of a data set, in words."""
    count = data.get("images")
    return plural(count, "image") if isinstance(count, int) else "images"


def _front_matter(header: Mapping[str, Any], title: str, rows: Sequence[Row]) -> dict[str, Any]:
    card, kind = header["card"], header["kind"]
    given = str(card.get("licence", "unknown"))
    licence = given.lower() if given.lower() in _LICENCES else "other"
    subject = "editing" if kind == "method" else "recognition"
    tags = ["ganbench", f"facial-expression-{subject}", *(["gan"] if kind == "method" else [])]
    facts: dict[str, Any] = {
        "license": licence,
        **({"license_name": given} if licence == "other" else {}),
        "library_name": "ganbench",
        "pipeline_tag": _TASKS[kind][0],
        "tags": [*tags, header["name"]],
    }
    if data := _data_of(card):
        facts["datasets"] = [data]
    if rows:
        facts["model-index"] = [{"name": title, "results": [_result(kind, row) for row in rows]}]
    return facts


def _result(kind: str, row: Row) -> dict[str, Any]:
    """An entry of ``model-index``: the task, the protocol, and the headline of each metric."""
    results, (task, name) = row.results, _TASKS[kind]
    data = results.protocol.get("data", {})
    return {
        "task": {"type": task, "name": name},
        "dataset": {
            "type": str(data.get("name", "")),
            "name": f"{results.protocol_name}: {_images(data)} of {data.get('size')} px",
            "config": results.protocol_name,
            "split": str(data.get("split", "")),
            "revision": results.protocol_hash,
        },
        "metrics": [
            {"type": spec.name, "name": f"{spec.title} ({spec.unit})", "value": _rounded(one)}
            for spec, one in row.headlines()
        ],
    }


def _rounded(one: Record) -> float:
    """The value to six significant digits, as in ``table1.csv``."""
    return float(f"{one.value:.6g}")


def _about(header: Mapping[str, Any]) -> Iterator[str]:
    size = header["config"].get("image_size")
    emotions = ", ".join(map(str, header["config"].get("emotions", ())))
    if header["kind"] == "judge":
        yield f"A network that classifies faces of {size} px into emotions ({markdown(emotions)})."
    else:
        paper = TITLES.get(str(header["name"]), ("", ""))[1]
        source = f" Method: {markdown(paper)}." if paper else ""
        yield f"A generator that edits faces of {size} px to emotions ({markdown(emotions)}).{source}"
    yield "It is a checkpoint of ganbench, which trains and judges GANs that edit facial expressions."


def _usage(header: Mapping[str, Any], file: str) -> Iterator[str]:
    name, place = json.dumps(str(header["name"])), json.dumps(file)
    size = header["config"].get("image_size")
    yield from (
        "```python",
        "import ganbench",
        "",
        f'data = ganbench.load_dataset("faces", "test", size={size}, test=14)',
    )
    if header["kind"] == "judge":
        yield f"judge = ganbench.load_judge(checkpoint={place})"
        yield "judged = judge.judge(data.images([0]))"
    else:
        yield f"method = ganbench.load_method({name}, {place})"
        yield 'edit = method.edit(data.images([0]), method.codes(["happy"]))'
    yield "```"


def _tables(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        results = row.results
        data = results.protocol.get("data", {})
        yield (
            f"Protocol **{markdown(results.protocol_name)}** ({_images(data)} of "
            f"{markdown(data.get('name', ''))}, {data.get('size')} px; its hash begins with "
            f"`{results.protocol_hash[:12]}`). Intervals are of 95 %, over images."
        )
        yield ""
        fixed = [label for label, facts in results.methods.items() if facts.get(REFERENCE)]
        if any(r.method == TRUTH for r in results.records):
            fixed.append(TRUTH)
        beside = [] if row.label == REAL else fixed
        heads = ["metric", "value", "interval", *(markdown(title_of(results, x)) for x in beside)]
        lines = [
            [
                f"{markdown(spec.title)} {spec.arrow}".strip() + f", {markdown(spec.unit)}",
                f"{one.value:.{spec.digits}f}",
                _interval(one, spec.digits),
                *(_cell(results.find(label, spec.name), spec.digits) for label in beside),
            ]
            for spec, one in row.headlines()
        ]
        yield markdown_table(heads, lines, range(1, len(heads)))
        yield ""
        yield "Only compare them with numbers of the same protocol."


def _cell(one: Record | None, digits: int) -> str:
    return "" if one is None or one.value is None else f"{one.value:.{digits}f}"


def _interval(one: Record, digits: int) -> str:
    if one.low is None or one.high is None:
        return ""
    return f"{one.low:.{digits}f} to {one.high:.{digits}f}"


def _training(card: Mapping[str, Any]) -> Iterator[str]:
    """What the card tells of the training; it has little of an imported file, or of a plug-in's own."""
    data = card.get("data", {})
    told = {
        "Data": f"{_data_of(card)}, {_images(data)}" if data else "",
        "Iterations": card.get("iteration", ""),
        "Hours": card.get("hours", ""),
        "Seed": card.get("seed", ""),
        "Versions": ", ".join(f"{k} {v}" for k, v in card.get("versions", {}).items()),
    }
    known = {key: value for key, value in told.items() if value != ""}
    for key, value in known.items():
        yield f"- {key}: {markdown(value)}"
    if command := card.get("command"):
        yield "- Command:"
        yield ""
        yield f"      {printable(command)}"
    if not known and not command:
        yield "The card of the checkpoint does not tell how it was trained."


def _limits(header: Mapping[str, Any]) -> Iterator[str]:
    yield "- Numbers of one protocol say nothing of other pictures."
    if _data_of(header["card"]) == "faces":
        yield "- It has seen rendered faces only, and no photograph."
    if header["kind"] == "method":
        yield (
            "- An edit shows an expression that the person did not have. Say so wherever you show one, and edit "
            "nobody without consent."
        )


def _yaml(value: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """The lines of a table of texts, numbers, lists and tables in YAML, whose texts are quoted."""
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield f"{indent}{key}:"
            yield from _yaml(inner, indent + "  ")
        elif isinstance(inner, list):
            yield f"{indent}{key}:"
            for item in inner:
                if isinstance(item, Mapping):
                    first, *rest = _yaml(item, indent + "  ")
                    yield f"{indent}- {first.lstrip()}"
                    yield from rest
                else:
                    yield f"{indent}- {_scalar(item)}"
        else:
            yield f"{indent}{key}: {_scalar(inner)}"


def _scalar(value: Any) -> str:
    """A number or a quoted text; JSON's texts are YAML's, once hidden characters are escapes."""
    return json.dumps(printable(value) if isinstance(value, str) else value, ensure_ascii=False)
