"""The command ``ganbench train``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ganbench.cli import names
from ganbench.cli.names import examples, one_of
from ganbench.cli.options import (
    BATCH,
    DataOptions,
    allow_leaks_option,
    au_scale_of,
    au_scale_option,
    data_options,
    device_option,
    seed_option,
)
from ganbench.cli.screen import progress_bar, say, screen
from ganbench.registry import METHODS

if TYPE_CHECKING:
    from ganbench.cli.screen import Bar
    from ganbench.data.dataset import Dataset
    from ganbench.distributed import Share
    from ganbench.training.events import Events
    from ganbench.training.folder import LogLine
    from ganbench.training.schedule import Choice
    from ganbench.training.session import Session

# Options of the command line that the card records; the card is the description of the training in a
# checkpoint. Folders and devices are left out, because they differ between machines.
RECORDED = (
    "recipe", "assignments", "precision", "compiled", "graphs", "deterministic", "accumulate", "data", "label_order",
    "cameras", "au_scale", "framing", "seed",
)  # fmt: skip
# Where images may be, as in ``ganbench.training.images.CHOICES``, whose import takes a second.
PLACES = ("auto", "disk", "memory", "device", "files")
# After an error, advice may show the command line again with a change. These options are left out of it.
NOT_REPEATED = ("out", "resume", "resume_rate", "dry_run")


@dataclass(frozen=True)
class TrainOptions(DataOptions):
    """The arguments and options of ``ganbench train``."""

    name: str
    recipe: str
    assignments: tuple[str, ...]
    precision: str | None
    compiled: bool
    graphs: bool
    deterministic: bool
    accumulate: int | None
    au_scale: str
    allow_leaks: bool
    out: str | None
    init: str | None
    resume: bool
    resume_rate: Choice
    device: str
    images: str
    seed: int
    dry_run: bool
    tensorboard: bool

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return Path(self.out) if self.out else Path("runs") / METHODS.canonical(self.name)

    @cached_property
    def start(self) -> Path | None:
        """The checkpoint file that ``--init`` names; None without ``--init``."""
        from ganbench.methods.locate import checkpoint_file

        return checkpoint_file(self.init) if self.init else None

    @property
    def values(self) -> dict[str, Any]:
        """Values that replace values of the recipe, by key. ``--set``, ``--precision`` ... give them."""
        from ganbench.config import parse_assignments

        values = parse_assignments(self.assignments)
        if self.precision:
            values["precision"] = self.precision
        if self.compiled:
            values["compile"] = True
        if not self.graphs:
            values["graphs"] = False
        if self.deterministic:
            values["deterministic"] = True
        if self.accumulate is not None:
            values["accumulate"] = self.accumulate
        return values


def no_longer_an_option(_: click.Context, parameter: click.Parameter, given: bool) -> None:
    """Refuse ``--fast``, which command lines and cards of ganbench 0.1 have."""
    from ganbench.errors import BadInput

    if given:
        raise BadInput(
            f"{parameter.opts[0]} is no option any more: training is always fast; remove it"
        )


@click.command(
    epilog=examples(
        "ganbench train gaussian --dry-run",
        "ganbench train gaussian --data faces:train=700 --set iterations=2000 --out runs/mine",
        "ganbench train stargan --recipe affectnet --data affectnet --root /data/AffectNet",
    )
)
@click.argument("name", metavar="METHOD|judge", shell_complete=one_of(names.trained))
@click.option(
    "--recipe",
    default="faces",
    show_default=True,
    help="faces, faces128, affectnet or a TOML file.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Replace a value of the recipe; use dots for nested keys: network.width=16.",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "tf32", "bf16", "fp16"]),
    help="Arithmetic of the generator: auto is tf32 on CUDA and fp32 on a CPU; tf32 and fp16 need CUDA.  "
    "[default: the value of the recipe]",
)
@click.option("--fast", is_flag=True, hidden=True, expose_value=False, callback=no_longer_an_option)
@click.option(
    "--compile", "compiled", is_flag=True, help="Compile the generator with torch.compile."
)
@click.option(
    "--no-graphs",
    "graphs",
    is_flag=True,
    flag_value=False,
    default=True,
    help="On CUDA, do not record and replay the operations of a step; slower.",
)
@click.option(
    "--deterministic",
    is_flag=True,
    help="On CUDA, train with the same bits each time; slower. A CPU always does.",
)
@click.option(
    "--accumulate",
    type=BATCH,
    metavar="K",
    help="Process each batch in K parts, which saves memory.",
)
@data_options
@au_scale_option
@allow_leaks_option
@click.option("--out", type=click.Path(), help="Folder of the run.  [default: runs/METHOD]")
@click.option(
    "--init",
    type=click.Path(),
    metavar="FILE|RUN",
    help="Start from the weights of a checkpoint of METHOD, or of a run folder. The network of the checkpoint "
    "replaces the network of the recipe. A judge can start from torchvision's weights of vgg16 or "
    "vgg16_bn instead.",
)
@click.option("--resume", is_flag=True, help="Continue the run in --out from its last checkpoint.")
@click.option(
    "--resume-rate",
    type=click.Choice(["continue", "restart"]),
    default="continue",
    show_default=True,
    help="Learning rate of a run that is resumed with another number of iterations, if the rate has begun to "
    "fall: 'continue' lowers the rate to 0 at the new end, 'restart' uses the rate of the recipe for the new "
    "length.",
)
@device_option
@click.option(
    "--images",
    type=click.Choice(PLACES),
    default="auto",
    show_default=True,
    help="Where the steps take their images from: 'disk', a file of decoded pixels in the cache; 'memory'; "
    "'device', the memory of a GPU; 'files', decoded again each time. auto: a GPU or memory if half of what is "
    "free holds the pixels, else disk; files if the run reads fewer images than the data set has. All give "
    "the same bits.",
)
@seed_option(
    "Seed of the initial weights, the order of the images, the augmentation and the noise."
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print networks, steps, losses, disk and memory of the run; open no image and write nothing.",
)
@click.option(
    "--tensorboard",
    is_flag=True,
    help="Also write TensorBoard events, into the folder 'events' of the run.",
)
@click.pass_context
def train(context: click.Context, /, **given: Any) -> None:
    """Train METHOD, or the judge, and write a checkpoint for 'ganbench eval'.

    METHOD is linear (ganmut), gaussian (gganmut), stargan, ganimation, smit, stargan-v2 or a plug-in.

    Ctrl-C stops after the current step; --resume then continues exactly at the next step.

    'torchrun --nproc-per-node N -m ganbench train ...' starts N processes, which share each batch. If there
    are GPUs, each process uses one of them; see docs/scaling.md.
    """
    from ganbench import distributed
    from ganbench.errors import BadInput
    from ganbench.training.folder import best

    options, share = TrainOptions(**given), distributed.share()
    if options.init and options.resume:
        raise BadInput(
            f"--init {options.init} with --resume: a resumed run already has weights; remove one of the two "
            "options"
        )
    if options.dry_run:
        if share.first:
            from ganbench.cli.train_plan import show_plan

            named = context.get_parameter_source("data") is not ParameterSource.DEFAULT
            show_plan(options, data_named=named)
        return
    device = distributed.device_of(share, options.device)
    with ExitStack() as stack:
        stack.enter_context(distributed.process_group(share, device))
        final = _train(context, options, share, device, stack)
    if not share.first:
        sys.exit(0 if final else 130)
    if final is None:
        raise click.Abort
    if best_checkpoint := best(options.folder):
        accuracy, path = best_checkpoint
        screen(err=True).print(
            f"checkpoint with the best judged edits: {path} ({accuracy:.1%})", soft_wrap=True
        )
    say(f"{final}")


def _train(
    context: click.Context, options: TrainOptions, share: Share, device: str, stack: ExitStack
) -> Path | None:
    """Train and return the path of the checkpoint, or None after Ctrl-C.

    Args:
        context: the context of the command, for its parameters.
        options: the options of the command.
        share: this process's part of each batch.
        device: device of this process.
        stack: closes the progress bar and the TensorBoard events.
    """
    from ganbench import distributed
    from ganbench.training.events import open_events
    from ganbench.training.folder import began_in

    folder, console = options.folder, screen(err=True, quiet=not share.first)
    # torchrun restarts a process with the arguments of its first start, in which --resume is missing.
    restarted = share.first and distributed.relaunched() and began_in(folder, distributed.launch())
    resume = share.any(restarted) or options.resume
    with share.fail_together():
        session = _session(options, share, device, resume)
        writes = options.tensorboard and share.first
        events = stack.enter_context(open_events(folder)) if writes else None
    for line in session.setup.remarks():
        console.print(line, soft_wrap=True)
    progress = stack.enter_context(progress_bar(console, keep=True))
    dataset = share.in_turn(partial(_load, options, session, progress))
    for line in options.notes(dataset):
        console.print(line, soft_wrap=True)
    with share.fail_together():
        command, another_try = _commands(context, options)
        run = session.run(
            dataset,
            folder,
            command,
            log_line(progress, session.setup.name, events),
            options.allow_leaks,
            lambda note: say(f"warning: {note}", err=True),
            another_try,
            options.data_values,
        )
    place, moved, remark = options.images, partial(progress, "decode pictures"), ""
    if resume:
        remark = run.resume(options.resume_rate, place, moved)
    else:
        run.start(place, moved)
    for line in filter(None, (remark, session.computation, run.images)):
        console.print(line, soft_wrap=True)
    if events:
        events.begin(run.done)
    progress(f"train {session.setup.name}", run.done, session.setup.recipe.iterations)
    return run.run()


def _session(options: TrainOptions, share: Share, device: str, resume: bool) -> Session:
    """What is trained in this process: ``--init`` has no effect on a run that is resumed."""
    from ganbench.training.session import prepare

    return prepare(
        options.name,
        options.recipe,
        options.values,
        seed=options.seed,
        device=device,
        init=None if resume else options.start,
        resumed=options.folder if resume else None,
        share=share,
    )


def _load(options: TrainOptions, session: Session, progress: Bar) -> Dataset:
    return options.load(
        "train",
        session.image_size,
        progress,
        au_scale=au_scale_of(options.au_scale),
        unlabelled=not session.trainer.needs_emotions,
        emotions=session.setup.network.emotions,
        keep=options.images not in ("disk", "files"),
    )


def log_line(progress: Bar, name: str, events: Events | None = None) -> Callable[[LogLine], None]:
    """A callback that shows the log lines of a training in a progress bar, and writes TensorBoard events."""

    def show(line: LogLine) -> None:
        losses = " ".join(f"{key} {value:.3g}" for key, value in line.values.items())
        waited = (
            f", {line.waited:.0%} of the time waiting for images" if line.waited >= 0.02 else ""
        )
        note = f"{line.images_per_second:.0f} img/s{waited} {losses}"
        progress(f"train {name}", line.iteration, line.total, note)
        if events:
            events.on_log(line)

    return show


def _commands(context: click.Context, options: TrainOptions) -> tuple[str, str]:
    """The command in the card, with names of files instead of paths, and the command for another try."""
    source = context.get_parameter_source
    given = {k: v for k, v in context.params.items() if source(k) is not ParameterSource.DEFAULT}
    recorded = {key: value for key, value in given.items() if key in RECORDED} | {
        "name": METHODS.canonical(options.name),
        "recipe": Path(options.recipe).name,
        "data": options.data,
        "seed": options.seed,
        "init": options.start and options.start.name,
    }
    repeated = {key: value for key, value in given.items() if key not in NOT_REPEATED}
    return _command(context, recorded), _command(context, repeated)


def _command(context: click.Context, values: Mapping[str, Any]) -> str:
    """The command line with the given parameters, in the order of ``--help``."""
    import shlex

    words = ["ganbench", "train"]
    for parameter in context.command.params:
        value = values.get(str(parameter.name))
        if value is None or value is False:
            continue
        if not isinstance(parameter, click.Option):
            words.append(str(value))
        elif parameter.is_flag:
            words.append(parameter.opts[0])
        else:
            for argument in value if parameter.multiple else [value]:
                words += [parameter.opts[0], str(argument)]
    return shlex.join(words)
