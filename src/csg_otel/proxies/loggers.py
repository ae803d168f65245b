"""The proxy logger provider, and its loggers."""

from __future__ import annotations

from typing import Any

from opentelemetry import _logs

from csg_otel import attributes as clean
from csg_otel import faults, interruptions
from csg_otel.proxies.base import Scope, SwappableProvider, scope


class SwappableLogger(_logs.Logger):
    """A logger that passes every record to the real logger."""

    def __init__(self, identity: Scope) -> None:
        super().__init__(*identity)
        self._scope = identity
        self._real: _logs.Logger = _logs.NoOpLogger(identity[0])

    def bind(self, provider: _logs.LoggerProvider) -> None:
        """Use the logger of *provider* from now on."""
        self._real = provider.get_logger(*self._scope)

    def emit(self, record: Any = None, **kwargs: Any) -> None:
        """Pass a record to the real logger; if that fails, clean the attributes and pass it again."""
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


class SwappableLoggerProvider(SwappableProvider, _logs.LoggerProvider):
    """A logger provider whose real provider can be swapped."""

    def __init__(self) -> None:
        super().__init__(_logs.NoOpLoggerProvider())

    def get_logger(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Any | None = None,
    ) -> _logs.Logger:
        """Return a logger that keeps working after every swap."""
        logger: _logs.Logger = self._bound(SwappableLogger(scope(name, version, schema_url, attributes)))
        return logger
