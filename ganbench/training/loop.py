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
            raise BadInput(f"a run is already there: {self.folder}; add --resume or choose another --out")
        try:
            for part in ("samples", "checkpoints"):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"cannot write to: {self.folder} ({error.strerror}); choose another --out") from error
        write_atomic(self.folder / "recipe.json", json.dumps(self.card, indent=1) + "\n")
        write_atomic(self.folder / "log.jsonl", "")

    def resume(self) -> None:
        """Continue from ``state.pt``; log lines written after it are dropped.

        Raises:
            BadInput: nothing to resume, or the run was started with another recipe, data or seed.
        """
        path = self.folder / "state.pt"
        if not path.is_file():
            raise BadInput(f"nothing to resume: {self.folder} has no state.pt; start without --resume")
        before = json.loads((self.folder / "recipe.json").read_text())
        for key in ("name", "network", "recipe", "seed", "data"):
            if before.get(key) != self.card.get(key) and not _only_longer(key, before, self.card):
                raise BadInput(
                    f"cannot resume: {key} was {_short(before.get(key))}, now {_short(self.card.get(key))}; "
                    "give the same options, or start a new run with another --out"
                )
        state = torch.load(path, map_location=self.trainer.device, weights_only=True)
        self.trainer.load_state_dict(state["trainer"])
        self.done, self.seconds = int(state["iteration"]), float(state["seconds"])
        log = self.folder / "log.jsonl"
        kept = [line for line in log.read_text().splitlines() if json.loads(line)["iteration"] <= self.done]
        write_atomic(log, "".join(line + "\n" for line in kept))
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
                if last or self.done % recipe.log_every == 0:
                    means = {key: float(total) / count for key, (total, count) in sums.items()}
                    seconds = time.perf_counter() - clock
                    self.seconds += seconds
                    speed = (self.done - logged) * recipe.batch_size / seconds
                    sums, logged, clock = {}, self.done, time.perf_counter()
                    self._log(means, speed)
                if last or self.done % recipe.sample_every == 0:
                    self._sample()
                if last or self.done % recipe.checkpoint_every == 0:
                    self._checkpoint()
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
            units = self.dataset.action_units(chosen)
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
        line = {"iteration": self.done, "seconds": round(self.seconds, 3), **means, "images_per_second": speed}
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        self.watch(Progress(self.done, self.trainer.recipe.iterations, means, speed))
        try:
            self.trainer.check(means)
        except Diverged as error:
            raise Diverged(
                f"{error} (iteration {self.done}; last good checkpoint in {self.folder / 'checkpoints'})"
            ) from None

    def _sample(self) -> None:
        from ganbench.training.samples import save_samples

        save_samples(self.trainer.shipped, self.dataset, self.folder / "samples" / f"{self.done:07d}.png")

    def _checkpoint(self) -> None:
        broken = [
            name
            for name, value in self.trainer.shipped.state_dict().items()
            if not bool(torch.isfinite(value).all())
        ]
        if broken:
            raise Diverged(
                f"training diverged: weights {broken[0]} are not finite at iteration {self.done}; lower learning_rate"
            )
        folder = self.folder / "checkpoints"
        save_checkpoint(folder / f"{self.done:07d}.safetensors", self.trainer.shipped, self.kind, self.name, self._card())
        temporary = self.folder / "state.pt.tmp"
        torch.save(
            {"trainer": self.trainer.state_dict(), "iteration": self.done, "seconds": self.seconds}, temporary
        )
        os.replace(temporary, self.folder / "state.pt")
        for old in sorted(folder.glob("*.safetensors"))[:-KEEP]:
            old.unlink()

    def _card(self) -> dict[str, Any]:
        return {**self.card, "iteration": self.done, "hours": round(self.seconds / 3600, 3)}


def _only_longer(key: str, before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether two recipes differ only in length or in how often they report."""
    if key != "recipe":
        return False
    free = {"iterations", "log_every", "sample_every", "checkpoint_every"}
    strip = lambda r: {k: v for k, v in r.items() if k not in free}  # noqa: E731
    return bool(strip(before["recipe"]) == strip(now["recipe"]))


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


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
