"""How the pictures of a data set were brought into the frame: the file that ``ganbench data align`` writes."""

from __future__ import annotations

import json
from pathlib import Path

from ganbench import parsing
from ganbench.errors import BadInput

RULE_FILE = "aligned.json"


def frame_rule(margin: float) -> str:
    """The rule of the frame as text, which is part of the fingerprint of the data.

    Args:
        margin: border around the frame of the rendered faces, in shares of its side.
    """
    from ganbench.faces_in_photos.geometry import FRAME

    return json.dumps({"eyes": FRAME, "margin": margin})


def read_rule(root: Path) -> tuple[str, float]:
    """The rule by which the pictures under a root were aligned, and its margin; empty and 0 if they were not.

    Raises:
        BadInput: the file is damaged.
    """
    path = root / RULE_FILE
    if not parsing.is_file(path):
        return "", 0.0
    try:
        table = parsing.read_json(path, parsing.SMALL, dict)
        parsing.need(table, {"rule": str, "margin": (int, float)})
    except parsing.Refused as error:
        raise BadInput(
            f"{str(path)!r} does not tell how the pictures were aligned ({error}); remove it, or align them "
            "again"
        ) from error
    return table["rule"], float(table["margin"])
