"""From a name and a recipe to a run that is ready to start."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganbench import __version__, config
from ganbench.data.dataset import Dataset
from ganbench.devices import resolve as resolve_device
from ganbench.errors import unknown
from ganbench.methods.interface import Method
from ganbench.registry import METHODS
from ganbench.seeds import generator
from ganbench.training import recipe as recipes
from ganbench.training.loop import Progress, Run
from ganbench.training.trainer import Trainer


@dataclass
class Plan:
    """A trainer with fresh networks, and what it was made from."""

    kind: str
    name: str
    recipe_name: str
    trainer: Trainer
    seed: int

    @property
    def image_size(self) -> int:
        """Side of the training images, pixels."""
        size: int = self.trainer.model.config.image_size  # type: ignore[union-attr, assignment]
        return size

    def run(
        self,
        dataset: Dataset,
        folder: Path,
        command: str,
        watch: Callable[[Progress], None] = lambda _: None,
    ) -> Run:
        """The run of this plan on a data set, in a folder; ``start`` or ``resume`` it, then ``run``."""
        card: dict[str, Any] = {
            "name": self.name,
            "licence": "Apache-2.0",
            "command": command,
            "recipe_name": self.recipe_name,
            "network": config.plain(self.trainer.model.config),
            "recipe": config.plain(self.trainer.recipe),
            "seed": self.seed,
            "data": {
                "name": dataset.name,
                "images": len(dataset),
                "fingerprint": dataset.fingerprint,
            },
            "versions": {
                "ganbench": __version__,
                "torch": torch.__version__,
                "python": platform.python_version(),
            },
        }
        return Run(self.trainer, self.kind, self.name, dataset, folder, self.seed, card, watch)


def prepare(
    name: str,
    recipe: str = "faces",
    assignments: tuple[str, ...] = (),
    *,
    seed: int = 0,
    device: str = "auto",
) -> Plan:
    """Build networks and optimisers of a method, or of ``"judge"``.

    Args:
        name: a registered method, or ``"judge"``.
        recipe: ``"faces"``, ``"affectnet"`` or the path of a TOML file.
        assignments: ``key=value`` overrides.
        seed: also decides the initial weights.
        device: where to train.

    Raises:
        BadInput: unknown name, recipe, key or device.
        Unsupported: the method cannot be trained.
    """
    kind = "judge" if name == "judge" else "method"
    if kind == "judge":
        from ganbench.judges.vgg import VGG

        cls: Any = VGG
    elif name in METHODS.names():
        cls = METHODS.load(name, Method)
    else:
        raise unknown("method", name, [*METHODS.names(), "judge"])
    trainer_class: type[Trainer] = cls.trainer()
    table = recipes.load(recipe, name, assignments)
    network, training = recipes.resolve(
        table, cls.Config, trainer_class.Recipe, f"recipe {recipe} [{name}]"
    )
    where = resolve_device(device)
    # Layers initialise themselves from the global generator: on the CPU, for equal weights anywhere.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator(seed, "weights"))))
        model = cls(network)
        trainer = trainer_class(model, training)
    trainer.to(where)
    return Plan(kind, name, recipe, trainer, seed)
