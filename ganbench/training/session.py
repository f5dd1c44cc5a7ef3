"""From a setup and a data set to a run that is ready to start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganbench import config, provenance
from ganbench.data import leaks
from ganbench.data.dataset import Dataset, only
from ganbench.data.doctor import examine, examine_labels, refuse
from ganbench.data.sketches import CARD as PICTURES
from ganbench.devices import resolve as resolve_device
from ganbench.distributed import WHOLE, Share
from ganbench.emotions import KNOWN, check_known, labels_of
from ganbench.errors import BadInput
from ganbench.judges.label_check import check_labels
from ganbench.methods.conditions import EMOTION_UNITS
from ganbench.methods.locate import checkpoint_file
from ganbench.methods.memory import check_room, is_of_ganbench
from ganbench.methods.weights import (
    holds_discriminator,
    is_checkpoint,
    load_discriminator,
    load_state,
)
from ganbench.seeds import check_seed, generator
from ganbench.training.batches import check_targets
from ganbench.training.folder import PROCESSES, LogLine
from ganbench.training.loop import Run
from ganbench.training.probe import find_probe
from ganbench.training.setup import Setup, configure
from ganbench.training.stepper import describe_computation
from ganbench.training.trainer import Trainer, missing_units


@dataclass
class Session:
    """A trainer with its first weights, the setup that it was made from, and the seed."""

    setup: Setup
    trainer: Trainer
    seed: int

    @property
    def computation(self) -> str:
        """How the run is computed, and whether it can be repeated to the bit, in a line."""
        return describe_computation(self.trainer)

    @property
    def image_size(self) -> int:
        """Side of the training images, pixels."""
        size: int = self.setup.network.image_size
        return size

    def run(
        self,
        dataset: Dataset,
        folder: Path,
        command: str,
        watch: Callable[[LogLine], None] = lambda _: None,
        allow_leaks: bool = False,
        tell: Callable[[str], None] = lambda _: None,
        again: str = "",
        data_options: Mapping[str, Any] | None = None,
    ) -> Run:
        """The run on a data set, in a folder; ``start`` or ``resume`` it, then ``run``.

        Args:
            dataset: the training split, at the model's image size; only images of the network's
                emotions are used.
            folder: folder of the run.
            command: command that makes the run again, for its card.
            allow_leaks: train on images that are also in the test split, or under two emotions.
            watch, tell, again: see ``Run``; ``again`` is ``command`` when empty.
            data_options: options that ``load_dataset`` had for the data set, for the card.

        Raises:
            BadInput: the data have a fault (``ganbench.data.doctor``), such as no image of one of the
                network's emotions, or no target would ever differ from what its image shows.
        """
        trainer, names = self.trainer, self.setup.network.emotions
        if units := self._units(dataset):
            # A model that is trained on action units needs these to be asked for emotions.
            for model in (trainer.model, trainer.shipped):
                model.card = units  # type: ignore[assignment]
        pictures: dict[str, Any] = {}
        if trainer.share.first:
            notes, pictures = check_images(dataset, names, allow_leaks, trainer.device)
            for note in notes:
                tell(note)
        if trainer.needs_emotions:
            check_known(names)
            dataset = only(dataset, names)
        refuse(examine(dataset, names if trainer.needs_emotions else ()))
        check_targets(trainer, dataset.labels, self.seed)
        # Labels in Table-1 order become labels of the network. Labels that no loss uses may be unknown to it.
        table = np.array(labels_of(names), dtype=np.int64)
        labels = table[dataset.labels].clip(min=0)
        wanted = self.setup.recipe.probe_every and trainer.share.first
        probe = find_probe(trainer.model, dataset, trainer.device) if wanted else None
        card = self._card(dataset, command, data_options or {}) | pictures | units
        if probe:
            card["probe"] = probe.card
        return Run(
            trainer,
            self.setup.kind,
            dataset,
            labels,
            folder,
            self.seed,
            card,
            watch,
            probe,
            again or command,
            tell,
        )

    def _card(
        self, dataset: Dataset, command: str, data_options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The run's card: what is trained, on what, by which command and versions."""
        setup, share = self.setup, self.trainer.share
        card: dict[str, Any] = {
            "name": setup.name,
            "licence": setup.licence,
            "command": command,
            "recipe_name": Path(setup.recipe_name).name,
            "assignments": dict(setup.assignments),
            "data_options": dict(data_options),
            "network": config.plain(setup.network),
            "recipe": config.plain(setup.recipe),
            "seed": self.seed,
            "data": {
                "name": dataset.name,
                "images": len(dataset),
                "fingerprint": dataset.fingerprint,
                **({"framing": dataset.framing} if dataset.framing else {}),
                **({"label_order": dataset.label_order} if dataset.label_order else {}),
            },
            "versions": provenance.versions(),
            "machine": {**provenance.machine(), "device": self.trainer.device.type},
            "computation": self.computation,
        }
        if git := provenance.git():
            card["git"] = git
        if share.world > 1:
            card[PROCESSES] = share.world
        if setup.init:
            card["init"] = setup.init
        return card

    def _units(self, dataset: Dataset) -> dict[str, Any]:
        """Entries of the card about the data's action units; empty if the trainer does not use them.

        Raises:
            BadInput: the trainer needs emotions or action units, and the data have none, or their
                action units cannot be used.
        """
        if self.trainer.needs_emotions and not dataset.labelled:
            raise BadInput(
                f"{dataset.name} ({dataset.split}) has no emotions, and {self.setup.name} is trained on "
                "them; add a column 'label', or train what needs none: ganimation with "
                "network.condition = 'action_units'"
            )
        if not self.trainer.needs_action_units:
            return {}
        values = dataset.action_units(range(len(dataset)))
        if values is None:
            raise missing_units()
        entries: dict[str, Any] = {}
        if getattr(dataset, "au_scale", 5) == 1:
            entries["au_scale"] = 1
        # Means are stored by name: a network may list its emotions in any order.
        means = {
            KNOWN[label]: values[dataset.labels == label].double().mean(0).tolist()
            for label in sorted(set(dataset.labels.tolist()))
            if label >= 0
        }
        return entries | ({EMOTION_UNITS: means} if means else {})


