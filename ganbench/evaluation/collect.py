"""The results of an evaluation: records and samples, from the arrays of its finished jobs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.evaluation import protocol
from ganbench.evaluation.compute import SHOWN, K
from ganbench.evaluation.jobs import Kind, fingerprint
from ganbench.evaluation.judges import score_agreement
from ganbench.evaluation.plan import Plan
from ganbench.evaluation.samples import Cloud, Gallery, cloud
from ganbench.judges.label_check import judge_notes
from ganbench.methods.interface import Method
from ganbench.methods.outputs import cut_notes, to_bytes
from ganbench.protocols.names import named
from ganbench.records import REFERENCE, Record, Results
from ganbench.scoring import ANCHOR, NOISY, REAL, TRUTH, FaceArrays, MetricInputs, score
from ganbench.scoring.differences import differences
from ganbench.scoring.groups import group_records
from ganbench.scoring.noise_seeds import over_noise_seeds
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Arrays, Store


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        results: every number.
        clouds: features for t-SNE, the real images first.
        gallery: a few inputs and their edits.
        stopwatch: time and memory of each stage.
        store: holds the finished jobs, and what reports compute.
        predictions: for each method int8 [N, 7], the judged emotion of each image's edit to each target.
        notes: what a reader must know of data, judges and edits, a line each.
        plan: of the evaluation, for figures and pictures behind the numbers.
        files: content of further files of its run folder, by name.
    """

    results: Results
    clouds: list[Cloud]
    gallery: Gallery
    stopwatch: Stopwatch
    store: Store
    predictions: dict[str, NDArray[np.int8]]
    notes: list[str] = field(default_factory=list)
    plan: Plan | None = field(default=None, repr=False, compare=False)
    files: dict[str, bytes] = field(default_factory=dict, repr=False)


def conclude(plan: Plan) -> Evaluation:
    """Compute the results of a plan from its finished jobs."""
    plan.refresh()
    indices = np.concatenate([chunk.indices for chunk in plan.chunks])
    labels = plan.dataset.labels[indices]
    targets = np.broadcast_to(np.arange(K), (len(labels), K))
    # One for each judge, the main judge first.
    reals = [plan.gather("real", judge=judge) for judge in plan.judges]
    real = MetricInputs(REAL, labels, reals[0])
    confusion = {REAL: real.confusion.tolist()}
    agreement = _agreement(plan, real, reals[1:])
    clouds = [cloud(REAL, "", "Real", reals[0], labels, plan.seed)]
    truth = plan.gather("truth") if plan.dataset.has_true_edits else None
    groups = plan.dataset.groups(indices)
    faces = _face_arrays(plan)
    real = dataclasses.replace(real, faces=faces)
    records = measure(plan, real) + group_records(plan.metrics, real, groups)
    methods, shown, predictions = {}, {}, {}
    for label, method in plan.methods.items():
        found = metric_inputs(plan, label, labels, reals[0], truth, faces)
        records += _over_noise_seeds(plan, found) + group_records(plan.metrics, found, groups)
        confusion[label] = found.confusion.tolist()
        agreement += _agreement(plan, found, _others(plan, "edits", label))
        clouds += [
            cloud(label, codes, method.title, arrays, targets[: len(arrays["features"])], plan.seed)
            for codes, arrays in found.sets.items()
            if codes != ANCHOR or NOISY not in found.sets
        ]
        methods[label] = _facts(method, found)
        shown[label] = found.edits["shown"]
        predictions[label] = found.judged.astype(np.int8)
    competing = [label for label, facts in methods.items() if not facts.get(REFERENCE)]
    records += differences(records, competing)
    if truth is not None:
        if faces is not None:
            assert faces.true_edits is not None
            faces = FaceArrays(faces.inputs, faces.true_edits)
        perfect = MetricInputs(TRUTH, labels, reals[0], {ANCHOR: truth}, faces=faces)
        records += measure(plan, perfect) + group_records(plan.metrics, perfect, groups)
        confusion[TRUTH] = perfect.confusion.tolist()
        agreement += _agreement(plan, perfect, _others(plan, "truth"))
    results = Results(
        protocol=protocol.describe(
            plan.dataset,
            plan.judge.spec,
            len(labels),
            [judge.spec for judge in plan.others],
            plan.all_codes,
            plan.precision,
            protocol.face_networks(len(labels), plan.all_faces) if plan.describes_faces else None,
        ),
        seed=plan.seed,
        methods=methods,
        records=(*records, *agreement),
        confusion=confusion,
        metrics={
            spec.name: dataclasses.asdict(spec) for metric in plan.metrics for spec in metric.specs
        },
    )
    results = named(results, plan.dataset.left_out)
    logits = [arrays["logits"] for arrays in reals]
    notes = judge_notes(plan.judges, labels, logits, plan.dataset, plan.labels)
    return Evaluation(
        results,
        clouds,
        Gallery(labels[:SHOWN], *_shown_inputs(plan), shown),
        plan.stopwatch,
        plan.store,
        predictions,
        [*plan.notes, *notes, *cut_notes(methods)],
        plan,
    )


