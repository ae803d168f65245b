"""
gevent: it may replace threads by greenlets while telemetry runs, as gunicorn's workers do after they have loaded the program.

A thread that was started before goes on with the locks of both worlds, which blocks greenlets and loses what is queued. gevent
announces that it patches, so telemetry ends its threads before, and starts them again, as greenlets, after.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Final

from csg_otel import interruptions

_PATCHES: Final = "gevent.monkey"
"""The module whose functions patch."""

_log = logging.getLogger("csg_otel")


class GreenletWatch:
    """Calls *end_threads* before gevent patches everything, and *start_threads* after."""

    def __init__(self, end_threads: Callable[[], object], start_threads: Callable[[], object]) -> None:
        """Set the functions; :meth:`register` begins."""
        self._on = {"GeventWillPatchAllEvent": end_threads, "GeventDidPatchAllEvent": start_threads}

    def register(self) -> None:
        """Register with gevent; if the program has not imported it yet, as soon as it does. Idempotent."""
        if _PATCHES in sys.modules:
            self._subscribe()
        elif self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """Stop watching."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        events: Any = sys.modules.get("gevent.events")
        if events is not None and self._on_event in events.subscribers:
            events.subscribers.remove(self._on_event)

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:  # noqa: ARG002 - as a finder is called
        """Find no module, but register when the program imports gevent's patches."""
        if name == _PATCHES:
            sys.meta_path.remove(self)
            self._subscribe()

    def _subscribe(self) -> None:
        try:
            subscribers = importlib.import_module("gevent.events").subscribers
            if self._on_event not in subscribers:
                subscribers.append(self._on_event)
        except Exception:  # noqa: BLE001 - another gevent; the program's import must go on
            interruptions.let_through()
            _log.debug("gevent announces no patches", exc_info=True)

    def _on_event(self, event: object) -> None:
        function = self._on.get(type(event).__name__)
        if function is None:
            return
        try:
            function()
        except Exception:  # noqa: BLE001 - gevent must patch all the same
            interruptions.let_through()
            _log.warning("telemetry does not work after gevent's patches; call them before instrument()", exc_info=True)
