"""An evaluation: load the methods, prepare the plan of jobs, perform what is missing of it.

Every test image is edited once towards each of the seven emotions and judged once. The jobs of the plan
are pieces of that work; a finished piece lies in the store, so an interrupted evaluation continues, a
second one only reads, and a new method adds only its own jobs.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch

from ganbench.data.dataset import Dataset
from ganbench.data.doctor import examine_labels, refuse
from ganbench.data.leaks import check_evaluation
from ganbench.data.subset import only
from ganbench.devices import resolve
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation import contract, labels, protocol
from ganbench.evaluation.collect import Evaluation, conclude
from ganbench.evaluation.jobs import Job
from ganbench.evaluation.plan import Plan
from ganbench.judges.interface import Judge, known_columns
from ganbench.judges.label_check import LabelCheck, check_labels
from ganbench.methods import Method, load_method
from ganbench.scoring import select_metrics
from ganbench.seeds import check_seed
from ganbench.stopwatch import Stopwatch
from ganbench.storage.root import cache_root
from ganbench.storage.state import opaque
from ganbench.storage.store import Store

MethodLike = str | Method | tuple[str, str | os.PathLike[str] | Method | None]
"""A name, a method, or a pair: a name and a checkpoint, or a label and a method.

A name may lead with a label: ``"mine:gaussian"``. It then names the method in results, tables, pictures
and files, and two checkpoints of one method can be evaluated together.
"""

Methods = Sequence[MethodLike] | Mapping[str, MethodLike]
"""Several, or for each label what it stands for."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many images of the pass are done, and how many there are."""


def evaluate(
    methods: Methods,
    dataset: Dataset,
    judge: Judge,
    *,
    seed: int = 0,
    limit: int | None = None,
    batch_size: int = 32,
    device: str | torch.device = "auto",
    store: Store | None = None,
    progress: Progress | None = None,
    stopwatch: Stopwatch | None = None,
    metrics: str | Sequence[str] = "default",
    seeds: int = 1,
    others: Sequence[Judge] = (),
    allow_leaks: bool = False,
    same_data: bool = False,
) -> Evaluation:
    """Evaluate methods on a test set.

    Args:
        methods: names, (name, checkpoint) pairs, or loaded methods; each may have a label of its own:
            ``"mine:gaussian"``, ``("mine:gaussian", checkpoint)``, ``("mine", method)``, or
            ``{"mine": method}``. Without one the registered name is the label.
        dataset: the test split, at the methods' image size.
        judge: all metrics are computed from its verdicts and features.
        others: extra judges of the same edits, for their accuracy and agreement with ``judge``.
        seed: of the noise of stochastic methods and of noisy codes.
        limit: use only this many images, as balanced over the emotions as the data allow.
        batch_size: edits made at once; changes memory and speed, never a number.
        device: where methods edit; the judge stays where it was loaded.
        store: where finished jobs are kept; None takes the user's cache.
        progress: told after each batch.
        stopwatch: to go on measuring with.
        metrics: what to record; see ``ganbench.scoring.select_metrics``.
        seeds: how many seeds the noise is repeated with, from ``seed`` on. Numbers, intervals and
            pictures are of the first; what depends on noise gets its mean and standard deviation
            over all seeds beside it (``ganbench.scoring.noise_seeds``).
        allow_leaks: go on where an image is also in the training split, or under two emotions.
        same_data: go on where methods or judges learned from these very images.

    Raises:
        BadInput: methods of different image sizes or emotions, a label given twice, an empty data
            set, an unknown metric, images that are also in the training split.
    """
    stopwatch = stopwatch or Stopwatch()
    with stopwatch.measure("load"):
        loaded = load_all(methods, resolve(device))
        plan = prepare(
            loaded,
            dataset,
            judge,
            seed,
            limit,
            batch_size,
            store or default_store(),
            stopwatch,
            metrics,
            seeds,
            others,
            allow_leaks,
            same_data,
        )
    perform(plan, progress)
    with stopwatch.measure("score"):
        return conclude(plan)


def default_store(fresh: bool = False) -> Store:
    """The store in the user's cache, beside the rendered data; ``fresh`` as for ``Store``."""
    return Store(cache_root() / "evaluations", fresh)


