"""The one pass: every test image x 7 targets is edited once and judged once; the rest is arithmetic.

The pass is cut into jobs, each a chunk of the test set seen by one maker (a method, the renderer, or
the camera that took the real images). A finished job lies in the store, so an interrupted evaluation
continues, a second one only reads, and a new method adds only its own jobs.
"""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.data.dataset import Dataset
from ganbench.data.doctor import examine_labels, refuse
from ganbench.data.leaks import check_evaluation
from ganbench.data.subset import only
from ganbench.devices import resolve
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation import judges as agreement
from ganbench.evaluation import labels, protocol
from ganbench.evaluation.passes import SHOWN, Job, Kind, Pass, fingerprint
from ganbench.evaluation.samples import Cloud, Gallery, cloud
from ganbench.judges.interface import Judge, known_columns
from ganbench.judges.label_check import LabelCheck, check_labels, judge_notes
from ganbench.methods import Method, load_method
from ganbench.methods.outputs import cut_notes
from ganbench.records import Record, Results
from ganbench.scoring import ANCHOR, NOISY, REAL, TRUTH, MetricInputs, choose, score
from ganbench.scoring.differences import differences
from ganbench.scoring.spread import spread
from ganbench.seeds import check_seed
from ganbench.stopwatch import Stopwatch
from ganbench.storage.root import cache_root
from ganbench.storage.store import Arrays, Store

MethodLike = str | Method | tuple[str, str | os.PathLike[str] | Method | None]
"""A name, a method, or a pair: a name and a checkpoint, or a label and a method.

A name may lead with a label: ``"mine:gaussian"``. It then names the method in results, tables, pictures
and files, and two checkpoints of one method can be evaluated together.
"""

