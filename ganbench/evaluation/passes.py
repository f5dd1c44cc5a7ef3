"""The jobs of an evaluation: what each is called, what it depends on, and how it is computed.

A job is a chunk of the test set seen by one maker: the camera (``real``), the renderer of right
answers (``render``, ``truth``), or a method with one set of codes (``edits``). A metric may ask for
further edits of a few images, each a job of its own (``probe``), and for right answers to these
(``render``).

A job's key names all that its numbers depend on, and nothing else: the data, the current state of
method and judge, and the source of the code that runs between pictures and arrays
(``ganbench.storage.state``). The batch size changes no number and is not in the key. Every judge has an
entry of its own, the same as if it were the only one; edits are made once for all whose entry is
missing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.dataset import Dataset
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation import contract, protocol
from ganbench.evaluation.protocol import Chunk
from ganbench.evaluation.right_answers import against
from ganbench.evaluation.thumbnails import thumbnails
from ganbench.judges.interface import Judge, ask
from ganbench.judges.label_check import LabelCheck
from ganbench.methods.interface import Edit, Method
from ganbench.metrics.background import SPEC as BACKGROUND
from ganbench.metrics.background import background_change
from ganbench.metrics.gt_error import SPEC as GT_ERROR
from ganbench.metrics.gt_error import gt_distances, joint_regions
from ganbench.metrics.input_similarity import SPEC as INPUT_SIMILARITY
from ganbench.metrics.units import CORRELATION as UNITS
from ganbench.scoring import Metric, Probe
from ganbench.stopwatch import Stopwatch
from ganbench.storage.state import identity as identity_of
from ganbench.storage.state import opaque, tensor_hash
from ganbench.storage.store import Arrays, Store

K = len(EMOTIONS)

# Inputs whose edits are kept for the report's pictures: the first of the protocol's order, which
# are one of each emotion.
SHOWN = 7

Kind = Literal["real", "render", "truth", "edits", "probe"]
Watch = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Job:
    """One piece of the pass.

    Attributes:
        kind: ``real``: judge the inputs; ``render``: the right answers for one target or one probe;
            ``truth``: judge those of the targets; ``edits``: edit and judge; ``probe``: edit and
            judge the first images with the codes of a probe.
        chunk: the images it is about.
        title: what it is called in progress bars.
        images: how many images it makes or judges.
        method, codes: of ``edits``: the method's label and the set of codes; of ``probe``: and the
            probe's name; of ``render``: the probe's name, if it is of one.
        target: of ``render``: the emotion, if it is of one.
        seed: of ``edits`` and ``probe``: that of their noise.
    """

    kind: Kind
    chunk: Chunk
    title: str
    images: int
    method: str = ""
    codes: str = ""
    target: int = -1
    seed: int = 0


@dataclass(frozen=True)
class _Inputs:
    """A chunk's images float32 [n, 3, S, S], region maps uint8 [n, S, S], and right answers."""

    images: Tensor
    regions: NDArray[np.uint8] | None
    truths: NDArray[np.uint8] | None  # [n * 7, 3, S, S], row 7 * image + target
    joint: NDArray[np.uint8] | None  # [n * 7, S, S]

    def truth(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The right answers of some rows, in [0, 1]."""
        assert self.truths is not None
        return self.truths[rows].astype(np.float32) / np.float32(255)


@dataclass
class Pieces:
    """How much of a pass was stored before it began.

    Attributes:
        computed: pieces that were computed.
        reused: pieces that were stored.
        first, last: when the oldest and the newest of those were made, ISO 8601 in UTC; empty without.
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
        """Count a piece that was computed when it was asked for: if it was stored, it was damaged."""
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
class Pass:
    """Everything an evaluation needs to know, and the jobs that it consists of.

    ``methods`` are by their labels (``ganbench.evaluation.labels``), each with the title that it is printed with.
    Edits that depend on noise are made with ``seeds`` seeds, the first being ``seed``; all others, and
    the metrics' probes, once. ``notes`` are what a reader must know of the data, ``labels`` is
    what the shipped judges say of their labels. Without ``computes`` a piece that the store lacks is
    bad input.
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
    seeds: int = 1
    others: Sequence[Judge] = ()
    notes: list[str] = field(default_factory=list)
    labels: LabelCheck = field(default_factory=LabelCheck)
    computes: bool = True
    pieces: Pieces = field(default_factory=Pieces, repr=False)
    began: float = field(default_factory=time.time, repr=False)
    _identities: dict[object, Any] = field(default_factory=dict, repr=False)
    _settled: list[dict[str, str]] | None = field(default=None, repr=False)
    _held: tuple[int, _Inputs] | None = field(default=None, repr=False)
    _probed: dict[tuple[str, str], Tensor | None] = field(default_factory=dict, repr=False)

    def jobs(self) -> list[Job]:
        """All jobs, chunk by chunk, so that a chunk's images are loaded once for all makers."""
        found = []
        for chunk in self.chunks:
            n = len(chunk)
            found.append(Job("real", chunk, "real images", n))
            if self.dataset.has_true_edits:
                for target in range(K):
                    found.append(Job("render", chunk, "true edits", n, target=target))
                found.append(Job("truth", chunk, "true edits", K * n))
            for name, method in self.methods.items():
                for codes in protocol.code_sets(method):
                    for seed in self.seeds_of(method, codes):
                        found.append(
                            Job("edits", chunk, method.title, K * n, name, codes, seed=seed)
                        )
            if chunk is self.chunks[0]:
                found += self._probes(chunk)
        return found

    def _probes(self, chunk: Chunk) -> list[Job]:
        """The further edits that the metrics ask for, all of images of the first chunk."""
        found = []
        for name, method in self.methods.items():
            for probe in dict.fromkeys(p.name for metric in self.metrics for p in metric.probes):
                codes = self._probe_codes(name, probe)
                if codes is not None:
                    n, title = len(codes) * codes.shape[1], f"{method.title}: {probe}"
                    found.append(Job("probe", chunk, title, n, name, probe, seed=self.seed))
        answered = dict.fromkeys(job.codes for job in found if self._answered(job.codes))
        return [*(self._answers(probe) for probe in answered), *found]

    def probe(self, name: str) -> Probe:
        """The probe of a name that a metric asks for."""
        return {p.name: p for metric in self.metrics for p in metric.probes}[name]

    def _answered(self, probe: str) -> bool:
        """Whether the edits of a probe are compared with right answers."""
        return bool(self.probe(probe).units) and self.dataset.has_true_units

    def _answers(self, probe: str) -> Job:
        """The job that renders the right answers of a probe."""
        own, chunk = self.probe(probe), self.chunks[0]
        n = min(own.images, len(chunk)) * len(own.units)
        return Job("render", chunk, f"true edits: {probe}", n, codes=probe)

    def seeds_of(self, method: Method, codes: str) -> list[int]:
        """The seeds that a set of codes is used with: one where no number would depend on it."""
        repeats = self.seeds if _random(method, codes) else 1
        return [self.seed + k for k in range(repeats)]

    def _probe_codes(self, name: str, probe: str) -> Tensor | None:
        """Codes [n, P, code_dim] of a probe for the images there are; None if a method has none."""
        if (name, probe) not in self._probed:
            own, chunk = self.probe(probe), self.chunks[0]
            indices = chunk.indices[: own.images]
            codes = own.codes_of(self.methods[name], self.seed, self.dataset, indices)
            if codes is not None:
                codes = codes[: len(indices)].expand(len(indices), -1, -1)
            self._probed[name, probe] = codes
        return self._probed[name, probe]

    def judges(self, job: Job) -> list[Judge]:
        """Who judges in a job, the main judge first; the others see what accuracy is taken from."""
        judged = job.kind in ("real", "truth") or (
            job.kind == "edits" and job.codes == "anchor" and job.seed == self.seed
        )
        return [self.judge, *self.others] if judged else [self.judge]

    def missing(self, job: Job) -> list[Judge]:
        """Those of ``judges`` for whom the store does not hold the job."""
        return [judge for judge in self.judges(job) if self.key(job, judge) not in self.store]

    def key(self, job: Job, judge: Judge | None = None) -> dict[str, Any]:
        """What the job's numbers depend on; without ``judge`` they are the main judge's."""
        judge = judge or self.judge
        key: dict[str, Any] = {
            "kind": job.kind,
            "protocol": protocol.VERSION,
            # Computed in the pass, hence stored.
            "pixels": [BACKGROUND.version, GT_ERROR.version, INPUT_SIMILARITY.version],
            "pass": self.identity(type(self), protocol.codes, protocol.chunks),
            "data": self.dataset.fingerprint,
            "files": self.dataset.stamp,
            "read by": self._once("read by", lambda: identity_of(*self.dataset.read_by())),
            "size": self.dataset.size,
            "chunk": job.chunk.number,
            # Themselves: labels decide on the order, and a user may have changed some.
            "images": array_digest(job.chunk.indices),
            "labels": array_digest(self.dataset.labels[job.chunk.indices]),
            "arithmetic": _arithmetic(),
        }
        if job.codes and job.kind != "edits" and self._answered(job.codes):
            # The right answers of the probe, and what is measured on the way to them.
            key |= {"units": self.probe(job.codes).units, "measured": UNITS.version}
        if job.kind == "render" and job.codes:
            return {**key, "first": job.images}
        if job.kind == "render":
            return {**key, "target": job.target}
        # Kernels differ between kinds of device in the last bits; a table should hold one kind.
        key |= {
            "judge": self.judge_fingerprint(judge),
            "judged by": self.identity(judge),
            "judged on": judge.device.type,
        }
        if job.kind == "edits":
            method = self.methods[job.method]
            key |= {
                "method": method.name,  # a label decides no number
                "edited by": self.identity(method),
                "codes": job.codes,
                "seed": job.seed if _random(method, job.codes) else None,
                "edited on": method.device.type,
            }
        if job.kind == "probe":
            method, codes = self.methods[job.method], self._probe_codes(job.method, job.codes)
            assert codes is not None
            key |= {
                "method": method.name,  # a label decides no number
                "edited by": self.identity(method),
                "first": len(codes),
                # Themselves, not their name: a metric may come to mean others by it.
                "codes": array_digest(codes.detach().cpu().numpy()),
                "edited on": method.device.type,
            }
        return key

    def refresh(self) -> None:
        """Forget what methods, judges and data were, if they have been changed since ``settle``."""
        if self._settled is None or self._settled != self._state():
            self._identities.clear()
            self._probed.clear()
            self._held = self._settled = None

    def settle(self) -> None:
        """Take what methods, judges and data are now for what they were when the pass began.

        A method may change itself while it edits, by a counter or a buffer that it fills.
        """
        self._settled = self._state()

    def identity(self, *objects: object) -> dict[str, str]:
        """What numbers depend on that some objects compute, as they were at the last ``refresh``."""
        found: dict[str, str] = self._once(
            tuple(map(id, objects)), lambda: (objects, identity_of(*objects))
        )[1]
        return found

    def judge_fingerprint(self, judge: Judge) -> str:
        """What a judge's spec gives, which hashes its weights each time that it is asked."""
        found: str = self._once(("spec", id(judge)), lambda: judge.spec.fingerprint)
        return found

    def _once(self, key: object, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, made once between two refreshes."""
        if key not in self._identities:
            self._identities[key] = make()
        return self._identities[key]

    def _state(self) -> list[dict[str, str]]:
        parts = [*self.methods.values(), self.judge, *self.others]
        return [*map(identity_of, parts), identity_of(*self.dataset.read_by())]

    def untold(self) -> list[str]:
        """The methods, judges and data whose pieces are never used again: their state cannot be told."""
        parts: list[tuple[str, object]] = [(self.dataset.name, self.dataset)]
        parts += [(method.title, method) for method in self.methods.values()]
        parts += [(judge.spec.title, judge) for judge in (self.judge, *self.others)]
        return [
            f"{title} ({', '.join(sorted(set(found)))})"
            for title, part in parts
            if (found := opaque(part))
        ]

    def perform(self, job: Job, watch: Watch = lambda _: None) -> None:
        """Compute and store what is missing of a job; ``watch`` as for ``compute``.

        ``pieces`` counts what was stored and what was computed.
        """
        missing = self.missing(job)
        made = [
            self.store.made(self.key(job, judge))
            for judge in self.judges(job)
            if judge not in missing
        ]
        self.pieces.reuse([then for then in made if then is not None and then < self.began])
        if missing:
            for judge, arrays in zip(missing, self.compute(job, missing, watch), strict=True):
                self.store.put(self.key(job, judge), arrays)
                self.pieces.computed += 1

    def try_out(self, jobs: Sequence[Job]) -> None:
        """Try the methods and judges that some jobs still need, before any of these is done.

        Raises:
            BadInput: one of them does not do what it promises (``ganbench.evaluation.contract``).
        """
        missing = [(job, self.missing(job)) for job in jobs]
        names = dict.fromkeys(job.method for job, judges in missing if judges and job.method)
        judges = {id(judge): judge for job, own in missing if job.kind != "render" for judge in own}
        if not names and not judges:
            return
        images = self.dataset.images(self.chunks[0].indices[: contract.IMAGES])
        with self.stopwatch.measure("try out"), torch.inference_mode():
            for judge in judges.values():
                contract.try_judge(judge, images)
            contract.try_all([(name, self.methods[name]) for name in names], images)

    def fetch(self, job: Job, judge: Judge | None = None) -> Arrays:
        """The job's arrays, computed first if need be.

        Raises:
            BadInput: they are missing or damaged, and the pass does not compute.
        """
        judge = judge or self.judge
        key = self.key(job, judge)
        found = self.store.get(key)
        if found is None:
            if not self.computes:
                raise BadInput(
                    f"the store lacks a piece, or holds a damaged one: {job.title}, chunk "
                    f"{job.chunk.number}; run its shard again, or leave --merge out to compute it here"
                )
            found = self.compute(job, [judge])[0]
            self.store.put(key, found)
            self.pieces.replace()
        return found

    def gather(
        self,
        kind: Kind,
        method: str = "",
        codes: str = "",
        seed: int | None = None,
        judge: Judge | None = None,
    ) -> Arrays:
        """The arrays of all chunks of a maker, joined along the images.

        Args:
            seed: one of ``seeds_of``; None takes the first.
            judge: one of ``judges``; None takes the main judge.
        """
        wanted = (kind, method, codes)
        own = [job for job in self.jobs() if (job.kind, job.method, job.codes) == wanted]
        parts = [
            self.fetch(job, judge)
            for job in own
            if job.seed == (own[0].seed if seed is None else seed)
        ]
        return {name: np.concatenate([p[name] for p in parts if name in p]) for name in parts[0]}

    def shown(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
        """The first ``SHOWN`` inputs [k, 3, S, S], and their right answers [k, 7, 3, S, S] if known."""
        inputs = self._inputs(self.chunks[0])
        images = _to_bytes(inputs.images[:SHOWN])
        if inputs.truths is None:
            return images, None
        k = len(images)
        return images, inputs.truths[: k * K].reshape(k, K, *images.shape[1:])

    @torch.inference_mode()
    def compute(
        self, job: Job, judges: Sequence[Judge], watch: Watch = lambda _: None
    ) -> list[Arrays]:
        """Do the job; ``watch`` is told how many images of it are done.

        Returns:
            The arrays for each judge. ``real``: logits [n, 7], features [n, d], thumbnail
            [n, 3, s, s]. ``probe``: logits [n, P, 7], features [n, P, d], and what
            ``MetricInputs.probes`` has of right answers. ``render``, once: images uint8 [n, 3, S, S] and
            regions uint8 [n, S, S], of a probe [n, P, 3, S, S] and [n, P, S, S]. ``truth`` and
            ``edits``: logits [n, 7, 7], features [n, 7, d], and, where the data know them,
            background [n, 7], gt_distance [n, 7, 6];
            ``truth`` and ``edits`` with anchor codes: thumbnail [n, 7, 3, s, s]; ``edits`` also has
            clamped [n, 7] (``Edit.clamped``), desired [n, 7, 7] and the first chunk's shown uint8 [7, 7, 3, S, S].
        """
        if job.kind == "render":
            first = self.probe(job.codes).images if job.codes else None
            with self.stopwatch.measure("render true edits"):
                return [self.render(job, job.chunk.indices[:first])]
        inputs = self._inputs(job.chunk)
        if job.kind == "real":
            judged = self._judge_all(
                job, judges, len(job.chunk), lambda rows: inputs.images[rows], watch
            )
            found = {"thumbnail": thumbnails(inputs.images)}
            return [verdicts | found for verdicts in judged]
        makers = {"truth": self._truth, "probe": self._probe, "edits": self._edits}
        return makers[job.kind](job, judges, inputs, watch)

    def render(self, job: Job, indices: NDArray[np.int64]) -> Arrays:
        """The right answers that a job ``render`` is about, for some images; see ``compute``."""
        if not job.codes:
            images, regions = self.dataset.true_edits(indices, job.target)
            return {"images": _to_bytes(images), "regions": regions.numpy()}
        found = [self.dataset.true_units(indices, *asked) for asked in self.probe(job.codes).units]
        return {
            "images": np.stack([_to_bytes(images) for images, _ in found], axis=1),
            "regions": np.stack([regions.numpy() for _, regions in found], axis=1),
        }

    def _truth(
        self, job: Job, judges: Sequence[Judge], inputs: _Inputs, watch: Watch
    ) -> list[Arrays]:
        n = len(job.chunk)
        judged = self._judge_all(
            job, judges, n * K, lambda r: torch.from_numpy(inputs.truth(r)), watch
        )
        found: Arrays = {}
        with self.stopwatch.measure("compare with truth"):
            rows = np.arange(n * K)
            source, truth = inputs.images.numpy()[rows // K], inputs.truth(rows)
            found["thumbnail"] = thumbnails(torch.from_numpy(truth))
            assert inputs.joint is not None
            # What a method that does nothing would get, and what a perfect one changes outside.
            found["gt_distance"] = gt_distances(source, truth, inputs.joint)
            if inputs.regions is not None:
                found["background"] = background_change(source, truth, inputs.regions[rows // K])
        return [_by_image(verdicts | found) for verdicts in judged]

    def _edits(
        self, job: Job, judges: Sequence[Judge], inputs: _Inputs, watch: Watch
    ) -> list[Arrays]:
        method, n = self.methods[job.method], len(job.chunk)
        codes, desired = protocol.codes(method, job.codes, job.seed, job.chunk.number)
        exact = job.codes == "anchor"
        images = inputs.images.to(method.device)
        shown: list[NDArray[np.uint8]] = []
        changes: dict[str, list[NDArray[Any]]] = {}

        def edit(rows: NDArray[np.int64]) -> Tensor:
            made = self._edit(job, images[rows // K], codes[rows])
            edits = made.images
            if made.clamped is not None:
                changes.setdefault("clamped", []).append(made.clamped.cpu().numpy())
            if exact:
                with self.stopwatch.measure("compare with truth"):
                    self._compare(inputs, rows, edits, changes)
            if exact and job.chunk.number == 0 and rows[0] < SHOWN * K:
                shown.append(_to_bytes(edits[: SHOWN * K - int(rows[0])]))
            return edits

        judged = self._judge_all(job, judges, n * K, edit, watch)
        found: Arrays = {name: np.concatenate(parts) for name, parts in changes.items()}
        if desired is not None:
            found["desired"] = desired[: n * K].numpy()
        if shown:
            found["shown"] = np.concatenate(shown)
        return [_by_image(verdicts | found) for verdicts in judged]

    def _probe(
        self, job: Job, judges: Sequence[Judge], inputs: _Inputs, watch: Watch
    ) -> list[Arrays]:
        method, codes = self.methods[job.method], self._probe_codes(job.method, job.codes)
        assert codes is not None
        n, points = codes.shape[:2]
        images, rows_of = inputs.images.to(method.device), codes.reshape(n * points, -1)
        answers = self.fetch(self._answers(job.codes)) if self._answered(job.codes) else None
        units = self.probe(job.codes).units
        changes: dict[str, list[NDArray[Any]]] = {}

        def edit(rows: NDArray[np.int64]) -> Tensor:
            edits = self._edit(job, images[rows // points], rows_of[rows]).images
            if answers is not None:
                with self.stopwatch.measure("compare with truth"):
                    pixels = inputs.images.numpy(), edits.cpu().numpy()
                    own = against(answers, units, rows, *pixels, inputs.regions)
                for name, array in own.items():
                    changes.setdefault(name, []).append(array)
            return edits

        judged = self._judge_all(job, judges, n * points, edit, watch)
        found: Arrays = {name: np.concatenate(parts) for name, parts in changes.items()}
        return [
            {
                name: array.reshape(n, points, *array.shape[1:])
                for name, array in (verdicts | found).items()
            }
            for verdicts in judged
        ]

    def _edit(self, job: Job, images: Tensor, codes: Tensor) -> Edit:
        method = self.methods[job.method]
        with self.stopwatch.measure(f"edit: {method.title}"):
            found = contract.edit(method, images, codes, job.method)
            if found.images.is_cuda:
                torch.cuda.synchronize()
        return found

    def _compare(
        self,
        inputs: _Inputs,
        rows: NDArray[np.int64],
        edits: Tensor,
        changes: dict[str, list[NDArray[Any]]],
    ) -> None:
        changes.setdefault("thumbnail", []).append(thumbnails(edits))
        if inputs.regions is None and inputs.truths is None:
            return  # photographs: nothing to compare with, so leave the edits where they are
        images = edits.cpu().numpy()
        if inputs.regions is not None:
            source = inputs.images.numpy()[rows // K]
            change = background_change(source, images, inputs.regions[rows // K])
            changes.setdefault("background", []).append(change)
        if inputs.joint is not None:
            distance = gt_distances(images, inputs.truth(rows), inputs.joint[rows])
            changes.setdefault("gt_distance", []).append(distance)

    def _judge_all(
        self,
        job: Job,
        judges: Sequence[Judge],
        n: int,
        make: Callable[[NDArray[np.int64]], Tensor],
        watch: Watch,
    ) -> list[Arrays]:
        """Judge rows 0..n-1 in batches, as ``make`` gives them; one entry for each judge."""
        found: list[dict[str, list[NDArray[np.float32]]]] = [
            {"logits": [], "features": []} for _ in judges
        ]
        stage, specs = f"judge: {job.title}", [judge.spec for judge in judges]
        for start in range(0, n, self.batch_size):
            rows = np.arange(start, min(start + self.batch_size, n))
            images = make(rows)
            with self.stopwatch.measure(stage):
                for judge, spec, parts in zip(judges, specs, found, strict=True):
                    judged = ask(judge, images, spec)
                    parts["logits"].append(judged.logits.numpy())
                    parts["features"].append(judged.features.numpy())
            watch(start + len(rows))
        return [{name: np.concatenate(own) for name, own in parts.items()} for parts in found]

    def _inputs(self, chunk: Chunk) -> _Inputs:
        """The chunk's images and what is known about them, held until another chunk is asked for."""
        if self._held is not None and self._held[0] == chunk.number:
            return self._held[1]
        with self.stopwatch.measure("load images"):
            images = self.dataset.images(chunk.indices)
            maps = self.dataset.regions(chunk.indices)
            regions = None if maps is None else maps.numpy()
        truths = joint = None
        if self.dataset.has_true_edits:
            renders = [
                self.fetch(Job("render", chunk, "true edits", len(chunk), target=target))
                for target in range(K)
            ]
            truths = np.stack([r["images"] for r in renders], axis=1)
            after = np.stack([r["regions"] for r in renders], axis=1)
            before = after if regions is None else regions[:, None]
            joint = joint_regions(before, after).reshape(-1, *after.shape[2:])
            truths = truths.reshape(-1, *truths.shape[2:])
        self._held = (chunk.number, _Inputs(images, regions, truths, joint))
        return self._held[1]


def fingerprint(method: Method) -> str:
    """sha256 (hex) of a method's weights.

    It is that of the checkpoint's file while the method holds what the file held; else, as of a method
    without a file, that of its configuration and tensors as they are now.
    """
    now = tensor_hash(method)
    return method.fingerprint if method.fingerprint and method.loaded == now else now


def array_digest(values: NDArray[Any]) -> list[Any]:
    """What tells an array from another: shape, type and sha256 of its numbers."""
    values = np.ascontiguousarray(values)
    return [list(values.shape), values.dtype.str, hashlib.sha256(values.tobytes()).hexdigest()]


def _arithmetic() -> list[str]:
    """Settings of PyTorch that change the last bits of every result, or more."""
    backends = torch.backends
    questions: list[Callable[[], object]] = [
        torch.get_default_dtype,
        torch.get_float32_matmul_precision,
        lambda: backends.cuda.matmul.allow_tf32,
        lambda: backends.cudnn.allow_tf32,
        lambda: backends.mkldnn.matmul.fp32_precision,  # type: ignore[attr-defined]
        lambda: backends.mkldnn.conv.fp32_precision,  # type: ignore[attr-defined]
        lambda: torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu"),
        lambda: torch.is_autocast_enabled("cuda") and torch.get_autocast_dtype("cuda"),
    ]
    hooks = [
        torch.nn.modules.module._global_forward_hooks,
        torch.nn.modules.module._global_forward_pre_hooks,
    ]
    of_all = [hook for kind in hooks for hook in kind.values()]
    return [*map(_answer, questions), *[identity_of(of_all)["state"]] * bool(of_all)]


def _answer(ask: Callable[[], object]) -> str:
    """What PyTorch says of a setting; it raises where a version lacks one, or where two contradict."""
    try:
        return str(ask())
    except (AttributeError, RuntimeError) as error:
        return type(error).__name__


def _random(method: Method, codes: str) -> bool:
    """Whether edits with a set of codes depend on a seed."""
    return method.noise_dim > 0 or codes != "anchor"


def _by_image(arrays: Arrays) -> Arrays:
    """Rows ``7 * image + target`` -> [image, target, ...]."""
    return {
        name: array.reshape(len(array) // K, K, *array.shape[1:]) for name, array in arrays.items()
    }


def _to_bytes(images: Tensor) -> NDArray[np.uint8]:
    """[0, 1] -> 0..255, rounded."""
    return (images * 255).round().to(torch.uint8).cpu().numpy()
