"""A source of the dashboard for tests: documents and events as the test sets them, and what was requested of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from csg_otel.dashboard.source import NotFoundError, Parameters, SourceError


class SetSource:
    """A source whose documents are set by the test; a document that is callable computes one from the parameters."""

    address = ""

    def __init__(self) -> None:
        self.session = "first"
        self.documents: dict[str, Any] = {"status": {"overall": "healthy"}, "traces": {"traces": []}}
        self.requests: list[tuple[str, Parameters]] = []
        self.posts: list[tuple[str, Mapping[str, Any]]] = []
        self.events: dict[str, list[Any]] = {}
        self.looks: Counter[str] = Counter()
        self.threads: set[str] = set()

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """Return the document that is set."""
        self.requests.append((path, parameters or {}))
        self.threads.add(threading.current_thread().name)
        if "wrong" in (parameters or {}):
            raise SourceError("there is no parameter 'wrong'")
        if path not in self.documents:
            raise NotFoundError(f"there is no document {path!r}")
        document = self.documents[path]
        return document(parameters or {}) if isinstance(document, Callable) else document  # type: ignore[arg-type]

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Keep the action."""
        self.posts.append((path, body))
        self.threads.add(threading.current_thread().name)
        return {"restarted": True} if path == "services/restart" else {"done": path}

    def update(self, topic: str, mark: int) -> tuple[int, Any | None]:
        """Return the newest of the events that the test has set for *topic*."""
        self.looks[topic] += 1
        self.threads.add(threading.current_thread().name)
        events = self.events.get(topic, [])
        return len(events), events[-1] if len(events) > mark else None
