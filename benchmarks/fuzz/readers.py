"""The files that ganbench reads: a valid file of each kind, its damage, and the command that reads it."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import shutil
import struct
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mutations import NUMBERS, TEXTS, damage, to_json, to_toml, tree
from numpy.typing import NDArray
from PIL import Image, ImageCms

from ganbench.cli import main
from ganbench.emotions import EMOTIONS
from ganbench.gate.predictions import to_npz
from ganbench.judges import load_judge
from ganbench.judges.onnx import OnnxInput
from ganbench.judges.vgg import VGG, VGGConfig
from ganbench.leaderboard.checks import check
from ganbench.methods.interface import Method
from ganbench.methods.weights import save_checkpoint
from ganbench.metrics import METRICS
from ganbench.records import UNHASHED, Results
from ganbench.registry import METHODS
from ganbench.scoring import record
from ganbench.storage import rows_file
from ganbench.storage.store import Store, digest, write_atomic
from ganbench.submission.opened import open_protocol
from ganbench.submission.scorer import PICTURES
from ganbench.submission.survey import picture_hash, survey
from ganbench.submission.tasks import task_id
from ganbench.submission.verification import read_hashes

Random = random.Random
NETWORK = {"image_size": 16, "width": 4, "blocks": 1, "critic_width": 4, "critic_layers": 2}
SIDE = 16
LABELS = (*EMOTIONS, "contempt")
VOTES = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF",
)  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """A reader of files.

    Attributes:
        file: the file of the sample that is damaged, relative to its folder.
        arguments: of the command that reads it; ``{}`` is the folder.
        change: makes the damaged bytes from the valid ones.
        share: the relative number of its inputs.
        call: a function that reads the file, instead of a command.
    """

    file: str
    arguments: tuple[str, ...]
    change: Callable[[bytes, Random], bytes] = damage
    share: int = 2
    call: Callable[[Path], Any] | None = None


def as_json(data: bytes, random: Random) -> bytes:
    """JSON whose tree is damaged; most results keep a correct hash of their protocol."""
    root = tree(json.loads(data), random)
    if isinstance(root, dict) and "protocol_hash" in root and random.random() < 0.7:
        try:
            kept = {k: v for k, v in root["protocol"].items() if k not in UNHASHED}
            root["protocol_hash"] = digest(kept)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            pass
    return to_json(root, random)


def as_lines(data: bytes, random: Random) -> bytes:
    """Lines of JSON of which one is damaged."""
    lines = data.splitlines()
    at = random.randrange(len(lines))
    lines[at] = to_json(tree(json.loads(lines[at]), random), random)
    return b"\n".join(lines)


def as_toml(data: bytes, random: Random) -> bytes:
    """TOML whose tree is damaged."""
    return to_toml(tree(tomllib.loads(data.decode()), random))


def as_safetensors(data: bytes, random: Random) -> bytes:
    """A checkpoint whose header or card is damaged, or some of its numbers."""
    length = struct.unpack("<Q", data[:8])[0]
    head, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    if random.random() < 0.6 and "__metadata__" in head:
        card = json.loads(head["__metadata__"]["ganbench"])
        head["__metadata__"]["ganbench"] = to_json(tree(card, random), random).decode(
            errors="replace"
        )
    elif random.random() < 0.5:
        head = tree(head, random)
    else:
        body = damage(body, random)
    text = to_json(head, random)
    size = random.choice(NUMBERS[:8]) if random.random() < 0.05 else len(text)
    return struct.pack("<Q", max(0, int(size))) + text + body


def as_npz(data: bytes, random: Random) -> bytes:
    """An archive of arrays of which one is damaged, or another dtype, shape or size."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        names = old.namelist()
        chosen = random.choice(names)
        for name in names:
            held = old.read(name)
            if name == chosen:
                held = as_npy(held, random)
                odd = random.choice(TEXTS)[:60].encode("utf-8", "replace").decode()
                name = random.choice((name, name, f"{odd}.npy"))
            new.writestr(name, held)
    return file.getvalue()


