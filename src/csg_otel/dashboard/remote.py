"""
The dashboard of another process as a source: its documents by HTTP, each request under one deadline.

A dashboard of this user on this machine is opened by its token file, so that no token has to be typed. The file is read for
each request, because a restarted program has another token; it is sent only to the address that the dashboard listens on. At
the address of a program's endpoints, the documents are those of ``endpoints``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from csg_otel import environment, net
from csg_otel.dashboard import token_file
from csg_otel.dashboard.endpoints import EndpointsSource
from csg_otel.dashboard.model import SCHEMA_VERSION
from csg_otel.dashboard.model.actions import RESULTS
from csg_otel.dashboard.model.fitting import fits
from csg_otel.dashboard.schema import DOCUMENTS
from csg_otel.dashboard.source import NotFoundError, SourceError
from csg_otel.health.report import GROUP_OF

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from csg_otel.dashboard.source import Parameters

_TIMEOUT_S: Final = 5.0
_MAX_BYTES: Final = 64 * 1024 * 1024
"""Most bytes of a document: an export of all that a program keeps is the largest."""

_ENDPOINTS: Final = b"not found; the endpoints are "
"""Beginning of the response of a program's endpoints to the path of a document."""

_SHOWN_CHARACTERS: Final = 300
"""Most characters of another server's text in a message."""


class HttpSource:
    """The documents of the dashboard at one address. Thread-safe."""

    def __init__(
        self, address: str, authorization: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        """
        Read from *address*; nothing is sent yet. Raises SourceError if it is not an http or https URL.

        Args:
            address: The URL of the dashboard; a path in it, such as that of a link, is ignored.
            authorization: The headers that give access. Default: user and password in the URL, or else the token file, if the
                address is on this machine.
            tls: The context of https. Default: certificates are verified against the system's authorities.
        """
        self._tls = tls
        try:
            self._url = net.parse(address)
        except ValueError as error:
            raise SourceError(f"this is not the address of a dashboard: {error}") from None
        self.address = str(self._url)
        self._authorization = dict(authorization or {})
        self._endpoints: EndpointsSource | None = None
        if self._url.authorization is not None and not self._authorization:
            self._authorization = {"Authorization": self._url.authorization}

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """Return the document at *path*; see ``Source``."""
        if self._endpoints is not None:
            return self._endpoints.get(path, parameters or {})
        query = urlencode(parameters or {}, doseq=True)
        response = self._send("GET", f"/api/v1/{quote(path)}{'?' if query else ''}{query}")
        if response.status == 404 and response.body.startswith(_ENDPOINTS):
            self._endpoints = self._without_dashboard(response.body)
            return self._endpoints.get(path, parameters or {})
        document = self._document(path, response)
        if not fits(document, _kind(path)):
            raise self._other_form(path)
        return document

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Run the action at *path*; see ``Source``."""
        content, kind = json.dumps(body).encode(), "application/json"
        if path == "import":
            content, kind = str(body["lines"]).encode(), "application/x-ndjson"
        response = self._send("POST", f"/api/v1/{quote(path)}", content, {"Content-Type": kind})
        result = self._document(path, response)
        if not fits(result, RESULTS.get(path, dict[str, Any])):
            raise self._other_form(path)
        return result

    def _send(
        self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> net.Response:
        address, access = self._access()
        sent = {"Accept": "application/json", **access, **(headers or {})}
        try:
            return net.request(
                method,
                f"{address}{target}",
                timeout_s=_TIMEOUT_S,
                body=body,
                headers=sent,
                tls=self._tls,
                max_bytes=_MAX_BYTES,
            )
        except TimeoutError:
            raise SourceError(
                f"{self.address} did not answer within {_TIMEOUT_S:g} s: the program hangs, or is busy"
            ) from None
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and (problem := net.client_certificate_problem(error)):
                raise SourceError(f"{self.address}: {problem}") from None
            raise SourceError(
                f"nothing answers at {self.address} ({_reason(error)}): start the program with dashboard.enabled: true, or "
                "give the address of its dashboard with --url"
            ) from None

    def _without_dashboard(self, listing: bytes) -> EndpointsSource:
        """Return the documents of the endpoints that *listing*, a response of theirs, names."""
        paths = listing.removeprefix(_ENDPOINTS).decode("ascii", "replace").split()
        metrics_path = next((path for path in paths if path.strip("/") not in GROUP_OF), "")

        def fetch(path: str, accept: str) -> bytes:
            response = self._send("GET", path, headers={"Accept": accept})
            if (
                response.status not in (200, 503) or response.truncated
            ):  # /healthz responds with 503 where a check fails
                self._document(path, response)
            return response.body

        return EndpointsSource(self.address, metrics_path, fetch)

    def _access(self) -> tuple[str, Mapping[str, str]]:
        """Return the address to connect to, and the headers that give access there."""
        folder = token_file.folder(environment.snapshot())
        if self._authorization or folder is None or not net.is_loopback(self._url.host):
            return self.address, self._authorization
        content = token_file.read(folder, self._url.port)
        host = content.address_for(self._url.host) if content.token else ""
        if not host:
            return self.address, {}
        access = {"Authorization": f"Bearer {content.token}"}
        if self._url.secure:  # the certificate may be for the name only
            return self.address, access
        return str(self._url._replace(host=host)), access

    def _document(self, path: str, response: net.Response) -> Any:
        """Return the document in *response*. Raises SourceError for every other one."""
        if response.truncated:
            raise SourceError(f"the answer of {self.address} has more than {_MAX_BYTES >> 20} MiB; ask for less")
        if response.ok and response.headers.get("content-type", "").startswith("application/x-ndjson"):
            return response.body.decode("utf-8", "replace")
        try:
            content = json.loads(response.body)
        except (ValueError, RecursionError):
            content = None
        if response.ok and content is not None:
            return content
        if response.status == 401:
            raise SourceError(
                f"{self.address} refuses access: run this as the user of the program, or give a token of its "
                "security.api_auth with --token-file"
            )
        if response.status in (414, 431):  # the server refuses the request line before it reads it
            raise SourceError(f"the parameters of {path[:80]!a} are too long for one request; ask with shorter ones")
        problem = content.get("error") if isinstance(content, dict) else None
        if not isinstance(problem, str):
            raise self._no_dashboard(path, response)
        raise (NotFoundError if response.status == 404 else SourceError)(problem)

    def _other_form(self, path: str) -> SourceError:
        return SourceError(
            f"{self.address} is no dashboard of csg_otel, or that of another version: its answer to {path[:80]!a} has another "
            f"form than version {SCHEMA_VERSION}; give the address of one with --url, or use the csg-otel of that program"
        )

    def _no_dashboard(self, path: str, response: net.Response) -> SourceError:
        return SourceError(
            f"{self.address} is no dashboard of csg_otel: it answered {path} with {_text(response)}; give the address of one "
            "with --url"
        )


def _kind(path: str) -> Any:
    """Return the type of the document at *path*; an export is text."""
    if path == "export":
        return str
    return DOCUMENTS.get("traces/{trace_id}" if path.startswith("traces/") else path, dict[str, Any])


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _text(response: net.Response) -> str:
    """Return status and beginning of *response* for a message; escaped, because it is another server's."""
    text = response.text(_SHOWN_CHARACTERS)
    return f"{response.status} {text!a}" if text else str(response.status)
