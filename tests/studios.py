"""Studios for tests: processes of their own, and a client that asks as the page does."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import subprocess
import sys
from urllib.parse import quote, urlsplit

import pytest
from PIL import Image


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **options)
    return file.getvalue()


def start(folder, *more):
    """A studio that has printed its address, and that address."""
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "GANBENCH_CACHE": str(folder / "cache"),
        "TMPDIR": str(folder),
    }
    words = ["studio", "--no-browser", "--device", "cpu", *map(str, more)]
    process = subprocess.Popen(
        [sys.executable, "-m", "ganbench", *words],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # As shells start what runs in their background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )  # fmt: skip
    line = process.stdout.readline()
    if not line.startswith("ganbench studio: http://127.0.0.1:"):
        process.kill()
        pytest.fail(line + process.stderr.read())
    return process, line.split()[-1]


class Client:
    """Asks a studio as its page does."""

    def __init__(self, address):
        parts = urlsplit(address)
        self.host, self.root = parts.netloc, parts.path
        self.tab = self.json("GET", "setup")["tab"]

    def send(self, method, path, body=None, **headers):
        """Status, headers and body; ``path`` is below the token unless it begins with a slash."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        headers = {"Origin": f"http://{self.host}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        headers = {name: value for name, value in headers.items() if value is not None}
        path = path if path.startswith("/") else self.root + path
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.headers, content

    def json(self, method, path, body=None):
        status, _, content = self.send(method, path, body)
        assert status == 200, content
        return json.loads(content)

    def open(self, content, name="photo.png"):
        return self.json("POST", f"open?tab={self.tab}&name={quote(name)}", content)

    def edit(self, **wish):
        return self.json("POST", "edit", json.dumps(wish))

    def refused(self, method, path, body=None, **headers):
        """Status and line of a refusal."""
        status, sent, content = self.send(method, path, body, **headers)
        assert sent["Content-Type"] == "application/json"
        error = json.loads(content)["error"]
        assert "\n" not in error
        return status, error
