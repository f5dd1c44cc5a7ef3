"""``ganbench train``."""

from __future__ import annotations

import dataclasses
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ganbench.cli.options import (
    BATCH,
    SEED,
    allow_leaks_option,
    au_scale_of,
    au_scale_option,
    data_options,
    device_option,
    parse_data,
)
from ganbench.cli.screen import say, screen
from ganbench.text import plural

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from ganbench.training.folder import LogLine
    from ganbench.training.plan import Memory, Plan
    from ganbench.training.recipe import Recipe
    from ganbench.training.schedule import Choice, Schedule
    from ganbench.training.session import Setup

# AffectNet's training images of the seven emotions: what its recipes count epochs in.
AFFECTNET = 283_901
# Operations a second that hours are given for: a round number, which a reader divides by his own.
SPEED = 1e13


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
    "--precision",
    type=click.Choice(["fp32", "bf16", "fp16"]),
    help="Arithmetic of the generator; fp16 on CUDA only.  [default: the recipe's]",
)
@click.option("--fast", is_flag=True, help="The same losses in less time, with other last bits.")
@click.option(
    "--compile", "compiled", is_flag=True, help="Let torch.compile make the generator's code."
)
@click.option(
    "--accumulate", type=BATCH, metavar="K", help="Take each batch in K parts, which saves memory."
)
@data_options
@au_scale_option
@allow_leaks_option
@click.option("--out", type=click.Path(), help="Folder of the run.  [default: runs/METHOD]")
@click.option(
    "--init",
    type=click.Path(),
    metavar="FILE|RUN",
    help="Start from the weights of a checkpoint of METHOD, or of a run folder's; the network is then "
    "the checkpoint's.",
)
@click.option("--resume", is_flag=True, help="Continue the run in --out from its last checkpoint.")
@click.option(
    "--resume-rate",
    type=click.Choice(["continue", "restart"]),
    default="continue",
    show_default=True,
    help="With --resume and another number of iterations, once the learning rate has begun to fall: "
    "let it fall on to 0 at the new end, or restart it as the recipe has it for the new length.",
)
@device_option
@click.option(
    "--seed",
    type=SEED,
    default=0,
    show_default=True,
    help="Of weights, data order, augmentation and noise.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print networks, steps, losses, disk and memory of the run; render, read and write nothing.",
)
@click.option(
    "--tensorboard",
    is_flag=True,
    help="Also write losses as TensorBoard events into the run's folder 'events'.",
)
@click.pass_context
def train(
    context: click.Context,
    name: str,
    recipe: str,
    assignments: tuple[str, ...],
    precision: str | None,
    fast: bool,
    compiled: bool,
    accumulate: int | None,
    data: str,
    root: str | None,
    label_order: str | None,
    au_scale: str,
    allow_leaks: bool,
    framing: str,
    max_pixels: int,
    skip_bad: bool,
    out: str | None,
    init: str | None,
    resume: bool,
    resume_rate: Choice,
    device: str,
    seed: int,
    dry_run: bool,
    tensorboard: bool,
) -> None:
    """Train METHOD, or the judge, and write a checkpoint that 'ganbench eval' takes.

    Ctrl-C stops at the next step and leaves a run that --resume continues exactly.

    Under 'torchrun --nproc-per-node N -m ganbench train ...' N processes share the recipe's batch, each
    on its own GPU if there are GPUs; docs/scaling.md.
    """
    import shlex
    from pathlib import Path

    from ganbench import distributed
    from ganbench.cli.bars import training_bars
    from ganbench.data import load_dataset
    from ganbench.data.framing import CENTRE
    from ganbench.errors import BadInput
    from ganbench.methods.locate import checkpoint_file
    from ganbench.training.events import open_events
    from ganbench.training.folder import began_in, best
    from ganbench.training.session import configure, prepare
    from ganbench.training.state import resumed_schedule

    share = distributed.share()
    # Keys of the recipe with options of their own: so they are in every card.
    if precision:
        assignments += (f"precision={precision}",)
    if fast:
        assignments += ("fast=true",)
    if compiled:
        assignments += ("compile=true",)
    if accumulate is not None:
        assignments += (f"accumulate={accumulate}",)
    console = screen(err=True, quiet=not share.first)
    folder = Path(out) if out else Path("runs") / name
    if init and resume:
        raise BadInput(
            f"--init {init} with --resume: a resumed run has its weights already; drop one of them"
        )
    start = checkpoint_file(init) if init else None
    kind, options = parse_data(data)
    if dry_run:
        if not share.first:
            return
        resumed = folder if resume else None
        setup = configure(name, recipe, assignments, init=start, resumed=resumed)
        given = context.get_parameter_source("data") is not ParameterSource.DEFAULT
        images, source = _count_images(setup, kind if given else None, root, label_order, options)
        schedule = resumed_schedule(folder, setup.recipe, resume_rate) if resume else None
        _show(setup, folder, images, source, schedule)
        return
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
    if label_order:
        words += ["--label-order", label_order]
    if au_scale != "auto":
        words += ["--au-scale", au_scale]
    if framing != CENTRE and kind != "faces":
        words += ["--framing", framing]
    if start:
        words += ["--init", start.name]
    for assignment in assignments:
        words += ["--set", assignment]
    command = shlex.join(words)
    device = distributed.device_of(share, device)
    with ExitStack() as stack:
        stack.enter_context(distributed.process_group(share, device))
        # torchrun starts processes again with the arguments of the first time.
        begun = share.first and distributed.relaunched() and began_in(folder, distributed.launch())
        resume |= share.any(begun)
        with share.together():
            session = prepare(
                name,
                recipe,
                assignments,
                seed=seed,
                device=device,
                init=None if resume else start,
                resumed=folder if resume else None,
                share=share,
            )
            writes = tensorboard and share.first
            events = stack.enter_context(open_events(folder)) if writes else None
        if session.setup.remark:
            console.print(session.setup.remark, soft_wrap=True)
        for note in session.setup.recipe.notes():
            console.print(f"note: {note}", soft_wrap=True)
        bars = stack.enter_context(
            training_bars(console, data, name, session.setup.recipe.iterations)
        )
        dataset = share.in_turn(
            lambda: load_dataset(
                kind,
                "train",
                root=root,
                size=session.image_size,
                skip_bad=skip_bad,
                label_order=label_order,
                au_scale=au_scale_of(au_scale),
                unlabelled=not session.trainer.needs_emotions,
                framing=framing,
                max_pixels=max_pixels,
                progress=bars.on_data,
                emotions=session.setup.network.emotions,
                **options,
            )
        )
        if dataset.left_out:
            console.print(f"left out of {data}: {dataset.left_out}", soft_wrap=True)
        for line in dataset.notes:
            console.print(f"{data}: {line}", soft_wrap=True)

        def on_log(progress: LogLine) -> None:
            bars.on_log(progress)
            if events:
                events.on_log(progress)

        with share.together():
            run = session.run(
                dataset,
                folder,
                command,
                on_log,
                allow_leaks,
                lambda note: say(f"warning: {note}", err=True),
                _again(context),
            )
        if resume:
            if remark := run.resume(resume_rate):
                console.print(remark, highlight=False, markup=False, soft_wrap=True)
        else:
            run.start()
        if events:
            events.begin(run.done)
        bars.begin(run.done)
        final = run.run()
    if not share.first:
        sys.exit(0 if final else 130)
    if final is None:
        raise click.Abort
    if found := best(folder):
        accuracy, path = found
        console.print(f"best by the probe: {path} ({accuracy:.1%})", soft_wrap=True)
    say(f"{final}")


