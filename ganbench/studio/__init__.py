"""``ganbench studio``: a page on this machine on which one edits photographs by hand."""

from ganbench.studio.server import StudioServer
from ganbench.studio.studio import Studio

__all__ = ["Studio", "StudioServer"]
