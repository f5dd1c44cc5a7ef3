"""What the studio does: photographs are opened, and their faces edited by methods that stay in memory."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch

from ganbench.data import pictures
from ganbench.emotions import COLOURS, EMOTIONS, KNOWN
from ganbench.errors import BadInput, GanbenchError, unknown
from ganbench.evaluation import contract
from ganbench.faces_in_photos import FaceNetworks
from ganbench.figures import plane
from ganbench.figures.search import Floats
from ganbench.methods.interface import Method, ability
from ganbench.photographs.editing import ALL, NoFace, choose
from ganbench.photographs.files import decode_photograph, edit_name, with_changes
from ganbench.photographs.framed import (
    Framed,
    NewFace,
    coarse_note,
    code_for,
    new_faces,
    pasted,
)
from ganbench.photographs.goals import Goal, emotion_goals, most_likely
from ganbench.report.explorer import SIDE, nodes
from ganbench.studio.samples import Sample
from ganbench.studio.shelf import OpenPhotograph, Shelf, to_jpeg
from ganbench.studio.wishes import Wish
from ganbench.text import plural


@dataclass(frozen=True)
class Loaded:
    """A method of the studio.

    Attributes:
        method: ready to edit.
        options: what a command says to have the same, such as ``--device``.
        file: the user's checkpoint that it was loaded from; None for the shipped one.
    """

    method: Method
    options: tuple[str, ...] = ()
    file: str | None = None

    @property
    def named(self) -> str:
        """The value of ``--method`` that stands for it."""
        return self.method.name if self.file is None else f"{self.method.name}={self.file}"


class Studio:
    """Methods, the networks that find faces, and the open photographs.

    Args:
        methods: by their labels.
        networks: find the faces.
        samples: faces to try it with.
        max_pixels: photographs with more pixels are refused.

    Raises:
        BadInput: a method cannot edit to emotions, or its code fails.
    """

    def __init__(
        self,
        methods: Mapping[str, Loaded],
        networks: FaceNetworks,
        samples: Sequence[Sample],
        max_pixels: int = pictures.MAX_PIXELS,
    ) -> None:
        self.methods, self.networks, self.samples = methods, networks, samples
        self.max_pixels = max_pixels
        self.shelf = Shelf()
        # Edits take turns: each has all cores, and none waits for two others at once.
        self.turn = Lock()
        self.facts = {label: _facts(label, loaded.method) for label, loaded in methods.items()}

    def setup(self) -> dict[str, Any]:
        """What the page needs to know at its start."""
        return {
            "emotions": EMOTIONS,
            "colours": COLOURS,
            "side": SIDE,
            "methods": list(self.facts.values()),
            "samples": [
                {"name": Path(one.path).name, "rendered": one.rendered} for one in self.samples
            ],
        }

    def open(self, tab: str, path: str, content: bytes) -> dict[str, Any]:
        """Decode a photograph, find its faces, and keep it.

        Args:
            tab: where it is shown.
            path: as a command names it.
            content: the bytes of its file.

        Raises:
            BadInput: it is no picture, damaged or too large.
        """
        name = Path(path).name
        try:
            photo = decode_photograph(content, self.max_pixels)
        except pictures.UNREADABLE as error:
            raise BadInput(f"cannot open {name}: {pictures.why_unreadable(error)}") from error
        found = self.networks.find(photo.seen, thorough=True)
        try:
            faces = choose(found, ALL, Path(path))
        except NoFace:
            faces = []
        one = OpenPhotograph(tab, path, photo, faces)
        size = self._size
        closes = [one.close(n, size) for n in range(len(faces))]
        notes = {
            note.removeprefix("warning: ") for face in faces if (note := coarse_note(face, size))
        }
        self.shelf.put(one)
        return {
            "photo": one.id,
            "name": name,
            "extent": one.extent,
            "remarks": [*photo.remarks, *sorted(notes)],
            "faces": [
                {"box": np.round(face.box, 1).tolist(), "close": close.box}
                for face, close in zip(faces, closes, strict=True)
            ],
        }

    def whole(self, photo: str) -> bytes:
        """The JPEG of a photograph at the size of the page."""
        return to_jpeg(self.shelf.get(photo).whole.pixels)

    def close(self, photo: str, face: int) -> bytes:
        """The JPEG of the surroundings of a face, counted from 1, before an edit."""
        one = self.shelf.get(photo)
        return to_jpeg(one.close(_number(one, face), self._size).pixels)

    def edit(self, wish: Wish) -> dict[str, Any]:
        """Edit a face, and show its surroundings.

        Raises:
            BadInput: the photograph has no such face, or the method cannot do it.
        """
        one, loaded, goal = self._asked(wish)
        method = loaded.method
        face, edit, code = self._edited(one, wish, method, goal)
        close = one.close(wish.face - 1, self._size)
        seen = pasted(close.pixels, [face.seen_through(close.scale, close.corner)], [edit])
        in_plane = bool(self.facts[wish.method]["plane"])
        return {
            "image": base64.b64encode(to_jpeg(seen)).decode(),
            "said": _said(method, goal, code),
            "code": np.round(code, 4).tolist() if in_plane else None,
            "file": self._file(one, goal),
            "command": wish.command(
                one.path, loaded.named, loaded.options, noisy=bool(method.noise_dim)
            ),
        }

    def save(self, wish: Wish) -> tuple[str, bytes]:
        """The name and the bytes of the whole photograph's file with the edit, as ``ganbench edit`` writes it.

        Raises:
            BadInput: see ``edit``.
        """
        one, loaded, goal = self._asked(wish)
        face, edit, _ = self._edited(one, wish, loaded.method, goal)
        after = pasted(one.photo.seen, [face], [edit])
        return self._file(one, goal), with_changes(one.photo, after, [face.box(*one.extent)])

    @property
    def _size(self) -> int:
        """The side of the methods' frame, which all of them share."""
        return int(next(iter(self.methods.values())).method.config.image_size)

    def _asked(self, wish: Wish) -> tuple[OpenPhotograph, Loaded, Goal]:
        one = self.shelf.get(wish.photo)
        _number(one, wish.face)
        if wish.method not in self.methods:
            raise unknown("method", wish.method, self.methods)
        loaded = self.methods[wish.method]
        return one, loaded, wish.goal(loaded.method)

    def _edited(
        self, one: OpenPhotograph, wish: Wish, method: Method, goal: Goal
    ) -> tuple[Framed, NewFace, Floats]:
        """The framed face, its edit, and the code [code_dim] of the edit."""
        face = one.frame(wish.face - 1, self._size)
        with self.turn:
            code = code_for(method, goal, wish.seed, Path(one.path).name)
            after = contract.edit(method, face.before[None], code).images[0].cpu()
            (edit,) = new_faces(self.networks, [after])
        return face, edit, plane.array(code[0])

    def _file(self, one: OpenPhotograph, goal: Goal) -> str:
        return edit_name(Path(one.path), goal.name, one.photo.stored.kind)


