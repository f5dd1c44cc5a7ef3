"""The page of a run: one file that needs no other, and asks no server for anything."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from ganbench import text
from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.metrics.agreement import KAPPA, SPEC
from ganbench.records import EXTRA, Results
from ganbench.report.judges import judges_table
from ganbench.report.tables import (
    differences_table,
    further_table,
    in_order,
    paper_table1,
    seeds_table,
    specs,
    table1,
    truth_table,
    variants_table,
)
from ganbench.scoring import REAL, TRUTH


@dataclass(frozen=True)
class Picture:
    """A PNG of the run folder: its file name, bytes, size and what it shows."""

    name: str
    png: bytes
    caption: str

    @cached_property
    def uri(self) -> str:
        """The picture as a data URI, as WebP where that is smaller."""
        with Image.open(io.BytesIO(self.png)) as image:
            file = io.BytesIO()
            # Less than half of the default effort's time for a 25th more bytes.
            image.convert("RGB").save(file, "WEBP", quality=88, method=2)
        webp = file.getvalue()
        kind, data = ("webp", webp) if len(webp) < len(self.png) else ("png", self.png)
        return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        with Image.open(io.BytesIO(self.png)) as image:
            return image.size


def render(
    results: Results,
    grids: list[Picture],
    planes: list[Picture],
    maps: list[Picture],
    manifest: Mapping[str, Any],
) -> str:
    """The text of ``report.html``.

    Args:
        grids, planes, maps: pictures of edits, of conditional planes, and of features, in the order
            shown.
        manifest: of the run, without its files.
    """
    environment = Environment(
        loader=PackageLoader("ganbench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=text.html,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    titles = {REAL: "Real images", TRUTH: "True edits"}
    titles |= {name: facts["title"] for name, facts in results.methods.items()}
    shown = [name for name in (REAL, *in_order(results), TRUTH) if name in results.confusion]
    has_truth = TRUTH in results.confusion
    several = judges_table(results)
    return environment.get_template("report.html").render(
        results=results,
        data=results.protocol["data"],
        judge=results.protocol["judge"],
        methods=[results.methods[name] for name in in_order(results)],
        main=table1(results),
        several=several,
        others=results.protocol.get(EXTRA, {}),
        truth=truth_table(results) if has_truth else None,
        variants=variants_table(results),
        further=further_table(results),
        seeds=seeds_table(results),
        differences=differences_table(results),
        paper=paper_table1(),
        confusions=[(titles[name], shares(results.confusion[name])) for name in shown],
        emotions=EMOTIONS,
        colours=COLOURS,
        metrics=[*specs(results).values(), *((SPEC, KAPPA) if several else ())],
        grids=grids,
        planes=planes,
        maps=maps,
        manifest=manifest,
    )


def shares(counts: list[list[list[int]]]) -> list[list[float | None]]:
    """Per cent of the edits towards each emotion (row) that the judge sees as each (column)."""
    rows: list[list[float | None]] = []
    for target in range(len(EMOTIONS)):
        seen = [sum(source[target][judged] for source in counts) for judged in range(len(EMOTIONS))]
        total = sum(seen)
        rows.append([100 * count / total if total else None for count in seen])
    return rows
