"""``ganbench eval``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli import names
from ganbench.cli.judge_options import JudgeOptions, judge_options
from ganbench.cli.names import examples, list_of
from ganbench.cli.options import (
    COUNT,
    all_codes_option,
    batch_size_option,
    data_options,
    device_option,
    edit_precision_option,
    faces_options,
    leak_options,
    renamed_option,
    seed_option,
)
from ganbench.cli.screen import fits, print_table, progress_bar, say, screen
from ganbench.text import plural

if TYPE_CHECKING:
    from ganbench.data.dataset import Dataset
    from ganbench.distributed import Share
    from ganbench.evaluation.plan import Plan
    from ganbench.evaluation.shards import Shard
    from ganbench.report.table import Table
    from ganbench.report.tables import Tables
    from ganbench.stopwatch import Stopwatch


@dataclass(frozen=True)
class EvalOptions(JudgeOptions):
    """The options of ``ganbench eval``."""

    methods: str
    out: str
    limit: int | None
    batch_size: int
    seed: int
    noise_seeds: int
    metrics: str
    all_codes: bool
    all_faces: bool
    by: tuple[str, ...]
    precision: str
    device: str
    allow_leaks: bool
    same_data: bool
    dry_run: bool
    shard: str | None
    merge: bool
    fresh: bool
    published: bool

    @property
    def folder(self) -> Path:
        """Folder of results, tables, pictures and page."""
        return Path(self.out)

    def check_groups(self, dataset: Dataset) -> None:
        """Refuse ``--by`` for a property that the data do not know.

        Raises:
            BadInput: there is no such property.
        """
        from ganbench.errors import BadInput, unknown

        known = list(dataset.groups([0])) if self.by else []
        for name in self.by:
            if not known:
                raise BadInput(
                    f"--by {name}: {dataset.name} tells no groups of its images; leave --by out"
                )
            if name not in (*known, "all"):
                raise unknown("property of --by", name, [*known, "all"])

    def groups(self, tables: Tables) -> list[Table | None]:
        """The tables that ``--by`` asks for; a warning where no group has enough images."""
        from ganbench.scoring.groups import LEAST

        chosen = [t for name, t in tables.groups.items() if {name, "all"} & set(self.by)]
        if self.by and not chosen:
            say(f"warning: --by {', '.join(self.by)}: no group has {LEAST} images", err=True)
        return [*chosen, tables.worst] if chosen else []

    def part(self, share: Share) -> Shard | None:
        """The shard that this process computes; None for everything.

        Raises:
            BadInput: options that contradict each other.
        """
        from ganbench.errors import BadInput
        from ganbench.evaluation.shards import Shard, parse_shard

        shard = parse_shard(self.shard) if self.shard else None
        if shard and (self.merge or share.world > 1):
            other = "--merge" if self.merge else "torchrun, which gives each process a shard"
            raise BadInput(f"--shard {shard} with {other}; leave one of them out")
        if self.fresh and self.merge:
            raise BadInput("--fresh with --merge, which computes no piece; leave one of them out")
        return Shard(share.rank + 1, share.world) if share.world > 1 else shard


@click.command(
    epilog=examples(
        "ganbench eval --out runs/first",
        "ganbench eval --methods gaussian,mine:gaussian=runs/mine --data faces:test=70",
        "ganbench eval --data affectnet --root /data/AffectNet --judge face-api",
    )
)
@click.option(
    "--methods",
    default="all",
    show_default=True,
    metavar="all|[LABEL:]NAME[=FILE],...",
    shell_complete=list_of(names.all_methods),
    help="Methods to evaluate: the paper's six, or names such as gaussian or its alias gganmut. NAME=FILE "
    "takes your checkpoint or run folder. Two checkpoints of one method need labels: mine:gaussian=FILE.",
)
@data_options
@leak_options
@judge_options
@click.option(
    "--out", type=click.Path(), default="runs/eval", show_default=True, help="Folder of the run."
)
@click.option(
    "--limit",
    type=COUNT,
    help="Number of test images to use, balanced over the emotions.  [default: all]",
)
@batch_size_option
@seed_option("Seed of the noise of stochastic methods and of noisy codes.")
@click.option(
    "--noise-seeds",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Number of seeds of the noise, from --seed on: edits that depend on noise are repeated, and mean "
    "and standard deviation are reported.",
)
@renamed_option("--seeds", "--noise-seeds")
@click.option(
    "--metrics",
    default="default",
    show_default=True,
    metavar="all|NAME,...",
    shell_complete=list_of(names.metrics),
    help="Metrics beside accuracy; 'default,kid' adds KID to the default ones. Diversity, intensity, "
    "smoothness and units need further edits.",
)
@all_codes_option
@faces_options
@edit_precision_option
@device_option
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print what would be computed, what is stored and the expected time; compute and write nothing.",
)
@click.option(
    "--shard",
    metavar="I/N",
    help="Compute only part I of N, 1 to N, without a report. Each part may run on another machine with "
    "the same GANBENCH_CACHE.",
)
@click.option(
    "--merge",
    is_flag=True,
    help="Only report, from the results that the shards have stored.",
)
@click.option(
    "--fresh", is_flag=True, help="Compute everything anew instead of using stored results."
)
@click.option(
    "--published",
    is_flag=True,
    help="Also print the paper's Table 1, which is on the page; its numbers are not comparable with these.",
)
def evaluate(**given: Any) -> None:
    """Edit every test image towards seven emotions with each method, judge the edits, and report.

    Prints Table 1 and writes a folder with results, tables, pictures and a page. Finished pieces are
    stored: after Ctrl-C, or with one more method, the same command computes only what is missing.

    'torchrun --nproc-per-node N -m ganbench eval ...' starts N processes, which compute a shard each; the
    first one reports. See docs/scaling.md.
    """
    from ganbench import distributed
    from ganbench.cli.eval_plan import show_plan
    from ganbench.scoring import select_metrics
    from ganbench.stopwatch import Stopwatch
    from ganbench.storage.upkeep import current_limit

    options, share, watch = EvalOptions(**given), distributed.share(), Stopwatch()
    part = options.part(share)
    # Errors in names and in the environment come before data are loaded.
    select_metrics(options.metrics)
    current_limit()
    device = distributed.device_of(share, options.device)
    with distributed.process_group(share, device, distributed.LONG):
        run = _prepare(options, share, device, watch)
        if options.dry_run:
            if share.first:
                show_plan(run, options.folder)
            return
        _perform(options, run, share, part)
    if share.first and _complete(options, run, share, part):
        _report(options, run, watch)


def _prepare(options: EvalOptions, share: Share, device: str, watch: Stopwatch) -> Plan:
    """Load methods, judges and images, and check that they fit together."""
    from ganbench.devices import resolve
    from ganbench.evaluation.labels import parse_methods
    from ganbench.evaluation.precision import imitated
    from ganbench.evaluation.protocol import describe, training_notes
    from ganbench.evaluation.run import default_store, load_all, prepare
    from ganbench.report.run_folder import check_writable

    console = screen(err=True, quiet=not share.first)
    with watch.measure("load"), share.fail_together():
        methods = load_all(parse_methods(options.methods), resolve(device))
        judge, *others = options.load_judges(device)
    size = next(iter(methods.values())).spec.image_size
    with watch.measure("data"), progress_bar(console) as move:
        dataset = share.in_turn(lambda: options.load("test", size, move, lazy=options.dry_run))
    networks: list[Any] = [*methods.values(), judge, *others]
    cards = [(one.spec.title, getattr(one, "card", {})) for one in networks]
    for line in options.notes(dataset, cards):
        console.print(line, soft_wrap=True)
    with share.fail_together():
        options.check_groups(dataset)
        run = prepare(
            methods,
            dataset,
            judge,
            seed=options.seed,
            limit=options.limit,
            batch_size=options.batch_size,
            store=default_store(options.fresh),
            stopwatch=watch,
            metrics=options.metrics,
            noise_seeds=options.noise_seeds,
            others=others,
            allow_leaks=options.allow_leaks,
            same_data=options.same_data,
            look=share.first,
            all_codes=options.all_codes,
            all_faces=options.all_faces,
            precision=options.precision,
        )
        if share.first:
            specs = [one.spec for one in others]
            notes = training_notes(describe(dataset, judge.spec, len(dataset), specs))
            slow = imitated(run.precision, (method.device for method in methods.values()))
            for warning in (*slow, *notes, *run.notes):
                say(f"warning: {warning}", err=True)
        run.computes = not options.merge
        if share.first and not options.dry_run and not options.shard:
            check_writable(options.folder)
    return run


def _perform(options: EvalOptions, run: Plan, share: Share, part: Shard | None) -> None:
    """Edit and judge what the store lacks; with a shard, only its part."""
    from ganbench.evaluation.run import perform, unreadable
    from ganbench.evaluation.shards import note

    for unknown in unreadable(run) if share.first else ():
        say(
            f"warning: cannot tell whether {unknown} changes from run to run; its results are not "
            "used again",
            err=True,
        )
    with progress_bar(screen(err=True, quiet=not share.first)) as move, share.fail_together():
        move("evaluate", 0, None)
        if part:
            note(run, part)
        if not options.merge:
            perform(run, move, part.jobs(run) if part else None)


def _complete(options: EvalOptions, run: Plan, share: Share, part: Shard | None) -> bool:
    """Whether the store has everything for a report; after ``--shard`` print what is left to do.

    Raises:
        BadInput: other processes have not computed their pieces.
    """
    from ganbench.errors import BadInput
    from ganbench.evaluation.shards import left

    if part is None and not options.merge:
        return True
    run.store.fresh = False  # pieces of other processes are used, also with --fresh
    lacking = left(run, part.count if part else None)
    run.store.fresh = options.fresh
    if part and share.world == 1:
        images = sum(len(job.chunk) for job in part.jobs(run) if job.kind == "real")
        rest = f"left to do: {lacking}" if lacking else "nothing is left: --merge reports"
        say(f"shard {part} is done ({plural(images, 'image')}); {rest}")
        return False
    if lacking and options.merge:
        raise BadInput(
            f"the store lacks {lacking}; compute them with --shard, or here without --merge"
        )
    if lacking:
        raise BadInput(f"the store lacks {lacking}; give all processes the same GANBENCH_CACHE")
    return True


def _report(options: EvalOptions, run: Plan, watch: Stopwatch) -> None:
    """Compute the metrics, write the folder and print the tables."""
    from ganbench.evaluation.collect import conclude
    from ganbench.report.run_folder import write_run
    from ganbench.storage.upkeep import keep_limit

    with progress_bar(screen(err=True)) as move:
        move("score", 0, None)
        with watch.measure("score"):
            evaluation = conclude(run)
        for warning in evaluation.notes[len(run.notes) :]:
            say(f"warning: {warning}", err=True)
        move("tables and pictures", 0, None)
        tables = write_run(evaluation, options.folder, ["ganbench", *sys.argv[1:]], run)
        keep_limit()
    if stored := str(run.pieces):
        say(f"{stored}{'; --fresh computes them anew' * (not run.pieces.computed)}", err=True)
    shown = [tables.main, tables.seeds]
    if options.metrics != "default":  # the default metrics that Table 1 lacks are on the page
        shown.append(tables.other)
    if options.published:
        shown.append(tables.paper)
    print_tables([*shown, tables.judges, *options.groups(tables)])
    screen().print(f"{options.folder / 'report.html'}", soft_wrap=True)


def print_tables(tables: list[Table | None]) -> None:
    """Print tables whose cells are never cut; None stands for no table.

    On a terminal, a table that is too wide is printed in parts below each other, each with the names of its
    rows. In a pipe it has its full width.
    """
    from ganbench.report.formats import to_rich

    console = screen()
    for table in filter(None, tables):
        parts = _parts(console, table) if console.is_terminal else [None]
        for i, columns in enumerate(parts):
            print_table(console, to_rich(table, columns, caption=not i))
            console.print()


def _parts(console: Any, table: Table) -> list[list[int]]:
    """The columns of the parts of a table that fit the console; a part has one column at least."""
    from ganbench.report.formats import to_rich

    parts: list[list[int]] = [[]]
    for i in range(len(table.columns)):
        longer = to_rich(table, [*parts[-1], i], caption=False)
        if parts[-1] and not fits(console, longer):
            parts.append([])
        parts[-1].append(i)
    return parts
