"""The folder that a run writes.

All files are written beside the files of an earlier run and then replace them, the manifest last. The
manifest has the hashes of all files: a folder that does not match its manifest was interrupted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import MappingProxyType

from ganbench.evaluation.collect import Evaluation
from ganbench.evaluation.plan import Plan
from ganbench.evaluation.protocol import code_sets
from ganbench.gate.folder import MANIFEST, files_of
from ganbench.gate.predictions import OLD_PREDICTIONS, PREDICTIONS, to_npz
from ganbench.report import html
from ganbench.report.comparison_figures import comparison_figure_names, draw_comparison_figures
from ganbench.report.edits import make_edits
from ganbench.report.explorer import make_explorers
from ganbench.report.formats import to_csv, to_latex, to_markdown
from ganbench.report.manifest import make_manifest
from ganbench.report.pictures import draw_grids, draw_maps, place_points
from ganbench.report.plane_figures import draw_plane_figures, plane_figure_names
from ganbench.report.points import make_points
from ganbench.report.sprites import ENDING, PREFIX, make_sprites, sprite_name
from ganbench.report.tables import Tables, make_tables
from ganbench.scoring import REAL, TRUTH
from ganbench.storage.store import write_atomic, write_together

JUDGES = "judges.csv"

# Prefixes of the names of pictures.
PICTURES = (
    "compare", "complex_", "gamut_", "grid_", "nuance_", "same-label_", "styles_", "tsne_", "wheel_",
)  # fmt: skip


def check_writable(folder: Path) -> None:
    """Check before a long run that its results can be written.

    Raises:
        BadInput: ``folder`` is a file, or cannot be written.
    """
    probe = folder / ".writable"
    write_atomic(probe, "")
    probe.unlink(missing_ok=True)


def write_run(
    evaluation: Evaluation,
    folder: Path,
    command: Sequence[str] = (),
    plan: Plan | None = None,
    more: Mapping[str, bytes] = MappingProxyType({}),
) -> Tables:
    """Write tables, pictures, page and manifest.

    Args:
        evaluation: to be reported.
        folder: created if missing. Files of an earlier run are replaced, and its pictures and table
            of judges are removed where this run does not write them.
        command: the command line to record, as a list of arguments.
        plan: of the evaluation, from which the figures of the supplement are drawn; None
            leaves them out.
        more: content of further files by name.

    Returns:
        The tables of the run.

    Raises:
        BadInput: the folder cannot be written.
    """
    results, watch = evaluation.results, evaluation.stopwatch
    if plan is not None:
        plan.refresh()
    # t-SNE needs one core and hardly any Python: it runs while the figures are drawn.
    with ThreadPoolExecutor(1) as thread, nullcontext() if plan is None else plan.keys.held():
        placing = thread.submit(place_points, evaluation)
        with watch.measure("figures"):
            grids = draw_grids(evaluation)
            planes = [] if plan is None else draw_plane_figures(plan, evaluation.gallery)
            explorers = [] if plan is None else make_explorers(plan, evaluation.gallery)
            edits = None if plan is None else make_edits(plan)
            if plan is not None:
                grids += draw_comparison_figures(plan, evaluation.gallery)
        with watch.measure("t-SNE"):
            placed = placing.result()
            maps, points = draw_maps(results, placed), make_points(placed)
    manifest = partial(
        make_manifest,
        results,
        watch,
        command,
        left_out="" if plan is None else plan.dataset.left_out,
        notes=evaluation.notes,
        pieces=None if plan is None else plan.pieces,
    )
    with watch.measure("report"):
        tables = make_tables(results)
        latex = [to_latex(tables.main, "tab:ganbench"), to_latex(tables.paper, "tab:published")]
        page = html.render(
            results, tables, grids, planes, maps, manifest(files={}), explorers, edits, points
        )
        files: dict[str, bytes] = {
            "results.json": results.to_json().encode(),
            PREDICTIONS: to_npz(evaluation.predictions, results.records),
            "table1.csv": to_csv(tables.main, results.protocol_name).encode(),
            "table1.md": f"{to_markdown(tables.main)}\n{to_markdown(tables.paper)}".encode(),
            "table1.tex": "\n".join(["% needs \\usepackage{booktabs}", *latex]).encode(),
            "report.html": page.encode(),
            **{picture.name: picture.png for picture in (*maps, *grids, *planes)},
            **make_sprites(evaluation.gallery),
            **more,
        }
        if tables.judges:
            files[JUDGES] = to_csv(tables.judges, results.protocol_name).encode()
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    files[MANIFEST] = json.dumps(manifest(files=hashes), indent=1).encode() + b"\n"
    stale = {*_pictures_of(folder), JUDGES, OLD_PREDICTIONS} - files.keys()
    write_together(folder, files, last=MANIFEST)
    for name in stale:
        (folder / name).unlink(missing_ok=True)
    return tables


def file_names(plan: Plan) -> list[str]:
    """The names of the files that ``write_run`` would write after the evaluation of a plan."""
    names = ["results.json", PREDICTIONS, "table1.csv", "table1.md", "table1.tex", "report.html"]
    names += [MANIFEST, *[JUDGES] * bool(plan.others)]
    sources = [REAL, *[TRUTH] * plan.dataset.has_true_edits, *plan.methods]
    names += ["grid_truth.png"] * plan.dataset.has_true_edits + list(map(sprite_name, sources))
    for name, method in plan.methods.items():
        names += [f"grid_{name}.png", f"tsne_{name}.png"]
        names += [f"tsne_{name}_figure1.png"] * ("uniform" in code_sets(method))
    return names + comparison_figure_names(plan) + plane_figure_names(plan)


def _pictures_of(folder: Path) -> set[str]:
    """The names of the pictures in the manifest of an earlier run."""
    return {
        name
        for name in files_of(folder)
        if name == Path(name).name
        and (
            (name.startswith(PICTURES) and name.endswith(".png"))
            or (name.startswith(PREFIX) and name.endswith(ENDING))
        )
    }
