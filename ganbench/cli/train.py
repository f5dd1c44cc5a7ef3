"""``ganbench train``."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.argument("name", metavar="METHOD|judge")
@click.option(
    "--recipe", default="faces", show_default=True, help="faces, affectnet or a TOML file."
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the recipe; dots descend: network.width=16.",
)
@click.option(
    "--data", default="faces", show_default=True, help="Kind of data set; see 'ganbench data'."
)
@click.option(
    "--root", type=click.Path(), help="Folder of the data set; the embedded faces need none."
)
@click.option("--out", type=click.Path(), help="Folder of the run.  [default: runs/METHOD]")
@click.option("--resume", is_flag=True, help="Continue the run in --out from its last checkpoint.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 ...")
@click.option(
    "--seed", default=0, show_default=True, help="Of weights, data order, augmentation and noise."
)
@click.option("--skip-bad", is_flag=True, help="Leave out unreadable images instead of stopping.")
def train(
    name: str,
    recipe: str,
    assignments: tuple[str, ...],
    data: str,
    root: str | None,
    out: str | None,
    resume: bool,
    device: str,
    seed: int,
    skip_bad: bool,
) -> None:
    """Train METHOD, or the judge, and write a checkpoint that 'ganbench eval' takes.

    Ctrl-C stops at the next step and leaves a run that --resume continues exactly.
    """
    import shlex
    from pathlib import Path

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from ganbench.data import load_dataset
    from ganbench.training.session import prepare

    console = Console(stderr=True)
    folder = Path(out) if out else Path("runs") / name
    # What the result depends on; folders and devices of one machine say nothing to another.
    words = [
        "ganbench",
        "train",
        name,
        "--recipe",
        Path(recipe).name,
        "--data",
        data,
        "--seed",
        str(seed),
    ]
    for assignment in assignments:
        words += ["--set", assignment]
    command = shlex.join(words)
    plan = prepare(name, recipe, assignments, seed=seed, device=device)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
        console=console,
        disable=not console.is_terminal,
    ) as bars:
        rendering = bars.add_task(f"data {data}", total=None, visible=False, losses="")

        def on_data(done: int, total: int) -> None:
            bars.update(rendering, completed=done, total=total, visible=True)

        dataset = load_dataset(
            data, "train", root=root, size=plan.image_size, skip_bad=skip_bad, progress=on_data
        )
        bars.update(rendering, visible=False)
        if dataset.left_out:
            console.print(f"left out of {data}: {dataset.left_out}", highlight=False)
        bar = bars.add_task(f"train {name}", total=plan.trainer.recipe.iterations, losses="")

        def on_log(progress: Any) -> None:
            losses = " ".join(f"{key} {value:.3g}" for key, value in progress.values.items())
            bars.update(
                bar,
                completed=progress.iteration,
                losses=f"{progress.images_per_second:.0f} img/s {losses}",
            )

        run = plan.run(dataset, folder, command, on_log)
        run.resume() if resume else run.start()
        bars.update(bar, completed=run.done)
        final = run.run()
    if final is None:
        raise click.Abort
    click.echo(f"{final}")
