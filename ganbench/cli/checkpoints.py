"""``ganbench checkpoints``: import and export the authors' files; list, show, verify, and write model cards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ganbench.cli import names
from ganbench.cli.names import examples, one_of, one_or_file
from ganbench.cli.options import PATH, PIXELS
from ganbench.cli.screen import new_table, print_table, say, screen
from ganbench.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@click.group(
    epilog=examples(
        "ganbench checkpoints list",
        "ganbench checkpoints verify",
    )
)
def checkpoints() -> None:
    """Import, export, list, show and verify checkpoints; write their model cards."""


@checkpoints.command(
    "import",
    epilog=examples(
        "ganbench checkpoints import stargan 200000-G.ckpt --image-size 128",
    ),
)
@click.argument("method", metavar="METHOD", shell_complete=one_of(names.methods))
@click.argument("file", metavar="FILE", type=PATH)
@click.option(
    "--discriminator",
    type=PATH,
    help="The authors' file of the discriminator, for training from the result.",
)
@click.option("--out", type=PATH, help="File to write.  [default: METHOD-FILE.safetensors]")
@click.option(
    "--image-size",
    type=PIXELS,
    help="Image size in pixels, if the file does not determine it.  [default: 128]",
)
@click.option(
    "--emotions",
    metavar="A,B,...",
    help="Classes in the order of the file.  [default: neutral,happy,sad,surprised,fearful,disgusted,"
    "angry; for stargan-v2 in alphabetical order]",
)
def import_(emotions: str | None, **given: Any) -> None:
    """Convert the authors' checkpoint FILE of METHOD into a checkpoint of ganbench.

    METHOD is linear (ganmut), gaussian (gganmut), stargan, ganimation, smit or stargan-v2. FILE holds the
    generator, or for StarGAN-v2 all networks. No code in it is executed.
    """
    from ganbench.official import import_checkpoint

    classes = None if emotions is None else emotions.split(",")
    imported = import_checkpoint(emotions=classes, **given)
    for note in imported.notes:
        say(note, err=True)
    say(f"{imported.path}")


@checkpoints.command(
    epilog=examples(
        "ganbench checkpoints export gaussian --official --out authors",
    )
)
@click.argument(
    "file", metavar="FILE", type=click.Path(), shell_complete=one_or_file(names.trained)
)
@click.option(
    "--official",
    is_flag=True,
    required=True,
    expose_value=False,
    help="Write the layout of the method's authors; no other layout is supported.",
)
@click.option(
    "--out", type=PATH, default=".", help="Folder to write to.  [default: the current folder]"
)
def export(file: str, out: Path) -> None:
    """Write FILE, or a shipped checkpoint by its name, for the code of the method's authors.

    Tensors are copied bit for bit.
    """
    from ganbench.official import export_checkpoint

    for path in export_checkpoint(_find(file), out):
        say(f"{path}")


@checkpoints.command(
    "list",
    epilog=examples(
        "ganbench checkpoints list",
    ),
)
def list_() -> None:
    """List the shipped checkpoints."""
    from ganbench.registry import METHODS, TITLES

    heads = "Name", "Title", "Size", "Licence", "Recipe", "Iterations"
    table = new_table(*heads, numbers=("Size", "Iterations"))
    for name, entry in _shipped().items():
        title = TITLES[name][0] if entry["kind"] == "method" else "VGG judge"
        size = f"{entry['bytes'] / 1e6:.1f} MB"
        table.add_row(
            METHODS.both_names(name),
            title,
            size,
            entry["licence"],
            entry["recipe"],
            f"{entry['iterations']:,}",
        )
    print_table(screen(), table)


@checkpoints.command(
    epilog=examples(
        "ganbench checkpoints show gaussian",
    )
)
@click.argument(
    "file", metavar="FILE", type=click.Path(), shell_complete=one_or_file(names.trained)
)
def show(file: str) -> None:
    """Show card, network and parameter counts of FILE, or of a shipped checkpoint by its name.

    If the checkpoint was reproduced to the bit ('ganbench reproduce'), also show on which machine.
    """
    from ganbench.data.sketches import CARD, sketch
    from ganbench.methods.weights import read_header, sha256

    path = _find(file)
    header = read_header(path)
    model = {"kind": header["kind"], "name": header["name"]}
    card = {key: value for key, value in header["card"].items() if key not in (*model, "network")}
    if CARD in card:  # hundreds of hashes: only the number of pictures is shown
        sketches = {split: sketch(card, split) for split in ("train", "test")}
        card[CARD] = {split: one.count for split, one in sketches.items() if one}
    counts = {part: f"{n:,}" for part, n in _parameters(path, header).items()}
    known = {entry["sha256"]: entry for entry in _manifest(path.parent).values()}
    reproduced = known.get(sha256(path), {}).get("reproduced", {})
    for title, facts in (
        ("card", model | card),
        ("network", header["config"]),
        ("parameters", counts),
        *([("reproduced", reproduced)] if reproduced else []),
    ):
        say(title)
        for key, value in _flat(facts):
            say(f"  {key:<30} {value}")


@checkpoints.command()
@click.argument(
    "file", metavar="FILE", type=click.Path(), shell_complete=one_or_file(names.trained)
)
@click.option(
    "--run",
    "runs",
    multiple=True,
    type=click.Path(),
    metavar="RUN",
    help="A run folder of 'ganbench eval' with a row of this checkpoint, beside the reference values of the "
    "named protocols; may be repeated.",
)
@click.option("--out", type=PATH, help="File to write.  [default: print the card]")
def card(file: str, runs: tuple[str, ...], out: Path | None) -> None:
    """Make a model card for the Hugging Face Hub of FILE, or of a shipped checkpoint by its name.

    \b
    ganbench checkpoints card gaussian --out README.md
    ganbench checkpoints card runs/gaussian --run runs/eval

    The front matter has licence, tags, data and evaluation results; the text has the numbers with their
    intervals, the training, and how to cite. A row belongs to the checkpoint if its hash is that of the file.
    """
    from ganbench.cli.screen import emit
    from ganbench.errors import BadInput
    from ganbench.methods.weights import read_header, sha256
    from ganbench.protocols import list_protocols
    from ganbench.records import Results
    from ganbench.report.model_card import model_card, rows_of
    from ganbench.storage.store import write_atomic
    from ganbench.submission.rows import frozen_run

    path = _find(file)
    header, own = read_header(path), sha256(path)
    frozen = (frozen_run(name) for name in list_protocols())
    rows = rows_of(own, [run.results for run in frozen if run is not None])
    for run in runs:
        found = rows_of(own, [Results.load(run)])
        if not found:
            raise BadInput(
                f"no row of {path.name} in: {run}; evaluate this very file, its hash begins with {own[:12]}"
            )
        rows += found
    text = model_card(header, path.name, rows)
    if out is None:
        emit(text)
        return
    write_atomic(out, text)
    say(f"{out}")


@checkpoints.command(
    epilog=examples(
        "ganbench checkpoints verify",
        "ganbench checkpoints verify runs/mine/gaussian.safetensors",
    )
)
@click.argument(
    "files",
    metavar="[FILE]...",
    nargs=-1,
    type=click.Path(),
    shell_complete=one_or_file(names.trained),
)
def verify(files: tuple[str, ...]) -> None:
    """Check that FILEs, or the shipped checkpoints, are readable, complete and unchanged.

    A file is unchanged if its hash is the one in the MANIFEST.toml of its folder. The exit code is 2 if a
    file fails.
    """
    from ganbench.errors import BadInput, GanbenchError

    names = files or tuple(_shipped())
    faults = []
    for name in names:
        try:
            say(f"{name}: {_verify(_find(name))}")
        except GanbenchError as error:
            say(f"{name}: FAILED")
            faults.append(str(error))
    if faults:
        raise BadInput(
            f"{len(faults)} of {plural(len(names), 'checkpoint')} failed: {'; '.join(faults)}"
        )


def _shipped() -> dict[str, dict[str, Any]]:
    """The entries of the shipped manifest, by name."""
    from ganbench.methods.manifest import shipped_folder

    return _manifest(shipped_folder())


def _manifest(folder: Path) -> dict[str, dict[str, Any]]:
    from ganbench.methods.manifest import MANIFEST, read_manifest

    path = folder / MANIFEST
    return read_manifest(path) if path.exists() else {}


def _find(name: str) -> Path:
    """The file of a path, of a run folder, or of the name of a shipped checkpoint."""
    from ganbench.methods.locate import checkpoint_file, shipped
    from ganbench.parsing import is_file
    from ganbench.registry import METHODS

    if METHODS.canonical(name) in _shipped() and not is_file(name):
        return shipped(name)
    return checkpoint_file(name)


def _flat(table: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Keys and values as text; keys of inner tables are joined by dots, items of lists by commas."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        elif isinstance(value, list):
            yield f"{above}{key}", ", ".join(map(str, value)) or "none"
        else:
            yield f"{above}{key}", str(value)


def _parameters(path: Path, header: dict[str, Any]) -> dict[str, int]:
    """The number of parameters of each network in a checkpoint."""
    from collections import Counter

    import torch
    from torch import nn

    from ganbench import config
    from ganbench.judges.vgg import VGG
    from ganbench.methods.interface import Method
    from ganbench.methods.weights import holds_discriminator
    from ganbench.registry import METHODS

    cls: Any = VGG if header["kind"] == "judge" else METHODS.load(header["name"], Method)
    network = config.build(cls.Config, header["config"], f"checkpoint {path.name}")
    with torch.device("meta"):
        modules: list[nn.Module] = [cls(network)]
        if holds_discriminator(path):
            modules.append(nn.ModuleDict({"discriminator": cls.official().discriminator(network)}))
    counts: Counter[str] = Counter()
    for module in modules:
        for key, parameter in module.named_parameters():
            counts[key.partition(".")[0]] += parameter.numel()
    return dict(counts)


def _verify(path: Path) -> str:
    """Check a checkpoint and return the result in words.

    Raises:
        GanbenchError: the file is damaged, changed or incomplete.
    """
    from ganbench import load_judge, load_method
    from ganbench.errors import BadInput
    from ganbench.methods.tensors import check_usual
    from ganbench.methods.weights import (
        UNUSED,
        holds_discriminator,
        load_discriminator,
        read_header,
        read_tensors,
        sha256,
    )

    header = read_header(path)
    hashes = {entry["file"]: entry["sha256"] for entry in _manifest(path.parent).values()}
    if path.name in hashes and sha256(path) != hashes[path.name]:
        raise BadInput(f"changed: {path} has another hash than in MANIFEST.toml; fetch it again")
    if header["kind"] == "judge":
        load_judge(checkpoint=path, device="cpu")
    else:
        method = load_method(header["name"], path, device="cpu")
        if holds_discriminator(path):
            load_discriminator(path, method.official().discriminator(method.config))
    check_usual(read_tensors(path, UNUSED), path)
    return "complete" + (", hash as in MANIFEST.toml" if path.name in hashes else "")
