"""What the training loop needs from whatever is trained, and what all trainers share."""

from __future__ import annotations

import contextlib
import copy
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganbench.distributed import WHOLE, Share
from ganbench.errors import BadInput, Diverged, Unsupported
from ganbench.methods.layers import PatchConv
from ganbench.training.batches import Batch, shuffled
from ganbench.training.limits import Facts, Limits
from ganbench.training.recipe import Recipe
from ganbench.training.schedule import Schedule

# Name -> (weight, value): an objective is the weighted sum of its named terms.
Terms = Mapping[str, tuple[float, Tensor]]


def missing_units() -> BadInput:
    """The error for data without action units where these are trained on."""
    return BadInput(
        "action units are missing: the data has no AUxx_r columns; "
        "add OpenFace's columns to the CSV, or set network.condition = 'emotions'"
    )


@contextlib.contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """No gradients for these modules' parameters: a generator step needs none of the critic's."""
    for module in modules:
        module.requires_grad_(False)
    try:
        yield
    finally:
        for module in modules:
            module.requires_grad_(True)


def enable_fast(network: nn.Module) -> None:
    """Let every part that can be computed in a faster way be so (their attribute ``fast``)."""
    for module in network.modules():
        if hasattr(module, "fast"):
            module.fast = True  # type: ignore[assignment]


