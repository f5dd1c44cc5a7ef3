"""Rows of run folders, their boards, and what a board says: ranks, winners, the Pareto front."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from fake_rows import PROTOCOL, hashes_of, results_of, write_manifest, write_row

from ganbench.errors import BadInput
from ganbench.leaderboard.boards import as_json, make_boards
from ganbench.leaderboard.front import HEIGHT, LEFT, WIDTH, front, make_chart
from ganbench.leaderboard.rows import frozen_of, read_rows, run_folders
from ganbench.leaderboard.views import emotion_tables, group_tables, main_table, ranks_in_words
from ganbench.metrics import METRICS
from ganbench.protocols.definition import folder_of
from ganbench.report.ties import difference_of
from ganbench.scoring import REAL, TRUTH

SHIPPED = {"linear", "gaussian", "stargan", "ganimation", "smit", "stargan-v2"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("results")
    write_row(place / "deep" / "mine", "mine", "smit")
    return place


@pytest.fixture(scope="module")
def board(place):
    (board,) = make_boards([row for folder in run_folders(place) for row in read_rows(folder)])
    return board


def test_a_scored_run_is_one_row_with_its_pictures(place):
    (folder,) = run_folders(place)
    (row,) = read_rows(folder)
    assert (row.label, row.title, row.kind, row.version) == ("mine", "Mine", "files", "0.1.0")
    assert row.hashes == hashes_of("mine")
    assert row.sprites.keys() == {REAL, TRUTH, "mine"}
    assert row.run.results.protocol_name == PROTOCOL


def test_rows_of_the_package_and_of_other_runs_are_not_the_runs_own(tmp_path):
    """A run of ``ganbench score`` holds the reference values, and those of ``--beside``, too."""
    made, _ = results_of("mine")
    other, _ = results_of("beside")
    frozen = frozen_of(PROTOCOL).results
    full = replace(
        made,
        methods=frozen.methods | other.methods | made.methods,
        records=(*frozen.records, *(r for r in other.records if r.method == "beside"), *(r for r in made.records if r.method == "mine")),
        confusion=frozen.confusion | other.confusion | made.confusion,
    )  # fmt: skip
    write_row(tmp_path / "run", "mine", results=full)
    assert [row.label for row in read_rows(tmp_path / "run")] == ["mine"]


def test_an_evaluation_of_the_shipped_methods_alone_adds_no_row(tmp_path):
    shutil.copytree(str(folder_of(PROTOCOL)), tmp_path / "run")
    assert read_rows(tmp_path / "run") == []
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    results["methods"]["smit"]["weights"] = "0" * 64
    (tmp_path / "run" / "results.json").write_text(json.dumps(results))
    (row,) = read_rows(tmp_path / "run")
    assert (row.label, row.kind) == ("smit", "network")


def test_the_protocol_is_named_by_what_it_is(tmp_path):
    made, _ = results_of("mine")
    written = replace(made, seed=1, protocol=made.protocol | {"name": "faces64-v1"})
    write_row(tmp_path / "run", "mine", results=written)
    (row,) = read_rows(tmp_path / "run")
    assert row.run.results.protocol_name == f"own:{made.protocol_hash[:8]}"


def test_the_shipped_methods_and_the_points_of_reference_stand_on_the_board(board):
    assert board.name == PROTOCOL
    assert set(board.competing) == SHIPPED | {"mine"}
    values = [board.value(label, "accuracy") for label in board.competing]
    assert values == sorted(values, reverse=True)
    assert board.order[-4:] == ["another-person", "unedited", TRUTH, REAL]
    assert board.sprites.keys() == {*board.rows, REAL, TRUTH}


def test_differences_are_paired_over_all_rows(board):
    """The row is SMIT's under another name: on the same images there is no difference, to the last bit."""
    assert difference_of(board.results, "fed", "mine", "smit") == (0, 0, 0)
    lead = difference_of(board.results, "accuracy", "stargan", "mine")
    assert lead[1] > 0
    assert board.ranks["accuracy"]["mine"] == board.ranks["accuracy"]["smit"]
    first, last = board.ranks["accuracy"]["mine"]
    assert last == 5
    assert first == 2
    assert board.ranks.keys() == {
        name for name in board.specs if METRICS[name].direction != "reported"
    } - {"calibration"}


def test_a_table_marks_ties_and_no_lone_first(board):
    table = main_table(board)
    words = ranks_in_words(board, table)
    for place, column in enumerate(table.columns):
        for row in table.rows:
            rank = words[row.name][place]
            assert row.cells[place].best == (rank.split("–")[0] == "1"), (row.name, column.title)
            assert not (rank and not row.competes)
    titles = [column.title for column in table.columns]
    assert titles[:2] == ["Accuracy", "Accuracy, face-api"]
    assert len(set(titles)) == len(titles)
    assert {"FED", "Identity", "Ground-truth error", "Landmark error"} <= set(titles)


