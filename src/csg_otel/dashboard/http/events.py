"""
The events of the dashboard (server-sent events): one thread reads what has changed, and every page gets the same bytes.

The thread runs only while a page watches. A new page gets ``hello`` first. All changes after ``hello`` are in its events, so it
fetches what it shows when ``hello`` arrives.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from csg_otel import clocks, faults, forks, waits
from csg_otel.dashboard.http.headers import NO_STORE
from csg_otel.dashboard.http.rendering import json_bytes
from csg_otel.dashboard.model import SCHEMA_VERSION
from csg_otel.dashboard.source import Source
from csg_otel.server.messages import Response
from csg_otel.server.streams import Stream
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TOPICS: Final = ("status", "health", "traces", "logs", "metrics", "alerts")

_STATES: Final = frozenset({"status", "health", "alerts"})
"""Topics whose newest event stands for all before it; a new page gets it after ``hello``."""

_NEWS: Final = tuple(topic for topic in TOPICS if topic not in _STATES)

_EACH_SECOND: Final = "status"
"""The topic that changes each second, since it has ages; its event has all that is new."""

_EVERY_S: Final = 0.5
"""Seconds between two looks at what has changed; states are whole documents, so every second look is at them."""

_COMMENT_EVERY_S: Final = 15.0
"""Seconds between two comments, by which proxies and pages notice that the connection is alive."""

_COMMENT: Final = b":\n\n"

_HEADERS: Final = {**NO_STORE, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
"""The last one makes nginx pass the events on at once."""

_RETRY: Final = b"retry: 1000\n"
"""The first line of a stream: milliseconds after which a browser connects again."""


class Live(Source, Protocol):
    """A source with events."""

    @property
    def session(self) -> str:
        """The identity of this run of the process."""

    def update(self, topic: str, mark: int) -> tuple[int, Any | None]:
        """
        Return the new mark of *topic*, and the document of an event if something has changed since *mark*; None otherwise.

        *mark* is 0 at first. Called twice a second for each topic while a page watches.
        """


@dataclass(eq=False)
class _Watcher:
    """A page that watches."""

    topics: frozenset[str]
    stream: Stream = field(default_factory=Stream)
    greeted: bool = False


class Events:
    """The pages that watch one source."""

    def __init__(self, source: Live, expire: Callable[[], None]) -> None:
        """
        Ask *source*, on a thread of its own.

        Args:
            source: What is watched.
            expire: Called before an event of a change is sent; documents computed before it are too old.
        """
        self._source = source
        self._expire = expire
        self.reset_after_fork()
        forks.follow(self.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Start from scratch in a forked child: the parent serves its own clients."""
        self._lock = threading.Lock()
        self._watchers: list[_Watcher] = []
        self._thread: threading.Thread | None = None
        self._wakeup = waits.Wakeup()
        self._marks: dict[str, int] = {}
        self._latest: dict[str, bytes] = {}

    def response(self, topics: Iterable[str]) -> Response:
        """Return a stream of the events *topics*. Raises RuntimeError if the system has no more threads."""
        watcher = _Watcher(frozenset(topics))
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                thread = OwnThread(target=self._run, name="csg-otel-dashboard-events")
                thread.start()
                self._thread = thread
            self._watchers.append(watcher)
        self._wakeup.set()
        return Response(200, b"", _HEADERS, watcher.stream)

    def _run(self) -> None:
        self._marks, self._latest = {}, {}
        look_at = comment_at = clocks.monotonic()
        looks = 0
        while watchers := self._present():
            self._greet([watcher for watcher in watchers if not watcher.greeted])
            now = clocks.monotonic()
            if now >= look_at:
                look_at, looks = now + _EVERY_S, looks + 1
                self._send_changes(watchers, TOPICS if looks % 2 else _NEWS)
            if now >= comment_at:
                comment_at = now + _COMMENT_EVERY_S
                _send(watchers, _COMMENT)
            self._wakeup.wait(look_at - clocks.monotonic())

    def _present(self) -> list[_Watcher]:
        """Return the pages that still watch; without one, this thread is over."""
        with self._lock:
            self._watchers = [watcher for watcher in self._watchers if not watcher.stream.closed]
            if not self._watchers:
                self._thread = None
            return list(self._watchers)

    def _greet(self, watchers: list[_Watcher]) -> None:
        for watcher in watchers:
            for topic in sorted(watcher.topics - self._marks.keys()):
                piece = self._change(topic)  # of what is new, the page fetches as much as it shows
                if piece and topic in _STATES:
                    self._latest[topic] = piece
            hello = {"schema_version": SCHEMA_VERSION, "session": self._source.session, "time": time.time()}
            states = [self._latest[topic] for topic in sorted(watcher.topics) if topic in self._latest]
            watcher.stream.send(b"".join((_RETRY, _event("hello", hello), *states)))
            watcher.greeted = True

    def _send_changes(self, watchers: list[_Watcher], topics: Iterable[str]) -> None:
        for topic in topics:
            interested = [watcher for watcher in watchers if topic in watcher.topics]
            if interested and (piece := self._change(topic)):
                if topic in _STATES:
                    self._latest[topic] = piece
                _send(interested, piece)

    def _change(self, topic: str) -> bytes:
        """Return the event about what has changed in *topic*; empty if nothing has."""
        mark = self._marks.get(topic, 0)
        try:
            self._marks[topic], document = self._source.update(topic, mark)
            if document is None:
                return b""
            if topic != _EACH_SECOND:
                self._expire()
            return _event(topic, document)
        except Exception:  # noqa: BLE001 - the other topics go on, and telemetry never raises into the program
            self._marks.setdefault(topic, mark)
            faults.contain("dashboard events")
            return b""


def _send(watchers: list[_Watcher], piece: bytes) -> None:
    for watcher in watchers:
        watcher.stream.send(piece)


def _event(topic: str, document: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (topic.encode(), json_bytes(document))
