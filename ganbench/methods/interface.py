"""The interface of all methods: from emotions to codes, and from codes to edits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

from ganbench.emotions import labels_of
from ganbench.errors import BadInput, Unsupported
from ganbench.methods.conditions import Category, Condition, ReferenceImage
from ganbench.methods.labels import network_labels
from ganbench.methods.outputs import MEND, checked, cut

if TYPE_CHECKING:
    from ganbench.official.layout import Layout

T = TypeVar("T")


def ability(ask: Callable[..., T], *arguments: Any) -> T | None:
    """The result of ``ask(*arguments)``, or None if that raises ``Unsupported``."""
    try:
        return ask(*arguments)
    except Unsupported:
        return None


@dataclass(frozen=True)
class MethodSpec:
    """Facts about a loaded method.

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
    """The result of an edit.

    Attributes:
        images: float32 [N, 3, H, W] in [0, 1].
        mask: float32 [N, 1, H, W] in [0, 1], 1 where the input is kept; None if the method has no
            attention mask.
        clamped: float32 [N], the share of each image's pixels that lay outside [0, 1] and were cut
            to it, as ``methods.outputs.cut`` counts them; None if they were not counted.
    """

    images: Tensor
    mask: Tensor | None = None
    clamped: Tensor | None = None


class Method(nn.Module):
    """A trained expression editor: the networks that editing needs, and their codes.

    A subclass sets the class attributes, has a frozen dataclass ``Config`` of its architecture (with at
    least ``image_size`` and ``emotions``), and implements ``own_codes`` and ``translate``. It may have any
    value range, channel order and order of classes. Callers give and get RGB in [0, 1] only, and number
    emotions in Table-1 order (``ganbench.emotions``).
    """

    name: ClassVar[str]
    title: str  # an object may have another one than its class, for a second row: "mine (GGANmut)"
    paper: ClassVar[str]
    Config: ClassVar[type[Any]]
    conditions: tuple[type, ...] = (Category,)
    noise_dim: int = 0
    needs_checkpoint: bool = True
    """Whether its weights come from a file; False for a method that is ready once it is built."""
    bounded: bool = True
    """Whether edits stay near [0, 1] whatever the weights are; False if the last layer has no bound."""

    # For ``ganbench.storage.state.identity``. The card may hold numbers that codes are made from, so it is
    # hashed; and ``edit`` calls ``eval``.
    fingerprint_ignores: ClassVar = frozenset(
        {"fingerprint", "licence", "loaded", "own_facts", "own_title", "source", "title"}
    )
    sets_training: ClassVar = True

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        # Facts of the checkpoint it was loaded from.
        self.licence = "Apache-2.0"
        self.fingerprint = ""
        self.source: dict[str, str] = {}  # "file", the file's name without folders, and "sha256"
        self.loaded = ""  # ``tensor_hash`` of the method when it was loaded
        self.card: dict[str, Any] = {}
        # More that results shall tell about it, such as an address.
        self.own_facts: dict[str, Any] = {}
        # The title of this object, if it is not that of its class; ``title`` may also have a label.
        self.own_title = ""

    # -- what a subclass provides -----------------------------------------------------------------

    @property
    def code_dim(self) -> int:
        """Length of a native code."""
        raise NotImplementedError

    def own_codes(self, condition: Condition, noise: Tensor | None = None) -> Tensor:
        """Native codes [N, code_dim] of a condition; ``noise`` [N, noise_dim] if the method has any.

        Args:
            condition: its ``emotions``, where it has any, are the method's labels, which are positions
                in ``config.emotions``.
            noise: as ``draw_noise`` draws it.

        Raises:
            Unsupported: the method does not understand this kind of condition.
        """
        raise NotImplementedError

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        """Edited images and attention mask (None without attention), differentiable.

        Images have the value range and channel order that ``to_native`` gives.
        """
        raise NotImplementedError

    def to_native(self, images: Tensor) -> Tensor:
        """From RGB in [0, 1] to the method's value range and channel order; here RGB in [-1, 1]."""
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
        """The layout in which the method's authors store its checkpoints.

        Raises:
            Unsupported: ganbench does not know that layout.
        """
        raise Unsupported(
            f"{cls.name} has no authors' layout that ganbench knows; use its .safetensors file"
        )

    # -- what callers use -------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """The device of the parameters or buffers; the CPU for a method without either."""
        tensors = chain(self.parameters(), self.buffers())
        return next((tensor.device for tensor in tensors), torch.device("cpu"))

    @property
    def spec(self) -> MethodSpec:
        """Facts about the method that an edit does not change."""
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
        """The method's labels of emotions, int64 [N], on its device: positions in ``config.emotions``.

        Args:
            emotions: [N], names in any usual spelling, or integers: positions in Table-1 order, where
                7 is contempt. If the method has none of these eight emotions, the integers are
                positions in ``config.emotions``.

        Raises:
            BadInput: ``emotions`` are no integers [N], or the method lacks one of them.
        """
        return network_labels(emotions, tuple(self.config.emotions), self.name, self.device)

    def encode(self, condition: Condition, noise: Tensor | None = None) -> Tensor:
        """Native codes [N, code_dim] of a condition; ``noise`` [N, noise_dim] if the method has any.

        Raises:
            BadInput: the method lacks an emotion of the condition.
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
            noise: float [N, noise_dim]; drawn from ``generator`` when None. Methods without noise
                ignore it.
            generator: a CPU generator for the noise.

        Returns:
            float32 [N, code_dim] on the method's device.

        Raises:
            BadInput: the method lacks one of the emotions, or the noise has another shape.
        """
        labels = self.labels(emotions)
        if self.noise_dim:
            noise = (
                self.draw_noise(len(labels), generator) if noise is None else noise.to(self.device)
            )
            if noise is not None and noise.shape != (len(labels), self.noise_dim):
                raise BadInput(
                    f"noise of {self.name} must have shape {(len(labels), self.noise_dim)}: "
                    f"got {tuple(noise.shape)}; draw it with draw_noise(n)"
                )
        if type(self).encode is Method.encode:
            return self.own_codes(Category(labels), noise)
        # A plug-in whose class overrides ``encode`` is given its labels. If its emotions are not in
        # Table-1 order, it might take these labels for positions in Table-1 order.
        known = [label for label in labels_of(tuple(self.config.emotions)) if label >= 0]
        if known != sorted(known):
            raise BadInput(
                f"{self.name} lists its emotions in another order than Table 1: "
                f"{', '.join(self.config.emotions)}; its class must implement own_codes instead of encode"
            )
        return self.encode(Category(labels, own=True), noise)

    @torch.no_grad()
    def edit(self, images: Tensor, codes: Tensor) -> Edit:
        """Edit images to codes.

        Args:
            images: float [N, 3, image_size, image_size], RGB in [0, 1].
            codes: float [N, code_dim].

        Raises:
            BadInput: images or codes have another shape, images lie outside [0, 1], or the method's
                edits are not finite or have another shape or type.
        """
        raw, mask = self.unclamped(images, codes)
        return Edit(raw.clamp(0, 1), mask, cut(raw))

    @torch.no_grad()
    def unclamped(self, images: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        """The images and mask of ``edit``, before values outside [0, 1] are cut.

        Arguments and errors are those of ``edit``.
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
        outputs = self.translate(x, codes.to(self.device, torch.float32))
        if not isinstance(outputs, tuple) or len(outputs) != 2:
            raise BadInput(
                f"{self.name} returns {type(outputs).__name__} where translate must return images and a "
                f"mask or None; {MEND}"
            )
        y, mask = outputs
        if torch.is_autocast_enabled(self.device.type):
            # Its layers have outputs of another precision.
            y = y.float() if isinstance(y, Tensor) and y.is_floating_point() else y
            mask = mask.float() if isinstance(mask, Tensor) and mask.is_floating_point() else mask
        floats = isinstance(y, Tensor) and y.is_floating_point()
        raw = self.from_native(y) if floats else y
        checked(self.name, raw, mask, images.shape)
        return raw, mask

    def task_codes(self, places: Tensor, targets: Tensor, noise: Tensor | None) -> Tensor:
        """Codes [N, code_dim] of the emotions of an evaluation; here those of ``codes``, whatever the image.

        Args:
            places: int64 [N], the place of each image in the protocol's order.
            targets: int64 [N], in Table-1 order.
            noise: as for ``codes``.
        """
        return self.codes(targets, noise=noise)

    def label_distribution(self, codes: Tensor) -> Tensor:
        """The label distribution p_z [N, emotions] of codes (GGANmut only).

        Columns are in the order of ``config.emotions``: column ``labels(["happy"])`` belongs to happy.

        Raises:
            Unsupported: the method defines none.
        """
        raise Unsupported(f"{self.name} defines no label distribution of a code; use gaussian")

    def anchors(self) -> Tensor:
        """The code of each emotion [emotions, code_dim] in the conditional space (GANmut, GGANmut).

        Rows are in the order of ``config.emotions``: row ``labels(["happy"])`` belongs to happy.

        Raises:
            Unsupported: the method has no space that all emotions share.
        """
        raise Unsupported(
            f"{self.name} has no anchors in a conditional space; use linear or gaussian"
        )

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Codes [n, code_dim] drawn from the whole conditional space Z (GANmut, GGANmut).

        Raises:
            Unsupported: the method has no space that all emotions share.
        """
        raise Unsupported(f"{self.name} has no conditional space to sample; use linear or gaussian")

    def refuse(self, condition: Condition) -> Unsupported:
        """The error for a condition that the method cannot encode."""
        known = ", ".join(kind.__name__ for kind in self.conditions)
        return Unsupported(
            f"{self.name} cannot be conditioned on {type(condition).__name__}; it understands: {known}"
        )
