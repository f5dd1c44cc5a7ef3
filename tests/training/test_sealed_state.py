"""A state with one flipped bit is not resumed from, wherever the bit lies."""

from __future__ import annotations

import random

import pytest
import torch

from ganbench.errors import BadInput
from ganbench.training.session import prepare
from ganbench.training.state import append_checksum, check_checksum


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("state") / "state.pt"
    torch.save({"weights": torch.randn(30), "iteration": 3, "window": {"sums": {}}}, path)
    return path


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_flipped_bit_anywhere_in_a_state(saved, tmp_path):
    path = tmp_path / "state.pt"
    path.write_bytes(saved.read_bytes())
    append_checksum(path)
    check_checksum(path)
    assert torch.load(path, weights_only=True)["iteration"] == 3
    data, draw = path.read_bytes(), random.Random(0)
    for place in (*range(0, len(data) - 40, 5), *range(len(data) - 40, len(data))):
        path.write_bytes(flipped(data, 8 * place + draw.randrange(8)))
        with pytest.raises(
            BadInput, match=r"cannot resume: state\.pt in .* is damaged \(its checksum"
        ):
            check_checksum(path)
    for end in (0, 1, 30, len(data) // 2, len(data) - 40, len(data) - 1):
        if end != len(data) - 40:  # exactly the checksum is gone: an older state
            path.write_bytes(data[:end])
            with pytest.raises(BadInput, match="damaged"):
                check_checksum(path)
    path.write_bytes(data + b"x")
    with pytest.raises(BadInput, match="damaged"):
        check_checksum(path)


def test_a_state_of_before_is_taken_and_its_values_are_checked(saved, tmp_path):
    check_checksum(saved)
    data, path = saved.read_bytes(), tmp_path / "state.pt"
    values = torch.load(saved, weights_only=True)["weights"].numpy().tobytes()
    start = data.index(values)
    for place in range(start, start + len(values)):
        path.write_bytes(flipped(data, 8 * place + 1))
        with pytest.raises(BadInput, match="damaged"):
            check_checksum(path)


def test_a_training_refuses_to_go_on(tmp_path, tiny_recipe, tiny_faces):
    def begin(iterations: int):
        session = prepare("stargan", tiny_recipe, {"iterations": iterations}, device="cpu")
        return session.run(tiny_faces(), tmp_path / "run", "ganbench train stargan")

    run = begin(5)
    run.start()
    run.run()
    path = tmp_path / "run" / "state.pt"
    data = path.read_bytes()
    logged = (tmp_path / "run" / "log.jsonl").read_bytes()
    draw = random.Random(1)
    for _ in range(12):
        path.write_bytes(flipped(data, draw.randrange(8 * len(data))))
        with pytest.raises(BadInput, match=r"cannot resume: state\.pt") as error:
            begin(6).resume()
        assert "\n" not in str(error.value)
    assert (tmp_path / "run" / "log.jsonl").read_bytes() == logged

    # States that torch can read and that no training has written.
    path.write_bytes(data)
    state = torch.load(path, weights_only=True)
    state["trainer"]["networks"]["model"]["generator.main.0.weight"][0, 0, 0, 0] = float("nan")
    torch.save(state, path)
    with pytest.raises(
        BadInput, match=r"not finite: generator.main.0.weight in model of .*state\.pt"
    ):
        begin(6).resume()
    del state["trainer"]["networks"]["model"]["generator.main.0.weight"]
    torch.save(state, path)
    with pytest.raises(BadInput, match=r"state\.pt in .* is not of this run"):
        begin(6).resume()

    path.write_bytes(data[:-40])  # a state of a ganbench without checksums
    run = begin(6)
    run.resume()
    assert run.run() is not None
    assert path.read_bytes()[-40:-32] == b"ganbench"
