"""The dialog behind a cell of Table 1, and what a reader may do with the table."""

from pathlib import Path

import pytest

from ganbench.records import Results
from ganbench.report.html import render
from ganbench.report.manifest import make_manifest
from ganbench.report.tables import make_tables
from ganbench.stopwatch import Stopwatch

REFERENCE = Path(__file__).parents[2] / "reports" / "reference" / "results.json"

PICTURE = "canvas => canvas.toDataURL()"


@pytest.fixture
def page(visit):
    return visit()


def open_cell(page, method="plane", target="1"):
    page.locator(f'#table1 td[data-edits="{method}"][data-target="{target}"]').click()
    page.wait_for_selector('#edits[data-ready="true"]')
    return page.locator("#edits")


def on_top(dialog, share):
    """The side of the compared pictures that is seen at a share of their width."""
    return dialog.locator(".halves").evaluate(
        """(halves, share) => {
            const { left, top, width, height } = halves.getBoundingClientRect();
            return document.elementFromPoint(left + share * width, top + height / 2).className;
        }""",
        share,
    )


def test_a_cell_shows_its_edits_and_closes_with_a_key(page):
    cell = page.locator('#table1 td[data-edits="plane"][data-target="1"]')
    cell.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector('#edits[data-ready="true"]')
    dialog = page.locator("#edits")
    assert dialog.locator("h2").inner_text() == "Plane: edits towards happy"
    assert "28 edits; the judge sees what was asked for in 28" in dialog.inner_text()
    assert dialog.locator(".cards li").count() == 28
    card = dialog.locator(".cards button").first
    assert "to happy: seen as happy" in card.inner_text()
    # input, edit and true edit; the toy's edit is right, and no input of the first card is happy.
    pictures = [canvas.evaluate(PICTURE) for canvas in card.locator("canvas").all()]
    assert len(pictures) == 3
    page.keyboard.press("Escape")
    assert dialog.is_hidden()
    assert cell.evaluate("cell => cell === document.activeElement")


def test_the_tab_key_stops_at_one_cell_and_arrows_move_on(page):
    cells = page.locator("#table1 td[data-edits]")
    stops = page.locator('#table1 td[data-edits][tabindex="0"]')

    def here():
        return page.evaluate(
            "() => { const a = document.activeElement; return [a.parentElement.rowIndex, a.cellIndex]; }"
        )

    assert cells.count() > 14
    assert stops.count() == 1
    stops.focus()
    row, column = here()
    last = stops.evaluate(
        "cell => Math.max(...[...cell.parentElement.cells].filter(c => c.offsetParent).map(c => c.cellIndex))"
    )
    for key, place in (
        ("ArrowRight", (row, column + 1)),
        ("ArrowDown", (row + 1, column + 1)),
        ("ArrowLeft", (row + 1, column)),
        ("ArrowLeft", (row + 1, column)),  # the name of the row opens nothing
        ("ArrowUp", (row, column)),
        ("ArrowUp", (row, column)),
        ("End", (row, last)),
        ("Home", (row, column)),
        ("ArrowDown", (row + 1, column)),
    ):
        page.keyboard.press(key)
        assert here() == list(place), key
    # The stop is where the reader was; it moves where its column is hidden.
    assert stops.evaluate("cell => cell === document.activeElement")
    name = page.locator("#table1 thead th").nth(column).inner_text()
    page.get_by_text("Choose columns").click()
    page.locator(".columns").get_by_label(name).first.uncheck()
    assert stops.count() == 1
    assert stops.is_visible()


def test_the_order_turns_round(page):
    page.locator('#table1 td[data-edits="plane"][data-by="error"]').first.click()
    page.wait_for_selector('#edits[data-ready="true"]')
    dialog = page.locator("#edits")

    def errors():
        texts = dialog.locator(".cards span:last-child").all_inner_texts()
        return [float(text.split(" of the input")[0].split()[-1]) for text in texts]

    assert errors() == sorted(errors(), reverse=True)
    assert len(errors()) == 28
    dialog.locator('[name="order"]').select_option("best")
    assert errors() == sorted(errors())


def test_two_sources_are_compared_with_a_slider(page):
    dialog = open_cell(page, target="3")
    left, right = dialog.locator(".left"), dialog.locator(".right")
    before = left.evaluate(PICTURE)
    assert before != right.evaluate(PICTURE)
    dialog.locator('[name="left"]').select_option(label="Wheel")
    # The words follow the pictures.
    dialog.locator(".what", has_text="Wheel: the judge sees surprised").wait_for()
    assert left.evaluate(PICTURE) != before
    assert "Plane: the judge sees surprised" in dialog.locator(".what").inner_text()
    slider = dialog.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    assert [on_top(dialog, share) for share in (0.2, 0.8)] == ["right", "right"]
    for _ in range(50):
        page.keyboard.press("ArrowRight")
    assert [on_top(dialog, share) for share in (0.2, 0.8)] == ["left", "right"]
    page.keyboard.press("End")
    assert [on_top(dialog, share) for share in (0.2, 0.8)] == ["left", "left"]
    # The line between the pictures can be dragged, too.
    box = dialog.locator(".halves").bounding_box()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 20)
    page.mouse.up()
    assert slider.input_value() == "40"
    assert [on_top(dialog, share) for share in (0.35, 0.45)] == ["left", "right"]


def test_headings_sort_and_columns_can_be_left_out(page):
    table = page.locator("#table1")
    heading = table.get_by_role("columnheader", name="FED")
    column = heading.evaluate("cell => cell.cellIndex")

    def values():
        cells = table.locator(f"tbody tr:not(.mark) > :nth-child({column + 1})").all_inner_texts()
        return [float(cell.split()[0]) for cell in cells]

    assert len(set(values())) > 1
    heading.click()
    assert values() == sorted(values())
    heading.press("Enter")
    assert values() == sorted(values(), reverse=True)
    assert table.locator("tbody tr").first.inner_text().startswith("Real")
    page.get_by_text("Choose columns").click()
    page.get_by_label("FED", exact=False).first.uncheck()
    assert heading.is_hidden()


def test_a_table_in_which_no_row_competes_can_be_sorted(page):
    table = page.locator("#table-paper")
    table.get_by_role("columnheader", name="Sad").click()
    values = [float(cell) for cell in table.locator("tbody td:nth-child(4)").all_inner_texts()]
    assert len(set(values)) > 1
    assert values == sorted(values)


def test_captions_stay_in_sight_beside_wide_tables(visit):
    page = visit(390)
    caption = page.locator("#table1 caption")
    for moved in (0, 300):
        page.locator("#table1").evaluate(
            "(table, moved) => { table.parentElement.scrollLeft = moved; }", moved
        )
        box = caption.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_every_table_of_six_methods_fits_a_window_of_a_laptop(browser, tmp_path):
    found = Results.load(REFERENCE)
    manifest = make_manifest(found, Stopwatch(), ["ganbench", "eval"], {})
    file = tmp_path / "report.html"
    file.write_text(render(found, make_tables(found), [], [], [], manifest), "utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(file.as_uri())
    page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    wide = page.locator(".scroll").evaluate_all(
        "all => all.filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.firstElementChild.id)"
    )
    page.close()
    assert wide == []


def test_bars_and_cells_are_printed_with_their_colours(page):
    page.emulate_media(media="print")
    adjusted = "e => getComputedStyle(e).printColorAdjust"
    assert page.locator(".small td").first.evaluate(adjusted) == "exact"
    assert page.locator(".bars i").first.evaluate(adjusted) == "exact"
