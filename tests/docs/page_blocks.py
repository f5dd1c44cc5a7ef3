"""The blocks of code in the pages, and a reader who does what the pages say, in a folder of his own."""

from __future__ import annotations

import configparser
import importlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions, requires
from pathlib import Path
from types import MappingProxyType

import yaml

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]

# Pages whose blocks another test executes, word for word.
ELSEWHERE = {"CONTRIBUTING.md": "tests/test_plug_in_author.py"}

# Blocks in these languages are outputs, citations or directives of the site, not something to do.
SHOWN = ("text", "bibtex", "{toctree}", "{eval-rst}")
SHELL = ("", "sh", "bash")

# The visible remark above a block that no test executes, and the reasons that count.
REMARK = re.compile(r"^\*Not run by the tests: (.+)\.\*$")
SLOW = re.compile(r"^\*Run by the slow tests only: (.+)\.\*$")
REASONS = re.compile(r"(needs|takes) ")

# The name of a file that ends the paragraph above a block: the block is the content of this file.
CAPTION = re.compile(r"`([\w./-]+\.\w+)`:$")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: path of the page below the root.
        line: number of its first line.
        language: what stands behind the fence.
        text: its content.
        above: the last line of the paragraph between it and the block before.
    """

    page: str
    line: int
    language: str
    text: str
    above: str

    @property
    def where(self) -> str:
        """The place, for messages."""
        return f"{self.page}:{self.line}"

    @property
    def reason(self) -> str | None:
        """Why no test executes it; None without such a remark."""
        found = REMARK.match(self.above)
        return found and found[1]

    @property
    def slow(self) -> bool:
        """Whether only the slow tests execute it."""
        return SLOW.match(self.above) is not None

    @property
    def file(self) -> str | None:
        """The name of the file that it is the content of."""
        found = CAPTION.search(self.above)
        return found and found[1]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in their order."""
    found, above, start, fence = [], "", 0, ""
    lines = page.read_text("utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        opening = re.match(r"\s*(```+)(\S*)", line)
        if not fence and opening:
            fence, language, start = opening[1], opening[2], number
        elif fence and line.strip() == fence:
            text = "\n".join(lines[start : number - 1]) + "\n"
            name = page.relative_to(ROOT).as_posix()
            found.append(Block(name, start, language, text, above))
            fence = above = ""
        elif not fence and line.strip():
            above = line.strip()
    assert not fence, f"{page}: a block has no end"
    return found


def loose_commands(page: Path) -> Iterator[str]:
    """Commands in blocks that are only indented, which no test would find."""
    fenced = False
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        fenced ^= line.lstrip().startswith("```")
        if not fenced and re.match(r"( {4}|\t)(ganbench|python|pip|nox|torchrun|\$) ", line):
            yield f"{page.relative_to(ROOT)}:{number}: {line.strip()}"


def statements(text: str) -> list[str]:
    """The lines of a shell block, with continued lines joined, without comments."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if shlex.split(line, comments=True)]


class Reader:
    """Does what a page says: types its commands, writes its files, executes its Python.

    Commands of ganbench run in this process, which saves the time of importing torch; all others are real
    processes. Every command must succeed.

    Args:
        folder: where the reader is.
        call: runs a command of ganbench and returns code, output and errors (``conftest.call``).
        edited: changes the words of a command of ganbench before it runs, to make it small.
        places: paths that the pages name, and those that are read instead.
    """

    def __init__(
        self,
        folder: Path,
        call: Callable[..., tuple[int, str, str]],
        edited: Callable[[list[str]], list[str]] = lambda words: words,
        places: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.folder, self.call, self.edited, self.places = folder, call, edited, places
        self.names: dict[str, object] = {"__name__": "__page__"}
        self.printed = ""
        self.environment, self.path = dict(os.environ), list(sys.path)
        sys.path.insert(0, str(folder))

    def close(self) -> None:
        """Forget the page's modules, packages and variables."""
        sys.path[:] = self.path
        os.environ.clear()
        os.environ.update(self.environment)
        importlib.invalidate_caches()
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", "") or "").startswith(str(self.folder)):
                del sys.modules[name]

    def do(self, block: Block) -> None:
        """Execute a block, or write it as a file.

        Raises:
            AssertionError: it cannot be executed, or a command of it fails.
        """
        if block.language in SHOWN or block.reason:
            return
        if block.file:
            self._write(block.file, block.text)
        elif block.language in SHELL:
            for line in statements(block.text):
                self._line(line, block.where)
        elif block.language == "python":
            code = compile("\n" * block.line + block.text, block.page, "exec")
            exec(code, self.names)  # our own pages
            importlib.invalidate_caches()
        else:
            raise AssertionError(f"{block.where}: nothing can be done with {block.language!r}")

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        importlib.invalidate_caches()
        if name.endswith((".yml", ".yaml")):
            for job in yaml.safe_load(text)["jobs"].values():
                for step in job["steps"]:
                    for line in statements(step.get("run", "")):
                        self._line(line, name)
        elif name.endswith(".toml"):
            tomllib.loads(text)
        elif name.endswith((".cfg", ".ini")):
            configparser.ConfigParser().read_string(text)

    def _line(self, line: str, where: str) -> None:
        """A line of commands, joined by &&, || or ;, whose output may go to a file."""
        for path, instead in self.places.items():
            line = line.replace(path, instead)
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
        lexer.whitespace_split = True
        words: list[str] = []
        code, joint = 0, "&&"
        for word in [*lexer, ";"]:
            if word not in ("&&", "||", ";"):
                words.append(word)
                continue
            if words and (joint == "&&") == (code == 0):
                code = self._command(words, where)
            words, joint = [], "&&" if word == ";" else word  # as with set -e
        assert code == 0, f"{where}: {line}: exit code {code}\n{self.printed[-2000:]}"

    def _command(self, words: list[str], where: str) -> int:
        words, target = self._redirected(words)
        if words[0] == "ganbench":
            code, out, err = self.call(*self.edited(words)[1:])
        elif words[0] == "export":
            name, _, value = words[1].partition("=")
            os.environ[name] = os.path.expandvars(value)
            return 0
        elif words[0] == "pip":
            self._install(words, where)
            return 0
        elif words[0] == "nox":
            assert f"def {words[words.index('-s') + 1]}(" in (ROOT / "noxfile.py").read_text()
            return 0
        else:
            done = subprocess.run(
                [sys.executable if words[0] == "python" else words[0], *words[1:]],
                cwd=self.folder,
                env=os.environ | {"PYTHONPATH": str(self.folder / "installed")},
                capture_output=True,
                text=True,
                check=False,
            )
            code, out, err = done.returncode, done.stdout, done.stderr
        self.printed = f"{out}{err}"
        if target is not None:
            mode, path = target
            with open(self.folder / path, mode, encoding="utf-8") as file:
                file.write(out)
        return code

    def _redirected(self, words: list[str]) -> tuple[list[str], tuple[str, str] | None]:
        """The words without a redirection, and its mode and file."""
        for sign, mode in ((">>", "a"), (">", "w")):
            if sign in words:
                place = words.index(sign)
                path = os.path.expandvars(words[place + 1])
                return words[:place] + words[place + 2 :], (mode, path)
        return words, None

    def _install(self, words: list[str], where: str) -> None:
        """``pip install``: what it names is here already, or is a package of this folder."""
        assert words[1] == "install", f"{where}: {words}"
        for word in (word for word in words[2:] if not word.startswith("-")):
            name, _, extra = word.rstrip("]").partition("[")
            if (self.folder / word / "pyproject.toml").is_file():
                self._install_folder(self.folder / word)
            elif word == "." or name == "ganbench":
                assert not extra or any(f'extra == "{extra}"' in r for r in requires("ganbench"))
            else:
                known = any(one.name == word for one in distributions())
                assert known, f"{where}: {word} is not installed"

    def _install_folder(self, source: Path) -> None:
        """Really install a package, beside the page's files."""
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        flags = ["--no-build-isolation", "--target", str(self.folder / "installed"), str(source)]
        environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        subprocess.run([*command, *flags], check=True, env=environment, cwd=self.folder)
        sys.path.insert(0, str(self.folder / "installed"))
        importlib.invalidate_caches()
