"""What is frozen stays so: a package whose data, judges or metrics moved away from a protocol fails here."""

import dataclasses
import io
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from toys import Painter, Reader, ToyFaces

from ganbench.errors import BadInput
from ganbench.evaluation.run import evaluate, load_all
from ganbench.leaderboard.rows import only
from ganbench.methods.locate import shipped
from ganbench.methods.resized import resized
from ganbench.methods.weights import sha256
from ganbench.metrics import METRICS
from ganbench.protocols import Protocol, definition, list_protocols, load_protocol
from ganbench.protocols.names import belongs, named
from ganbench.records import MINUS, NAME
from ganbench.report.sprites import make_sprites, sprite_name
from ganbench.storage.store import Store
from ganbench.submission.opened import check, open_protocol
from ganbench.submission.rows import frozen_run

FACES = [name for name in list_protocols() if load_protocol(name).shipped]
WITH_VALUES = [name for name in FACES if frozen_run(name) is not None]


def test_the_named_protocols_are_there():
    assert list_protocols() == [
        "affectnet-v1-3500", "affectnet-v1-3999", "faces64-v1", "faces128-v1", "faces256-v1"
    ]  # fmt: skip
    hashes = {load_protocol(name).hash for name in list_protocols()}
    assert len(hashes) == len(list_protocols())


@pytest.mark.parametrize("name", FACES)
def test_the_package_still_has_what_was_frozen(name):
    """Data, tasks, judges and versions of metrics: if one of them changes, a new name is needed."""
    opened = open_protocol(name, device="cpu", lazy=True)
    assert opened.hash == load_protocol(name).hash
    assert opened.dataset.size == opened.protocol.size
    assert len(opened.dataset) == {64: 700, 128: 350, 256: 350}[opened.dataset.size]


@pytest.mark.parametrize("name", [n for n in list_protocols() if n not in FACES])
def test_judges_and_metrics_of_data_that_users_have_are_those_frozen(name):
    protocol = load_protocol(name)
    with pytest.raises(BadInput, match="needs --root"):
        open_protocol(name, device="cpu")
    for metric, version in protocol.versions.items():
        assert METRICS[metric].version == version
    assert "fingerprint" not in protocol.fixed["data"]


@pytest.mark.parametrize("name", WITH_VALUES)
def test_the_reference_values_are_those_of_the_shipped_checkpoints(name):
    """After another checkpoint is shipped: python tools/freeze_protocol.py --rows NAME."""
    run, protocol = frozen_run(name), load_protocol(name)
    assert belongs(run.results, protocol)
    assert run.results.protocol_name == name
    assert set(run.results.methods) - set(run.results.competing) == {"unedited", "another-person"}
    for label in run.results.competing:
        facts = run.results.methods[label]
        assert facts["weights"] == sha256(shipped(label)), label
        assert facts["trained_on"] == "faces"
        assert ("resized" in facts["title"]) == (protocol.size != 64)
        assert run.predictions[label].shape == (protocol.fixed["data"]["images"], 7)
    headlines = [r for r in run.results.records if r.headline and r.low is not None]
    assert all(r.influence is not None for r in headlines if r.metric != "calibration")


def test_values_of_one_method_are_renewed_beside_the_values_of_the_others():
    tool = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "freeze_protocol.py"))
    before = frozen_run("faces64-v1")
    some = only(before, "smit")
    assert list(some.results.methods) == list(some.predictions) == ["smit"]
    after = tool["completed"](some, before)
    assert list(after.results.methods) == list(before.results.methods)
    assert after.results.confusion == before.results.confusion
    for label, judged in before.predictions.items():
        np.testing.assert_array_equal(after.predictions[label], judged)
    assert len(after.results.records) == len(before.results.records)
    for old, new in zip(before.results.records, after.results.records, strict=True):
        if old.variant.startswith(MINUS):  # computed anew, from influence values of seven digits
            break
        assert old == new
    difference = [
        run.results.find("gaussian", "fed", None, "minus smit") for run in (before, after)
    ]
    assert difference[0].value == pytest.approx(difference[1].value)
    assert difference[0].low == pytest.approx(difference[1].low, rel=1e-6)


