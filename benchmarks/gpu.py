"""Check and measure ganbench on a GPU, within a given time.

    python benchmarks/gpu.py                                # what 12 minutes of a GPU allow
    python benchmarks/gpu.py --minutes 5 --out measured
    python benchmarks/gpu.py --device cpu --minutes 2       # the same script on small sizes

Checks come first: edits and verdicts equal those of the CPU; replayed iterations equal eager ones; a resumed
training has the bits of one without a pause; all precisions give finite losses; processes train together; no
iteration waits for the GPU. Then it measures iterations of all methods, batches from files and from the cache, an
evaluation by stage, and FED at the size of the paper. What does not fit into the time is skipped and named.

Writes results.json after each part and table.md at the end into --out. Exits with 1 if a check fails.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
import plain  # the plain loop

import ganbench
from ganbench import EMOTIONS, load_dataset
from ganbench.config import parse_assignments
from ganbench.registry import METHODS
from ganbench.seeds import generator
from ganbench.training.batches import Batch
from ganbench.training.session import prepare
from ganbench.training.stepper import EAGER, Stepper, recorder_for

# Options of networks of a few weights, for a CPU.
TINY = {
    **dict.fromkeys(("linear", "gaussian", "stargan", "ganimation"), "image_size=32 width=8 blocks=1 critic_width=8 critic_layers=4"),
    "smit": "image_size=32 width=4 blocks=1 critic_width=4",
    "stargan-v2": "image_size=32 channel_base=128 max_channels=8 hidden=8 bottleneck=1",
}  # fmt: skip


@dataclass
class Bench:
    """What is measured, and the time that is left.

    Attributes:
        device: device of the measurements.
        end: when the script must have ended, by ``time.monotonic``.
        out: folder of the results.
        results: what was found so far, by the name of the part.
    """

    device: str
    end: float
    out: Path
    results: dict[str, Any] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.end - time.monotonic()

    @property
    def on_gpu(self) -> bool:
        """Whether sizes are those of the papers, and graphs are recorded."""
        return self.device != "cpu"

    def part(self, name: str, needs: float, work: Callable[[], Any]) -> None:
        """Do a part if ``needs`` seconds are left, and write what it returns; errors are results too."""
        if self.left < needs:
            self.results[name] = (
                f"skipped: needs {needs:.0f} s, and {max(0, self.left):.0f} s are left"
            )
        else:
            start = time.monotonic()
            try:
                found = work()
            except subprocess.TimeoutExpired:
                found = {"skipped": f"not done after {time.monotonic() - start:.0f} s"}
            except Exception as error:  # one broken part must not cost the others
                found = {"ok": False, "error": f"{type(error).__name__}: {error}"[:500]}
            if isinstance(found, dict):
                if found.get("ok") is False:
                    self.failed.append(name)
                found["took"] = round(time.monotonic() - start, 1)
            self.results[name] = found
        print(f"{name}: {json.dumps(self.results[name])}", flush=True)
        (self.out / "results.json").write_text(json.dumps(self.results, indent=1))


# -- trainers and batches -------------------------------------------------------------------------


def trainer(bench: Bench, name: str, recipe: str, *words: str) -> Any:
    """A trainer on the device; on a CPU its networks have few weights."""
    sizes = [] if bench.on_gpu else [f"network.{word}" for word in TINY[name].split()]
    chosen = parse_assignments((*sizes, "warmup_iterations=0", *words))
    return prepare(name, recipe, chosen, device=bench.device).trainer


def batch_for(made: Any) -> Batch:
    """A batch of noise, as the loop would hand it over."""
    side = made.model.config.image_size
    n = len(made.indices(torch.arange(700).numpy() % len(EMOTIONS), 0, 0))
    images = torch.rand(n, 3, side, side, generator=generator(0, "images"))
    units = torch.rand(n, 17, generator=generator(0, "units")) if made.needs_action_units else None
    where = made.device
    return Batch(
        images.to(where).to(memory_format=torch.channels_last),
        (torch.arange(n) % len(EMOTIONS)).to(where),
        None if units is None else units.to(where),
    )


def wait(device: str) -> None:
    """Wait until the GPU has done all that it was given."""
    if device != "cpu":
        torch.cuda.synchronize()


def rate(bench: Bench, step: Callable[[int], Any], cycle: int, seconds: float) -> float:
    """Iterations a second, over whole cycles, after enough of them that graphs are recorded."""
    warm = cycle * (EAGER + 2) if bench.on_gpu else cycle
    for iteration in range(warm):
        step(iteration)
    wait(bench.device)
    start, done = time.perf_counter(), 0
    while not done or time.perf_counter() - start < seconds:
        for iteration in range(cycle):
            step(warm + done + iteration)
        done += cycle
        wait(bench.device)  # else the CPU would run ahead of the clock
    return done / (time.perf_counter() - start)


# -- checks ---------------------------------------------------------------------------------------


def same_edits(bench: Bench) -> dict[str, Any]:
    """Edits and verdicts of the shipped checkpoints: largest differences to the CPU's."""
    faces = load_dataset("faces", "test", size=64, limit=14)
    images, found = faces.images(range(14)), {}
    judges = [ganbench.load_judge("vgg", device=where) for where in ("cpu", bench.device)]
    for name in METHODS.names():
        methods = [ganbench.load_method(name, device=where) for where in ("cpu", bench.device)]
        codes = methods[0].codes(EMOTIONS * 2)  # with the noise that the CPU drew
        edits = [
            method.edit(images.to(method.device), codes.to(method.device)).images.cpu()
            for method in methods
        ]
        logits = [judge.judge(edits[0]).logits.cpu() for judge in judges]
        found[name] = [float((a - b).abs().max()) for a, b in (edits, logits)]
    worst = max(value for pair in found.values() for value in pair)
    return {"ok": worst < 1e-3, "largest difference of edits, logits": found}


