"""What the three exchangeable providers share: the real one behind them, and the handles to rebind when it changes."""

from __future__ import annotations

import threading
import weakref
from typing import Any

from csg_otel import attributes as clean

Scope = tuple[str, str | None, str | None, dict[str, clean.Value] | None]
"""Name, version, schema URL and attributes of who instruments."""


def scope(name: Any, version: Any, schema_url: Any, attributes: Any) -> Scope:
    """Return an instrumentation scope that can be hashed and encoded; one that can't would cost every batch."""
    found = attributes if attributes is None or clean.sound(attributes) else clean.clean(attributes)
    return _text(name) or "", _text(version), _text(schema_url), found


def _text(given: Any) -> str | None:
    return None if given is None else clean.text(given)


class SwappableProvider:
    """A provider whose real one can be exchanged."""

    def __init__(self, idle: Any) -> None:
        self._lock = threading.RLock()
        self._idle = idle
        self._real: Any = idle
        self._handles: weakref.WeakSet[Any] = weakref.WeakSet()

    def swap(self, real: Any | None) -> None:
        """Plug *real* in behind every handle given out so far; None makes them all no-ops."""
        with self._lock:
            self._real = self._idle if real is None else real
            for handle in list(self._handles):
                handle.bind(self._real)

    def _bound(self, handle: Any) -> Any:
        with self._lock:
            handle.bind(self._real)
            self._handles.add(handle)
        return handle

    def reset_lock(self) -> None:
        """Replace the lock; for a forked child, where its holder no longer exists."""
        self._lock = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        """Offer what the plugged-in provider offers beyond the API (``add_span_processor``, ``resource``, ...)."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._real, name)
