"""Compare the time of a cycle of training with that of a plain loop of the same losses.

    python benchmarks/plain.py                       # StarGAN, GANmut, GGANmut at 128 px, full widths
    python benchmarks/plain.py --size faces --compile   # the faces recipe's networks, torch.compile too
    python benchmarks/plain.py stargan --rounds 1

A cycle is five critic steps and a generator step of batch 16. The plain loop is how such code is usually
written: critic steps keep the generator's graph, D sees real images and edits one after the other, the
penalty is differentiated twice, both steps compute gradients of all networks, layers, memory format and
optimiser are torch's defaults, and every loss is read in every step.

"default" is what ``ganbench train`` does at precision auto; "bf16 G" has the generator in bfloat16, "bf16 G, D"
also the critic.
The script first compares losses and gradients of the plain loop and of the default, from equal weights and
random numbers. Then all variants run cycles in turn. It prints processor seconds of the fastest cycle of each
variant, with one thread, and their ratio to the plain loop's. It exits with 1 if a loss differs by more than
1e-5, if the default takes more than 0.65 of the plain loop's time, or if "bf16 G, D" takes more than 0.25 of it
on a processor that computes in bfloat16 (AMX or avx512_bf16).
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench.config import parse_assignments
from ganbench.methods.layers import InstanceNorm, PatchConv, SameConv
from ganbench.seeds import generator
from ganbench.training.batches import Batch
from ganbench.training.draws import Draws
from ganbench.training.session import prepare
from ganbench.training.stepper import Stepper

METHODS = ("stargan", "linear", "gaussian")
BF16 = "bf16 G, D"
ALLOWED = {"default": 0.65, BF16: 0.25}
TOLERANCE = 1e-5
BATCH, CRITIC_STEPS = 16, 5

# Switches off what the faces recipe adds to the papers' losses, which the plain loop does not have.
PAPERS = (
    "warmup_iterations=0",
    "ema_decay=0.0",
    "lambda_source=0.0",
    "critic_augment.flip=0.0",
    "critic_augment.rotate=0.0",
    "critic_augment.shift=0.0",
    "critic_augment.zoom=[1.0, 1.0]",
)

Losses = dict[str, Tensor]


# -- the plain loop -------------------------------------------------------------------------------


def penalty(critic: Any, x: Tensor, fake: Tensor, random: Draws) -> Tensor:
    """WGAN-GP by differentiating twice."""
    mix = random.rand(len(x), 1, 1, 1)
    x_hat = (mix * x + (1 - mix) * fake).requires_grad_(True)
    score = critic(x_hat)[0]
    (slope,) = torch.autograd.grad(
        score, x_hat, torch.ones_like(score), retain_graph=True, create_graph=True
    )
    return ((slope.flatten(1).square().sum(1).sqrt() - 1) ** 2).mean()


def heads(trainer: Any, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """D(x) as scores, class logits and code; the code is None for StarGAN."""
    outputs = trainer.discriminator(x)
    if trainer.method.name == "gaussian":
        return outputs[0], *trainer.split(outputs[1])
    return (*outputs, None) if len(outputs) == 2 else outputs


def critic_losses(trainer: Any, x: Tensor, batch: Batch, random: Draws) -> Losses:
    """The weighted losses of a critic step."""
    recipe, name = trainer.recipe, trainer.method.name
    target = trainer.target(batch, random)
    real, cls, _ = heads(trainer, x)
    fake = trainer.method.translate(x, target.codes)[0]  # with its graph, as in usual code
    edited, _, code = heads(trainer, fake.detach())
    weight = recipe.lambda_cls_d if name == "gaussian" else recipe.lambda_cls
    losses = {
        "d_real": -real.mean(),
        "d_fake": edited.mean(),
        "d_cls": weight * F.cross_entropy(cls, batch.emotions),
        "d_gp": recipe.lambda_gp * penalty(trainer.discriminator, x, fake.detach(), random),
    }
    if code is not None:
        losses["d_coor"] = recipe.lambda_coor * F.mse_loss(code, target.codes.detach())
    return losses


def generator_losses(trainer: Any, x: Tensor, batch: Batch, random: Draws) -> Losses:
    """The weighted losses of a generator step."""
    recipe, method = trainer.recipe, trainer.method
    target = trainer.target(batch, random)
    fake = method.translate(x, target.codes)[0]
    score, cls, code = heads(trainer, fake)
    losses = {"g_fake": -score.mean()}
    if method.name == "stargan":
        source = F.one_hot(batch.emotions, method.code_dim).float()
        losses["g_cls"] = recipe.lambda_cls * F.cross_entropy(cls, target.emotions)
    elif method.name == "linear":
        assert code is not None
        assert target.strength is not None
        n, rho = recipe.random_codes, target.strength
        _, logits, _ = heads(trainer, x)
        source = method.anchors()[batch.emotions] * logits.softmax(1).amax(1)[:, None]
        strong = (rho > 0.2).float()
        error = (cls.softmax(1).amax(1) - rho) ** 2
        losses["g_cls"] = recipe.lambda_cls * F.cross_entropy(cls[n:], target.emotions[n:])
        losses["g_coor"] = recipe.lambda_coor * F.mse_loss(code, target.codes)
        losses["g_strength"] = recipe.lambda_strength * (strong * error).sum() / strong.sum()
        source = source.detach()
    else:
        n = trainer.at_means
        p_d, p_z = cls.softmax(1), method.label_distribution(target.codes)
        apart = (p_z - p_d) * (p_z.log() - p_d.log())
        _, _, source = heads(trainer, x)
        source = source.detach()
        losses["g_cls"] = recipe.lambda_cls_g * F.cross_entropy(cls[:n], target.emotions[:n])
        losses["g_div"] = recipe.lambda_div * apart.sum(1).mean()
    back = method.translate(fake, source)[0]
    losses["g_rec"] = recipe.lambda_rec * (x - back).abs().mean()
    return losses


def draws(iteration: int, device: torch.device) -> Draws:
    """Random numbers of an iteration, drawn as it goes."""
    return Draws(generator(0, "step", iteration), device)


def plain_step(trainer: Any, optimizers: Any, batch: Batch, iteration: int) -> dict[str, float]:
    """A critic step, and a generator step every fifth iteration."""
    random, x = draws(iteration, trainer.device), trainer.method.to_native(batch.images)
    steps = [(critic_losses, "d")]
    if (iteration + 1) % CRITIC_STEPS == 0:
        steps.append((generator_losses, "g"))
    values: dict[str, float] = {}
    for losses, name in steps:
        weighted = losses(trainer, x, batch, random)
        for optimizer in optimizers.values():
            optimizer.zero_grad()
        torch.stack(list(weighted.values())).sum().backward()
        optimizers[name].step()
        values |= {key: value.item() for key, value in weighted.items()}
    return values


# -- comparing ------------------------------------------------------------------------------------


def trainer(method: str, size: str, *assignments: str, device: str = "cpu") -> Any:
    """A trainer at full widths and 128 px, or with the networks of the faces recipe."""
    shared = (f"batch_size={BATCH}", f"n_critic={CRITIC_STEPS}", *assignments)
    if size == "faces":
        shared += PAPERS
        if method == "linear":
            shared += ("weigh_by_strength=false",)
        if method != "stargan":
            shared += ("source_head=false",)
            shared += (f"random_codes={5 if method == 'linear' else BATCH - 7}",)
    return prepare(method, size, parse_assignments(shared), device=device).trainer


def plain_trainer(method: str, size: str, device: str = "cpu") -> Any:
    """The trainer whose networks and targets the plain loop uses: torch's layers, float32, default format."""
    made = trainer(method, size, "precision=fp32", device=device)
    for network in made.networks.values():
        network.to(memory_format=torch.contiguous_format)
        for module in network.modules():
            if isinstance(module, InstanceNorm):
                module.forward = MethodType(nn.InstanceNorm2d.forward, module)
            elif isinstance(module, PatchConv | SameConv):
                module.forward = MethodType(nn.Conv2d.forward, module)
    made.discriminator.memory_format = lambda device: torch.contiguous_format
    return made