def same_graphs(bench: Bench) -> dict[str, Any]:
    """Losses and weights of replayed iterations against eager ones, with deterministic algorithms."""
    found: dict[str, Any] = {}
    for name in METHODS.names():
        made = [trainer(bench, name, "faces", "deterministic=true", "precision=fp32") for _ in "ab"]
        told: list[str] = []
        recorders = (None, recorder_for(made[1]))
        steps = [Stepper(each, r, told.append) for each, r in zip(made, recorders, strict=True)]
        batch = batch_for(made[0])
        for iteration in range(made[0].cycle * (EAGER + 3 if bench.on_gpu else 1)):
            for each, step in zip(made, steps, strict=True):
                each.set_rates(iteration)
                step(iteration, batch, generator(0, "step", iteration))
        pairs = zip(made[0].model.parameters(), made[1].model.parameters(), strict=True)
        found[name] = told or max(float((a - b).detach().abs().max()) for a, b in pairs)
    return {"ok": all(v == 0 for v in found.values()), "largest difference of weights": found}


def same_resumed(bench: Bench) -> dict[str, Any]:
    """Weights of a training that was stopped and resumed against those of one that was not."""
    with tempfile.TemporaryDirectory() as folder:
        common = ["train", "stargan", "--data", "faces:train=70,test=14", "--deterministic"]
        words = ["warmup_iterations=0", "sample_every=12", "schedule=official"]
        if not bench.on_gpu:
            words += [f"network.{word}" for word in TINY["stargan"].split()]
        common += [part for word in words for part in ("--set", word)]
        for out, lengths in (("straight", (12,)), ("resumed", (6, 12))):
            for k, length in enumerate(lengths):
                more = ["--resume"] if k else []
                more += ["--set", f"iterations={length}", "--out", f"{folder}/{out}"]
                run(bench, [*common, *more])
        tensors = [
            ganbench.load_method("stargan", f"{folder}/{out}", device="cpu").state_dict()
            for out in ("straight", "resumed")
        ]
    worst = max(float((tensors[0][k] - tensors[1][k]).abs().max()) for k in tensors[0])
    return {"ok": worst == 0, "largest difference of weights": worst}