def as_npy(data: bytes, random: Random) -> bytes:
    """A damaged array, or another array."""
    if random.random() < 0.5:
        return damage(data, random)
    found = (
        np.zeros((3, 7), np.int8), np.full((14, 7), 99, np.int8), np.array(["x" * 5000]), np.array(1e300),
        np.array("7"), np.array(""), np.array([np.nan] * 5, np.float32), np.zeros(0), np.zeros((20 << 20,), "u1"),
        np.array(3), np.array(-1), np.array(True), np.array("NaT", "M8[s]"), np.zeros(2, [("a", "f8")]),
    )  # fmt: skip
    file = io.BytesIO()
    np.save(file, random.choice(found))
    return file.getvalue()


def as_csv(data: bytes, random: Random) -> bytes:
    """A table in which cells, rows or columns are damaged."""
    rows = list(csv.reader(io.StringIO(data.decode())))
    for _ in range(random.choice((1, 2, 5))):
        row = random.choice(rows)
        how = random.randrange(5)
        if how <= 1 and row:
            row[random.randrange(len(row))] = str(random.choice((*TEXTS, *map(repr, NUMBERS[:9]))))
        elif how == 2:
            row.append(random.choice(TEXTS))
        elif how == 3 and row:
            row.pop()
        else:
            rows.insert(random.randrange(len(rows)), list(row))
    text = io.StringIO()
    csv.writer(text, delimiter=random.choice((",", ",", ";", "\t"))).writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def as_torch(data: bytes, random: Random) -> bytes:
    """A file of torch.save with other tensors, or other things than tensors."""
    content = torch.load(io.BytesIO(data), weights_only=True)
    for _ in range(random.choice((1, 3))):
        node = content
        while True:
            key = random.choice(list(node))
            if not isinstance(node[key], dict) or not node[key] or random.random() < 0.2:
                break
            node = node[key]
        odd = (
            torch.tensor(float("nan")), torch.zeros(3, dtype=torch.int32), torch.zeros(2, dtype=torch.complex64),
            torch.zeros(0), torch.empty(1, 1).expand(10**6, 10**7), torch.zeros(2).to_sparse(), None, "x", 7, {}, [],
            torch.zeros(2, dtype=torch.bool), 10**30, torch.zeros(2, dtype=torch.float8_e4m3fn),
        )  # fmt: skip
        how = random.randrange(3)
        if how == 0:
            node[key] = random.choice(odd)
        elif how == 1:
            del node[key]
        else:
            node[random.choice((*TEXTS[:9], 3))] = node.pop(key)
        if not node or not isinstance(content, dict) or not content:
            break
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def results(accuracy: float) -> Results:
    """Results of one method and one extra judge, with all their parts."""
    ends = {"low": accuracy - 5, "high": accuracy + 5, "interval": "wilson 95%"}
    records = [record(METRICS["accuracy"], "stargan", accuracy, 14, **ends)]
    records += [record(METRICS["accuracy"], "stargan", accuracy, 2, i, **ends) for i in range(7)]
    records += [
        record(METRICS["fed"], name, 12.0, 98, low=11.0, high=13.0) for name in ("stargan", "real")
    ]
    protocol = {
        "version": 1,
        "data": {"name": "toys"},
        "extra judges": {"face-api": {"title": "F"}},
    }
    facts = {"title": "StarGAN", "weights": "d" * 64, "paper": "Nobody", "licence": "MIT"}
    counts = [[[1] * 7] * 7] * 7
    return Results(protocol, 0, {"stargan": facts}, tuple(records), {"stargan": counts})


def make_scored(folder: Path) -> None:
    """The edits of one image, and what a run folder tells of them."""
    rng, hashes = np.random.default_rng(1), {}
    for target in range(len(EMOTIONS)):
        pixels = rng.integers(2, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        (folder / "edits").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / "edits" / f"{task_id(0, target)}.png")
        hashes[task_id(0, target)] = picture_hash(pixels)
    lines = "".join(f"{name},{value}\n" for name, value in hashes.items())
    write_atomic(folder / "scored" / PICTURES, f"id,sha256\n{lines}")
    found = results(100.0)
    found.methods["stargan"]["pictures"] = digest(hashes)
    found.save(folder / "scored" / "results.json")


