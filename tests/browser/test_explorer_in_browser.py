"""The toy judge reads the emotion of a toy edit exactly, so bars and words are known at every node."""

from itertools import pairwise

import pytest


@pytest.fixture
def plane(visit):
    """The explorer of the toy with p_z."""
    return visit().locator("#explorer-plane")


def edit_of(explorer):
    return explorer.locator(".edit").evaluate("canvas => canvas.toDataURL()")


def seen(explorer):
    return explorer.locator(".where").inner_text()


def place(explorer):
    """The code under the point."""
    left, top = explorer.locator(".point").evaluate(
        "e => [e.style.left, e.style.top].map(parseFloat)"
    )
    return pytest.approx((left / 50 - 1, 1 - top / 50), abs=0.012)


def drag(explorer, start, end):
    mouse = explorer.page.mouse
    explorer.locator(".map").scroll_into_view_if_needed()
    box = explorer.locator(".map").bounding_box()
    for step, (x, y) in zip((mouse.down, mouse.up), (start, end), strict=True):
        mouse.move(box["x"] + box["width"] * (x + 1) / 2, box["y"] + box["height"] * (1 - y) / 2)
        step()


def test_dragging_moves_the_point_and_changes_the_face(plane):
    drag(plane, (0, 0), (0.9, 0.05))
    assert place(plane) == (0.9, 0.05)
    first = edit_of(plane)
    assert "the code stands for neutral; the judge sees neutral, 100 %" in seen(plane)
    drag(plane, (0.9, 0.05), (-0.22, -0.9))
    assert place(plane) == (-0.22, -0.9)
    assert "the code stands for disgusted; the judge sees disgusted" in seen(plane)
    assert edit_of(plane) != first
    plane.page.mouse.move(0, 0)  # no button is pressed
    assert place(plane) == (-0.22, -0.9)


def test_keys_move_the_point_and_stop_at_the_edge(plane):
    keys, shown = plane.page.keyboard, plane.locator(".map")
    shown.focus()
    keys.press("Home")
    assert place(plane) == (0, 0)
    keys.press("ArrowRight")
    keys.press("Shift+ArrowUp")
    assert place(plane) == (0.02, 0.1)
    assert shown.get_attribute("aria-valuetext").startswith("x 0.02, y 0.10; the code stands for ")
    for _ in range(12):
        keys.press("Shift+ArrowLeft")
    assert place(plane) == (-1, 0.1)
    # The focus can be seen.
    assert shown.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


def test_a_disc_has_an_edge_and_directions(visit):
    wheel = visit().locator("#explorer-wheel")
    drag(wheel, (0, 0), (-0.95, 0.95))
    assert place(wheel) == (-0.707, 0.707)
    assert "intensity ρ 1.00, direction" in seen(wheel)
    wheel.get_by_role("button", name="angry").click()
    assert "intensity ρ 0.95, direction 0° from angry; the judge sees angry" in seen(wheel)


def test_buttons_lead_to_emotions_figures_and_faces(plane):
    plane.get_by_role("button", name="surprised").click()
    assert "the judge sees surprised" in seen(plane)
    complex_ = plane.get_by_role("button", name="complex")
    complex_.click()
    assert complex_.inner_text() == "complex 1 of 6"
    first = place(plane)
    complex_.click()
    assert complex_.inner_text() == "complex 2 of 6"
    assert place(plane) != first
    assert plane.locator(".place").count() == 6
    before = plane.locator(".input").evaluate("canvas => canvas.toDataURL()")
    plane.get_by_label("Face").get_by_role("button").nth(1).click()
    assert plane.locator(".input").evaluate("canvas => canvas.toDataURL()") != before
    colours = plane.locator(".map").evaluate("canvas => canvas.toDataURL()")
    plane.get_by_role("button", name="what the judge sees").click()
    assert plane.locator(".map").evaluate("canvas => canvas.toDataURL()") != colours


def test_between_two_nodes_an_edit_is_blended(plane):
    """Half-way between two nodes of different emotions, a patch has the mean of their levels."""
    grey = """canvas => {
        const copy = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
        copy.drawImage(canvas, 0, 0);
        return copy.getImageData(0, 0, 1, 1).data[0];
    }"""
    keys = plane.page.keyboard
    plane.locator(".map").focus()
    keys.press("Home")
    for _ in range(5):
        keys.press("Shift+ArrowUp")
    levels = []
    for _ in range(40):
        levels.append(plane.locator(".edit").evaluate(grey))
        keys.press("ArrowRight")
    steps = [abs(a - b) for a, b in pairwise(levels)]
    assert max(levels) - min(levels) > 20
    # One cell of the lattice is four steps wide: no step makes the whole difference.
    assert max(steps) <= 0.4 * (max(levels) - min(levels))


def test_the_page_fits_and_stays_quiet(visit):
    page = visit()
    for width in (390, 800, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        for colours in ("light", "dark"):
            page.emulate_media(color_scheme=colours)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for name in ("plane", "wheel"):
                box = page.locator(f"#explorer-{name} .map").bounding_box()
                assert box["width"] == pytest.approx(box["height"], abs=1)
                assert box["width"] >= 270
            # However far the table is moved, the names of the methods stay.
            name = page.locator("#table1 tbody th").nth(1)
            page.locator("#table1").evaluate("table => { table.parentElement.scrollLeft = 500; }")
            assert name.bounding_box()["x"] >= 0
    page.emulate_media(media="print", color_scheme="dark")
    # Landscape A4 without its margins, at 96 pixels an inch: Table 1 is printed whole, on white.
    page.set_viewport_size({"width": 1031, "height": 700})
    assert page.locator("#table1").evaluate("table => table.offsetWidth") <= 1031
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(255, 255, 255)"
    assert page.pdf(format="A4")[:5] == b"%PDF-"


def test_a_finger_moves_the_point(visit):
    plane = visit(390).locator("#explorer-plane")
    plane.locator(".map").scroll_into_view_if_needed()
    box = plane.locator(".map").bounding_box()
    plane.page.touchscreen.tap(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    assert place(plane) == (0.5, 0.5)
    assert plane.locator(".map").evaluate("e => getComputedStyle(e).touchAction") == "none"


def test_without_a_script_the_figures_remain(visit):
    page = visit(script=False)
    assert page.locator(".explorer:visible").count() == 0
    assert page.get_by_alt_text("The conditional plane of Plane").is_visible()
