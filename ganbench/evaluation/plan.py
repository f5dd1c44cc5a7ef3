"""The plan of an evaluation: the list of its jobs, and what the store holds of them.

``prepare`` in ``ganbench.evaluation.run`` makes the plan, ``perform`` completes it, and ``conclude`` in
``ganbench.evaluation.collect`` reads it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.dataset import Dataset
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation import protocol
from ganbench.evaluation.compute import Inputs, compute, inputs_of, render
from ganbench.evaluation.faces import describe_faces
from ganbench.evaluation.jobs import Job, Keys, Kind
from ganbench.evaluation.precision import FLOAT32, Precision
from ganbench.evaluation.protocol import Chunk
from ganbench.evaluation.workers import Later, ahead, spares_cores
from ganbench.faces_in_photos.framed import LEAST_SIZE
from ganbench.judges.interface import Judge
from ganbench.judges.label_check import LabelCheck
from ganbench.methods.interface import Method
from ganbench.scoring import ANCHOR, REAL, TRUTH, Metric, Probe
from ganbench.stopwatch import Stopwatch
from ganbench.storage.store import Arrays, Store

K = len(EMOTIONS)

# The functions that run between pictures and arrays.
CODE = (compute, inputs_of, render, protocol.codes, protocol.chunks)


@dataclass
class Pieces:
    """How much of an evaluation was stored before it began; a piece is the entry of a job for one judge.

    Attributes:
        computed: number of pieces that were computed.
        reused: number of pieces that were stored before.
        first, last: the times when the oldest and the newest of the stored pieces were made, ISO 8601 in
            UTC; empty if nothing was stored.
    """

    computed: int = 0
    reused: int = 0
    first: str = ""
    last: str = ""

    def reuse(self, made: Sequence[float]) -> None:
        """Count stored pieces by the times when they were made, in seconds since 1970."""
        times = [datetime.fromtimestamp(t, UTC).isoformat(timespec="seconds") for t in made]
        self.reused += len(times)
        self.first = min([*times, *[self.first] * bool(self.first)], default="")
        self.last = max([*times, self.last])

    def replace(self) -> None:
        """Count a damaged piece that is computed again, after it was counted as stored."""
        self.computed += 1
        self.reused -= bool(self.reused)

    def __str__(self) -> str:
        """In words; empty if nothing was stored."""
        if not self.reused:
            return ""
        when = f"made at {self.first}" + f" to {self.last}" * (self.first != self.last)
        if not self.computed:
            return f"all {self.reused} pieces were stored, {when}: nothing was computed anew"
        return f"{self.reused} of {self.reused + self.computed} pieces were stored, {when}"


@dataclass
class Plan:
    """The parts of an evaluation, the list of its jobs, and the store of their arrays.

    Attributes:
        methods: the methods by their labels (``ganbench.evaluation.labels``), with titles for print.
        dataset: the test split.
        judge, others: the main judge, and the extra judges.
        seed, noise_seeds: the first seed of the noise, and the number of seeds. Edits that depend on
            noise are made with every seed; all other edits, and those of probes, with the first.
        batch_size: number of edits made at once.
        chunks: the chunks of the test images.
        all_codes: whether noisy and uniform codes are used for all images; else for the first
            ``protocol.FEW``.
        all_faces: whether faces are described in all images and edits; else in the first ``protocol.FEW``
            images and their edits.
        precision: the arithmetic of the methods.
        metrics: the metrics that are recorded.
        notes: what a reader must know about the data, a line each.
        labels: the check of the data's labels by the shipped judges.
        store, stopwatch: the store of finished jobs, and the stopwatch of the stages.
        later: stores finished jobs and compares their pixels; ``perform`` has threads do it.
        computes: whether ``fetch`` computes a piece that the store lacks; else that is an error.
        pieces: how much of the work was stored before.
    """

    methods: dict[str, Method]
    dataset: Dataset
    judge: Judge
    seed: int
    batch_size: int
    chunks: list[Chunk]
    store: Store
    stopwatch: Stopwatch
    metrics: tuple[Metric, ...] = ()
    noise_seeds: int = 1
    all_codes: bool = False
    all_faces: bool = False
    precision: Precision = FLOAT32
    others: tuple[Judge, ...] = ()
    notes: list[str] = field(default_factory=list)
    labels: LabelCheck = field(default_factory=LabelCheck)
    later: Later = field(default_factory=Later, repr=False)
    computes: bool = True
    pieces: Pieces = field(default_factory=Pieces, repr=False)
    _began: float = field(default_factory=time.time, repr=False)
    _jobs: list[Job] = field(default_factory=list, repr=False)
    _loaded: tuple[Chunk, Inputs] | None = field(default=None, repr=False)
    _rendering: dict[int, Future[None]] = field(default_factory=dict, repr=False)
    _edited: dict[tuple[str, int], NDArray[np.uint8]] = field(default_factory=dict, repr=False)
    _storing: list[Future[None]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self.keys = Keys(self.dataset, self.methods.values(), self.judges, CODE)

    @property
    def judges(self) -> tuple[Judge, ...]:
        """All judges, the main judge first."""
        return (self.judge, *self.others)

    def refresh(self) -> None:
        """List the jobs again if methods, judges or data have been changed since the jobs were performed."""
        if self.keys.refresh():
            self._jobs, self._loaded, self._edited = [], None, {}

    # -- which jobs there are ---------------------------------------------------------------------

    @property
    def jobs(self) -> list[Job]:
        """All jobs, chunk by chunk, so that the images of a chunk are loaded once. The list is made once."""
        if not self._jobs:
            first, *rest = map(self._jobs_of, self.chunks)
            self._jobs = [*first, *self._probes(self.chunks[0]), *chain.from_iterable(rest)]
        return self._jobs

    def _jobs_of(self, chunk: Chunk) -> list[Job]:
        main, n = (self.judge,), len(chunk)
        jobs = [Job("real", chunk, "real images", n, self.judges)]
        if self.dataset.has_true_edits:
            title = "true edits"
            jobs += [Job("render", chunk, title, n, main, target=target) for target in range(K)]
            jobs.append(Job("truth", chunk, title, K * n, self.judges))
        faces = self._faces(chunk)
        jobs += [job for job in faces if job.method is None]
        for label, method in self.methods.items():
            for codes in protocol.code_sets(method):
                part = chunk if codes == ANCHOR or self.all_codes else chunk.within(protocol.FEW)
                for seed in self.seeds_of(method, codes) if len(part) else ():
                    # The extra judges see only the edits that accuracy is computed from.
                    judges = self.judges if (codes, seed) == (ANCHOR, self.seed) else main
                    count = K * len(part)
                    edits = Job(
                        "edits", part, method.title, count, judges, label, method, codes, seed
                    )
                    jobs.append(replace(edits, precision=self.precision))
                    if (codes, seed) == (ANCHOR, self.seed):  # while the edits are at hand
                        jobs += [job for job in faces if job.label == label]
        return jobs

    def _faces(self, chunk: Chunk) -> list[Job]:
        """The jobs that describe faces, if a metric needs them and the images are large enough."""
        part = chunk if self.all_faces else chunk.within(protocol.FEW)
        if not self.describes_faces or not len(part):
            return []
        n, main, title = len(part), (self.judge,), "faces"
        jobs = [Job("faces", part, title, n, main, codes=REAL)]
        if self.dataset.has_true_edits:
            jobs.append(Job("faces", part, title, K * n, main, codes=TRUTH))
        for label, method in self.methods.items():
            job = Job("faces", part, title, K * n, main, label, method, ANCHOR, self.seed)
            jobs.append(replace(job, precision=self.precision))
        return jobs

    @property
    def describes_faces(self) -> bool:
        """Whether there are jobs ``faces``."""
        return self.dataset.size >= LEAST_SIZE and any(metric.faces for metric in self.metrics)

    def _probes(self, chunk: Chunk) -> list[Job]:
        """The jobs for the probes of the metrics, and for their true edits."""
        named = {probe.name: probe for metric in self.metrics for probe in metric.probes}
        main, renders, probes = (self.judge,), {}, []
        for label, method in self.methods.items():
            for name, probe in named.items():
                codes = self._codes_of(probe, method, chunk)
                if codes is None:
                    continue
                n = len(codes) * codes.shape[1]
                data = self.dataset
                known = data.has_true_units if probe.of == "units" else data.has_true_intensities
                asked, of = probe.asked if known else (), probe.of
                if asked:
                    title = f"true edits: {name}"
                    rendered = Job("render", chunk, title, n, main, codes=name, asked=asked, of=of)
                    renders[name] = rendered
                title = f"{method.title}: {name}"
                job = Job("probe", chunk, title, n, main, label, method, name, self.seed)
                job = replace(job, asked=asked, of=of, precision=self.precision)
                probes.append(replace(job, probe_codes=codes))
        return [*renders.values(), *probes]

    def _codes_of(self, probe: Probe, method: Method, chunk: Chunk) -> Tensor | None:
        """Codes [n, P, code_dim] of a probe for the first images; None if the method has none."""
        indices = chunk.indices[: probe.images]
        codes = probe.codes_of(method, self.seed, self.dataset, indices)
        return None if codes is None else codes[: len(indices)].expand(len(indices), -1, -1)

    def seeds_of(self, method: Method, codes: str) -> list[int]:
        """The seeds that a set of codes is used with: one if the edits do not depend on it."""
        repeats = self.noise_seeds if protocol.is_random(method, codes) else 1
        return [self.seed + k for k in range(repeats)]

    # -- what the store holds of them -------------------------------------------------------------

    def missing(self, job: Job) -> list[Judge]:
        """The judges of a job for whom the store lacks its entry."""
        return [judge for judge in job.judges if self.keys.of(job, judge) not in self.store]

    def complete(self, job: Job, watch: Callable[[int], None] = lambda _: None) -> None:
        """Compute and store what is missing of a job; ``watch`` as for ``compute``."""
        if self._is_rendered_ahead(job):
            self.pieces.computed += 1
            return
        missing = self.missing(job)
        stored = [judge for judge in job.judges if judge not in missing]
        made = [self.store.made(self.keys.of(job, judge)) for judge in stored]
        self.pieces.reuse([then for then in made if then is not None and then < self._began])
        if missing:
            for judge, arrays in zip(missing, self._compute(job, missing, watch), strict=True):
                key = self.keys.of(job, judge)
                self._storing.append(self.later(self.store.put, key, arrays))
                self.pieces.computed += 1
        self.settle(wait=False)

    def settle(self, wait: bool = True) -> None:
        """Raise the error of a job that could not be stored.

        Args:
            wait: for the jobs that are still being stored.
        """
        for stored in [stored for stored in self._storing if wait or stored.done()]:
            self._storing.remove(stored)
            stored.result()

    def _is_rendered_ahead(self, job: Job) -> bool:
        """Whether the thread of ``rendering_ahead`` has the job; it is stored when this returns."""
        if (rendered := self._rendering.get(id(job))) is None:
            return False
        with self.stopwatch.measure("wait for true edits"):
            rendered.result()
        return True

    @contextmanager
    def rendering_ahead(self, jobs: Sequence[Job]) -> Iterator[None]:
        """Render and store the true edits of jobs in a thread, which works while the block edits."""
        asked = [job for job in jobs if job.kind == "render" and self.missing(job)]
        if not spares_cores(method.device for method in self.methods.values()):
            asked = []

        def task(job: Job) -> Callable[[], None]:
            key = self.keys.of(job, self.judge)
            return lambda: self.store.put(key, self._compute(job, [self.judge])[0])

        with ahead(map(task, asked)) as futures:
            self._rendering = dict(zip(map(id, asked), futures, strict=True))
            try:
                yield
            finally:
                self._rendering = {}

    def fetch(self, job: Job, judge: Judge | None = None) -> Arrays:
        """The arrays of a job for one of its judges, by default the main judge.

        Raises:
            BadInput: they are missing or damaged, and the plan does not compute.
        """
        judge = judge or self.judge
        self.settle()
        self._is_rendered_ahead(job)
        arrays = self.store.get(self.keys.of(job, judge))
        if arrays is None:
            if not self.computes:
                raise BadInput(
                    f"the store lacks a piece, or holds a damaged one: {job.title}, chunk "
                    f"{job.chunk.number}; run its shard again, or leave --merge out to compute it here"
                )
            arrays = self._compute(job, [judge])[0]
            self.store.put(self.keys.of(job, judge), arrays)
            self.pieces.replace()
        return arrays

    def gather(
        self,
        kind: Kind,
        label: str = "",
        codes: str = "",
        seed: int | None = None,
        judge: Judge | None = None,
    ) -> Arrays:
        """The arrays of all chunks of one source of images, joined along the images.

        Args:
            kind, label, codes: as in ``Job``.
            seed: one of ``seeds_of``; by default the first.
            judge: one of the jobs' judges; by default the main judge.
        """
        wanted = (kind, label, codes)
        jobs = [job for job in self.jobs if (job.kind, job.label, job.codes) == wanted]
        first = jobs[0].seed if seed is None else seed
        parts = [self.fetch(job, judge) for job in jobs if job.seed == first]
        return {name: np.concatenate([p[name] for p in parts if name in p]) for name in parts[0]}

    def inputs(self, chunk: Chunk) -> Inputs:
        """The inputs of the jobs of a chunk, kept until those of another chunk are asked for.

        For a part of a chunk they are the images and the true edits alone, which nothing compares with edits:
        that is for anchor codes, which all images have.
        """
        part, chunk = chunk, self.chunks[chunk.number]
        if self._loaded is None or self._loaded[0] is not chunk:
            with self.stopwatch.measure("load images"):
                images = self.dataset.images(chunk.indices)
                regions = self.dataset.regions(chunk.indices)
            renders = [
                self.fetch(job)
                for job in self.jobs
                if job.chunk is chunk and job.kind == "render" and not job.asked
            ]
            self._loaded = chunk, inputs_of(images, regions, renders)
        inputs, n = self._loaded[1], len(part)
        if n == len(chunk):
            return inputs
        true_edits = None if inputs.true_edits is None else inputs.true_edits[: K * n]
        return Inputs(inputs.images[:n], true_edits=true_edits)

    def _compute(
        self, job: Job, judges: Sequence[Judge], watch: Callable[[int], None] = lambda _: None
    ) -> list[Arrays]:
        """The arrays of a job for some of its judges, computed anew."""
        if job.kind == "render":
            with self.stopwatch.measure("render true edits"):
                first = job.images // max(1, len(job.asked))
                return [render(job, self.dataset, job.chunk.indices[:first])]
        inputs = self.inputs(job.chunk)
        if job.kind == "faces":
            edited = self._edited.pop((job.label, job.chunk.number), None)
            return [describe_faces(job, inputs, self.batch_size, self.stopwatch, watch, edited)]
        if job.asked:
            (true,) = (j for j in self.jobs if j.kind == "render" and j.codes == job.codes)
            inputs = replace(inputs, true_probe=self.fetch(true))
        pictures = self._pictures_for_faces(job, inputs)
        return compute(
            job, inputs, judges, self.batch_size, self.stopwatch, watch, self.later, pictures
        )

    def _pictures_for_faces(self, job: Job, inputs: Inputs) -> NDArray[np.uint8] | None:
        """An array for the edits of a job whose faces the next job describes; None if it does not."""
        if job.kind != "edits" or (job.codes, job.seed) != (ANCHOR, self.seed):
            return None
        faces = next((of for of in self._faces(job.chunk) if of.label == job.label), None)
        if faces is None or not self.missing(faces):
            return None
        pictures = np.empty((faces.images, *inputs.images.shape[1:]), np.uint8)
        self._edited = {(job.label, job.chunk.number): pictures}
        return pictures
