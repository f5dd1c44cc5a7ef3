"""``ganbench edit`` for photographs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ganbench.cli.edit_options import (
    EditOptions,
    LeftOut,
    load_for,
    places_notes,
    reporting,
)
from ganbench.cli.screen import progress_bar, say, screen
from ganbench.emotions import KNOWN
from ganbench.text import plural

if TYPE_CHECKING:
    from ganbench.methods import Method
    from ganbench.photographs import Goal


def edit_photos(options: EditOptions) -> None:
    """Find the faces of photographs, edit them, and print what was done."""
    from ganbench.editing import select_pictures
    from ganbench.faces_in_photos import load_face_networks
    from ganbench.photographs import edit_photographs
    from ganbench.photographs.files import edit_name

    method = load_for(options)
    goals = _goals(options, method)
    several = len(goals) > 1
    name = "all" if several else goals[0].name

    def named(path: Path, relative: Path) -> Path:
        return relative.with_name(edit_name(path, name))

    out = None if options.out is None else Path(options.out)
    chosen = select_pictures(
        options.places, out, options.overwrite, named, suffixes=(*KNOWN, "all", name)
    )
    for line in places_notes(options, chosen):
        say(line, err=True)
    left_out = LeftOut(len(chosen.unread))
    edits = edit_photographs(
        method,
        goals,
        chosen.items,
        Path() if out is None else out,
        load_face_networks(options.device),
        which=options.face or "largest",
        **reporting(options, left_out),
    )
    said = "before, " + ", ".join(goal.said for goal in goals) if several else goals[0].said
    count = 0
    with progress_bar(screen(err=True)) as move:
        for count, done in enumerate(edits, 1):
            move("edit", count, len(chosen.items))
            say(f"{done.source}: {done.said}: {said}: {done.path}")
    if len(chosen.items) > 1 or left_out.count:
        bad = (
            f", {left_out.count:,} unreadable or without a face left out" if left_out.count else ""
        )
        say(f"{plural(count, 'edit')}{bad}")


def _goals(options: EditOptions, method: Method) -> list[Goal]:
    """What the edits shall show.

    Raises:
        BadInput: the method cannot show it.
    """
    from ganbench.data.action_units import parse_units
    from ganbench.photographs import goals

    if options.code is not None:
        return [goals.code_goal(method, goals.parse_code(options.code))]
    if options.mix is not None:
        return [goals.mix_goal(method, goals.parse_mix(options.mix))]
    if options.aus is not None:
        return [goals.units_goal(method, options.aus, parse_units(options.aus))]
    assert options.emotion is not None  # one goal is given
    return goals.emotion_goals(method, options.emotion, options.intensity)