def make_board(folder: Path) -> None:
    """A row of the leaderboard in the repository, without its edits, and what an earlier page left."""
    row = folder / "board" / "row"
    shutil.copytree(ROW, row, ignore=shutil.ignore_patterns("edits", "*.npz"))
    manifest = json.loads((row / "manifest.json").read_text())
    # A manifest that names the results would refuse every change of them before they are read.
    manifest["files"] = {name: manifest["files"][name] for name in (PICTURES, SPRITE)}
    (row / "manifest.json").write_text(json.dumps(manifest))
    write_atomic(folder / "site" / "leaderboard.json", json.dumps({"files": ["index.html"]}))


def rules_of(folder: Path) -> None:
    """Check a row; it brings no edits that could be judged."""
    check(folder / "board", open_protocol).as_json()


def hashes_of(folder: Path) -> None:
    """Read what a run folder tells of the edits."""
    scored = folder / "scored"
    read_hashes(scored, Results.load(scored))


def survey_of(folder: Path) -> None:
    """Look at a folder of edits."""
    survey(folder / "edits", 1, SIDE)


ROW = Path(__file__).parents[2] / "reports/leaderboard/ganimation-half-the-change"
SPRITE = f"edits_{ROW.name}.webp"
RENDERS = Path(__file__).parents[2] / "tests/faces_in_photos/golden/face_networks.npz"


def make(folder: Path) -> None:
    """A valid file of each kind."""
    rng = np.random.default_rng(0)
    judged = {"stargan": np.tile(np.arange(7, dtype=np.int8), (14, 1))}
    for name in ("base", "head"):
        found = results(100.0)
        found.save(folder / name / "results.json")
        (folder / name / "predictions.npz").write_bytes(to_npz(judged, found.records))
    make_scored(folder)
    make_board(folder)
    (folder / "tolerance.toml").write_text(
        "[fed]\nmargin = 1.0\ncell = 2.0\n[other]\nmargin = 0.1\ncell = 0.2\n"
    )
    network = "".join(f"{key} = {value}\n" for key, value in NETWORK.items())
    (folder / "recipe.toml").write_text(
        "[stargan]\niterations = 6\nbatch_size = 8\nlearning_rate = 1e-3\ndecay_iterations = 4\n"
        f"ema_decay = 0.9\nn_critic = 1\nlog_every = 1\ncheckpoint_every = 2\n[stargan.augment]\nflip = 0.5\nzoom = [0.9, 1.1]\n[stargan.network]\n{network}"
    )
    torch.manual_seed(0)
    cls: Any = METHODS.load("stargan", Method)
    method = cls(cls.Config(**NETWORK)).requires_grad_(False).eval()
    shelf = folder / "shelf"
    shelf.mkdir()
    card = {
        "name": "stargan", "seed": 0, "iteration": 6, "licence": "MIT", "hours": 0.1, "recipe_name": "faces",
        "command": "ganbench train stargan", "data": {"name": "faces", "images": 7, "fingerprint": "f" * 64},
        "network": NETWORK, "recipe": {"iterations": 6, "warmup_iterations": 0}, "versions": {"ganbench": "0"},
        "official": {"classes": list(EMOTIONS), "generator": {"file": "1-G.ckpt"}},
    }  # fmt: skip
    save_checkpoint(shelf / "stargan.safetensors", method, "method", "stargan", card)
    judge = VGG(VGGConfig(image_size=SIDE, stages=(1,), widths=(4,), hidden=8))
    save_checkpoint(shelf / "judge.safetensors", judge, "judge", "judge", card | {"name": "judge"})
    from ganbench.methods.weights import sha256
    from ganbench.official import export_checkpoint

    (shelf / "MANIFEST.toml").write_text(
        f'[stargan]\nkind = "method"\nfile = "stargan.safetensors"\nsha256 = "{sha256(shelf / "stargan.safetensors")}"\n'
        'bytes = 1\nlicence = "MIT"\nrecipe = "faces"\niterations = 6\n'
    )
    (path,) = export_checkpoint(shelf / "stargan.safetensors", folder / "authors")
    path.rename(folder / "authors" / "G.ckpt")
    for split in ("train", "test"):
        for emotion in EMOTIONS:
            place = folder / "faces" / split / emotion
            place.mkdir(parents=True)
            for i in range(2):
                pixels = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
                Image.fromarray(pixels).save(place / f"{i}.png")
    for ending in ("png", "jpg", "bmp", "gif", "tif", "webp"):
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"picture.{ending}")
    exif = Image.Exif()
    exif[0x0112] = 6
    # Rendering would start threads, for which the forks would wait.
    with np.load(RENDERS) as renders:
        photo = Image.fromarray(renders["ren64_3_image"]).rotate(90)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for ending in ("png", "jpg", "webp", "tif"):
        photo.save(folder / f"photo.{ending}", exif=exif.tobytes(), icc_profile=profile)
    table = [["path", "label"]]
    affectnet = [["subDirectory_filePath", "expression"]]
    parts = folder / "parts"
    for name in ("images", "annotations"):
        (parts / "train_set" / name).mkdir(parents=True)
    for label, emotion in enumerate(EMOTIONS):
        for i in range(2):
            path = folder / "faces" / "train" / emotion / f"{i}.png"
            table.append([f"faces/train/{emotion}/{i}.png", emotion])
            affectnet.append([f"train/{emotion}/{i}.png", str(label)])
            number = 2 * label + i
            Image.open(path).save(parts / "train_set" / "images" / f"{number}.png")
            np.save(parts / "train_set" / "annotations" / f"{number}_exp.npy", np.array(str(label)))
    for place, rows in (("list.csv", table), ("faces/training.csv", affectnet)):
        with (folder / place).open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
    layouts(folder)
    Store(folder / "store").put("key", {"a": np.arange(3), "b": np.array(["x"])})
    Store(folder / "store").path("key").rename(folder / "entry")
    pixels = np.arange(60, dtype=np.uint8).reshape(5, 12)
    rows_file.write(folder / "rows", "key", 5, 12, lambda path: _written(path, pixels))
    (folder / "index.json").write_text(json.dumps({"train/sad/0.png": ["1:2", 16, 16, "f" * 64]}))
    write_onnx(folder / "judge.onnx")


