"""The events of the dashboard: what a page gets, that all share one rendering, and that no page can hurt another."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import islice

import pytest

from csg_otel.dashboard.http import events, rendering
from support.dashboard_source import SetSource
from support.endpoints import WITHIN_S
from support.programs import eventually
from support.web_client import Event, ServedWeb


def _names(stream: object, count: int) -> list[str]:
    return [event.name for event in islice(stream, count)]  # type: ignore[call-overload]


def test_a_page_gets_hello_the_states_and_then_the_changes(web: ServedWeb, source: SetSource) -> None:
    """What is listed was there before, so it is fetched; only what is new comes as an event."""
    source.events = {"status": [{"overall": "healthy"}], "traces": [{"traces": ["old"]}], "logs": [{"logs": ["old"]}]}
    web.log_in()
    with web.events() as stream:
        hello, status = islice(stream, 2)
        source.events["traces"].append({"traces": ["new"]})
        traces = next(stream)
        source.events["status"].append({"overall": "critical"})
        changed = next(stream)

    assert hello.name == "hello"
    assert hello.data.keys() == {"schema_version", "session", "time"}
    assert hello.data["session"] == "first"
    assert (status, traces, changed) == (
        Event("status", {"overall": "healthy"}),
        Event("traces", {"traces": ["new"]}),
        Event("status", {"overall": "critical"}),
    )


def test_a_later_page_gets_the_newest_states(web: ServedWeb, source: SetSource) -> None:
    """At once, although they changed before it came."""
    source.events["health"] = [{"checks": [1]}]
    web.log_in()
    with web.events() as first:
        assert _names(first, 2) == ["hello", "health"]
        source.events["health"].append({"checks": [2]})
        assert next(first).data == {"checks": [2]}
        with web.events() as second:
            assert next(second).name == "hello"
            assert next(second) == Event("health", {"checks": [2]})


def test_a_page_gets_only_its_topics(web: ServedWeb, source: SetSource) -> None:
    """Those of its query; nothing is computed for topics without a page."""
    web.log_in()
    with web.events("?topics=logs,metrics") as stream:
        assert next(stream).name == "hello"
        for topic in ("traces", "logs", "status"):
            source.events[topic] = [{"topic": topic}]
        assert next(stream) == Event("logs", {"topic": "logs"})
        source.events["metrics"] = [{"time": 1}]
        assert next(stream) == Event("metrics", {"time": 1})

    assert source.looks.keys() == {"logs", "metrics"}


def test_all_pages_share_one_look_and_one_rendering(
    web: ServedWeb, source: SetSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most twice a second for each topic, however many pages watch; nothing is asked when the last one has left."""
    rendered: list[object] = []
    render = rendering.json_bytes

    def count(document: object) -> bytes:
        rendered.append(document)
        return render(document)

    monkeypatch.setattr(events, "json_bytes", count)
    web.log_in()
    with ExitStack() as pages:
        streams = [pages.enter_context(web.events("?topics=logs")) for _ in range(50)]
        assert {next(stream).name for stream in streams} == {"hello"}
        began, before = time.monotonic(), source.looks["logs"]
        for number in range(3):
            source.events.setdefault("logs", []).append({"number": number})
            assert {next(stream).data["number"] for stream in streams} == {number}
        elapsed_s = time.monotonic() - began

        assert source.looks["logs"] - before <= 2 * elapsed_s + 2
        assert len([document for document in rendered if "number" in document]) == 3  # type: ignore[operator]
    eventually(lambda: not [each for each in threading.enumerate() if each.name == "csg-otel-dashboard-events"])


