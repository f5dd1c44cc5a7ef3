"""``ganbench eval``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli.options import (
    BATCH,
    COUNT,
    PIXELS,
    SEED,
    DataOptions,
    data_options,
    device_option,
    leak_options,
    renamed_option,
)
from ganbench.cli.screen import progress_bar, say, screen
from ganbench.text import plural

if TYPE_CHECKING:
    from ganbench.distributed import Share
    from ganbench.evaluation.plan import Plan
    from ganbench.evaluation.shards import Shard
    from ganbench.judges import Judge
    from ganbench.judges.onnx import OnnxInput
    from ganbench.report.table import Table
    from ganbench.stopwatch import Stopwatch


@dataclass(frozen=True)
class EvalOptions(DataOptions):
    """The options of ``ganbench eval``."""

    methods: str
    judge: str
    labels: str | None
    judge_size: int | None
    judge_mean: str | None
    judge_std: str | None
    out: str
    limit: int | None
    batch_size: int
    seed: int
    noise_seeds: int
    metrics: str
    device: str
    allow_leaks: bool
    same_data: bool
    dry_run: bool
    shard: str | None
    merge: bool
    fresh: bool

    @property
    def folder(self) -> Path:
        """Where tables, pictures and page go."""
        return Path(self.out)

    def part(self, share: Share) -> Shard | None:
        """The shard that this process computes; None for everything.

        Raises:
            BadInput: options that contradict each other.
        """
        from ganbench.errors import BadInput
        from ganbench.evaluation.shards import Shard, parse_shard

        shard = parse_shard(self.shard) if self.shard else None
        if shard and (self.merge or share.world > 1):
            other = "--merge" if self.merge else "torchrun, whose processes take a shard each"
            raise BadInput(f"--shard {shard} with {other}; leave one of them out")
        if self.fresh and self.merge:
            raise BadInput("--fresh with --merge, which computes no piece; leave one of them out")
        return Shard(share.rank + 1, share.world) if share.world > 1 else shard

    def load_judges(self, device: str) -> list[Judge]:
        """The judges of ``--judge``, the main one first.

        Raises:
            BadInput: an empty name, a judge that does not load, or labels without an ONNX judge.
        """
        from ganbench.errors import BadInput
        from ganbench.judges import ONNX, load_judge

        names = [name.strip() for name in self.judge.split(",")]
        if not all(names):
            raise BadInput(
                f"not a list of judges: {self.judge!r}; write --judge vgg, or vgg,face-api"
            )
        onnx = [name for name in names if name.startswith(ONNX)]
        # Without an ONNX judge every judge gets the description, and refuses it.
        described = onnx or names
        expects = self.onnx_input()
        return [
            load_judge(name, device=device, expects=expects if name in described else None)
            for name in names
        ]

    def onnx_input(self) -> OnnxInput | None:
        """The description of ONNX judges; None if no part of it is given.

        Raises:
            BadInput: no labels, or not three numbers.
        """
        from ganbench.errors import BadInput
        from ganbench.judges.onnx import OnnxInput

        if self.labels is None:
            if self.judge_size is None and self.judge_mean is None and self.judge_std is None:
                return None
            raise BadInput(
                "no labels for the ONNX judge: --judge-size, --judge-mean and --judge-std need --labels"
            )
        return OnnxInput(
            tuple(self.labels.split(",")),
            self.judge_size,
            _three_numbers("--judge-mean", self.judge_mean or "0,0,0"),
            _three_numbers("--judge-std", self.judge_std or "1,1,1"),
        )


def _three_numbers(option: str, text: str) -> tuple[float, ...]:
    from ganbench.errors import BadInput

    try:
        return tuple(map(float, text.split(",")))
    except ValueError:
        raise BadInput(f"not three numbers: {option} {text}; write 0.485,0.456,0.406") from None


@click.command()
@click.option(
    "--methods",
    default="all",
    show_default=True,
    metavar="all|[LABEL:]NAME[=FILE],...",
    help="Which methods: the paper's six, or names such as gaussian or its alias gganmut; NAME=FILE "
    "evaluates a checkpoint of your own, or the run folder of one. Two of one method need labels: "
    "mine:gaussian=FILE.",
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
    "--noise-seeds",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Repeat what depends on noise with so many seeds, from --seed on; report mean and deviation.",
)
@renamed_option("--seeds", "--noise-seeds")
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
def evaluate(**given: Any) -> None:
    """Edit every test image towards seven emotions with each method, judge the edits, and report.

    Prints Table 1 and leaves a folder with results, tables, pictures and a page. Finished pieces are
    kept: after Ctrl-C, or with one more method, the same command computes only what is missing.

    Under 'torchrun --nproc-per-node N -m ganbench eval ...' each of N processes does its shard, and the
    first one reports; docs/scaling.md.
    """
    from ganbench import distributed
    from ganbench.cli.eval_plan import show_plan
    from ganbench.scoring import select_metrics
    from ganbench.stopwatch import Stopwatch
    from ganbench.storage.upkeep import current_limit

    options, share, watch = EvalOptions(**given), distributed.share(), Stopwatch()
    part = options.part(share)
    # What is wrong in a name or in the environment is told before data are loaded.
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
    """Load methods, judges and images, and check that they fit each other."""
    from ganbench.devices import resolve
    from ganbench.evaluation.labels import parse_methods
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
        )
        if share.first:
            specs = [one.spec for one in others]
            notes = training_notes(describe(dataset, judge.spec, len(dataset), specs))
            for warning in (*notes, *run.notes):
                say(f"warning: {warning}", err=True)
        run.computes = not options.merge
        if share.first and not options.dry_run and not options.shard:
            check_writable(options.folder)
    return run


def _perform(options: EvalOptions, run: Plan, share: Share, part: Shard | None) -> None:
    """Edit and judge what the store lacks, of this process's shard if it has one."""
    from ganbench.evaluation.run import perform, unreadable
    from ganbench.evaluation.shards import note

    for unknown in unreadable(run) if share.first else ():
        say(
            f"warning: cannot tell whether {unknown} changes from run to run; nothing that it makes "
            "is used again",
            err=True,
        )
    with progress_bar(screen(err=True, quiet=not share.first)) as move, share.fail_together():
        move("evaluate", 0, None)
        if part:
            note(run, part)
        if not options.merge:
            perform(run, move, part.jobs(run) if part else None)


