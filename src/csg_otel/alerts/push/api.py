"""
A client of JSON APIs: one deadline for a whole push, pauses where the server requests them, errors that name the request.

The rule: an error never shows a header, because headers hold the keys.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from csg_otel import clocks, net
from csg_otel.alerts.push.plan import PushError
from csg_otel.net import addresses

if TYPE_CHECKING:
    import ssl

_REQUEST_S: Final = 15.0
"""Longest time in seconds for one request."""

_PAUSE_S: Final = 1.0
"""Pause in seconds after an answer 429 without a waiting time."""
_MAX_RESPONSE_BYTES: Final = 16 * 1024 * 1024
"""Size limit of an answer in bytes; a list of several thousand monitors or rules is smaller."""


class Api:
    """The API of one backend."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Send requests to *url* with *headers* and *tls*; all of them together end within *timeout_s* seconds."""
        self._url = url.rstrip("/")
        self._headers = {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
        self._tls = tls
        self._deadline = clocks.monotonic() + timeout_s

    @property
    def where(self) -> str:
        """The URL as people may read it."""
        return addresses.shown(self._url)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        missing_ok: bool = False,
    ) -> Any:
        """
        Send a request and return the decoded answer; None for an empty one.

        Raises PushError for an answer that is no success, and if there is none before the deadline.

        Args:
            method: HTTP method.
            path: path below the URL of the API.
            body: content that is sent as JSON; by default none.
            query: parameters of the URL; by default none.
            missing_ok: whether an answer 404 returns None instead of raising; by default it raises.
        """
        answer = self._answer(method, path, body, query)
        if answer.status == HTTPStatus.NOT_FOUND and missing_ok:
            return None
        return _decoded(self._request(method, path), self._success(method, path, answer))

    def text(self, method: str, path: str) -> str:
        """Send a request and return the answer as text, such as that of a ``/metrics``. Raises PushError as `call` does."""
        answer = self._success(method, path, self._answer(method, path))
        return answer.body.decode("utf-8", "replace")

    def _request(self, method: str, path: str) -> str:
        """Return the name of a request in errors."""
        return f"{method} {self.where}{path}"

    def _answer(self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> net.Response:
        """Return the answer of any status; after 429 the request is sent again. Raises PushError without one."""
        url = addresses.below(self._url, path)
        url += f"{'&' if '?' in url else '?'}{urlencode(query)}" if query else ""
        data = None if body is None else json.dumps(body).encode()
        while True:
            rest_s = self._deadline - clocks.monotonic()
            try:
                answer = net.request(
                    method,
                    url,
                    timeout_s=max(0.05, min(_REQUEST_S, rest_s)),
                    body=data,
                    headers=self._headers,
                    tls=self._tls,
                    max_bytes=_MAX_RESPONSE_BYTES,
                )
            except (OSError, ValueError) as error:
                request = self._request(method, path)
                raise PushError(f"{request}: {type(error).__name__}: {error}") from error
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS or not self._waited(answer.headers):
                return answer

    def _success(self, method: str, path: str, answer: net.Response) -> net.Response:
        """Return *answer* if it is a success, and whole. Raises PushError otherwise."""
        if not answer.ok:
            raise PushError(f"{self._request(method, path)}: HTTP {answer.status}: {answer.text(300)}")
        if answer.truncated:
            raise PushError(
                f"{self._request(method, path)}: the response is longer than {_MAX_RESPONSE_BYTES >> 20} MiB"
            )
        return answer

    def _waited(self, headers: Mapping[str, str]) -> bool:
        """Wait as long as the server requests, and return True; return False at once if that would pass the deadline."""
        seconds = headers.get("retry-after") or headers.get("x-ratelimit-reset") or ""
        pause_s = float(seconds) if seconds.strip().isdigit() else _PAUSE_S
        if clocks.monotonic() + pause_s >= self._deadline:
            return False
        time.sleep(pause_s)
        return True


def _decoded(request: str, answer: net.Response) -> Any:
    if not answer.body.strip():
        return None
    try:
        return json.loads(answer.body)
    except ValueError:
        raise PushError(f"{request}: the answer is not JSON: {answer.text(80)!r}; check the URL") from None
