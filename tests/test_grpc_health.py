"""The gRPC health service in real servers, synchronous and asyncio, asked by the generated client."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import csg_otel
from csg_otel.health import Check, default_registry
from support.programs import eventually

Response = health_pb2.HealthCheckResponse
SERVING, NOT_SERVING = Response.SERVING, Response.NOT_SERVING


class Switch:
    """A check that can be thrown."""

    well = True

    def __call__(self) -> bool:
        return self.well


@pytest.fixture
def switch() -> Iterator[Switch]:
    """A telemetry with one check that counts for readiness, and the switch of it."""
    default_registry.cache_clear()
    switch = Switch()
    default_registry().register(Check(name="till", function=switch, interval_s=0.05))
    off = {
        section: {"enabled": False} for section in ("system_resources", "application", "dependencies", "performance")
    }
    settings = {"health_monitoring": {"checks": off}, "system_monitoring": {"prometheus": {"port": 0}}}
    with csg_otel.instrument(exporters=[], config=settings) as telemetry:
        telemetry.health.run("till")
        yield switch
    default_registry.cache_clear()


def ask(channel: Any, service: str = "") -> Any:
    """Return the status of *service*."""
    return health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=30).status


def watched(stub: Any, service: str) -> Any:
    """Return the first status that a watcher of *service* gets; None if there are too many watchers."""
    stream = stub.Watch(health_pb2.HealthCheckRequest(service=service), timeout=30)
    try:
        return next(stream).status
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
            raise
        return None
    finally:
        stream.cancel()


@pytest.fixture
def channel(switch: Switch) -> Iterator[Any]:
    """A connection to a synchronous server."""
    server = grpc.server(ThreadPoolExecutor(4))
    csg_otel.add_grpc_health(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as made:
        yield made
    server.stop(None).wait(5)


def test_services_are_groups_and_checks(channel: Any, switch: Switch) -> None:
    """And follow their states; an unknown service is NOT_FOUND."""
    assert [ask(channel, name) for name in ("", "readiness", "till", "liveness")] == [SERVING] * 4

    switch.well = False
    csg_otel.HealthMonitor().run_all_checks()

    assert [ask(channel, name) for name in ("", "readiness", "till")] == [NOT_SERVING] * 3
    assert ask(channel, "liveness") == SERVING
    with pytest.raises(grpc.RpcError) as raised:
        ask(channel, "tills")
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND
    listed = health_pb2_grpc.HealthStub(channel).List(health_pb2.HealthListRequest(), timeout=30).statuses
    assert {"", "readiness", "till"} <= set(listed)


def test_a_watcher_gets_changes(channel: Any, switch: Switch) -> None:
    """Now, and whenever it has changed."""
    stream = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="readiness"), timeout=50)
    assert next(stream).status == SERVING

    threading.Timer(0.2, setattr, (switch, "well", False)).start()
    assert next(stream).status == NOT_SERVING
    switch.well = True
    assert next(stream).status == SERVING
    stream.cancel()

    stub = health_pb2_grpc.HealthStub(channel)
    eventually(
        lambda: watched(stub, "x") == Response.SERVICE_UNKNOWN
    )  # once the server has noticed that the first one left


def test_an_asyncio_server_has_it_too(switch: Switch) -> None:
    """The same call, and the same answers; a watcher gets changes there as well."""

    async def main() -> list[Any]:
        server = grpc.aio.server()
        csg_otel.add_grpc_health(server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            health = health_pb2_grpc.HealthStub(channel)
            overall = (await health.Check(health_pb2.HealthCheckRequest(), timeout=30)).status
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await health.Check(health_pb2.HealthCheckRequest(service="tills"), timeout=30)
            names = (await health.List(health_pb2.HealthListRequest(), timeout=30)).statuses
            watch = health.Watch(health_pb2.HealthCheckRequest(service="readiness"), timeout=50)
            before = (await watch.read()).status
            switch.well = False
            after = (await watch.read()).status
            watch.cancel()
        await server.stop(None)
        return [overall, raised.value.code(), "till" in names, before, after]

    assert asyncio.run(main()) == [SERVING, grpc.StatusCode.NOT_FOUND, True, SERVING, NOT_SERVING]


def test_watchers_leave_threads_for_the_calls(switch: Switch) -> None:
    """More clients than the server has threads watch: calls are answered, the others may watch when one has left."""
    server = grpc.server(ThreadPoolExecutor(8))
    csg_otel.add_grpc_health(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        streams = [stub.Watch(health_pb2.HealthCheckRequest(service="none"), timeout=100) for _ in range(20)]
        codes: list[Any] = []
        watching: list[Any] = []
        for stream in streams:
            try:
                assert next(stream).status == Response.SERVICE_UNKNOWN
                watching.append(stream)
            except grpc.RpcError as error:
                codes.append(error.code())

        assert (len(watching), codes) == (2, [grpc.StatusCode.UNIMPLEMENTED] * 18)
        assert ask(channel) == SERVING
        for stream in watching:
            stream.cancel()

        eventually(lambda: watched(stub, "") == SERVING)
    server.stop(None).wait(5)


def _threads() -> set[threading.Thread]:
    """Return the threads, without those that each run of a check has for itself."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("csg-otel-check-")}


def test_silent_connections_keep_no_call_waiting(switch: Switch) -> None:
    """200 clients that send nothing, half of the greeting of HTTP/2, or all of it: calls are answered, no thread is added."""
    greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    settings = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))  # an empty frame of settings
    server = grpc.server(ThreadPoolExecutor(4))
    csg_otel.add_grpc_health(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, ExitStack() as clients:
        assert ask(channel) == SERVING
        before = _threads()
        for number in range(200):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", port), 20))
            client.sendall((b"", greeting[:10], greeting, greeting + settings)[number % 4])
        with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]) as other:
            assert [ask(each) for each in (channel, other) * 10] == [SERVING] * 20
        assert len(_threads() - before) <= 3  # of the pool: one for a call each, at most four
    server.stop(None).wait(5)


def test_a_long_name_is_not_repeated(channel: Any) -> None:
    """A status text longer than the client allows would end all calls of the connection."""
    with pytest.raises(grpc.RpcError) as raised:
        ask(channel, "é" * 500_000)

    assert raised.value.code() is grpc.StatusCode.NOT_FOUND
    assert len(raised.value.details()) < 1000


def test_names_of_checks_need_the_token() -> None:
    """As over HTTP: groups are listed to all, checks to clients with a token in the metadata."""
    default_registry.cache_clear()
    default_registry().register(Check(name="till", function=Switch()))
    auth = {"enabled": True, "tokens": ["one"]}
    with csg_otel.instrument(exporters=[], security__api_auth=auth, system_monitoring__prometheus__port=0):
        server = grpc.server(ThreadPoolExecutor(4))
        csg_otel.add_grpc_health(server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            listed = [
                set(stub.List(health_pb2.HealthListRequest(), timeout=30, metadata=metadata).statuses)
                for metadata in ((), (("authorization", "Bearer two"),), (("authorization", "Bearer one"),))
            ]
        server.stop(None).wait(5)
    default_registry.cache_clear()

    assert [("till" in names, "readiness" in names) for names in listed] == [(False, True), (False, True), (True, True)]
