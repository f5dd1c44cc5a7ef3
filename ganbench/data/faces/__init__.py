"""The embedded data set: rendered faces whose identity, expression, pose and light are known."""

from __future__ import annotations

from ganbench.data.faces.builder import FacesConfig, build, ensure_built, split_faces
from ganbench.data.faces.face import Face
from ganbench.data.faces.renderer import RENDERER_VERSION, Rendering, render, render_many
from ganbench.data.faces.sample import sample_expression, sample_face

__all__ = [
    "RENDERER_VERSION", "Face", "FacesConfig", "Rendering", "build", "ensure_built", "render",
    "render_many", "sample_expression", "sample_face", "split_faces",
]  # fmt: skip