def layouts(folder: Path) -> None:
    """The pictures of ``faces/train`` in the layouts of RAF-DB, FERPlus and an imagefolder."""
    raf, fer, lines = [], [["emotion", "pixels", "Usage"]], []
    votes = [["Usage", "Image name", *VOTES]]
    for name in ("raf", "fer", "meta"):
        (folder / name).mkdir()
    for label, emotion in enumerate(EMOTIONS):
        for i in range(2):
            with Image.open(folder / "faces" / "train" / emotion / f"{i}.png") as image:
                name = f"train_{2 * label + i}"
                image.save(folder / "raf" / f"{name}.png")
                image.save(folder / "meta" / f"{name}.png")
                pixels = " ".join(map(str, np.asarray(image.convert("L")).ravel()))
            raf.append(f"{name}.png {label + 1}\n")
            fer.append([str(label), pixels, "Training"])
            votes.append(["Training", f"{name}.png", *(str(9 * (k == label)) for k in range(10))])
            lines.append(json.dumps({"file_name": f"{name}.png", "label": emotion}) + "\n")
    (folder / "raf/list_patition_label.txt").write_text("".join(raf))
    (folder / "meta/metadata.jsonl").write_text("".join(lines))
    (folder / "meta/aligned.json").write_text('{"rule": "eyes", "margin": 0.1}\n')
    for name, rows in (("fer2013", fer), ("fer2013new", votes)):
        with (folder / "fer" / f"{name}.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)


def _written(path: Path, rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    with path.open("r+b") as file:
        file.write(rows.tobytes())
    return rows_file.checksums(rows)


def write_onnx(path: Path) -> None:
    """A small classifier: the mean colour times some weights."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.arange(24, dtype=np.float32).reshape(3, 8)
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("MatMul", ["features", "w"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 8])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def judge_of(folder: Path) -> None:
    """Load an ONNX judge and let it judge."""
    judge = load_judge(f"onnx:{folder / 'judge.onnx'}", expects=OnnxInput(LABELS))
    judge.judge(torch.full((2, 3, 8, 8), 0.5))


def entry_of(folder: Path) -> None:
    """Read an entry of the store, and index.json of a data set."""
    from ganbench.data import files, read_listing, table

    path = Store(folder / "store").path("key")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((folder / "entry").read_bytes())
    Store(folder / "store").fetch("key", lambda: {"a": np.zeros(1)})
    index = files._index_file(folder / "faces", True)
    index.parent.mkdir(parents=True, exist_ok=True)
    index.write_bytes((folder / "index.json").read_bytes())
    table.INDEXED = 1  # else only large data sets have an index
    listing = read_listing("folder", "train", folder / "faces")
    table.TableDataset(listing, size=SIDE, keep_bytes=0).images([0])


def rows_of(folder: Path) -> None:
    """Read a file of decoded pictures."""
    file = rows_file.RowsFile.open(folder / "rows")
    if file is not None:
        file.damaged()
    rows_file.is_sound(folder / "rows")
    rows_file.read_key(folder / "rows")


def odd_options(data: bytes, random: Random) -> bytes:
    """Arguments, one of which has an odd value."""
    words = json.loads(data)
    at = random.choice([i for i, word in enumerate(words) if i and words[i - 1].startswith("--")])
    odd = str(
        random.choice(
            (*TEXTS, *("1e25", "10" * 30, "-1", "0", "99999999999999999999", "nan", "0.5"))
        )
    )
    words[at] = odd.replace("\x00", "").encode("utf-8", "replace").decode()
    return json.dumps(words).encode()


def options_of(folder: Path) -> None:
    """Call a command with arguments from a file."""
    main_with(*json.loads((folder / "arguments.json").read_text()))


COMMANDS = (
    ["edit", "photo.jpg", "--method", "stargan=shelf/stargan.safetensors", "--emotion", "happy", "--intensity", "1",
     "--out", "out", "--face", "all", "--noise-seed", "1", "--device", "cpu"],
    ["edit", "--framed", "--images", "picture.png", "--method", "stargan=shelf/stargan.safetensors", "--emotion",
     "happy", "--out", "out", "--batch-size", "2", "--seed", "1", "--device", "cpu"],
    ["train", "stargan", "--recipe", "recipe.toml", "--dry-run", "--set", "network.width=8", "--seed", "3",
     "--data", "folder", "--root", "faces", "--accumulate", "2", "--out", "x"],
    ["data", "check", "--data", "folder", "--root", "faces", "--size", "16", "--split", "train"],
    ["compare", "base", "head", "--tolerance", "tolerance.toml"],
    ["checkpoints", "import", "stargan", "authors/G.ckpt", "--image-size", "16", "--out", "a.safetensors",
     "--emotions", ",".join(EMOTIONS), "--discriminator", "authors/G.ckpt"],
    ["eval", "--dry-run", "--methods", "stargan=shelf/stargan.safetensors", "--data", "folder", "--root",
     "faces", "--judge", "vgg", "--limit", "7", "--metrics", "accuracy", "--device", "cpu", "--noise-seeds", "2",
     "--shard", "1/2", "--out", "r", "--batch-size", "4"],
)  # fmt: skip


def main_with(*arguments: object) -> None:
    """The command line, in this process."""
    import sys

    sys.argv = ["ganbench", *map(str, arguments)]
    main()


CHECK = ("data", "check", "--size", "16", "--split", "train")
EDIT = ("edit", "--framed", "--method", "stargan={}/shelf/stargan.safetensors", "--emotion", "happy", "--out", "{}/out", "--device", "cpu")  # fmt: skip
OWN = ("--resize",)
PASTE = ("edit", *EDIT[2:], "--overwrite")
SHELF = "shelf/stargan.safetensors"

TRAIN = ("train", "stargan", "--recipe", "{}/recipe.toml", "--out", "{}/run", "--device", "cpu")
PHOTOS = ("--data", "folder", "--root", "{}/faces")

# The command that makes the folder of a run, two iterations before its end.
BEGIN = Reader("", (*TRAIN, *PHOTOS, "--set", "iterations=4"))

BOARD = ("leaderboard", "build", "{}/board", "--out", "{}/site")

READERS: dict[str, Reader] = {
    "results": Reader("head/results.json", ("compare", "{}/base", "{}/head"), as_json, 6),
    "results, bytes": Reader("head/results.json", ("compare", "{}/base", "{}/head", "--json"), share=2),
    "results as Markdown": Reader("base/results.json", ("compare", "{}/base", "{}/head", "--markdown"), as_json, 3),
    "predictions": Reader("head/predictions.npz", ("compare", "{}/base", "{}/head"), as_npz, 4),
    "predictions, bytes": Reader("head/predictions.npz", ("compare", "{}/base", "{}/head"), share=2),
    "results of a score": Reader("scored/results.json", (), as_json, 3, call=hashes_of),
    "hashes of a score": Reader("scored/pictures.csv", (), as_csv, 2, call=hashes_of),
    "hashes of a score, bytes": Reader("scored/pictures.csv", (), share=1, call=hashes_of),
    "edit in a file": Reader("edits/00000-sad.png", (), share=3, call=survey_of),
    "row": Reader("board/row/results.json", (), as_json, 4, call=rules_of),
    "row, shown": Reader("board/row/results.json", BOARD, as_json, 4),
    "hashes of a row": Reader("board/row/pictures.csv", (), share=1, call=rules_of),
    "manifest of a row": Reader("board/row/manifest.json", (), as_json, 2, call=rules_of),
    "pictures of a row": Reader(f"board/row/{SPRITE}", (), share=2, call=rules_of),
    "pictures of a row, shown": Reader(f"board/row/{SPRITE}", BOARD, share=1),
    "earlier page": Reader("site/leaderboard.json", BOARD, as_json, 2),
    "tolerance": Reader("tolerance.toml", ("compare", "{}/base", "{}/head", "--tolerance", "{}/tolerance.toml"), as_toml, 3),
    "tolerance, bytes": Reader("tolerance.toml", ("compare", "{}/base", "{}/head", "--tolerance", "{}/tolerance.toml"), share=1),
    "recipe": Reader("recipe.toml", (*TRAIN, *PHOTOS, "--dry-run"), as_toml, 6),
    "recipe, bytes": Reader("recipe.toml", (*TRAIN, *PHOTOS, "--dry-run"), share=2),
    "card of a run": Reader("run/recipe.json", ("plot", "{}/run"), as_json, 2),
    "card of a resumed run": Reader("run/recipe.json", (*TRAIN, *PHOTOS, "--resume", "--dry-run"), as_json, 3),
    "state of a run": Reader("run/state.pt", (*TRAIN, *PHOTOS, "--resume"), share=2),
    "log": Reader("run/log.jsonl", ("plot", "{}/run"), as_lines, 4),
    "log, bytes": Reader("run/log.jsonl", ("plot", "{}/run"), share=1),
    "checkpoint": Reader(SHELF, ("checkpoints", "verify", "{}/" + SHELF), as_safetensors, 6),
    "checkpoint, shown": Reader(SHELF, ("checkpoints", "show", "{}/" + SHELF), as_safetensors, 3),
    "checkpoint, edits": Reader(SHELF, (*EDIT, *OWN, "--images", "{}/picture.png"), as_safetensors, 3),
    "checkpoint, exported": Reader(SHELF, ("checkpoints", "export", "{}/" + SHELF, "--official", "--out", "{}/exported"), as_safetensors, 4),
    "checkpoint, bytes": Reader(SHELF, ("checkpoints", "verify", "{}/" + SHELF), share=2),
    "manifest": Reader("shelf/MANIFEST.toml", ("checkpoints", "verify", "{}/" + SHELF), as_toml, 2),
    "manifest, shown": Reader("shelf/MANIFEST.toml", ("checkpoints", "show", "{}/" + SHELF), as_toml, 1),
    "manifest, reproduced": Reader("shelf/MANIFEST.toml", ("reproduce", "stargan", "--dry-run", "--manifest", "{}/shelf/MANIFEST.toml"), as_toml, 3),
    "card, reproduced": Reader(SHELF, ("reproduce", "stargan", "--dry-run", "--manifest", "{}/shelf/MANIFEST.toml"), as_safetensors, 2),
    "authors' file": Reader("authors/G.ckpt", ("checkpoints", "import", "stargan", "{}/authors/G.ckpt", "--out", "{}/imported.safetensors"), as_torch, 5),
    "authors' file, bytes": Reader("authors/G.ckpt", ("checkpoints", "import", "stargan", "{}/authors/G.ckpt", "--out", "{}/imported.safetensors"), share=3),
    "list": Reader("list.csv", (*CHECK, "--data", "csv", "--root", "{}/list.csv"), as_csv, 5),
    "list, bytes": Reader("list.csv", (*CHECK, "--data", "csv", "--root", "{}/list.csv"), share=3),
    "AffectNet's list": Reader("faces/training.csv", (*CHECK, "--data", "affectnet", "--root", "{}/faces"), as_csv, 4),
    "RAF-DB's list": Reader("raf/list_patition_label.txt", (*CHECK, "--root", "{}/raf"), share=2),
    "FER2013's pixels": Reader("fer/fer2013.csv", (*CHECK, "--data", "fer2013", "--root", "{}/fer"), as_csv, 2),
    "FERPlus's votes": Reader("fer/fer2013new.csv", (*CHECK, "--root", "{}/fer"), as_csv, 2),
    "metadata.jsonl": Reader("meta/metadata.jsonl", (*CHECK, "--root", "{}/meta"), as_lines, 2),
    "metadata.jsonl, bytes": Reader("meta/metadata.jsonl", (*CHECK, "--data", "imagefolder", "--root", "{}/meta"), share=1),
    "aligned.json": Reader("meta/aligned.json", (*CHECK, "--root", "{}/meta"), as_json, 1),
    "_exp.npy": Reader("parts/train_set/annotations/3_exp.npy", (*CHECK, "--data", "affectnet", "--root", "{}/parts"), as_npy, 5),
    "picture of a data set": Reader("faces/train/sad/1.png", (*CHECK, "--data", "folder", "--root", "{}/faces"), share=5),
    **{
        f"{ending} picture": Reader(f"picture.{ending}", (*EDIT, *OWN, "--images", "{}/picture." + ending), share=2)
        for ending in ("png", "jpg", "bmp", "gif", "tif", "webp")
    },
    **{
        f"photograph, {ending}": Reader(f"photo.{ending}", (*PASTE, "{}/photo." + ending), share=2)
        for ending in ("png", "jpg", "webp", "tif")
    },
    "judge": Reader("shelf/judge.safetensors", ("checkpoints", "verify", "{}/shelf/judge.safetensors"), as_safetensors, 3),
    "ONNX judge": Reader("judge.onnx", (), share=5, call=judge_of),
    "stored entry": Reader("entry", (), share=2, call=entry_of),
    "decoded pictures": Reader("rows", (), share=1, call=rows_of),
    "index": Reader("index.json", (), as_json, 2, call=entry_of),
    "options": Reader("arguments.json", (), odd_options, 8, call=options_of),
}  # fmt: skip

# Places without a regular file, where a file is expected.
PLACES = ("pipe", "folder", "device", "loop", "missing", "unreadable name", "empty")


def misplace(path: Path, place: str) -> None:
    """Replace a file by something else."""
    path.unlink(missing_ok=True)
    if place == "pipe":
        os.mkfifo(path)
    elif place == "folder":
        path.mkdir()
    elif place == "device":
        path.symlink_to("/dev/zero")
    elif place == "loop":
        path.symlink_to(path.name)
    elif place == "unreadable name":
        path.symlink_to("x" * 300)
    elif place == "empty":
        path.write_bytes(b"")
