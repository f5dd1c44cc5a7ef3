import io
from dataclasses import replace
from pathlib import Path

import pytest
from sample import full_results, results

from ganbench.metrics import METRICS
from ganbench.report.formats import to_csv, to_latex, to_markdown, to_rich
from ganbench.report.published import paper_table1
from ganbench.report.tables import (
    codes_table,
    differences_table,
    gt_error_table,
    other_table,
    table1,
)
from ganbench.scoring import record

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("table1.csv", to_csv),
        ("table1.md", to_markdown),
        ("table1.tex", lambda table: to_latex(table, "tab:ours")),
    ],
)
def test_golden(name, write):
    assert write(table1(results())) == (GOLDEN / name).read_text(encoding="utf-8")


def test_the_best_is_what_readers_see_as_best():
    table = table1(results())
    real, stargan, smit, odd = table.rows
    best = {
        table.columns[i].title: [r.title for r in table.rows if table.is_best(r, i)]
        for i in range(len(table.columns))
    }
    assert best["Neutral"] == [stargan.title]  # Real has less, and would not compete
    assert best["Happy"] == [odd.title]
    assert best["Sad"] == []  # all equal: nobody is best
    assert best["Angry"] == []  # 50.0 and 50.04 look the same
    assert best["FED"] == [stargan.title]  # 12.3449 against 12.345
    assert best["Background"] == [smit.title]
    assert all(real.title not in titles for titles in best.values())


def test_the_terminal_shows_every_cell():
    from rich.console import Console

    screen = Console(width=200, file=io.StringIO(), highlight=False)
    screen.print(to_rich(table1(results())))
    text = screen.file.getvalue()
    assert "odd_& <new>" in text
    assert "1234.50" in text
    assert "…" not in text


def test_published_numbers_are_those_of_the_paper_and_say_whose_they_are():
    table = paper_table1()
    assert [row.title for row in table.rows] == [
        "Real",
        "StarGAN",
        "GANmut",
        "GGANmut",
        "GANimation",
        "SMIT",
    ]
    ggan = [95.8, 99.6, 99.9, 99.1, 97.6, 97.8, 99.5]
    assert [cell.value for cell in table.rows[3].cells[:7]] == ggan
    assert "AffectNet" in table.caption
    assert "not comparable" in table.caption
    assert not any(table.is_best(row, i) for row in table.rows for i in range(8))


def test_both_ends_are_shown_where_they_differ_and_nothing_without_an_interval():
    table = table1(results())
    titles = [column.title for column in table.columns]
    _, stargan, smit, _ = table.rows
    assert [
        table.sides(smit, titles.index(t)) for t in ("Mean", "FED", "Ground-truth error", "ERE")
    ] == [
        "+1.0 -2.0",
        "+1.00 -0.35",
        "±0.12",
        "",
    ]
    assert not any(table.sides(stargan, i) for i in range(len(titles)))


def test_what_has_no_column_in_table_1_stands_in_the_other_table():
    table = other_table(results())
    assert [column.title for column in table.columns] == ["KID"]
    assert [row.title for row in table.rows] == ["StarGAN", "SMIT", "odd_& <new>"]
    assert "KID" not in {column.title for column in table1(results()).columns}


def test_table_1_has_no_columns_of_metrics_that_were_not_recorded():
    found = results()
    few = replace(found, records=tuple(r for r in found.records if r.metric == "accuracy"))
    assert [column.title for column in table1(few).columns][-2:] == ["Angry", "Mean"]


def test_columns_without_any_value_are_left_out():
    assert gt_error_table(results()) is None
    table = gt_error_table(full_results())
    assert [column.title for column in table.columns] == ["Judged accuracy", "Whole image"]
    assert [row.cells[1].value for row in table.rows] == [1.5, 0.5, None, None]
    table = codes_table(results())
    assert [column.title for column in table.columns] == ["FED", "ERE"]
    assert [row.cells[0].value for row in table.rows] == [12.3449, 12.345, 1234.5]


def test_what_does_not_differ_from_the_best_is_bold():
    def minus(method, other, value, low, high):
        more = {"low": low, "high": high, "direction": "reported", "interval": "paired 95%"}
        return record(METRICS["fed"], method, value, 4900, variant=f"minus {other}", **more)

    alone = results()
    assert differences_table(alone) is None
    apart = (
        minus("smit", "odd & new", -1222.155, -1300, -1200),
        minus("stargan", "odd & new", -1222.1551, -1300, -1200),
        minus("stargan", "smit", -0.0001, -1.5, 0.5),
    )
    table = differences_table(replace(alone, records=(*alone.records, *apart)))
    assert [column.title for column in table.columns] == ["FED"]
    stargan, smit, odd = table.rows
    assert [table.is_best(row, 0) for row in table.rows] == [True, True, False]
    assert (stargan.cells[0].value, stargan.cells[0].sides) == (0.0, None)  # the best itself
    assert (table.value(smit, 0), table.sides(smit, 0)) == ("0.00", "+1.50 -0.50")
    # The differences were recorded the other way round.
    assert (table.value(odd, 0), table.sides(odd, 0)) == ("1222.16", "+77.84 -22.16")
    assert odd.cells[0].note == "+1200.00 to +1300.00 (95 %)"
    assert "**1222.16**" not in to_markdown(table)
    assert "**0.00** +1.50 -0.50" in to_markdown(table)


def test_a_method_is_no_tie_if_another_than_the_best_is_shown_to_be_better():
    def minus(method, other, value, low, high):
        more = {"low": low, "high": high, "direction": "reported", "interval": "by hand 95%"}
        return record(METRICS["fed"], method, value, 4900, variant=f"minus {other}", **more)

    apart = (
        minus("smit", "stargan", 0.0001, -9, 9),
        minus("odd & new", "stargan", 1222.1551, -9, 2000),  # the best itself is uncertain
        minus("odd & new", "smit", 1222.155, 1200, 1300),
    )
    alone = results()
    table = differences_table(replace(alone, records=(*alone.records, *apart)))
    assert [table.is_best(row, 0) for row in table.rows] == [True, True, False]
    assert "no other method is shown to be better" in table.caption
    assert "hold together" in table.caption


def test_the_caption_says_what_an_interval_is_for():
    assert "expected value at this number of images" in table1(results()).caption
    assert "FED" in table1(results()).caption