def test_a_topic_that_fails_leaves_the_others(
    web: ServedWeb, source: SetSource, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its fault is logged, and it is asked again."""
    update, failures = source.update, [RuntimeError("broken")]

    def fail_once(topic: str, mark: int) -> object:
        if topic == "traces" and failures:
            raise failures.pop()
        return update(topic, mark)

    monkeypatch.setattr(source, "update", fail_once)
    web.log_in()
    with web.events() as stream:
        assert next(stream).name == "hello"
        source.events["logs"] = [{"logs": []}]
        assert next(stream).name == "logs"
        source.events["traces"] = [{"traces": []}]
        assert next(stream).name == "traces"
    assert [line.partition(";")[0] for line in caplog.messages] == [
        "fault in telemetry (dashboard events): RuntimeError: broken"
    ]


def test_a_comment_keeps_the_connection_alive(web: ServedWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing changes."""
    monkeypatch.setattr(events, "_COMMENT_EVERY_S", 0.1)
    web.log_in()
    with _raw(web) as client:
        received = b""
        while received.count(b"\n:\n") < 2:
            received += client.recv(65536).replace(b"\r\n3\r\n", b"\n").replace(b"\r\n", b"\n")


@pytest.mark.parametrize("kinds", [("slow",), ("idle",), ("half-open",), ("slow", "idle", "half-open")])
def test_hostile_watchers_hurt_nobody(
    serve_web: Callable[..., ServedWeb], source: SetSource, kinds: tuple[str, ...]
) -> None:
    """A page that reads goes on while others never read, are idle in hundreds, or never finish their requests."""
    web = serve_web()
    web.log_in()
    with web.events("?topics=logs") as good, ExitStack() as others:
        assert next(good).name == "hello"
        if "slow" in kinds:
            for _ in range(5):
                others.enter_context(_raw(web, buffer_bytes=4096))
        if "half-open" in kinds:
            for _ in range(200):
                client = others.enter_context(_connection(web))
                client.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: lo")
        if "idle" in kinds:
            for _ in range(200):
                others.enter_context(_raw(web))
        pages = []
        for number in range(3):
            source.events.setdefault("logs", []).append({"number": number, "text": "x" * 900_000})
            pages.append(next(good).data["number"])
            began = time.monotonic()
            assert web.get("status").status == 200
            assert time.monotonic() - began < 30  # a busy machine's; the others never read

    assert pages == [0, 1, 2]


def test_a_page_that_never_reads_is_disconnected(web: ServedWeb, source: SetSource) -> None:
    """When more than a megabyte waits for it."""
    web.log_in()
    with _raw(web, buffer_bytes=4096) as slow:
        hub = web.dashboard._events
        eventually(lambda: len(hub._watchers) == 1)
        for number in range(60):
            source.events.setdefault("logs", []).append({"number": number, "text": "x" * 1_000_000})
            seen = len(source.events["logs"])
            eventually(lambda count=seen: hub._marks.get("logs") == count or not hub._watchers)
            if not hub._watchers:
                break
        eventually(lambda: not hub._watchers)
        with suppress(ConnectionResetError):
            while slow.recv(1 << 20):
                pass


def _connection(web: ServedWeb, buffer_bytes: int = 0) -> socket.socket:
    client = socket.socket()
    if buffer_bytes:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    client.settimeout(WITHIN_S)
    client.connect(("127.0.0.1", web.port))
    return client


def _raw(web: ServedWeb, buffer_bytes: int = 0) -> socket.socket:
    """Return a connection that has requested the events and read nothing."""
    client = _connection(web, buffer_bytes)
    client.sendall(
        f"GET /api/v1/events HTTP/1.1\r\nHost: a.localhost\r\nCookie: {web.headers['Cookie']}\r\n\r\n".encode()
    )
    return client


def test_an_event_is_one_line_of_data(web: ServedWeb, source: SetSource) -> None:
    """Whatever is in it: a line break in a text would end the event, or begin another one."""
    text = "a\n\nevent: forged\ndata: {}\r\n\r\u2028b"
    source.events["logs"] = []
    web.log_in()
    with web.events("?topics=logs") as stream:
        assert next(stream).name == "hello"
        source.events["logs"].append({"text": text, "value": float("nan")})
        event = next(stream)

    assert event == Event("logs", {"text": text, "value": None})
    assert json.dumps(event.data)
