"""The pictures of a run folder that show all its methods alike: grids of edits, and feature maps."""

from __future__ import annotations

import base64
import hashlib
import io
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from ganbench.devices import cores
from ganbench.evaluation.collect import Evaluation
from ganbench.figures import feature_map
from ganbench.figures.feature_map import Placed
from ganbench.figures.grid import grid
from ganbench.figures.page import encode, to_pixels
from ganbench.records import Results
from ganbench.report.naming import in_order
from ganbench.scoring import REAL
from ganbench.storage.source import code_hash


@dataclass(frozen=True)
class Picture:
    """A picture of the run folder.

    Attributes:
        name: of its file.
        size: width and height in pixels.
        caption: below it on the page.
        encoded: its PNG, and its data URI.
    """

    name: str
    size: tuple[int, int]
    caption: str
    encoded: Future[tuple[bytes, str]]

    @classmethod
    def of(cls, name: str, image: Image.Image, caption: str) -> Picture:
        """The picture of some pixels. A thread encodes them while the next figure is drawn."""
        return cls(name, image.size, caption, _encoders().submit(_encode, image))

    @property
    def png(self) -> bytes:
        """The file."""
        return self.encoded.result()[0]

    @property
    def uri(self) -> str:
        """The picture as a data URI, as WebP where that is smaller."""
        return self.encoded.result()[1]


@cache
def _encoders() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), thread_name_prefix="ganbench")


def _encode(image: Image.Image) -> tuple[bytes, str]:
    png, file = encode(image), io.BytesIO()
    # Method 2 takes less than half of the default's time for files that are 4 % larger.
    image.convert("RGB").save(file, "WEBP", quality=88, method=2)
    webp = file.getvalue()
    kind, data = ("webp", webp) if len(webp) < len(png) else ("png", png)
    return png, f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def draw_grids(evaluation: Evaluation) -> list[Picture]:
    """``grid_truth.png`` if the true edits are known, and ``grid_<method>.png``."""
    gallery, methods = evaluation.gallery, evaluation.results.methods
    grids = [
        (name, methods[name]["title"], gallery.edits[name])
        for name in in_order(evaluation.results)
        if name in gallery.edits  # rows of other runs have no pictures
    ]
    if gallery.truth is not None:
        grids.insert(0, ("truth", "The true edits (rendered)", gallery.truth))
    return [
        Picture.of(
            f"grid_{name}.png",
            to_pixels(grid(title, gallery.inputs, gallery.labels, edits)),
            f"{title}: inputs (left column) and their edits towards each emotion.",
        )
        for name, title, edits in grids
    ]


def place_points(evaluation: Evaluation) -> list[Placed]:
    """Place the points on the map that all methods share, or take the places from the store.

    Returns:
        Each cloud with its places; empty for fewer points than a map needs.
    """
    clouds, seed = feature_map.thin(evaluation.clouds), evaluation.results.seed
    if sum(len(cloud.features) for cloud in clouds) < feature_map.FEWEST:
        return []
    key = {
        "kind": "t-SNE",
        "code": code_hash(["ganbench.figures.feature_map"]),
        "settings": feature_map.SETTINGS,
        "equal": feature_map.EQUAL,
        "features": [hashlib.sha256(cloud.features.tobytes()).hexdigest() for cloud in clouds],
        "seed": seed,
    }
    arrays = evaluation.store.fetch(
        key, lambda: {"places": np.concatenate(feature_map.place(clouds, seed))}
    )
    ends = np.cumsum([len(cloud.features) for cloud in clouds])[:-1]
    return list(zip(clouds, np.split(arrays["places"], ends), strict=True))


def draw_maps(results: Results, placed: list[Placed]) -> list[Picture]:
    """``tsne_<method>.png``, and Figure 1 where a method has a space of codes; none for few points."""
    if not placed:
        return []
    all_positions = np.concatenate([positions for _, positions in placed])
    by_key = {(cloud.method, cloud.codes): (cloud, positions) for cloud, positions in placed}
    real = by_key[REAL, ""]
    pictures = []
    for name in in_order(results):
        by_codes = {codes: pair for (method, codes), pair in by_key.items() if method == name}
        if not by_codes:  # a row of another run
            continue
        title = results.methods[name]["title"]
        main = by_codes.get("noisy") or by_codes["anchor"]
        figure = feature_map.draw_method(real, main, all_positions)
        note = feature_map.shared_places_note(main[1])
        caption = f"{title}: features of edits and of real images, on the map shared by all methods.{note}"
        pictures.append(Picture.of(f"tsne_{name}.png", to_pixels(figure), caption))
        if "noisy" in by_codes and "uniform" in by_codes:
            figure = feature_map.draw_figure1(real, main, by_codes["uniform"], all_positions)
            caption = (
                f"{title} as in Figure 1 of the supplement: codes around the means (left) and uniform "
                f"over the conditional space (right).{note}"
            )
            pictures.append(Picture.of(f"tsne_{name}_figure1.png", to_pixels(figure), caption))
    return pictures
