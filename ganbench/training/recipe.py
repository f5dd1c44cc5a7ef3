"""Recipes: how a method is trained, read from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import torch

from ganbench import config
from ganbench.devices import Arithmetic
from ganbench.errors import BadInput, unknown
from ganbench.registry import METHODS
from ganbench.text import plural
from ganbench.training.augment import Augment

# A larger batch of images fits in the memory of no machine.
LARGEST_BATCH = 65_536


@dataclass(frozen=True)
class Recipe:
    """Options that all trainings have. An iteration is one critic step, as the papers count.

    Attributes:
        iterations: number of iterations, the warm-up included.
        batch_size: images of one step.
        learning_rate: Adam's learning rate, for every network unless the method has another one.
        beta1, beta2: Adam's decay rates.
        schedule: "linear" lets the learning rate fall to 0 over the last ``decay_iterations``;
            "official" keeps it constant: in the released GANmut code it ends at 0.999 of its start.
        decay_iterations: length of the fall.
        warmup_iterations: iterations before the adversarial training, in which the generator only
            reconstructs its input. The papers have none. Without them small networks need long to get
            rid of wrong colours and blur.
        warmup_learning_rate: learning rate at the start of the warm-up; it falls linearly to
            ``learning_rate``.
        ema_decay: decay per step of the generator's moving average, which is shipped; with 0 the
            generator itself is shipped.
        precision: arithmetic of the generator, or of the judge. "auto" is TF32 on CUDA and float32
            elsewhere, as it is for critics in all cases but one: with "fp32" they are float32 too. "bf16" is
            float32 on a CPU without instructions for it. "tf32" and "fp16" need CUDA, and "fp16" scales
            the loss.
        graphs: on CUDA, record the operations of a step once and replay them, which saves the time in
            which Python starts each of them.
        deterministic: on CUDA, use only algorithms that give the same bits each time, which are slower. A
            CPU is deterministic always.
        compile: compile the generator with torch.compile, which takes minutes at the start and
            changes the rounding.
        accumulate: number of parts that a batch is computed in, one after the other, which saves
            memory. The gradients are those of the whole batch. It needs losses that are means over
            images.
        log_every, sample_every, checkpoint_every: iterations between log lines, sample grids and
            checkpoints.
        probe_every: iterations between calls of the probe, which judges edits of a few training faces
            (training/probe.py). It is called at checkpoints only; 0 switches it off.
        keep: number of periodic checkpoints on disk, the newest ones. The checkpoint with the best probe
            accuracy is kept in addition.
        augment: random flips, warps, crops and looks of training images.
        augment_from: the iteration, counted from 0, from which images are changed as ``augment`` says; before it
            they are only flipped. A network that sees images which vary little learns its edits sooner, and
            later learns that they do not depend on light and framing.
    """

    iterations: int = 200_000
    batch_size: int = 16
    learning_rate: float = 1e-4
    beta1: float = 0.5
    beta2: float = 0.999
    schedule: Literal["linear", "official"] = "linear"
    decay_iterations: int = 100_000
    warmup_iterations: int = 0
    warmup_learning_rate: float = 2e-3
    ema_decay: float = 0.0
    precision: Literal["auto", "fp32", "tf32", "bf16", "fp16"] = "auto"
    graphs: bool = True
    deterministic: bool = False
    compile: bool = False
    accumulate: int = 1
    log_every: int = 50
    sample_every: int = 1_000
    checkpoint_every: int = 1_000
    probe_every: int = 500
    keep: int = 3
    augment: Augment = field(default_factory=Augment)
    augment_from: int = 0

    def __post_init__(self) -> None:
        counts = (
            "iterations",
            "batch_size",
            "accumulate",
            "log_every",
            "sample_every",
            "checkpoint_every",
            "keep",
        )
        for key in counts:
            self.require(key, getattr(self, key) >= 1, "at least 1")
        self.require("batch_size", self.batch_size <= LARGEST_BATCH, f"at most {LARGEST_BATCH:,}")
        self.require(
            "accumulate",
            self.batch_size % self.accumulate == 0,
            f"a divisor of batch_size {self.batch_size}",
        )
        for key in ("learning_rate", "warmup_learning_rate"):
            self.require(key, getattr(self, key) > 0, "positive")
        for key in ("beta1", "beta2", "ema_decay"):
            self.require(key, 0 <= getattr(self, key) < 1, "in [0, 1)")
        for key in ("warmup_iterations", "decay_iterations", "probe_every", "augment_from"):
            self.require(key, getattr(self, key) >= 0, "at least 0")

    def require(self, key: str, holds: bool, what: str) -> None:
        """Refuse a value out of range.

        Raises:
            BadInput: ``holds`` is false.
        """
        if not holds:
            raise BadInput(f"{key} must be {what}: {getattr(self, key)}; change it in the recipe")

    def arithmetic(self, device: torch.device) -> Arithmetic:
        """How a training with this recipe computes on a device.

        Raises:
            BadInput: the device does not have a number format that the recipe names.
        """
        critic = getattr(self, "critic_precision", "auto")
        return Arithmetic.resolve(device, self.precision, critic, self.deterministic)

    def augmentation(self, iteration: int) -> Augment:
        """The random changes of the training images in an iteration, counted from 0."""
        return self.augment if iteration >= self.augment_from else Augment(flip=self.augment.flip)

    def generator_steps(self) -> int:
        """Number of adversarial generator steps in the whole run: those after the warm-up."""
        return max(0, self.iterations - self.warmup_iterations)

    def check_length(self) -> None:
        """Refuse a run in which the generator is never trained against the critic.

        Raises:
            BadInput: the run ends within its warm-up, or before the generator's first step.
        """
        if self.iterations <= self.warmup_iterations:
            raise BadInput(
                f"the run ends within its warm-up: iterations = {self.iterations}, warmup_iterations = "
                f"{self.warmup_iterations}; a warm-up only reconstructs its input: raise iterations, or "
                "lower warmup_iterations"
            )
        if not self.generator_steps():
            raise BadInput(
                f"the generator is never trained: of {plural(self.iterations, 'iteration')}, after a warm-up of "
                f"{self.warmup_iterations}, only every {getattr(self, 'n_critic', 1)}th trains it; raise "
                "iterations, or lower n_critic or warmup_iterations"
            )

    def notes(self) -> list[str]:
        """Settings that are no fault, but rarely intended in a short run; one line each."""
        notes = []
        adversarial = self.iterations - self.warmup_iterations
        if self.schedule == "linear" and self.decay_iterations > adversarial:
            notes.append(
                f"the learning rate falls from the first step on: decay_iterations = "
                f"{self.decay_iterations:,} is more than the {adversarial:,} iterations after the warm-up"
            )
        if self.augmentation(self.iterations - 1) != self.augment:
            notes.append(
                f"of augment only flip is ever applied: augment_from = {self.augment_from:,} is not below "
                f"iterations = {self.iterations:,}"
            )
        steps = self.warmup_iterations + self.generator_steps()
        kept = self.ema_decay**steps
        if kept > 0.5:
            notes.append(
                f"the shipped average hardly moves: with ema_decay = {self.ema_decay:g} and {steps:,} "
                f"steps {kept:.0%} of it are still the first weights; lower ema_decay, or raise iterations"
            )
        return notes

    def rate(self, iteration: int, end: int | None = None) -> float:
        """Learning rate of an iteration, as a multiple of the network's base rate.

        Args:
            iteration: counted from 0.
            end: length of the run; ``iterations`` when None.
        """
        if iteration < self.warmup_iterations:
            peak = self.warmup_learning_rate / self.learning_rate
            return peak + (1 - peak) * iteration / self.warmup_iterations
        if self.schedule == "official":
            return 1.0
        end = self.iterations if end is None else end
        return min(1.0, (end - iteration) / max(1, min(self.decay_iterations, end)))


def shipped_recipes() -> list[str]:
    """Names of the recipes inside the package."""
    folder = resources.files("ganbench.recipes")
    return sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".toml"))


def load(recipe: str, name: str, assignments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The table of one method in a recipe.

    A table with ``base = "OTHER"`` also has the keys of table OTHER that it does not state itself, and
    ``base = "faces:OTHER"`` those of a table of the shipped recipe faces. Of several bases,
    ``base = ["ONE", "OTHER"]``, later ones replace earlier ones. Bases may have bases.

    Args:
        recipe: ``"faces"``, ``"affectnet"`` or the path of a TOML file.
        name: the method's registered name, or ``"judge"``; the table's head may be an alias of it.
        assignments: values that replace values of the recipe, by key; see ``config.assign``.

    Raises:
        BadInput: no such recipe, or it has no table for ``name`` or its base.
    """
    table = _with_bases(_tables(recipe), name, recipe, ())
    config.assign(table, assignments or {})
    return table


