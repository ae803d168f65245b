"""
The gRPC health checking protocol (``grpc.health.v1``) in the user's own gRPC server; needs the extra ``grpc``.

Like every probe it returns the latest results and runs no check. Services are ``""`` (overall), ``liveness``, ``readiness``,
``startup``, and the name of each check, so that a Kubernetes ``grpc`` probe can name a group as its ``service``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from csg_otel import sdk
from csg_otel.errors import MissingExtraError
from csg_otel.health.definition import OVERALL
from csg_otel.health.report import GROUP_OF, render

if TYPE_CHECKING:
    from csg_otel.health import HealthSnapshot

_PROBE_OF = {group: probe for probe, group in GROUP_OF.items()}
_POLL_S = 1.0
"""Seconds between two readings for a watcher: a shutdown and a maintenance change no check, so no change is published."""


def add_grpc_health(server: Any) -> None:
    """
    Add the service ``grpc.health.v1.Health`` to *server* (a ``grpc.Server`` or ``grpc.aio.Server``).

    For an unknown service, ``Check`` returns NOT_FOUND and ``Watch`` sends SERVICE_UNKNOWN. In a synchronous server each
    watcher occupies a thread. Raises MissingExtraError without ``grpcio-health-checking``.
    """
    try:
        from grpc_health.v1 import health_pb2_grpc
    except ImportError:
        raise MissingExtraError("the gRPC health service", "grpc") from None
    health_pb2_grpc.add_HealthServicer_to_server(_servicer(), server)


def _servicer() -> Any:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    kinds = health_pb2.HealthCheckResponse
    status_of = {True: kinds.SERVING, False: kinds.NOT_SERVING, None: kinds.SERVICE_UNKNOWN}

    class Servicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc] # generated without types
        """The service, on top of the registry's snapshot."""

        def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
            """Return the status of a service now."""
            serving = _serving(request.service)
            if serving is None:
                context.abort(
                    grpc.StatusCode.NOT_FOUND,
                    f"unknown service {request.service!r}; use liveness, readiness, startup or the name of a check",
                )
            return kinds(status=status_of[serving])

        def List(self, _request: Any, _context: Any) -> Any:  # noqa: N802
            """Return the status of every service."""
            names = ("", *_PROBE_OF, *(view.name for view in _snapshot().checks))
            statuses = {name: kinds(status=status_of[_serving(name)]) for name in names if name != OVERALL}
            return health_pb2.HealthListResponse(statuses=statuses)

        def Watch(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
            """Send the status now and after each change, until the client disconnects."""
            changed = threading.Event()
            telemetry = sdk.current()
            remove = (
                telemetry.health.on_change(lambda _change: changed.set()) if telemetry is not None else lambda: None
            )
            context.add_callback(changed.set)
            last: Any = ()
            try:
                while context.is_active():
                    if (now := _serving(request.service)) != last:
                        last = now
                        yield kinds(status=status_of[now])
                    changed.wait(_POLL_S)
                    changed.clear()
            finally:
                remove()

    return Servicer()


def _snapshot() -> HealthSnapshot:
    from csg_otel.health import default_registry

    telemetry = sdk.current()
    return telemetry.health.snapshot() if telemetry is not None else default_registry().snapshot()


def _serving(service: str) -> bool | None:
    """Return whether the probe or check named *service* passes; None if there is no such service."""
    snapshot = _snapshot()
    group = service or OVERALL
    if group in _PROBE_OF:
        return render(snapshot, _PROBE_OF[group], shutting_down=sdk.current() is None).status == 200
    if any(view.name == service for view in snapshot.checks):
        return render(snapshot, "healthz", check=service).status == 200
    return None