def load_all(methods: Methods, device: torch.device) -> dict[str, Method]:
    """Load methods that can share one table; each has the title that it is printed with.

    Returns:
        The methods by their labels.

    Raises:
        BadInput: none given, a label given twice or not allowed, or the methods differ in image size
            or emotions.
    """
    if isinstance(methods, Mapping):
        asked = [_ask(like, label) for label, like in methods.items()]
    else:
        asked = [_ask(like) for like in methods]
    labels.check_apart(label for label, *_ in asked)
    loaded = {
        label: found.to(device) if isinstance(found, Method) else load_method(name, found, device)
        for label, name, found in asked
    }
    return _fitting(entitled(loaded))


def _ask(
    like: MethodLike, label: str | None = None
) -> tuple[str, str, Method | str | os.PathLike[str] | None]:
    """Label, registered name, and a method or the checkpoint to load it from."""
    text, found = (like, None) if isinstance(like, (str, Method)) else like
    if isinstance(text, Method):
        text, found = text.name, text
    if isinstance(found, Method):
        name, label = found.name, text if label is None else label
        labels.check(label, name)
        return label, name, found
    own, name = labels.split(text)
    if label is None:
        return own, name, found
    labels.check(label, name)
    return label, name, found


def entitled(methods: Mapping[str, Method] | Iterable[Method]) -> dict[str, Method]:
    """Methods by their labels, with titles that tell them apart.

    A method that takes another title is a copy that shares its weights.

    Args:
        methods: by their labels, or some whose registered names are their labels.
    """
    if not isinstance(methods, Mapping):
        methods = list(methods)
        labels.check_apart(method.name for method in methods)
        methods = {method.name: method for method in methods}
    titles = labels.titles({label: (m.name, type(m).title) for label, m in methods.items()})
    found = {}
    for label, method in methods.items():
        if method.title != titles[label]:
            method = copy.copy(method)
            method.title = titles[label]
        found[label] = method
    return found


