"""The training loop: data, steps, logs, sample grids, checkpoints, resuming.

A run may die at any moment. ``state.pt`` is replaced in one step, holds all that later iterations
depend on, and is written after everything else that belongs to its iteration; whatever was written
after it is dropped or written again, with the same content.

Of several processes the first one alone writes; all read the state that a run goes on from.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganbench import config
from ganbench.data.dataset import Dataset
from ganbench.data.doctor import examine, refuse
from ganbench.data.subset import only
from ganbench.distributed import launch
from ganbench.emotions import check_known, labels_of
from ganbench.errors import BadInput, Diverged
from ganbench.methods.tensors import check_parameters
from ganbench.methods.weights import save_checkpoint
from ganbench.seeds import generator
from ganbench.storage.lock import Lock
from ganbench.storage.store import replacing, sync
from ganbench.text import plural
from ganbench.training import folder as folders
from ganbench.training.augment import augment
from ganbench.training.limits import Facts, Fault, Watch
from ganbench.training.recipe import Recipe
from ganbench.training.schedule import Choice, Schedule
from ganbench.training.seal import check as check_seal
from ganbench.training.seal import seal
from ganbench.training.targets import check_targets
from ganbench.training.trainer import Batch, Trainer, shard_batch


@dataclass(frozen=True)
class LogLine:
    """Where a run stands, at a log line.

    Attributes:
        iteration: iterations done.
        total: iterations of the recipe.
        values: means of the logged scalars since the last line, and the probe's accuracy if it looked.
        images_per_second: training images seen per second since the last line.
    """

    iteration: int
    total: int
    values: Mapping[str, float]
    images_per_second: float


def planned(folder: Path, recipe: Recipe, rate: Choice = "continue") -> Schedule:
    """The learning rates that the run in a folder would have if it were resumed by a recipe.

    Raises:
        BadInput: nothing to resume, or it is damaged.
    """
    state = _State.read(folder, folders.read_card(folder), recipe)
    return state.schedule.lengthened(state.done, rate)[0]


class Run:
    """One training run and its folder.

    The folder holds ``recipe.json`` (what is trained, on what, by which command), ``log.jsonl``,
    ``samples/``, ``checkpoints/``, ``state.pt`` for resuming, and at the end ``NAME.safetensors``.

    Args:
        trainer: networks, optimisers and the step.
        kind: ``"method"`` or ``"judge"``.
        name: the registered name.
        dataset: the training split, at the model's image size; of its images those whose emotions
            the network lists are used, and find their labels there by name.
        folder: where the run lives.
        seed: of data order, augmentation and every random draw.
        card: JSON-ready facts stored with the run and in every checkpoint.
        watch: called after each log line, in the first process.
        probe: judges the shipped model, in [0, 1], without a trace in it; None if nobody can.
        again: the command line that trains the same with other options behind it, for advice; the
            card's when empty.
        tell: called with a line that a user should read, such as that the probe fails.

    Raises:
        BadInput: the data have a fault (``ganbench.data.doctor``), such as no image of an emotion that
            the network lists, or no target would ever differ from what its image shows.
    """

    def __init__(
        self,
        trainer: Trainer,
        kind: str,
        name: str,
        dataset: Dataset,
        folder: Path,
        seed: int,
        card: dict[str, Any],
        watch: Callable[[LogLine], None] = lambda _: None,
        probe: Callable[[nn.Module], float] | None = None,
        again: str = "",
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.trainer, self.kind, self.name = trainer, kind, name
        self.dataset, self.folder, self.seed = dataset, folder, seed
        self.card, self.watch, self.probe = card, watch, probe
        self.share = trainer.share
        self.again, self.tell = again or str(card["command"]), tell
        names = tuple(card["network"]["emotions"])
        if trainer.needs_emotions:
            check_known(names)
            self.dataset = only(dataset, names)
        refuse(examine(self.dataset, names if trainer.needs_emotions else ()))
        # The suite's numbers of the emotions -> the network's own labels; where no loss looks at them,
        # the data may have others.
        table = np.array(labels_of(names), dtype=np.int64)
        self.labels = table[self.dataset.labels].clip(min=0)
        check_targets(trainer, self.dataset.labels, seed)
        self.done = 0
        self.seconds = 0.0
        self._window = _Window()
        self._watch = Watch({}, trainer.recipe)
        self._unjudged = ""  # why the probe's last look failed
        self._told = False  # whether the user knows of a look that failed
        self._stop = False
        self._lock: Lock | None = None  # of the first process
        self._stamp: tuple[int, ...] = ()

    # -- starting and resuming --------------------------------------------------------------------

    def start(self) -> None:
        """Begin in an empty folder.

        Raises:
            BadInput: the folder already holds a run, or cannot be written, or another process trains
                in it.
        """
        with self.share.together(), self._alone():
            if self.share.first:
                folders.make(self.folder)
                folders.write_launch(self.folder, launch())
                folders.write_card(self.folder, self.card)
                folders.cut_log(self.folder, -1)
                self._save_state()  # from here on the run can be resumed
        self._compare()

    def resume(self, rate: Choice = "continue") -> str:
        """Continue from ``state.pt``; log lines written after it are dropped.

        Args:
            rate: which learning rate follows where the recipe has another length now and the rate
                has begun to fall; see ``Schedule.lengthened``.

        Returns:
            What becomes of the learning rate, in words; empty where the recipe alone says it.

        Raises:
            BadInput: nothing to resume, or the run was started with another recipe, data or seed, or
                with another number of processes, or another process trains in the folder.
        """
        with self.share.together(), self._alone(resumed=True):
            remark = self._read_state(rate)
            if self.share.first:
                folders.clean(self.folder)
                folders.cut_log(self.folder, self.done)
                if remark:
                    self._save_state()  # before the card, by which an old state's length is known
                folders.write_card(self.folder, self.card)
                # If it died just before that.
                folders.prune(self.folder, self.trainer.recipe.keep)
        self._compare()
        return remark

    def _read_state(self, rate: Choice) -> str:
        before, recipe = folders.read_card(self.folder), self.trainer.recipe
        self._stamp = folders.stamp(self.folder)
        state = _State.read(self.folder, before, recipe)
        if before.get("name") == self.name:
            # What has become an option since then had its default.
            for part, now in (
                ("network", self.trainer.model.config),
                ("recipe", recipe),
            ):
                before[part] = config.plain(type(now)()) | before.get(part, {})
        if changed := folders.differences(before, self.card):
            raise BadInput(
                f"cannot resume: {'; '.join(changed)}; "
                "give the same options, or start a new run with another --out"
            )
        if state.done > recipe.iterations:
            raise BadInput(
                f"cannot resume: {recipe.iterations:,} asked for, and the run has done "
                f"{plural(state.done, 'iteration')}; raise iterations"
            )
        try:
            self.trainer.load_state_dict(state.trainer)
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            first = (str(error).splitlines() or [""])[0]
            raise BadInput(
                f"cannot resume: state.pt in {self.folder} is not of this run "
                f"({type(error).__name__}: {first[:200]}); start a new run with another --out"
            ) from error
        for name, network in self.trainer.networks.items():
            check_parameters(network, f"{name} of {self.folder / folders.STATE}")
        self.done, self.seconds, self._window = state.done, state.seconds, state.window
        self.trainer.schedule, remark = state.schedule.lengthened(state.done, rate)
        if not self.trainer.schedule.simple:
            self.card[folders.SCHEDULE] = self.trainer.schedule.plain
        return remark

    @contextmanager
    def _alone(self, resumed: bool = False) -> Iterator[None]:
        """Lock the folder, and keep the lock unless what is done in here fails."""
        if not self.share.first:
            yield
            return
        if resumed:
            folders.read_card(self.folder)  # a folder without a run gets no lock
        if self._lock is None or not self._lock.held:
            self._lock = folders.lock(self.folder)
        try:
            yield
        except BaseException:
            self._lock.release()
            raise

    def _unchanged(self) -> None:
        """Refuse to go on if another run has written the state since this one read or wrote it."""
        if self.share.first and folders.stamp(self.folder) != self._stamp:
            raise BadInput(
                f"the run in {self.folder} went on elsewhere since iteration {self.done}; resume it "
                "again from its newest state"
            )

    def _compare(self) -> None:
        """Refuse to go on if the processes do not hold the same weights after the same iterations."""
        if self.share.world == 1:
            return
        digest = hashlib.sha256(str(self.done).encode())
        for network in self.trainer.networks.values():
            for parameter in network.parameters():
                digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
        with self.share.together():
            if not self.share.same(int.from_bytes(digest.digest()[:7], "big")):
                raise BadInput(
                    f"the {self.share.world} processes hold different weights at iteration "
                    f"{self.done}; run the same versions on all machines, and give --out a folder "
                    "that all share"
                )

    # -- running ----------------------------------------------------------------------------------

    def run(self, until: int | None = None) -> Path | None:
        """Train to the recipe's end.

        Args:
            until: stop after this iteration, as Ctrl-C would.

        Returns:
            The finished checkpoint, or None if the run was stopped before, at a resumable point.

        Raises:
            Diverged: a loss became NaN, left its limits or stayed where a network has it that learns
                nothing, edits show nothing or cannot be judged at the end, or the method's own check
                failed; the last good checkpoint is kept and named.
            BadInput: the folder cannot be written; the last good checkpoint is kept. Or another
                process trains in it, or has since this run was started or resumed.
        """
        with self.share.together(), self._alone():
            self._unchanged()
        if self._lock is None:
            return self._train(until)
        self._lock.busy = True
        try:
            return self._train(until)
        finally:
            self._lock.busy = False
            self._lock.release()

    def _train(self, until: int | None) -> Path | None:
        recipe, trainer = self.trainer.recipe, self.trainer
        self._watch = self._watching()
        end = recipe.iterations if until is None else min(until, recipe.iterations)
        clock = time.perf_counter()
        with _interruptible(self), ThreadPoolExecutor(1) as pool:
            for batch in self._batches(pool, end):
                trainer.set_rates(self.done)
                values = trainer.step(self.done, batch, generator(self.seed, "step", self.done))
                self._window.add(values)
                self.done += 1
                finished = self.done == recipe.iterations
                stopped = self.done == end or self.share.any(self._stop)
                checkpoint = finished or self.done % recipe.checkpoint_every == 0
                # A checkpoint ends a log line, which tells what the probe says of it.
                log = checkpoint or self.done % recipe.log_every == 0
                if log or stopped:
                    now = time.perf_counter()
                    self.seconds, clock = self.seconds + now - clock, now
                sample = finished or self.done % recipe.sample_every == 0
                if log or sample or stopped:
                    with self.share.together():
                        if log:
                            self._log(self._look() if checkpoint else {})
                        if checkpoint or stopped or sample:
                            self._check_networks()
                        if sample and self.share.first:
                            self._sample()
                        if (checkpoint or stopped) and self.share.first:
                            self._checkpoint()
                if checkpoint:
                    self._compare()
                if stopped:
                    break
        if self.done < recipe.iterations:
            return None
        final = self.folder / f"{self.name}.safetensors"
        with self.share.together():
            if self.share.first:
                self._save_checkpoint(final)
        return final

    def _batches(self, pool: ThreadPoolExecutor, end: int) -> Iterator[Batch]:
        """Batches from ``done`` to ``end``; the next one is prepared while a step runs."""

        def prepare(iteration: int) -> Batch:
            # By the suite's numbers: which images are seen depends on no network's order.
            chosen = self.trainer.indices(self.dataset.labels, iteration, self.seed)
            images = augment(
                self.dataset.images(self.share.local_rows(chosen)),
                self.trainer.recipe.augment,
                generator(self.seed, "augment", iteration),
                self.share,
            )
            wanted = self.trainer.needs_action_units
            units = self.dataset.action_units(chosen) if wanted else None
            device = self.trainer.device
            images = images.to(device).to(memory_format=torch.channels_last)
            emotions = torch.as_tensor(self.labels[chosen]).to(device)
            units = None if units is None else units.to(device)
            return shard_batch(images, emotions, units, self.share)

        ahead = pool.submit(prepare, self.done)
        for iteration in range(self.done, end):
            batch = ahead.result()
            ahead = pool.submit(prepare, iteration + 1)
            yield batch

    def _look(self) -> dict[str, float]:
        """What the probe says, if it is its turn."""
        every, last = self.trainer.recipe.probe_every, self.trainer.recipe.iterations
        if self.probe is None or not every or (self.done % every and self.done != last):
            return {}
        self._unjudged, training = "", self.trainer.shipped.training
        try:
            return {folders.PROBE: self.probe(self.trainer.shipped)}
        except BadInput as error:
            self.trainer.shipped.train(training)
            # Weights that are not finite are told in a moment, and by their names.
            state = self.trainer.shipped.state_dict().values()
            if all(bool(tensor.isfinite().all()) for tensor in state):
                self._unjudged = str(error)
                if not self._told:
                    self.tell(f"the probe fails at iteration {self.done}: {error}")
                self._told = True
            return {}

    def _log(self, probed: dict[str, float]) -> None:
        values = self._window.means() | probed
        images = (self.done - self._window.iteration) * self.trainer.recipe.batch_size
        speed = images / (self.seconds - self._window.seconds)
        self._window = _Window(self.done, self.seconds)
        if self.share.first:
            self._write_line(values, speed)
        self._watch.add(self.done, values)
        try:
            self.trainer.check(values)
        except Diverged as error:
            raise self._diverged(str(error), self._watch.good()) from None
        fault, edits = self._watch.fault(), getattr(self.probe, "edits", 0)
        if fault is None and edits and probed and self.done == self.trainer.recipe.iterations:
            classes = len(self.card["network"]["emotions"])
            fault = self._watch.probed(probed[folders.PROBE], edits, classes)
        if fault is None and self._unjudged and self.done == self.trainer.recipe.iterations:
            text = f"nobody can tell whether the training learned anything: {self._unjudged}"
            fault = Fault(text, self._watch.good())
        if fault is not None:
            raise self._diverged(fault.text, fault.good)

    def _watching(self) -> Watch:
        """The limits of the losses, and what the log holds of them so far."""
        classes = len(self.card["network"]["emotions"])
        facts = Facts.of(self.dataset, classes, self.trainer.recipe.augment, self.labels)
        watch = Watch(self.trainer.limits(facts), self.trainer.recipe)
        lines: list[dict[str, Any]] = []
        with suppress(BadInput):  # a log that cannot be read cannot be written, which ends the run
            lines = folders.read_log(self.folder)
        for line in lines:
            if line["iteration"] <= self.done:
                values = {k: v for k, v in line.items() if isinstance(v, float)}
                watch.add(line["iteration"], values)
        return watch

    def _diverged(self, what: str, good: int) -> Diverged:
        """The end of a run that went wrong after iteration ``good``, and the way out of it."""
        best = folders.good(self.folder, good)
        kept = f"last good checkpoint: {best}" if best else "no checkpoint is from before that"
        rate = float(f"{self.trainer.recipe.learning_rate / 10:.3g}")
        more = ["--set", f"learning_rate={rate!r}", "--out", str(folders.beside(self.folder))]
        if best:
            more = ["--init", str(best), *more]
        return Diverged(
            f"{what} (at iteration {self.done}; {kept}); --resume would meet it again, so lower "
            f"learning_rate and start {'from that checkpoint' if best else 'anew'}: "
            f"{self.again} {shlex.join(more)}"
        )

    def _write_line(self, values: dict[str, float], speed: float) -> None:
        line = {
            "iteration": self.done,
            "seconds": round(self.seconds, 3),
            **values,
            "images_per_second": speed,
        }
        with (
            folders.writing(self.folder, folders.LOG),
            (self.folder / folders.LOG).open("a") as file,
        ):
            file.write(json.dumps(line) + "\n")
        if self._lock is not None:
            self._lock.beat()
        self.watch(LogLine(self.done, self.trainer.recipe.iterations, values, speed))

    def _check_networks(self) -> None:
        for network, tensors in self.trainer.state_dict()["networks"].items():
            for name, value in tensors.items():
                if not bool(torch.isfinite(value).all()):
                    what = f"training diverged: {network} {name} is not finite"
                    raise self._diverged(what, self.done - 1)

    def _sample(self) -> None:
        from ganbench.training.samples import save_samples

        path = self.folder / folders.SAMPLES / f"{self.done:07d}.png"
        with folders.writing(self.folder, f"the samples of iteration {self.done}"):
            save_samples(self.trainer.shipped, self.dataset, path)

    def _checkpoint(self) -> None:
        self._save_checkpoint(folders.checkpoint(self.folder, self.done))
        self._save_state()
        folders.prune(self.folder, self.trainer.recipe.keep)

    def _save_checkpoint(self, path: Path) -> None:
        card = {**self.card, "iteration": self.done, "hours": round(self.seconds / 3600, 3)}
        with folders.writing(self.folder, f"the checkpoint of iteration {self.done}"):
            save_checkpoint(path, self.trainer.shipped, self.kind, self.name, card)

    def _save_state(self) -> None:
        state = {
            "trainer": self.trainer.state_dict(),
            "iteration": self.done,
            "seconds": self.seconds,
            "window": vars(self._window),
            folders.SCHEDULE: self.trainer.schedule.plain,
        }
        with folders.writing(self.folder, f"the state of iteration {self.done}"):
            sync(self.folder / folders.LOG)  # the lines up to here are dropped by no power cut
            with replacing(self.folder / folders.STATE) as temporary:
                try:
                    with temporary.open("wb") as file:
                        torch.save(state, file)
                except RuntimeError as error:
                    # So torch reports a full disk, whose own words are what it was handling.
                    if isinstance(error.__context__, OSError):
                        raise error.__context__ from error
                    raise
                seal(temporary)
        self._stamp = folders.stamp(self.folder)


@dataclass
class _Window:
    """Sums of what was logged since the last line, which a resumed run goes on with.

    Attributes:
        iteration, seconds: at the last line.
        sums, counts: of each value.
    """

    iteration: int = 0
    seconds: float = 0.0
    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, values: Mapping[str, Tensor]) -> None:
        for key, value in values.items():
            before = self.sums.get(key)
            self.sums[key] = value if before is None else before.to(value.device) + value
            self.counts[key] = self.counts.get(key, 0) + 1

    def means(self) -> dict[str, float]:
        return {key: float(total) / self.counts[key] for key, total in self.sums.items()}


@dataclass
class _State:
    """What ``state.pt`` holds.

    Attributes:
        trainer: what ``Trainer.load_state_dict`` takes.
        done, seconds: iterations, and how long they took.
        window: of the log line that is not written yet.
        schedule: the rates so far.
    """

    trainer: dict[str, Any]
    done: int
    seconds: float
    window: _Window
    schedule: Schedule

    @classmethod
    def read(cls, folder: Path, card: Mapping[str, Any], recipe: Recipe) -> _State:
        """The state in a folder.

        Args:
            folder: of the run.
            card: what it was started with.
            recipe: with which it is to go on.

        Raises:
            BadInput: it is damaged.
        """
        try:
            check_seal(folder / folders.STATE)
            state = torch.load(folder / folders.STATE, map_location="cpu", weights_only=True)
            done, seconds = int(state["iteration"]), float(state["seconds"])
            # A state of ganbench before 0.1.0 has none: it was written at a log line only.
            window = _Window(**state.get("window", {"iteration": done, "seconds": seconds}))
            length = int(card.get("recipe", {}).get("iterations", recipe.iterations))
            schedule = Schedule.read(recipe, state.get(folders.SCHEDULE), length)
            return cls(state["trainer"], done, seconds, window, schedule)
        except BadInput:
            raise
        except (
            OSError,
            RuntimeError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            EOFError,
            UnpicklingError,
        ) as error:
            raise BadInput(
                f"cannot resume: state.pt in {folder} is damaged ({type(error).__name__}); "
                "start a new run with another --out"
            ) from error


@contextmanager
def _interruptible(run: Run) -> Iterator[None]:
    """Ctrl-C or a termination request ends the run after the step in hand, at a resumable point."""

    def stop(signum: int, frame: FrameType | None) -> None:
        run._stop = True

    try:
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: the caller handles signals
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
