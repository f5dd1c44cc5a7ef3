"""The device for computations."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import torch

from ganbench.errors import BadInput
from ganbench.text import shown

# Devices that networks can run on. Torch has twenty names, among them "meta", which computes nothing.
KNOWN = re.compile(r"(cpu|cuda|mps|xpu)(:[0-9]{1,3})?")


def cores() -> int:
    """The number of processor cores that this process may use, 1 or more."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # the system cannot tell
        return os.cpu_count() or 1


def resolve(name: str | torch.device = "auto") -> torch.device:
    """The device that a name stands for.

    TF32, which keeps only 10 bits of a float32's mantissa and is a default of cuDNN, is turned off.

    Args:
        name: ``cpu``, ``cuda``, ``cuda:1``, ``mps`` ...; ``auto`` is CUDA if there is a GPU, else the CPU.

    Raises:
        BadInput: no such device, or this machine does not have it.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not KNOWN.fullmatch(str(name)):
        hint = "; a GPU of NVIDIA or AMD is cuda" if str(name).lower().startswith("gpu") else ""
        raise BadInput(
            f"device is not available: {shown(str(name), 40)}; give auto, cpu, cuda, cuda:1 or mps{hint}"
        )
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BadInput(
            f"device is not available: {str(name)!r} ({str(error).splitlines()[0]}); "
            "use --device auto or cpu"
        ) from error
    return device


@cache
def computes_bf16() -> bool:
    """Whether this machine's CPU has instructions for bfloat16 (on x86 AMX or avx512_bf16)."""
    if platform.machine().lower() in ("x86_64", "amd64"):
        return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


@dataclass(frozen=True)
class Arithmetic:
    """How a training computes on a device.

    Attributes:
        network: format of the generator's, or judge's, convolutions and matrix products: "fp32", "tf32",
            "bf16" or "fp16".
        critic: the same of the critics.
        deterministic: whether only algorithms are used that give the same bits each time.
    """

    network: str
    critic: str
    deterministic: bool

    @classmethod
    def resolve(
        cls, device: torch.device, precision: str, critic: str, deterministic: bool = False
    ) -> Arithmetic:
        """The arithmetic that a recipe asks for.

        Args:
            device: where it is computed. TF32, which keeps 10 bits of a float32's mantissa, exists on CUDA
                alone; "auto" takes it there, and float32 elsewhere. On a CPU without instructions for
                bfloat16 "bf16" is float32: torch would imitate it at a fifth of the speed.
            precision: the recipe's ``precision``.
            critic: the recipe's ``critic_precision``.
            deterministic: the recipe's ``deterministic``. A CPU is deterministic always.

        Raises:
            BadInput: the device does not have a format that is asked for by name.
        """
        on_gpu = device.type == "cuda"
        if device.type == "cpu" and not computes_bf16():
            precision, critic = ("fp32" if p == "bf16" else p for p in (precision, critic))
        for wanted in (precision, critic):
            if wanted in ("fp16", "tf32") and not on_gpu:
                raise BadInput(
                    f"precision {wanted} needs a CUDA device: {device.type}; use auto, bf16 or fp32"
                )
        if on_gpu and deterministic:
            # cuBLAS reads it when it starts: it then has memory of its own for each stream.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        strict = {precision, critic} & {"fp32"}  # torch has one switch for both
        plain = "tf32" if on_gpu and not strict else "fp32"
        network, second = (
            plain if wanted in ("auto", "tf32") else wanted for wanted in (precision, critic)
        )
        return cls(network, second, deterministic or device.type == "cpu")

    @property
    def tf32(self) -> bool:
        """Whether what is not in half precision is computed in TF32."""
        return "tf32" in (self.network, self.critic)

    @contextmanager
    def on(self, device: torch.device) -> Iterator[None]:
        """Switch torch to this arithmetic in here; on a CPU there is nothing to switch."""
        if device.type != "cuda":
            yield
            return
        cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
        before = (
            cudnn.allow_tf32, products.allow_tf32, cudnn.benchmark, cudnn.deterministic,
            torch.are_deterministic_algorithms_enabled(),
        )  # fmt: skip
        self._switch(self.tf32, self.tf32, not self.deterministic, *2 * (self.deterministic,))
        try:
            yield
        finally:
            self._switch(*before)

    @staticmethod
    def _switch(
        convolutions: bool,
        products: bool,
        benchmark: bool,
        deterministic: bool,
        all_deterministic: bool,
    ) -> None:
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.backends.cuda.matmul.allow_tf32 = products
        torch.backends.cudnn.benchmark = benchmark
        torch.backends.cudnn.deterministic = deterministic
        torch.use_deterministic_algorithms(all_deterministic)
