"""The answers of a collector and their effect: items are counted once, waits are kept, and only bad items are dropped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from csg_otel.config.sections.exporters import Spool
from support.fault_proxy import FaultProxy
from support.otlp_sink import GrpcSink, HttpSink
from support.pipeline import Pipeline, arrived
from support.programs import HUNG_S, eventually

PROTOCOLS = ("http/protobuf", "grpc")


@pytest.fixture(params=PROTOCOLS)
def sink(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A real receiver of each kind."""
    made = GrpcSink() if request.param == "grpc" else HttpSink()
    yield made
    made.close()


def pipeline(sink: Any, folder: Path, **options: Any) -> Pipeline:
    protocol = "grpc" if isinstance(sink, GrpcSink) else "http/protobuf"
    return Pipeline(sink.endpoint, folder, protocol=protocol, **{"timeout": 30.0, **options})


@pytest.mark.parametrize("written", ["protobuf", "json"])
def test_rejected_items_are_counted_once_with_the_message(written: str, sink: Any, tmp_path: Path) -> None:
    """`partial_success`: what was rejected is dropped, the rest delivered, and nothing sent again."""
    if isinstance(sink, GrpcSink):
        sink.partial = {"rejected_spans": 3, "error_message": "too old"}
    elif written == "json":
        sink.content_type, sink.answer = (
            "application/json",
            b'{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}',
        )
    else:
        answer = trace_service_pb2.ExportTraceServiceResponse()
        answer.partial_success.rejected_spans, answer.partial_success.error_message = 3, "too old"
        sink.answer = answer.SerializeToString()
    line = pipeline(sink, tmp_path, signals=("traces", "metrics"))

    line.spans(10)
    assert not line.flush(HUNG_S)
    status = line.status()
    counts = line.end()

    assert (counts["traces", "delivered", ""], counts["traces", "dropped", "rejected"]) == (7, 3)
    assert "too old" in status.last_error
    assert len(arrived(sink.received)[0]) == 10


def test_a_negative_count_of_rejected_items_is_none(tmp_path: Path) -> None:
    """A hostile collector can't make the counts show that more was delivered than was emitted."""
    sink = HttpSink()
    sink.content_type, sink.answer = "application/json", b'{"partialSuccess":{"rejectedSpans":"-5","errorMessage":"x"}}'
    line = pipeline(sink, tmp_path, signals=("traces", "metrics"))

    line.spans(10)
    line.flush(HUNG_S)
    counts = line.end()
    sink.close()

    assert (counts["traces", "delivered", ""], counts["traces", "emitted", ""]) == (10, 10)


@pytest.mark.parametrize("poisoned", [(), (0,), (17,), (5, 6, 63)])
def test_a_poisoned_item_is_dropped_alone(poisoned: tuple[int, ...], sink: Any, tmp_path: Path) -> None:
    """The batch that is refused because of one item is divided until only that item is left."""
    sink.poison = {f"item {number}" for number in poisoned}
    line = pipeline(sink, tmp_path, signals=("traces", "metrics"))

    line.spans(64)
    line.flush(HUNG_S)
    counts = line.end()

    reason = "grpc_invalid_argument" if isinstance(sink, GrpcSink) else "http_400"
    assert counts["traces", "dropped", reason] == len(poisoned)
    assert counts["traces", "delivered", ""] == 64 - len(poisoned)
    spans = arrived(sink.received)[0]
    assert spans.total() == 64 - len(poisoned)


def test_a_collector_that_asks_for_patience_is_given_it(tmp_path: Path) -> None:
    """429 with `Retry-After: 2`: no second request for two seconds, a flush or not; then all is delivered."""
    sink = HttpSink()
    proxy = FaultProxy(sink.port, "busy")
    line = Pipeline(proxy.endpoint, tmp_path, signals=("traces", "metrics"))
    began = time.monotonic()
    line.spans(20)
    eventually(lambda: proxy.requests)
    proxy_back = proxy.requests

    assert line.flush(HUNG_S)  # safe on disk
    assert line.flush(HUNG_S)
    time.sleep(0.3)
    requests, passed_s = proxy.requests, time.monotonic() - began
    assert requests == proxy_back or passed_s > 2  # a busy machine may be that late
    proxy.fault = "pass"
    eventually(lambda: len(arrived(sink.received)[0]) == 20)
    assert time.monotonic() - began > 1.5
    assert line.end()["traces", "delivered", ""] == 20
    proxy.close()
    sink.close()