def plain_optimizers(trainer: Any) -> dict[str, torch.optim.Optimizer]:
    """Adam as it is by default."""
    return {
        "g": torch.optim.Adam(trainer.method.parameters(), 1e-4, (0.5, 0.999)),
        "d": torch.optim.Adam(trainer.discriminator.parameters(), 1e-4, (0.5, 0.999)),
    }


def batch_of(size: int, memory: torch.memory_format, device: str = "cpu") -> Batch:
    """A batch of noise."""
    images = torch.rand(BATCH, 3, size, size, generator=generator(0, "bench"))
    labels = torch.arange(BATCH) % 7
    return Batch(images.to(device).to(memory_format=memory), labels.to(device))


def differences(method: str, size: str) -> float:
    """Largest difference of a loss between the plain loop and the default, relative to the loss if that is above 1.

    Prints the differences of the gradients.
    """
    plain, fast = plain_trainer(method, size), trainer(method, size, "precision=fp32")
    side = plain.method.config.image_size
    batch, swift = (batch_of(side, f) for f in (torch.contiguous_format, torch.channels_last))
    if size == "faces":  # at full widths it would take many minutes
        # In float32 an activation that is zero but for rounding changes the slope of a critic, and the penalty by 8e-5.
        batch, swift = (Batch(b.images.double(), b.emotions) for b in (batch, swift))
        for network in (*plain.networks.values(), *fast.networks.values()):
            network.double()
    x, y = plain.method.to_native(batch.images), fast.method.to_native(swift.images)
    cpu = plain.device
    losses = [critic_losses(plain, x, batch, draws(0, cpu))]
    random = draws(0, cpu)
    target = fast.target(swift, random)
    with torch.no_grad():
        fake = fast.generate(y, target.codes)
    codes = type(target)(target.codes.detach(), target.emotions, target.strength)
    terms = [fast.discriminator_terms(y, fake, swift, codes, random)]
    losses.append(generator_losses(plain, x, batch, draws(1, cpu)))
    random = draws(1, cpu)
    terms.append(fast.generator_terms(y, swift, fast.target(swift, random), random))
    worst = 0.0
    for found, named, network in zip(losses, terms, ("discriminator", "model"), strict=True):
        weighted = {key: weight * value for key, (weight, value) in named.items()}
        assert found.keys() == weighted.keys()
        for key, value in found.items():
            off = abs(float(value.detach() - weighted[key].detach()))
            worst = max(worst, off / max(1.0, abs(float(value.detach()))))
        pairs = []
        for total, owner in ((found, plain), (weighted, fast)):
            parameters = list(owner.networks[network].parameters())
            sums = torch.stack(list(total.values())).sum()
            grads = torch.autograd.grad(sums, parameters, allow_unused=True)
            pairs.append(torch.cat([g.flatten() for g in grads if g is not None]))
        apart = float((pairs[0] - pairs[1]).norm() / pairs[0].norm())
        print(f"       {method:<10} gradients of {network:<22} differ by {apart:.1e}")
    return worst


