"""The scope of a tracer, meter or logger, and the clients of one provider, which are bound to real ones together."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
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


class Clients:
    """The tracers or loggers of one provider; each is bound to the real one that a function returns for its scope."""

    def __init__(self, get_real: Callable[..., Any]) -> None:
        """Bind clients to the results of *get_real*, which takes the four fields of a scope."""
        self._lock = threading.RLock()
        self._get_real = get_real
        self._clients: weakref.WeakSet[Any] = weakref.WeakSet()

    def bind(self, get_real: Callable[..., Any]) -> None:
        """Bind every client, present and future, to the results of *get_real*."""
        with self._lock:
            self._get_real = get_real
            for client in list(self._clients):
                client.bind(get_real)

    def add(self, client: Any) -> Any:
        """Bind *client* now and at every change; return it."""
        with self._lock:
            client.bind(self._get_real)
            self._clients.add(client)
        return client

    def reset_lock(self) -> None:
        """Replace the lock in a forked child, where the thread that held it no longer exists."""
        self._lock = threading.RLock()