def _number(one: OpenPhotograph, face: int) -> int:
    """A face's number counted from 0.

    Raises:
        BadInput: the photograph has no such face.
    """
    if not 1 <= face <= len(one.faces):
        raise BadInput(f"the photograph has {plural(len(one.faces), 'face')}, and no face {face}")
    return face - 1


def _facts(label: str, method: Method) -> dict[str, Any]:
    """What the page needs to know of a method; the method is tried with a grey picture.

    Raises:
        BadInput: it cannot edit to emotions, or its code fails.
    """
    emotions = [name for name in KNOWN if name in method.config.emotions]
    if not emotions:
        raise BadInput(f"{label} knows none of the emotions; leave it out of --methods")
    (goal,) = emotion_goals(method, emotions[-1])
    code = code_for(method, goal, 0, label)
    grey = torch.full((1, 3, method.config.image_size, method.config.image_size), 0.5)
    contract.try_method(method, grey, code, label)
    return {
        "label": label,
        "title": method.title,
        "emotions": emotions,
        "intensity": _scales(method, emotions[-1]),
        "noise": bool(method.noise_dim),
        "plane": _plane(method),
    }


def _scales(method: Method, emotion: str) -> bool:
    """Whether a method can show a part of an emotion."""
    try:
        emotion_goals(method, emotion, 0.5)
    except GanbenchError:
        return False
    return True


def _plane(method: Method) -> dict[str, Any] | None:
    """The conditional plane of a method: its shape, its anchors, and p_z at ``explorer.nodes``; None without one."""
    try:
        anchors = plane.anchors(method)
    except GanbenchError:
        return None
    distribution = ability(plane.distribution, method)
    p = None if distribution is None else np.round(distribution(nodes()), 3).tolist()
    return {"disc": p is None, "anchors": np.round(anchors, 4).tolist(), "p": p}


def _said(method: Method, goal: Goal, code: Floats) -> str:
    """An edit's goal in words, with the p_z of its code where the method defines it."""
    distribution = ability(plane.distribution, method)
    if distribution is None:
        return goal.said
    return f"{goal.said}; p_z: {most_likely(distribution(code[None])[0])}"