def _tables(recipe: str) -> dict[str, Any]:
    if recipe.endswith(".toml"):
        return config.read_toml(Path(recipe))
    if recipe in shipped_recipes():
        return config.read_toml(Path(str(resources.files("ganbench.recipes") / f"{recipe}.toml")))
    raise unknown("recipe", recipe, [*shipped_recipes(), "FILE.toml"])


def _with_bases(
    tables: dict[str, Any], name: str, recipe: str, above: tuple[str, ...]
) -> dict[str, Any]:
    """A table with the keys of its bases; ``above`` are the tables that have it as a base."""
    table = dict(_find_table(tables, name, recipe))
    bases = table.pop("base", [])
    merged: dict[str, Any] = {}
    for base in [bases] if isinstance(bases, str) else bases:
        shipped, _, head = str(base).rpartition(":")
        where, chain = shipped or recipe, (*above, f"{recipe}:{name}")
        if f"{where}:{head}" in chain:
            raise BadInput(
                f"recipe {recipe}: [{name}] is a base of itself, through {base!r}; remove one base"
            )
        if shipped and shipped not in shipped_recipes():
            raise unknown(f"recipe in the base of [{name}]", shipped, shipped_recipes())
        others = _tables(shipped) if shipped else tables
        merged = _merge(merged, _with_bases(others, head, where, chain))
    return _merge(merged, table)


