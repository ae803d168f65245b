"""
The files of the page, from the installed package: made and compressed when they are first requested.

The page needs three requests until it is drawn: itself, one style sheet, one script. It names them with their version, so
that a browser asks for them once per version.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

from csg_otel.dashboard.http.joined import joined_modules
from csg_otel.dashboard.http.rendering import wants_gzip
from csg_otel.server.messages import PLAIN_TEXT, Response

if TYPE_CHECKING:
    from importlib.abc import Traversable

    from csg_otel.server.messages import Request

_HTML: Final = "text/html; charset=utf-8"
_SCRIPT: Final = "text/javascript; charset=utf-8"

_SHEETS: Final = ("css/page.css", "css/panes.css", "vendor/uPlot.min.css")

_THEME: Final = re.compile(r"(?:^|;\s*)csg_otel_theme=(dark|light)\s*(?:;|$)")
"""The cookie of the user's choice, set by the page; without it the system's theme stands."""

_FOR_EVER: Final = "private, max-age=31536000, immutable"


class _Asset(NamedTuple):
    content_type: str
    version: str
    body: bytes
    gzip: bytes


class Assets:
    """The page and its files."""

    def __init__(self, package: str = "csg_otel.dashboard") -> None:
        """Serve the folder ``web`` of *package*."""
        self._root = files(package) / "web"
        self._made: dict[str, _Asset] = {}

    def page(self, request: Request) -> Response:
        """Return the page, in the theme that its user has chosen."""
        match = _THEME.search(request.headers.get("cookie", ""))
        theme = match[1] if match else ""
        asset = self._asset(f"page {theme}", _HTML, lambda: self._html(theme))
        return _answered(asset, request, {"Cache-Control": "no-cache", "Vary": "Accept-Encoding, Cookie"})

    def file(self, name: str, request: Request) -> Response:
        """Return the file *name*; 304 if the client has it, 404 if there is none: a name is no path."""
        asset = self._file(name)
        if asset is None:
            return Response(404, b"not found\n", PLAIN_TEXT)
        # Without the version, browsers ask each time: another version of the package has other files at the same addresses.
        caching = _FOR_EVER if request.query == f"v={asset.version}" else "no-cache"
        return _answered(asset, request, {"Cache-Control": caching, "Vary": "Accept-Encoding"})

    def _file(self, name: str) -> _Asset | None:
        makers: dict[str, tuple[str, Callable[[], str]]] = {
            "page.css": ("text/css; charset=utf-8", lambda: "\n".join(map(self._read, _SHEETS))),
            "page.js": (_SCRIPT, lambda: joined_modules("js/main.js", self._read)),
            "uPlot.js": (_SCRIPT, lambda: self._read("vendor/uPlot.iife.min.js")),
            "icon.svg": ("image/svg+xml", lambda: self._read("icon.svg")),
        }
        return self._asset(name, *makers[name]) if name in makers else None

    def _html(self, theme: str) -> str:
        def versioned(match: re.Match[str]) -> str:
            asset = self._file(match[1])
            return f"{match[0]}?v={asset.version}" if asset else match[0]

        html = re.sub(r"/static/([\w.]+)", versioned, self._read("index.html"))
        return html.replace("<html ", f'<html data-theme="{theme}" ', 1) if theme else html

    def _asset(self, name: str, content_type: str, make: Callable[[], str]) -> _Asset:
        asset = self._made.get(name)
        if asset is None:
            body = make().encode()
            asset = _Asset(content_type, hashlib.sha256(body).hexdigest()[:20], body, gzip.compress(body))
            self._made[name] = asset
        return asset

    def _read(self, path: str) -> str:
        file: Traversable = self._root.joinpath(*path.split("/"))
        return file.read_text("utf-8")


def _answered(asset: _Asset, request: Request, headers: dict[str, str]) -> Response:
    tag = f'"{asset.version}"'
    headers = {**headers, "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(304, b"", headers)
    headers["Content-Type"] = asset.content_type
    if wants_gzip(request.headers):
        return Response(200, asset.gzip, {**headers, "Content-Encoding": "gzip"})
    return Response(200, asset.body, headers)