def _fitting(loaded: dict[str, Method]) -> dict[str, Method]:
    """The methods, if they can share one table.

    Raises:
        BadInput: there are none, or they differ in image size or emotions.
    """
    if not loaded:
        raise BadInput("no methods to evaluate: give names, or 'all'")
    sizes = {label: method.spec.image_size for label, method in loaded.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{label} {size} px" for label, size in sizes.items())
        raise BadInput(
            f"methods differ in image size: {listed}; evaluate each size in a run of its own"
        )
    for label, method in loaded.items():
        if lacking := [name for name in EMOTIONS if name not in method.spec.emotions]:
            raise BadInput(
                f"{label} was trained on other emotions: {', '.join(method.spec.emotions)}; "
                f"an evaluation is of all of {', '.join(EMOTIONS)}, and it lacks {', '.join(lacking)}: "
                "'ganbench edit' can use it"
            )
    return loaded


def prepare(
    methods: Mapping[str, Method] | Sequence[Method],
    dataset: Dataset,
    judge: Judge,
    seed: int,
    limit: int | None,
    batch_size: int,
    store: Store,
    stopwatch: Stopwatch,
    metrics: str | Sequence[str] = "default",
    seeds: int = 1,
    others: Sequence[Judge] = (),
    allow_leaks: bool = False,
    same_data: bool = False,
    look: bool = True,
) -> Plan:
    """The pass that ``evaluate`` performs, checked but not begun.

    Args:
        methods: by their labels, as of ``load_all``; of a sequence the registered names are the labels.
        look: look at the images too, for leaks and for labels in another order. Of several processes one
            is enough.

    Raises:
        BadInput: the parts do not fit each other.
    """
    methods = entitled(methods)
    size = next(iter(methods.values())).spec.image_size
    whole, dataset = dataset, only(dataset, EMOTIONS)
    if not len(dataset):
        raise BadInput(f"no images to evaluate: {dataset.name} ({dataset.split}) is empty")
    if dataset.size != size:
        raise BadInput(
            f"data at {dataset.size} px, methods at {size} px; load the data with size={size}"
        )
    for one in (judge, *others):
        known_columns(one.spec)
    hashes = [one.spec.fingerprint for one in (judge, *others)]
    if twice := [one.spec.name for one in others if hashes.count(one.spec.fingerprint) > 1]:
        raise BadInput(f"judge given twice: {twice[0]}; name each judge once")
    if batch_size < 1:
        raise BadInput(f"batch size must be at least 1: {batch_size}")
    check_seed(seed)
    if seeds < 1:
        raise BadInput(f"number of seeds must be at least 1: {seeds}")
    found, labels = [], LabelCheck(vouched=dataset.has_true_edits)
    if look:
        found = _examined(methods, whole, (judge, *others), allow_leaks, same_data)
        labels = check_labels(whole, judge.device)
    return Plan(
        methods=methods,
        dataset=dataset,
        judge=judge,
        seed=seed,
        batch_size=batch_size,
        chunks=protocol.chunks(dataset.labels, limit),
        store=store,
        stopwatch=stopwatch,
        metrics=select_metrics(metrics),
        seeds=seeds,
        others=tuple(others),
        notes=[
            *found,
            *[labels.note] * bool(labels.note),
            *_beyond_the_seven(methods, (judge, *others)),
        ],
        labels=labels,
    )


def _examined(
    methods: Mapping[str, Method],
    dataset: Dataset,
    judges: Sequence[Judge],
    allow_leaks: bool,
    same_data: bool,
) -> list[str]:
    """What a reader must know of the data.

    Raises:
        BadInput: there are leaks.
    """
    named: list[tuple[str, Any]] = [
        (f"method {method.title}" + f" ({label})" * (label != method.name), method)
        for label, method in methods.items()
    ]
    named += [(f"judge {one.spec.title}", one) for one in judges]
    cards = [(name, getattr(one, "card", {})) for name, one in named]
    found = check_evaluation(dataset, cards, allow_leaks=allow_leaks, same_data=same_data)
    refuse(found)
    return [one.text for one in (*examine_labels(dataset), *found)]


def _beyond_the_seven(methods: Mapping[str, Method], judges: Sequence[Judge]) -> list[str]:
    """What to tell of methods and judges that know more emotions than an evaluation is of."""
    known = [(label, method.spec.emotions) for label, method in methods.items()]
    known += [(f"judge {one.spec.title}", one.spec.emotions) for one in judges]
    return [
        f"{name} also knows {', '.join(more)}, which an evaluation neither asks for nor counts"
        for name, emotions in known
        if (more := [emotion for emotion in emotions if emotion not in EMOTIONS])
    ]


def untold(plan: Plan) -> list[str]:
    """The methods, judges and data whose pieces are never used again: their state cannot be told."""
    parts: list[tuple[str, object]] = [(plan.dataset.name, plan.dataset)]
    parts += [(method.title, method) for method in plan.methods.values()]
    parts += [(judge.spec.title, judge) for judge in plan.judges]
    return [
        f"{title} ({', '.join(sorted(set(types)))})"
        for title, part in parts
        if (types := opaque(part))
    ]


def perform(
    plan: Plan, progress: Progress | None = None, jobs: Sequence[Job] | None = None
) -> None:
    """Compute and store what is missing of all jobs of a plan, or of some of them.

    Ctrl-C loses at most the job in hand.

    Raises:
        BadInput: a method or judge fails at a few images; then nothing was computed.
    """
    plan.refresh()
    jobs = plan.jobs if jobs is None else jobs
    _try_out(plan, jobs)
    total = sum(job.images for job in jobs)
    done = 0
    for job in jobs:
        plan.complete(job, partial(_tell, progress, job.title, done, total))
        done += job.images
        _tell(progress, job.title, done, total, 0)
    plan.keys.settle()


def _tell(progress: Progress | None, title: str, before: int, total: int, now: int) -> None:
    if progress is not None:
        progress(title, before + now, total)


def _try_out(plan: Plan, jobs: Sequence[Job]) -> None:
    """Try the methods and judges that some jobs still need, before any of these is done.

    Raises:
        BadInput: one of them does not do what it promises (``ganbench.evaluation.contract``).
    """
    missing = [(job, plan.missing(job)) for job in jobs]
    methods = {job.label: job.method for job, asked in missing if asked and job.method is not None}
    judges = {id(judge): judge for job, asked in missing if job.kind != "render" for judge in asked}
    if not methods and not judges:
        return
    images = plan.dataset.images(plan.chunks[0].indices[: contract.IMAGES])
    with plan.stopwatch.measure("try out"), torch.inference_mode():
        for judge in judges.values():
            contract.try_judge(judge, images)
        contract.try_all(list(methods.items()), images)
