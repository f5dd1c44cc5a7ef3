"""The leaderboard in Chromium, from a folder: filters, columns, ties, pictures; three widths, dark, without script."""

from pathlib import Path

import pytest
from browsing import visitor

from ganbench.leaderboard.site import build

ROWS = Path(__file__).parents[2] / "reports" / "leaderboard"
METHODS = 6 + len(list(ROWS.iterdir()))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("leaderboard") / "site"
    build(ROWS, out)
    return out


@pytest.fixture
def visit(browser, site):
    """``visit(width, colours, script)`` opens the page."""

    def is_own(url):
        return url.startswith(site.as_uri())

    address, ready = (site / "index.html").as_uri(), ".side-by-side[data-drawn]"
    with visitor(browser, address, is_own, ready) as open_page:
        yield open_page


@pytest.fixture
def page(visit):
    return visit()


def shown(page):
    """The methods in the main table, in their order, without points of reference."""
    return page.locator("table.all tbody tr:not(.mark):visible > th").all_inner_texts()


def test_rows_are_sorted_by_any_column_and_references_stay(page):
    table = page.locator("table.all")
    heading = table.get_by_role("columnheader", name="Landmark error")
    column = heading.evaluate("cell => cell.cellIndex")

    def values():
        cells = table.locator(f"tbody tr:not(.mark) > :nth-child({column + 1})").all_inner_texts()
        return [float(cell.split()[0]) for cell in cells]

    before = values()
    heading.click()
    assert values() == sorted(before) != before
    heading.press("Enter")
    assert values() == sorted(before, reverse=True)
    assert table.locator("tbody tr").last.inner_text().startswith("Real")
    assert table.locator("tbody tr.mark").count() == 4


def test_columns_are_chosen(page):
    table = page.locator("table.all")
    later = table.get_by_role("columnheader", name="Jaw", include_hidden=True)
    assert later.is_hidden()
    page.get_by_text("Choose columns").click()
    page.get_by_role("checkbox", name="Jaw").check()
    assert later.is_visible()
    page.get_by_role("checkbox", name="FED").uncheck()
    assert table.get_by_role("columnheader", name="FED", include_hidden=True).is_hidden()
    assert table.locator("tbody tr").first.locator("td:visible").count() == 8


def test_ties_are_shown_and_can_be_listed(page):
    table = page.locator("table.all")
    for row in table.locator("tbody tr:not(.mark)").all():
        for cell in row.locator("td").all():
            rank = cell.locator(".rank")
            tied = rank.count() > 0 and rank.first.text_content().split()[1].split("–")[0] == "1"
            assert ("best" in (cell.get_attribute("class") or "").split()) == tied
    assert table.locator("tr.mark td.best").count() == 0
    tied = table.locator("tbody tr:not(.mark) > td:nth-child(2).best").count()
    page.get_by_label("Tied with the best in").select_option(label="Accuracy")
    assert len(shown(page)) == tied < METHODS
    assert page.locator(".choices output").first.inner_text() == f"{tied} of {METHODS} methods"
    # The same rows stand in the other tables, in the plot and among the cards.
    cards = page.locator("article:visible:not([data-kind=reference]) h4").all_inner_texts()
    assert sorted(cards) == sorted(shown(page))
    assert page.locator("svg .point:not(.reference):visible").count() == tied


def test_text_kind_and_data_filter_rows(page):
    assert len(shown(page)) == METHODS
    page.get_by_label("Find").fill("stargan FACE")
    assert "StarGAN-v2, style of a face" in shown(page)
    assert all("StarGAN" in name for name in shown(page))
    page.get_by_label("Kind").select_option(label="edits in files")
    assert shown(page) == ["StarGAN-v2, style of a face"]
    page.get_by_label("Find").fill("")
    assert len(shown(page)) == 3
    page.get_by_label("Trained on").select_option("faces")
    assert len(shown(page)) == 3
    page.get_by_label("Find").fill("no such method")
    assert shown(page) == []
    assert page.locator("table.all tr.mark:visible").count() == 4


def test_any_two_methods_stand_side_by_side(page):
    faces = page.locator(".side-by-side")
    rows = faces.locator("tbody tr")

    def pictures():
        return [row.screenshot() for row in rows.all()]

    assert rows.count() == 3
    assert rows.first.locator("canvas").count() == 8
    before = pictures()
    faces.get_by_label("Second").select_option(label="SMIT")
    page.wait_for_selector('.side-by-side[data-drawn*=", SMIT, "]')
    after = pictures()
    assert rows.nth(1).locator("th").inner_text() == "SMIT"
    assert after[1] != before[1]
    assert (after[0], after[2]) == (before[0], before[2])
    faces.get_by_label("Test image").select_option("4")
    page.wait_for_selector('.side-by-side[data-drawn$=", 4"]')
    assert all(a != b for a, b in zip(pictures(), after, strict=True))
    label = rows.nth(1).locator("canvas").nth(3).get_attribute("aria-label")
    assert label == "SMIT: Sad"


def test_points_of_the_front_are_reached_by_keys_and_lead_to_their_cards(page):
    point = page.locator("svg.front a").first
    point.focus()
    page.keyboard.press("Enter")
    target = page.evaluate("decodeURIComponent(location.hash.slice(1))")
    card = page.locator("article:target")
    assert card.get_attribute("id") == target
    assert card.locator("h4").inner_text() in point.get_attribute("aria-label")


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 800, 1440])
def test_nothing_is_wider_than_the_screen(visit, width, colours):
    page = visit(width, colours)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ink, ground = page.evaluate(
        "() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; }"
    )
    dark = sum(map(int, ground.split("(")[1].rstrip(")").split(",")[:3])) < 200
    assert dark == (colours == "dark")
    assert ink != ground
    # A canvas of the pictures is drawn, not blank.
    colours_of = page.locator(".side-by-side canvas").first.screenshot()
    assert len(colours_of) > 1000


def test_without_script_everything_but_the_choices_is_there(visit):
    page = visit(script=False)
    assert page.locator("table.all tbody tr").count() == METHODS + 4
    assert page.locator("svg.front circle").count() >= METHODS
    assert page.locator(".choices").first.is_hidden()
    assert page.get_by_role("columnheader", name="Jaw").first.is_visible()
    page.get_by_text("All pictures of each row").click()
    image = page.locator("figure img").first
    image.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    assert image.evaluate("image => image.naturalWidth") == 7 * 64