class Trainer(ABC):
    """Networks, optimisers and one training step of a method.

    A subclass fills ``networks`` and ``optimizers`` and implements ``step``. ``model`` is what is
    shipped: a method or a judge; with ``ema_decay`` its moving average is.

    In several processes, ``step`` sees this process's share of the batch. A subclass that allows this
    sets ``supports_distributed``: what it draws is then drawn for the global batch, and what is no mean over the rows
    of a batch is weighed, both through ``share``.

    Raises:
        BadInput: ``accumulate``, where the trainer cannot take a batch in parts.
    """

    Recipe: ClassVar[type[Recipe]] = Recipe
    needs_action_units = False
    needs_emotions = True
    supports_distributed = False
    permuted_parts = 0
    """In how many parts of a batch its labels are permuted to make the targets; 0 where they are not."""
    supports_accumulation = False
    """Whether every loss is a mean over images, so that a batch can be taken in parts."""

    def __init__(self, model: nn.Module, recipe: Any) -> None:
        if recipe.accumulate > 1 and not self.supports_accumulation:
            raise BadInput(
                "accumulate needs losses that are means over images, as stargan's: "
                f"{recipe.accumulate}; use accumulate = 1 and a smaller batch_size"
            )
        self.model, self.recipe = model, recipe
        self.schedule = Schedule(recipe)
        self.ema: nn.Module | None = None
        if recipe.ema_decay:
            self.ema = copy.deepcopy(model).requires_grad_(False)
        self.networks: dict[str, nn.Module] = {"model": model}
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        self.share = WHOLE
        self.scaler = torch.amp.GradScaler("cuda", enabled=False)

    # -- what a subclass provides -----------------------------------------------------------------

    @abstractmethod
    def step(self, iteration: int, batch: Batch, random: torch.Generator) -> dict[str, Tensor]:
        """One iteration; returns detached losses and other scalars to log.

        Args:
            iteration: counted from 0.
            batch: the images chosen by ``indices``.
            random: a CPU generator of this iteration's own.
        """

    def indices(self, labels: NDArray[np.int64], iteration: int, seed: int) -> NDArray[np.int64]:
        """Which training images an iteration sees; ``labels`` are the suite's numbers of their emotions."""
        return shuffled(len(labels), self.recipe.batch_size, iteration, seed)

    @property
    def cycle(self) -> int:
        """After how many iterations the kinds of step repeat; a plan looks at so many."""
        return 1

    def limits(self, facts: Facts) -> Limits:
        """The ranges of the losses in a training that works; see ``ganbench.training.limits``.

        Args:
            facts: what they need to know of the data.
        """
        return {}

    def check(self, values: Mapping[str, float]) -> None:
        """Look at logged means; raise if going on makes no sense.

        Raises:
            Diverged: a loss is not finite.
        """
        for name, value in values.items():
            if not np.isfinite(value):
                raise Diverged(f"training diverged: {name} is {value}")

    def describe(self) -> dict[str, int]:
        """Number of learnable parameters of each network."""
        return {
            name: sum(p.numel() for p in network.parameters())
            for name, network in self.networks.items()
        }

    # -- shared -----------------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """Where the networks live."""
        return next(self.model.parameters()).device

    @property
    def shipped(self) -> nn.Module:
        """The model that a checkpoint holds."""
        return self.model if self.ema is None else self.ema

    def distribute(self, share: Share) -> None:
        """Be one of several processes.

        Raises:
            Unsupported: the method cannot be trained so.
            BadInput: the batch cannot be shared evenly.
        """
        size = self.recipe.batch_size
        if share.world > 1 and not self.supports_distributed:
            raise Unsupported(
                f"{getattr(self.model, 'name', 'this method')} is trained by one process only: its "
                f"trainer does not share a batch; start it without torchrun, not in {share.world}"
            )
        if size % share.world:
            raise BadInput(
                f"batch_size {size} cannot be shared by {share.world} processes; start as many as "
                "divide it, or change batch_size"
            )
        self.share = share

    def to(self, device: torch.device) -> None:
        """Move every network, to channels-last; optimisers follow, since they hold the parameters.

        Also set up what the recipe says of ``fast``, ``compile`` and the scaled losses of "fp16".
        """
        networks = [*self.networks.values(), *([self.ema] if self.ema else [])]
        if self.recipe.fast:
            for network in networks:
                enable_fast(network)
        for network in networks:
            contiguous = getattr(network, "contiguous_format", False)
            memory = torch.contiguous_format if contiguous else torch.channels_last
            network.to(device, memory_format=memory)  # type: ignore[call-overload]
            for module in network.modules():
                if isinstance(module, PatchConv):
                    module.make_contiguous()
        if self.recipe.compile:
            for part in self.model.children():  # whose calls are all that the model computes
                part.compile()
        if self.recipe.precision == "fp16":
            self.scaler = torch.amp.GradScaler(device.type)

    def adam(
        self, *modules: nn.Module, rate: float | None = None, decay: float = 0.0, warm: bool = True
    ) -> torch.optim.Adam:
        """Adam over the modules' parameters.

        Args:
            modules: what it optimises.
            rate: its base rate; the recipe's when None.
            decay: weight decay.
            warm: whether the warm-up's higher rate applies; critics without norm do not survive it.
        """
        rate = self.recipe.learning_rate if rate is None else rate
        parameters = [p for module in modules for p in module.parameters()]
        return torch.optim.Adam(
            [{"params": parameters, "base_rate": rate, "warm": warm}],
            lr=rate,
            betas=(self.recipe.beta1, self.recipe.beta2),
            weight_decay=decay,
            fused=self.recipe.fast or None,
        )

    def set_rates(self, iteration: int) -> None:
        """Set every optimiser's learning rate from the schedule; call before each step.

        Adam's moments are forgotten where the warm-up ends: reconstruction has small gradients, and
        divided by their second moment the first adversarial ones would make steps of many times
        the rate, which wrecks the generator.
        """
        scale = self.schedule.rate(iteration)
        for optimizer in self.optimizers.values():
            if 0 < iteration == self.recipe.warmup_iterations:
                optimizer.state.clear()
            for group in optimizer.param_groups:
                group["lr"] = group["base_rate"] * (scale if group["warm"] else min(scale, 1.0))

    def autocast(self) -> torch.autocast:
        """The generator's arithmetic."""
        low = torch.float16 if self.recipe.precision == "fp16" else torch.bfloat16
        return torch.autocast(self.device.type, low, enabled=self.recipe.precision != "fp32")

    def parts(self, count: int) -> Iterator[slice]:
        """The parts that ``count`` images are taken in, one after the other."""
        size = count // self.recipe.accumulate
        return (slice(start, start + size) for start in range(0, count, size))

    def minimise(
        self, terms: Terms, *optimizers: str, more: Iterable[Terms] = ()
    ) -> dict[str, Tensor]:
        """Step the named optimisers on the weighted sum of ``terms``; returns the values, detached.

        Args:
            terms: of a batch, or of its first part.
            optimizers: by name.
            more: of its other parts, each made only when the gradients of the one before are added
                up; all parts weigh the same.
        """
        chosen = [self.optimizers[name] for name in optimizers]
        for optimizer in chosen:
            optimizer.zero_grad(set_to_none=True)
        share = 1 / self.recipe.accumulate if more else 1.0
        sums: dict[str, Tensor] = {}
        for part in chain([terms], more):
            total = torch.stack([weight * value for weight, value in part.values()]).sum() * share
            self.scaler.scale(total).backward()  # type: ignore[no-untyped-call]
            for name, (_, value) in part.items():
                before = sums.get(name)
                found = value.detach() * share
                sums[name] = found if before is None else before + found
        values = list(sums.values())
        if self.share.world > 1:
            groups = [group for optimizer in chosen for group in optimizer.param_groups]
            parameters = [p for group in groups for p in group["params"]]
            values = list(self.share.average_gradients(parameters, values))
        for optimizer in chosen:
            self.scaler.step(optimizer)
        self.scaler.update()
        return dict(zip(sums, values, strict=True))

    @torch.no_grad()
    def update_ema(self) -> None:
        """Move the shipped average towards the model; call after each generator step."""
        if self.ema is None:
            return
        averages: list[Tensor] = list(self.ema.parameters())
        currents: list[Tensor] = list(self.model.parameters())
        torch._foreach_lerp_(averages, currents, 1 - self.recipe.ema_decay)
        for average, current in zip(self.ema.buffers(), self.model.buffers(), strict=True):
            average.copy_(current)

    def digest(self, iteration: int) -> int:
        """A number of 56 bits that differs where weights or iterations differ."""
        digest = hashlib.sha256(str(iteration).encode())
        for network in self.networks.values():
            for parameter in network.parameters():
                digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
        return int.from_bytes(digest.digest()[:7], "big")

    def find_not_finite(self) -> str:
        """Network and name of the first tensor that holds NaN or infinity; empty if none does."""
        for network, tensors in self.state_dict()["networks"].items():
            for name, value in tensors.items():
                if not bool(torch.isfinite(value).all()):
                    return f"{network} {name}"
        return ""

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed run needs beside the iteration: random numbers have no state."""
        networks = dict(self.networks)
        if self.ema is not None:
            networks["ema"] = self.ema
        return {
            "networks": {name: network.state_dict() for name, network in networks.items()},
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
            "scaler": self.scaler.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Inverse of ``state_dict``."""
        networks = dict(self.networks)
        if self.ema is not None:
            networks["ema"] = self.ema
        for name, network in networks.items():
            network.load_state_dict(state["networks"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
