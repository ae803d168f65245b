"""OTLP round trips: what a receiver decodes is what the program emitted, over both wires."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.otlp_sink import GrpcSink, HttpSink, attributes
from support.programs import Program

PROGRAM = """
    import logging
    import csg_otel

    telemetry = csg_otel.instrument(service_name="round-trip", exporters=[{exporter!r}], environment="staging")
    files = csg_otel.counter("files", unit="{{file}}", attributes=("kind",))

    @csg_otel.observe("parent")
    def parent():
        with csg_otel.observe("child", {{"n": 3, "ok": True, "ratio": 0.5, "name": "ä"}}):
            files.add(2, {{"kind": "vtt"}})
            logging.getLogger("app").warning("careful with %s", "that", extra={{"tenant": "a"}})
            csg_otel.event("thing.happened", {{"id": 7}})

    @csg_otel.observe("failing")
    def failing():
        raise KeyError("missing")

    parent()
    try:
        failing()
    except KeyError:
        pass
    report = telemetry.shutdown()
    print(report.delivered, report.dropped)
"""


@pytest.fixture(params=["grpc", "http/protobuf"])
def sink(request: pytest.FixtureRequest) -> Iterator[GrpcSink | HttpSink]:
    """A receiver for the wire the test runs over."""
    made = GrpcSink() if request.param == "grpc" else HttpSink()
    yield made
    made.close()


def exporter_of(sink: GrpcSink | HttpSink) -> str:
    return f"otlp{'' if isinstance(sink, GrpcSink) else '+http'}://127.0.0.1:{sink.port}"


def test_spans_metrics_and_logs_survive_the_round_trip(sink: GrpcSink | HttpSink, tmp_path: Path) -> None:
    """Names, attributes, parent links, errors, trace correlation, sums and the resource arrive as emitted."""
    with Program(PROGRAM.format(exporter=exporter_of(sink)), tmp_path) as program:
        program.line_with(r"^\d+ \{\}$")
        assert program.wait() == 0
    received = sink.received
    spans = {span.name: span for span in received.spans}

    assert set(spans) >= {"parent", "child", "failing"}
    assert spans["child"].parent_span_id == spans["parent"].span_id
    assert spans["child"].trace_id == spans["parent"].trace_id
    assert attributes(spans["child"]).items() >= {"n": 3, "ok": True, "ratio": 0.5, "name": "ä"}.items()
    assert spans["failing"].status.code == 2
    assert spans["failing"].events[0].name == "exception"
    resource = received.resources[0]
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("round-trip", "staging")
    assert received.points("files")[-1].as_int == 2
    assert attributes(received.points("files")[-1]) == {"kind": "vtt"}
    log = next(record for record in received.records if record.body.string_value == "careful with that")
    assert (log.severity_text, log.span_id) == ("WARN", spans["child"].span_id)
    assert attributes(log)["tenant"] == "a"
    event = next(record for record in received.records if record.event_name == "thing.happened")
    assert (attributes(event), event.trace_id) == ({"id": 7}, spans["parent"].trace_id)
    durations = {attributes(p)["csg.operation.name"]: p for p in received.points("csg.operation.duration")}
    assert durations["parent"].count == 1
    assert attributes(durations["failing"])["error.type"] == "KeyError"


def test_headers_compression_and_delta_temporality_are_as_configured(tmp_path: Path) -> None:
    """The settings of an OTLP destination in the file take effect on the wire."""
    sink = HttpSink()
    (tmp_path / "monitoring_config.yaml").write_text(
        f"""
        exporters:
          otlp:
            - endpoint: {sink.endpoint}
              protocol: http/protobuf
              compression: gzip
              temporality: delta
              headers: {{x-tenant: a, authorization: "${{TOKEN}}"}}
              signals: [metrics]
        """
    )
    source = """
        import csg_otel
        with csg_otel.instrument() as telemetry:
            hits = csg_otel.counter("hits")
            hits.add(3)
            assert telemetry.force_flush()
            hits.add(4)
    """
    with Program(source, tmp_path, {"TOKEN": "Bearer s3cret"}) as program:
        assert program.wait() == 0, program.stderr
    sink.close()

    assert [point.as_int for point in sink.received.points("hits")] == [3, 4]
    assert sink.received.temporalities("hits") == {1}
    headers = sink.received.headers[0]
    assert (headers["x-tenant"], headers["authorization"]) == ("a", "Bearer s3cret")
    assert headers["content-encoding"] == "gzip"
    assert sink.received.spans == []
