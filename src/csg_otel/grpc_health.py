"""
The gRPC health checking protocol (``grpc.health.v1``) in the user's own gRPC server; needs the extra ``grpc``.

Like every probe it returns the latest results and runs no check. Services are ``""`` (overall), ``liveness``, ``readiness``,
``startup``, and the name of each check, so that a Kubernetes ``grpc`` probe can name a group as its ``service``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from csg_otel import sdk, waits
from csg_otel.errors import MissingExtraError
from csg_otel.health.definition import OVERALL
from csg_otel.health.report import GROUP_OF, render
from csg_otel.pipeline.safe_spans import discard_current_span

if TYPE_CHECKING:
    from csg_otel.health import Change, HealthSnapshot

_PROBE_OF = {group: probe for probe, group in GROUP_OF.items()}
_POLL_S = 1.0
"""Seconds between two readings for a watcher: a shutdown and a maintenance change no check, so no change is published."""


def add_grpc_health(server: Any) -> None:
    """
    Add the service ``grpc.health.v1.Health`` to *server* (a ``grpc.Server`` or ``grpc.aio.Server``).

    For an unknown service, ``Check`` returns NOT_FOUND and ``Watch`` sends SERVICE_UNKNOWN. In a synchronous server each
    watcher occupies a thread. Requests to it leave no spans, also where an instrumentation traces the server. Raises
    MissingExtraError without ``grpcio-health-checking``.
    """
    try:
        from grpc_health.v1 import health_pb2_grpc
    except ImportError:
        raise MissingExtraError("the gRPC health service", "grpc") from None
    import grpc.aio

    is_async = isinstance(server, grpc.aio.Server)
    health_pb2_grpc.add_HealthServicer_to_server((_async_servicer if is_async else _servicer)(_Responses()), server)


class _Responses:
    """The messages of the service, on top of the registry's snapshot."""

    def __init__(self) -> None:
        from grpc_health.v1 import health_pb2

        self._messages = health_pb2
        kinds = health_pb2.HealthCheckResponse
        self._statuses = {True: kinds.SERVING, False: kinds.NOT_SERVING, None: kinds.SERVICE_UNKNOWN}

    def of(self, serving: bool | None) -> Any:
        """Return the response for *serving*; None means an unknown service."""
        return self._messages.HealthCheckResponse(status=self._statuses[serving])

    def of_all(self) -> Any:
        """Return the response with the status of every service."""
        names = ("", *_PROBE_OF, *(view.name for view in _snapshot().checks))
        return self._messages.HealthListResponse(
            statuses={name: self.of(_serving(name)) for name in names if name != OVERALL}
        )


def _not_found(service: str) -> tuple[Any, str]:
    """Return the arguments of a context's ``abort`` for an unknown *service*."""
    import grpc

    text = f"unknown service {service!r}; use liveness, readiness, startup or the name of a check"
    return grpc.StatusCode.NOT_FOUND, text


def _servicer(responses: _Responses) -> Any:
    from grpc_health.v1 import health_pb2_grpc

    class Servicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc] # generated without types
        """The service for a synchronous server."""

        def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
            """Return the status of a service now."""
            discard_current_span()
            if (serving := _serving(request.service)) is None:
                context.abort(*_not_found(request.service))
            return responses.of(serving)

        def List(self, _request: Any, _context: Any) -> Any:  # noqa: N802
            """Return the status of every service."""
            discard_current_span()
            return responses.of_all()

        def Watch(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
            """Send the status now and after each change, until the client disconnects."""
            discard_current_span()
            changed = waits.Wakeup()
            remove = _on_change(changed.set)
            context.add_callback(changed.set)
            last: Any = ()
            try:
                while context.is_active():
                    if (now := _serving(request.service)) != last:
                        last = now
                        yield responses.of(now)
                    changed.wait(_POLL_S)
            finally:
                remove()

    return Servicer()


def _async_servicer(responses: _Responses) -> Any:
    from grpc_health.v1 import health_pb2_grpc

    class Servicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc] # generated without types
        """The service for an asyncio server, whose interceptors expect coroutines."""

        async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
            """Return the status of a service now."""
            discard_current_span()
            if (serving := _serving(request.service)) is None:
                await context.abort(*_not_found(request.service))
            return responses.of(serving)

        async def List(self, _request: Any, _context: Any) -> Any:  # noqa: N802
            """Return the status of every service."""
            discard_current_span()
            return responses.of_all()

        async def Watch(self, request: Any, _context: Any) -> AsyncIterator[Any]:  # noqa: N802
            """Send the status now and after each change; the server cancels it when the client disconnects."""
            discard_current_span()
            changed, loop = asyncio.Event(), asyncio.get_running_loop()
            remove = _on_change(lambda: loop.call_soon_threadsafe(changed.set))
            last: Any = ()
            try:
                while True:
                    if (now := _serving(request.service)) != last:
                        last = now
                        yield responses.of(now)
                    with suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(changed.wait(), _POLL_S)
                    changed.clear()
            finally:
                remove()

    return Servicer()


def _on_change(wake: Callable[[], object]) -> Callable[[], None]:
    """Call *wake* after each change of health, on a thread of telemetry; return a function that removes it."""

    def listener(_change: Change) -> None:
        with suppress(RuntimeError):  # the event loop of the server is closed
            wake()

    telemetry = sdk.current()
    return telemetry.health.on_change(listener) if telemetry is not None else lambda: None


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