def check_images(
    dataset: Dataset,
    emotions: Sequence[str],
    allow_leaks: bool = False,
    device: str | torch.device = "auto",
) -> tuple[list[str], dict[str, Any]]:
    """Check training images for leaks and for labels that look wrong.

    Args:
        dataset: the training split.
        emotions: emotions of the network.
        allow_leaks: allow images that are in both splits, or under two emotions.
        device: device of the judge that checks the labels.

    Returns:
        Notes for the user, a line each, and entries of the card.

    Raises:
        BadInput: there are leaks that are not allowed.
    """
    findings, pictures = leaks.check_training(dataset, allow_leaks)
    refuse(findings)
    notes = [
        one.text for one in (*examine_labels(dataset, emotions), *findings) if one.level != "fault"
    ]
    if labels := check_labels(dataset, device).note:
        notes.append(labels)
    return notes, {PICTURES: pictures} if pictures else {}


def prepare(
    name: str,
    recipe: str = "faces",
    assignments: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    device: str = "auto",
    init: Path | None = None,
    resumed: Path | None = None,
    share: Share = WHOLE,
) -> Session:
    """Build networks and optimisers of a method, or of ``"judge"``.

    Args:
        name, recipe, assignments, init, resumed: as for ``configure``.
        seed: seed of the run, which also decides the initial weights.
        device: device to train on; ``auto`` takes the GPU if there is one.
        share: which process this is, in distributed training.

    Raises:
        BadInput: as for ``configure``; an unknown device, a batch that the processes cannot share.
        Unsupported: the method cannot be trained, or only by one process.
    """
    check_seed(seed)
    setup = configure(name, recipe, assignments, init=init, resumed=resumed)
    where = resolve_device(device)
    setup.recipe.arithmetic(where)  # refuses what the device cannot do, before networks are built
    if is_of_ganbench(setup.model):
        check_room(lambda: setup.model(setup.network), f"network of {name}", times=4)
    # Layers draw their weights from the global generator, on the CPU: they are equal on all devices.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator(seed, "weights"))))
        trainer = setup.build()
    if init is not None:
        load_weights(trainer, init)
    trainer.distribute(share)
    trainer.to(where)
    return Session(setup, trainer, seed)


def load_weights(trainer: Trainer, path: Path) -> None:
    """Load a checkpoint into the model, its moving average, and the discriminator if it holds one.

    A judge can also start from a file of torchvision's weights.

    Raises:
        BadInput: the file's tensors do not fit.
    """
    path = checkpoint_file(path)
    if is_checkpoint(path):
        load_state(path, trainer.model)
    else:
        from ganbench.judges.pretrained import load_pretrained

        load_pretrained(path, trainer.model)
    if trainer.ema is not None:
        trainer.ema.load_state_dict(trainer.model.state_dict())
    if "discriminator" in trainer.networks and holds_discriminator(path):
        discriminator: Any = trainer.networks["discriminator"]
        # The authors' discriminators, and those of other recipes, have no head for the source of edits.
        own_head = getattr(trainer.recipe, "source_head", False)
        new = [f"{discriminator.heads[-1]}.weight"] if own_head else []
        load_discriminator(path, discriminator, new)
