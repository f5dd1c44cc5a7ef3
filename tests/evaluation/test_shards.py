"""An evaluation cut into shards is the one that was not."""

from __future__ import annotations

import pytest
import torch
from launching import ganbench, pair, said
from toys import photograph

from ganbench.errors import BadInput
from ganbench.evaluation import protocol
from ganbench.evaluation.shards import parse_shard
from ganbench.judges.vgg import VGG, VGGConfig
from ganbench.methods.weights import save_checkpoint
from ganbench.storage.store import Store, read_key

CHUNK = 12

ARGUMENTS = ["--methods", "gaussian=./gaussian.safetensors,stargan=./stargan.safetensors"]
ARGUMENTS += ["--data", "folder", "--root", "photos", "--judge", "judge.safetensors"]
ARGUMENTS += ["--device", "cpu", "--metrics", "default,smoothness"]


@pytest.fixture
def place(call, tmp_path, monkeypatch, tiny_method):
    """``place(cache, args)`` evaluates two methods on 28 photographs, which are three chunks."""
    monkeypatch.setattr(protocol, "CHUNK", CHUNK)
    photograph(tmp_path / "photos" / "test", 4)
    torch.manual_seed(0)
    judge = VGG(VGGConfig(image_size=16, stages=(1, 1), widths=(4, 6), hidden=8))
    save_checkpoint(tmp_path / "judge.safetensors", judge, "judge", "judge", {"licence": "MIT"})
    for name in ("stargan", "gaussian"):
        path = tmp_path / f"{name}.safetensors"
        save_checkpoint(path, tiny_method(name), "method", name, {"licence": "MIT"})

    def run(cache, *arguments):
        monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "caches" / cache))
        return call("eval", *ARGUMENTS, *arguments)

    run.folder = tmp_path
    return run


def test_shards_are_merged_into_the_numbers_of_one_process(place):
    assert place("alone", "--out", "alone")[0] == 0
    whole = (place.folder / "alone" / "results.json").read_bytes()

    code, out, err = place("shared", "--shard", "3/3", "--out", "shared")
    assert code == 0, err
    assert "shard 3/3 is done (4 images); left to do: 11 of 16 pieces, of shards 1/3, 2/3" in out
    assert not (place.folder / "shared").exists()
    assert "shard 1/3 is done (12 images)" in place("shared", "--shard", "1/3")[1]
    code, _, err = place("shared", "--merge", "--out", "shared")
    assert code == 2
    lines = [line for line in err.splitlines() if line.startswith("ganbench: ")]
    assert lines == [
        "ganbench: the store lacks 5 of 16 pieces, of shards 2/3; compute them with "
        "--shard, or here without --merge"
    ]
    assert not (place.folder / "shared" / "results.json").exists()
    assert "nothing is left: --merge reports" in place("shared", "--shard", "2/3")[1]
    store = Store(place.folder / "caches" / "shared" / "evaluations")

    def pieces():
        found = {path: read_key(path)["kind"] for path in store.root.glob("*/*.npz")}
        return {path for path, kind in found.items() if kind in ("real", "edits", "probe")}

    before = pieces()
    damaged = min(before)
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    code, _, err = place("shared", "--merge", "--out", "shared")
    assert code == 2
    assert "the store lacks a piece, or holds a damaged one: " in err
    assert not (place.folder / "shared" / "results.json").exists()
    damaged.write_bytes(content)
    assert place("shared", "--merge", "--out", "shared")[0] == 0
    assert pieces() == before
    assert (place.folder / "shared" / "results.json").read_bytes() == whole

    together = ["eval", *ARGUMENTS, "--out", "both"]
    code, _, err = pair(in_small_chunks, *together, GANBENCH_CACHE="both-cache")
    assert code == 0, err
    assert (place.folder / "both" / "results.json").read_bytes() == whole


def in_small_chunks(*arguments):
    protocol.CHUNK = CHUNK
    ganbench(*arguments)


def test_processes_that_share_no_shard_option(place):
    code, _, err = pair(ganbench, "eval", *ARGUMENTS, "--shard", "1/2")
    assert code == 2
    assert set(said(err)) == {
        "ganbench: --shard 1/2 with torchrun, which gives each process a shard; leave one of them out"
    }


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/", "/2", "a/2", "1/2/3", "-1/2", "1/0"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(BadInput, match="not a shard"):
        parse_shard(text)
