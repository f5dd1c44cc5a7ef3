"""The studio as a process of its own: who is answered, what is refused, and what its commands make."""

from __future__ import annotations

import base64
import io
import json
import shlex
import signal
import socket
import struct
import subprocess
import sys
import webbrowser
import zlib
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Lock
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from studios import Client, encoded, start

from ganbench.data.faces import FacesConfig, render, split_faces
from ganbench.methods.locate import shipped
from ganbench.studio import StudioServer
from ganbench.studio.shelf import to_jpeg

ORDER = ("linear", "gaussian", "stargan", "ganimation", "smit", "stargan-v2")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    process, address = start(folder)
    yield folder, address
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)


@pytest.fixture
def client(running):
    return Client(running[1])


@pytest.fixture(scope="module")
def faces():
    """Two rendered faces, uint8 [192, 192, 3]."""
    return [render(face, 192).image for face in split_faces(FacesConfig(test=7), "test")][:2]


@pytest.fixture(scope="module")
def pair(faces):
    """A photograph of two faces on grey, uint8 [240, 480, 3]."""
    picture = np.full((240, 480, 3), 120, np.uint8)
    picture[20:212, 30:222], picture[30:222, 260:452] = faces
    return picture


def test_only_the_page_itself_is_answered(client):
    assert client.send("GET", "", Origin=None)[0] == 200
    token = client.root.strip("/")
    other = "x" if token[-1] != "x" else "y"
    wrong = [f"/{token[:-1]}{other}/", "/", f"/{token}", f"/x{token}/setup", "//", "/favicon.ico"]
    for path in wrong:
        status, error = client.refused("GET", path)
        assert (status, error[:25]) == (403, "the address is incomplete")
        assert token not in error
    port = client.host.rpartition(":")[2]
    assert client.send("GET", "setup", Host=f"localhost:{port}", Origin=None)[0] == 200
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1",
        f"127.0.0.1.evil.example:{port}",
    ):
        assert client.refused("GET", "setup", Host=host, Origin=None)[0] == 403
    for origin in ("http://evil.example", "null", f"https://{client.host}", "http://127.0.0.1:1"):
        assert client.refused("GET", "setup", Origin=origin)[0] == 403
        assert client.refused("POST", "edit", "{}", Origin=origin)[0] == 403
    assert client.refused("POST", "edit", "{}", Origin=None)[0] == 403
    assert client.refused("GET", "../../etc/passwd")[0] == 404
    assert client.refused("GET", "studio.py")[0] == 404


def test_it_listens_on_the_loopback_address_only(client):
    port = int(client.host.rpartition(":")[2])
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    # All of 127.0.0.0/8 is this machine; a server on all addresses would answer there too.
    for address in (others | {"127.0.0.2"}) - {"127.0.0.1"}:
        with socket.socket() as other:
            other.settimeout(2)
            assert other.connect_ex((address, port)) != 0


def test_answers_may_not_be_kept_framed_or_read_elsewhere(client):
    for path in ("", "studio.js", "plane.js", "studio.css", "setup", "samples/0", "nothing"):
        headers = client.send("GET", path)[1]
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert not any(word in policy for word in ("unsafe", "*", "http"))
        assert "Python" not in headers["Server"]


