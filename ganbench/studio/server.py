"""The studio's server: HTTP on the loopback address for the pages of one user.

A request is answered only if it names this server as its host (a page elsewhere cannot reach it under a name of
its own), comes from the studio's own page where it tells an origin, and knows the token in the address. Nothing is
written to disk, and nothing is logged.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import socketserver
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ganbench.errors import BadInput, GanbenchError
from ganbench.parsing import parse_json
from ganbench.studio.shelf import Gone
from ganbench.studio.studio import Studio
from ganbench.studio.wishes import Wish, file_name
from ganbench.text import message

HOST = "127.0.0.1"
# The largest file of a photograph, and the largest JSON of a request, in bytes.
UPLOAD, BODY = 64_000_000, 64_000
# Seconds after which a silent connection is closed.
PATIENCE = 60

_FOLDER = resources.files("ganbench.studio").joinpath("page")
_PAGE = {
    "": ("studio.html", "text/html; charset=utf-8"),
    "studio.css": ("studio.css", "text/css; charset=utf-8"),
    "studio.js": ("studio.js", "text/javascript; charset=utf-8"),
    "plane.js": ("plane.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_TAB = re.compile("[A-Za-z0-9_-]{1,32}")


class Refused(Exception):
    """A request that is not answered."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class StudioServer(ThreadingHTTPServer):
    """Listens on a port of the loopback address; ``studio`` is set before it serves.

    Args:
        port: 0 takes a free one.

    Raises:
        BadInput: the port is taken, or not allowed.
    """

    studio: Studio
    daemon_threads = True
    # Elsewhere than on POSIX systems the flag would share the port with another program.
    allow_reuse_address = os.name == "posix"

    def __init__(self, port: int = 0) -> None:
        self.token = secrets.token_urlsafe(24)
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise BadInput(
                f"port {port} cannot be used ({error.strerror or error}); give another --port, or leave it out"
            ) from error

    def server_bind(self) -> None:
        # That of ``HTTPServer`` asks name servers for the name of the machine.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that the browser has closed is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: StudioServer
    protocol_version = "HTTP/1.1"  # connections are kept: a new one for each edit would take time
    server_version, sys_version = "ganbench", ""
    timeout = PATIENCE
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: names of photographs are private."""

    def do_GET(self) -> None:
        self._answered(self._get)

    def do_POST(self) -> None:
        self._answered(self._post)

    def _answered(self, answer: Callable[[str], None]) -> None:
        """Answer a request that may be answered, or say why not."""
        try:
            answer(self._checked_path())
        except Refused as error:
            self.close_connection = True  # its body was not read
            self._send_json({"error": str(error)}, error.status)
        except Gone as error:
            self._send_json({"error": message(error)}, HTTPStatus.GONE)
        except GanbenchError as error:
            self._send_json({"error": message(error)}, HTTPStatus.BAD_REQUEST)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception as error:
            traceback.print_exc()
            text = f"the studio fails: {type(error).__name__}: {error}; its terminal tells where"
            self._send_json({"error": message(text)}, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _checked_path(self) -> str:
        """The path of the request below the token.

        Raises:
            Refused: host, origin or token are wrong.
        """
        hosts = [f"{name}:{self.server.server_port}" for name in (HOST, "localhost")]
        host = self.headers.get_all("Host", [])
        if len(host) != 1 or host[0] not in hosts:
            raise Refused(HTTPStatus.FORBIDDEN, "this host is not the studio")
        origins = self.headers.get_all("Origin", [])
        # Browsers tell the origin of every POST.
        if origins != [f"http://{host[0]}"] and (origins or self.command == "POST"):
            raise Refused(HTTPStatus.FORBIDDEN, "this request does not come from the studio's page")
        token, slash, path = self.path.removeprefix("/").partition("/")
        if not slash or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            raise Refused(
                HTTPStatus.FORBIDDEN,
                "the address is incomplete: open the one that ganbench studio has printed",
            )
        return path

    def _get(self, path: str) -> None:
        studio = self.server.studio
        name, *more = path.split("/")
        if path in _PAGE:
            file, kind = _PAGE[path]
            self._send(_FOLDER.joinpath(file).read_bytes(), kind)
        elif path == "setup":
            limits = {"upload": UPLOAD, "tab": secrets.token_urlsafe(9)}
            self._send_json(studio.setup() | limits)
        elif name == "samples" and len(more) == 1:
            sample = studio.samples[_index(more[0], len(studio.samples))]
            self._send(sample.picture, "image/png" if sample.rendered else "image/jpeg")
        elif name == "photos" and len(more) == 1:
            self._send(studio.whole(more[0]), "image/jpeg")
        elif name == "photos" and len(more) == 2:
            self._send(studio.close(more[0], 1 + _index(more[1], 10_000)), "image/jpeg")
        else:
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing under this address")

    def _post(self, path: str) -> None:
        studio = self.server.studio
        path, _, query = path.partition("?")
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        if path == "open":
            content = self._body(UPLOAD)
            self._send_json(studio.open(_tab(asked), file_name(asked.get("name", "")), content))
        elif path == "sample":
            self._body(0)
            sample = studio.samples[_index(asked.get("number", ""), len(studio.samples))]
            self._send_json(studio.open(_tab(asked), sample.path, sample.content))
        elif path == "edit":
            self._send_json(studio.edit(self._wish()))
        elif path == "save":
            name, content = studio.save(self._wish())
            self._send(content, "image/png" if Path(name).suffix == ".png" else "image/jpeg")
        else:
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing under this address")

    def _wish(self) -> Wish:
        try:
            text = self._body(BODY).decode()
        except UnicodeDecodeError as error:
            raise BadInput("the request is no UTF-8 text") from error
        return Wish.parse(parse_json(text, kind=dict))

    def _body(self, most: int) -> bytes:
        """The body of the request.

        Raises:
            Refused: it has more than ``most`` bytes, does not tell its length, or ends early.
        """
        told = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,18}", told):
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "the request does not tell its length")
        if int(told) > most:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the file has {int(told) / 1e6:,.1f} MB, and the studio takes {most / 1e6:,.0f} MB: make it smaller",
            )
        body = self.rfile.read(int(told))
        if len(body) < int(told):
            raise Refused(HTTPStatus.BAD_REQUEST, "the request ends early")
        return body

    def _send_json(self, value: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(value).encode(), "application/json", status)

    def _send(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)


def _tab(asked: dict[str, str]) -> str:
    """The tab of a request; its name comes from ``setup``.

    Raises:
        BadInput: it is none.
    """
    tab = asked.get("tab", "")
    if not _TAB.fullmatch(tab):
        raise BadInput("the request does not tell its tab: load the page again")
    return tab


def _index(text: str, count: int) -> int:
    """A number from 0 to ``count`` - 1.

    Raises:
        Refused: it is none.
    """
    if not re.fullmatch("[0-9]{1,4}", text) or int(text) >= count:
        raise Refused(HTTPStatus.NOT_FOUND, "there is nothing under this address")
    return int(text)
