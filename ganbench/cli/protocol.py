"""``ganbench protocol``: list the named protocols, show one, write its tasks."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ganbench.cli import names
from ganbench.cli.names import examples, one_of
from ganbench.cli.options import device_option, overwrite_option
from ganbench.cli.protocol_options import ProtocolOptions, own_data_options
from ganbench.cli.screen import progress_bar, say, screen
from ganbench.text import plural


@click.group(
    epilog=examples(
        "ganbench protocol list",
        "ganbench protocol export faces64-v1 todo",
    )
)
def protocol() -> None:
    """List the named protocols, show one, or write its tasks for any program."""


@protocol.command(
    "list",
    epilog=examples(
        "ganbench protocol list",
    ),
)
def list_() -> None:
    """List the protocols for --protocol."""
    from ganbench.protocols import FOLDER, list_protocols, load_protocol

    for name in list_protocols():
        frozen = load_protocol(name)
        say(f"{name:<18} {frozen.hash[:12]}  {frozen.about}")
    say(f"{FOLDER:<18} {'':<12}  your own data: --data and --root; results are named own:HASH")


@protocol.command(
    epilog=examples(
        "ganbench protocol show faces64-v1",
        "ganbench protocol show faces64-v1 --json",
    )
)
@click.argument("name", metavar="NAME", shell_complete=one_of(names.protocols))
@click.option("--json", "as_json", is_flag=True, help="Print the whole definition as JSON.")
def show(name: str, as_json: bool) -> None:
    """Show what a protocol fixes: data, judges, metrics and their versions."""
    import dataclasses
    import json

    from ganbench.cli.screen import emit
    from ganbench.protocols import FOLDER, load_protocol

    if name == FOLDER:
        say(
            f"{FOLDER}: your own data, judges and metrics; the hash of all of them names its results"
        )
        return
    frozen = load_protocol(name)
    if as_json:
        whole = dataclasses.asdict(frozen) | {"hash": frozen.hash}
        emit(json.dumps(whole, indent=1) + "\n")
        return
    data = frozen.fixed["data"]
    rows = {
        "about": frozen.about,
        "hash": frozen.hash,
        "data": f"{plural(data['images'], 'image')} of {data['name']} ({data['split']}) at {frozen.size} px",
        "data hash": data.get("fingerprint", "of your copy, in the results"),
        "judges": ", ".join(frozen.judges),
        "judge hash": frozen.fixed["judge"]["fingerprint"],
        "metrics": ", ".join(f"{name} {version}" for name, version in frozen.versions.items()),
        "seed": frozen.seed,
    }
    for key, value in rows.items():
        say(f"{key:<12} {value}")


@protocol.command()
@click.argument("name", metavar="NAME", shell_complete=one_of(names.protocols))
@click.argument("folder", metavar="DIR", type=click.Path())
@overwrite_option
@own_data_options
@device_option
def export(name: str, folder: str, overwrite: bool, **given: Any) -> None:
    """Write the tasks of a protocol to DIR: inputs/*.png, and tasks.csv with a line for each edit.

    \b
    ganbench protocol export faces64-v1 todo
    ... a program edits todo/inputs/*.png and writes edits/ID.png ...
    ganbench score edits --protocol faces64-v1 --name "My method"
    """
    from ganbench.data.export import check_folder
    from ganbench.parsing import user_path
    from ganbench.submission.export import export as write_tasks

    check_folder(user_path(folder), overwrite)
    with progress_bar(screen(err=True)) as move:
        opened = ProtocolOptions(**given).open(name, move)
        target = write_tasks(opened, folder, partial(move, "writing"), overwrite)
    images = len(opened.dataset)
    say(
        f"{plural(images, 'picture')} and tasks.csv in {target}: write each edit as ID.png, then "
        f"'ganbench score FOLDER --protocol {name}'"
    )
