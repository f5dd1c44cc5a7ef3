"""The training loop: data, steps, logs, sample grids, checkpoints, resuming."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from ganbench.data.augment import augment
from ganbench.data.dataset import Dataset
from ganbench.errors import BadInput, Diverged
from ganbench.methods.weights import save_checkpoint
from ganbench.seeds import generator
from ganbench.store import write_atomic
from ganbench.training.trainer import Batch, Trainer

KEEP = 3  # periodic checkpoints left on disk; each is small, but a paper-length run makes thousands


@dataclass(frozen=True)
class Progress:
    """Where a run stands, at a log line.

    Attributes:
        iteration: iterations done.
        total: iterations of the recipe.
        values: means of the logged scalars since the last line.
        images_per_second: training images seen per second since the last line.
    """

    iteration: int
    total: int
    values: Mapping[str, float]
    images_per_second: float


class Run:
    """One training run and its folder.

    The folder holds ``recipe.json`` (what is trained, on what, by which command), ``log.jsonl``,
    ``samples/``, ``checkpoints/``, ``state.pt`` for resuming, and at the end ``NAME.safetensors``.

    Args:
        trainer: networks, optimisers and the step.
        kind: ``"method"`` or ``"judge"``.
        name: the registered name.
        dataset: the training split, at the model's image size.
        folder: where the run lives.
        seed: of data order, augmentation and every random draw.
        card: JSON-ready facts stored with the run and in every checkpoint.
        watch: called after each log line.
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
        watch: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.trainer, self.kind, self.name = trainer, kind, name
        self.dataset, self.folder, self.seed = dataset, folder, seed
        self.card, self.watch = card, watch
        classes, highest = len(card["network"]["emotions"]), int(dataset.labels.max(initial=0))
        if highest >= classes:
            raise BadInput(
                f"the data have emotion {highest}, the network only {classes} emotions; "
                "leave those images out, or list all of them in network.emotions"
            )
        self.done = 0
        self.seconds = 0.0
        self._stop = False

    # -- starting and resuming --------------------------------------------------------------------

    def start(self) -> None:
        """Begin in an empty folder.

        Raises:
            BadInput: the folder already holds a run, or cannot be written.
        """
        if (self.folder / "state.pt").exists():
            raise BadInput(
                f"a run is already there: {self.folder}; add --resume or choose another --out"
            )
        try:
            for part in ("samples", "checkpoints"):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(
                f"cannot write to: {self.folder} ({error.strerror}); choose another --out"
            ) from error
        write_atomic(self.folder / "recipe.json", json.dumps(self.card, indent=1) + "\n")
        write_atomic(self.folder / "log.jsonl", "")

    def resume(self) -> None:
        """Continue from ``state.pt``; log lines written after it are dropped.

        Raises:
            BadInput: nothing to resume, or the run was started with another recipe, data or seed.
        """
        before = read_card(self.folder)
        try:
            state = torch.load(self.folder / "state.pt", map_location="cpu", weights_only=True)
            done, seconds = int(state["iteration"]), float(state["seconds"])
        except (
            OSError,
            RuntimeError,
            ValueError,
            KeyError,
            TypeError,
            EOFError,
            UnpicklingError,
        ) as error:
            raise BadInput(
                f"cannot resume: state.pt in {self.folder} is damaged ({type(error).__name__}); "
                "start a new run with another --out"
            ) from error
        if changed := _differences(before, self.card):
            raise BadInput(
                f"cannot resume: {'; '.join(changed)}; "
                "give the same options, or start a new run with another --out"
            )
        if done > self.trainer.recipe.iterations:
            raise BadInput(
                f"cannot resume: {done} iterations are done, {self.trainer.recipe.iterations} asked for; "
                "raise iterations"
            )
        self.trainer.load_state_dict(state["trainer"])
        self.done, self.seconds = done, seconds
        log = self.folder / "log.jsonl"
        write_atomic(log, "".join(f"{line}\n" for line in _lines_until(log, done)))
        write_atomic(self.folder / "recipe.json", json.dumps(self.card, indent=1) + "\n")

    # -- running ----------------------------------------------------------------------------------

    def run(self) -> Path | None:
        """Train to the recipe's end.

        Returns:
            The finished checkpoint, or None if Ctrl-C stopped the run at a resumable point.

        Raises:
            Diverged: a loss became NaN or the method's own check failed; the last good checkpoint
                is kept.
        """
        recipe, trainer = self.trainer.recipe, self.trainer
        sums: dict[str, tuple[Tensor, int]] = {}
        logged, clock = self.done, time.perf_counter()
        with _interruptible(self), ThreadPoolExecutor(1) as pool:
            for batch in self._batches(pool):
                trainer.set_rates(self.done)
                values = trainer.step(self.done, batch, generator(self.seed, "step", self.done))
                self.done += 1
                for key, value in values.items():
                    total, count = sums.get(key, (torch.zeros((), device=trainer.device), 0))
                    sums[key] = (total + value, count + 1)
                last = self.done == recipe.iterations or self._stop
                checkpoint = last or self.done % recipe.checkpoint_every == 0
                # A checkpoint ends a log line, so that a resumed run continues with a fresh mean.
                if checkpoint or self.done % recipe.log_every == 0:
                    means = {key: float(total) / count for key, (total, count) in sums.items()}
                    seconds = time.perf_counter() - clock
                    self.seconds += seconds
                    speed = (self.done - logged) * recipe.batch_size / seconds
                    sums, logged, clock = {}, self.done, time.perf_counter()
                    self._log(means, speed)
                if checkpoint:
                    self._checkpoint()
                if last or self.done % recipe.sample_every == 0:
                    self._sample()
                if last:
                    break
        if self.done < recipe.iterations:
            return None
        final = self.folder / f"{self.name}.safetensors"
        save_checkpoint(final, trainer.shipped, self.kind, self.name, self._card())
        return final

    def _batches(self, pool: ThreadPoolExecutor) -> Iterator[Batch]:
        """Batches from ``done`` on; the next one is prepared while a step runs."""
        labels = self.dataset.labels

        def prepare(iteration: int) -> Batch:
            chosen = self.trainer.indices(labels, iteration, self.seed)
            images = augment(
                self.dataset.images(chosen),
                self.trainer.recipe.augment,
                generator(self.seed, "augment", iteration),
            )
            wanted = self.trainer.needs_action_units
            units = self.dataset.action_units(chosen) if wanted else None
            device = self.trainer.device
            return Batch(
                images.to(device).to(memory_format=torch.channels_last),
                torch.as_tensor(labels[chosen]).to(device),
                None if units is None else units.to(device),
            )

        ahead = pool.submit(prepare, self.done)
        for iteration in range(self.done, self.trainer.recipe.iterations):
            batch = ahead.result()
            ahead = pool.submit(prepare, iteration + 1)
            yield batch

    def _log(self, means: dict[str, float], speed: float) -> None:
        line = {
            "iteration": self.done,
            "seconds": round(self.seconds, 3),
            **means,
            "images_per_second": speed,
        }
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        self.watch(Progress(self.done, self.trainer.recipe.iterations, means, speed))
        try:
            self.trainer.check(means)
        except Diverged as error:
            raise Diverged(f"{error} (at iteration {self.done}; {self._kept()})") from None

    def _sample(self) -> None:
        from ganbench.training.samples import save_samples

        save_samples(
            self.trainer.shipped, self.dataset, self.folder / "samples" / f"{self.done:07d}.png"
        )

    def _checkpoint(self) -> None:
        state = self.trainer.state_dict()
        for network, tensors in state["networks"].items():
            for name, value in tensors.items():
                if not bool(torch.isfinite(value).all()):
                    raise Diverged(
                        f"training diverged: {network} {name} is not finite; lower learning_rate "
                        f"(at iteration {self.done}; {self._kept()})"
                    )
        folder = self.folder / "checkpoints"
        path, temporary = folder / f"{self.done:07d}.safetensors", self.folder / "state.pt.tmp"
        try:
            save_checkpoint(path, self.trainer.shipped, self.kind, self.name, self._card())
            torch.save(
                {"trainer": state, "iteration": self.done, "seconds": self.seconds}, temporary
            )
            os.replace(temporary, self.folder / "state.pt")
        except (OSError, RuntimeError) as error:  # torch.save reports a full disk as RuntimeError
            temporary.unlink(missing_ok=True)
            raise BadInput(
                f"cannot write the checkpoint of iteration {self.done}: {str(error).splitlines()[0]}; "
                f"make room and add --resume ({self._kept()})"
            ) from error
        for old in sorted(folder.glob("*.safetensors"))[:-KEEP]:
            old.unlink()

    def _kept(self) -> str:
        """Which checkpoint a stopped run leaves, in words."""
        kept = sorted((self.folder / "checkpoints").glob("*.safetensors"))
        return f"last good checkpoint: {kept[-1]}" if kept else "no checkpoint was written yet"

    def _card(self) -> dict[str, Any]:
        return {**self.card, "iteration": self.done, "hours": round(self.seconds / 3600, 3)}


