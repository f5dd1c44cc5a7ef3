"""Build ``ganbench/judges/face_api.safetensors`` from the npm package ``@vladmandic/face-api`` 1.7.15.

    npm pack @vladmandic/face-api@1.7.15 && tar xzf vladmandic-face-api-1.7.15.tgz
    python tools/convert_face_api.py package/model [OUTPUT]

Only names and layout change: filters become [out, in, height, width]. The 8-bit values stay as they are, and
the header has the scale and minimum of each tensor, so that nothing is lost and the file stays small.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

MODEL = "face_expression_model"
OUTPUT = Path(__file__).parents[1] / "ganbench" / "judges" / "face_api.safetensors"


def convert(folder: Path, output: Path) -> None:
    """Read the manifest and the shard in ``folder``, write ``output``."""
    manifest = json.loads((folder / f"{MODEL}-weights_manifest.json").read_text())
    shard = (folder / f"{MODEL}.bin").read_bytes()
    tensors: dict[str, NDArray[np.generic]] = {}
    quantised: dict[str, tuple[float, float]] = {}
    at = 0
    for entry in manifest[0]["weights"]:
        code = entry.get("quantization")
        dtype = np.dtype(code["dtype"] if code else entry["dtype"])
        size = int(np.prod(entry["shape"]))
        values = np.frombuffer(shard, dtype, size, at).reshape(entry["shape"])
        at += size * dtype.itemsize
        name = torch_name(entry["name"])
        tensors[name] = rearranged(entry["name"], values)
        if code:
            quantised[name] = (code["scale"], code["min"])
    if at != len(shard):
        raise SystemExit(
            f"the shard has {len(shard)} bytes, the manifest {at}; take both of one model"
        )
    metadata = {"quantised": json.dumps(quantised), "source": "@vladmandic/face-api 1.7.15, MIT"}
    output.write_bytes(save(tensors, metadata))


def torch_name(name: str) -> str:
    """``dense1/conv0/depthwise_filter`` -> ``dense1.conv0.depthwise.weight``."""
    layer, _, part = name.rpartition("/")
    layer = layer.replace("/", ".")
    if part == "depthwise_filter":
        return f"{layer}.depthwise.weight"
    if part == "pointwise_filter":
        return f"{layer}.pointwise.weight"
    if part == "bias" and layer not in ("dense0.conv0", "fc"):
        return f"{layer}.pointwise.bias"
    return f"{layer}.bias" if part == "bias" else f"{layer}.weight"


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
    convert(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else OUTPUT)
