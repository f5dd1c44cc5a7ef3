"""What a tab asks for: the same that ``ganbench edit`` is told by its options."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ganbench.errors import BadInput
from ganbench.methods.interface import Method
from ganbench.photographs.goals import Goal, code_goal, emotion_goals, parse_code
from ganbench.seeds import check_seed
from ganbench.text import shown


@dataclass(frozen=True)
class Wish:
    """An edit that a tab asks for; attributes are the options of ``ganbench edit``.

    Attributes:
        photo: the id of the photograph.
        method: the label of the method.
        face: its number, counted from the left, from 1.
        emotion: None with a code.
        intensity: in [0, 1]; None for the whole emotion.
        code: "X,Y"; None with an emotion.
        seed: of the noise.
    """

    photo: str
    method: str
    face: int = 1
    emotion: str | None = None
    intensity: float | None = None
    code: str | None = None
    seed: int = 0

    @classmethod
    def parse(cls, given: dict[str, Any]) -> Wish:
        """A wish from the JSON of a request.

        Raises:
            BadInput: a field is unknown, missing, of another type or out of range.
        """
        if odd := given.keys() - {field.name for field in fields(cls)}:
            raise BadInput(f"unknown field: {shown(min(odd))}; see ganbench.studio.wishes")
        for name in ("photo", "method", "emotion", "code"):
            value = given.get(name)
            if not isinstance(value, str) and (value is not None or name in ("photo", "method")):
                raise BadInput(f"{name} must be a text: {shown(value)}")
        for name in ("face", "seed"):
            if type(given.get(name, 1)) is not int:
                raise BadInput(f"{name} must be a whole number: {shown(given[name])}")
        intensity = given.get("intensity")
        if intensity is not None:
            if type(intensity) not in (int, float) or not 0 <= intensity <= 1:
                raise BadInput(f"intensity must be a number from 0 to 1: {shown(intensity)}")
            given = given | {"intensity": float(intensity)}
        wish = cls(**given)
        check_seed(wish.seed)
        if (wish.emotion is None) == (wish.code is None):
            raise BadInput("an edit needs one goal: give an emotion or a code")
        if wish.code is not None and wish.intensity is not None:
            raise BadInput("intensity is the share of an emotion: give an emotion with it")
        return wish

    def goal(self, method: Method) -> Goal:
        """What the edit shall show.

        Raises:
            BadInput: the method cannot show it.
        """
        if self.code is not None:
            return code_goal(method, parse_code(self.code))
        assert self.emotion is not None  # a wish has one goal
        if self.emotion.strip().lower() == "all":
            raise BadInput("an edit shows one emotion: give its name instead of all")
        (goal,) = emotion_goals(method, self.emotion, self.intensity)
        return goal

    def command(self, path: str, name: str, options: tuple[str, ...], noisy: bool) -> str:
        """The command line that makes the same edit.

        Args:
            path: of the photograph.
            name: of the method, with ``=FILE`` if it has a checkpoint of the user.
            options: more options, such as the device.
            noisy: whether the method takes noise.
        """
        words = ["ganbench", "edit", f"./{path}" if path.startswith("-") else path]
        words += ["--method", name, *options]
        if self.code is not None:
            words += ["--code", self.code]
        else:
            words += ["--emotion", str(self.emotion)]
        if self.intensity is not None:
            words += ["--intensity", f"{self.intensity:g}"]
        # Also where the photograph shows one face: with a number the command looks as closely as the studio.
        words += ["--face", str(self.face)]
        if noisy:
            words += ["--noise-seed", str(self.seed)]
        return shlex.join(words)


def file_name(text: str) -> str:
    """A name for a photograph from what a browser tells: without folders, hidden characters or great length.

    The file's name decides the noise of an edit, so that it is changed only where it could not be one.
    """
    name = "".join(c for c in Path(text.replace("\\", "/")).name if c.isprintable())
    while len(name.encode()) > 200:
        name = name[1:]
    return name if name.strip(". ") else "photograph"
