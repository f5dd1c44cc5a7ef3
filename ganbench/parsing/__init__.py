"""The border of ganbench: every file of a user is opened and parsed here, within limits.

The rules are general and do not list cases. Only regular files are opened, because a pipe or a device
may never end. No file larger than its limit is read. Trees of JSON and TOML have a bounded depth and
size, their numbers have a bounded range, and each key stands once. Arrays are as large as their file
says, and hold no Python objects. Whatever breaks a rule raises ``Refused`` with the reason; the caller
adds the name of the file and what the user can do.

``files`` opens files, ``documents`` parses JSON and TOML, ``arrays`` parses arrays of numpy.
"""

from ganbench.parsing.arrays import check_zip, parse_npy, read_npz
from ganbench.parsing.documents import (
    DEPTH,
    SMALL,
    lines_of_json,
    need,
    parse_json,
    parse_toml,
    read_json,
)  # fmt: skip
from ganbench.parsing.files import (
    ARRAYS,
    NETWORK,
    RESULTS,
    TABLE,
    TEXT,
    Refused,
    decode,
    is_file,
    is_folder,
    read_bytes,
    read_text,
    regular,
    size,
    user_path,
    why,
)  # fmt: skip

__all__ = [
    "ARRAYS", "DEPTH", "NETWORK", "RESULTS", "SMALL", "TABLE", "TEXT", "Refused", "check_zip", "decode",
    "is_file", "is_folder", "lines_of_json", "need", "parse_json", "parse_npy", "parse_toml", "read_bytes",
    "read_json", "read_npz", "read_text", "regular", "size", "user_path", "why",
]  # fmt: skip
