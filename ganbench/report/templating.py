"""Templates of pages, and the policy that lets a browser run a page's own script and nothing else."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ganbench import text


def environment(*packages: str) -> Environment:
    """The templates of packages, the first of which wins, and those of the report: text of users is escaped."""
    names = [*packages, "ganbench.report"]
    return Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in names]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=text.html,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def script_of(*files: str, package: str = "ganbench.report") -> str:
    """Scripts of a package's templates, one after the other, as they are."""
    folder = resources.files(package).joinpath("templates")
    return "\n".join(folder.joinpath(name).read_text("utf-8") for name in files)


def source_of(script: str) -> Markup:
    """The only script that a browser may run on a page, for its policy: a hash."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return Markup(f"'sha256-{digest}'")
