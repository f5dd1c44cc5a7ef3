"""The training loop: steps, log, sample grids, checkpoints, stopping and resuming.

A run may die at any moment. ``state.pt`` is replaced in one step, holds everything that later iterations
depend on, and is written after everything else that belongs to its iteration. A resumed run drops what
was written after the state, or writes it again with the same content.

In distributed training the first process alone writes; all processes read the state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ganbench.data.dataset import Dataset
from ganbench.distributed import launch
from ganbench.errors import BadInput, Diverged
from ganbench.methods.tensors import check_parameters
from ganbench.methods.weights import save_checkpoint
from ganbench.seeds import generator
from ganbench.stopwatch import Progress
from ganbench.storage.lock import Lock
from ganbench.storage.store import sync
from ganbench.text import plural
from ganbench.training import folder as folders
from ganbench.training.batches import Batches
from ganbench.training.folder import LogLine
from ganbench.training.images import choose
from ganbench.training.interrupts import interruptible
from ganbench.training.schedule import Choice
from ganbench.training.state import State, Window
from ganbench.training.stepper import Stepper, recorder_for
from ganbench.training.trainer import Trainer
from ganbench.training.watch import Fault, Watch


@dataclass(eq=False)
class Run:
    """One training run and its folder.

    The folder holds ``recipe.json`` (what is trained, on what, by which command), ``log.jsonl``,
    ``samples/``, ``checkpoints/``, ``state.pt`` for resuming, and at the end ``NAME.safetensors``.

    Attributes:
        trainer: networks, optimisers and the step.
        kind: ``"method"`` or ``"judge"``.
        dataset: the training split, at the model's image size.
        labels: int64 [len(dataset)], labels of its images in the order of the network's emotions.
        folder: folder of the run.
        seed: seed of data order, augmentation and every random draw.
        card: JSON-ready facts stored with the run and in every checkpoint.
        watch: called after each log line, in the first process.
        probe: share of a model's edits, in [0, 1], that a judge takes for their target; None where no
            judge can tell. It must leave the model as it was.
        again: the command line of this run; advice on a new run appends options to it.
        tell: called with a line that a user should read, such as that the probe fails.
    """

    trainer: Trainer
    kind: str
    dataset: Dataset
    labels: NDArray[np.int64]
    folder: Path
    seed: int
    card: dict[str, Any]
    watch: Callable[[LogLine], None]
    probe: Callable[[nn.Module], float] | None
    again: str
    tell: Callable[[str], None]

    def __post_init__(self) -> None:
        self.share = self.trainer.share
        self.done = 0
        self.seconds = 0.0
        self._window = Window()
        self._watch = Watch({}, self.trainer.recipe, 0)
        self._probe_error = ""  # of the newest call of the probe
        self._probe_error_told = False
        self._stop = False
        self._lock: Lock | None = None  # of the first process
        self._stamp: tuple[int, ...] = ()
        self.images = ""  # where the steps take them from, in words
        self._batches: Batches | None = None  # None before the start

    # -- starting and resuming --------------------------------------------------------------------

    def start(self, place: str = "auto", progress: Progress | None = None) -> None:
        """Begin in an empty folder.

        Args:
            place, progress: where the steps take their images from; see ``images.choose``.

        Raises:
            BadInput: the folder already holds a run, or cannot be written, or another process trains
                in it; or its images cannot be opened.
        """
        with self.share.fail_together():
            if self.share.first:
                folders.refuse_occupied(self.folder)
        self._open_images(place, progress)
        with self.share.fail_together(), self._locked():
            if self.share.first:
                folders.make(self.folder)
                folders.write_launch(self.folder, launch())
                folders.write_card(self.folder, self.card)
                folders.cut_log(self.folder, -1)
                self._save_state()  # from here on the run can be resumed
        self._compare_processes()

    def resume(
        self, rate: Choice = "continue", place: str = "auto", progress: Progress | None = None
    ) -> str:
        """Continue from ``state.pt``; log lines written after it are dropped.

        Args:
            rate: which learning rate follows if the recipe has another length now and the rate has
                begun to fall; see ``Schedule.lengthened``.
            place, progress: as for ``start``; another place than before changes no bit.

        Returns:
            What the learning rate will be, in words; empty where the recipe alone tells it.

        Raises:
            BadInput: there is nothing to resume, or the run was started with another recipe, data or
                seed, or with another number of processes, or another process trains in the folder.
        """
        with self.share.fail_together():
            if self.share.first:
                folders.read_card(self.folder)
        self._open_images(place, progress)
        with self.share.fail_together(), self._locked(resumed=True):
            remark = self._read_state(rate)
            if self.share.first:
                folders.clean(self.folder)
                folders.cut_log(self.folder, self.done)
                if remark:
                    # Before the card: a state without segments takes the length of the run from the old card.
                    self._save_state()
                folders.write_card(self.folder, self.card)
                # The run may have died between saving its state and pruning.
                folders.prune(self.folder, self.trainer.recipe.keep)
        self._compare_processes()
        return remark

    def _open_images(self, place: str, progress: Progress | None) -> None:
        recipe, device = self.trainer.recipe, self.trainer.device
        wanted = recipe.iterations * self.share.local_count(recipe.batch_size)
        images = self.share.in_turn(lambda: choose(place, self.dataset, device, wanted, progress))
        self._batches = Batches(self.trainer, images, self.labels, self.seed)
        self.card["images"], self.images = images.where, str(images)

    def _read_state(self, rate: Choice) -> str:
        before, trainer = folders.read_card(self.folder), self.trainer
        self._stamp = folders.stamp(self.folder)
        state = State.read(self.folder, before, trainer.recipe)
        if before.get("name") == self.card["name"]:
            before = folders.with_defaults(
                before, trainer.model.config, trainer.recipe, f"run {self.folder}"
            )
        if changed := folders.differences(before, self.card):
            raise BadInput(
                f"cannot resume: {'; '.join(changed)}; "
                "give the same options, or start a new run with another --out"
            )
        if state.done > trainer.recipe.iterations:
            raise BadInput(
                f"cannot resume: {trainer.recipe.iterations:,} asked for, and the run has done "
                f"{plural(state.done, 'iteration')}; raise iterations"
            )
        try:
            trainer.load_state_dict(state.trainer)
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            first = (str(error).splitlines() or [""])[0]
            raise BadInput(
                f"cannot resume: state.pt in {self.folder} is not of this run "
                f"({type(error).__name__}: {first[:200]}); start a new run with another --out"
            ) from error
        for name, network in trainer.networks.items():
            check_parameters(network, f"{name} of {self.folder / folders.STATE}")
        self.done, self.seconds, self._window = state.done, state.seconds, state.window
        trainer.schedule, remark = state.schedule.lengthened(state.done, rate)
        if not trainer.schedule.simple:
            self.card[folders.SCHEDULE] = trainer.schedule.plain
        return remark

    @contextmanager
    def _locked(self, resumed: bool = False) -> Iterator[None]:
        """Lock the folder, and keep the lock unless the body fails."""
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

    def _check_stamp(self) -> None:
        """Refuse to go on if another run has written the state since this run read or wrote it."""
        if self.share.first and folders.stamp(self.folder) != self._stamp:
            raise BadInput(
                f"the run in {self.folder} went on elsewhere since iteration {self.done}; resume it "
                "again from its newest state"
            )

    def _compare_processes(self) -> None:
        """Refuse to go on if the processes hold different weights, or have done different iterations."""
        if self.share.world == 1:
            return
        digest = self.trainer.digest(self.done)
        with self.share.fail_together():
            if not self.share.same(digest):
                raise BadInput(
                    f"the {self.share.world} processes hold different weights at iteration "
                    f"{self.done}; run the same versions on all machines, and give --out a folder "
                    "that all share"
                )

    # -- running ----------------------------------------------------------------------------------

    def run(self, until: int | None = None) -> Path | None:
        """Train to the last iteration of the recipe.

        Args:
            until: stop after this iteration, as Ctrl-C would.

        Returns:
            The finished checkpoint, or None if the run was stopped before, at a resumable point.

        Raises:
            Diverged: a loss is NaN, beyond its limit, or where a network that learns nothing has it;
                or edits are no better than chance, or cannot be judged, at the end; or the trainer's
                ``check`` failed. The last good checkpoint is kept and named.
            BadInput: the folder cannot be written; the last good checkpoint is kept. Or another
                process trains in it, or has done so since this run was started or resumed.
        """
        with self.share.fail_together(), self._locked():
            self._check_stamp()
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
        self._watch = Watch.read(trainer, self.dataset, self.labels, self.folder, self.done)
        end = recipe.iterations if until is None else min(until, recipe.iterations)
        assert self._batches is not None  # the run was started or resumed
        batches, step = self._batches, Stepper(trainer, recorder_for(trainer), self.tell)
        clock = time.perf_counter()
        with interruptible(self._request_stop), closing(batches.between(self.done, end)) as stream:
            for batch in stream:
                trainer.set_rates(self.done)
                values = step(self.done, batch, generator(self.seed, "step", self.done))
                self._window.add(values)
                self.done += 1
                finished = self.done == recipe.iterations
                stopped = self.done == end or self.share.any(self._stop)
                checkpoint = finished or self.done % recipe.checkpoint_every == 0
                # A checkpoint ends a log line, which holds the checkpoint's probe accuracy.
                log = checkpoint or self.done % recipe.log_every == 0
                if log or stopped:
                    now = time.perf_counter()
                    self.seconds, clock = self.seconds + now - clock, now
                sample = finished or self.done % recipe.sample_every == 0
                if log or sample or stopped:
                    with self.share.fail_together():
                        if log:
                            probed = self._ask_probe() if checkpoint else {}
                            self._log(probed, batches.time_waited())
                        if checkpoint or stopped or sample:
                            self._check_networks()
                        if sample and self.share.first:
                            self._sample()
                        if (checkpoint or stopped) and self.share.first:
                            self._checkpoint()
                if checkpoint:
                    self._compare_processes()
                if stopped:
                    break
        if self.done < recipe.iterations:
            return None
        final = self.folder / f"{self.card['name']}.safetensors"
        with self.share.fail_together():
            if self.share.first:
                self._save_checkpoint(final)
        return final

    def _request_stop(self) -> None:
        self._stop = True

    # -- the log and what it tells ----------------------------------------------------------------

    def _ask_probe(self) -> dict[str, float]:
        """The probe's accuracy, if the recipe has one for this iteration."""
        every, last = self.trainer.recipe.probe_every, self.trainer.recipe.iterations
        if self.probe is None or not every or (self.done % every and self.done != last):
            return {}
        self._probe_error, model = "", self.trainer.shipped
        training = model.training
        try:
            return {folders.PROBE: self.probe(model)}
        except BadInput as error:
            model.train(training)
            # ``_check_networks`` has a separate message for weights that are not finite.
            if all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values()):
                self._probe_error = str(error)
                if not self._probe_error_told:
                    self.tell(f"the probe fails at iteration {self.done}: {error}")
                self._probe_error_told = True
            return {}

    def _log(self, probed: dict[str, float], waited: float) -> None:
        recipe = self.trainer.recipe
        values = self._window.means() | probed
        images = (self.done - self._window.iteration) * recipe.batch_size
        seconds = self.seconds - self._window.seconds
        self._window = Window(self.done, self.seconds)
        if self.share.first:
            waited = min(1.0, waited / seconds)
            line = LogLine(self.done, recipe.iterations, values, images / seconds, waited)
            with folders.writing(self.folder, folders.LOG):
                folders.append_line(self.folder, line, self.seconds)
            if self._lock is not None:
                self._lock.beat()
            self.watch(line)
        self._watch.add(self.done, values)
        try:
            self.trainer.check(values)
        except Diverged as error:
            raise self._diverged(str(error), self._watch.good()) from None
        fault = self._watch.fault()
        if fault is None and self.done == recipe.iterations:
            fault = self._fault_of_probe(probed)
        if fault is not None:
            raise self._diverged(fault.text, fault.good)

    def _fault_of_probe(self, probed: dict[str, float]) -> Fault | None:
        """What the last call of the probe finds wrong with a finished training."""
        if (edits := getattr(self.probe, "edits", 0)) and probed:
            return self._watch.probed(probed[folders.PROBE], edits)
        if self._probe_error:
            text = f"nobody can tell whether the training learned anything: {self._probe_error}"
            return Fault(text, self._watch.good())
        return None

    def _diverged(self, what: str, good: int) -> Diverged:
        """The error that ends a run whose fault began after iteration ``good``, with advice."""
        rate = self.trainer.recipe.learning_rate
        advice = folders.another_try(self.folder, good, rate, self.again)
        return Diverged(f"{what} (at iteration {self.done}; {advice}")

    def _check_networks(self) -> None:
        if tensor := self.trainer.find_not_finite():
            raise self._diverged(f"training diverged: {tensor} is not finite", self.done - 1)

    # -- files ------------------------------------------------------------------------------------

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
            save_checkpoint(path, self.trainer.shipped, self.kind, card["name"], card)

    def _save_state(self) -> None:
        trainer = self.trainer
        state = State(trainer.state_dict(), self.done, self.seconds, self._window, trainer.schedule)
        with folders.writing(self.folder, f"the state of iteration {self.done}"):
            # No power cut may drop log lines of iterations that the state has done.
            sync(self.folder / folders.LOG)
            state.write(self.folder)
        self._stamp = folders.stamp(self.folder)
