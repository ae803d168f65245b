"""The base of the three proxy providers: it holds the real provider, and binds its tracers, meters and loggers to it."""

from __future__ import annotations

import threading
import weakref
from typing import Any

from csg_otel import attributes as clean

Scope = tuple[str, str | None, str | None, dict[str, clean.Value] | None]
"""Name, version, schema URL and attributes of an instrumentation scope."""


def scope(name: Any, version: Any, schema_url: Any, attributes: Any) -> Scope:
    """Return an instrumentation scope that can be hashed and encoded; an invalid scope would cost every batch."""
    sound = attributes if attributes is None or clean.sound(attributes) else clean.clean(attributes)
    return _text(name) or "", _text(version), _text(schema_url), sound


def _text(value: Any) -> str | None:
    return None if value is None else clean.text(value)


class SwappableProvider:
    """A provider whose real provider can be swapped."""

    def __init__(self, idle: Any) -> None:
        self._lock = threading.RLock()
        self._idle = idle
        self._real: Any = idle
        self._clients: weakref.WeakSet[Any] = weakref.WeakSet()

    def swap(self, real: Any | None) -> None:
        """Bind every existing tracer, meter or logger to *real*; None makes them no-ops."""
        with self._lock:
            self._real = self._idle if real is None else real
            for client in list(self._clients):
                client.bind(self._real)

    def _bound(self, client: Any) -> Any:
        """Bind *client*, a new tracer, meter or logger, to the real provider now and at every swap; return it."""
        with self._lock:
            client.bind(self._real)
            self._clients.add(client)
        return client

    def reset_lock(self) -> None:
        """Replace the lock in a forked child, where the thread that held it no longer exists."""
        self._lock = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the real provider that the API does not have (``add_span_processor``, ``resource``, ...)."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._real, name)