def _again(context: click.Context) -> str:
    """The command line as it was given, without what a new run of the same does not repeat."""
    import shlex

    once = {"out", "resume", "resume_rate", "dry_run"}
    words = ["ganbench", "train"]
    for parameter in context.command.params:
        name, value = str(parameter.name), context.params.get(str(parameter.name))
        if name in once or context.get_parameter_source(name) is ParameterSource.DEFAULT:
            continue
        if not isinstance(parameter, click.Option):
            words.append(str(value))
        elif parameter.is_flag:
            words += parameter.opts if value else []
        else:
            many: list[Any] = list(value or ()) if parameter.multiple else [value]
            for each in many:
                words += [parameter.opts[0], str(each)]
    return shlex.join(words)


def _count_images(
    setup: Setup,
    kind: str | None,
    root: str | None,
    label_order: str | None,
    options: dict[str, Any],
) -> tuple[int, str]:
    """Training images and what they are, with no image opened; ``kind`` is None if not given."""
    from ganbench.data import check_options, load_dataset, read_listing
    from ganbench.emotions import KNOWN

    names = setup.network.emotions
    assumed = kind is None and setup.recipe_name == "affectnet"
    if root is None and (assumed or kind == "affectnet"):
        return AFFECTNET, "AffectNet's training images of the seven emotions, assumed"
    kind = kind or "faces"
    if kind == "faces":
        size = setup.network.image_size
        faces = load_dataset(
            kind, "train", root=root, size=size, lazy=True, emotions=names, **options
        )
        left_out = f", {faces.left_out} left out" if faces.left_out else ""
        return len(faces), f"embedded faces{left_out}"
    check_options(kind, options)
    listing = read_listing(kind, "train", root, label_order, names)
    if (listing.frame["expression"] < 0).any():
        return len(listing.frame), "listed with action units, without emotions"
    counts = listing.frame["expression"].value_counts()
    parts = [f"{counts.get(KNOWN.index(name), 0):,} {name}" for name in names]
    parts += [f"{count:,} of {label} left out" for label, count in listing.dropped.items()]
    return len(listing.frame), f"listed: {', '.join(parts)}"


