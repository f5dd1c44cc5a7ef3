"""An evaluation: load the methods, prepare the plan of its jobs, and perform those that are missing.

Every test image is edited once towards each of the seven emotions, and every edit is judged once. The
jobs of the plan are parts of this work. The store keeps finished jobs: an interrupted evaluation
continues, a second evaluation only reads, and a new method adds only jobs for its edits.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import torch

from ganbench.data.dataset import Dataset, only
from ganbench.data.doctor import examine_labels, refuse
from ganbench.data.leaks import check_evaluation
from ganbench.devices import resolve
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation import contract, labels, protocol
from ganbench.evaluation.arguments import (
    MethodLike,
    Methods,
    check_counts,
    judge_of,
    methods_of,
    test_split,
)
from ganbench.evaluation.collect import Evaluation, conclude
from ganbench.evaluation.jobs import Job
from ganbench.evaluation.plan import Plan
from ganbench.evaluation.precision import FLOAT32, check_precision
from ganbench.evaluation.workers import Later, workers
from ganbench.judges.interface import Judge, known_columns
from ganbench.judges.label_check import LabelCheck, check_labels
from ganbench.methods import Method, load_method
from ganbench.scoring import select_metrics
from ganbench.seeds import check_seed
from ganbench.stopwatch import StageProgress, Stopwatch
from ganbench.storage.root import cache_root
from ganbench.storage.state import opaque
from ganbench.storage.store import Store


def evaluate(
    methods: Methods | MethodLike,
    data: Dataset | str = "faces",
    judge: Judge | str = "vgg",
    *,
    root: str | os.PathLike[str] | None = None,
    seed: int = 0,
    limit: int | None = None,
    batch_size: int = 32,
    device: str | torch.device = "auto",
    store: Store | None = None,
    progress: StageProgress | None = None,
    stopwatch: Stopwatch | None = None,
    metrics: str | Sequence[str] = "default",
    noise_seeds: int = 1,
    others: Sequence[Judge | str] = (),
    allow_leaks: bool = False,
    same_data: bool = False,
    all_codes: bool = False,
    all_faces: bool = False,
    precision: str = FLOAT32,
) -> Evaluation:
    """Evaluate methods on a test set.

    Args:
        methods: one or several: names, (name, checkpoint) pairs, or loaded methods. Each may have a label:
            ``"mine:gaussian"``, ``("mine:gaussian", checkpoint)``, ``("mine", method)``, or
            ``{"mine": method}``; otherwise the registered name is its label. A text is read as that of
            ``--methods``: ``"all"``, ``"gaussian,mine:gaussian=runs/mine"``.
        data: the test split, at the methods' image size; or its name as for ``--data``, such as ``"faces:test=14"``.
        judge: the main judge: all metrics are computed from its logits and features; or its name as for
            ``load_judge``.
        root: folder of the data, if ``data`` is the name of data that do not come with ganbench.
        seed: seed of the noise of stochastic methods and of noisy codes.
        limit: number of images to use, as balanced over the emotions as the data allow; None uses all.
        batch_size: number of edits made at once; it changes memory and speed, but no number.
        device: where methods edit; the judge stays where it was loaded.
        store: where finished jobs are kept; None takes the user's cache.
        progress: called after each batch.
        stopwatch: measures the stages; None takes a new one.
        metrics: what to record; see ``ganbench.scoring.select_metrics``.
        noise_seeds: number of seeds of the noise, from ``seed`` on. Numbers, intervals and pictures are those
            of the first seed; if a number depends on noise, its mean and standard deviation over all
            seeds are recorded too (``ganbench.scoring.noise_seeds``).
        others: extra judges of the same edits, for their accuracy and agreement with ``judge``.
        allow_leaks: go on if an image is also in the training split, or in the data with two emotions.
        same_data: go on if methods or judges learned from the images of this data set.
        all_codes: edit all images with noisy and uniform codes, too, not only the first 140.
        all_faces: identity, landmarks and found faces of all images and edits, not only of the first 140.
        precision: the arithmetic of the methods: float32, tf32 or bf16 (``ganbench.evaluation.precision``).
            Judges compute in float32.

    Raises:
        BadInput: an argument that is not one of these; methods of different image sizes or emotions, a label
            given twice, an empty data set, an unknown metric, images that are also in the training split.
    """
    check_counts(seed=seed, limit=limit, batch_size=batch_size, noise_seeds=noise_seeds)
    stopwatch = stopwatch or Stopwatch()
    with stopwatch.measure("load"):
        loaded = load_all(methods, resolve(device))
        size = next(iter(loaded.values())).spec.image_size
        judge, *others = (judge_of(one, device) for one in (judge, *others))
        plan = prepare(
            loaded,
            test_split(data, root, size),
            judge,
            seed=seed,
            limit=limit,
            batch_size=batch_size,
            store=store or default_store(),
            stopwatch=stopwatch,
            metrics=metrics,
            noise_seeds=noise_seeds,
            others=others,
            allow_leaks=allow_leaks,
            same_data=same_data,
            all_codes=all_codes,
            all_faces=all_faces,
            precision=precision,
        )
    perform(plan, progress)
    with stopwatch.measure("score"):
        return conclude(plan)


def default_store(fresh: bool = False) -> Store:
    """The store in the user's cache, beside the rendered data; ``fresh`` as for ``Store``."""
    return Store(cache_root() / "evaluations", fresh)


