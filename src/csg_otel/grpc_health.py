"""
The gRPC health checking protocol (``grpc.health.v1``) in the user's own gRPC server; needs the extra ``grpc``.

Answers from what is known, as every probe does. Services: ``""`` (overall), ``liveness``, ``readiness``, ``startup``, or the
name of a check, so that a Kubernetes ``grpc`` probe can ask for a group by its ``service``.
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
_LOOK_S = 1.0
"""How late a watcher may learn of what no check's change tells: a shutdown, a maintenance, a result that got old."""


def add_grpc_health(server: Any) -> None:
    """
    Add the service ``grpc.health.v1.Health`` to *server* (a ``grpc.Server`` or ``grpc.aio.Server``).

    ``Check`` of a service nobody knows is NOT_FOUND, ``Watch`` of one SERVICE_UNKNOWN; a watcher takes one of a synchronous
    server's threads. Raises MissingExtraError without ``grpcio-health-checking``.
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
    words = {True: kinds.SERVING, False: kinds.NOT_SERVING, None: kinds.SERVICE_UNKNOWN}

    class Servicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc] # generated without types
        """Answers from the registry's snapshot."""

        def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
            """Answer whether a service is well now."""
            serving = _serving(request.service)
            if serving is None:
                context.abort(grpc.StatusCode.NOT_FOUND, f"unknown service {request.service!r}")
            return kinds(status=words[serving])

        def List(self, _request: Any, _context: Any) -> Any:  # noqa: N802
            """Answer for every service there is."""
            names = ("", *_PROBE_OF, *(view.name for view in _snapshot().checks))
            statuses = {name: kinds(status=words[_serving(name)]) for name in names if name != OVERALL}
            return health_pb2.HealthListResponse(statuses=statuses)

        def Watch(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
            """Send the status now and whenever it has changed, until the caller goes."""
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
                        yield kinds(status=words[now])
                    changed.wait(_LOOK_S)
                    changed.clear()
            finally:
                remove()

    return Servicer()


def _snapshot() -> HealthSnapshot:
    from csg_otel.health import default_registry

    telemetry = sdk.current()
    return telemetry.health.snapshot() if telemetry is not None else default_registry().snapshot()


def _serving(service: str) -> bool | None:
    """Return whether the probe or check called *service* passes; None if there is none."""
    snapshot = _snapshot()
    group = service or OVERALL
    if group in _PROBE_OF:
        return render(snapshot, _PROBE_OF[group], shutting_down=sdk.current() is None).status == 200
    if any(view.name == service for view in snapshot.checks):
        return render(snapshot, "healthz", check=service).status == 200
    return None
