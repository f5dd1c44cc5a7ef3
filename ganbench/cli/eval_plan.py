"""The plan of an evaluation: what ``ganbench eval --dry-run`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganbench.cli.screen import new_table, print_table, screen

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from ganbench.evaluation.estimate import Item
    from ganbench.evaluation.plan import Plan

# Seconds for t-SNE, pictures and page, measured on two cores.
REPORT = 15


def show_plan(run: Plan, folder: Path) -> None:
    """Print what an evaluation would compute, what is stored, and how long it would take.

    Args:
        run: the prepared evaluation.
        folder: folder of the report.
    """
    from ganbench.evaluation.estimate import estimate
    from ganbench.report.run_folder import file_names

    items = estimate(run)
    jobs, missing = sum(item.jobs for item in items), sum(item.missing_jobs for item in items)
    console = screen()
    print_table(console, _table(items))
    console.print()
    console.print(
        f"{jobs - missing} of {jobs} pieces are stored; about "
        f"{sum(item.seconds for item in items) + REPORT:.0f} s with t-SNE and report"
        f"{', after rendering faces that the cache lacks' * run.dataset.has_true_edits}. "
        f"Would write to {folder}:",
    )
    console.print("  " + "  ".join(file_names(run)))


def _table(items: list[Item]) -> Table:
    """A row for each source of images, and one of sums."""
    heads = "Images", "Stored", "To do", "Seconds"
    table: Table = new_table("What", *heads, numbers=heads)
    rows = [
        (item.title, item.images, item.images - item.missing, item.missing, item.seconds)
        for item in items
    ]
    sums = (sum(column) for column in zip(*(numbers for _, *numbers in rows), strict=True))
    for title, *numbers in (*rows, ("all", *sums)):
        table.add_row(str(title), *(str(round(number)) for number in numbers))
    return table