def _show(
    setup: Setup, folder: Path, images: int, source: str, schedule: Schedule | None = None
) -> None:
    """Print the plan of a run; ``schedule`` is that of a resumed one."""
    from rich.table import Table

    from ganbench.training.augment import Augment
    from ganbench.training.plan import plan
    from ganbench.training.recipe import Recipe

    found, recipe = plan(setup), setup.recipe
    seen = found.images * recipe.iterations
    networks = Table(box=None, pad_edge=False)
    networks.add_column("Network", no_wrap=True)
    for head in ("Parameters", "Steps", "Rate", "Weight decay"):
        networks.add_column(head, justify="right", no_wrap=True)
    for part in found.parts:
        own = (f"{part.steps:,}", f"{part.rate:g}", f"{part.decay:g}") if part.optimizer else ()
        networks.add_row("  " * part.depth + part.name, f"{part.parameters:,}", *own)
    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True)
    facts.add_column()
    if setup.remark:
        facts.add_row("Start", setup.remark)
    for note in recipe.notes():
        facts.add_row("Note", note)
    facts.add_row("Network", _settings(setup.network, without={"emotions"}))
    facts.add_row("Data", f"{plural(images, 'image')} ({source})")
    facts.add_row("Augmentation", _settings(recipe.augment, unlike=Augment()) or "none")
    facts.add_row(
        "Length",
        f"{plural(recipe.iterations, 'iteration')} of {plural(found.images, 'image')}: "
        f"{plural(seen, 'image')}, "
        f"{seen / images:.1f} epochs",
    )
    facts.add_row("Optimiser", f"Adam, betas {recipe.beta1:g} and {recipe.beta2:g}")
    facts.add_row("Schedule", _schedule(recipe, schedule))
    for objective in found.objectives:
        label = "Warm-up loss" if objective.warmup else "Loss"
        facts.add_row(label, f"{', '.join(objective.parts)}: {_formula(objective.terms)}")
    shared = {field.name for field in dataclasses.fields(Recipe)}
    facts.add_row("Options", _settings(recipe, without=shared) or "none")
    facts.add_row("Precision", _computation(recipe))
    facts.add_row(
        "Average",
        f"of decay {recipe.ema_decay:g}, which is shipped"
        if recipe.ema_decay
        else "none: the network itself is shipped",
    )
    facts.add_row("Memory", _memory(found.memory))
    facts.add_row("Disk", _disk(found, recipe))
    facts.add_row(
        "Work",
        f"{found.flops / recipe.iterations / 1e12:.3g} TFLOP an iteration, {found.flops:.3g} FLOP in "
        f"all: {found.flops / SPEED / 3600:.2g} h at {SPEED / 1e12:.0f} TFLOP/s",
    )
    facts.add_row("Folder", str(folder))
    console = screen()
    console.print(f"{setup.model.title}: {setup.name} by recipe {setup.recipe_name}")
    console.print()
    console.print(networks)
    console.print()
    console.print(facts)


