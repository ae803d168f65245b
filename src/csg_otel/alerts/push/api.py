"""
A JSON API over HTTP: one deadline for a whole push, patience where the other side asks for it, errors that say what was asked.

The rule: an error never shows a header, because there the keys are.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from csg_otel import net
from csg_otel.alerts.push.plan import PushError

_ONE_S: Final = 15.0
_PATIENCE_S: Final = 1.0
_MAX_RESPONSE_BYTES: Final = 16 * 1024 * 1024
"""A list of some thousand monitors or rules fits."""


class Api:
    """The API of one backend."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None, *, timeout_s: float = 60.0) -> None:
        """Ask at *url* with *headers*; everything together ends within *timeout_s* seconds."""
        self._url = url.rstrip("/")
        self._headers = {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
        self._deadline = time.monotonic() + timeout_s

    @property
    def where(self) -> str:
        """The address, without a password."""
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"

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
        Return what *method* on *path* answers, decoded; None for an empty answer, and for a 404 with *missing_ok*.

        Raises PushError for any other answer than a success, and where there is none before the deadline.
        """
        asked = f"{method} {self.where}{path}"
        url = f"{self._url}{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        while True:
            left = self._deadline - time.monotonic()
            try:
                answer = net.request(
                    method,
                    url,
                    timeout_s=max(0.05, min(_ONE_S, left)),
                    body=data,
                    headers=self._headers,
                    max_bytes=_MAX_RESPONSE_BYTES,
                )
            except (OSError, ValueError) as error:
                raise PushError(f"{asked}: {type(error).__name__}: {error}") from error
            if answer.status == 404 and missing_ok:
                return None
            if answer.status != 429 or not self._waited(answer.headers):
                break
        if not answer.ok:
            raise PushError(f"{asked}: HTTP {answer.status}: {answer.body[:300].decode(errors='replace').strip()}")
        if answer.truncated:
            raise PushError(f"{asked}: the response is longer than {_MAX_RESPONSE_BYTES >> 20} MiB")
        return _decoded(asked, answer.body)

    def _waited(self, headers: Mapping[str, str]) -> bool:
        """Wait as long as the other side asks; False if that is past the deadline."""
        asked = headers.get("retry-after") or headers.get("x-ratelimit-reset") or ""
        pause = float(asked) if asked.strip().isdigit() else _PATIENCE_S
        if time.monotonic() + pause >= self._deadline:
            return False
        time.sleep(pause)
        return True


def _decoded(asked: str, body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except ValueError as error:
        raise PushError(f"{asked}: answered something else than JSON: {body[:80]!r}") from error
