"""What all methods share: their interface, layers and checkpoints.

The public names are imported on first use, so that names of methods are listed without importing torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganbench.methods.interface import Edit as Edit
    from ganbench.methods.interface import Method as Method
    from ganbench.methods.interface import MethodSpec as MethodSpec
    from ganbench.methods.loading import load_method as load_method
    from ganbench.methods.weights import save_checkpoint as save_checkpoint
    from ganbench.registry import list_methods as list_methods

_PUBLIC = {
    "Edit": "ganbench.methods.interface",
    "Method": "ganbench.methods.interface",
    "MethodSpec": "ganbench.methods.interface",
    "list_methods": "ganbench.registry",
    "load_method": "ganbench.methods.loading",
    "save_checkpoint": "ganbench.methods.weights",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'ganbench.methods' has no attribute {name!r}")
