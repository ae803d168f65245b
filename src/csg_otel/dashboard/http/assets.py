"""The files of the page, from the installed package; read and compressed when they are first requested."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

from csg_otel.dashboard.http.rendering import wants_gzip
from csg_otel.exporters.prometheus import compress
from csg_otel.server.messages import PLAIN_TEXT, Response

if TYPE_CHECKING:
    from importlib.abc import Traversable

    from csg_otel.server.messages import Request

INDEX: Final = "index.html"

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "woff2": "font/woff2",
}
"""The types of the files that are served, by the end of their names; licences and other files are not."""

_COMPRESSED: Final = frozenset({"html", "css", "js", "svg"})


class _Asset(NamedTuple):
    content_type: str
    etag: str
    body: bytes
    gzip: bytes | None


class Assets:
    """The files below one folder of the package."""

    def __init__(self, package: str = "csg_otel.dashboard") -> None:
        """Serve the folder ``web`` of *package*."""
        self._root = files(package) / "web"
        self._files: dict[str, Traversable] | None = None
        self._assets: dict[str, _Asset] = {}

    def response(self, name: str, request: Request) -> Response:
        """Return the file *name*, a path below the folder; 304 if the client has it, 404 if it does not exist."""
        asset = self._asset(name)
        if asset is None:
            return Response(404, b"not found\n", PLAIN_TEXT)
        # Browsers ask each time, because a new version of the package has other files at the same addresses.
        headers = {"Cache-Control": "no-cache", "ETag": asset.etag, "Vary": "Accept-Encoding"}
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(304, b"", headers)
        headers["Content-Type"] = asset.content_type
        if asset.gzip is not None and wants_gzip(request.headers):
            return Response(200, asset.gzip, {**headers, "Content-Encoding": "gzip"})
        return Response(200, asset.body, headers)

    def _asset(self, name: str) -> _Asset | None:
        """Return the file *name*: only a name that the package has is looked up, so no path leads elsewhere."""
        if self._files is None:
            self._files = dict(_found_below(self._root, "")) if self._root.is_dir() else {}
        asset = self._assets.get(name)
        if asset is None and name in self._files:
            body, kind = self._files[name].read_bytes(), name.rpartition(".")[2]
            etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
            asset = _Asset(_TYPES[kind], etag, body, compress(body) if kind in _COMPRESSED else None)
            self._assets[name] = asset
        return asset


def _found_below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _found_below(item, f"{prefix}{item.name}/")
        elif item.name.rpartition(".")[2] in _TYPES:
            yield f"{prefix}{item.name}", item
