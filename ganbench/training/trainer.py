"""The interface between the training loop and what is trained, and what all trainers share."""

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

from ganbench.devices import Arithmetic
from ganbench.distributed import WHOLE, Share
from ganbench.errors import BadInput, Diverged, Unsupported
from ganbench.methods.layers import PatchConv
from ganbench.training.adam import clear_moments, prepare_for, set_rates
from ganbench.training.batches import Batch, shuffled
from ganbench.training.draws import Draws
from ganbench.training.limits import Facts, Limits
from ganbench.training.recipe import Recipe
from ganbench.training.schedule import Schedule

# Name -> (weight, value): an objective is the weighted sum of its named terms. A weight that changes in
# the run is a tensor; see ``Trainer.weights``.
Terms = Mapping[str, tuple[float | Tensor, Tensor]]

# Kind of the iterations of a warm-up; see ``Trainer.kind``.
WARMUP = "warm-up"


def missing_units() -> BadInput:
    """The error for a training on action units whose data have none."""
    return BadInput(
        "action units are missing: the data has no AUxx_r columns; "
        "add OpenFace's columns to the CSV, or set network.condition = 'emotions'"
    )


@contextlib.contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """In this context the parameters of the modules get no gradients, as the critic in a generator step."""
    for module in modules:
        module.requires_grad_(False)
    try:
        yield
    finally:
        for module in modules:
            module.requires_grad_(True)


