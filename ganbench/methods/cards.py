"""Check of a card: the facts about a training in the header of a checkpoint or in a run's folder.

Cards come with files of other people. The types of the keys that ganbench reads are checked once, where
a card is read, and are relied on afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganbench.parsing import Refused, need
from ganbench.text import shown

# The type of each key of a card, and of the tables in it. A key that is not listed may hold anything.
_CARD: dict[str, Any] = {
    "name": str,
    "licence": str,
    "command": str,
    "recipe_name": str,
    "assignments": {},
    "data_options": {},
    "iteration": int,
    "seed": int,
    "hours": (int, float),
    "data": {"name": str, "images": int, "fingerprint": str},
    "network": {"emotions": list, "image_size": int},
    "recipe": {"iterations": int, "warmup_iterations": int, "batch_size": int},
    "versions": {"ganbench": str, "torch": str},
    "init": {"name": str, "sha256": str},
    "official": {"classes": list},
    "machine": {},
    "probe": {},
}
_COUNTS = ("iteration", "seed", "hours")


def check_card(card: Mapping[str, Any], required: tuple[str, ...] = ()) -> None:
    """Check the types of all keys of ``_CARD``, and that the required keys are there.

    Raises:
        Refused: the first fault.
    """
    _check(card, _CARD, "")
    for key in _COUNTS:
        if not 0 <= card.get(key, 0) < 2**63:
            raise Refused(f"{key!r} of the card is {shown(card[key], 40)}")
    for key in required:
        if key not in card:
            raise Refused(f"the card has no {key!r}")


def _check(table: Mapping[str, Any], kinds: Mapping[str, Any], above: str) -> None:
    for key, kind in kinds.items():
        if key not in table:
            continue
        try:
            need(table, {key: dict if isinstance(kind, dict) else kind})
        except Refused as error:
            raise Refused(f"{error} in the card{above}") from error
        if isinstance(kind, dict):
            _check(table[key], kind, f"'s {key}")
