"""Photographs edited at their full size: the face is found, edited in the method's frame, and put back."""

from ganbench.photographs.editing import Edited, edit_photographs
from ganbench.photographs.goals import Goal

__all__ = ["Edited", "Goal", "edit_photographs"]