def variants(method: str, size: str, compiled: bool) -> dict[str, Callable[[int], object]]:
    """Functions that run the step of an iteration, by the name of the variant."""
    plain = plain_trainer(method, size)
    side = plain.method.config.image_size
    default, last = (batch_of(side, f) for f in (torch.contiguous_format, torch.channels_last))
    optimizers = plain_optimizers(plain)
    steps: dict[str, Callable[[int], object]] = {
        "plain": lambda i: plain_step(plain, optimizers, default, i)
    }
    low = ("precision=bf16", "critic_precision=bf16")
    choices = {"default": ("precision=auto",), "bf16 G": low[:1], BF16: low}
    if compiled:
        choices |= {
            "default, compile": ("precision=auto", "compile=true"),
            f"{BF16}, compile": (*low, "compile=true"),
        }
    for name, assignments in choices.items():
        step = Stepper(trainer(method, size, *assignments), None, print)
        steps[name] = lambda i, step=step: step(i, last, generator(0, "step", i))
    return steps


def allowed(variant: str) -> float:
    """Largest share of the plain loop's time; infinity where nothing is promised."""
    fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return ALLOWED.get(variant, math.inf) if variant != BF16 or fast else math.inf


def cycle(step: Callable[[int], object]) -> float:
    """Processor seconds of a cycle, from two iterations: all but the last take the same time."""
    seconds = []
    for iteration in (0, CRITIC_STEPS - 1):
        start = time.process_time()
        step(iteration)
        seconds.append(time.process_time() - start)
    return (CRITIC_STEPS - 1) * seconds[0] + seconds[1]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="*", default=list(METHODS), metavar="METHOD")
    parser.add_argument("--size", choices=("affectnet", "faces"), default="affectnet")
    parser.add_argument("--rounds", type=int, default=3, help="Cycles of each variant.")
    parser.add_argument("--cold", action="store_true", help="Also count first cycles.")
    parser.add_argument("--unchecked", action="store_true", help="Do not compare losses.")
    parser.add_argument("--compile", action="store_true", help="torch.compile as well.")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    holds = True
    for method in chosen.methods:
        worst = 0.0 if chosen.unchecked else differences(method, chosen.size)
        holds &= worst <= TOLERANCE
        word = "ok    " if worst <= TOLERANCE else "BROKEN"
        if not chosen.unchecked:
            print(f"{word} {method:<10} losses differ by {worst:.1e}, allowed {TOLERANCE:g}")
        steps = variants(method, chosen.size, chosen.compile)
        seconds: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(chosen.rounds + (not chosen.cold)):
            for name, step in steps.items():
                seconds[name].append(cycle(step))
        if not chosen.cold:  # the first cycle makes buffers, moments and compiled code
            seconds = {name: times[1:] for name, times in seconds.items()}
        base = min(seconds["plain"])
        for name, times in seconds.items():
            share = min(times) / base
            most = allowed(name)
            holds &= share <= most
            word = "      " if most == math.inf else "ok    " if share <= most else "BROKEN"
            print(f"{word} {method:<10} {name:<26} {min(times):8.2f} s {share:6.0%}", flush=True)
    sys.exit(not holds)


if __name__ == "__main__":
    main()