def load_all(methods: Methods | MethodLike, device: torch.device) -> dict[str, Method]:
    """Load methods for one table, and give each the title that it is printed with.

    Args:
        methods: as for ``evaluate``.
        device: where they edit.

    Returns:
        The methods by their labels.

    Raises:
        BadInput: no method, a label given twice or not allowed, or the methods differ in image size
            or emotions.
    """
    asked = methods_of(methods)
    labels.check_apart(label for label, *_ in asked)
    loaded = {
        label: origin.to(device)
        if isinstance(origin, Method)
        else load_method(name, origin, device)
        for label, name, origin in asked
    }
    _check_alike(loaded)
    return entitled(loaded)


def entitled(methods: Mapping[str, Method] | Iterable[Method]) -> dict[str, Method]:
    """Methods by their labels, with different titles.

    If a method needs another title, it is replaced by a copy that shares its weights.

    Args:
        methods: methods by their labels, or methods whose registered names are their labels.
    """
    if not isinstance(methods, Mapping):
        methods = list(methods)
        labels.check_apart(method.name for method in methods)
        methods = {method.name: method for method in methods}
    known = {label: (m.name, m.own_title or type(m).title) for label, m in methods.items()}
    titles = labels.titles(known)
    renamed = dict(methods)
    for label, method in methods.items():
        if method.title != titles[label]:
            renamed[label] = copy.copy(method)
            renamed[label].title = titles[label]
    return renamed


