"""Text of users at the border to a terminal or a document: shown as it is, and never interpreted.

Names of files, cards of checkpoints and records of results come from anywhere. Control characters in
them would move the cursor, hide text or turn its direction; marks of a format would break the table
that they stand in. There is one function for each border: ``printable`` for terminals and messages,
``markdown``, ``latex`` and ``html`` for documents. Tables as CSV are quoted by the csv module.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Any

# Control characters, marks that turn the direction of text or have no width, halves of UTF-16 pairs (in
# the names of files that are not UTF-8), and separators that some programs take for the end of a line.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

# Joiners: Persian and Indian words and composed emoji are misspelt without them.
_JOINERS = "\u200c\u200d"

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}

# Characters of a value that a message quotes, and of a whole message.
VALUE, MESSAGE = 120, 2000

_MARKDOWN = str.maketrans(
    {c: f"\\{c}" for c in "\\`*_[]|~$#"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
)

_LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\symbol{34}"}
    # After the end of a row these would be an argument of it.
    | {c: f"{{{c}}}" for c in "[]*"}
    | {"↑": r"$\uparrow$", "↓": r"$\downarrow$", "±": r"$\pm$"}
)


def plural(count: int, noun: str, several: str = "") -> str:
    """A count with its noun: ``1 edit``, ``7,000 edits``.

    Args:
        noun: in the singular.
        several: its plural, where that is not the noun with an s.
    """
    return f"{count:,} {noun if count == 1 else several or f'{noun}s'}"


def printable(text: object, keep: str = "") -> str:
    r"""Text for a terminal: each character that is not shown as itself becomes ``\x1b`` or ``\u202e``.

    Args:
        text: anything; ``str`` makes it text.
        keep: characters that stay, e.g. ``"\n"`` for text of several lines.
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if c in keep or not _hidden(c) else _escape(c) for c in text)


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN and character not in _JOINERS


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if character in _SHORT:
        return _SHORT[character]
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def clipped(text: str, most: int = VALUE) -> str:
    """Text of at most ``most`` characters: longer text loses its middle, and tells how much."""
    if len(text) <= most:
        return text
    head, tail = most * 2 // 3, most // 4
    return f"{text[:head]} ... {len(text) - head - tail:,} characters ... {text[-tail:]}"


def shown(value: Any, most: int = VALUE) -> str:
    """A value as messages quote it: its ``repr``, clipped; also of numbers and trees that have none."""
    try:
        return clipped(printable(repr(value)), most)
    except (ValueError, RecursionError, MemoryError):
        return f"a {type(value).__name__} that is too large to print"


def message(error: object) -> str:
    """One line for a terminal, clipped."""
    return clipped(printable(" ".join(str(error).split())), MESSAGE)


def markdown(text: object) -> str:
    """Text for a cell or a paragraph of Markdown; HTML and marks in it are shown as they are."""
    return printable(text).translate(_MARKDOWN)


def markdown_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Collection[int] = ()
) -> str:
    """A table of Markdown.

    Args:
        heads, rows: cells that are Markdown already (``markdown``).
        numbers: the columns that are aligned to the right.
    """
    rule = ["---:" if i in numbers else "---" for i in range(len(heads))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))


def latex(text: object) -> str:
    """Text for LaTeX; arrows and plus-minus, which text fonts lack, are set in mathematics."""
    return printable(text).translate(_LATEX)


def html(text: Any) -> Any:
    """What a template of a page puts in: text without control characters, which Jinja then escapes."""
    return printable(text, keep="\n") if type(text) is str else text
