"""``ganbench eval``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ganbench.cli import screen as output
from ganbench.cli.options import (
    BATCH,
    COUNT,
    PIXELS,
    SEED,
    data_options,
    device_option,
    leak_options,
    parse_data,
)
from ganbench.cli.screen import say
from ganbench.text import plural

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.progress import Progress

    from ganbench.data.dataset import Dataset
    from ganbench.evaluation.plan import Plan
    from ganbench.evaluation.run import MethodLike
    from ganbench.judges import Judge
    from ganbench.judges.onnx import OnnxInput

# Seconds that t-SNE, pictures and page take on two cores, measured.
REPORT = 15


@click.command()
@click.option(
    "--methods",
    default="all",
    show_default=True,
    metavar="all|[LABEL:]NAME[=FILE],...",
    help="Which methods: the paper's six, or names; NAME=FILE evaluates a checkpoint of your own, or "
    "the run folder of one. Two of one method need labels: mine:gaussian=FILE.",
)
@data_options
@leak_options
@click.option(
    "--judge",
    default="vgg",
    show_default=True,
    metavar="vgg|face-api|FILE|RUN|onnx:FILE,...",
    help="Who judges: the suite's VGG, the independent face-api, a checkpoint of 'ganbench train "
    "judge', or an ONNX classifier with --labels. Of several the first is the main one.",
)
@click.option(
    "--labels",
    metavar="NAME,...",
    help="Of an ONNX judge: what its outputs mean, in order; others than the seven are left out.",
)
@click.option(
    "--judge-size",
    type=PIXELS,
    help="Of an ONNX judge: side of its images, where the file does not say.",
)
@click.option(
    "--judge-mean",
    metavar="R,G,B",
    help="Of an ONNX judge: subtracted from RGB in [0, 1].  [default: 0,0,0]",
)
@click.option(
    "--judge-std",
    metavar="R,G,B",
    help="Of an ONNX judge: RGB is then divided by it.  [default: 1,1,1]",
)
@click.option(
    "--out", type=click.Path(), default="runs/eval", show_default=True, help="Folder of the run."
)
@click.option(
    "--limit",
    type=COUNT,
    help="Use only so many test images, balanced over the emotions.",
)
@click.option(
    "--batch-size",
    type=BATCH,
    default=32,
    show_default=True,
    help="Edits made at once; changes speed and memory, no number.",
)
@click.option(
    "--seed",
    type=SEED,
    default=0,
    show_default=True,
    help="Of the noise of stochastic methods and of noisy codes.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Repeat what depends on noise with so many seeds, from --seed on, and report the spread.",
)
@click.option(
    "--metrics",
    default="default",
    show_default=True,
    metavar="all|NAME,...",
    help="What to record beside accuracy; 'default,kid' adds to the usual. Diversity, intensity, "
    "smoothness and units take further edits.",
)
@device_option
@click.option(
    "--dry-run",
    is_flag=True,
    help="Say what would run, what is stored and what it costs; evaluate and write nothing.",
)
@click.option(
    "--shard",
    metavar="I/N",
    help="Do only the I-th of N parts, 1 to N, and report nothing: each may run on another machine "
    "with the same GANBENCH_CACHE.",
)
@click.option(
    "--merge",
    is_flag=True,
    help="Report from what the shards have stored; edit and judge no test image.",
)
@click.option(
    "--fresh", is_flag=True, help="Compute everything anew, whatever earlier runs have stored."
)
def evaluate(
    methods: str,
    data: str,
    root: str | None,
    judge: str,
    labels: str | None,
    judge_size: int | None,
    judge_mean: str | None,
    judge_std: str | None,
    out: str,
    limit: int | None,
    batch_size: int,
    seed: int,
    seeds: int,
    metrics: str,
    device: str,
    label_order: str | None,
    allow_leaks: bool,
    same_data: bool,
    framing: str,
    max_pixels: int,
    skip_bad: bool,
    dry_run: bool,
    shard: str | None,
    merge: bool,
    fresh: bool,
) -> None:
    """Edit every test image towards seven emotions with each method, judge the edits, and report.

    Prints Table 1 and leaves a folder with results, tables, pictures and a page. Finished pieces are
    kept: after Ctrl-C, or with one more method, the same command computes only what is missing.

    Under 'torchrun --nproc-per-node N -m ganbench eval ...' each of N processes does its shard, and the
    first one reports; docs/scaling.md.
    """
    import sys
    from pathlib import Path

    from ganbench import distributed
    from ganbench.data.framing import mismatch
    from ganbench.devices import resolve
    from ganbench.errors import BadInput
    from ganbench.evaluation import run as evaluation
    from ganbench.evaluation.collect import conclude
    from ganbench.evaluation.protocol import describe, judge_notes
    from ganbench.evaluation.shards import Shard, left, note, parse_shard
    from ganbench.report.formats import to_rich
    from ganbench.report.run_folder import check_writable, write_run
    from ganbench.scoring import choose
    from ganbench.stopwatch import Stopwatch
    from ganbench.storage.upkeep import current_limit, keep_limit

    share = distributed.share()
    folder, watch, bars = Path(out), Stopwatch(), output.screen(err=True, quiet=not share.first)
    part = parse_shard(shard) if shard else None
    if part and (merge or share.world > 1):
        other = "--merge" if merge else "torchrun, whose processes take a shard each"
        raise BadInput(f"--shard {part} with {other}; leave one of them out")
    if fresh and merge:
        raise BadInput("--fresh with --merge, which computes no piece; leave one of them out")
    if share.world > 1:
        part = Shard(share.rank + 1, share.world)
    choose(metrics)  # a wrong name should not cost the time to load data
    current_limit()
    device = distributed.device_of(share, device)
    with distributed.process_group(share, device, distributed.LONG):
        with watch.measure("load"), share.together():
            loaded = evaluation.load_all(parse_methods(methods), resolve(device))
            judging, *others = _load_judges(
                judge, device, _expects(labels, judge_size, judge_mean, judge_std)
            )
        size = next(iter(loaded.values())).spec.image_size
        with watch.measure("data"):
            dataset = share.in_turn(
                lambda: _load(
                    data, root, size, label_order, framing, max_pixels, skip_bad, dry_run, bars
                )
            )
        if left_out := dataset.left_out:
            bars.print(f"left out of {data}: {left_out}", soft_wrap=True)
        for line in dataset.notes:
            bars.print(f"{data}: {line}", soft_wrap=True)
        cards = [(one.spec.title, one.card) for one in loaded.values()]
        cards += [(one.spec.title, getattr(one, "card", {})) for one in (judging, *others)]
        for title, card in cards:
            if line := mismatch(title, card, dataset.framing):
                bars.print(f"warning: {line}", soft_wrap=True)
        specs = [one.spec for one in others]
        with share.together():
            run = evaluation.prepare(
                loaded,
                dataset,
                judging,
                seed=seed,
                limit=limit,
                batch_size=batch_size,
                store=evaluation.default_store(fresh),
                stopwatch=watch,
                metrics=metrics,
                seeds=seeds,
                others=others,
                allow_leaks=allow_leaks,
                same_data=same_data,
                look=share.first,
            )
            if share.first:
                notes = judge_notes(describe(dataset, judging.spec, len(dataset), specs))
                for warning in (*notes, *run.notes):
                    say(f"warning: {warning}", err=True)
            run.computes = not merge
            if share.first and not dry_run and not shard:
                check_writable(folder)
        if dry_run:
            if share.first:
                _show_plan(run, folder)
            return
        for untold in evaluation.untold(run) if share.first else ():
            say(
                f"warning: cannot tell whether {untold} changes from run to run; nothing that it makes "
                "is used again",
                err=True,
            )
        with _bars(bars) as progress, share.together():
            bar = progress.add_task("evaluate", total=None)
            if part:
                note(run, part)
            if not merge:
                evaluation.perform(
                    run,
                    lambda what, done, total: progress.update(
                        bar, description=what, completed=done, total=total
                    ),
                    part.jobs(run) if part else None,
                )
    if not share.first:
        return
    run.store.fresh = False  # the other processes have computed their pieces anew, too
    lacking = left(run, part.count if part else None) if part or merge else None
    run.store.fresh = fresh
    if part and share.world == 1:
        images = sum(len(job.chunk) for job in part.jobs(run) if job.kind == "real")
        say(
            f"shard {part} is done ({plural(images, 'image')}); "
            + (f"left to do: {lacking}" if lacking else "nothing is left: --merge reports")
        )
        return
    if lacking:
        raise BadInput(
            f"the store lacks {lacking}; "
            + (
                "run them with --shard, or leave --merge out to compute them here"
                if merge
                else "give all processes the same GANBENCH_CACHE"
            )
        )
    with _bars(bars) as progress:
        bar = progress.add_task("score", total=None)
        with watch.measure("score"):
            found = conclude(run)
        for warning in found.notes[len(run.notes) :]:
            say(f"warning: {warning}", err=True)
        progress.update(bar, description="tables and pictures")
        made = write_run(found, folder, ["ganbench", *sys.argv[1:]], run)
        keep_limit()
    if stored := str(run.pieces):
        say(f"{stored}{'; --fresh computes them anew' * (not run.pieces.computed)}", err=True)
    shown = [made.paper, made.main, made.seeds, made.judges]
    if metrics != "default":  # the other metrics of the default choice are on the page
        shown.insert(3, made.other)
    tables = [to_rich(table) for table in shown if table]
    screen = output.screen()
    wide = screen.options.update(width=300)
    screen.width = max(screen.width, *(screen.measure(t, options=wide).maximum for t in tables))
    for i, table in enumerate(tables):
        if i:
            screen.print()
        screen.print(table)
    screen.print()
    screen.print(f"{folder / 'report.html'}", soft_wrap=True)


def parse_methods(text: str) -> list[MethodLike]:
    """Names separated by commas, each perhaps with ``LABEL:`` before and ``=FILE`` after it.

    ``all`` among them stands for the paper's six.

    Raises:
        BadInput: an empty name or file. Labels and names are checked when the methods are loaded.
    """
    from ganbench.errors import BadInput
    from ganbench.registry import METHODS

    found: list[MethodLike] = []
    for part in text.split(","):
        name, separator, file = (piece.strip() for piece in part.partition("="))
        if not name or (separator and not file):
            raise BadInput(
                f"not a list of methods: {text!r}; write --methods all, or stargan,smit=FILE"
            )
        if name == "all" and not separator:  # a plug-in ships no checkpoint that could be meant
            found += [name for name in METHODS.names() if name in METHODS.first]
        else:
            found.append((name, file or None))
    return found


def _load_judges(text: str, device: str, expects: OnnxInput | None) -> list[Judge]:
    """Judges by names separated by commas; the labels are those of the ONNX judges among them.

    Raises:
        BadInput: an empty name, a judge that does not load, or labels and no ONNX judge.
    """
    from ganbench.errors import BadInput
    from ganbench.judges import ONNX, load_judge

    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise BadInput(f"not a list of judges: {text!r}; write --judge vgg, or vgg,face-api")
    anyone = not any(name.startswith(ONNX) for name in names)  # is told that it takes no labels
    return [
        load_judge(
            name, device=device, expects=expects if anyone or name.startswith(ONNX) else None
        )
        for name in names
    ]


def _expects(
    labels: str | None, size: int | None, mean: str | None, std: str | None
) -> OnnxInput | None:
    """The description of an ONNX judge, if any part of it is given.

    Raises:
        BadInput: no labels, or not three numbers.
    """
    from ganbench.errors import BadInput
    from ganbench.judges.onnx import OnnxInput

    if labels is None:
        if size is None and mean is None and std is None:
            return None
        raise BadInput(
            "no labels for the ONNX judge: --judge-size, --judge-mean and --judge-std need --labels"
        )

    def three(option: str, text: str | None, default: float) -> tuple[float, ...]:
        try:
            return tuple(map(float, text.split(","))) if text else (default,) * 3
        except ValueError:
            raise BadInput(f"not three numbers: {option} {text}; write 0.485,0.456,0.406") from None

    return OnnxInput(
        tuple(labels.split(",")),
        size,
        three("--judge-mean", mean, 0.0),
        three("--judge-std", std, 1.0),
    )


def _load(
    data: str,
    root: str | None,
    size: int,
    label_order: str | None,
    framing: str,
    max_pixels: int,
    skip_bad: bool,
    lazy: bool,
    console: Console,
) -> Dataset:
    from ganbench.data import load_dataset

    name, options = parse_data(data)
    with _bars(console) as progress:
        bar = progress.add_task(f"data {data}", total=None, visible=False)
        return load_dataset(
            name,
            "test",
            root=root,
            size=size,
            skip_bad=skip_bad,
            lazy=lazy,
            label_order=label_order,
            framing=framing,
            max_pixels=max_pixels,
            progress=lambda done, total: progress.update(
                bar, completed=done, total=total, visible=True
            ),
            **options,
        )


def _bars(console: Console) -> Progress:
    return output.progress(console=console, count=True)


def _show_plan(run: Plan, folder: Path) -> None:
    """Print what a run would do."""
    from rich.table import Table

    from ganbench.evaluation.estimate import estimate
    from ganbench.report.run_folder import file_names

    items = estimate(run)
    table = Table(box=None, pad_edge=False)
    table.add_column("What", no_wrap=True)
    for head in ("Images", "Stored", "To do", "Seconds"):
        table.add_column(head, justify="right", no_wrap=True)
    for item in items:
        stored = item.images - item.missing
        table.add_row(
            item.title, *map(str, (item.images, stored, item.missing, round(item.seconds)))
        )
    table.add_row("all", *(
        str(round(value))
        for value in (
            sum(item.images for item in items),
            sum(item.images - item.missing for item in items),
            sum(item.missing for item in items),
            sum(item.seconds for item in items),
        )
    ))  # fmt: skip
    screen = output.screen()
    jobs, missing = sum(item.jobs for item in items), sum(item.missing_jobs for item in items)
    screen.print(table)
    screen.print()
    screen.print(
        f"{jobs - missing} of {jobs} pieces are stored; about "
        f"{sum(item.seconds for item in items) + REPORT:.0f} s with t-SNE and report"
        f"{', after rendering faces that the cache lacks' * run.dataset.has_true_edits}. "
        f"Would write to {folder}:",
    )
    screen.print("  " + "  ".join(file_names(run)))
