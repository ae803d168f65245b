"""
HTTP requests and responses as plain values, independent of the server and the framework.

Uses no socket, no thread and no framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

NO_STORE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of every response: no cache keeps the response, and no browser guesses another content type."""

PLAIN_TEXT: Final = {**NO_STORE, "Content-Type": "text/plain; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Request:
    """
    A request.

    ``query`` is the text after the question mark. The names in ``headers`` are in lower case. ``client`` is the address of the
    client; it is empty if the server has none (a Unix socket).
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    client: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """A response; its ``headers`` are those of plain text by default."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: PLAIN_TEXT)


class Handler(Protocol):
    """A callable that answers one request; called on several threads at once."""

    def __call__(self, request: Request) -> Response:
        """Return the response to *request*."""


class Guard(Protocol):
    """A rule that may refuse a request before it reaches an endpoint."""

    def refusal(self, request: Request) -> Response | None:
        """Return the response that refuses *request*, or None to let it pass."""
