import io
import re
import zlib
from contextlib import suppress

import numpy as np
import pytest
from matplotlib import rcParams
from PIL import Image

from ganbench.errors import BadInput
from ganbench.figures.page import DPI, Page, bars, format_code, to_pdf, to_png
from ganbench.figures.sheet import Sheet

NOISE = np.random.default_rng(0).integers(0, 255, (3, 60, 60), np.uint8)


def pixels(figure):
    with Image.open(io.BytesIO(to_png(figure))) as image:
        assert image.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1)
        return np.asarray(image.convert("RGB"))


def words_of(pdf):
    """The characters that a PDF shows as text, without the kerning between them."""
    found = b""
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        with suppress(zlib.error):
            text = zlib.decompress(stream)
            if b"\nBT\n" in text:
                found += b"".join(re.findall(rb"\(([^)]*)\)", text))
    return found.replace(b"\0", b"")


def page(width=2.0):
    one = Page(width, 1.1)
    one.face(NOISE, 0.123, 0.217, 60 / DPI)
    one.text(1, 0.5, "plain words")
    return one


@pytest.mark.parametrize("width", [2.0, 55 / DPI + 1, 2.0001])
def test_a_face_covers_its_very_pixels(width):
    found = pixels(page(width).figure)
    assert found.shape[:2] == (330, int(np.ceil(width * DPI - 1e-6)))
    x, y = round(0.123 * DPI), round(0.217 * DPI)
    assert (found[y : y + 60, x : x + 60] == NOISE.transpose(1, 2, 0)).all()


def test_a_small_face_is_enlarged_without_a_seam():
    one = Page(2, 1)
    grey = np.full((3, 8, 8), 120, np.uint8)
    one.face(grey, 0.1, 0.1, 0.5)
    found = pixels(one.figure)
    assert (found[30:180, 30:180] == 120).all()
    assert (found[:30] == 255).all()
    assert (found[180:] == 255).all()


def test_a_round_face_is_a_disc():
    one = Page(2, 1)
    one.face(np.zeros((3, 8, 8), np.uint8), 0.1, 0.1, 0.5, round_=True)
    dark = pixels(one.figure)[30:180, 30:180, 0] < 128
    assert dark.mean() == pytest.approx(np.pi / 4, abs=0.02)
    assert not dark[0, 0]
    assert dark[75, 75]


def test_bars_are_as_long_as_the_probabilities():
    one = Page(2, 1)
    bars(one, 0, 0, 2, 1, np.array([0, 1, 0.5, 0, 0, 0, 0.0]))
    found = pixels(one.figure)
    happy, sad = ((found == np.array(rgb)).all(-1) for rgb in ([230, 159, 0], [0, 114, 178]))
    assert happy.any(0).sum() == pytest.approx(2 * sad.any(0).sum(), abs=2)


def test_files_are_the_same_bytes_again():
    assert to_png(page().figure) == to_png(page().figure)
    assert to_pdf(page().figure) == to_pdf(page().figure)


def test_pdf_has_text_as_text_and_faces_as_they_are():
    data = to_pdf(page().figure)
    assert b"Date" not in data
    assert b"/Subtype /CIDFontType2" in data or b"/Subtype /TrueType" in data
    assert b"/Type3" not in data
    assert re.search(rb"/Width 60\b", data)
    assert b"MediaBox [ 0 0 144" in data
    assert b"plain words" in words_of(data)
    assert rcParams["pdf.fonttype"] == 3  # the user's own settings are left alone


def test_what_no_page_holds_is_refused():
    with pytest.raises(BadInput, match=r"a page holds 9\.6"):
        Page(7, 12)
    with pytest.raises(BadInput, match=r"30 faces do not fit .* show 12 or fewer"):
        Sheet(2, 30, "x", left=1)
    Sheet(2, 12, "x", left=1)


def test_a_full_sheet_is_as_wide_as_the_text():
    full, few = Sheet(2, 8, "x", left=1), Sheet(2, 3, "x", left=1)
    assert full.page.width == pytest.approx(7.2, abs=0.01)
    assert few.side == 1
    assert few.page.width < 4.2


def test_codes_format_code_have_true_minus_signs():
    assert format_code(np.array([-0.254, 1])) == "(−0.25, 1.00)"
    assert format_code(np.array([-0.0, 0.5])) == "(0.00, 0.50)"