def _check_alike(loaded: Mapping[str, Method]) -> None:
    """Refuse methods that cannot share one table.

    Raises:
        BadInput: there are none, or they differ in image size or emotions.
    """
    if not loaded:
        raise BadInput("no methods to evaluate: give names, or 'all'")
    sizes = {label: method.spec.image_size for label, method in loaded.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{label} {size} px" for label, size in sizes.items())
        raise BadInput(
            f"methods differ in image size: {listed}; evaluate each size in a separate run"
        )
    for label, method in loaded.items():
        if lacking := [name for name in EMOTIONS if name not in method.spec.emotions]:
            raise BadInput(
                f"{label} was trained on other emotions: {', '.join(method.spec.emotions)}; "
                f"an evaluation is of all of {', '.join(EMOTIONS)}, and it lacks {', '.join(lacking)}: "
                "'ganbench edit' can use it"
            )


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
    noise_seeds: int = 1,
    others: Sequence[Judge] = (),
    allow_leaks: bool = False,
    same_data: bool = False,
    look: bool = True,
    all_codes: bool = False,
    all_faces: bool = False,
    precision: str = FLOAT32,
) -> Plan:
    """The plan of an evaluation, whose parts are checked.

    Args:
        methods: methods by their labels, as ``load_all`` returns them; or methods whose registered names
            are their labels.
        look: look for leaks and for labels in another order in the images. If several processes share an
            evaluation, one of them is enough.

    The other arguments are those of ``evaluate``.

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
    judges = (judge, *others)
    specs = [one.spec for one in judges]
    for spec in specs:
        known_columns(spec)
    hashes = [spec.fingerprint for spec in specs]
    if twice := [spec.name for spec in specs[1:] if hashes.count(spec.fingerprint) > 1]:
        raise BadInput(f"judge given twice: {twice[0]}; name each judge once")
    if batch_size < 1:
        raise BadInput(f"batch size must be at least 1: {batch_size}")
    check_seed(seed)
    if noise_seeds < 1:
        raise BadInput(f"number of noise seeds must be at least 1: {noise_seeds}")
    notes, labels = [], LabelCheck(confirmed=dataset.has_true_edits)
    if look:
        notes = _notes_on_data(methods, whole, judges, allow_leaks, same_data)
        labels = check_labels(whole, judge.device)
        notes += [labels.note] * bool(labels.note)
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
        noise_seeds=noise_seeds,
        all_codes=all_codes,
        all_faces=all_faces,
        precision=check_precision(precision, (method.device for method in methods.values())),
        others=tuple(others),
        notes=notes + _notes_on_emotions(methods, judges),
        labels=labels,
    )


def _notes_on_data(
    methods: Mapping[str, Method],
    dataset: Dataset,
    judges: Sequence[Judge],
    allow_leaks: bool,
    same_data: bool,
) -> list[str]:
    """What a reader must know about the labels and images, a line each.

    Raises:
        BadInput: there are leaks.
    """
    cards = [
        (f"method {method.title}" + f" ({label})" * (label != method.name), method.card)
        for label, method in methods.items()
    ]
    cards += [(f"judge {one.spec.title}", getattr(one, "card", {})) for one in judges]
    leaks = check_evaluation(dataset, cards, allow_leaks=allow_leaks, same_data=same_data)
    refuse(leaks)
    return [finding.text for finding in (*examine_labels(dataset), *leaks)]


def _notes_on_emotions(methods: Mapping[str, Method], judges: Sequence[Judge]) -> list[str]:
    """A line for each method and judge that knows more emotions than the seven of an evaluation."""
    known = [(label, method.spec.emotions) for label, method in methods.items()]
    known += [(f"judge {one.spec.title}", one.spec.emotions) for one in judges]
    return [
        f"{name} also knows {', '.join(more)}, which an evaluation neither asks for nor counts"
        for name, emotions in known
        if (more := [emotion for emotion in emotions if emotion not in EMOTIONS])
    ]


def unreadable(plan: Plan) -> list[str]:
    """The methods, judges and data whose state cannot be hashed, so that their pieces are never used again."""
    parts: list[tuple[str, object]] = [(plan.dataset.name, plan.dataset)]
    parts += [(method.title, method) for method in plan.methods.values()]
    parts += [(judge.spec.title, judge) for judge in plan.judges]
    return [
        f"{title} ({', '.join(sorted(set(types)))})"
        for title, part in parts
        if (types := opaque(part))
    ]


def perform(
    plan: Plan, progress: StageProgress | None = None, jobs: Sequence[Job] | None = None
) -> None:
    """Compute and store what is missing of all jobs of a plan, or of some of them.

    True edits are rendered, pixels compared and arrays stored by threads, while the next images are edited.
    Ctrl-C loses at most the current job.

    Raises:
        BadInput: a method or judge fails on a few images, before anything else is computed.
    """
    plan.refresh()
    jobs = plan.jobs if jobs is None else jobs
    _try_out(plan, jobs)
    total = sum(job.images for job in jobs)
    done = 0
    try:
        with plan.rendering_ahead(jobs), workers() as plan.later:
            for job in jobs:
                plan.complete(job, partial(_tell, progress, job.title, done, total))
                done += job.images
                _tell(progress, job.title, done, total, 0)
            plan.settle()
    finally:
        plan.later = Later()
    plan.keys.settle()


def _tell(progress: StageProgress | None, title: str, before: int, total: int, now: int) -> None:
    if progress is not None:
        progress(title, before + now, total)


def _try_out(plan: Plan, jobs: Sequence[Job]) -> None:
    """Try the methods and judges that are still needed on a few images.

    Raises:
        BadInput: one of them breaks its contract (``ganbench.evaluation.contract``).
    """
    missing = [(job, plan.missing(job)) for job in jobs]
    methods = {job.label: job.method for job, asked in missing if asked and job.method is not None}
    judged = [asked for job, asked in missing if job.kind not in ("render", "faces")]
    judges = {id(judge): judge for asked in judged for judge in asked}
    if not methods and not judges:
        return
    images = plan.dataset.images(plan.chunks[0].indices[: contract.IMAGES])
    with plan.stopwatch.measure("try out"), torch.inference_mode():
        for judge in judges.values():
            contract.try_judge(judge, images)
        contract.try_all(list(methods.items()), images, plan.precision)
