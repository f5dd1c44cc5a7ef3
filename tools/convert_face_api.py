"""Build the weights that ganbench takes from the npm package ``@vladmandic/face-api`` 1.7.15.

    npm pack @vladmandic/face-api@1.7.15 && tar xzf vladmandic-face-api-1.7.15.tgz
    python tools/convert_face_api.py package/model [FOLDER]

Only names and layout change: filters become [out, in, height, width]. The 8-bit values stay as they are, and
the header has the scale and minimum of each tensor, so that nothing is lost and the file stays small. The
descriptor has eight filters in float32; they become float16, which moves a descriptor by 2e-4 and saves 0.6 MB.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

PACKAGE = Path(__file__).parents[1] / "ganbench"

DESCRIPTOR = "face_recognition_model"

# A model's name in the package, and the file that is made from it, relative to ``PACKAGE``.
MODELS = {
    "face_expression_model": "judges/face_api.safetensors",
    "tiny_face_detector_model": "faces_in_photos/detector.safetensors",
    "face_landmark_68_model": "faces_in_photos/landmarks.safetensors",
    DESCRIPTOR: "faces_in_photos/descriptor.safetensors",
}


def convert(folder: Path, model: str, output: Path) -> None:
    """Read the manifest and the shard of a model in ``folder``, write ``output``."""
    manifest = json.loads((folder / f"{model}-weights_manifest.json").read_text())
    shard = (folder / f"{model}.bin").read_bytes()
    entries = manifest[0]["weights"]
    separable = {
        entry["name"].rpartition("/")[0]
        for entry in entries
        if entry["name"].endswith("pointwise_filter")
    }
    tensors: dict[str, NDArray[np.generic]] = {}
    quantised: dict[str, tuple[float, float]] = {}
    at = 0
    for entry in entries:
        code = entry.get("quantization")
        dtype = np.dtype(code["dtype"] if code else entry["dtype"])
        size = int(np.prod(entry["shape"]))
        values = np.frombuffer(shard, dtype, size, at).reshape(entry["shape"])
        at += size * dtype.itemsize
        name = torch_name(entry["name"], separable)
        tensors[name] = rearranged(entry["name"], values)
        if code:
            quantised[name] = (code["scale"], code["min"])
        elif model == DESCRIPTOR:
            tensors[name] = tensors[name].astype(np.float16)
    if at != len(shard):
        raise SystemExit(
            f"the shard has {len(shard)} bytes, the manifest {at}; take both of one model"
        )
    metadata = {"quantised": json.dumps(quantised), "source": "@vladmandic/face-api 1.7.15, MIT"}
    output.write_bytes(in_order(save(tensors, metadata)))


def in_order(file: bytes) -> bytes:
    """The same file with its metadata in alphabetical order, which safetensors leaves to chance."""
    end = 8 + int.from_bytes(file[:8], "little")
    header = json.loads(file[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    packed = json.dumps(header, separators=(",", ":")).encode()
    packed += b" " * (-len(packed) % 8)
    return len(packed).to_bytes(8, "little") + packed + file[end:]


def torch_name(name: str, separable: set[str]) -> str:
    """``dense1/conv0/depthwise_filter`` -> ``dense1.conv0.depthwise.weight``.

    Args:
        name: a tensor of the package.
        separable: the layers that consist of a depthwise and a pointwise convolution, which has the bias.
    """
    layer, _, part = name.rpartition("/")
    if not layer:  # the descriptor's last layer is one tensor
        return f"{part}.weight"
    inner = {"depthwise_filter": ".depthwise", "pointwise_filter": ".pointwise"}.get(part, "")
    if part in ("bias", "biases"):
        inner = ".pointwise" if layer in separable else ""
        return f"{layer.replace('/', '.')}{inner}.bias"
    return f"{layer.replace('/', '.')}{inner}.weight"


def rearranged(name: str, values: NDArray[np.generic]) -> NDArray[np.generic]:
    """From TensorFlow's layout to torch's."""
    if name.endswith("depthwise_filter"):  # [height, width, in, 1] -> [in, 1, height, width]
        values = values.transpose(2, 3, 0, 1)
    elif values.ndim == 4:  # [height, width, in, out] -> [out, in, height, width]
        values = values.transpose(3, 2, 0, 1)
    elif values.ndim == 2:  # [in, out] -> [out, in]
        values = values.T
    return np.ascontiguousarray(values)


if __name__ == "__main__":
    for model, output in MODELS.items():
        path = Path(sys.argv[2]) / Path(output).name if len(sys.argv) > 2 else PACKAGE / output
        convert(Path(sys.argv[1]), model, path)