def _settings(values: Any, without: Collection[str] = (), unlike: Any = None) -> str:
    """Keys and values of a dataclass, in words; of those ``unlike`` another one, if it is given."""
    from ganbench import config

    usual = {} if unlike is None else config.plain(unlike)
    return ", ".join(
        f"{key} {value}"
        for key, value in config.plain(values).items()
        if key not in without and (key not in usual or usual[key] != value)
    )


def _schedule(recipe: Recipe, schedule: Schedule | None = None) -> str:
    if schedule is not None and not schedule.simple:
        leg = schedule.legs[-1]
        what = "the recipe's" if leg.scale is None else f"{recipe.learning_rate * leg.scale:g}"
        return f"from iteration {leg.start:,} on {what}, falling to 0 at {leg.end:,}"
    end, begin = recipe.iterations, recipe.iterations - recipe.decay_iterations
    begin = max(begin, recipe.warmup_iterations)
    parts = []
    if recipe.warmup_iterations:
        parts.append(
            f"warm-up of {plural(recipe.warmup_iterations, 'iteration')}, from "
            f"{recipe.warmup_learning_rate:g} to {recipe.learning_rate:g}"
        )
    if recipe.schedule == "official":
        parts.append(f"{recipe.learning_rate:g} to the end")
    else:
        parts.append(
            f"{recipe.learning_rate:g}, from iteration {begin:,} on falling to 0 at {end:,}"
        )
    return "; then ".join(parts)


def _computation(recipe: Recipe) -> str:
    parts = [recipe.precision, *(key for key in ("fast", "compile") if getattr(recipe, key))]
    if recipe.accumulate > 1:
        parts.append(f"batches in {recipe.accumulate} parts")
    return ", ".join(parts)


def _formula(terms: dict[str, float]) -> str:
    """{"d_real": -1, "d_gp": 10} -> "- d_real + 10 d_gp"."""
    parts = [
        f"{'-' if weight < 0 else '+'} {'' if abs(weight) == 1 else f'{abs(weight):g} '}{name}"
        for name, weight in terms.items()
    ]
    return " ".join(parts).removeprefix("+ ")


def _memory(memory: Memory) -> str:
    parts = ", ".join(
        f"{name} {_size(value)}" for name, value in dataclasses.asdict(memory).items() if value
    )
    return (
        f"{_size(memory.total)}: {parts}. Tensors alone; what libraries and the allocator add "
        "was 3 to 45 % on CPUs"
    )


def _disk(plan: Plan, recipe: Recipe) -> str:
    kept = min(recipe.keep, -(-recipe.iterations // recipe.checkpoint_every))
    most = (kept + 1) * plan.checkpoint + 2 * plan.state
    return (
        f"{_size(most)}: a checkpoint of {_size(plan.checkpoint)} every "
        f"{recipe.checkpoint_every:,} iterations, {kept} of them kept, and one at the end; "
        f"state.pt of {_size(plan.state)}, twice while it is replaced"
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count / 1e6:.2f} MB"
