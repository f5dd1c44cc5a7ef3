"""``ganbench cache``."""

from __future__ import annotations

import click

from ganbench.cli.names import examples
from ganbench.cli.screen import new_table, print_table, say, screen
from ganbench.text import plural


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "ganbench cache",
    ),
)
@click.pass_context
def cache(context: click.Context) -> None:
    """Show what runs have stored, with sizes and times of the last use.

    The cache is the folder $GANBENCH_CACHE, or ~/.cache/ganbench. Everything in it can be computed again.
    Each evaluation, and each training that decodes pictures, prunes it to 20 GB, or to $GANBENCH_CACHE_LIMIT
    (for example 5GB), but keeps what it has used itself.
    """
    if context.invoked_subcommand is None:
        _show()


def _show() -> None:
    from datetime import datetime

    from ganbench.storage.root import cache_root
    from ganbench.storage.upkeep import groups, show_size

    stored = groups()
    numbers = "Pieces", "Size", "Last used"
    table = new_table("What", *numbers, numbers=numbers)
    for group in stored:
        when = datetime.fromtimestamp(group.used).strftime("%Y-%m-%d %H:%M")
        table.add_row(group.what, str(group.items), show_size(group.size), when)
    if stored:
        print_table(screen(), table)
    total = sum(group.size for group in stored)
    say(f"{show_size(total)} in {cache_root()}" if stored else f"nothing in {cache_root()}")


@cache.command(
    epilog=examples(
        "ganbench cache prune --older-than 30d",
        "ganbench cache prune --limit 5GB",
    )
)
@click.option(
    "--older-than", metavar="AGE", help="Remove pieces that were not used for AGE: 30d, 12h."
)
@click.option(
    "--limit", metavar="SIZE", help="Remove the least recently used pieces until SIZE is left: 5GB."
)
@click.option("--all", "everything", is_flag=True, help="Remove everything.")
def prune(older_than: str | None, limit: str | None, everything: bool) -> None:
    """Remove stored pieces that were not used for long.

    Without options, the cache is pruned to its limit.
    """
    from ganbench.errors import BadInput
    from ganbench.storage import upkeep

    if everything and (older_than or limit):
        raise BadInput("--all with --older-than or --limit; give one of them")
    size = upkeep.parse_size(limit, "--limit") if limit else None
    age = upkeep.parse_age(older_than, "--older-than") if older_than else None
    if everything:
        size = 0
    elif size is None and age is None:
        size = upkeep.current_limit()
    removed = upkeep.prune(size, age)
    say(f"removed {plural(removed.items, 'piece')}, {upkeep.show_size(removed.size)}")


@cache.command(
    epilog=examples(
        "ganbench cache verify --remove",
    )
)
@click.option(
    "--remove", is_flag=True, help="Remove damaged pieces; the next run computes them again."
)
def verify(remove: bool) -> None:
    """Compare every stored piece and decoded picture with its checksum, and rendered faces with their hashes.

    The exit code is 1 if pieces are damaged and were not removed.
    """
    import sys

    from ganbench.data.faces.builder import changed
    from ganbench.storage import upkeep

    bad = upkeep.verify(changed)
    for item in bad:
        say(f"damaged: {item.what}: {item.path}")
    if remove:
        for item in bad:
            upkeep.remove(item)
    say(f"{len(bad)} damaged{', removed' * remove}" if bad else "everything is sound")
    sys.exit(1 if bad and not remove else 0)
