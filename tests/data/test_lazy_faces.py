"""Faces rendered when asked for, and the plan of an evaluation that renders none of them."""

from __future__ import annotations

import sys

import pytest
import torch

from ganbench.cli import main
from ganbench.data import load_dataset

SMALL = {"train": 7, "test": 14, "size": 16}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


@pytest.mark.parametrize("split", ["train", "test"])
def test_lazy_faces_are_the_faces(split, cache):
    lazy = load_dataset("faces", split, lazy=True, seed=2, **SMALL)
    indices = [5, 1]
    images, (edits, regions) = lazy.images(indices), lazy.true_edits(indices, 3)
    maps = lazy.regions(indices)
    assert not cache.exists()
    faces = load_dataset("faces", split, seed=2, **SMALL)
    assert lazy.fingerprint == faces.fingerprint
    assert list(lazy.paths) == list(faces.paths)
    assert lazy.labels.tolist() == faces.labels.tolist()
    assert torch.equal(images, faces.images(indices))
    assert torch.equal(maps, faces.regions(indices))
    for one, other in zip((edits, regions), faces.true_edits(indices, 3), strict=True):
        assert torch.equal(one, other)
    few = load_dataset("faces", split, lazy=True, seed=2, limit=3, **SMALL)
    assert few.fingerprint == load_dataset("faces", split, seed=2, limit=3, **SMALL).fingerprint


def test_a_plan_of_an_evaluation_renders_no_faces(cache, monkeypatch, capsys):
    arguments = ["--methods", "stargan", "--data", "faces:test=14,seed=3", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["ganbench", "eval", "--dry-run", *arguments])
    main()
    out = capsys.readouterr().out
    assert "real images" in out
    assert " 14 " in out
    assert "faces that the cache lacks" in " ".join(out.split())
    assert not cache.exists()
