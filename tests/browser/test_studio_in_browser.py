"""The studio's page in a real Chromium, with the shipped methods."""

from __future__ import annotations

import base64
import io
import json
import shlex
import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from browsing import visitor
from PIL import Image
from studios import encoded, start

from ganbench.data.faces import FacesConfig, render, split_faces

# What the page shows when what is chosen is shown.
SETTLED = 'main[aria-busy="false"]'


@pytest.fixture(scope="module")
def address(browser, tmp_path_factory):
    process, address = start(tmp_path_factory.mktemp("studio"))
    yield address
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)


@pytest.fixture(scope="module")
def pair():
    """The PNG of a photograph with two faces, 240 x 480."""
    faces = [render(face, 192).image for face in split_faces(FacesConfig(test=7), "test")][:2]
    picture = np.full((240, 480, 3), 120, np.uint8)
    picture[20:212, 30:222], picture[30:222, 260:452] = faces
    return encoded(picture)


@pytest.fixture
def visit_studio(browser, address):
    """``visit_studio(width, colours)`` opens the page."""

    def is_own(url):
        return url.startswith((address, "data:", "blob:"))

    permissions = ["clipboard-read", "clipboard-write"]
    with visitor(browser, address, is_own, SETTLED, permissions=permissions) as open_page:
        yield open_page


def settled(page):
    """Wait until what is chosen is shown."""
    page.wait_for_selector(SETTLED)


def drop(page, content, name="photo.png"):
    """Drop a file on the page, as from a folder's window."""
    page.evaluate(
        """async ([bytes, name]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], name));
            for (const kind of ["dragover", "drop"]) {
                document.getElementById("drop").dispatchEvent(
                    new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
            }
        }""",
        [list(content), name],
    )
    settled(page)


