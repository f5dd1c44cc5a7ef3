"""The files that the pages speak of, and how their commands become small enough for a test."""

from __future__ import annotations

import csv
import re
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from page_blocks import ROOT
from PIL import Image

from ganbench.data import load_dataset
from ganbench.judges.vgg import VGG, VGGConfig
from ganbench.methods.locate import shipped
from ganbench.methods.weights import save_checkpoint
from ganbench.registry import METHODS

FEW = "faces:train=14,test=14"
# Where the pages have data of a reader and a shared folder, and the folders of a test for them.
PLACES = {"/data/": "data/", "/shared/": "shared/"}

FAMILY = {"width": 4, "blocks": 1, "critic_width": 4, "critic_layers": 3}
NETWORKS: dict[str, dict[str, Any]] = {
    "linear": FAMILY,
    "gaussian": FAMILY,
    "stargan": FAMILY,
    "ganimation": FAMILY,
    "smit": {"width": 4, "blocks": 1, "critic_width": 4},
    "stargan-v2": {"channel_base": 128, "max_channels": 8, "hidden": 8, "bottleneck": 1},
    "judge": {"arch": "stages", "stages": [1, 1], "widths": [4, 8], "hidden": 8},
}
RECIPE = {
    "iterations": 6,
    "batch_size": 14,
    "decay_iterations": 2,
    "log_every": 2,
    "sample_every": 6,
    "checkpoint_every": 3,
}


