"""What the two kinds of ``ganbench edit`` share: options, the method, and what is said of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from ganbench.cli.screen import say
from ganbench.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ganbench.editing import Item, Selection
    from ganbench.methods import Method


@dataclass(frozen=True)
class EditOptions:
    """The arguments and options of ``ganbench edit``."""

    images: tuple[str, ...]
    more: tuple[str, ...]
    method: str
    checkpoint: str | None
    emotion: str | None
    intensity: float | None
    code: str | None
    mix: str | None
    aus: str | None
    out: str | None
    face: str | None
    framed: bool
    resize: bool
    framing: str
    max_pixels: int
    skip_bad: bool
    overwrite: bool
    batch_size: int
    seed: int
    device: str

    @property
    def places(self) -> list[Path]:
        """The given files and folders."""
        return [Path(place) for place in (*self.images, *self.more)]


class Reporting(TypedDict):
    """Arguments of both kinds of editing: limits, batches, and what is done with what they tell."""

    max_pixels: int
    batch_size: int
    seed: int
    on_bad: LeftOut | None
    on_remark: Callable[[Item, str], None]
    on_note: Callable[[str], None]


def reporting(options: EditOptions, left_out: LeftOut) -> Reporting:
    """These arguments as the options ask for them; ``left_out`` counts what ``--skip-bad`` leaves out."""
    return {
        "max_pixels": options.max_pixels,
        "batch_size": options.batch_size,
        "seed": options.seed,
        "on_bad": left_out if options.skip_bad else None,
        "on_remark": remark,
        "on_note": lambda note: say(f"warning: {note}", err=True),
    }


class LeftOut:
    """Names each picture that is left out, and counts them."""

    def __init__(self, count: int = 0) -> None:
        self.count = count

    def __call__(self, item: Item, reason: str) -> None:
        """Name one."""
        self.count += 1
        say(f"left out: {item.source} ({reason})", err=True)


def remark(item: Item, text: str) -> None:
    """Print what a user should know of a picture."""
    kind, _, rest = text.partition(": ")
    if kind == "warning":
        say(f"warning: {item.source}: {rest}", err=True)
    else:
        say(f"note: {item.source}: {text}", err=True)


def load_for(options: EditOptions) -> Method:
    """The method.

    Raises:
        BadInput: it cannot be loaded, or cannot edit to the emotion or the action units.
    """
    from ganbench.errors import BadInput
    from ganbench.methods import load_method
    from ganbench.methods.conditions import ActionUnits

    method = load_method(options.method, options.checkpoint, options.device)
    if options.emotion is not None:
        if options.emotion.strip().lower() != "all":
            method.labels([options.emotion])
    elif options.aus is not None and ActionUnits not in method.conditions:
        raise BadInput(
            f"{options.method} was not trained on action units and cannot use --aus {options.aus}; use "
            "--emotion, or a checkpoint of ganimation with network.condition = 'action_units'"
        )
    return method


def places_notes(options: EditOptions, chosen: Selection) -> Iterator[str]:
    """What a user must know about the given files and folders, a line each.

    Raises:
        BadInput: a folder cannot be read, and ``--skip-bad`` is not given.
    """
    from ganbench.errors import BadInput

    for place, reason in chosen.unread:
        if not options.skip_bad:
            raise BadInput(f"{place}: {reason}; repair it or add --skip-bad")
        yield f"left out: {place} ({reason})"
    if chosen.duplicates:
        yield (
            f"{plural(chosen.duplicates, 'link')} to the same pictures, or names given twice, "
            f"{'counts' if chosen.duplicates == 1 else 'count'} once"
        )
    if chosen.edits:
        yield (
            f"{plural(chosen.edits, 'picture')} {'is an edit' if chosen.edits == 1 else 'are edits'} of others by "
            "name, and not edited again"
        )