def _complete(options: EvalOptions, run: Plan, share: Share, part: Shard | None) -> bool:
    """Whether everything is there for a report; after ``--shard`` print what is left.

    Raises:
        BadInput: pieces are missing that other processes were to compute.
    """
    from ganbench.errors import BadInput
    from ganbench.evaluation.shards import left

    if part is None and not options.merge:
        return True
    run.store.fresh = False  # the other processes have computed their pieces anew, too
    lacking = left(run, part.count if part else None)
    run.store.fresh = options.fresh
    if part and share.world == 1:
        images = sum(len(job.chunk) for job in part.jobs(run) if job.kind == "real")
        rest = f"left to do: {lacking}" if lacking else "nothing is left: --merge reports"
        say(f"shard {part} is done ({plural(images, 'image')}); {rest}")
        return False
    if lacking and options.merge:
        raise BadInput(
            f"the store lacks {lacking}; run them with --shard, or leave --merge out to compute them here"
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
    shown = [tables.paper, tables.main, tables.seeds]
    if options.metrics != "default":  # the other metrics of the default choice are on the page
        shown.append(tables.other)
    _print_tables([*shown, tables.judges])
    screen().print(f"{options.folder / 'report.html'}", soft_wrap=True)


def _print_tables(tables: list[Table | None]) -> None:
    """Print the tables that there are, as wide as the widest, so that no cell is cut."""
    from ganbench.report.formats import to_rich

    shown = [to_rich(table) for table in tables if table]
    console = screen()
    wide = console.options.update(width=300)
    console.width = max(console.width, *(console.measure(t, options=wide).maximum for t in shown))
    for table in shown:
        console.print(table)
        console.print()
