"""The folder of a run: its card, its log, its checkpoints, and what a resumed run may not change."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from ganbench import config, parsing
from ganbench.distributed import launch, relaunched
from ganbench.errors import BadInput
from ganbench.methods.cards import check_card
from ganbench.methods.locate import CARD as CARD
from ganbench.methods.locate import CHECKPOINTS as CHECKPOINTS
from ganbench.storage.lock import Lock
from ganbench.storage.store import sweep, write_atomic
from ganbench.training.recipe import renewed

LOG, STATE = "log.jsonl", "state.pt"
LAUNCH = "torchrun.txt"
SAMPLES = "samples"
PROBE = "probe_accuracy"
PROCESSES = "processes"  # key of a card; a run of one process does not have it
SCHEDULE = "schedule"  # key of a state, and of a card whose rates the recipe alone does not tell

# Keys of a recipe that a resumed run may change: its length, what it reports and keeps, and whether it
# replays recorded steps.
MAY_CHANGE = frozenset(
    {"iterations", "log_every", "sample_every", "checkpoint_every", "probe_every", "keep", "graphs"}
)


@dataclass(frozen=True)
class LogLine:
    """A line of the log.

    Attributes:
        iteration: iterations done.
        total: iterations of the recipe.
        values: means of the logged scalars since the line before, and the probe's accuracy if the probe
            was asked.
        images_per_second: training images seen per second since the line before.
        waited: share of this time, in [0, 1], in which the training waited for images.
    """

    iteration: int
    total: int
    values: Mapping[str, float]
    images_per_second: float
    waited: float


def lock(folder: Path) -> Lock:
    """Make the folder if it is missing, and lock it against other processes.

    Raises:
        BadInput: it cannot be made, or another training runs in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"cannot write to: {folder} ({error.strerror}); choose another --out"
        ) from error
    return Lock(folder, "training", launch(), relaunched())


def stamp(folder: Path) -> tuple[int, ...]:
    """Numbers that change whenever ``state.pt`` is written; empty if there is none."""
    try:
        file = (folder / STATE).stat()
    except OSError:
        return ()
    return file.st_ino, file.st_mtime_ns, file.st_size


def make(folder: Path) -> None:
    """Make the folder and its subfolders.

    Raises:
        BadInput: it already holds a run, or cannot be written.
    """
    refuse_occupied(folder)
    try:
        for part in (SAMPLES, CHECKPOINTS):
            (folder / part).mkdir(parents=True, exist_ok=True)
        clean(folder)
    except OSError as error:
        raise BadInput(
            f"cannot write to: {folder} ({error.strerror}); choose another --out"
        ) from error


def refuse_occupied(folder: Path) -> None:
    """Raise ``BadInput`` if a folder already holds a run, which another process may be training."""
    if (folder / STATE).exists():
        lock(folder).release()  # names the process that trains, if there is one
        raise BadInput(f"a run is already there: {folder}; add --resume or choose another --out")


def clean(folder: Path) -> None:
    """Remove the half-written files of killed processes."""
    for place in (folder, folder / SAMPLES, folder / CHECKPOINTS):
        sweep(place)


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write the run's card: what is trained, on what, by which command."""
    write_atomic(folder / CARD, json.dumps(card, indent=1) + "\n")


def read_card(folder: Path) -> dict[str, Any]:
    """The card that the run in a folder was started with.

    Raises:
        BadInput: there is no run to resume, or its recipe.json is damaged.
    """
    if not (folder / STATE).is_file():
        raise BadInput(f"nothing to resume: {folder} has no state.pt; start without --resume")
    try:
        card = parsing.read_json(folder / CARD, kind=dict)
        check_card(card)
    except parsing.Refused as error:
        raise BadInput(
            f"cannot resume: recipe.json in {folder} is damaged ({error}); "
            "start a new run with another --out"
        ) from error
    return dict(card)


def write_launch(folder: Path, name: str | None) -> None:
    """Write the name of the launch of ``torchrun`` that began the run; None if none did."""
    if name is not None:
        write_atomic(folder / LAUNCH, name)


def began_in(folder: Path, name: str | None) -> bool:
    """Whether the launch ``name`` of ``torchrun`` began the run in a folder."""
    try:
        return parsing.is_file(folder / STATE) and parsing.read_text(folder / LAUNCH) == name
    except BadInput:
        return False


def with_defaults(card: Mapping[str, Any], network: Any, recipe: Any, where: str) -> dict[str, Any]:
    """A card that also has the options that were added to ganbench after it was written.

    Their defaults are what ganbench did before it had them.

    Args:
        card: the card of a run or checkpoint.
        network, recipe: configurations of the classes that the card's configurations have.
        where: whose card it is, for messages.

    Raises:
        BadInput: the card's configurations have other keys than these classes, or wrong values.
    """
    tables = {"network": card.get("network", {}), "recipe": renewed(card.get("recipe", {}))}
    completed = {
        part: config.plain(config.build(type(now), dict(tables[part]), f"{where} {part}"))
        for part, now in (("network", network), ("recipe", recipe))
    }
    return {**card, **completed}


