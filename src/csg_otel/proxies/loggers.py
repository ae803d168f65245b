"""The proxy of a logger."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs

from csg_otel import attributes as clean
from csg_otel import faults, forks, interruptions

if TYPE_CHECKING:
    from csg_otel.proxies.base import Scope


class SafeLogger(_logs.Logger):
    """A logger that passes every record to the real logger."""

    def __init__(self, identity: Scope) -> None:
        super().__init__(*identity)
        self._scope = identity
        self._real: _logs.Logger = _logs.NoOpLogger(identity[0])

    def bind(self, get_logger: Callable[..., _logs.Logger]) -> None:
        """Use the logger that *get_logger* returns from now on."""
        self._real = get_logger(*self._scope)

    def emit(self, record: Any = None, **kwargs: Any) -> None:
        """Pass a record to the real logger; if that fails, clean the attributes and pass it again."""
        if not forks.mark[0]:
            forks.enter_child()
        try:
            self._real.emit(record, **kwargs)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            interruptions.let_through()
            try:
                if isinstance(record, _logs.LogRecord):
                    record.attributes = clean.clean(record.attributes or {})
                kwargs["attributes"] = clean.clean(kwargs.get("attributes") or {})
                self._real.emit(record, **kwargs)
            except Exception:  # noqa: BLE001 - as above; this record is lost
                faults.contain("logs")

    def enabled(self, *args: Any, **kwargs: Any) -> bool:
        """Return whether a record would be exported."""
        try:
            return self._real.enabled(*args, **kwargs)
        except Exception:  # noqa: BLE001 - as above
            faults.contain("logs")
            return True