def _find_table(tables: dict[str, Any], name: str, recipe: str) -> dict[str, Any]:
    name = METHODS.canonical(name)
    heads = [head for head in tables if METHODS.canonical(head) == name]
    if not heads:
        raise BadInput(
            f"recipe {recipe} has no table [{name}]; it has: {', '.join(sorted(tables))}; add it"
        )
    if len(heads) > 1:
        raise BadInput(
            f"recipe {recipe} has the tables {' and '.join(f'[{h}]' for h in heads)} for one method; "
            "drop one"
        )
    table = tables[heads[0]]
    if not isinstance(table, dict):
        raise BadInput(f"recipe {recipe}: {heads[0]} is {table!r}, not a table; write [{heads[0]}]")
    return table


def _merge(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """Both tables in one; if both have a key, the value is that of ``table``, at any depth."""
    merged = dict(base)
    for key, value in table.items():
        before = base.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            value = _merge(before, value)
        merged[key] = value
    return merged


def renewed(table: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe in a card, with today's keys.

    A card of ganbench 0.1 may have the key ``fast``. What it switched on is what training does now. Its
    "fp32" was the default of both precisions, which "auto" has become.
    """
    table = dict(table)
    if "graphs" not in table:
        table.pop("fast", None)
        for key in ("precision", "critic_precision"):
            if table.get(key) == "fp32":
                table[key] = "auto"
    return table


def resolve(
    table: dict[str, Any], network: type[Any], recipe: type[Recipe], where: str
) -> tuple[Any, Any]:
    """Split a method's table into its network configuration and its training recipe."""
    rest = dict(table)
    if "fast" in rest:
        raise BadInput(f"{where} fast is no key any more: training is always fast; remove it")
    sizes = rest.pop("network", {})
    if not isinstance(sizes, dict):
        raise BadInput(f"wrong type of {where} network: {sizes!r}; give a table")
    return config.build(network, sizes, f"{where} network"), config.build(recipe, rest, where)