def finite_precisions(bench: Bench) -> dict[str, Any]:
    """First losses of every precision against those in float32, and whether the later ones are finite."""
    found, fine = {}, True
    choices = ["fp32", "bf16", *(["tf32", "fp16"] if bench.on_gpu else [])]
    for name in METHODS.names():
        losses = {}
        for precision in choices:
            made = trainer(bench, name, "faces", f"precision={precision}")
            step, batch, rows = Stepper(made, recorder_for(made), print), batch_for(made), []
            for iteration in range(made.cycle * (EAGER + 2 if bench.on_gpu else 1)):
                made.set_rates(iteration)
                values = step(iteration, batch, generator(0, "step", iteration))
                rows.append(sum(float(value) for value in values.values()))
            fine &= all(map(math.isfinite, rows))
            losses[precision] = rows[0]
        found[name] = {key: abs(losses[key] - losses["fp32"]) for key in choices[1:]}
    return {"ok": fine, "first losses differ from float32 by": found}


def together(bench: Bench) -> dict[str, Any]:
    """A training of as many processes as there are GPUs (two on a CPU)."""
    count = torch.cuda.device_count() if bench.on_gpu else 2
    if count < 2:
        return {"skipped": "one GPU: nccl connects at least two"}
    with tempfile.TemporaryDirectory() as folder:
        launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
        tiny = [w for word in TINY["stargan"].split() for w in ("--set", f"network.{word}")]
        words = ["train", "stargan", "--data", "faces:train=70,test=14", "--out", f"{folder}/run"]
        words += ["--set", "iterations=30", "--set", "warmup_iterations=0"]
        run(bench, [*words, *([] if bench.on_gpu else tiny)], launch=launch)
    return {"ok": True, "processes": count}


def waits_for_nothing(bench: Bench) -> dict[str, Any]:
    """Iterations while every operation that waits for the GPU is an error."""
    if not bench.on_gpu:
        return {
            "skipped": "a CPU waits for itself; tests/training/test_stepper.py counts such operations"
        }
    found = {}
    for name in METHODS.names():
        made = trainer(bench, name, "faces")
        batch = batch_for(made)
        for recorder in (None, recorder_for(made)):
            step = Stepper(made, recorder, print)
            for iteration in range(made.cycle * (EAGER + 2)):
                settled = iteration >= made.cycle * (EAGER + 1)
                torch.cuda.set_sync_debug_mode("error" if settled else "default")
                try:
                    made.set_rates(iteration)
                    step(iteration, batch, generator(0, "step", iteration))
                except RuntimeError as error:
                    found[f"{name}, {'graphs' if recorder else 'eager'}"] = str(error)[:200]
                finally:
                    torch.cuda.set_sync_debug_mode("default")
    return {"ok": not found, "waits": found}


# -- measurements ---------------------------------------------------------------------------------