def measure(plan: Plan, inputs: MetricInputs) -> list[Record]:
    """Records under all metrics of a plan; for a repetition under those that need no probes and no faces."""
    records = []
    for metric in plan.metrics:
        if inputs.repetition and (metric.probes or metric.faces):
            continue
        with plan.stopwatch.measure(f"score: {metric.specs[0].name}"):
            records += score(metric, inputs)
    return records


def metric_inputs(
    plan: Plan,
    label: str,
    labels: NDArray[np.int64],
    real: Arrays,
    truth: Arrays | None,
    faces: FaceArrays | None = None,
) -> MetricInputs:
    """What the metrics are given for a method, with the first seed."""
    method = plan.methods[label]
    probes = [job.codes for job in plan.jobs if job.kind == "probe" and job.label == label]
    return MetricInputs(
        method=label,
        labels=labels,
        real=real,
        sets={codes: plan.gather("edits", label, codes) for codes in protocol.code_sets(method)},
        true_edits=truth,
        probes={name: plan.gather("probe", label, name) for name in probes},
        conditions=tuple(method.conditions),
        stochastic=method.spec.stochastic,
        faces=faces and faces._replace(edits=plan.gather("faces", label, ANCHOR)),
    )


def _face_arrays(plan: Plan) -> FaceArrays | None:
    """What the face networks say of the inputs and of their true edits; None if they were not used."""
    if not plan.describes_faces:
        return None
    truth = plan.gather("faces", codes=TRUTH) if plan.dataset.has_true_edits else None
    return FaceArrays(plan.gather("faces", codes=REAL), {}, truth)


def _over_noise_seeds(plan: Plan, first: MetricInputs) -> list[Record]:
    """Records of a method with the first seed, and their mean and deviation over all seeds, if there are several."""
    records = measure(plan, first)
    method, label = plan.methods[first.method], first.method
    seeds = {codes: plan.seeds_of(method, codes) for codes in first.sets}
    runs = [records]
    for seed in max(seeds.values(), key=len)[1:]:
        sets = {
            codes: plan.gather("edits", label, codes, seed) if seed in seeds[codes] else arrays
            for codes, arrays in first.sets.items()
        }
        repetition = dataclasses.replace(first, sets=sets, probes={}, repetition=True)
        runs.append(measure(plan, repetition))
    if len(runs) > 1:
        records = records + over_noise_seeds(runs, first.stochastic, plan.seed)
    return records


def _agreement(plan: Plan, main: MetricInputs, others: Iterable[Arrays]) -> list[Record]:
    """The records of the extra judges about one source of images, from their arrays."""
    names = protocol.judge_names([judge.spec for judge in plan.judges])[1:]
    records = []
    for name, arrays in zip(names, others, strict=True):
        sets = {ANCHOR: arrays} if main.sets else {}
        records += score_agreement(name, main, MetricInputs(main.method, main.labels, arrays, sets))
    return records


def _others(plan: Plan, kind: Kind, label: str = "") -> Iterator[Arrays]:
    """The arrays of the extra judges, one judge after the other."""
    codes = ANCHOR if kind == "edits" else ""
    return (plan.gather(kind, label, codes, judge=judge) for judge in plan.others)


def _facts(method: Method, inputs: MetricInputs) -> dict[str, Any]:
    """What results say about a method."""
    data = method.card.get("data", {}).get("name")
    return {
        "title": method.title,
        "method": method.name,
        "weights": fingerprint(method),
        # Without folders: results are published, and paths are of one machine.
        "loaded_from": method.source or None,
        "paper": method.paper,
        "licence": method.licence,
        **({"trained_on": data} if data else {}),
        "stochastic": method.spec.stochastic,
        "codes": list(inputs.sets),
        "clamped": float(inputs.edits["clamped"].mean(dtype=np.float64)),
        **method.own_facts,
    }


def _shown_inputs(plan: Plan) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The first ``SHOWN`` inputs [k, 3, S, S], and their true edits [k, 7, 3, S, S] if known."""
    inputs = plan.inputs(plan.chunks[0])
    images = to_bytes(inputs.images[:SHOWN])
    if inputs.true_edits is None:
        return images, None
    return images, inputs.true_edits[: len(images) * K].reshape(len(images), K, *images.shape[1:])
