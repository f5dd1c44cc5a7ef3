import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser

import pytest
from PIL import Image
from sample import NAMES, full_results, results

from ganbench.metrics import METRICS
from ganbench.provenance import machine
from ganbench.report.explorer import Explorer
from ganbench.report.html import percentages, render
from ganbench.report.manifest import anonymous, make_manifest
from ganbench.report.pictures import Picture
from ganbench.report.tables import make_tables
from ganbench.stopwatch import Stopwatch

# The files beside the page to which it links.
FILES = {
    "table1.csv",
    "table1.md",
    "table1.tex",
    "results.json",
    "predictions.npz",
    "manifest.json",
}


def picture(name):
    image = Image.effect_noise((32, 16), 90)
    image.info["dpi"] = (150, 150)
    return Picture.of(name, image, f"caption of {name}")


def render_page(found, planes, explorers=()):
    manifest = make_manifest(found, Stopwatch(), ["ganbench", "eval", "--root=<script>"], {})
    grids, maps = [picture("grid_smit.png")], [picture("tsne_smit.png")]
    return render(found, make_tables(found), grids, planes, maps, manifest, explorers)


@pytest.fixture(scope="module")
def page():
    return render_page(results(), planes=[])


@pytest.fixture(scope="module")
def full_page():
    """A page with every section."""
    return render_page(full_results(), planes=[picture("gamut_linear.png")])


class Tags(HTMLParser):
    VOID = frozenset({"meta", "img", "link", "br"})

    def __init__(self):
        super().__init__()
        self.open, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_browser_may_run_the_page_s_own_script_and_load_nothing():
    odd = Explorer("odd", "</script><b>", True, ("happy", "sad"), ("wheel",), {"x": "</script>"})
    alive = render_page(results(), [picture("gamut_linear.png")], [odd])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', alive)[1]
    (script,) = re.findall(r"<script>(.*?)</script>", alive, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    (data,) = re.findall(
        r'<script type="application/json" id="explorer-data">(.*?)</script>', alive
    )
    assert json.loads(data)["methods"] == {"odd": {"x": "</script>"}}
    assert "&lt;/script&gt;&lt;b&gt;" in alive


@pytest.mark.parametrize("name", ["page", "full_page"])
def test_the_page_is_whole_and_asks_for_nothing(name, request):
    page, tags = request.getfixturevalue(name), Tags()
    tags.feed(page)
    assert tags.open == []
    for _, key, value in tags.attributes:
        if key in ("src", "href"):
            assert value.startswith(("data:image/", "#")) or value in FILES, value
    assert "url(" not in page
    assert "@import" not in page
    assert "<script src" not in page
    targets = [v for _, key, v in tags.attributes if key == "href"]
    ids = [f"#{v}" for _, key, v in tags.attributes if key == "id"]
    assert FILES <= set(targets) <= {*ids, *FILES}
    assert len(set(ids)) == len(ids)
    optional = ["#judges", "#ground-truth", "#planes"]
    for links in (targets, ids):
        assert [v for v in links if v in optional] == optional * (name == "full_page")


def test_pictures_are_inside_and_described(page):
    assert len(re.findall(r'<img src="data:image/(webp|png);base64,', page)) == 2
    assert 'alt="caption of grid_smit.png" width="32" height="16"' in page


def test_names_are_escaped(page):
    assert "odd_&amp; &lt;new&gt;" in page
    assert "--root=&lt;script&gt;" in page


def test_definitions_say_which_are_ours(page):
    recorded = [spec for spec in METRICS.values() if spec.name in ("accuracy", *NAMES)]
    for spec in recorded:
        assert spec.definition.replace("'", "&#39;").split(";")[0] in page
    assert page.count('<span class="badge">our definition</span>') == sum(
        spec.ours for spec in recorded
    )
    assert METRICS["calibration"].title not in page
    assert "not comparable" in page


def test_values_stand_with_their_intervals_and_the_second_half_is_set_off(page):
    assert '50.0 <span class="sides">+1.0 -2.0</span>' in page
    assert 'title="48.0 to 51.0 % (by hand 95%, n = 700)"' in page
    assert len(re.findall(r'<th scope="col" class="second">Ground-truth error', page)) == 1
    assert re.search(r"Other metrics.*<th scope=.col.>KID", page, re.S)


def test_shares_are_rows_of_per_cent():
    counts = [[[0] * 7 for _ in range(7)] for _ in range(7)]
    counts[0][1][1], counts[3][1][2] = 3, 1
    rows = percentages(counts)
    assert rows[1] == [0, 75, 25, 0, 0, 0, 0]
    assert rows[0] == [None] * 7


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("--root=/home/someone/data", "--root=data"),
        (
            "smit=/home/someone/a.safetensors,linear=~/b.safetensors",
            "smit=a.safetensors,linear=b.safetensors",
        ),
        ("../someone/faces", "faces"),
        ("runs/eval", "runs/eval"),
        ("C:\\Users\\someone", "someone"),
    ],
)
def test_the_manifest_keeps_no_private_paths(argument, shown):
    assert anonymous(argument) == shown


def test_the_machine_is_described_but_not_named():
    import platform

    found = machine()
    assert found["cores"] >= 1
    assert platform.node() not in found.values()


def test_a_picture_is_encoded_without_loss_and_never_larger_on_the_page():
    shown = picture("noise")
    image = Image.open(io.BytesIO(shown.png))
    assert (image.size, image.info["dpi"]) == (shown.size, pytest.approx((150, 150), abs=0.1))
    original = Image.effect_noise((64, 64), 1)
    original.info["dpi"] = (150, 150)
    flat = Picture.of("flat", original, "")
    assert Image.open(io.BytesIO(flat.png)).tobytes() == original.tobytes()
    assert len(flat.uri) < 4 / 3 * len(flat.png) + 40
