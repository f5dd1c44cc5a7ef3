"""The shared t-SNE map: filtered, zoomed, and with words and a face for the point under the pointer."""

import pytest

# Where a point of a cloud lies on the screen, at no zoom: the map fills 94 % of the shorter side.
POINT = """([cloud, row]) => {
    const { scale, clouds } = JSON.parse(document.getElementById('points-data').textContent);
    const { left, top, width, height } = document.querySelector('#map .board > canvas').getBoundingClientRect();
    const unit = 0.94 * Math.min(width, height) / scale, { x, y } = clouds[cloud];
    return [left + width / 2 + (x[row] - scale / 2) * unit, top + height / 2 - (y[row] - scale / 2) * unit];
}"""


@pytest.fixture
def board(visit):
    page = visit()
    page.wait_for_selector('#map[data-ready="true"]')
    board = page.locator("#map .board > canvas")
    board.scroll_into_view_if_needed()
    return board


def picture(board):
    board.page.wait_for_timeout(50)  # drawn at the next frame
    return board.evaluate("canvas => canvas.toDataURL()")


def test_clouds_and_emotions_are_filtered(board):
    page, seen = board.page, {picture(board)}
    page.get_by_label("Wheel, codes around the means").check()
    seen.add(picture(board))
    page.get_by_label("Emotions").get_by_label("happy").uncheck()
    seen.add(picture(board))
    assert len(seen) == 3
    while page.locator("#map .filters input:checked").count():
        page.locator("#map .filters input:checked").first.uncheck()
    assert picture(board) not in seen


def test_the_point_under_the_pointer_is_told_and_pinned(board):
    page = board.page
    assert page.locator("#map .pins figure").count() == 0
    # Of the painter, whose edits with the codes of the emotions are on the page.
    page.get_by_label("Real", exact=True).uncheck()
    page.mouse.move(*page.evaluate(POINT, [1, 0]))
    words = page.locator("#map .told > p").inner_text()
    assert words.startswith("Painter: edit towards ")
    assert "codes of the emotions" in words
    page.mouse.down()
    page.mouse.up()
    assert page.locator("#map .pins figcaption").inner_text() == words


def test_the_map_zooms_and_moves(board):
    page, whole = board.page, picture(board)
    page.get_by_role("button", name="Zoom in").click()
    near = picture(board)
    board.focus()
    page.keyboard.press("ArrowRight")
    moved = picture(board)
    assert len({whole, near, moved}) == 3
    page.get_by_role("button", name="Whole map").click()
    assert picture(board) == whole


def test_keys_reach_the_points(board):
    page = board.page
    board.focus()
    page.keyboard.press("ArrowRight")
    first = page.locator("#map .told > p").inner_text()
    page.keyboard.press("Enter")
    assert page.locator("#map .pins figcaption").inner_text() == first != ""
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    assert page.locator("#map .told > p").inner_text() != first
