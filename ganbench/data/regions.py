"""Codes of region maps. BACKGROUND and HEAD (hair, ears, neck, shoulders) are not part of the face."""

BACKGROUND, HEAD, FACE, EYES, MOUTH = range(5)
