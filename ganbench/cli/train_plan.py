"""The plan of a training: what ``ganbench train --dry-run`` prints."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ganbench.cli.screen import new_table, print_table, screen
from ganbench.text import plural

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.table import Table

    from ganbench.cli.train import TrainOptions
    from ganbench.training.plan import Memory, Plan
    from ganbench.training.recipe import Recipe
    from ganbench.training.schedule import Schedule
    from ganbench.training.setup import Setup

# Number of training images of AffectNet that show one of the seven emotions.
AFFECTNET = 283_901
# Floating-point operations per second that the estimated hours assume.
SPEED = 1e13


def show_plan(options: TrainOptions, data_named: bool) -> None:
    """Print what a training would do, without opening an image or writing a file.

    Args:
        options: the options of ``ganbench train``.
        data_named: whether the user gave ``--data``. If not, a plan with the recipe "affectnet" assumes the
            number of images of AffectNet.

    Raises:
        BadInput: ``ganbench train`` would refuse the options too.
    """
    from ganbench.training.plan import plan
    from ganbench.training.setup import configure
    from ganbench.training.state import resumed_schedule

    setup = configure(
        options.name,
        options.recipe,
        options.values,
        init=options.start,
        resumed=options.folder if options.resume else None,
    )
    images, source = _count_images(options, setup, data_named)
    schedule = None
    if options.resume:
        schedule = resumed_schedule(options.folder, setup.recipe, options.resume_rate)
    planned_run = plan(setup)
    console = screen()
    console.print(f"{setup.model.title}: {setup.name} by recipe {setup.recipe_name}")
    console.print()
    print_table(console, _networks(planned_run))
    console.print()
    facts = [
        *_facts_of_data(setup, planned_run, images, source),
        *_facts_of_training(setup.recipe, planned_run, schedule),
        ("Folder", str(options.folder)),
    ]
    console.print(_grid(facts))


def _count_images(options: TrainOptions, setup: Setup, data_named: bool) -> tuple[int, str]:
    """The number of training images, and a description of them."""
    from ganbench.data import load_dataset, read_listing
    from ganbench.emotions import KNOWN

    names, kind = setup.network.emotions, options.kind
    assumed = not data_named and setup.recipe_name == "affectnet"
    if options.root is None and (assumed or kind == "affectnet"):
        return AFFECTNET, "AffectNet's training images of the seven emotions, assumed"
    if kind == "faces":
        faces = load_dataset(
            kind,
            "train",
            root=options.root,
            size=setup.network.image_size,
            lazy=True,
            emotions=names,
            **options.data_values,
        )
        left_out = f", {faces.left_out} left out" if faces.left_out else ""
        return len(faces), f"embedded faces{left_out}"
    listing = read_listing(
        kind, "train", options.root, options.label_order, names, cameras=options.cameras
    )
    if (listing.frame["expression"] < 0).any():
        return len(listing.frame), "listed with action units, without emotions"
    counts = listing.frame["expression"].value_counts()
    parts = [f"{counts.get(KNOWN.index(name), 0):,} {name}" for name in names]
    parts += [f"{count:,} of {label} left out" for label, count in listing.dropped.items()]
    return len(listing.frame), f"listed: {', '.join(parts)}"


def _networks(plan: Plan) -> Table:
    """A table with parameters, steps, learning rate and weight decay of each network."""
    numbers = "Parameters", "Steps", "Rate", "Weight decay"
    table: Table = new_table("Network", *numbers, numbers=numbers)
    for part in plan.parts:
        trained = (f"{part.steps:,}", f"{part.rate:g}", f"{part.decay:g}") if part.optimizer else ()
        table.add_row("  " * part.depth + part.name, f"{part.parameters:,}", *trained)
    return table


def _grid(facts: list[tuple[str, str]]) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for label, text in facts:
        grid.add_row(label, text)
    return grid


def _facts_of_data(setup: Setup, plan: Plan, images: int, source: str) -> list[tuple[str, str]]:
    """Labels and texts about the first weights, the network, the images and the length of the run."""
    recipe = setup.recipe
    total = plan.images * recipe.iterations
    length = (
        f"{plural(recipe.iterations, 'iteration')} of {plural(plan.images, 'image')}: "
        f"{plural(total, 'image')}, {total / images:.1f} epochs"
    )
    return [
        *([("Start", setup.remark)] if setup.remark else []),
        *(("Note", note) for note in recipe.notes()),
        ("Network", _settings(setup.network, without={"emotions"})),
        ("Data", f"{plural(images, 'image')} ({source})"),
        ("Augmentation", _augmentation(recipe)),
        ("Length", length),
    ]


def _facts_of_training(
    recipe: Recipe, plan: Plan, schedule: Schedule | None
) -> list[tuple[str, str]]:
    """Labels and texts about optimiser, losses, precision and cost.

    Args:
        recipe: recipe of the run.
        plan: what the training would do.
        schedule: learning rates of a resumed run; None for a new run.
    """
    from ganbench.training.recipe import Recipe

    shared = {field.name for field in dataclasses.fields(Recipe)}
    average = "none; checkpoints hold the trained weights"
    if recipe.ema_decay:
        average = f"decay {recipe.ema_decay:g}; checkpoints hold the averaged weights"
    return [
        ("Optimiser", f"Adam, betas {recipe.beta1:g} and {recipe.beta2:g}"),
        ("Schedule", _schedule(recipe, schedule)),
        *(
            (
                "Warm-up loss" if objective.warmup else "Loss",
                f"{', '.join(objective.parts)}: {_formula(objective.terms)}",
            )
            for objective in plan.objectives
        ),
        ("Options", _settings(recipe, without=shared) or "none"),
        ("Precision", _precision(recipe)),
        ("Weight average", average),
        ("Memory", _memory(plan.memory)),
        ("Disk", _disk(plan, recipe)),
        (
            "Work",
            f"{plan.flops / recipe.iterations / 1e12:.3g} TFLOP an iteration, {plan.flops:.3g} FLOP in "
            f"total: {plan.flops / SPEED / 3600:.2g} h at {SPEED / 1e12:.0f} TFLOP/s",
        ),
    ]


def _settings(values: Any, without: Collection[str] = (), defaults: Any = None) -> str:
    """Keys and values of a dataclass, without the keys of ``without`` and the values of ``defaults``."""
    from ganbench import config

    usual = {} if defaults is None else config.plain(defaults)
    return ", ".join(
        f"{key} {value}"
        for key, value in config.plain(values).items()
        if key not in without and (key not in usual or usual[key] != value)
    )


def _augmentation(recipe: Recipe) -> str:
    from ganbench.training.augment import Augment

    before, after = (
        _settings(changes, defaults=Augment()) or "none"
        for changes in (recipe.augmentation(0), recipe.augment)
    )
    if before == after:
        return after
    return f"{after}; before iteration {recipe.augment_from:,}: {before}"


def _schedule(recipe: Recipe, schedule: Schedule | None) -> str:
    """The learning rates in words; ``schedule`` is None for a new run."""
    if schedule is not None and not schedule.simple:
        part = schedule.segments[-1]
        rate = (
            "the rate of the recipe"
            if part.scale is None
            else f"{recipe.learning_rate * part.scale:g}"
        )
        return f"from iteration {part.start:,} on {rate}, falling to 0 at {part.end:,}"
    parts = []
    if recipe.warmup_iterations:
        parts.append(
            f"warm-up of {plural(recipe.warmup_iterations, 'iteration')}, from "
            f"{recipe.warmup_learning_rate:g} to {recipe.learning_rate:g}"
        )
    if recipe.schedule == "official":
        parts.append(f"{recipe.learning_rate:g} to the end")
    else:
        end = recipe.iterations
        begin = max(end - recipe.decay_iterations, recipe.warmup_iterations)
        parts.append(
            f"{recipe.learning_rate:g}, from iteration {begin:,} on falling to 0 at {end:,}"
        )
    return "; then ".join(parts)


def _precision(recipe: Recipe) -> str:
    parts: list[str] = [recipe.precision]
    if (critic := getattr(recipe, "critic_precision", "auto")) != "auto":
        parts.append(f"critic {critic}")
    parts += [key for key in ("compile", "deterministic") if getattr(recipe, key)]
    if not recipe.graphs:
        parts.append("no graphs")
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
        f"{_size(memory.total)}: {parts}. These are tensors only; libraries and the allocator need 3 to "
        "45 % more (measured on CPUs)"
    )


def _disk(plan: Plan, recipe: Recipe) -> str:
    kept = min(recipe.keep, -(-recipe.iterations // recipe.checkpoint_every))
    largest = (kept + 1) * plan.checkpoint + 2 * plan.state
    return (
        f"{_size(largest)}: a checkpoint of {_size(plan.checkpoint)} every "
        f"{recipe.checkpoint_every:,} iterations, of which {kept} are kept, and one at the end; "
        f"state.pt of {_size(plan.state)}, and the same again while a new one replaces it"
    )


def _size(count: int) -> str:
    """A number of bytes in MB or GB."""
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count / 1e6:.2f} MB"