@pytest.mark.parametrize("name", WITH_VALUES)
def test_a_new_evaluation_gives_the_frozen_verdicts_and_pictures(name, tmp_path):
    """The first images of the protocol's order, for a method of each kind; the tool checks all."""
    opened, run = open_protocol(name, device="cpu", lazy=True), frozen_run(name)
    loaded = load_all(["gaussian", "smit"], "cpu")
    methods = {label: resized(one, opened.dataset.size) for label, one in loaded.items()}
    found = evaluate(methods, opened.dataset, opened.judge, limit=7, device="cpu", store=Store(tmp_path), metrics="accuracy")  # fmt: skip
    for label, judged in found.predictions.items():
        # A verdict may change with the last bits of another machine.
        assert (judged != run.predictions[label][:7]).sum() <= 1, label
    # The small pictures beside the values show the same edits.
    for file, made in make_sprites(found.gallery).items():
        ours, theirs = (
            np.asarray(Image.open(io.BytesIO(webp)), float)
            for webp in ((definition.folder_of(name) / file).read_bytes(), made)
        )
        assert np.abs(ours - theirs).mean() < 1, file
    sources = [*run.results.methods, "real", "truth"]
    assert all((definition.folder_of(name) / sprite_name(one)).is_file() for one in sources)


def test_a_changed_definition_is_refused(tmp_path, monkeypatch):
    text = json.loads((definition.folder_of("faces64-v1") / "protocol.json").read_text())
    text["versions"]["fed"] = 2
    (tmp_path / "protocol.json").write_text(json.dumps(text))
    monkeypatch.setattr(definition, "folder_of", lambda name: tmp_path)
    definition.load_protocol.cache_clear()
    try:
        with pytest.raises(BadInput, match="the definition of faces64-v1 was changed"):
            load_protocol("faces64-v1")
    finally:
        definition.load_protocol.cache_clear()


def test_unknown_names_get_a_hint():
    with pytest.raises(BadInput, match="did you mean 'faces64-v1'"):
        load_protocol("faces64")


def test_a_package_that_has_moved_away_says_how(monkeypatch):
    opened = open_protocol("faces64-v1", device="cpu", lazy=True)
    protocol = opened.protocol
    moved = dataclasses.replace(
        protocol,
        versions=protocol.versions | {"fed": 9},
        fixed=protocol.fixed | {"judge": protocol.fixed["judge"] | {"fingerprint": "0" * 64}},
    )
    with pytest.raises(BadInput) as caught:
        check(dataclasses.replace(opened, protocol=moved))
    text = str(caught.value)
    assert "faces64-v1 is not what was frozen: judge fingerprint 00000000 -> " in text
    assert "metric fed 9 -> 1" in text
    with pytest.raises(BadInput, match="the tasks"):
        check(dataclasses.replace(opened, protocol=dataclasses.replace(protocol, tasks="0" * 64)))


@pytest.fixture
def toys(tmp_path):
    """Results, and a protocol that they belong to."""
    found = evaluate({"painter": Painter()}, ToyFaces(14), Reader(), store=Store(tmp_path)).results
    fixed = {key: value for key, value in found.protocol.items() if key != NAME}
    versions = {name: spec["version"] for name, spec in found.metrics.items()}
    return found, Protocol("toys8-v1", "toys", "faces", 8, ("reader",), tuple(versions), versions, fixed)  # fmt: skip


def test_results_belong_to_a_protocol_by_all_that_their_numbers_depend_on(toys):
    found, protocol = toys
    assert belongs(found, protocol)
    for change in (
        {"seed": 1},
        {"versions": protocol.versions | {"fed": 9}},
        {"fixed": protocol.fixed | {"version": 2}},
        {"fixed": protocol.fixed | {"data": protocol.fixed["data"] | {"images": 15}}},
        {"left_out": "499 of label contempt"},
    ):
        other = dataclasses.replace(protocol, **change)
        assert not belongs(found, other), change
        assert other.hash != protocol.hash
    assert belongs(found, dataclasses.replace(protocol, left_out="x"), left_out="x")
    in_bf16 = dataclasses.replace(found, protocol=found.protocol | {"precision": "bf16"})
    assert not belongs(in_bf16, protocol)
    # What it is called is no part of what it is.
    assert dataclasses.replace(protocol, name="n", about="a").hash == protocol.hash


def test_own_protocols_are_named_by_their_hash(toys):
    found, _ = toys
    assert found.protocol_name == f"own:{found.protocol_hash[:8]}"
    assert named(found).protocol == found.protocol
    assert found.protocol_hash == dataclasses.replace(found, protocol={k: v for k, v in found.protocol.items() if k != NAME}).protocol_hash  # fmt: skip


def test_an_evaluation_of_the_same_kind_gets_the_name(toys, monkeypatch):
    found, protocol = toys
    monkeypatch.setattr("ganbench.protocols.names.list_protocols", lambda: ["toys8-v1"])
    monkeypatch.setattr("ganbench.protocols.names.load_protocol", lambda name: protocol)
    assert named(found).protocol_name == "toys8-v1"
    assert np.isclose(named(found).find("painter", "accuracy").value, 100)
