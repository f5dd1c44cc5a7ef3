"""A protocol with its data and judges loaded, and the check that they are those that were frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ganbench.data import load_dataset
from ganbench.data.dataset import Dataset, only
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation.protocol import describe, face_networks
from ganbench.judges import Judge, load_judge
from ganbench.protocols import FOLDER, Protocol, load_protocol
from ganbench.records import UNHASHED
from ganbench.scoring import DEFAULT, select_metrics
from ganbench.stopwatch import Progress
from ganbench.storage.store import digest
from ganbench.submission.tasks import tasks_hash


@dataclass(frozen=True)
class Opened:
    """A protocol that is ready to score.

    Attributes:
        name: of the protocol; ``FOLDER`` for a user's own data.
        dataset: the test split, with pictures of the seven emotions.
        judge, others: the main judge, and the extra judges.
        metrics: names of what is recorded.
        seed: of all noise.
        protocol: the frozen definition; None for a user's own data.
    """

    name: str
    dataset: Dataset
    judge: Judge
    others: tuple[Judge, ...] = ()
    metrics: tuple[str, ...] = DEFAULT
    seed: int = 0
    protocol: Protocol | None = None

    @property
    def hash(self) -> str:
        """sha256 (hex) of the definition; of a user's own data, what ``Results.protocol_hash`` will be."""
        if self.protocol is not None:
            return self.protocol.hash
        described = self.described()
        return digest({key: value for key, value in described.items() if key not in UNHASHED})

    def described(self) -> dict[str, Any]:
        """What the results of an evaluation under it say of it."""
        others, images = [other.spec for other in self.others], len(self.dataset)
        networks = None
        if any(metric.faces for metric in select_metrics(self.metrics)):
            networks = face_networks(images, all_faces=False)
        return describe(self.dataset, self.judge.spec, images, others, faces=networks)


def open_protocol(
    name: str | Protocol,
    root: str | None = None,
    device: str | torch.device = "auto",
    progress: Progress | None = None,
    lazy: bool = False,
    **data: Any,
) -> Opened:
    """Load the data and the judges of a frozen protocol, and compare them with its definition.

    Args:
        name: of ``list_protocols()``, or a definition.
        root: folder of the data, where they do not come with ganbench.
        device: of the judges.
        progress: called with (done, total) while pictures are rendered or opened.
        lazy: render faces only when they are asked for, and keep none.
        data: further arguments of ``load_dataset`` for data that do not come with ganbench.

    Raises:
        BadInput: there is no such protocol, its data are missing, or data, judges or metrics are not those that
            were frozen.
    """
    protocol = load_protocol(name) if isinstance(name, str) else name
    judge, *others = (load_judge(one, device=device) for one in protocol.judges)
    options: dict[str, Any] = {**protocol.options, **({} if protocol.shipped else data)}
    dataset = load_dataset(
        protocol.data,
        "test",
        root=root,
        size=protocol.size,
        lazy=lazy,
        progress=progress,
        **options,
    )
    opened = Opened(
        protocol.name,
        only(dataset, EMOTIONS),
        judge,
        tuple(others),
        protocol.metrics,
        protocol.seed,
        protocol,
    )
    check(opened)
    return opened


def check(opened: Opened) -> None:
    """Refuse data, judges and metrics that are not those of the frozen definition.

    Raises:
        BadInput: something differs.
    """
    protocol = opened.protocol
    if protocol is None:
        return
    found = protocol.deviations(opened.described())
    versions = versions_of(protocol.metrics)
    found += [
        f"metric {name} {version} -> {versions.get(name)}"
        for name, version in protocol.versions.items()
        if versions.get(name) != version
    ]
    if protocol.left_out not in (None, opened.dataset.left_out):
        found.append(f"left out {protocol.left_out or 'nothing'} -> {opened.dataset.left_out}")
    if protocol.tasks and not found and tasks_hash(opened.dataset, opened.seed) != protocol.tasks:
        found.append("the tasks")
    if found and not protocol.shipped:
        raise BadInput(
            f"these data are not those of {protocol.name}: {', '.join(found)}; give --root the data that it "
            f"names, or score under --protocol {FOLDER}"
        )
    if found:
        raise BadInput(
            f"{protocol.name} is not what was frozen: {', '.join(found)}; install the version of ganbench "
            "that has it, or use a protocol that this version has"
        )


def versions_of(metrics: Sequence[str]) -> dict[str, int]:
    """The version of everything that registered metrics record, by name."""
    return {spec.name: spec.version for one in select_metrics(list(metrics)) for spec in one.specs}
