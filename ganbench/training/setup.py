"""From a name and a recipe to what is to be trained: nothing is built, and no data are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ganbench import config
from ganbench.emotions import check_known
from ganbench.errors import BadInput
from ganbench.methods.interface import Method
from ganbench.methods.locate import checkpoint_file
from ganbench.methods.weights import holds_discriminator, is_checkpoint, read_header, sha256
from ganbench.registry import METHODS
from ganbench.training import recipe as recipes
from ganbench.training.folder import read_card
from ganbench.training.recipe import Recipe
from ganbench.training.trainer import Trainer


@dataclass(frozen=True)
class Setup:
    """What is to be trained, and how; nothing is built yet.

    Attributes:
        kind: ``"method"`` or ``"judge"``.
        name: the registered name.
        recipe_name: name of the recipe, or path of its file, as the user gave it.
        model: class of the method or judge.
        trainer: class that trains it.
        network: its configuration.
        recipe: its training recipe.
        assignments: keys of the recipe that were given other values.
        licence: of the weights that come of it.
        init: name and sha256 of the checkpoint that the first weights come from, or None.
        remark: what that checkpoint changes, in a line; empty without one.
    """

    kind: str
    name: str
    recipe_name: str
    model: type[Any]
    trainer: type[Trainer]
    network: Any
    recipe: Recipe
    assignments: Mapping[str, Any] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    init: dict[str, str] | None = None
    remark: str = ""

    def remarks(self) -> list[str]:
        """What a user should know before the training, a line each."""
        lines = [f"note: {note}" for note in self.recipe.notes()]
        return [self.remark, *lines] if self.remark else lines

    def build(self) -> Trainer:
        """Networks with fresh weights from the global generator, and their optimisers."""
        return self.trainer(self.model(self.network), self.recipe)


def model_and_trainer(name: str) -> tuple[type[Any], type[Trainer]]:
    """The class of a method, or of ``"judge"``, and the class that trains it.

    Raises:
        BadInput: unknown name.
        Unsupported: the method cannot be trained.
    """
    if name == "judge":
        from ganbench.judges.vgg import VGG
        from ganbench.training.judge import VGGTrainer

        return VGG, VGGTrainer
    if name not in METHODS.names():
        raise METHODS.unknown(name, "judge")
    method = METHODS.load(name, Method)
    return method, method.trainer()


def configure(
    name: str,
    recipe: str = "faces",
    assignments: Mapping[str, Any] | None = None,
    *,
    init: Path | None = None,
    resumed: Path | None = None,
) -> Setup:
    """Read what a method, or ``"judge"``, is to be trained with.

    Args:
        name: name or alias of a method, or ``"judge"``.
        recipe: ``"faces"``, ``"affectnet"`` or the path of a TOML file.
        assignments: values that replace values of the recipe, by key: ``{"network.width": 16}``.
        init: a checkpoint, or a finished run's folder, to start from; its network then
            replaces the network of the recipe. For the judge also a file of torchvision's weights.
        resumed: folder of a run that is to be continued; if that run started from a checkpoint, its
            network is the one.

    Raises:
        BadInput: unknown name, recipe or key, a file that cannot be started from, no run to resume.
        Unsupported: the method cannot be trained.
    """
    kind, name = "judge" if name == "judge" else "method", METHODS.canonical(name)
    model, trainer = model_and_trainer(name)
    table = recipes.load(recipe, name, assignments)
    network, training = recipes.resolve(
        table, model.Config, trainer.Recipe, f"recipe {recipe} [{name}]"
    )
    if kind == "method":
        training.check_length()
    setup = Setup(kind, name, recipe, model, trainer, network, training, assignments or {})
    if init is None:
        check_known(network.emotions)
    if init is not None:
        return _started_from(init, setup, table.get("network", {}))
    card = read_card(resumed) if resumed is not None else {}
    if "init" in card and card.get("name") == name:
        network = config.build(model.Config, card["network"], f"run {resumed} network")
        return replace(setup, network=network, licence=card["licence"], init=card["init"])
    return setup


def _started_from(path: Path, setup: Setup, asked: dict[str, Any]) -> Setup:
    """The setup with a checkpoint's network; ``asked`` are the keys of the network in the recipe."""
    path = checkpoint_file(path)
    if setup.kind == "judge" and not is_checkpoint(path):
        return _pretrained(path, setup)
    header = read_header(path)
    if (header["kind"], header["name"]) != (setup.kind, setup.name):
        raise BadInput(
            f"checkpoint of another {header['kind']}: {path} holds {header['name']!r}, not "
            f"{setup.name!r}; start from a checkpoint of {setup.name}"
        )
    network = config.build(setup.model.Config, header["config"], f"checkpoint {path.name}")
    check_known(network.emotions)
    here, there = config.plain(setup.network), config.plain(network)
    overruled = [f"{k} {there[k]} (not {here[k]})" for k in asked if here[k] != there[k]]
    remark = f"starts from {path.name}"
    if setup.kind == "method" and not holds_discriminator(path):
        remark += ", which holds no discriminator: the discriminator starts with random weights"
    if overruled:
        remark += f"; its network replaces that of the recipe: {', '.join(overruled)}"
    return replace(
        setup,
        network=network,
        licence=header["card"].get("licence", "unknown"),
        init={"name": path.name, "sha256": sha256(path)},
        remark=remark,
    )


def _pretrained(path: Path, setup: Setup) -> Setup:
    """The setup of a judge that starts from torchvision's weights."""
    from ganbench.judges.pretrained import read_pretrained

    arch, _ = read_pretrained(path)
    check_known(setup.network.emotions)
    return replace(
        setup,
        network=replace(setup.network, arch=arch),
        licence="unknown",
        init={"name": path.name, "sha256": sha256(path)},
        remark=f"starts from {path.name}, torchvision's {arch}; its last layer starts with random weights",
    )
