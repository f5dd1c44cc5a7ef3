"""Text of users in terminals and documents, where it is shown literally and never interpreted.

Names of files, cards of checkpoints and records of results may come from other people. Control characters
in them could move the cursor, hide text or reverse its direction; markup could break a table. Use
``printable`` for terminals and messages, and ``markdown``, ``latex`` and ``html`` for documents. The csv
module quotes text in CSV files.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Any

# Unicode categories of characters that are escaped: control characters, marks without width or for the
# direction of text, halves of UTF-16 pairs (from file names that are not UTF-8), separators of lines.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

# Joiners are kept: Persian and Indian words and composed emoji need them.
_JOINERS = "\u200c\u200d"

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}

# Largest numbers of characters of a value in a message, and of a whole message.
VALUE, MESSAGE = 120, 2000

_MARKDOWN = str.maketrans(
    {c: f"\\{c}" for c in "\\`*_[]|~$#"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
)

_LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\symbol{34}"}
    # At the beginning of a row, LaTeX would read these as arguments of the end of the previous row.
    | {c: f"{{{c}}}" for c in "[]*"}
    | {"↑": r"$\uparrow$", "↓": r"$\downarrow$", "±": r"$\pm$"}
)


def plural(count: int, noun: str, several: str = "") -> str:
    """A count with its noun: ``1 edit``, ``7,000 edits``.

    Args:
        count: the count.
        noun: the noun in the singular.
        several: its plural, if that is not the noun with an s.
    """
    return f"{count:,} {noun if count == 1 else several or f'{noun}s'}"


def printable(text: object, keep: str = "") -> str:
    r"""Text for a terminal, with escapes such as ``\x1b`` and ``\u202e`` for hidden characters.

    Args:
        text: any object; ``str`` converts it to text.
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
    if 0xDC80 <= code <= 0xDCFF:  # Python's code for a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if character in _SHORT:
        return _SHORT[character]
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def clipped(text: str, most: int = VALUE) -> str:
    """Text of about ``most`` characters: the number of omitted ones replaces the middle of longer text."""
    if len(text) <= most:
        return text
    head, tail = most * 2 // 3, most // 4
    return f"{text[:head]} ... {len(text) - head - tail:,} characters ... {text[-tail:]}"


def shown(value: Any, most: int = VALUE) -> str:
    """The clipped ``repr`` of a value, for messages; it never fails, also for huge numbers and trees."""
    try:
        return clipped(printable(repr(value)), most)
    except (ValueError, RecursionError, MemoryError):
        return f"a {type(value).__name__} that is too large to print"


def message(error: object) -> str:
    """A message as one line for a terminal, clipped."""
    return clipped(printable(" ".join(str(error).split())), MESSAGE)


def markdown(text: object) -> str:
    """Text for a cell or a paragraph of Markdown, with HTML and markup escaped."""
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
    """Text for LaTeX; arrows and plus-minus, which text fonts lack, become formulas."""
    return printable(text).translate(_LATEX)


def is_web(address: str) -> bool:
    """Whether an address of a user may become a link: it is one of http or https, with a host and no spaces."""
    return re.fullmatch(r"https?://[^\s/?#@]+([/?#]\S*)?", address) is not None


def html(text: Any) -> Any:
    """A value for a template: text loses its control characters, and Jinja escapes it afterwards."""
    return printable(text, keep="\n") if type(text) is str else text
