"""The folder that a run leaves behind.

Everything is made and written first, and then put in the place of an earlier run, the manifest last. It
has the hashes of all files: a folder that does not agree with it was cut off on the way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ganbench.evaluation.collect import Evaluation
from ganbench.evaluation.plan import Plan
from ganbench.evaluation.protocol import code_sets
from ganbench.figures import feature_map
from ganbench.figures.feature_map import Placed
from ganbench.figures.grid import grid
from ganbench.figures.page import to_png
from ganbench.gate.folder import MANIFEST, files_of
from ganbench.gate.predictions import PREDICTIONS, to_npz
from ganbench.records import Results
from ganbench.report import formats, html
from ganbench.report.comparison_figures import draw_plates, plate_names
from ganbench.report.html import Picture
from ganbench.report.judges import judges_table
from ganbench.report.manifest import manifest
from ganbench.report.plane_figures import draw_planes, plane_names
from ganbench.report.tables import in_order, paper_table1, table1
from ganbench.scoring import REAL
from ganbench.storage.source import code_hash
from ganbench.storage.store import write_atomic, write_together

JUDGES = "judges.csv"

# How the names of pictures begin.
PICTURES = (
    "compare", "complex_", "gamut_", "grid_", "nuance_", "same-label_", "styles_", "tsne_", "wheel_",
)  # fmt: skip


def check_writable(folder: Path) -> None:
    """Find out before a long run whether its results can be kept.

    Raises:
        BadInput: ``folder`` is a file, or cannot be written.
    """
    probe = folder / ".writable"
    write_atomic(probe, "")
    probe.unlink(missing_ok=True)


def write_run(
    evaluation: Evaluation, folder: Path, command: Sequence[str] = (), run: Plan | None = None
) -> list[str]:
    """Write tables, pictures, page and manifest.

    Args:
        evaluation: what was found.
        folder: made if missing. Files of an earlier run are replaced; pictures and a table of judges
            that it made and this run did not are removed.
        command: the command line to record, one argument an item.
        run: the pass that found it; with it the supplement's figures are drawn too.

    Returns:
        The names of the files.

    Raises:
        BadInput: the folder cannot be written.
    """
    results, watch = evaluation.results, evaluation.stopwatch
    left_out = "" if run is None else run.dataset.left_out
    pieces = None if run is None else run.pieces
    # The map needs one core and no Python for seconds: it is laid out while the figures are drawn.
    with ThreadPoolExecutor(1) as beside:
        laying = beside.submit(lay_map, evaluation)
        with watch.measure("figures"):
            grids = draw_grids(evaluation)
            planes = [] if run is None else draw_planes(run, evaluation.gallery)
            plates = [] if run is None else draw_plates(run, evaluation.gallery)
        packing = beside.submit(pack, [*grids, *plates, *planes])
        with watch.measure("t-SNE"):
            maps = draw_maps(evaluation.results, laying.result())
        packing.result()
    with watch.measure("report"):
        ours, paper = table1(results), paper_table1()
        files: dict[str, bytes] = {
            "results.json": results.to_json().encode(),
            PREDICTIONS: to_npz(evaluation.predictions, results.records),
            "table1.csv": formats.to_csv(ours).encode(),
            "table1.md": f"{formats.to_markdown(ours)}\n{formats.to_markdown(paper)}".encode(),
            "table1.tex": "\n".join(
                [
                    "% needs \\usepackage{booktabs}",
                    formats.to_latex(ours, "tab:ganbench"),
                    formats.to_latex(paper, "tab:published"),
                ]
            ).encode(),
            **{picture.name: picture.png for picture in (*maps, *grids, *plates, *planes)},
        }
        if (several := judges_table(results)) is not None:
            files[JUDGES] = formats.to_csv(several).encode()
        page = html.render(
            results,
            [*grids, *plates],
            planes,
            maps,
            manifest(results, watch, command, {}, left_out, evaluation.notes, pieces),
        )
        files["report.html"] = page.encode()
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    files[MANIFEST] = (
        json.dumps(
            manifest(results, watch, command, hashes, left_out, evaluation.notes, pieces), indent=1
        ).encode()
        + b"\n"
    )
    stale = {*_pictures_of(folder), JUDGES} - files.keys()
    write_together(folder, files, last=MANIFEST)
    for name in stale:
        (folder / name).unlink(missing_ok=True)
    return list(files)


def file_names(run: Plan) -> list[str]:
    """What ``write_run`` would write after a pass."""
    names = [
        "results.json",
        PREDICTIONS,
        "table1.csv",
        "table1.md",
        "table1.tex",
        "report.html",
        MANIFEST,
    ]
    names += [JUDGES] * bool(run.others)
    names += ["grid_truth.png"] * run.dataset.has_true_edits
    for name, method in run.methods.items():
        names += [f"grid_{name}.png", f"tsne_{name}.png"]
        names += [f"tsne_{name}_figure1.png"] * ("uniform" in code_sets(method))
    return names + plate_names(run) + plane_names(run)


def pack(pictures: Sequence[Picture]) -> None:
    """Make what the page will show of the pictures."""
    for picture in pictures:
        _ = picture.uri


def lay_map(evaluation: Evaluation) -> list[Placed]:
    """The map shared by all methods, remembered in the evaluation's store; empty for few points."""
    clouds, seed = feature_map.thin(evaluation.clouds), evaluation.results.seed
    if sum(len(cloud.features) for cloud in clouds) < 8:
        return []  # a map of so few points shows nothing
    key = {
        "kind": "t-SNE",
        "code": code_hash(["ganbench.figures.feature_map"]),
        "settings": feature_map.SETTINGS,
        "equal": feature_map.EQUAL,
        "features": [hashlib.sha256(cloud.features.tobytes()).hexdigest() for cloud in clouds],
        "seed": seed,
    }
    found = evaluation.store.fetch(
        key, lambda: {"places": np.concatenate(feature_map.place(clouds, seed))}
    )
    ends = np.cumsum([len(cloud.features) for cloud in clouds])[:-1]
    return list(zip(clouds, np.split(found["places"], ends), strict=True))


