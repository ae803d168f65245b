"""Vendors that are presets of OTLP destinations, as the receiver sees them."""

from __future__ import annotations

import json
from pathlib import Path

from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from csg_otel.config import load
from csg_otel.config.presets import otlp_destinations
from csg_otel.exporters.build import build_destinations
from csg_otel.pipeline.readers import LocalReader
from support.otlp_sink import GrpcSink
from support.programs import Program


def test_elastic_is_sent_everything(tmp_path: Path) -> None:
    """Over gRPC to the server's own address, with the token as a bearer, and deltas."""
    sink = GrpcSink()
    outside = {
        "enabled": True,
        "elastic_apm": {"enabled": True, "server_url": sink.endpoint, "secret_token": "${TOKEN}"},
    }
    (tmp_path / "monitoring_config.yaml").write_text(json.dumps({"integrations": {"external_monitoring": outside}}))
    source = """
        import csg_otel
        with csg_otel.instrument() as telemetry:
            csg_otel.counter("orders").add(3)
            csg_otel.event("sold")
            with csg_otel.observe("sell"):
                pass
    """
    with Program(source, tmp_path, {"TOKEN": "t0ken", "XDG_STATE_HOME": str(tmp_path)}) as program:
        assert program.wait() == 0, program.stderr
    received = sink.received
    sink.close()

    assert {headers["authorization"] for headers in received.headers} == {"Bearer t0ken"}
    assert received.temporalities("orders") == {AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA}
    assert [point.as_int for point in received.points("orders")] == [3]
    assert "sell" in [span.name for span in received.spans]
    assert len(received.records) >= 1


def test_new_relic_s_region_follows_from_its_key() -> None:
    """Keys of the European region begin with ``eu``; requests stay below the 1 MB that are taken."""
    for key, host in (("eu01xx1234", "otlp.eu01.nr-data.net"), ("1234", "otlp.nr-data.net")):
        outside = {"enabled": True, "new_relic": {"enabled": True, "license_key": key}}
        loaded = load({"integrations": {"external_monitoring": outside}}, environ={}).config
        (found,) = otlp_destinations(loaded)
        (destination,) = build_destinations(loaded, LocalReader())

        assert (found.endpoint, found.protocol) == (f"https://{host}", "http/protobuf")
        assert (found.temporality, found.compression, found.max_request_bytes) == ("delta", "gzip", 1_000_000)
        assert (destination.name, set(destination.queues)) == ("new_relic", {"traces", "metrics", "logs"})