Methods = Sequence[MethodLike] | Mapping[str, MethodLike]
"""Several, or for each label what it stands for."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many images of the pass are done, and how many there are."""


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        results: every number.
        clouds: features for t-SNE, the real images first.
        gallery: a few inputs and their edits.
        stopwatch: what each stage took.
        store: where the finished jobs lie, and where reports may keep what they compute.
        predictions: for each method int8 [N, 7], the judged emotion of each image's edit to each target.
        notes: what a reader must know of data, judges and edits, a line each.
    """

    results: Results
    clouds: list[Cloud]
    gallery: Gallery
    stopwatch: Stopwatch
    store: Store
    predictions: dict[str, NDArray[np.int8]]
    notes: list[str] = field(default_factory=list)


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
        metrics: what to record; see ``ganbench.scoring.choose``.
        seeds: how many seeds the noise is repeated with, from ``seed`` on. Numbers, intervals and
            pictures are of the first; what depends on noise gets its mean and standard deviation
            over all seeds beside it (``ganbench.scoring.spread``).
        allow_leaks: go on where an image is also in the training split, or under two emotions.
        same_data: go on where methods or judges learned from these very images.

    Raises:
        BadInput: methods of different image sizes or emotions, a label given twice, an empty data
            set, an unknown metric, images that are also in the training split.
    """
    stopwatch = stopwatch or Stopwatch()
    with stopwatch.measure("load"):
        loaded = load_all(methods, resolve(device))
        run = prepare(
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
    perform(run, progress)
    with stopwatch.measure("score"):
        return conclude(run)


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
) -> Pass:
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
    return Pass(
        methods=methods,
        dataset=dataset,
        judge=judge,
        seed=seed,
        batch_size=batch_size,
        chunks=protocol.chunks(dataset.labels, limit),
        store=store,
        stopwatch=stopwatch,
        metrics=choose(metrics),
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


def perform(run: Pass, progress: Progress | None = None, jobs: Sequence[Job] | None = None) -> None:
    """Compute and store every job that is missing, or of ``jobs`` those that are.

    Ctrl-C loses at most the job in hand.

    Raises:
        BadInput: a method or judge fails at a few images; then nothing was computed.
    """
    run.refresh()
    jobs = run.jobs() if jobs is None else jobs
    run.try_out(jobs)
    total = sum(job.images for job in jobs)
    done = 0
    for job in jobs:
        run.perform(job, partial(_tell, progress, job.title, done, total))
        done += job.images
        _tell(progress, job.title, done, total, 0)
    run.settle()


def _tell(progress: Progress | None, title: str, before: int, total: int, now: int) -> None:
    if progress is not None:
        progress(title, before + now, total)


def conclude(run: Pass) -> Evaluation:
    """Records and pictures from the stored jobs of a pass."""
    run.refresh()
    indices = np.concatenate([chunk.indices for chunk in run.chunks])
    sources = run.dataset.labels[indices]
    targets = np.broadcast_to(np.arange(len(EMOTIONS)), (len(sources), len(EMOTIONS)))
    real = run.gather("real")
    truth = run.gather("truth") if run.dataset.has_true_edits else None
    inputs = MetricInputs(REAL, sources, real)
    records, confusions = measure(run, inputs), {REAL: inputs.confusion.tolist()}
    clouds = [cloud(REAL, "", "Real", real, sources, run.seed)]
    methods: dict[str, dict[str, Any]] = {}
    edits, predictions = {}, {}
    for name, method in run.methods.items():
        seen = metric_inputs(run, name, sources, real, truth)
        found = measure(run, seen)
        records += found
        seeds = max((run.seeds_of(method, codes) for codes in seen.sets), key=len)
        if len(seeds) > 1:
            again = (metric_inputs(run, name, sources, real, truth, seed) for seed in seeds[1:])
            runs = [found, *(measure(run, repetition) for repetition in again)]
            records += spread(runs, seen.stochastic, run.seed)
        confusions[name] = seen.confusion.tolist()
        edits[name] = seen.edits["shown"]
        predictions[name] = seen.judged.astype(np.int8)
        clouds += [
            cloud(name, codes, method.title, arrays, targets, run.seed)
            for codes, arrays in seen.sets.items()
            if codes != ANCHOR or NOISY not in seen.sets
        ]
        methods[name] = {
            "title": method.title,
            "method": method.name,
            "weights": fingerprint(method),
            # Without folders: results are published, and paths are of one machine.
            "loaded_from": method.source or None,
            "paper": method.paper,
            "licence": method.licence,
            "stochastic": method.spec.stochastic,
            "codes": list(seen.sets),
        }
        if "clamped" in seen.edits:  # what earlier versions stored has none
            methods[name]["clamped"] = float(seen.edits["clamped"].mean(dtype=np.float64))
    records += differences(records, list(run.methods))
    if truth is not None:
        perfect = MetricInputs(TRUTH, sources, real, {ANCHOR: truth})
        records += measure(run, perfect)
        confusions[TRUTH] = perfect.confusion.tolist()
    records += _extra_judges(run, sources)
    results = Results(
        protocol=protocol.describe(
            run.dataset, run.judge.spec, len(sources), [judge.spec for judge in run.others]
        ),
        seed=run.seed,
        methods=methods,
        records=tuple(records),
        confusion=confusions,
        metrics={
            spec.name: dataclasses.asdict(spec) for metric in run.metrics for spec in metric.specs
        },
    )
    pictures = Gallery(sources[:SHOWN], *run.shown(), edits)
    return Evaluation(
        results,
        clouds,
        pictures,
        run.stopwatch,
        run.store,
        predictions,
        [*run.notes, *_notes_on_judges(run, sources), *cut_notes(methods)],
    )


def _notes_on_judges(run: Pass, labels: NDArray[np.int64]) -> list[str]:
    """What the real images tell of judges whose classes are in another order."""
    judges = (run.judge, *run.others)
    logits = [run.gather("real", judge=judge)["logits"] for judge in judges]
    return judge_notes(judges, labels, logits, run.dataset, run.labels)


def metric_inputs(
    run: Pass,
    name: str,
    sources: NDArray[np.int64],
    real: Arrays,
    truth: Arrays | None,
    seed: int | None = None,
) -> MetricInputs:
    """What the pass knows of a method; ``seed`` names a repetition, which has no probes."""
    method = run.methods[name]
    sets = {}
    for codes in protocol.code_sets(method):
        known = seed if seed in run.seeds_of(method, codes) else None
        sets[codes] = run.gather("edits", name, codes, known)
    probes = [job.codes for job in run.jobs() if job.kind == "probe" and job.method == name]
    return MetricInputs(
        method=name,
        labels=sources,
        real=real,
        sets=sets,
        true_edits=truth,
        probes={p: run.gather("probe", name, p) for p in probes} if seed is None else {},
        conditions=tuple(method.conditions),
        stochastic=method.spec.stochastic,
        repetition=seed is not None,
    )


def measure(run: Pass, inputs: MetricInputs) -> list[Record]:
    """Records under all metrics of a pass; of a repetition under those that need no probes."""
    found = []
    for metric in run.metrics:
        if inputs.repetition and metric.probes:
            continue
        with run.stopwatch.measure(f"score: {metric.specs[0].name}"):
            found += score(metric, inputs)
    return found


def _extra_judges(run: Pass, sources: NDArray[np.int64]) -> list[Record]:
    """Records of the extra judges: on real images, on each method's edits, on the right answers."""
    if not run.others:
        return []
    makers: list[tuple[str, Kind, str]] = [(REAL, "real", "")]
    makers += [(name, "edits", name) for name in run.methods]
    if run.dataset.has_true_edits:
        makers.append((TRUTH, "truth", ""))
    names = agreement.labels([judge.spec for judge in (run.judge, *run.others)])
    found = []
    for maker, kind, method in makers:
        seen = []
        for judge in (run.judge, *run.others):
            arrays = run.gather(kind, method, ANCHOR if kind == "edits" else "", judge=judge)
            sets = {} if kind == "real" else {ANCHOR: arrays}
            seen.append(MetricInputs(maker, sources, arrays, sets))
        for name, extra in zip(names[1:], seen[1:], strict=True):
            found += agreement.score_agreement(name, seen[0], extra)
    return found