def draw_maps(results: Results, laid: list[Placed]) -> list[Picture]:
    """``tsne_<method>.png``, and Figure 1's two panels where a method has a space of codes."""
    if not laid:
        return []
    everything = np.concatenate([places for _, places in laid])
    pairs = {(cloud.method, cloud.codes): (cloud, places) for cloud, places in laid}
    real = pairs[REAL, ""]
    found = []
    for name in in_order(results):
        own = {codes: pair for (method, codes), pair in pairs.items() if method == name}
        title = results.methods[name]["title"]
        main = own.get("noisy") or own["anchor"]
        drawing = feature_map.draw_method(real, main, everything)
        found.append(
            Picture(
                f"tsne_{name}.png",
                to_png(drawing),
                f"{title}: features of edits and of real images, on the map shared by all methods."
                + feature_map.shared_places_note(main[1]),
            )
        )
        if "noisy" in own and "uniform" in own:
            drawing = feature_map.draw_figure1(real, own["noisy"], own["uniform"], everything)
            found.append(
                Picture(
                    f"tsne_{name}_figure1.png",
                    to_png(drawing),
                    f"{title} as in Figure 1 of the supplement: codes around the means (left) and "
                    "uniform over the conditional space (right)."
                    + feature_map.shared_places_note(own["noisy"][1]),
                )
            )
    return found


def draw_grids(evaluation: Evaluation) -> list[Picture]:
    """``grid_truth.png`` if the right answers are known, and ``grid_<method>.png``."""
    gallery = evaluation.gallery
    shown = [
        (name, evaluation.results.methods[name]["title"]) for name in in_order(evaluation.results)
    ]
    sheets = [(name, title, gallery.edits[name]) for name, title in shown]
    if gallery.truth is not None:
        sheets.insert(0, ("truth", "The right answers (rendered)", gallery.truth))
    return [
        Picture(
            f"grid_{name}.png",
            to_png(grid(title, gallery.inputs, gallery.labels, edits)),
            f"{title}: inputs (left column) and their edits towards each emotion.",
        )
        for name, title, edits in sheets
    ]


def _pictures_of(folder: Path) -> set[str]:
    """Pictures that an earlier run's manifest says it made."""
    return {
        name
        for name in files_of(folder)
        if name == Path(name).name and name.startswith(PICTURES) and name.endswith(".png")
    }
