"""Reproduction of a checkpoint: a training as its card says, and a comparison of the two results."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganbench import config, gate
from ganbench.data import check_options, load_dataset, parse_data
from ganbench.data.dataset import Dataset
from ganbench.errors import BadInput, unknown
from ganbench.evaluation.run import evaluate
from ganbench.judges import load_judge
from ganbench.judges.interface import ask
from ganbench.methods.cards import check_card
from ganbench.methods.manifest import MANIFEST, read_manifest
from ganbench.methods.weights import read_header, sha256, weights_hash
from ganbench.parsing import Refused, is_file
from ganbench.provenance import versions
from ganbench.records import Results
from ganbench.registry import METHODS
from ganbench.scoring import REAL, MetricInputs
from ganbench.scoring.predictions import Accuracy
from ganbench.storage.store import is_file_name
from ganbench.training import folder as folders
from ganbench.training.folder import LogLine
from ganbench.training.session import prepare
from ganbench.training.setup import Setup, configure

# Keys of a card that are needed to repeat the training.
REQUIRED = (
    "iteration", "seed", "command", "recipe_name", "recipe", "network", "data", "versions", "hours",
)  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """A checkpoint that is to be reproduced.

    Attributes:
        name: name of the method, or ``"judge"``.
        path: file of the checkpoint.
        card: its card, which says how it was made.
    """

    name: str
    path: Path
    card: dict[str, Any]

    @property
    def iterations(self) -> int:
        """Number of iterations that it was trained, which may be less than its length in the recipe."""
        return int(self.card["iteration"])

    @property
    def other_versions(self) -> str:
        """Versions of ganbench and libraries that it was made with and that differ from those here."""
        here, there = versions(), self.card["versions"]
        return ", ".join(
            f"{key} {there[key]}, here {here[key]}"
            for key in here.keys() & there.keys()
            if here[key] != there[key]
        )


@dataclass(frozen=True)
class Verdict:
    """The result of a reproduction.

    Attributes:
        reproduced: whether the checkpoints are equal to the bit, or their scores agree.
        text: the reason.
    """

    reproduced: bool
    text: str


def read_claims(manifest: Path, name: str) -> list[Claim]:
    """The checkpoints of a manifest, whose files lie in its folder.

    Args:
        manifest: the MANIFEST.toml.
        name: name or alias of a method, ``"judge"``, or ``"all"``.

    Raises:
        BadInput: no manifest, no such entry, or a file with another hash than in the manifest.
    """
    entries = read_manifest(manifest)
    name = METHODS.canonical(name)
    if name != "all" and name not in entries:
        raise unknown("checkpoint", name, [*entries, "all"], METHODS.aliases)
    claims = []
    for key in entries if name == "all" else [name]:
        path = manifest.parent / entries[key]["file"]
        header = read_header(path)
        if sha256(path) != entries[key]["sha256"]:
            raise BadInput(f"changed: {path} has another hash than in {MANIFEST}; fetch it again")
        try:
            check_card(header["card"], required=REQUIRED)
        except Refused as error:
            raise BadInput(
                f"cannot reproduce {key}: {error}: {path}; it was not made by 'ganbench train'"
            ) from error
        claims.append(Claim(key, path, header["card"]))
    return claims


@dataclass(frozen=True)
class Plan:
    """A training that reproduces a checkpoint.

    Attributes:
        claim: the checkpoint.
        setup: method, network and recipe.
        data_options: options of the data set.
    """

    claim: Claim
    setup: Setup
    data_options: Mapping[str, Any]

    def load(self, split: str, **more: Any) -> Dataset:
        """A split of the data set; ``more`` are further arguments of ``load_dataset``."""
        name, size = self.claim.card["data"]["name"], self.setup.network.image_size
        return load_dataset(name, split, size=size, **self.data_options, **more)


def make_plan(claim: Claim, folder: Path) -> Plan:
    """The training that reproduces a checkpoint.

    Args:
        claim: the checkpoint.
        folder: folder of the manifest, in which recipes that are not shipped lie.

    Raises:
        BadInput: recipe, network or data differ from those in the card, or the checkpoint was not made by one
            command.
    """
    card, recipe = claim.card, claim.card["recipe_name"]
    if "init" in card:
        raise BadInput(
            f"cannot reproduce {claim.name}: it was started from {card['init']['name']}, which is "
            "not shipped; train it with 'ganbench train --init'"
        )
    if folders.SCHEDULE in card:
        raise BadInput(
            f"cannot reproduce {claim.name}: it was resumed to another length while its learning rate "
            "fell, so its recipe alone does not say its rates; train it with 'ganbench train --resume'"
        )
    if not is_file_name(recipe):
        raise BadInput(
            f"the card of {claim.path} names no recipe, but {recipe[:80]!r}; the card was changed: use the "
            "file that the training wrote"
        )
    if is_file(folder / recipe):
        recipe = str(folder / recipe)
    if "assignments" in card:
        assignments, data_options = card["assignments"], card.get("data_options", {})
    else:
        assignments, data_options = _read_command(claim)
    check_options(card["data"]["name"], data_options)
    plan = Plan(claim, configure(claim.name, recipe, assignments), data_options)
    _check(plan)
    return plan


def _read_command(claim: Claim) -> tuple[dict[str, Any], dict[str, Any]]:
    """Assignments and data options in the command of an older card, which does not have them as data.

    Raises:
        BadInput: the text is no command.
    """
    try:
        _, _, _, *words = shlex.split(claim.card["command"])
    except ValueError as error:
        raise BadInput(
            f"command in the card of {claim.path} cannot be read ({error}); the card was changed: use the "
            "file that the training wrote"
        ) from error
    pairs = list(zip(words[::2], words[1::2], strict=False))
    assignments = config.parse_assignments(value for option, value in pairs if option == "--set")
    _, data_options = parse_data(dict(pairs).get("--data", "faces"))
    return assignments, data_options


def _check(plan: Plan) -> None:
    """Refuse a training that cannot reproduce the checkpoint.

    Raises:
        BadInput: recipe, network or data differ from those in the card.
    """
    claim, card, setup = plan.claim, plan.claim.card, plan.setup
    now = {
        "data": describe(plan.load("train", lazy=True)),
        "network": config.plain(setup.network),
        "recipe": config.plain(setup.recipe),
    }
    card = folders.with_defaults(card, setup.network, setup.recipe, f"card of {claim.name}")
    then = {key: card[key] for key in ("data", "network", "recipe")}
    if changed := folders.differences(then, now, free=folders.MAY_CHANGE - {"iterations"}):
        raise BadInput(
            f"cannot reproduce {claim.name}: {'; '.join(changed)}; use the ganbench that made it, "
            f"{card['versions']['ganbench']}"
        )


def describe(dataset: Dataset) -> dict[str, Any]:
    """What a card says about a data set."""
    return {"name": dataset.name, "images": len(dataset), "fingerprint": dataset.fingerprint}


def retrain(
    plan: Plan,
    dataset: Dataset,
    folder: Path,
    device: str,
    resume: bool,
    watch: Callable[[LogLine], None] = lambda _: None,
) -> Path | None:
    """Train for as many iterations as the checkpoint was trained.

    Args:
        plan: the training.
        dataset: its training split.
        folder: folder of the run.
        device: device for the training.
        resume: continue the run in ``folder``, if there is one.
        watch: called after each log line.

    Returns:
        The new checkpoint, or None after Ctrl-C.
    """
    claim, setup = plan.claim, plan.setup
    session = prepare(
        claim.name, setup.recipe_name, setup.assignments, seed=claim.card["seed"], device=device
    )
    run = session.run(dataset, folder, claim.card["command"], watch, data_options=plan.data_options)
    if resume and (folder / folders.STATE).is_file():
        run.resume()
    else:
        run.start()
    final = run.run(until=claim.iterations)
    if final is None and run.done == claim.iterations:
        return folders.checkpoint(folder, run.done)
    return final


def compare(claim: Claim, made: Path, dataset: Dataset, device: str) -> Verdict:
    """Compare two checkpoints: the bits of their weights, and if these differ, scores on a test set.

    Scores agree if the gate (docs/gate.md) finds no headline number better or worse: none moved by more
    than its margin and its interval.

    Args:
        claim: the first checkpoint.
        made: file of the new one.
        dataset: the test split.
        device: device for the evaluation.
    """
    if weights_hash(made) == weights_hash(claim.path):
        return Verdict(True, f"bit-identical: all weights are those of {claim.path.name}")
    base, head = (_scores(claim.name, path, dataset, device) for path in (claim.path, made))
    metrics = {record.metric for run in (base, head) for record in run.results.records}
    report = gate.compare(base, head, gate.tolerances(metrics))
    headlines = [c for c in report.comparisons if c.headline]
    texts = [
        f"{c.record.metric} {c.base.value:.4g} -> {c.head.value:.4g} ({c.status})"
        for c in headlines
        if c.base and c.head
    ]
    same = all(c.status == "same" for c in headlines)
    verdict = "within their margins and intervals" if same else "not the same"
    return Verdict(same, f"other bits; scores {verdict}: {', '.join(texts)}")


def _scores(name: str, path: Path, dataset: Dataset, device: str) -> gate.Run:
    """The evaluation of a method, or the accuracy of a judge on real images."""
    if name != "judge":
        evaluation = evaluate([(name, path)], dataset, load_judge(device=device), device=device)
        # Numbers of real faces and of true edits do not depend on the method.
        records = tuple(r for r in evaluation.results.records if r.method == name)
        results = dataclasses.replace(evaluation.results, records=records)
        return gate.Run(results, evaluation.predictions)
    judge = load_judge(checkpoint=path, device=device)
    spec = judge.spec
    logits = torch.cat(
        [
            ask(judge, dataset.images(range(start, min(start + 64, len(dataset)))), spec).logits
            for start in range(0, len(dataset), 64)
        ]
    )
    inputs = MetricInputs(REAL, dataset.labels, {"logits": np.asarray(logits)})
    results = Results({"data": dataset.fingerprint}, 0, {}, tuple(Accuracy().score(inputs)))
    return gate.Run(results, {})
