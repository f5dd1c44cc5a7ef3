"""The methods and how to get one."""

from __future__ import annotations

from ganbench.methods.interface import Edit, Method, MethodSpec
from ganbench.methods.weights import load_method
from ganbench.registry import METHODS


def list_methods() -> list[str]:
    """Names of every registered method: the six of the paper, then plug-ins."""
    return METHODS.names()


__all__ = ["Edit", "Method", "MethodSpec", "list_methods", "load_method"]
