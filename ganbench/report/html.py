"""The page of a run: one HTML file that needs no other file and no server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ganbench.emotions import COLOURS, EMOTIONS
from ganbench.metrics.agreement import KAPPA, SPEC
from ganbench.records import EXTRA, Results
from ganbench.report.explorer import Explorer, json_of
from ganbench.report.naming import REFERENCES, in_order, specs
from ganbench.report.pictures import Picture
from ganbench.report.references import told
from ganbench.report.tables import Tables
from ganbench.report.templating import environment, script_of, source_of
from ganbench.report.verdict import verdict
from ganbench.scoring import REAL, TRUTH


def render(
    results: Results,
    tables: Tables,
    grids: list[Picture],
    planes: list[Picture],
    maps: list[Picture],
    manifest: Mapping[str, Any],
    explorers: Sequence[Explorer] = (),
    edits: Mapping[str, Any] | None = None,
    points: Mapping[str, Any] | None = None,
) -> str:
    """The text of ``report.html``.

    Args:
        results: of the run.
        tables: of the run.
        grids, planes, maps: pictures of edits, of conditional planes and of features, in the order
            shown.
        manifest: of the run, without its files.
        explorers: of conditional planes.
        edits: what is behind the numbers of Table 1, from ``make_edits``.
        points: of the shared map, from ``make_points``.
    """
    methods = {name: results.methods[name] for name in in_order(results)}
    titles = {REAL: "Real images", **{name: facts["title"] for name, facts in methods.items()}}
    titles[TRUTH] = REFERENCES[TRUTH]
    data_blocks: dict[str, Any] = {}
    if explorers:
        data_blocks["explorer-data"] = {
            "emotions": EMOTIONS,
            "colours": [COLOURS[emotion] for emotion in EMOTIONS],
            "methods": json_of(explorers),
        }
    if edits:
        data_blocks["edits-data"] = {"emotions": EMOTIONS, "edits": edits}
    if points:
        data_blocks["points-data"] = {
            "emotions": EMOTIONS,
            "colours": [COLOURS[emotion] for emotion in EMOTIONS],
            **points,
        }
    script = script_of("explorer.js", "edits.js", "map.js", "tables.js")
    page = environment().get_template("report.html")
    return page.render(
        results=results,
        tables=tables,
        data=results.protocol["data"],
        judge=results.protocol["judge"],
        extra_judges=results.protocol.get(EXTRA, {}),
        methods=list(methods.values()),
        confusions=[
            (title, percentages(results.confusion[name]))
            for name, title in titles.items()
            if name in results.confusion
        ],
        emotions=EMOTIONS,
        colours=COLOURS,
        metrics=[*specs(results).values(), *((SPEC, KAPPA) if tables.judges else ())],
        grids=grids,
        planes=planes,
        maps=maps,
        manifest=manifest,
        explorers=explorers,
        edits=edits,
        points=points,
        verdict=verdict(results),
        reference_points=told(results),
        data_blocks=data_blocks,
        scripts=Markup(script),
        script_source=source_of(script),
    )


def percentages(counts: list[list[list[int]]]) -> list[list[float | None]]:
    """The per cent of the edits towards each emotion (row) that the judge sees as each emotion (column).

    Args:
        counts: numbers of edits [7, 7, 7] by the emotion of the input, the target, and the judge.
    """
    rows: list[list[float | None]] = []
    for target in range(len(EMOTIONS)):
        row = [sum(source[target][judged] for source in counts) for judged in range(len(EMOTIONS))]
        total = sum(row)
        rows.append([100 * count / total if total else None for count in row])
    return rows
