"""What a row must pass: each fault is found, in one line, and a good row has none."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from fake_rows import PROTOCOL, hashes_of, results_of, write_manifest, write_row

from ganbench.gate.predictions import to_npz
from ganbench.leaderboard.adding import sample_of
from ganbench.leaderboard.checks import check
from ganbench.protocols.definition import folder_of
from ganbench.records import NAME, Results
from ganbench.storage.store import digest
from ganbench.submission.tasks import task_id


def never(name):
    raise AssertionError(f"opened {name}, although nothing could be verified")


# A made-up row has no edits, and everything else.
UNPROVEN = "edits of its sample are missing"


def faults_of(folder, opened=lambda name: None, **options):
    return [str(fault) for fault in check(folder, opened, **options).faults]


def mend(place, change):
    """Change results.json as a hand would, and name the files of the folder anew."""
    table = json.loads((place / "results.json").read_text())
    change(table)
    (place / "results.json").write_text(json.dumps(table))
    write_manifest(place)


def rewrite(place, **changes):
    """Replace fields of the results and write them by their own rules."""
    replace(Results.load(place), **changes).save(place / "results.json")
    write_manifest(place)


def records_with(place, metric, **changes):
    """The records of a row, with changes in the headline of a metric."""
    return tuple(
        replace(r, **changes) if (r.metric, r.method) == (metric, "mine") and r.headline else r
        for r in Results.load(place).records
    )


@pytest.fixture
def place(tmp_path):
    return write_row(tmp_path / "results" / "mine", "mine")


def test_a_made_up_row_lacks_nothing_but_its_edits(place):
    (fault,) = faults_of(place.parent)
    assert fault.startswith(f"mine: {UNPROVEN}: edits/")
    assert "48 more of 49 edits" in fault


def drop(name):
    return lambda place: (place / name).unlink()


def write(name, content):
    return lambda place: (place / name).write_bytes(content)


def facts(**changes):
    return lambda place: mend(place, lambda table: table["methods"]["mine"].update(changes))


def without_verdicts(place):
    (place / "predictions.npz").write_bytes(to_npz({}))
    write_manifest(place)


def without_ere(place):
    made, predictions = results_of("mine")
    records = tuple(r for r in made.records if r.metric != "ere")
    (place / "predictions.npz").write_bytes(to_npz(predictions, records))
    rewrite(place, records=records)


def swapped(place):
    """The right number of right verdicts, but for other emotions."""
    made, predictions = results_of("mine")
    judged = predictions["mine"].copy()
    right = judged == np.arange(7)
    rows = np.flatnonzero(right[:, 1] & ~right[:, 2])
    judged[rows, 1], judged[rows, 2] = 0, 2
    (place / "predictions.npz").write_bytes(to_npz({"mine": judged}, made.records))
    write_manifest(place)


def another_protocol(place):
    table = json.loads((place / "results.json").read_text())
    table["protocol"]["judge"]["fingerprint"] = "0" * 64
    results = Results.load(place)
    rewrite(place, protocol=results.protocol | {"judge": table["protocol"]["judge"]})


def short_hashes(place):
    hashes = {task_id(row, target): "ab" * 32 for row in range(3) for target in range(7)}
    lines = "".join(f"{name},{value}\n" for name, value in hashes.items())
    (place / "pictures.csv").write_text(f"id,sha256\n{lines}")
    facts(pictures=digest(hashes))(place)


def bad_hash(place):
    hashes = hashes_of("mine") | {"00003-sad": "<script>"}
    lines = "".join(f"{name},{value}\n" for name, value in hashes.items())
    (place / "pictures.csv").write_text(f"id,sha256\n{lines}")
    facts(pictures=digest(hashes))(place)


@pytest.mark.parametrize(
    ("damage", "message", "unread"),
    [
        (write("results.json", b"{"), "not JSON", True),
        (write("results.json", b'{"schema": 9}'), "schema 9", True),
        (lambda p: mend(p, lambda t: t.pop("records")), "'records' is missing", True),
        (lambda p: mend(p, lambda t: t["protocol"]["data"].update(images=7)), "protocol and its hash disagree", True),
        (drop("pictures.csv"), "cannot read", True),
        (write("pictures.csv", b"id,sha256\n00000-sad,1\n"), "disagree", True),
        (drop("manifest.json"), "no manifest.json", False),
        (drop("edits_truth.webp"), "missing or unreadable: edits_truth.webp", False),
        (write("edits_truth.webp", b"RIFF    WEBP"), "changed: edits_truth.webp", False),
        (drop("predictions.npz"), "missing or unreadable: predictions.npz", False),
        (facts(url="javascript:alert(1)"), "not a web address: 'javascript:alert(1)'", False),
        (facts(url=7), "not a web address: 7", False),
        (facts(paper="x" * 301), "paper is no text of at most 300", False),
        (facts(trained_on=["faces"]), "trained_on is no text", False),
        (facts(title=" "), "no name in print", False),
        (facts(reference=True), "a point of reference: mine", False),
        (facts(title="GANimation"), "the same name: GANimation as GANimation of ganbench", False),
        (lambda p: rewrite(p, records=records_with(p, "fed", version=9)), "other versions of metrics: fed 9", False),
        (without_ere, "no number for: ere", False),
        (without_verdicts, "no verdicts of mine", False),
        (swapped, "accuracy of happy is", False),
        (lambda p: rewrite(p, confusion={}), "confusion and predictions.npz disagree", False),
        (lambda p: rewrite(p, confusion={"mine": [[[1, 2], [3]]]}), "confusion and predictions.npz disagree", False),
        (write("notes.txt", b""), "a file that manifest.json does not name: notes.txt", False),
        (lambda p: (p / "edits").symlink_to("/"), "a link: edits", False),
        (another_protocol, "not faces64-v1: judge fingerprint 38e3e32a -> 00000000", False),
        (lambda p: rewrite(p, seed=3), "not faces64-v1: seed 0 -> 3", False),
        (lambda p: rewrite(p, protocol=Results.load(p).protocol | {"version": 9, NAME: "own:1"}), "no named protocol: own:1", False),
        (lambda p: rewrite(p, protocol=Results.load(p).protocol | {"version": 9, NAME: "a part of faces64-v1: 7 of 700 images"}), "a part of the tasks", False),
        (short_hashes, "21 hashes, and faces64-v1 has 4,900 tasks", False),
        (bad_hash, "not a sha256 in pictures.csv: that of 00003-sad", False),
        (lambda p: write("edits_mine.webp", b"RIFF    WEBPnothing")(p) or write_manifest(p), "cannot decode: edits_mine.webp", False),
        (lambda p: drop("edits_mine.webp")(p) or write_manifest(p, ["results.json", "predictions.npz", "pictures.csv"]), "no edits_mine.webp", False),
    ],
)  # fmt: skip
def test_each_fault_is_found_and_told_in_a_line(place, damage, message, unread):
    damage(place)
    found = check(place.parent, lambda name: None)
    texts = [str(fault) for fault in found.faults]
    assert any(message in text for text in texts), texts
    assert all("\n" not in text and text.startswith("mine: ") and "; " in text for text in texts)
    assert found.exit_code == (2 if unread else 1)


def test_impossible_numbers_are_found(place):
    rewrite(place, records=records_with(place, "background", value=-5.0))
    (place / "predictions.npz").unlink()
    assert any("impossible numbers: background" in text for text in faults_of(place.parent))


def test_a_manifest_may_name_files_of_its_folder_only(place):
    table = json.loads((place / "manifest.json").read_text())
    table["files"]["../../secret"] = "0" * 64
    (place / "manifest.json").write_text(json.dumps(table))
    assert any(
        "a file outside of the folder: ../../secret" in text for text in faults_of(place.parent)
    )


def test_one_row_under_two_names_is_found(tmp_path):
    write_row(tmp_path / "a", "mine")
    write_row(tmp_path / "b", "other", title="MINE")
    assert any("b: the same name: MINE as Mine of a" in text for text in faults_of(tmp_path))
    write_row(tmp_path / "b", "other", pictures="mine")
    faults = faults_of(tmp_path)
    assert any("b: the same weights or pictures as Mine of a" in text for text in faults)


def test_pictures_that_two_rows_share_are_counted(tmp_path):
    write_row(tmp_path / "a", "mine")
    place = write_row(tmp_path / "b", "other")
    hashes = hashes_of("other") | dict(list(hashes_of("mine").items())[:2800])
    lines = "".join(f"{name},{value}\n" for name, value in hashes.items())
    (place / "pictures.csv").write_text(f"id,sha256\n{lines}")
    mend(place, lambda table: table["methods"]["other"].update(pictures=digest(hashes)))
    assert any(
        "2,800 of 4,900 pictures the same as Mine of a" in text for text in faults_of(tmp_path)
    )


def test_reference_values_alone_are_a_note(tmp_path):
    shutil.copytree(str(folder_of(PROTOCOL)), tmp_path / "run")
    write_manifest(tmp_path / "run", [path.name for path in (tmp_path / "run").iterdir()])
    found = check(tmp_path, never)
    assert (found.faults, found.exit_code) == ([], 0)
    assert found.notes == ["run: all of its rows are reference values of ganbench"]


def test_a_row_without_pictures_passes_only_by_trust(tmp_path):
    """The numbers of a run of ``ganbench eval`` are as good as whoever sends them."""
    place = write_row(tmp_path / "run", "mine")
    results = Results.load(place)
    del results.methods["mine"]["pictures"]
    results.save(place / "results.json")
    (place / "pictures.csv").unlink()
    write_manifest(place, [path.name for path in place.iterdir() if path.name != "manifest.json"])
    (fault,) = check(tmp_path, never).faults
    assert "no hashes of pictures: mine, which ganbench ran from" in fault.text
    trusted = check(tmp_path, never, allow_unverified=True)
    assert (trusted.faults, trusted.exit_code) == ([], 0)
    assert "no hashes of pictures: mine" in trusted.notes[0]


def test_nobody_can_choose_the_images_that_prove_a_row():
    hashes = hashes_of("mine")
    chosen = sample_of(hashes, 7)
    assert len(set(chosen)) == 7
    assert chosen == sorted(chosen) == sample_of(dict(reversed(hashes.items())), 7)
    assert set(chosen) <= set(sample_of(hashes, 20))
    assert chosen != sample_of(hashes | {"00000-sad": "0" * 64}, 7)
    drawn = [row for name in map(str, range(60)) for row in sample_of(hashes_of(name), 7)]
    assert np.histogram(drawn, 4, (0, 700))[0].min() > 70  # 105 are expected in each quarter


def test_the_report_for_programs_tells_the_same(place):
    table = json.loads(json.dumps(check(place.parent, lambda name: None).as_json()))
    assert table["rows"] == [
        {"folder": "mine", "row": "mine", "protocol": PROTOCOL, "verified": 0, "pictures": 4900}
    ]
    (fault,) = table["faults"]
    assert (fault["folder"], fault["unread"]) == ("mine", False)
    assert re.match(UNPROVEN, fault["fault"])