def read_card(folder: Path) -> dict[str, Any]:
    """What the run in a folder was started with.

    Raises:
        BadInput: there is no run to resume, or its recipe.json is damaged.
    """
    if not (folder / "state.pt").is_file():
        raise BadInput(f"nothing to resume: {folder} has no state.pt; start without --resume")
    try:
        card = json.loads((folder / "recipe.json").read_text())
    except (OSError, ValueError) as error:
        raise BadInput(
            f"cannot resume: recipe.json in {folder} is damaged ({type(error).__name__}); "
            "start a new run with another --out"
        ) from error
    return card if isinstance(card, dict) else {}


# Keys of a recipe that a resumed run may change: its length, and how often it reports.
FREE = {"iterations", "log_every", "sample_every", "checkpoint_every"}


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What a resumed run would change, as "key was x, now y"; empty if nothing that matters."""
    changed = []
    for part in ("name", "seed", "data", "network", "recipe"):
        old, new = before.get(part), now.get(part)
        if not isinstance(old, dict) or not isinstance(new, dict):
            old, new, prefix = {part: old}, {part: new}, ""
        else:
            prefix = f"{part} "
        for key in sorted(old.keys() | new.keys()):
            free = part == "recipe" and key in FREE
            if old.get(key) != new.get(key) and not free:
                changed.append(f"{prefix}{key} was {old.get(key)!r}, now {new.get(key)!r}")
    return changed


def _lines_until(log: Path, iteration: int) -> Iterator[str]:
    """The log's lines up to an iteration; a last line cut short by a crash is left out."""
    for line in log.read_text().splitlines() if log.exists() else []:
        try:
            if json.loads(line)["iteration"] <= iteration:
                yield line
        except (ValueError, KeyError, TypeError):
            continue


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