class Trainer(ABC):
    """Networks, optimisers and one training step of a method or judge.

    A subclass fills ``networks`` and ``optimizers`` and implements ``update``. A checkpoint holds
    ``model``, or with ``ema_decay`` its moving average.

    In distributed training ``update`` gets the batch of one process. A subclass that sets
    ``supports_distributed`` draws its random numbers for the global batch and takes its rows with
    ``share.local_rows``. Losses that are no mean over a batch go through ``share.sum`` or ``share.mean``.

    Args:
        model: the network that is trained.
        recipe: how it is trained, an instance of the subclass's ``Recipe``.

    Raises:
        BadInput: the recipe has ``accumulate``, and the trainer cannot take a batch in parts.
    """

    Recipe: ClassVar[type[Recipe]] = Recipe
    needs_action_units = False
    needs_emotions = True
    supports_distributed = False
    permuted_parts = 0
    """Targets are permuted labels of the batch, in this number of parts; 0 if they are no permutation."""
    supports_accumulation = False
    """Whether every loss is a mean over images, so that a batch can be taken in parts."""

    def __init__(self, model: nn.Module, recipe: Any) -> None:
        if recipe.accumulate > 1 and not self.supports_accumulation:
            raise BadInput(
                "accumulate needs losses that are means over images, as in stargan: "
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
        self.weight: dict[str, Tensor] = {}
        self._with_gradient: dict[tuple[tuple[str, ...], tuple[str, ...]], list[bool]] = {}

    # -- what a subclass provides -----------------------------------------------------------------

    @abstractmethod
    def update(self, kind: str, batch: Batch, random: Draws) -> dict[str, Tensor]:
        """One iteration; returns detached losses and other scalars to log.

        It is a function of tensors: of the parameters, the batch, the random numbers, the learning
        rates and ``weight``. If ``kind`` is not empty, it does nothing that needs a tensor's value in
        Python: no ``item()``, no ``if`` on a tensor, no index of booleans, no copy from the CPU. A GPU
        then repeats the recorded operations of an earlier iteration of the same kind
        (``ganbench.training.stepper``).

        Args:
            kind: kind of the iteration.
            batch: the images chosen by ``indices``.
            random: random numbers of this iteration alone, on the device.
        """

    def kind(self, iteration: int) -> str:
        """A name for what the iteration computes: iterations of one name do the same operations.

        An empty name, the default, promises nothing.

        Args:
            iteration: counted from 0.
        """
        return ""

    def weights(self, iteration: int) -> dict[str, float]:
        """Weights of losses that change in the run, by name; ``update`` finds them in ``weight``.

        Args:
            iteration: counted from 0.
        """
        return {}

    def indices(self, labels: NDArray[np.int64], iteration: int, seed: int) -> NDArray[np.int64]:
        """Indices of an iteration's training images.

        Args:
            labels: int64 [N], the suite's labels of all training images.
            iteration: counted from 0.
            seed: seed of the run.
        """
        return shuffled(len(labels), self.recipe.batch_size, iteration, seed)

    @property
    def cycle(self) -> int:
        """Number of iterations after which the kinds of step repeat; a plan looks at one cycle."""
        return 1

    def limits(self, facts: Facts) -> Limits:
        """Ranges of the losses in a training that works; see ``ganbench.training.limits``.

        Args:
            facts: statistics of the training images.
        """
        return {}

    def check(self, values: Mapping[str, float]) -> None:
        """Stop a training whose logged means show that going on makes no sense.

        Args:
            values: mean of each logged scalar since the last log line.

        Raises:
            Diverged: a loss is not finite.
        """
        for name, value in values.items():
            if not np.isfinite(value):
                raise Diverged(f"training diverged: {name} is {value}")

    # -- shared -----------------------------------------------------------------------------------

    def step(self, iteration: int, batch: Batch, random: torch.Generator) -> dict[str, Tensor]:
        """One iteration, whose random numbers are drawn as it goes; see ``update``.

        Args:
            iteration: counted from 0.
            batch: the images chosen by ``indices``.
            random: a CPU generator for this iteration alone.
        """
        self._set_weights(iteration)
        return self.update(self.kind(iteration), batch, Draws(random, self.device))

    @property
    def device(self) -> torch.device:
        """Where the networks live."""
        return next(self.model.parameters()).device

    @property
    def shipped(self) -> nn.Module:
        """The model that a checkpoint holds: the moving average, if there is one."""
        return self.model if self.ema is None else self.ema

    def distribute(self, share: Share) -> None:
        """Train as one of several processes.

        Raises:
            Unsupported: the trainer needs the whole batch in one process.
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

    @property
    def arithmetic(self) -> Arithmetic:
        """How the recipe is computed on the trainer's device."""
        computed: Arithmetic = self.recipe.arithmetic(self.device)
        return computed

    def to(self, device: torch.device) -> None:
        """Move every network to a device; optimisers follow, since they hold the parameters.

        The networks have the channels-last memory format, apart from those that choose another one for
        the device. The recipe's ``compile`` and the scaled losses of precision "fp16" are set up here too.
        """
        networks = [*self.networks.values(), *([self.ema] if self.ema else [])]
        for network in networks:
            choose = getattr(network, "memory_format", None)
            memory = torch.channels_last if choose is None else choose(device)
            network.to(device, memory_format=memory)  # type: ignore[call-overload]
            if device.type == "cpu":
                for module in network.modules():
                    if isinstance(module, PatchConv):
                        module.make_contiguous()
        for optimizer in self.optimizers.values():
            prepare_for(optimizer, device)
        if self.recipe.compile:
            for part in self.model.children():  # a method computes through its children only
                part.compile()
        if self.recipe.precision == "fp16":
            self.scaler = torch.amp.GradScaler(device.type)

    def adam(
        self, *modules: nn.Module, rate: float | None = None, decay: float = 0.0, warm: bool = True
    ) -> torch.optim.Adam:
        """Adam over the modules' parameters.

        Args:
            modules: modules whose parameters it optimises.
            rate: base learning rate; the recipe's when None.
            decay: weight decay.
            warm: whether the warm-up's higher rate applies. A critic without norms diverges at it.
        """
        rate = self.recipe.learning_rate if rate is None else rate
        parameters = [p for module in modules for p in module.parameters()]
        return torch.optim.Adam(
            [{"params": parameters, "base_rate": rate, "warm": warm}],
            lr=rate,
            betas=(self.recipe.beta1, self.recipe.beta2),
            weight_decay=decay,
            fused=True,
        )

    @torch.no_grad()
    def set_rates(self, iteration: int) -> None:
        """Set learning rates and changing weights of an iteration; the loop calls this before each step.

        Adam's moments are cleared where the warm-up ends. Reconstruction has small gradients: divided
        by their second moment, the first adversarial gradients would make steps of many times the
        learning rate, and the generator would diverge.
        """
        scale = self.schedule.rate(iteration)
        for optimizer in self.optimizers.values():
            if 0 < iteration == self.recipe.warmup_iterations:
                clear_moments(optimizer)
            set_rates(optimizer, scale)
        self._set_weights(iteration)

    def _set_weights(self, iteration: int) -> None:
        for name, weight in self.weights(iteration).items():
            if name not in self.weight:
                self.weight[name] = torch.zeros((), device=self.device)
            self.weight[name].fill_(weight)

    def autocast(self) -> torch.autocast:
        """Autocast of the generator, in the recipe's precision."""
        return self._autocast(self.arithmetic.network)

    def critic_autocast(self) -> torch.autocast:
        """Autocast of a critic, in the recipe's ``critic_precision``."""
        return self._autocast(self.arithmetic.critic)

    def _autocast(self, format: str) -> torch.autocast:
        half = torch.float16 if format == "fp16" else torch.bfloat16
        # A pass uses each weight once, so that a cache of converted weights would gain nothing.
        return torch.autocast(
            self.device.type, half, enabled=format in ("bf16", "fp16"), cache_enabled=False
        )

    def parts(self, count: int) -> Iterator[slice]:
        """Slices of ``count`` images, one for each of the recipe's ``accumulate`` parts."""
        size = count // self.recipe.accumulate
        return (slice(start, start + size) for start in range(0, count, size))

    def minimise(
        self, terms: Terms, *optimizers: str, more: Iterable[Terms] = ()
    ) -> dict[str, Tensor]:
        """Step the named optimisers on the weighted sum of ``terms``; returns the values, detached.

        Args:
            terms: terms of a batch, or of its first part.
            optimizers: names of the optimisers.
            more: terms of the other parts, which have equal weights. An iterator makes those of a part
                only after the gradients of the part before are accumulated, which saves memory.
        """
        chosen = [self.optimizers[name] for name in optimizers]
        for optimizer in chosen:
            optimizer.zero_grad(set_to_none=True)
        part_weight = 1 / self.recipe.accumulate if more else 1.0
        sums: dict[str, Tensor] = {}
        for part in chain([terms], more):
            total = torch.stack([weight * value for weight, value in part.values()]).sum()
            total = total * part_weight
            self.scaler.scale(total).backward()  # type: ignore[no-untyped-call]
            for name, (_, value) in part.items():
                weighted = value.detach() * part_weight
                sums[name] = sums[name] + weighted if name in sums else weighted
        values = list(sums.values())
        if self.share.world > 1:
            groups = [group for optimizer in chosen for group in optimizer.param_groups]
            parameters = [p for group in groups for p in group["params"]]
            key = (optimizers, tuple(sums))
            if key not in self._with_gradient:  # decided once: it is a matter of the terms alone
                flags = [p.grad is not None for p in parameters]
                self._with_gradient[key] = self.share.any_each(flags)
            values = self.share.average_gradients(parameters, values, self._with_gradient[key])
        for optimizer in chosen:
            self.scaler.step(optimizer)
        self.scaler.update()
        return dict(zip(sums, values, strict=True))

    @torch.no_grad()
    def update_ema(self) -> None:
        """Move the moving average towards the model; ``step`` calls this after each generator step."""
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
        """Everything that a resumed run needs beside the iteration: random numbers have no state."""
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
            prepare_for(optimizer, self.device)
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
