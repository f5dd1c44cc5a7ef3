"""ganbench trains and judges GANs that edit facial expressions.

Public names are imported on first use, so that ``import ganbench`` is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganbench.api import Outcome as Outcome
    from ganbench.api import evaluate as evaluate
    from ganbench.api import score as score
    from ganbench.data import load_dataset as load_dataset
    from ganbench.emotions import EMOTIONS as EMOTIONS
    from ganbench.judges import load_judge as load_judge
    from ganbench.methods import load_method as load_method
    from ganbench.methods import save_checkpoint as save_checkpoint
    from ganbench.protocols import list_protocols as list_protocols
    from ganbench.registry import list_methods as list_methods

__version__ = "0.1.0"

_PUBLIC = {
    "EMOTIONS": "ganbench.emotions",
    "Outcome": "ganbench.api",
    "evaluate": "ganbench.api",
    "list_methods": "ganbench.registry",
    "list_protocols": "ganbench.protocols",
    "load_dataset": "ganbench.data",
    "load_judge": "ganbench.judges",
    "load_method": "ganbench.methods",
    "save_checkpoint": "ganbench.methods",
    "score": "ganbench.api",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'ganbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
