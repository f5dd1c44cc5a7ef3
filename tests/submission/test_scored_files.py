"""Scores of edits in files: equal to those in memory but for 8 bits, beside rows of other runs, and proven."""

import json
import shutil

import numpy as np
import pytest
from edits_in_files import IMAGES, toy_protocol, write_edits
from PIL import Image
from toys import Painter

import ganbench
from ganbench import gate
from ganbench.errors import BadInput
from ganbench.evaluation.run import evaluate, perform
from ganbench.report import cached_scene
from ganbench.report.run_folder import write_run
from ganbench.storage.store import Store
from ganbench.submission.rows import joined
from ganbench.submission.scorer import PICTURES, About, prepare_scoring
from ganbench.submission.verification import protocol_of, verify


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("score")


@pytest.fixture(scope="module")
def store(place):
    return Store(place / "store")


@pytest.fixture(scope="module")
def painter():
    """A method whose values lie between steps of 8 bits."""
    return Painter(leak=0.0313, noise=2).eval()


@pytest.fixture(scope="module")
def edits(place, painter):
    write_edits(painter, toy_protocol().dataset, place / "edits")
    return place / "edits"


@pytest.fixture(scope="module")
def scored(edits, store):
    return ganbench.score(edits, toy_protocol(), name="My method", url="https://x.org", store=store)


@pytest.fixture(scope="module")
def in_memory(painter, store):
    opened = toy_protocol()
    return evaluate({"painter": painter}, opened.dataset, opened.judge, store=store)


@pytest.fixture(scope="module")
def run(place, edits, store):
    """The run folder of the edits."""
    scoring = prepare_scoring(edits, toy_protocol(), About("My method"), store=store)
    perform(scoring.plan)
    write_run(scoring.finish(), place / "run", [], scoring.plan, {PICTURES: scoring.pictures})
    return place / "run"


def test_scores_of_files_are_those_in_memory_but_for_8_bits(scored, in_memory):
    ours, theirs = scored.results, in_memory.results
    compared = 0
    for record in theirs.records:
        if record.method != "painter":
            continue
        found = ours.find("my-method", record.metric, record.emotion, record.variant)
        assert found is not None, record
        assert (found.n, found.unit, found.version) == (record.n, record.unit, record.version)
        if record.value is not None:
            # Half a step of 8 bits, in units of values in [0, 1] and of percentages of them.
            assert found.value == pytest.approx(record.value, rel=2e-2, abs=0.5 / 255), record
            compared += 1
    assert compared > 20
    # Verdicts of this judge do not depend on half a step, so that they are equal.
    assert np.array_equal(scored.predictions["my-method"], in_memory.predictions["painter"])
    assert ours.protocol == theirs.protocol
    assert ours.protocol_name == f"own:{theirs.protocol_hash[:8]}"


def test_a_row_tells_what_it_is(scored):
    facts = scored.results.methods["my-method"]
    assert (facts["title"], facts["url"]) == ("My method", "https://x.org")
    assert len(facts["weights"]) == len(facts["pictures"]) == 64


def test_a_second_scoring_reads_the_store(edits, store, scored):
    opened = toy_protocol()
    scoring = prepare_scoring(edits, opened, About("My method"), store=store)
    perform(scoring.plan)
    assert scoring.plan.pieces.computed == 0
    assert scoring.finish().results.records == scored.results.records
    assert opened.judge.judged == 0


def test_one_other_picture_is_another_row(edits, store, scored, tmp_path):
    shutil.copytree(edits, tmp_path / "other")
    path = tmp_path / "other" / "00003-sad.png"
    pixels = np.array(Image.open(path))
    pixels[5, 5] += 1
    Image.fromarray(pixels).save(path)
    other = ganbench.score(tmp_path / "other", toy_protocol(), name="My method", store=store)
    before, after = (x.results.methods["my-method"] for x in (scored, other))
    assert before["pictures"] != after["pictures"]
    assert before["weights"] != after["weights"]
    assert other.results.records != scored.results.records


def test_compression_of_files_changes_nothing(edits, store, scored, tmp_path):
    (tmp_path / "again").mkdir()
    for path in edits.iterdir():
        Image.open(path).save(tmp_path / "again" / path.name, compress_level=0)
    again = ganbench.score(tmp_path / "again", toy_protocol(), name="My method", url="https://x.org", store=store)  # fmt: skip
    assert again.results.to_json() == scored.results.to_json()


def test_rows_of_other_runs_have_paired_differences(edits, store, painter, scored):
    """Joined rows are those of one evaluation of both methods."""
    opened = toy_protocol()
    worse = Painter(leak=0.1, wrong=1).eval()
    both = evaluate({"painter": painter, "worse": worse}, opened.dataset, opened.judge, store=store)
    alone = [
        evaluate({name: method}, opened.dataset, opened.judge, store=store)
        for name, method in (("painter", painter), ("worse", worse))
    ]
    found = joined(alone[0], [gate.Run(alone[1].results, alone[1].predictions)])
    assert set(found.results.records) == set(both.results.records)
    assert any(r.interval.startswith("paired") for r in found.results.records)
    assert list(found.predictions) == ["painter", "worse"]
    assert found.results.confusion.keys() == both.results.confusion.keys()


def test_rows_of_another_protocol_or_name_are_refused(scored, store, painter):
    opened = toy_protocol(14)
    fewer = evaluate({"painter": painter}, opened.dataset, opened.judge, store=store)
    with pytest.raises(BadInput, match=r"a run of another protocol: own:\w+ is not own:"):
        joined(scored, [gate.Run(fewer.results, {})])
    with pytest.raises(BadInput, match="name given twice: My method"):
        joined(scored, [gate.Run(scored.results, {})])


