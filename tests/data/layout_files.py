"""Rendered faces written to files in the layouts of known data sets."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ganbench.data import load_dataset
from ganbench.emotions import EMOTIONS
from ganbench.methods.outputs import to_bytes

# (split, label in Table-1 order, picture) of some faces.
Faces = Sequence[tuple[str, int, Image.Image]]


def faces(size: int = 48, train: int = 14, test: int = 7) -> Faces:
    """Rendered faces of both splits; each emotion is in both."""
    found = []
    for split in ("train", "test"):
        data = load_dataset("faces", split, size=size, train=train, test=test)
        for row, label in enumerate(data.labels.tolist()):
            pixels = to_bytes(data.images([row])[0].permute(1, 2, 0))
            found.append((split, label, Image.fromarray(pixels)))
    return found


def save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=95)


def raf_db(root: Path, found: Faces) -> None:
    order = ("surprised", "fearful", "disgusted", "happy", "sad", "angry", "neutral")
    lines = []
    for i, (split, label, image) in enumerate(found):
        save(image, root / f"basic/Image/aligned/{split}_{i:05d}_aligned.jpg")
        lines.append(f"{split}_{i:05d}.jpg {order.index(EMOTIONS[label]) + 1}\n")
    (root / "basic/EmoLabel").mkdir(parents=True)
    (root / "basic/EmoLabel/list_patition_label.txt").write_text("".join(lines))


FER = ("angry", "disgusted", "fearful", "happy", "sad", "surprised", "neutral")


def fer2013(root: Path, found: Faces, name: str = "fer2013.csv") -> None:
    root.mkdir(parents=True, exist_ok=True)
    with (root / name).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("emotion", "pixels", "Usage"))
        for split, label, image in found:
            pixels = np.asarray(image.convert("L")).ravel()
            usage = {"train": "Training", "test": "PrivateTest"}[split]
            table.writerow((FER.index(EMOTIONS[label]), " ".join(map(str, pixels)), usage))


COLUMNS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF",
)  # fmt: skip


def ferplus(root: Path, found: Faces) -> None:
    fer2013(root, found)
    of = ("neutral", "happy", "surprised", "sad", "angry", "disgusted", "fearful")
    with (root / "fer2013new.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("Usage", "Image name", *COLUMNS))
        for i, (split, label, _) in enumerate(found):
            votes = [0] * len(COLUMNS)
            votes[of.index(EMOTIONS[label])] = 8
            votes[-2] = 1
            votes[-3] = 1
            usage = {"train": "Training", "test": "PrivateTest"}[split]
            table.writerow((usage, f"fer{i:07d}.png", *votes))


def rafd(root: Path, found: Faces, cameras: Sequence[str] = ("045", "090")) -> None:
    """The faces of the training split are of persons 01 to 04 and 06, those of the test split of 05."""
    for i, (split, label, image) in enumerate(found):
        person = "05" if split == "test" else ("01", "02", "03", "04", "06")[i % 5]
        for camera in cameras:
            name = (
                f"Rafd{camera}_{person}_Caucasian_female_{EMOTIONS[label]}_{('frontal', 'left')[i // 7 % 2]}"
                ".jpg"
            )
            save(image, root / name)


def kdef(root: Path, found: Faces) -> None:
    """The faces of the training split are of persons F01 to F04, those of the test split of F05."""
    codes = ("NE", "HA", "SA", "SU", "AF", "DI", "AN")
    for i, (split, label, image) in enumerate(found):
        person = "F05" if split == "test" else f"F0{i % 4 + 1}"
        for session in "AB" if split == "test" else "A":
            for camera in ("HL", "S"):
                folder = root / f"{session}{person}"
                save(image, folder / f"{session}{person}{codes[label]}{camera}.JPG")


def imagefolder(root: Path, found: Faces, lines: bool = False, one: bool = False) -> None:
    lists: dict[Path, list[tuple[str, str]]] = {}
    for i, (split, label, image) in enumerate(found):
        save(image, root / split / f"{i:04d}.png")
        place, name = (root, f"{split}/{i:04d}.png") if one else (root / split, f"{i:04d}.png")
        lists.setdefault(place, []).append((name, EMOTIONS[label]))
    for place, rows in lists.items():
        if lines:
            tables = [json.dumps({"file_name": name, "label": label}) for name, label in rows]
            (place / "metadata.jsonl").write_text("".join(f"{line}\n" for line in tables))
        else:
            text = "".join(f"{name},{label}\n" for name, label in rows)
            (place / "metadata.csv").write_text(f"file_name,label\n{text}")


def affectnet_lists(root: Path, found: Faces) -> None:
    for split, name in (("train", "training"), ("test", "validation")):
        rows = ["subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"]  # fmt: skip
        for i, (part, label, image) in enumerate(found):
            if part == split:
                save(image, root / "Manually_Annotated_Images" / split / f"{i}.jpg")
                rows.append(f"{split}/{i}.jpg,0,0,48,48,1;2;3,{label},0.5,-0.25")
        (root / "Manually_Annotated_file_lists").mkdir(parents=True, exist_ok=True)
        (root / f"Manually_Annotated_file_lists/{name}.csv").write_text("\n".join(rows) + "\n")


def affectnet_annotations(root: Path, found: Faces) -> None:
    for split, folder in (("train", "train_set"), ("test", "val_set")):
        (root / folder / "annotations").mkdir(parents=True)
        for i, (part, label, image) in enumerate(found):
            if part == split:
                save(image, root / folder / f"images/{i}.jpg")
                np.save(root / folder / f"annotations/{i}_exp.npy", np.array(str(label)))


def csv_lists(root: Path, found: Faces) -> None:
    for split in ("train", "test"):
        rows = ["image,label"]
        for i, (part, label, image) in enumerate(found):
            if part == split:
                save(image, root / f"images/{i}.png")
                rows.append(f"{i}.png,{EMOTIONS[label]}")
        (root / f"{split}.csv").write_text("\n".join(rows) + "\n")


def classes(root: Path, found: Faces) -> None:
    for i, (split, label, image) in enumerate(found):
        save(image, root / split / EMOTIONS[label] / f"{i}.png")
