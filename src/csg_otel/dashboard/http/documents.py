"""
The documents of the API as responses, computed on a background thread, since code of the program may run there.

Equal requests share one rendering for a second, so that many pages cost as much as one; it ends with the next event, so that a
page that fetches what an event is about gets what has changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from csg_otel import clocks, faults, forks
from csg_otel.dashboard.http.rendering import document, problem, wants_gzip
from csg_otel.dashboard.source import NotFoundError, SourceError
from csg_otel.server.background import Background

if TYPE_CHECKING:
    from csg_otel.dashboard.source import Parameters, Source
    from csg_otel.server.messages import Done, Request, Response

_FRESH_S: Final = 1.0
"""Seconds for which a response is sent again: the page fetches a document at most once a second."""

_MOST_BYTES: Final = 4 * 1024 * 1024
"""Most bytes of the responses that are kept; a larger one is computed for each request."""

_MOST_PARAMETERS: Final = 100

_MOST_WAITING: Final = 200
"""Most requests that wait for one document: more than the server has connections, so only a thread that hangs reaches it."""

_SLOW: Final = frozenset({"changed", "export"})
"""Documents that take long; they have a thread of their own."""

_Key = tuple[int, str, str, bool]
"""The number of changes so far, path, query and whether it is compressed."""

BUSY: Final = problem(503, "busy: try again in a second")
"""The response where calls hang, or the system has no more threads."""


class Documents:
    """The responses of one source."""

    def __init__(self, source: Source) -> None:
        """Answer from *source*."""
        self._source = source
        self._background = Background("dashboard")
        self._slow = Background("dashboard-slow")
        self.reset_after_fork()
        forks.follow(self.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Start from scratch in a forked child: the parent answers its own clients."""
        self._lock = threading.Lock()
        self._changes = 0
        self._waiting: dict[_Key, list[Done]] = {}
        self._kept: dict[_Key, tuple[float, Response]] = {}
        """Responses and the monotonic times until which they are fresh, the oldest first."""

    def get(self, path: str, request: Request, done: Done) -> None:
        """Call *done* with the document at *path* of the API; returns at once."""
        with self._lock:
            key = (self._changes, path, request.query, wants_gzip(request.headers))
            fresh_until, response = self._kept.get(key, (0.0, BUSY))
            is_fresh = fresh_until > clocks.monotonic()
            waiting = self._waiting.setdefault(key, []) if not is_fresh else []
            is_first, is_full = not waiting, len(waiting) >= _MOST_WAITING
            if not is_fresh and not is_full:
                waiting.append(done)
        if is_fresh or is_full:
            done(response if is_fresh else BUSY)
        elif is_first and not self._thread(path).run(lambda: self._answer(key)):
            self._finish(key, BUSY)

    def expire(self) -> None:
        """Answer from now on with documents that are computed after this call: something has changed."""
        with self._lock:
            self._changes += 1

    def post(self, path: str, body: dict[str, Any], done: Done) -> None:
        """Call *done* with the result of the action at *path*; what is kept is too old afterwards. Returns at once."""

        def act() -> None:
            response = _contained(lambda: document(self._source.post(path, body)))
            self.expire()
            done(response)

        if not self._slow.run(act):
            done(BUSY)

    def _thread(self, path: str) -> Background:
        return self._slow if path in _SLOW else self._background

    def _answer(self, key: _Key) -> None:
        _, path, query, gzip = key
        self._finish(
            key, _contained(lambda: document(self._source.get(path, _parameters(query)), gzip=gzip)), is_new=True
        )

    def _finish(self, key: _Key, response: Response, *, is_new: bool = False) -> None:
        now = clocks.monotonic()
        with self._lock:
            waiting = self._waiting.pop(key, [])
            self._kept = {name: kept for name, kept in self._kept.items() if kept[0] > now}
            kept_bytes = sum(len(kept.body) for _, kept in self._kept.values())
            if is_new and kept_bytes + len(response.body) <= _MOST_BYTES:
                self._kept[key] = (now + _FRESH_S, response)
        for done in waiting:
            done(response)


def _parameters(query: str) -> Parameters:
    """Return the parameters in *query*. Raises SourceError if they are too many."""
    try:
        values = parse_qs(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise SourceError(f"more than {_MOST_PARAMETERS} parameters") from None
    return {name: items[0] if len(items) == 1 else items for name, items in values.items()}


def _contained(compute: Callable[[], Response]) -> Response:
    """Return what *compute* returns, or the response to its error."""
    try:
        return compute()
    except NotFoundError as error:
        return problem(404, str(error))
    except SourceError as error:
        return problem(400, str(error))
    except Exception:  # noqa: BLE001 - telemetry never raises into the program
        faults.contain("dashboard")
        return problem(500, "internal error; the log of the program has the reason")