def test_a_grpc_collector_that_is_exhausted_is_asked_again(tmp_path: Path) -> None:
    """RESOURCE_EXHAUSTED, UNAUTHENTICATED and the like say nothing about the data: all of it is kept and delivered."""
    sink = GrpcSink()
    line = pipeline(sink, tmp_path)
    for code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAUTHENTICATED):
        sink.code = code
        line.emit(10)
        eventually(lambda code=code: code.name in line.status().last_error)
        assert (line.status().delivered, line.status().dropped) == (0, {})
    sink.code = None

    assert line.flush(HUNG_S)
    counts = line.end()
    sink.close()
    assert (counts["traces", "delivered", ""], counts["logs", "delivered", ""]) == (20, 20)
    assert arrived(sink.received)[2] == 20


def test_a_clock_set_back_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock jumps an hour back, then ten days ahead, in the middle of an outage: nothing waits and nothing expires."""
    sink = HttpSink()
    proxy = FaultProxy(sink.port, "refuse")
    line = Pipeline(proxy.endpoint, tmp_path)
    line.emit(20)
    eventually(lambda: line.status().state == "down")
    real = time.time
    for jump_s in (-3600.0, 864_000.0):
        monkeypatch.setattr(time, "time", lambda jump_s=jump_s: real() + jump_s)
        line.emit(20)
        time.sleep(0.2)
    proxy.fault = "pass"

    eventually(lambda: len(arrived(sink.received)[1]) == 60)
    counts = line.end()
    proxy.close()
    sink.close()
    assert (counts["traces", "delivered", ""], counts["logs", "delivered", ""]) == (60, 60)


@pytest.mark.parametrize(("kept", "expected"), [(True, True), (False, False)])
def test_a_flush_before_a_hang_ends_in_time_and_is_honest(
    kept: bool, expected: bool, sink: Any, tmp_path: Path
) -> None:
    """`force_flush(1)` is back after a second, not after the destination's sixty; True only because everything is on disk."""
    proxy = FaultProxy(sink.port, "hang")
    protocol = "grpc" if isinstance(sink, GrpcSink) else "http/protobuf"
    spool = Spool(enabled=kept, directory=str(tmp_path))
    line = Pipeline(proxy.endpoint, tmp_path, protocol=protocol, spool=spool, timeout=60.0)
    line.emit(50)

    began = time.monotonic()
    flushed = line.flush(1.0)
    took_s = time.monotonic() - began
    counts = line.end(1.5)
    proxy.close()

    assert flushed is expected
    assert took_s < 20
    assert counts["traces", "spooled" if kept else "dropped", "" if kept else "shutdown"] == 50


def test_the_books_are_exact_when_adopting_more_than_fits(tmp_path: Path) -> None:
    """What a dead process has left and the limit does not allow is adopted and dropped, and every item is in one column."""
    line = Pipeline("http://127.0.0.1:1", tmp_path, signals=("traces", "metrics"))
    for _ in range(20):
        line.spans(50)
        line.flush(0.3)
    left = line.end(HUNG_S)["traces", "spooled", ""]
    assert left == 1000

    heir = Pipeline(
        "http://127.0.0.1:1",
        tmp_path,
        signals=("traces", "metrics"),
        spool=Spool(directory=str(tmp_path), max_bytes=40_000),
    )
    eventually(lambda: heir.status().adopted)
    heir.spans(100)
    heir.flush(5.0)
    counts = heir.end(HUNG_S)

    assert counts["traces", "adopted", ""] == 1000
    assert counts["traces", "dropped", "spool_full"] > 0
    assert counts["traces", "spooled", ""] + counts["traces", "dropped", "spool_full"] == 1100
