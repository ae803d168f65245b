"""
The gRPC health checking protocol (``grpc.health.v1``) in the user's own gRPC server; needs the extra ``grpc``.

Like every probe it returns the latest results and runs no check. Services are ``""`` (overall), ``liveness``, ``readiness``,
``startup``, and the name of each check, so that a Kubernetes ``grpc`` probe can name a group as its ``service``.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from csg_otel import sdk, waits
from csg_otel.errors import MissingExtraError
from csg_otel.health.definition import OVERALL
from csg_otel.health.report import GROUP_OF, render
from csg_otel.pipeline.safe_spans import discard_current_span
from csg_otel.server.tokens import Tokens

if TYPE_CHECKING:
    from csg_otel.health import Change, HealthSnapshot

_PROBE_OF = {group: probe for probe, group in GROUP_OF.items()}
_POLL_S = 1.0
"""Seconds between two readings for a watcher: a shutdown and a maintenance change no check, so no change is published."""

_WORKER_SHARE: Final = 4
"""One watcher for this many threads of a synchronous server: each occupies one, and the others answer the calls."""

_UNKNOWN_WORKERS: Final = 8
"""Threads that a synchronous server counts as having where its executor does not show them."""

_MOST_WATCHERS: Final = 1000
"""Most watchers of an asyncio server: each reads the status once a second."""

_SHOWN_CHARACTERS: Final = 100
"""Most characters of an unknown name in an error: a longer text than the client allows ends all calls of its connection."""


def add_grpc_health(server: Any) -> None:
    """
    Add the service ``grpc.health.v1.Health`` to *server* (a ``grpc.Server`` or ``grpc.aio.Server``).

    For an unknown service, ``Check`` returns NOT_FOUND and ``Watch`` sends SERVICE_UNKNOWN. In a synchronous server each
    watcher occupies a thread, so a quarter of its threads serves watchers; further ones get UNIMPLEMENTED, at which gRPC's
    clients go on without watching. With ``security.api_auth``, ``List`` has the names of checks only for a request with a
    token in its metadata (``authorization``). Requests to it leave no spans, also where an instrumentation traces the server.
    Raises MissingExtraError without ``grpcio-health-checking``.
    """
    try:
        from grpc_health.v1 import health_pb2_grpc
    except ImportError:
        raise MissingExtraError("the gRPC health service", "grpc") from None
    import grpc.aio

    is_async = isinstance(server, grpc.aio.Server)
    watchers = _Watchers(_MOST_WATCHERS if is_async else _workers(server) // _WORKER_SHARE)
    make = _async_servicer if is_async else _servicer
    health_pb2_grpc.add_HealthServicer_to_server(make(_Responses(), watchers), server)


def _workers(server: Any) -> int:
    """Return the number of threads of the synchronous *server*, as far as it shows them."""
    pool = getattr(getattr(server, "_state", None), "thread_pool", None)
    count = getattr(pool, "_max_workers", None)
    return count if isinstance(count, int) else _UNKNOWN_WORKERS


class _Watchers:
    """The number of watchers, which is bounded."""

    def __init__(self, most: int) -> None:
        """Allow *most* watchers at once."""
        self._most = most
        self._count = 0
        self._lock = threading.Lock()

    def enter(self) -> bool:
        """Count one more watcher, and return True; False if there are as many as may be."""
        with self._lock:
            if self._count >= self._most:
                return False
            self._count += 1
            return True

    def leave(self) -> None:
        """Count one watcher less."""
        with self._lock:
            self._count -= 1

    def refusal(self) -> tuple[Any, str]:
        """Return the arguments of a context's ``abort`` for a watcher that is too many."""
        import grpc

        text = f"only {self._most} clients may watch the health of this server at once; use Check"
        return grpc.StatusCode.UNIMPLEMENTED, text


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

    def of_all(self, metadata: Any) -> Any:
        """Return the response with the status of every service that a request with *metadata* may see."""
        checks = _snapshot().checks if _may_see_checks(metadata) else ()
        names = ("", *_PROBE_OF, *(view.name for view in checks))
        return self._messages.HealthListResponse(
            statuses={name: self.of(_serving(name)) for name in names if name != OVERALL}
        )


def _may_see_checks(metadata: Any) -> bool:
    """Return whether a request with *metadata* may see names of checks: as over HTTP, with a token where one is configured."""
    telemetry = sdk.current()
    auth = telemetry.config.security.api_auth if telemetry is not None else None
    if auth is None or not auth.enabled:
        return True
    sent = [str(value) for name, value in metadata or () if name == "authorization"]
    return any(map(Tokens.of(auth).accept, sent))


def _not_found(service: str) -> tuple[Any, str]:
    """Return the arguments of a context's ``abort`` for an unknown *service*."""
    import grpc

    text = f"unknown service {service[:_SHOWN_CHARACTERS]!a}; use liveness, readiness, startup or the name of a check"
    return grpc.StatusCode.NOT_FOUND, text


def _servicer(responses: _Responses, watchers: _Watchers) -> Any:
    from grpc_health.v1 import health_pb2_grpc

    class Servicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc] # generated without types
        """The service for a synchronous server."""

        def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
            """Return the status of a service now."""
            discard_current_span()
            if (serving := _serving(request.service)) is None:
                context.abort(*_not_found(request.service))
            return responses.of(serving)

        def List(self, _request: Any, context: Any) -> Any:  # noqa: N802
            """Return the status of every service."""
            discard_current_span()
            return responses.of_all(context.invocation_metadata())

        def Watch(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
            """Send the status now and after each change, until the client disconnects."""
            discard_current_span()
            if not watchers.enter():
                context.abort(*watchers.refusal())
            changed, remove = waits.Wakeup(), _nothing
            last: Any = ()
            try:
                remove = _on_change(changed.set)
                context.add_callback(changed.set)
                while context.is_active():
                    if (now := _serving(request.service)) != last:
                        last = now
                        yield responses.of(now)
                    changed.wait(_POLL_S)
            finally:
                watchers.leave()
                remove()

    return Servicer()


def _async_servicer(responses: _Responses, watchers: _Watchers) -> Any:
    from grpc_health.v1 import health_pb2_grpc

    class Servicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc] # generated without types
        """The service for an asyncio server, whose interceptors expect coroutines."""

        async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
            """Return the status of a service now."""
            discard_current_span()
            if (serving := _serving(request.service)) is None:
                await context.abort(*_not_found(request.service))
            return responses.of(serving)

        async def List(self, _request: Any, context: Any) -> Any:  # noqa: N802
            """Return the status of every service."""
            discard_current_span()
            return responses.of_all(context.invocation_metadata())

        async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
            """Send the status now and after each change; the server cancels it when the client disconnects."""
            discard_current_span()
            if not watchers.enter():
                await context.abort(*watchers.refusal())
            changed, loop, remove = asyncio.Event(), asyncio.get_running_loop(), _nothing
            last: Any = ()
            try:
                remove = _on_change(lambda: loop.call_soon_threadsafe(changed.set))
                while True:
                    if (now := _serving(request.service)) != last:
                        last = now
                        yield responses.of(now)
                    with suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(changed.wait(), _POLL_S)
                    changed.clear()
            finally:
                watchers.leave()
                remove()

    return Servicer()


def _nothing() -> None:
    """Remove nothing."""


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
