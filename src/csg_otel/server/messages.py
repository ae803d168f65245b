"""
HTTP requests and responses as plain values, independent of the server and the framework.

Uses no socket, no thread and no framework.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from csg_otel.server.streams import Stream

NO_STORE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of every response: no cache keeps the response, and no browser guesses another content type."""

PLAIN_TEXT: Final = {**NO_STORE, "Content-Type": "text/plain; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Request:
    """
    A request.

    ``query`` is the text after the question mark. The names in ``headers`` are in lower case. ``client`` is the address of the
    client; it is empty if the server has none (a Unix socket). ``body`` is empty unless the service uses it.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    client: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """A response; its ``headers`` are those of plain text by default. With a ``stream``, that is the body."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: PLAIN_TEXT)
    stream: Stream | None = None


Done = Callable[[Response], object]
"""A function that takes the response to one request; it may be called on any thread, and returns at once."""


class Handler(Protocol):
    """A callable that answers requests; called on several threads at once."""

    def __call__(self, request: Request, done: Done) -> None:
        """
        Call *done* with the response to *request*, now or later on another thread; return at once.

        It may raise instead, and then it never calls *done*.
        """


class Service(Protocol):
    """What a server serves."""

    @property
    def protected(self) -> bool:
        """Whether a client from another machine needs a token of the configuration."""

    def prepare(self, url: str) -> None:
        """Prepare for requests to *url*, on the server's thread, before the first one. Returns soon."""

    def body_limit(self, request: Request) -> int:
        """
        Return the most bytes of the body of *request*, whose head alone has arrived; a longer one is :meth:`too_large`.

        0 if the body is not used; then a small one is read and dropped.
        """

    def too_large(self, request: Request) -> Response:
        """Return the response 413 to *request*, whose body is longer than that and is not read."""

    def respond(self, request: Request, done: Done) -> None:
        """Respond to *request*, as a :class:`Handler` does."""


class Guard(Protocol):
    """A rule that may refuse a request before it reaches an endpoint."""

    def refusal(self, request: Request) -> Response | None:
        """Return the response that refuses *request*, or None to let it pass."""
