"""
The composition root: ``instrument()`` reads the configuration once and builds or changes the one telemetry of the process.

``telemetry`` contains the handle that it returns, ``parts`` the parts that run. The rule: every problem of a configuration is
reported before anything has started.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from csg_otel import forks
from csg_otel.config import Config, load, load_lenient
from csg_otel.exporters.delivery.accounting import ShutdownReport
from csg_otel.sdk.instrumentations import activate_installed
from csg_otel.sdk.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from csg_otel.config import Loaded
    from csg_otel.sdk.parts import Role

__all__ = ["ShutdownReport", "Telemetry", "current", "instrument"]

_log = logging.getLogger("csg_otel")


def instrument(
    service_name: str | None = None,
    *,
    config: str | os.PathLike[str] | Mapping[str, Any] | Config | None = None,
    exporters: Sequence[str] | str | None = None,
    environment: str | None = None,
    on_error: Literal["raise", "warn"] = "raise",
    handle_signals: bool = True,
    auto: bool = False,
    **settings: Any,
) -> Telemetry:
    """
    Make this program observable and return the handle.

    A second call with equal settings returns the same handle. With other settings it also drains the destinations of the old
    settings and starts the new ones; instruments keep working.

    Args:
        service_name: The service's name. Default: the name in the environment, else in the file, else the script's name.
        config: A path, a mapping or a :class:`Config`. Default: file ``CSG_OTEL_CONFIG``, else ``monitoring_config.yaml``.
        exporters: The destinations, for example ``["console", "prometheus", "otlp://localhost:4317", "datadog"]``;
            all others are off. Default: the destinations in the configuration.
        environment: The deployment environment; also selects ``environments.<name>`` in the file. Default: as configured.
        on_error: ``"raise"`` (default), or ``"warn"``: log the problems and continue with the valid settings.
        handle_signals: Whether SIGTERM flushes the telemetry before the program's own or the default handling. Default True.
        auto: Whether the installed ``opentelemetry-instrumentation-*`` packages are loaded. Default False.
        **settings: Any other setting, by its key with ``__`` instead of dots, in seconds and bytes:
            ``system_monitoring__prometheus__port=0``.

    Raises:
        ConfigError: With every problem of the configuration, before anything has started.
        HealthDefinitionError: If health checks contradict each other.
    """
    code = {key.replace("__", "."): value for key, value in settings.items()}
    code.update(service_name=service_name, environment=environment, exporters=exporters)
    source = Path(config) if isinstance(config, (str, os.PathLike)) else config
    loaded = (load if on_error == "raise" else load_lenient)(source, code=code)
    return apply(loaded, "owner", handle_signals=handle_signals, auto=auto)


def apply(loaded: Loaded, role: Role, *, handle_signals: bool, auto: bool) -> Telemetry:
    """Start or change the telemetry of this process; see :func:`instrument`."""
    global _current  # noqa: PLW0603 - one telemetry per process, as OpenTelemetry's providers are global
    for warning in (*loaded.warnings, *loaded.problems):
        _log.warning("%s", warning)
    with _lock:
        if _current is None or not _current.reconfigure(loaded, role):
            _current = Telemetry(loaded, role, handle_signals=handle_signals, on_shutdown=_forget)
            forks.follow(_reset_lock_after_fork)
        if auto:
            activate_installed()
        telemetry = _current
    telemetry.announce()  # without the lock, because handlers of the program may log it
    return telemetry


_current: Telemetry | None = None
_lock = threading.RLock()


def current() -> Telemetry | None:
    """Return the running telemetry; None before ``instrument()`` and after ``shutdown()``."""
    return _current


def _forget(telemetry: Telemetry) -> None:
    global _current  # noqa: PLW0603 - see instrument()
    with _lock:
        if _current is telemetry:
            _current = None


def _reset_lock_after_fork() -> None:
    global _lock  # noqa: PLW0603 - a thread of the parent may have held it
    _lock = threading.RLock()
