"""Verdicts, and the command as CI meets it."""

import contextlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from doctored import K, number, predictions, run

from ganbench.cli import cli
from ganbench.errors import BadInput
from ganbench.gate import PREDICTIONS, compare, load, to_npz, tolerances
from ganbench.metrics import Influence

JUDGED = {"smit": predictions(np.random.default_rng(0), np.full((700, K), 0.9))}
WORSE = {"smit": predictions(np.random.default_rng(1), np.full((700, K), 0.6))}


def verdicts(base, head, **given):
    metrics = {r.metric for r in (*base.results.records, *head.results.records)}
    report = compare(base, head, given.get("tolerances") or tolerances(metrics))
    return report, {(c.record.metric, c.record.emotion): c for c in report.comparisons}


def save(folder, made, kept=False):
    folder.mkdir()
    made.results.save(folder / "results.json")
    if kept:
        (folder / PREDICTIONS).write_bytes(to_npz(made.predictions, made.results.records))
    return folder


@pytest.mark.parametrize(
    ("metric", "before", "after", "status"),
    [
        ("fed", 100.0, 111.0, "worse"),
        ("fed", 100.0, 89.0, "better"),
        ("fed", 100.0, 104.0, "same"),
        ("ere", 0.5, 0.52, "same"),
        ("ere", 0.5, 0.54, "worse"),
    ],
)
def test_without_an_interval_the_margin_decides_and_says_so(metric, before, after, status):
    _, found = verdicts(run(JUDGED, [number(metric, before)]), run(JUDGED, [number(metric, after)]))
    c = found[metric, None]
    assert (c.status, c.test, c.p) == (status, "no interval", None)


def test_worse_takes_margin_and_significance():
    def fed(value, half):
        return run(JUDGED, [number("fed", value, low=value - half, high=value + half)])

    def status(*pair):
        return verdicts(*pair)[1]["fed", None].status

    assert status(fed(100, 1), fed(120, 1)) == "worse"
    assert status(fed(100, 30), fed(120, 30)) == "same"  # noise may explain it
    assert status(fed(100, 0.1), fed(104, 0.1)) == "same"  # real, but nobody cares


def test_new_and_gone_numbers_and_reported_ones():
    reported = replace(number("fed", 1.0), metric="diversity", direction="reported")
    base = run(JUDGED, [number("fed", 1.0), reported])
    head = run(JUDGED, [number("ere", 0.5), replace(reported, value=99.0)])
    report, found = verdicts(base, head)
    assert [found[m, None].status for m in ("fed", "ere", "diversity")] == ["gone", "new", "same"]
    assert report.exit_code == 1
    assert verdicts(base, run(JUDGED, [number("fed", 1.0)]))[0].exit_code == 0


@pytest.mark.parametrize(
    "other", [{"n": 699}, {"version": 2}, {"unit": "miles"}, {"direction": "higher"}]
)
def test_numbers_of_other_identity_are_not_compared(other):
    fed = number("fed", 100.0)
    changed = replace(fed, value=900.0, **other)
    report, found = verdicts(run(JUDGED, [fed]), run(JUDGED, [changed]))
    c = found["fed", None]
    assert (c.status, report.exit_code) == ("not comparable", 0)
    assert next(iter(other)) in c.reason


def test_another_protocol_is_named_and_leaves_nothing_to_compare():
    report, found = verdicts(run(JUDGED), run(WORSE, judge="face-api"))
    assert report.exit_code == 3
    assert "judge vgg -> face-api" in found["accuracy", None].reason
    few = {"smit": JUDGED["smit"][:70]}
    reason = verdicts(run(JUDGED), run(few))[1]["accuracy", None].reason
    assert "data images 700 -> 70" in reason