def differences(
    before: Mapping[str, Any], now: Mapping[str, Any], free: Collection[str] = MAY_CHANGE
) -> list[str]:
    """What differs between the cards of two runs, as "key was x, now y".

    Args:
        before, now: the cards.
        free: keys of the recipe that may differ.
    """
    changed = []
    for part in ("name", "seed", "data", "network", "recipe", PROCESSES):
        missing = 1 if part == PROCESSES else None
        old, new = before.get(part, missing), now.get(part, missing)
        if not isinstance(old, dict) or not isinstance(new, dict):
            old, new, prefix = {part: old}, {part: new}, ""
        else:
            prefix = f"{part} "
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key) and not (part == "recipe" and key in free):
                changed.append(f"{prefix}{key} was {old.get(key)!r}, now {new.get(key)!r}")
    return changed


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The lines of the log, numbers by name, without a line that a crash has cut short.

    Raises:
        BadInput: the log cannot be read.
    """
    log = folder / LOG
    if not log.exists():
        return []
    try:
        text = parsing.read_text(log, parsing.RESULTS)
    except parsing.Refused as error:
        raise BadInput(f"cannot read the log: {log} ({error}); remove it") from error
    return [
        line
        for line in parsing.lines_of_json(text)
        if type(line.get("iteration")) is int
        and all(type(value) in (int, float) for value in line.values())
    ]


def append_line(folder: Path, line: LogLine, seconds: float) -> None:
    """Append a line to the log; ``seconds`` is the training time so far.

    Raises:
        OSError: it cannot be written.
    """
    values = {
        "iteration": line.iteration,
        "seconds": round(seconds, 3),
        **line.values,
        "images_per_second": line.images_per_second,
        "waited": line.waited,
    }
    with (folder / LOG).open("a") as file:
        file.write(json.dumps(values) + "\n")


def cut_log(folder: Path, iteration: int) -> None:
    """Drop the lines after an iteration."""
    lines = [json.dumps(line) for line in read_log(folder) if line["iteration"] <= iteration]
    write_atomic(folder / LOG, "".join(f"{line}\n" for line in lines))


def checkpoints(folder: Path) -> list[Path]:
    """The periodic checkpoints, the newest last."""
    return sorted((folder / CHECKPOINTS).glob("*.safetensors"))


def checkpoint(folder: Path, iteration: int) -> Path:
    """The periodic checkpoint of an iteration."""
    return folder / CHECKPOINTS / f"{iteration:07d}.safetensors"


def best(folder: Path) -> tuple[float, Path] | None:
    """Highest probe accuracy and its checkpoint, the newest of equal ones; None without a probe."""
    probed = [
        (line[PROBE], checkpoint(folder, line["iteration"]))
        for line in read_log(folder)
        if PROBE in line
    ]
    return max(((accuracy, path) for accuracy, path in probed if path.is_file()), default=None)


def prune(folder: Path, keep: int) -> None:
    """Remove all periodic checkpoints but the newest ``keep`` and the best."""
    accuracy_and_path = best(folder)
    for old in checkpoints(folder)[:-keep]:
        if accuracy_and_path is None or old != accuracy_and_path[1]:
            old.unlink()


def newest_until(folder: Path, iteration: int) -> Path | None:
    """The newest periodic checkpoint of at most an iteration; None if there is none."""
    until = [path for path in checkpoints(folder) if path <= checkpoint(folder, iteration)]
    return until[-1] if until else None


def another_try(folder: Path, good: int, rate: float, again: str) -> str:
    """Advice after a training diverged: which checkpoint is kept, and the command to start from it.

    Args:
        folder: folder of the run.
        good: the last iteration before the fault began.
        rate: learning rate of the run.
        again: command line of the run.

    Returns:
        The end of a message, which closes a parenthesis.
    """
    best = newest_until(folder, good)
    kept = f"last good checkpoint: {best}" if best else "no checkpoint is from before that"
    lower = float(f"{rate / 10:.3g}")
    more = ["--set", f"learning_rate={lower!r}", "--out", str(free_name(folder))]
    if best:
        more = ["--init", str(best), *more]
    return (
        f"{kept}); --resume would meet it again, so lower learning_rate and start "
        f"{'from that checkpoint' if best else 'anew'}: {again} {shlex.join(more)}"
    )


def free_name(folder: Path) -> Path:
    """A path for another run that does not exist yet: that of the folder with a number."""
    return next(path for n in count(2) if not (path := Path(f"{folder}-{n}")).exists())


@contextmanager
def writing(folder: Path, what: str) -> Iterator[None]:
    """Turn an OSError in here, such as a full disk, into a message with the last good checkpoint.

    Args:
        folder: folder of the run.
        what: what is written in here, for the message.

    Raises:
        BadInput: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        paths = checkpoints(folder)
        kept = f"last good checkpoint: {paths[-1]}" if paths else "no checkpoint was written yet"
        raise BadInput(
            f"cannot write {what}: {error.strerror or error}; make room and add --resume ({kept})"
        ) from error
