"""Damage to bytes, as by disks and attackers, and to trees of JSON and TOML at any depth."""

from __future__ import annotations

import copy
import json
import random
import sys
from typing import Any

TEXTS = (
    "", " ", "a", "[/x]", "\x00", "\x1b[2J", "\u202e", "\ud800", "../../x", "/dev/zero", "~root", "%s%n",
    "{n}", "$\\frac$", "<script>", "=1+1", "NaN", "null", "x" * 300, "y" * 50_000, "a\nb", "é表",
    "1e999", "-1", "\\", "a/b", "COM1", "'", '"', "|", ",", ";",
)  # fmt: skip
NUMBERS = (
    0, -1, 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 10**25, 10**4000, -(10**20), 1.5, -0.0, 1e-320, 1e16,
    1e25, 1e300, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
FORMATS = (
    b"\x00", b"\xff", b"\x1b[2J", b"{", b"[", b'"', b"\\", b"\n", b",", b"=", b"9" * 5000, b"[" * 5000,
)  # fmt: skip


def value(random: random.Random) -> Any:
    """A random value of any kind, mostly an unusual one."""
    kind = random.randrange(7)
    if kind == 0:
        return random.choice(TEXTS)
    if kind == 1:
        return random.choice(NUMBERS)
    if kind == 2:
        return random.choice((None, True, False))
    if kind == 3:
        return [value(random) for _ in range(random.randrange(4))]
    if kind == 4:
        return {random.choice(TEXTS)[:50]: value(random) for _ in range(random.randrange(3))}
    if kind == 5:
        deep: Any = value(random) if random.random() < 0.5 else []
        for _ in range(random.choice((10, 40, 400))):
            deep = [deep] if random.random() < 0.5 else {"a": deep}
        return deep
    return [random.choice(NUMBERS)] * random.choice((1, 3, 1000))


def tree(root: Any, random: random.Random) -> Any:
    """A tree with other values, keys or lengths in some places."""
    root = copy.deepcopy(root)
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        places: list[tuple[Any, Any]] = []
        stack = [root]
        while stack:
            node = stack.pop()
            items = node.items() if isinstance(node, dict) else enumerate(node)
            for key, below in items:
                places.append((node, key))
                if isinstance(below, dict | list):
                    stack.append(below)
        if not places:
            return value(random)
        node, key = random.choice(places)
        how = random.randrange(6)
        if how <= 2:
            node[key] = value(random)
        elif how == 3:
            del node[key]
        elif how == 4 and isinstance(node, dict):
            node[random.choice(TEXTS)] = node.pop(key)
        else:
            other, place = random.choice(places)
            try:
                node[key] = copy.deepcopy(other[place])
            except (KeyError, IndexError):
                node[key] = None
    return root


def to_json(root: Any, random: random.Random) -> bytes:
    """The tree as JSON; some texts get a fault that no tree can have."""
    digits = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        text = json.dumps(root, ensure_ascii=random.random() < 0.5)
    except RecursionError:
        text = "[" * 5000 + "]" * 5000
    finally:
        sys.set_int_max_str_digits(digits)
    if random.random() < 0.1:
        text = text.replace('":', '": 1, "a":', 1)
    if random.random() < 0.1:
        text = text.replace("1", random.choice(("1e400", "9" * 6000, "0x1", "NaN", "[" * 3000)), 1)
    return text.encode("utf-8", "surrogatepass")


def to_toml(root: Any) -> bytes:
    """The tree as TOML, as far as possible; a root that is no table becomes one."""
    lines: list[str] = []

    def scalar(item: Any) -> str:
        if isinstance(item, bool):
            return str(item).lower()
        if isinstance(item, list):
            return "[" + ", ".join(map(scalar, item)) + "]"
        if isinstance(item, dict):
            return "{" + ", ".join(f"{json.dumps(k)} = {scalar(v)}" for k, v in item.items()) + "}"
        if isinstance(item, int):
            return hex(item) if item > 2**70 else str(item)
        if isinstance(item, float):
            return repr(item)
        return json.dumps("" if item is None else item, ensure_ascii=False)

    try:
        for key, below in (root if isinstance(root, dict) else {"a": root}).items():
            if isinstance(below, dict):
                lines.append(f"[{json.dumps(key)}]")
                lines += [f"{json.dumps(k)} = {scalar(v)}" for k, v in below.items()]
            else:
                lines.insert(0, f"{json.dumps(key)} = {scalar(below)}")
    except RecursionError:
        lines.append("a = " + "[" * 3000)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def damage(data: bytes, random: random.Random) -> bytes:
    """Bytes of which some are flipped, lost, repeated, replaced or inserted."""
    found = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8, 64))):
        at = random.randrange(len(found) + 1)
        length = min(random.choice((1, 2, 4, 16, 256, 4096)), len(found) - at)
        how = random.randrange(8)
        if how <= 1 and length:
            found[at] ^= 1 << random.randrange(8)
        elif how == 2:
            del found[at:]
        elif how == 3:
            del found[at : at + length]
        elif how == 4:
            found[at:at] = random.choice(FORMATS)
        elif how == 5:
            found[at : at + length] = random.randbytes(length)
        elif how == 6:
            found[at:at] = found[at : at + length]
        else:
            found[at : at + length] = random.choice((b"\x00", b"\xff", b"\x7f")) * length
        if not found:
            break
    return bytes(found)