def test_the_file_of_tolerances_overrides_single_margins(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[accuracy]\nmargin = 50\ncell = 60\n")
    mine = tolerances(["accuracy"], file)
    assert verdicts(run(JUDGED), run(WORSE))[0].exit_code == 1
    assert verdicts(run(JUDGED), run(WORSE), tolerances=mine)[0].exit_code == 0
    assert mine["fed"] == tolerances([])["fed"]
    for text, cause in (
        ("[acuracy]\nmargin = 1", "did you mean 'accuracy'"),
        ("[accuracy]\nmargin = -1", "0 or more"),
        ("accuracy = 1", "not a table"),
    ):
        file.write_text(text)
        with pytest.raises(BadInput, match=cause):
            tolerances(["accuracy"], file)


def test_predictions_return_as_written_and_must_be_those_of_the_results(tmp_path):
    folder = save(tmp_path / "a", run(JUDGED, kept=True), kept=True)
    assert np.array_equal(load(folder / "results.json").predictions["smit"], JUDGED["smit"])
    for data in (to_npz(WORSE), to_npz({"smit": JUDGED["smit"][:, :3]}), b"junk"):
        (folder / PREDICTIONS).write_bytes(data)
        with pytest.raises(BadInput, match=PREDICTIONS):
            load(folder)


@pytest.mark.parametrize("freedom", [0.0, 17.5])
def test_influence_values_return_as_written_and_must_be_those_of_the_results(tmp_path, freedom):
    influence = Influence(np.random.default_rng(0).standard_normal(20), freedom)
    fed = number("fed", 9.0, low=8.0, high=10.0, influence=influence)
    made = run(JUDGED, [fed, replace(fed, emotion="happy"), replace(fed, variant="anchor")], True)
    folder = save(tmp_path / "a", made, kept=True)
    read = load(folder).results
    for before, after in zip(influence, read.find("smit", "fed").influence, strict=True):
        assert after == pytest.approx(before, rel=1e-6)
    assert read.find("smit", "accuracy").influence  # of all headlines, and of nothing else
    assert read.find("smit", "fed", "happy").influence is None
    assert read.find("smit", "fed", variant="anchor").influence is None
    assert "influence" not in (folder / "results.json").read_text()
    for other in (
        replace(fed, value=9.1),
        replace(fed, method="nobody"),
        replace(fed, influence=influence.scaled(np.nan)),
        replace(fed, influence=Influence(influence.parts, -1.0)),
    ):
        (folder / PREDICTIONS).write_bytes(to_npz(JUDGED, [other]))
        with pytest.raises(BadInput, match=PREDICTIONS):
            load(folder)


@pytest.mark.parametrize("pairs", [0, 190])
def test_influence_values_of_early_versions_have_the_opposite_sign_and_no_freedom(tmp_path, pairs):
    parts = np.random.default_rng(0).standard_normal(20)
    folder = save(tmp_path / "a", run(JUDGED, [number("fed", 9.0, low=8.0, high=10.0)]), kept=True)
    array = np.array([20, 9.0, *parts, *np.ones(pairs)], np.float32)
    np.savez(folder / PREDICTIONS, **{"smit/fed": array})
    read = load(folder).results.find("smit", "fed").influence
    assert read.parts == pytest.approx(-parts, rel=1e-6)
    assert read.freedom == 0


def test_damaged_files_are_bad_input_whatever_the_damage(tmp_path):
    folder = save(tmp_path / "a", run(JUDGED, kept=True), kept=True)
    data = (folder / PREDICTIONS).read_bytes()
    random = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(data)
        damaged[random.integers(len(data))] ^= 1 << random.integers(8)
        (folder / PREDICTIONS).write_bytes(damaged)
        with contextlib.suppress(BadInput):
            load(folder)
    text = (folder / "results.json").read_text()
    (folder / "results.json").write_text(
        text.replace('"note": ""', '"note": "", "influence": [1]', 1)
    )
    with pytest.raises(BadInput, match="influence"):
        load(folder)


def test_differences_of_methods_are_not_compared_themselves():
    apart = number("fed", 5.0, variant="minus stargan", direction="reported")
    _, found = verdicts(run(JUDGED, [apart]), run(JUDGED, []))
    assert ("fed", None) not in found


def test_the_command_prints_for_people_machines_and_pull_requests(tmp_path):
    base = save(tmp_path / "base", run(JUDGED, kept=True), kept=True)
    head = save(tmp_path / "head", run(WORSE, [number("ere", 0.5)], kept=True), kept=True)

    def command(*options):
        return CliRunner().invoke(cli, ["compare", str(base), str(head), *options])

    for_people = command()
    assert for_people.exit_code == 1
    first = for_people.output.splitlines()[1]
    assert first.split()[:3] == ["worse", "smit", "accuracy"]
    assert "paired" in first
    assert "caught in 95 %" in for_people.output

    table = json.loads(command("--json").output)
    assert (table["schema"], table["exit_code"], table["verdict"]) == (1, 1, "worse")
    worst = next(c for c in table["comparisons"] if c["emotion"] is None and c["status"] == "worse")
    assert worst["change"] == pytest.approx(worst["head"]["value"] - worst["base"]["value"])
    assert worst["p"] < 1e-6

    markdown = command("--markdown").output
    assert "| **worse** | smit | accuracy |" in markdown
    assert markdown.index("**worse**") < markdown.index("| new |")

    lenient = tmp_path / "lenient.toml"
    lenient.write_text("[accuracy]\nmargin = 50\ncell = 60\n")
    assert command("--tolerance", str(lenient)).exit_code == 0
    assert command("--json", "--tolerance", str(lenient)).exit_code == 0
    with pytest.raises(BadInput, match="drop one"):
        CliRunner().invoke(
            cli, ["compare", str(base), str(head), "--json", "--markdown"], catch_exceptions=False
        )


@pytest.mark.parametrize(("width", "below"), [(60, True), (80, True), (120, False), (None, False)])
def test_the_table_of_a_comparison_is_whole_on_any_terminal(tmp_path, monkeypatch, width, below):
    if width:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(width))
    name = "stargan-of-a-long-name"
    judged = [{name: made["smit"]} for made in (JUDGED, WORSE)]
    feds = [number("fed", fed, name, low=fed - 1, high=fed + 1) for fed in (100.0, 111.0)]
    base, head = (
        save(tmp_path / place, run(seen, [fed], kept=True), kept=True)
        for place, seen, fed in zip(("base", "head"), judged, feds, strict=True)
    )
    printed = CliRunner().invoke(cli, ["compare", str(base), str(head)]).output
    plain = re.sub(r"\x1b\[[0-9;]*m", "", printed)
    table = plain[: plain.index("Worse: ")]
    assert "…" not in table
    assert ("margin 5" in table) == below
    for cell in ("worse", "accuracy", "fed", "100", "111", "+11", "intervals", "paired"):
        assert cell in table
    # A name that does not fit is folded; its letters stand below each other, all of them.
    assert table.count("n" if width == 60 else name) >= 2
    assert width is None or all(len(line) <= width for line in table.splitlines())


def test_the_last_bits_of_another_processor_raise_no_alarm():
    """Sums in another order: every number moves a little, and a few edits change sides."""
    random = np.random.default_rng(2)
    moved = {"smit": JUDGED["smit"].copy()}
    for i, c in zip(random.integers(700, size=5), random.integers(K, size=5), strict=True):
        moved["smit"][i, c] = c if moved["smit"][i, c] != c else (c + 1) % K
    numbers = [number("fed", 100.0, low=95.0, high=105.0), number("background", 0.02)]
    near = [replace(r, value=r.value * (1 + 1e-6 * random.standard_normal())) for r in numbers]
    base, head = run(JUDGED, numbers, kept=True), run(moved, near, kept=True)
    report, found = verdicts(base, head)
    assert report.exit_code == 0
    assert {c.status for c in found.values()} == {"same"}


def test_the_command_ends_with_the_promised_codes(tmp_path, call):
    good = save(tmp_path / "good", run(JUDGED))
    bad = save(tmp_path / "bad", run(WORSE))
    other = save(tmp_path / "other", run(JUDGED, judge="face-api"))
    missing = tmp_path / "missing"
    for head, code in ((good, 0), (bad, 1), (missing, 2), (other, 3)):
        assert call("compare", good, head)[0] == code