def picture(page, selector="#after"):
    """What an image shows, uint8 [h, w, 3]."""
    data = page.locator(selector).evaluate(
        """async (image) => {
            const canvas = document.createElement("canvas");
            await image.decode();
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            canvas.getContext("2d").drawImage(image, 0, 0);
            return canvas.toDataURL("image/png").split(",")[1];
        }"""
    )
    return np.array(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


def press(page, group, name):
    page.get_by_role("group", name=group).get_by_role("button", name=name, exact=True).click()
    settled(page)


def drag(page, *places):
    """Drag the point through places of the plane."""
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map").bounding_box()
    for n, (x, y) in enumerate(places):
        page.mouse.move(
            box["x"] + box["width"] * (x + 1) / 2, box["y"] + box["height"] * (1 - y) / 2
        )
        if not n:
            page.mouse.down()
    page.mouse.up()
    settled(page)


def code(page):
    """The code in the command."""
    words = shlex.split(page.locator("#command").inner_text())
    return tuple(float(part) for part in words[words.index("--code") + 1].split(","))


def test_dragging_the_point_moves_the_face(visit_studio):
    page = visit_studio()
    happy = picture(page)
    assert "GGANmut: happy; p_z: happy" in page.locator("#said").inner_text()
    drag(page, (0, 0), (-0.3, 0.4), (-0.62, 0.81))
    assert code(page) == pytest.approx((-0.62, 0.81), abs=0.01)
    assert "code -0.6" in page.locator("#said").inner_text()
    first = picture(page)
    assert np.abs(first - happy).mean() > 1
    drag(page, (-0.6, 0.8), (0.9, 3))  # beyond the edge
    assert code(page) == pytest.approx((0.9, 1), abs=0.01)
    assert np.abs(picture(page) - first).mean() > 1
    page.mouse.move(0, 0)  # no button is pressed
    assert code(page) == pytest.approx((0.9, 1), abs=0.01)
    # The whole photograph shows the same edit.
    press(page, "Emotion", "surprised")
    assert "--emotion surprised" in page.locator("#command").inner_text()
    assert page.locator("#said").inner_text().startswith("GGANmut: surprised; p_z: surprised")


def test_the_wheel_turns_and_intensity_scales(visit_studio):
    page = visit_studio()
    press(page, "Method", "GANmut")
    page.locator("#theta").fill("90")
    page.locator("#rho").fill("0.6")
    settled(page)
    assert code(page) == pytest.approx((0, 0.6), abs=0.01)
    page.locator("#theta").fill("180")
    settled(page)
    assert code(page) == pytest.approx((-0.6, 0), abs=0.01)
    before = picture(page)
    press(page, "Emotion", "angry")
    whole = picture(page)
    page.locator("#intensity").fill("0.5")
    settled(page)
    assert "--emotion angry --intensity 0.5" in page.locator("#command").inner_text()
    half = picture(page)
    assert np.abs(half - whole).mean() > 0.5
    assert np.abs(half - before).mean() > 0.5
    point = page.locator("#rho")
    assert float(point.input_value()) == pytest.approx(0.5, abs=0.01)
    press(page, "Method", "StarGAN")
    assert not page.locator("#map").is_visible()
    assert not page.locator("#intensity").is_visible()


def test_noise_seeds_change_the_style(visit_studio):
    page = visit_studio()
    assert not page.locator("#seed").is_visible()
    press(page, "Method", "SMIT")
    first = picture(page)
    page.get_by_role("button", name="Another").click()
    settled(page)
    assert page.locator("#seed").input_value() == "1"
    assert "--noise-seed 1" in page.locator("#command").inner_text()
    assert np.abs(picture(page) - first).mean() > 0.2
    page.locator("#seed").fill("0")
    settled(page)
    np.testing.assert_array_equal(picture(page), first)


def test_keys_are_enough(visit_studio):
    page = visit_studio()
    keys = page.keyboard

    def focused():
        return page.evaluate("document.activeElement.id || document.activeElement.textContent")

    seen = []
    for _ in range(60):
        keys.press("Tab")
        seen.append(focused())
        # The focus can be seen wherever it is.
        style = "getComputedStyle(document.activeElement.closest('.file') ?? document.activeElement).outlineStyle"
        if seen[-1] != "":
            assert page.evaluate(style) in ("solid", "auto"), seen[-1]
        if seen[-1] == "compare":
            break
    assert [name for name in seen if name in ("file", "map", "theta", "save", "compare")] == [
        "file", "map", "theta", "save", "compare",
    ]  # fmt: skip
    assert {"GANmut", "SMIT", "happy", "angry"} <= set(seen)
    page.locator("#map").focus()
    keys.press("Home")
    keys.press("ArrowRight")
    keys.press("Shift+ArrowUp")
    settled(page)
    assert code(page) == (0.02, 0.1)
    assert page.locator("#map").get_attribute("aria-valuetext").startswith("x 0.02, y 0.10; near ")
    page.locator("#split").focus()
    keys.press("End")
    assert page.locator("#halves").evaluate("e => e.style.getPropertyValue('--share')") == "100%"


def test_a_dropped_photograph_its_faces_and_the_saved_file(visit_studio, pair, call, tmp_path):
    page = visit_studio()
    drop(page, pair, "two of us.png")
    assert "two of us.png, 480 × 240: 2 faces" in page.locator("#about").inner_text()
    boxes = page.locator("#boxes button")
    assert boxes.count() == 2
    first = picture(page, "#before")
    boxes.nth(1).click()
    settled(page)
    assert (
        picture(page, "#before").shape != first.shape or (picture(page, "#before") != first).any()
    )
    press(page, "Method", "StarGAN-v2")
    press(page, "Emotion", "surprised")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save the photograph").click()
    saved = waiting.value
    assert saved.suggested_filename == "two of us-surprised.png"
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    command = page.evaluate("navigator.clipboard.readText()")
    assert command == page.locator("#command").inner_text()
    (tmp_path / "two of us.png").write_bytes(pair)
    assert call(*shlex.split(command)[1:])[0] == 0
    made = np.array(Image.open(tmp_path / "two of us-surprised.png"))
    np.testing.assert_array_equal(made, np.array(Image.open(saved.path())))


def test_a_rendered_face_is_saved_before_the_command_needs_it(visit_studio, call, tmp_path):
    page = visit_studio()
    page.get_by_role("group", name="Faces to try").get_by_role("button").nth(2).click()
    settled(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="save rendered-3.png").click()
    waiting.value.save_as(tmp_path / "rendered-3.png")
    drag(page, (0.1, 0.1), (0.5, -0.5))
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save the photograph").click()
    command = shlex.split(page.locator("#command").inner_text())
    assert call(*command[1:])[0] == 0
    made = tmp_path / waiting.value.suggested_filename
    assert made.read_bytes() == Path(waiting.value.path()).read_bytes()


def test_all_methods_are_compared_at_once(visit_studio):
    page = visit_studio()
    press(page, "Emotion", "disgusted")
    page.get_by_role("button", name="Compare all 6").click()
    settled(page)
    cards = page.locator("#cards button")
    titles = [card.split(":")[0] for card in cards.all_inner_texts()]
    assert titles == ["GANmut", "GGANmut", "StarGAN", "GANimation", "SMIT", "StarGAN-v2"]
    assert all("disgusted" in card for card in cards.all_inner_texts())
    shown = [picture(page, f"#cards li:nth-child({n}) img") for n in range(1, 7)]
    assert all(np.abs(a - b).mean() > 0.5 for a, b in pairwise(shown))
    np.testing.assert_array_equal(shown[1], picture(page))  # the chosen one is the same edit
    press(page, "Emotion", "happy")
    assert all("happy" in card for card in cards.all_inner_texts())
    cards.nth(3).click()
    settled(page)
    assert page.locator("#said").inner_text().startswith("GANimation: happy")


def test_bad_photographs_are_a_friendly_line(browser, address, pair):
    """The status of a refusal is an error of the console, so that this page stands alone."""
    page = browser.new_page()
    page.goto(address)
    settled(page)
    trouble = page.locator("#trouble")
    assert not trouble.is_visible()
    drop(page, b"no picture", "notes.txt")
    assert trouble.inner_text() == ("Cannot open notes.txt: not an image that pillow can read")
    assert page.locator("#after").is_visible()  # the former photograph stays
    assert page.locator("#about").inner_text().startswith("rendered-1.png")
    assert page.locator('#boxes [aria-pressed="true"]').count() == 1
    drop(page, encoded(np.full((80, 80, 3), 99, np.uint8)), "wall.png")
    assert trouble.inner_text().startswith("No face was found in wall.png: choose")
    assert not page.locator("#after").is_visible()
    drop(page, pair)
    assert not trouble.is_visible()
    assert page.locator("#after").is_visible()
    page.close()


def test_of_many_choices_only_the_last_is_edited(visit_studio):
    page = visit_studio()
    asked = []
    page.on(
        "request", lambda request: asked.append(request) if request.url.endswith("edit") else None
    )
    page.locator("#map").evaluate(
        """map => {
            map.focus();
            for (let n = 0; n < 40; n++) {
                map.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
            }
        }"""
    )
    settled(page)
    assert len(asked) <= 3
    last = json.loads(asked[-1].post_data)
    assert tuple(map(float, last["code"].split(","))) == code(page)


def test_two_tabs_do_not_disturb_each_other(visit_studio, pair):
    one, other = visit_studio(), visit_studio()
    drop(other, pair)
    press(one, "Method", "SMIT")
    press(other, "Method", "StarGAN")
    first = picture(one)
    press(other, "Emotion", "angry")
    press(one, "Emotion", "sad")
    assert one.locator("#said").inner_text().startswith("SMIT: sad")
    assert other.locator("#said").inner_text().startswith("StarGAN: angry")
    press(one, "Emotion", "happy")
    np.testing.assert_array_equal(picture(one), first)


def test_a_finger_moves_the_point_while_the_face_stays_in_sight(visit_studio):
    page = visit_studio(390)
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map").bounding_box()
    page.touchscreen.tap(box["x"] + 0.75 * box["width"], box["y"] + 0.6 * box["height"])
    settled(page)
    assert code(page) == pytest.approx((0.5, -0.2), abs=0.02)
    face = page.locator("#halves").bounding_box()
    assert -5 <= face["y"] < 100
    assert face["y"] + face["height"] < box["y"] + 0.5 * box["height"]


def test_the_page_fits_and_follows_the_colours(visit_studio):
    page = visit_studio()
    page.get_by_role("button", name="Compare all 6").click()
    settled(page)
    for width in (390, 800, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        for colours, dark in (("light", False), ("dark", True)):
            page.emulate_media(color_scheme=colours)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            level = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (int(level.strip("rgb()").split(",")[0]) < 100) == dark
            box = page.locator("#map").bounding_box()
            assert box["width"] == pytest.approx(box["height"], abs=1)
            assert box["width"] >= 240