def iterations(bench: Bench, name: str, recipe: str, seconds: float) -> dict[str, float]:
    """Iterations a second of a method: the plain loop where there is one, eager, and with graphs."""
    found = {}
    critic = name not in ("smit", "stargan-v2")
    if name in plain.METHODS and bench.on_gpu:
        made = plain.plain_trainer(name, recipe, bench.device)
        optimizers = plain.plain_optimizers(made)
        side = made.method.config.image_size
        batch = plain.batch_of(side, torch.contiguous_format, bench.device)
        for label, allowed in (("plain, fp32", False), ("plain, tf32", True)):
            torch.backends.cudnn.allow_tf32 = allowed
            found[label] = rate(
                bench,
                lambda i, m=made, o=optimizers, b=batch: plain.plain_step(m, o, b, i),
                plain.CRITIC_STEPS,
                seconds,
            )
        torch.backends.cudnn.allow_tf32 = False
        del made, optimizers
    low = ("precision=bf16", *(("critic_precision=bf16",) if critic else ()))
    shared = (f"batch_size={plain.BATCH}", f"n_critic={plain.CRITIC_STEPS}") if critic else ()
    if name in ("linear", "gaussian") and critic:
        shared += (f"random_codes={5 if name == 'linear' else plain.BATCH - 7}",)
    variants = {"eager": ("precision=auto", "graphs=false"), "default": ("precision=auto",)}
    variants["bf16"] = low
    if bench.on_gpu:
        variants["bf16, compile"] = (*low, "compile=true")
    for label, words in variants.items():
        made = trainer(bench, name, recipe, *shared, *words)
        step, batch = Stepper(made, recorder_for(made), print), batch_for(made)

        def take(i: int, made: Any = made, step: Any = step, batch: Any = batch) -> None:
            made.set_rates(i)
            step(i, batch, generator(0, "step", i))

        found[label] = rate(bench, take, made.cycle, seconds)
        del made, step, batch
    return {key: round(value, 2) for key, value in found.items()}


def data_rates(bench: Bench) -> dict[str, Any]:
    """What benchmarks/data.py prints about building, files and cache."""
    script = str(Path(__file__).parent / "data.py")
    count = "6000" if bench.on_gpu else "300"
    done = subprocess.run(
        [sys.executable, script, "--images", "0", "--pictures", count, "--method", ""],
        capture_output=True,
        text=True,
        timeout=max(1, bench.left - 5),
    )
    return {"lines": done.stdout.splitlines()[-12:]}


def evaluation(bench: Bench) -> dict[str, Any]:
    """Seconds of an evaluation of all shipped methods, by stage; the second one finds rendered faces."""
    images, found = 700 if bench.on_gpu else 14, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("empty cache", "faces rendered"):
            out = f"{folder}/{name.replace(' ', '-')}"
            words = ["eval", "--methods", "all", "--data", f"faces:test={images}", "--out", out]
            start = time.monotonic()
            run(bench, [*words, *(["--fresh"] if found else [])], cache=f"{folder}/cache")
            manifest = json.loads((Path(out) / "manifest.json").read_text())
            found[name] = {
                "seconds": round(time.monotonic() - start, 1),
                "stages": {k: stage["seconds"] for k, stage in manifest["stages"].items()},
            }
    return {"images": images, **found}


def paper_size(bench: Bench) -> dict[str, Any]:
    """Edits of full-width generators, VGG-16 at 224 px, and FED with its interval, at AffectNet's size."""
    from torchvision.models import vgg16

    from ganbench.metrics import frechet_interval, strata_of

    n, d = (3500, 4096) if bench.on_gpu else (70, 64)
    found: dict[str, Any] = {"images": n, "edits": 7 * n, "features": d}
    where, batch = torch.device(bench.device), 256 if bench.on_gpu else 4
    for name in METHODS.names():
        made = trainer(bench, name, "affectnet").model.eval()
        side = made.config.image_size
        images = torch.rand(batch, 3, side, side, device=where)
        codes = torch.zeros(batch, made.code_dim, device=where)
        with torch.inference_mode():
            for repeat in range(3):
                if repeat == 1:
                    wait(bench.device)
                    start = time.perf_counter()
                made.translate(made.to_native(images), codes)
            wait(bench.device)
        found[f"edits of {name}, s"] = (time.perf_counter() - start) / 2 / batch * 7 * n
    network = vgg16(weights=None).to(where).eval() if bench.on_gpu else None
    if network is not None:
        images = torch.rand(batch, 3, 224, 224, device=where)
        with torch.inference_mode():
            for repeat in range(3):
                if repeat == 1:
                    wait(bench.device)
                    start = time.perf_counter()
                network(images)
            wait(bench.device)
        found["VGG-16 of one method's edits, s"] = (time.perf_counter() - start) / 2 / batch * 7 * n
    random = torch.Generator().manual_seed(0)
    real = torch.randn(n, d, generator=random).clamp(min=0).numpy()
    edits = torch.randn(7 * n, d, generator=random).clamp(min=0).numpy()
    start = time.perf_counter()
    frechet_interval(real, edits, np.arange(n).repeat(7), strata_of(np.arange(n) % 7))
    found["FED with its interval, s"] = time.perf_counter() - start
    return {k: round(v, 2) if isinstance(v, float) else v for k, v in found.items()}


