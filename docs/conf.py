"""Sphinx's settings of the site that ``nox -s docs`` builds; the root of its sources is the repository.

Pages are written for readers of the repository: their links lead to files of it. Since the sources' root
is the repository's, each of these links is resolved and checked as it is written.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ganbench import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project, author = "ganbench", "The ganbench authors"
release = version = __version__
project_copyright = "2026, The ganbench authors"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/**.md",
    "docs/notebooks/*.ipynb",
    "reports/*.md",
    "ganbench/faces_in_photos/LICENSE_FACES.md",
]
# Folders that are not walked: environments, runs and caches hold files of many gigabytes.
exclude_patterns = [".*", "**/__pycache__", "site", "runs", "build", "dist", "*.egg-info", "tests"]

myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
highlight_language = "none"

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# Notebooks have no outputs in the repository. They are executed for the site, and an error in one ends the
# build; --define nb_execution_mode=off leaves them out.
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
os.environ.setdefault("OMP_NUM_THREADS", "1")

html_theme = "furo"
pygments_dark_style = "one-dark"
html_title = f"ganbench {__version__}"
html_static_path = ["static"]
html_css_files = ["ganbench.css"]
html_copy_source = False
html_show_sourcelink = False
# Summaries of results are fetched, which a browser refuses for pages that were opened as files.
html_show_search_summary = False
copybutton_exclude = ".linenos, .gp, .go, .c1"


def redirect(app: Sphinx, exception: Exception | None) -> None:
    """Lead from index.html in the site's root to the first page."""
    if exception is None and app.builder.format == "html":
        page = '<!doctype html><meta http-equiv="refresh" content="0; url=docs/index.html">'
        link = '<title>ganbench</title><a href="docs/index.html">ganbench</a>'
        Path(app.outdir, "index.html").write_text(f"{page}{link}\n", "utf-8")


def keep_bars(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Show the bars of norms as they are; reStructuredText would take them for substitutions."""
    for i, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
        lines[i] = "``".join(parts)


def setup(app: Sphinx) -> None:
    """Connect the functions above."""
    app.connect("build-finished", redirect)
    app.connect("autodoc-process-docstring", keep_bars)