def test_a_part_is_scored_as_such(edits, store, scored, tmp_path):
    shutil.copytree(edits, tmp_path / "part")
    (tmp_path / "part" / "00002-happy.png").unlink()
    with pytest.raises(BadInput, match=r"1 edit missing: 00002-happy\.png; write them"):
        ganbench.score(tmp_path / "part", toy_protocol(), store=store)
    part = ganbench.score(tmp_path / "part", toy_protocol(), partial=True, store=store)
    assert part.results.protocol["data"]["images"] == IMAGES - 1
    assert part.results.protocol_hash != scored.results.protocol_hash
    assert part.results.protocol_name == f"a part of folder: {IMAGES - 1} of {IMAGES} images"
    report = gate.compare(
        gate.Run(part.results, {}),
        gate.Run(scored.results, {}),
        gate.tolerances({r.metric for r in part.results.records}, None),
    )
    assert report.exit_code == 3  # nothing is comparable


def test_a_run_is_verified(run, edits):
    found = verify(run, edits, toy_protocol(), images=None)
    assert (found.pictures, found.of, found.faults) == (7 * IMAGES, 7 * IMAGES, ())
    assert verify(run, edits, toy_protocol(), images=3).pictures == 21
    with pytest.raises(BadInput, match="a run of no named protocol"):
        protocol_of(run)


def test_what_score_returns_is_saved_as_a_run_that_is_verified(
    scored, edits, tmp_path, monkeypatch
):
    monkeypatch.setattr(cached_scene, "DPI", 30)
    page = scored.save(tmp_path / "saved")
    assert "My method" in page.read_text(encoding="utf-8")
    assert (tmp_path / "saved" / PICTURES).exists()
    assert not verify(tmp_path / "saved", edits, toy_protocol(), images=3).faults
    assert scored.table().index.tolist()[:2] == ["Real", "My method"]
    assert scored.figure("grid_my-method").size[0] > 100


def test_another_picture_is_found(run, edits, tmp_path):
    shutil.copytree(edits, tmp_path / "edits")
    shutil.copy(edits / "00000-sad.png", tmp_path / "edits" / "00009-sad.png")
    (tmp_path / "edits" / "00004-angry.png").unlink()
    found = verify(run, tmp_path / "edits", toy_protocol(), images=None)
    assert len(found.faults) == 2
    assert "00009-sad.png is not the picture that was scored" in found.faults
    assert any(fault.startswith("00004-angry.png cannot be read") for fault in found.faults)


def test_verdicts_that_the_judge_does_not_give_are_found(run, edits, tmp_path):
    """Hashes alone would pass: the numbers must come from the pictures, too."""
    shutil.copytree(run, tmp_path / "run")
    results = gate.load(run)
    judged = results.predictions["my-method"].copy()
    judged[0, 3] = (judged[0, 3] + 1) % 7
    # A forger who also adapts the accuracy and the manifest.
    table = json.loads((run / "results.json").read_text())
    share = 100 * (judged == np.arange(7)).mean()
    for record in table["records"]:
        if (record["metric"], record["method"], record["emotion"], record["variant"]) == ("accuracy", "my-method", None, ""):  # fmt: skip
            record.update(value=share, low=share - 9, high=share + 9)
    (tmp_path / "run" / "results.json").write_text(json.dumps(table))
    (tmp_path / "run" / "predictions.npz").write_bytes(gate.to_npz({"my-method": judged}))
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest["files"]["results.json"], manifest["files"]["predictions.npz"]
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest))
    found = verify(tmp_path / "run", edits, toy_protocol(), images=None)
    assert len(found.faults) == 1
    assert "is judged as" in found.faults[0]


def test_hashes_of_another_run_are_refused(run, edits, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    text = (run / PICTURES).read_text().splitlines()
    text[1] = text[1].split(",")[0] + "," + "0" * 64
    (tmp_path / "run" / PICTURES).write_text("\n".join(text) + "\n")
    with pytest.raises(BadInput, match=r"is not the file that manifest\.json names"):
        verify(tmp_path / "run", edits, toy_protocol())
    (tmp_path / "run" / "manifest.json").unlink()
    with pytest.raises(BadInput):
        verify(tmp_path / "run", edits, toy_protocol())
    with pytest.raises(BadInput, match="not of folder"):
        verify(run, edits, toy_protocol(35))


def test_the_page_shows_the_row(run):
    page = (run / "report.html").read_text()
    assert "My method" in page
    assert "Protocol: own:" in page
    assert (run / "grid_my-method.png").is_file()
    assert "own:" in (run / "table1.csv").read_text()
    assert len((run / PICTURES).read_text().splitlines()) == 7 * IMAGES + 1


def test_files_that_change_while_they_are_scored_are_an_error(edits, place, tmp_path):
    shutil.copytree(edits, tmp_path / "edits")
    scoring = prepare_scoring(
        tmp_path / "edits", toy_protocol(), About("x"), store=Store(tmp_path / "store")
    )
    shutil.copy(edits / "00000-sad.png", tmp_path / "edits" / "00020-sad.png")
    with pytest.raises(BadInput, match=r"changed since it was checked: .*00020-sad\.png"):
        perform(scoring.plan)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("My method", "my-method"),
        ("GAN++ v1.2", "gan++-v1.2"),
        ("表情", "edits"),
        ("Édité", "edite"),
    ],
)
def test_a_name_becomes_a_label(name, label):
    assert About(name).label == label


@pytest.mark.parametrize("name", ["GGANmut", "smit", "real", "x" * 80])
def test_names_of_other_rows_are_refused(name):
    with pytest.raises(BadInput, match="choose another --name"):
        _ = About(name).label