def run(
    bench: Bench, words: list[str], *, cache: str = "", launch: list[str] | None = None
) -> None:
    """A command of ganbench in a process of its own, within the time.

    Args:
        bench: device and time.
        words: the command and its options.
        cache: folder of the cache; empty for the user's.
        launch: arguments of python before "-m ganbench".

    Raises:
        RuntimeError: it failed.
        subprocess.TimeoutExpired: it was not done in time.
    """
    environment = dict(os.environ) | ({"GANBENCH_CACHE": cache} if cache else {})
    done = subprocess.run(
        [
            sys.executable,
            *(launch or []),
            "-m",
            "ganbench",
            *words,
            "--device",
            bench.device.split(":")[0],
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=max(1.0, bench.left - 5),
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])


# -- the table ------------------------------------------------------------------------------------


def table(bench: Bench, card: str) -> str:
    """The results as Markdown."""
    lines = [f"# {card}, torch {torch.__version__}", ""]
    rates = {k: v for k, v in bench.results.items() if k.startswith("iterations")}
    labels = list(dict.fromkeys(key for v in rates.values() if isinstance(v, dict) for key in v))
    labels = [label for label in labels if label not in ("took", "ok", "error")]
    if labels:
        lines += [f"| iterations a second | {' | '.join(labels)} |", "|---|" + "--:|" * len(labels)]
        for name, values in rates.items():
            if isinstance(values, dict):
                cells = " | ".join(str(values.get(label, "")) for label in labels)
                lines.append(f"| {name.removeprefix('iterations, ')} | {cells} |")
        lines.append("")
    for name, values in bench.results.items():
        if name not in rates:
            lines.append(
                f"- **{name}**: {values if isinstance(values, str) else json.dumps(values)}"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=Path("gpu"))
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(chosen.device, time.monotonic() + 60 * chosen.minutes, chosen.out)
    card = torch.cuda.get_device_name() if bench.on_gpu else "CPU"
    slow = 4 if bench.on_gpu else 1
    bench.part("edits and verdicts equal the CPU's", 10 * slow, lambda: same_edits(bench))
    bench.part("graphs equal eager iterations", 5 * slow, lambda: same_graphs(bench))
    bench.part("no iteration waits", 5 * slow, lambda: waits_for_nothing(bench))
    bench.part("all precisions", 5 * slow, lambda: finite_precisions(bench))
    bench.part("resumed", 15 * slow, lambda: same_resumed(bench))
    bench.part("several processes", 15 * slow, lambda: together(bench))
    seconds = min(2.0, max(0.05, bench.left / 250))
    for recipe in ("affectnet", "faces"):
        for name in METHODS.names():
            needs = 8 * slow if bench.on_gpu else 2
            bench.part(
                f"iterations, {recipe}, {name}",
                needs,
                lambda n=name, r=recipe: iterations(bench, n, r, seconds),
            )
    bench.part("evaluation", 15 * slow, lambda: evaluation(bench))
    bench.part("size of the paper", 10 * slow, lambda: paper_size(bench))
    bench.part("data", 15 * slow, lambda: data_rates(bench))
    text = table(bench, card)
    (chosen.out / "table.md").write_text(text)
    print(text)
    if bench.failed:
        print(f"FAILED: {', '.join(bench.failed)}")
    sys.exit(bool(bench.failed))


if __name__ == "__main__":
    main()
