"""One interface for every method: emotions -> codes -> edits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ganbench.emotions import KNOWN, canonical, labels_of
from ganbench.errors import BadInput, Unsupported, unknown
from ganbench.methods.conditions import Category, Condition, ReferenceImage
from ganbench.methods.outputs import MEND, checked, cut

if TYPE_CHECKING:
    from ganbench.official.layout import Layout


T = TypeVar("T")


def ability(ask: Callable[..., T], *arguments: Any) -> T | None:
    """What a method answers, or None if it says that it lacks the ability."""
    try:
        return ask(*arguments)
    except Unsupported:
        return None


@dataclass(frozen=True)
class MethodSpec:
    """What a caller may know about a loaded method.

    Attributes:
        name: the registered name, e.g. ``"smit"``.
        title: the name in print, e.g. ``"SMIT"``.
        image_size: side of the square images it edits, in pixels.
        emotions: its emotions, in the order of its labels.
        code_dim: length of a native code.
        noise_dim: length of the noise that ``codes`` takes; 0 for a deterministic method.
        stochastic: whether two codes of one emotion can differ.
        licence: licence of the loaded weights.
        paper: where the method was published.
        conditions: names of the condition classes it can encode.
    """

    name: str
    title: str
    image_size: int
    emotions: tuple[str, ...]
    code_dim: int
    noise_dim: int
    stochastic: bool
    licence: str
    paper: str
    conditions: tuple[str, ...]


@dataclass(frozen=True)
class Edit:
    """The outcome of an edit.

    Attributes:
        images: float32 [N, 3, H, W] in [0, 1].
        mask: float32 [N, 1, H, W] in [0, 1], 1 where the input is kept; None without attention.
        clamped: float32 [N], the share of each image's pixels that lay outside [0, 1] and were cut
            to it, as ``methods.outputs.cut`` counts them; None if nobody has counted.
    """

    images: Tensor
    mask: Tensor | None = None
    clamped: Tensor | None = None


class Method(nn.Module):
    """A trained expression editor: the networks that editing needs, and their codes.

    A subclass names itself in the class attributes, keeps its architecture in a frozen dataclass
    ``Config`` (with at least ``image_size`` and ``emotions``), and implements ``own_codes`` and
    ``translate``. It owns its range, its channel order and the order of its classes: callers see RGB
    in [0, 1] only, and number emotions as the suite does (``ganbench.emotions``).
    """

    name: ClassVar[str]
    title: str  # the class's; of two methods in one table perhaps "mine (GGANmut)"
    paper: ClassVar[str]
    Config: ClassVar[type[Any]]
    conditions: tuple[type, ...] = (Category,)
    noise_dim: int = 0
    needs_checkpoint: bool = True
    """Whether its weights come from a file; a method that is ready once it is built says False."""
    bounded: bool = True
    """Whether edits stay near [0, 1] whatever the weights; a last layer without a bound says False."""

    # For ``ganbench.storage.state.identity``. The card may hold numbers that codes are made from, so it is
    # hashed; and ``edit`` calls ``eval``.
    fingerprint_ignores: ClassVar = frozenset(
        {"fingerprint", "licence", "loaded", "source", "title"}
    )
    sets_training: ClassVar = True

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        # Facts of the checkpoint it was loaded from.
        self.licence = "Apache-2.0"
        self.fingerprint = ""
        self.source: dict[str, str] = {}  # "file", its name without folders, and "sha256"
        self.loaded = ""  # ``tensor_hash`` of ``ganbench.storage.state`` when it was loaded
        self.card: dict[str, Any] = {}

    # -- what a subclass provides -----------------------------------------------------------------

    @property
    def code_dim(self) -> int:
        """Length of a native code."""
        raise NotImplementedError

    def own_codes(self, condition: Condition, noise: Tensor | None = None) -> Tensor:
        """Native codes [N, code_dim] of a condition; ``noise`` [N, noise_dim] if the method has any.

        Args:
            condition: its ``emotions``, where it has any, are the method's own labels: positions in
                ``config.emotions``.
            noise: what ``draw_noise`` draws.

        Raises:
            Unsupported: the method does not understand this kind of condition.
        """
        raise NotImplementedError

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        """Edited images and attention mask, differentiable, in the method's own range and order."""
        raise NotImplementedError

    def to_native(self, images: Tensor) -> Tensor:
        """RGB in [0, 1] -> the method's own range and channel order: here RGB in [-1, 1]."""
        return images * 2 - 1

    def from_native(self, x: Tensor) -> Tensor:
        """Inverse of ``to_native``."""
        return (x + 1) / 2

    @classmethod
    def trainer(cls) -> type[Any]:
        """The ``Trainer`` class of this method.

        Raises:
            Unsupported: the method can only be loaded.
        """
        raise Unsupported(f"{cls.name} cannot be trained by ganbench; load a checkpoint")

    @classmethod
    def official(cls) -> Layout:
        """How the method's authors store its checkpoints.

        Raises:
            Unsupported: their layout is not known.
        """
        raise Unsupported(
            f"{cls.name} has no authors' layout that ganbench knows; use its .safetensors file"
        )

    # -- what callers use -------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """Where the parameters live, or the buffers; of a method without either the CPU."""
        tensors = chain(self.parameters(), self.buffers())
        return next((tensor.device for tensor in tensors), torch.device("cpu"))

    @property
    def spec(self) -> MethodSpec:
        """The method's fixed facts."""
        return MethodSpec(
            name=self.name,
            title=self.title,
            image_size=self.config.image_size,
            emotions=tuple(self.config.emotions),
            code_dim=self.code_dim,
            noise_dim=self.noise_dim,
            stochastic=self.noise_dim > 0,
            licence=self.licence,
            paper=self.paper,
            conditions=tuple(kind.__name__ for kind in self.conditions),
        )

    def labels(self, emotions: Tensor | Sequence[int] | Sequence[str]) -> Tensor:
        """The method's own labels of emotions: the one way from names and numbers to its classes.

        Args:
            emotions: [N], names in any usual spelling, or integers: positions in Table-1 order, where
                7 is contempt. Of a network whose classes are none of these, positions in its own
                list.

        Returns:
            int64 [N], positions in ``config.emotions``, on the method's device.

        Raises:
            BadInput: no integers [N], or an emotion that the method lacks.
        """
        own = tuple(self.config.emotions)
        if names := _names(emotions):
            known = [canonical(name) for name in own]
            for name in names:
                if canonical(name) in KNOWN and canonical(name) not in known:
                    raise self._cannot_show(canonical(name))
                if canonical(name) not in known:
                    raise unknown("emotion", name, known)
            found = [known.index(canonical(name)) for name in names]
            return torch.tensor(found, dtype=torch.int64, device=self.device)
        places = torch.as_tensor(emotions, device=self.device)
        table = labels_of(own)
        known_places = [place for place, label in enumerate(table) if label >= 0]
        whole = not (places.is_floating_point() or places.dtype == torch.bool)
        if (
            not whole
            or places.ndim != 1
            or (len(places) and not 0 <= int(places.min()) <= int(places.max()) <= known_places[-1])
        ):
            raise BadInput(
                f"emotions must be integers [N] in 0..{known_places[-1]}: got shape "
                f"{tuple(places.shape)}, values {sorted(set(places.flatten().tolist()))[:9]}; use "
                "names, or ganbench.emotions.index(name)"
            )
        labels = torch.tensor(table, device=self.device)[places.long()]
        if len(labels) and int(labels.min()) < 0:
            raise self._cannot_show(KNOWN[int(places[labels < 0][0])])
        return labels

    def encode(self, condition: Condition, noise: Tensor | None = None) -> Tensor:
        """Native codes [N, code_dim] of a condition; ``noise`` [N, noise_dim] if the method has any.

        Raises:
            BadInput: an emotion that the method lacks.
            Unsupported: the method does not understand this kind of condition.
        """
        if isinstance(condition, Category) and not condition.own:
            condition = replace(condition, emotions=self.labels(condition.emotions), own=True)
        elif isinstance(condition, ReferenceImage) and condition.emotions is not None:
            condition = replace(condition, emotions=self.labels(condition.emotions))
        return self.own_codes(condition, noise)

    def draw_noise(self, n: int, generator: torch.Generator | None = None) -> Tensor | None:
        """Standard normal noise [n, noise_dim] drawn on the CPU, or None if the method takes none."""
        if not self.noise_dim:
            return None
        return torch.randn(n, self.noise_dim, generator=generator).to(self.device)

    @torch.no_grad()
    def codes(
        self,
        emotions: Tensor | Sequence[int] | Sequence[str],
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Native codes of basic emotions.

        Args:
            emotions: [N], names, or integers: positions in Table-1 order (``labels``), whatever
                order the method lists its emotions in.
            noise: float [N, noise_dim]; drawn from ``generator`` when None. Ignored by
                deterministic methods.
            generator: a CPU generator for the noise.

        Returns:
            float32 [N, code_dim] on the method's device.

        Raises:
            BadInput: an emotion that the method lacks, or noise of another shape.
        """
        own = self.labels(emotions)
        if self.noise_dim:
            noise = self.draw_noise(len(own), generator) if noise is None else noise.to(self.device)
            if noise is not None and noise.shape != (len(own), self.noise_dim):
                raise BadInput(
                    f"noise of {self.name} must have shape {(len(own), self.noise_dim)}: "
                    f"got {tuple(noise.shape)}; draw it with draw_noise(n)"
                )
        if type(self).encode is Method.encode:
            return self.own_codes(Category(own), noise)
        # A plug-in that encodes by itself is given its own labels. Where they do not rise along Table 1,
        # nobody knows whether it takes what it is given for these.
        known = [label for label in labels_of(tuple(self.config.emotions)) if label >= 0]
        if known != sorted(known):
            raise BadInput(
                f"{self.name} lists its emotions in another order than Table 1: "
                f"{', '.join(self.config.emotions)}; its class must implement own_codes instead of encode"
            )
        return self.encode(Category(own, own=True), noise)

    @torch.no_grad()
    def edit(self, images: Tensor, codes: Tensor) -> Edit:
        """Edit images to codes.

        Args:
            images: float [N, 3, image_size, image_size], RGB in [0, 1].
            codes: float [N, code_dim].

        Raises:
            BadInput: another image or code shape, images outside [0, 1], or a method whose edits are
                not finite or of another shape or type.
        """
        raw, mask = self.unclamped(images, codes)
        return Edit(raw.clamp(0, 1), mask, cut(raw))

    @torch.no_grad()
    def unclamped(self, images: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        """The images and mask of ``edit`` before values outside [0, 1] are cut.

        Args, Raises: as for ``edit``.
        """
        size = self.config.image_size
        if images.ndim != 4 or images.shape[1:] != (3, size, size):
            raise BadInput(
                f"wrong image size for {self.name}: {tuple(images.shape)}, expected [N, 3, {size}, {size}]; "
                f"resize the images to {size} px"
            )
        if not images.is_floating_point() or (
            len(images) and not -1e-3 <= float(images.min()) <= float(images.max()) <= 1 + 1e-3
        ):
            raise BadInput(
                f"images must be floating point in [0, 1]: got {images.dtype} up to {float(images.max()):g}; "
                "divide by 255"
            )
        if codes.shape != (len(images), self.code_dim):
            raise BadInput(
                f"wrong code shape for {self.name}: {tuple(codes.shape)}, expected "
                f"{(len(images), self.code_dim)}; make codes with method.codes(emotions)"
            )
        self.eval()
        x = self.to_native(images.to(self.device, torch.float32))
        made = self.translate(x, codes.to(self.device, torch.float32))
        if not isinstance(made, tuple) or len(made) != 2:
            raise BadInput(
                f"{self.name} returns {type(made).__name__} where translate must return images and a "
                f"mask or None; {MEND}"
            )
        y, mask = made
        numbers = isinstance(y, Tensor) and y.is_floating_point()
        raw = self.from_native(y) if numbers else y
        checked(self.name, raw, mask, images.shape)
        return raw, mask

    def label_distribution(self, codes: Tensor) -> Tensor:
        """The distribution p_z [N, emotions] that a code stands for (GGANmut only).

        Its columns are the method's own: column ``labels(["happy"])`` is happy's.
        """
        raise Unsupported(f"{self.name} defines no label distribution of a code; use gaussian")

    def anchors(self) -> Tensor:
        """The code of each emotion [emotions, code_dim] in a space shared by all (GANmut, GGANmut).

        Its rows are the method's own: row ``labels(["happy"])`` is happy's.
        """
        raise Unsupported(
            f"{self.name} has no anchors in a conditional space; use linear or gaussian"
        )

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Codes [n, code_dim] drawn from the whole conditional space Z (GANmut, GGANmut)."""
        raise Unsupported(f"{self.name} has no conditional space to sample; use linear or gaussian")

    def _cannot_show(self, name: str) -> BadInput:
        return BadInput(
            f"{self.name} cannot show {name!r}; it knows: {', '.join(self.config.emotions)}"
        )

    def refuse(self, condition: Condition) -> Unsupported:
        """The error for a condition that the method cannot encode."""
        known = ", ".join(kind.__name__ for kind in self.conditions)
        return Unsupported(
            f"{self.name} cannot be conditioned on {type(condition).__name__}; it understands: {known}"
        )


def _names(emotions: object) -> list[str]:
    """Emotions as names; empty if they are numbers."""
    if isinstance(emotions, str):
        return [emotions]
    listed = [] if isinstance(emotions, Tensor) or np.ndim(emotions) != 1 else list(emotions)  # type: ignore[call-overload, arg-type]
    return [str(name) for name in listed] if any(isinstance(one, str) for one in listed) else []