def bomb():
    """A PNG of 60,000 x 60,000 white pixels in a few kilobytes."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def test_files_that_cannot_be_used_are_a_line(client, faces):
    jpeg = encoded(faces[0], "JPEG")
    bad = {
        "garbage.jpg": (b"\x00garbage" * 99, "not an image that pillow can read"),
        "empty.png": (b"", "not an image that pillow can read"),
        "cut.jpg": (jpeg[: len(jpeg) // 2], ""),
        "bomb.png": (bomb(), "3,600,000,000 pixels, more than 64,000,000"),
        "page.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
    }
    for name, (content, reason) in bad.items():
        status, error = client.refused("POST", f"open?tab={client.tab}&name={name}", content)
        assert status == 400
        assert error.startswith(f"cannot open {name}: ")
        assert reason in error
    # The length alone is enough to refuse: the body is never sent.
    path = f"open?tab={client.tab}&name=large.jpg"
    status, error = client.refused("POST", path, b"", Content_Length=str(65 << 20))
    assert (status, "68.2 MB" in error) == (413, True)
    assert client.refused("POST", path, Transfer_Encoding="chunked")[0] == 411
    assert client.refused("POST", "open?name=x", jpeg)[0] == 400
    assert client.refused("POST", "edit", b"\xff")[0] == 400
    assert client.refused("POST", "edit", b"[" * 5000)[0] == 400
    assert client.open(jpeg)["faces"]  # it still works


def test_photographs_are_seen_upright_and_with_8_bits(client, pair, faces):
    plain = client.open(encoded(pair))
    assert (plain["extent"], len(plain["faces"]), plain["remarks"]) == ([480, 240], 2, [])
    assert plain["faces"][0]["box"][0] < 240 < plain["faces"][1]["box"][0]
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter to the right
    turned = client.open(encoded(np.rot90(pair), exif=exif.tobytes()))
    assert turned["extent"] == [480, 240]
    assert turned["faces"] == plain["faces"]
    grey = np.asarray(Image.fromarray(faces[0]).convert("L")).astype(np.uint16) * 257
    deep = client.open(encoded(grey))
    assert deep["remarks"] == ["it has 16 bits a channel: its edit has 8"]
    assert len(deep["faces"]) == 1


def test_a_photograph_without_a_face_is_kept_and_has_no_edits(client):
    photo = client.open(encoded(np.full((90, 120, 3), 77, np.uint8)))
    assert photo["faces"] == []
    wish = {"photo": photo["photo"], "method": "stargan", "emotion": "sad"}
    status, error = client.refused("POST", "edit", json.dumps(wish))
    assert (status, error) == (400, "the photograph has 0 faces, and no face 1")
    assert client.refused("GET", f"photos/{photo['photo']}/0")[0] == 400
    assert client.refused("GET", "photos/unknown")[0] == 410


GOALS = [
    ("linear", {"code": "-0.4,0.25"}),
    ("linear", {"emotion": "sad", "intensity": 0.35}),
    ("gaussian", {"code": "0.911,-0.93"}),
    ("gaussian", {"emotion": "happy", "intensity": 0.5}),
    ("stargan", {"emotion": "angry"}),
    ("ganimation", {"emotion": "fearful"}),
    ("smit", {"emotion": "disgusted", "seed": 7}),
    ("stargan-v2", {"emotion": "surprised", "seed": 4294967295}),
]


@pytest.mark.parametrize(("method", "goal"), GOALS, ids=lambda value: str(value))
def test_the_command_makes_the_saved_file(method, goal, client, pair, call, tmp_path):
    name, kind = ("-o'dd näme.jpg", "JPEG") if method == "smit" else ("photo.png", "PNG")
    content = encoded(pair, kind)
    photo = client.open(content, name)
    wish = {"photo": photo["photo"], "face": 2, "method": method, **goal}
    answer = client.edit(**wish)
    status, headers, saved = client.send("POST", "save", json.dumps(wish))
    assert (status, headers["Content-Type"]) == (200, f"image/{kind.lower()}")
    (tmp_path / name).write_bytes(content)
    words = shlex.split(answer["command"])
    assert words[:2] == ["ganbench", "edit"]
    code, out, err = call(*words[1:])
    assert (code, err) == (0, "")
    assert answer["file"] in out
    assert (tmp_path / answer["file"]).read_bytes() == saved
    before, after = (np.array(Image.open(io.BytesIO(each))) for each in (content, saved))
    assert (before[:, 250:] != after[:, 250:]).mean() > 0.05
    if kind == "PNG":  # the other face is not touched
        np.testing.assert_array_equal(before[:, :222], after[:, :222])


def test_what_is_shown_is_what_is_saved(client, pair):
    """Where a face is small enough, the page shows the very pixels of the saved file, as a JPEG."""
    photo = client.open(encoded(pair))
    wish = {"photo": photo["photo"], "method": "stargan-v2", "emotion": "happy"}
    answer = client.edit(**wish)
    shown = base64.b64decode(answer["image"])
    saved = np.array(Image.open(io.BytesIO(client.send("POST", "save", json.dumps(wish))[2])))
    left, top, right, bottom = photo["faces"][0]["close"]
    assert shown == to_jpeg(saved[top:bottom, left:right])
    before = client.send("GET", f"photos/{photo['photo']}/0")[2]
    assert before == to_jpeg(pair[top:bottom, left:right])
    assert before != shown


def test_two_tabs_work_at_once(running, pair):
    tabs = [Client(running[1]) for _ in range(2)]
    photos = [tabs[0].open(encoded(pair)), tabs[1].open(encoded(pair[:, ::-1]))]
    wishes = [
        {"photo": photos[n % 2]["photo"], "method": ORDER[n // 2], "emotion": "happy"}
        for n in range(12)
    ]
    alone = [tabs[n % 2].edit(**wish)["image"] for n, wish in enumerate(wishes)]
    with ThreadPoolExecutor(6) as pool:
        together = pool.map(lambda n: tabs[n % 2].edit(**wishes[n])["image"], range(12))
    assert list(together) == alone
    assert len(set(alone)) == 12
    for _ in range(4):  # the other tab's photographs stay
        tabs[0].open(encoded(pair))
    tabs[1].edit(**wishes[1])
    assert tabs[0].refused("POST", "edit", json.dumps(wishes[0]))[0] == 410


def test_the_studio_ends_with_ctrl_c_and_leaves_nothing(tmp_path, faces):
    (tmp_path / "me.png").write_bytes(encoded(faces[1]))
    file = shipped("stargan")
    process, address = start(tmp_path, "me.png", "--methods", f"mine:stargan={file}")
    client = Client(address)
    setup = client.json("GET", "setup")
    assert setup["samples"][0] == {"name": "me.png", "rendered": False}
    assert [method["label"] for method in setup["methods"]] == ["mine"]
    photo = client.json("POST", f"sample?tab={client.tab}&number=0", b"")
    answer = client.edit(photo=photo["photo"], method="mine", emotion="sad")
    assert answer["command"] == (
        f"ganbench edit me.png --method stargan={file} --device cpu --emotion sad --face 1"
    )
    client.open(encoded(faces[0]), "private.png")
    # A second studio on the same port is refused, and the first one goes on.
    port = client.host.rpartition(":")[2]
    second = subprocess.run(
        [sys.executable, "-m", "ganbench", "studio", "--no-browser", "--port", port],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert second.returncode == 2
    assert second.stderr.startswith(f"ganbench: port {port} cannot be used (")
    assert second.stderr.count("\n") == 1
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert "private" not in out + err
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left == [tmp_path / "me.png"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["missing.jpg"], "missing.jpg"),
        (["text.jpg"], "not an image that pillow can read"),
        (["--port", "70000"], "70000"),
        (["--methods", "gausian"], "did you mean"),
        (["--device", "tpu"], "device is not available"),
    ],
)
def test_a_bad_start_is_one_line(words, line, call, tmp_path):
    (tmp_path / "text.jpg").write_text("text")
    code, out, err = call("studio", "--no-browser", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert line in err


@pytest.mark.parametrize("words", [(), ("--no-browser",)])
def test_the_browser_is_opened_unless_it_is_not_wanted(words, call, monkeypatch):
    opened = Queue()

    def interrupted(*_, **__):
        if not words:
            assert opened.get(timeout=10).startswith("http://127.0.0.1:")
        raise KeyboardInterrupt

    monkeypatch.setattr(webbrowser, "open", opened.put)
    monkeypatch.setattr("ganbench.cli.studio._prepared", lambda *_: SimpleNamespace(turn=Lock()))
    monkeypatch.setattr(StudioServer, "serve_forever", interrupted)
    code, out, _ = call("studio", *words)
    assert (code, out.count("\n")) == (0, 1)
    assert opened.empty()


def test_help_imports_no_torch():
    script = "import sys; from ganbench.cli import main; sys.argv[1:] = ['studio', '--help']\n"
    script += "try: main()\nexcept SystemExit: pass\nassert 'torch' not in sys.modules"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "ganbench studio photo.jpg" in result.stdout