def test_tables_by_emotion_and_group_have_every_row(board):
    by_emotion, by_group = emotion_tables(board), group_tables(board)
    accuracy = by_emotion["Accuracy ↑"]
    assert [row.name for row in accuracy.rows] == board.order
    assert len(accuracy.columns) == 8
    record = board.results.find("mine", "accuracy", "happy")
    row = next(row for row in accuracy.rows if row.name == "mine")
    assert row.cells[1].value == record.value
    identity = by_group["Identity ↑"]
    assert {column.title.split(":")[0] for column in identity.columns} == {"age", "sex", "ancestry", "pose", "light"}  # fmt: skip


def test_other_programs_can_read_a_board(board):
    table = json.loads(json.dumps(as_json(board)))
    row = next(row for row in table["rows"] if row["label"] == "mine")
    assert row["url"] == "https://example.org/x?y=1&z"
    assert row["values"]["accuracy"]["value"] == board.value("mine", "accuracy")
    assert row["values"]["accuracy"]["ranks"] == [2, 5]


def test_names_that_are_taken_are_refused(tmp_path):
    write_row(tmp_path / "a", "mine")
    write_row(tmp_path / "b", "other", title="GANimation")
    rows = [row for folder in run_folders(tmp_path) for row in read_rows(folder)]
    with pytest.raises(BadInput, match="name given twice: GANimation"):
        make_boards(rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: (p / "pictures.csv").write_text("id,sha256\n00000-sad,0\n"), "disagree"),
        (lambda p: (p / "pictures.csv").unlink(), "cannot read"),
        (lambda p: (p / "results.json").write_text("{"), "not JSON"),
        (lambda p: (p / "edits_mine.webp").write_bytes(b"GIF89a"), "not a WebP"),
    ],
)
def test_damaged_folders_are_bad_input(tmp_path, change, message):
    place = write_row(tmp_path / "run", "mine")
    change(place)
    write_manifest(place, ["edits_mine.webp"])
    with pytest.raises(BadInput, match=message):
        read_rows(place)


def test_labels_that_could_leave_the_folder_are_refused(tmp_path):
    place = write_row(tmp_path / "run", "mine")
    text = (place / "results.json").read_text().replace('"mine"', '"../../mine"')
    (place / "results.json").write_text(text)
    (place / "predictions.npz").unlink()
    write_manifest(place, ["results.json"])
    with pytest.raises(BadInput, match="not a label for files"):
        read_rows(place)


def test_a_folder_without_runs_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="no run folder in"):
        run_folders(tmp_path)
    with pytest.raises(BadInput, match="no folder of results"):
        run_folders(tmp_path / "none")


# -- the front -----------------------------------------------------------------------------------------


def test_the_front_has_all_that_nothing_exceeds():
    random = np.random.default_rng(0)
    points = {str(i): tuple(random.integers(0, 12, 2).tolist()) for i in range(40)}
    found = front(points)
    for name, (x, y) in points.items():
        beaten = any(
            a >= x and b >= y and (a, b) != (x, y)
            for other, (a, b) in points.items()
            if other != name
        )
        assert (name in found) != beaten
    places = [points[name] for name in found]
    assert places == sorted(places)
    assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)


def test_the_picture_holds_all_methods_and_says_what_is_outside(board):
    chart = make_chart(board)
    shown = {point.label: point for point in chart.points}
    assert {*board.competing, TRUTH} <= set(shown)
    assert {text.split(":")[0] for text in chart.outside} == {"Nothing done", "Another person"}
    for point in chart.points:
        assert LEFT < point.x < WIDTH
        assert 0 < point.y < HEIGHT
        assert point.across[0] <= point.x <= point.across[1]
        assert point.up[0] <= point.y <= point.up[1]
    best = max(board.competing, key=lambda label: board.value(label, "accuracy"))
    assert shown[best].on_front
    assert not shown["smit"].on_front
    assert shown[TRUTH].reference


def test_a_crowded_picture_names_the_front_where_there_is_room(board, monkeypatch):
    assert all(point.text for point in make_chart(board).points)
    monkeypatch.setattr("ganbench.leaderboard.front.NAMED", 5)
    named = [point for point in make_chart(board).points if point.text]
    assert len(named) > 1
    assert all(point.on_front or point.reference for point in named)


def test_there_is_no_picture_without_identity(board):
    records = tuple(r for r in board.results.records if r.metric != "identity")
    assert make_chart(replace(board, results=replace(board.results, records=records))) is None