class Scenery:
    """The files around a reader, and smaller words for his commands.

    Args:
        folder: where the reader is.
        call: runs a command of ganbench.
    """

    def __init__(self, folder: Path, call: Callable[..., tuple[int, str, str]]) -> None:
        self.folder, self.call = folder, call
        self.evaluated = "stargan"

    def run(self, *words: object) -> tuple[int, str, str]:
        """Run a command of a page. With few faces some checks of the metrics fail, which is no fault of the page."""
        code, out, err = self.call(*words)
        return 0 if words[0] == "validate" and code == 1 else code, out, err

    def small(self, words: list[str]) -> list[str]:
        """The words of a command with fewer faces, methods and steps; the runs that they name are made."""
        match words[1]:
            case "score" | "protocol" if words[2] not in ("list", "show"):
                words = [word.replace("faces64-v1", "folder") for word in words] + ["--data", FEW]
            case "verify":
                words = [*words, "--protocol", "folder", "--data", FEW]
            case "train" if "--dry-run" not in words:
                words = [*words, *self._short(METHODS.canonical(words[2]), "--init" in words)]
            case "validate":
                words = [*words, "--limit", "14"]
            case "eval":
                words = list(words) if "--methods" in words else [*words, "--methods", "all"]
                at = words.index("--methods") + 1
                words[at] = re.sub(r"^all\b", "stargan,gaussian", words[at])
                # Processors without instructions for bf16 imitate it, a hundred times as slowly.
                words += ["--limit", "7"] if "bf16" in words else []
        if words[1] == "score":
            self.edits()
        self._runs(words)
        return words

    def _short(self, name: str, loaded: bool = False) -> list[str]:
        """Assignments that make a training of ``name`` take a second; a network that is loaded stays."""
        network = {} if loaded else NETWORKS[name] | {"image_size": 64}
        given = RECIPE | {f"network.{key}": value for key, value in network.items()}
        if name != "judge":
            given["warmup_iterations"] = 0
        return [word for key, value in given.items() for word in ("--set", f"{key}={value}")]

    def _runs(self, words: list[str]) -> None:
        """Make the finished trainings and evaluations that a command reads."""
        written = words[words.index("--out") + 1] if "--out" in words else ""
        for word in words[2:]:
            for name in re.findall(r"(?<![\w/])runs/([\w-]+)(?![\w/-])", word):
                place = self.folder / "runs" / name
                if place.exists() or f"runs/{name}" == written:
                    continue
                kind = "judge" if "judge" in name else name
                if words[1] == "compare" or name in ("score", "claims"):
                    self._made("eval", "--methods", self.evaluated, "--data", FEW, "--out", place)
                else:
                    kind = kind if kind in NETWORKS else "gaussian"
                    self._made("train", kind, "--data", FEW, "--out", place, *self._short(kind))

    def _made(self, *words: object) -> None:
        code, _, err = self.call(*words)
        assert code == 0, err

    def edits(self) -> None:
        """What "any program" does: here it returns the pictures as they are."""
        todo, edits = self.folder / "todo", self.folder / "edits"
        if edits.exists():
            return
        if not todo.exists():
            self._made("protocol", "export", "folder", todo, "--data", FEW)
        edits.mkdir()
        for task in csv.DictReader((todo / "tasks.csv").open(newline="")):
            shutil.copy(todo / task["input"], edits / f"{task['id']}.png")

    def build(self, page: str) -> None:
        """Write the files that a page speaks of."""
        data = load_dataset("faces", "test", size=96, train=14, test=14)
        pixels = (data.images(np.arange(7)) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        for name in ("photo.jpg", "me.jpg", "you.jpg", "holiday/1.jpg", "holiday/2.jpg"):
            picture = Image.new("RGB", (240, 180), (120, 130, 140))
            picture.paste(Image.fromarray(pixels[len(name) % 7]), (70, 40))
            self._place(name)
            picture.save(self.folder / name, quality=95)
        for i in range(3):
            self._place("crops/0.png")
            Image.fromarray(pixels[i]).save(self.folder / f"crops/{i}.png")
        if page in ("README.md", "docs/affectnet.md", "docs/checkpoints.md", "docs/training.md", "docs/scaling.md"):  # fmt: skip
            for root in ("data/AffectNet", "AffectNet"):
                self._made("data", "export", "faces", root, "--train", "14", "--test", "14")
        if page == "docs/training.md":
            self._add_contempt(self.folder / "data/AffectNet")
        if page in ("docs/data.md", "docs/training.md"):
            layouts = runpy.run_path(str(ROOT / "tests/data/layout_files.py"))
            faces = layouts["faces"](64)
            layouts["classes"](self.folder / "photos", faces)
            layouts["classes"](self.folder / "data/mine", faces)
            layouts["raf_db"](self.folder / "data/RAF-DB", faces)
        if page in ("README.md", "docs/affectnet.md", "docs/checkpoints.md"):
            authors = runpy.run_path(str(ROOT / "tests/official/authors.py"))
            for layout in ("linear", "gaussian", "stargan", "stargan-v2"):
                authors["save"](layout, authors["states"](layout), self.folder)
        if page == "docs/checkpoints.md":
            self.evaluated = "gaussian"
            torch.save(torch.nn.Linear(2, 2), self.folder / "whole.pth")
        if page == "docs/figures.md":
            shutil.copy(shipped("smit"), self.folder / "my.safetensors")
            judge = VGG(VGGConfig(image_size=16, stages=(1, 1), widths=(4, 6), hidden=8))
            save_checkpoint(self.folder / "my-judge.safetensors", judge, "judge", "judge")
        if page == "docs/leaderboard.md":
            shutil.copytree(ROOT / "reports/leaderboard", self.folder / "results")
        if page == "docs/judges.md":
            self._onnx(self.folder / "my.onnx")

    def _add_contempt(self, root: Path) -> None:
        """Add pictures of AffectNet's eighth emotion to both lists."""
        for number, name in enumerate(("training.csv", "validation.csv")):
            listing = root / name
            with listing.open(newline="") as file:
                rows = list(csv.DictReader(file))
            for row in rows[:2]:
                picture = root / "images" / row["subDirectory_filePath"]
                other = picture.with_name(f"contempt-{number}-{picture.name}")
                with Image.open(picture) as image:
                    image.point(lambda value: value * 3 // 4).save(other)
                path = Path(row["subDirectory_filePath"]).with_name(other.name)
                new = row | {"subDirectory_filePath": path.as_posix(), "expression": "7"}
                with listing.open("a", newline="") as file:
                    csv.DictWriter(file, new.keys(), lineterminator="\n").writerow(new)

    def _place(self, name: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)

    def _onnx(self, path: Path) -> None:
        """A classifier of eight labels that looks at the mean colour."""
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        weights = numpy_helper.from_array(np.arange(24, dtype=np.float32).reshape(3, 8), "w")
        nodes = [
            helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["features"]),
            helper.make_node("MatMul", ["features", "w"], ["logits"]),
        ]
        shape = helper.make_tensor_value_info
        image = shape("image", TensorProto.FLOAT, ["n", 3, 64, 64])
        logits = shape("logits", TensorProto.FLOAT, ["n", 8])
        graph = helper.make_graph(nodes, "colours", [image], [logits], [weights])
        opset = helper.make_opsetid("", 17)
        onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
