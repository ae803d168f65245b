"""A program, an agent beside it, the gateway's TLS and token, and a real Prometheus behind them."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.conftest import Emit, Run
from support.collector import SECRETS, Collector
from support.otlp_sink import HttpSink
from support.programs import eventually
from support.prometheus import Prometheus
from support.servers import free_port

CALLS = 137
BODY = f"""
orders = csg_otel.counter("orders.placed", unit="{{order}}", attributes=("channel",))

@csg_otel.observe
def place():
    orders.add(3, {{"channel": "web"}})
    logging.getLogger("shop").warning("placed")

for _ in range({CALLS}):
    place()
"""


def gateway(run: Run, certificate: dict[str, str], backend: str, **env: str) -> Collector:
    """Start a gateway with *certificate* in front of *backend*."""
    files = {"TLS_CERT_FILE": certificate["cert"], "TLS_KEY_FILE": certificate["key"]}
    return run("gateway.yaml", **{**files, "TRACES_ENDPOINT": backend, "LOGS_ENDPOINT": backend, **env})


@pytest.mark.real("otelcol", "prometheus")
def test_every_signal_gets_through_both_tiers(
    run: Run, emit: Emit, sink: HttpSink, certificate: dict[str, str], tmp_path: Path
) -> None:
    """PromQL counts what the program counted, scraped and written remotely; spans and logs are all there, once."""
    scraped = f"127.0.0.1:{free_port()}"
    with Prometheus([scraped], tmp_path / "prometheus") as prometheus:
        behind = {
            "METRICS_EXPORTERS": "[prometheus, prometheus_remote_write]",
            "METRICS_ENDPOINT": scraped,
            "REMOTE_WRITE_ENDPOINT": f"{prometheus.url}/api/v1/write",
        }
        upper = gateway(run, certificate, sink.endpoint, **behind)
        agent = run("agent.yaml", GATEWAY_ENDPOINT=upper.grpc, GATEWAY_CA_FILE=certificate["ca"])
        report = emit(BODY, {"endpoint": f"http://{agent.grpc}"})
        written = eventually(lambda: prometheus.query('sum(orders_placed_total{job="shop",channel="web"})'))
        pulled = eventually(lambda: prometheus.query('sum(orders_placed_total{exported_job="shop",channel="web"})'))
        host = eventually(lambda: prometheus.query('{__name__="system_memory_usage_bytes",state="used"}'))

    assert (report["dropped"], report["spooled"]) == ({}, 0)
    assert written == pulled == [({}, 3.0 * CALLS)]
    assert host
    placed = [span for span in sink.received.spans if span.name == "place"]
    eventually(lambda: len(sink.received.records) == CALLS)
    assert len(placed) == len({span.span_id for span in placed}) == CALLS


@pytest.mark.real("otelcol")
@pytest.mark.parametrize("token", [SECRETS["GATEWAY_TOKEN"], "another", None])
def test_the_gateway_lets_in_who_has_the_token(
    run: Run, emit: Emit, sink: HttpSink, certificate: dict[str, str], token: str | None
) -> None:
    """Over both transports at once; who has a wrong one, or none, is turned away with nothing of theirs passed on."""
    upper = gateway(run, certificate, sink.endpoint)
    headers = {"headers": {"authorization": f"Bearer {token}"}} if token else {}
    common = {"tls": {"ca": certificate["ca"]}, "signals": ["traces"], **headers}
    grpc = {"name": "grpc", "endpoint": f"https://{upper.grpc}", **common}
    http = {"name": "http", "endpoint": f"https://{upper.http}", "protocol": "http/protobuf", **common}
    report = emit("csg_otel.observe(lambda: None)()", grpc, http, shutdown_s=1.0)
    upper.end()

    allowed = token == SECRETS["GATEWAY_TOKEN"]
    assert len(sink.received.spans) == report["delivered"] == (2 if allowed else 0)
    assert report["spooled"] == (0 if allowed else 2), "a token can be put right; what waits for it is kept"


@pytest.mark.real("otelcol")
def test_a_dead_backend_keeps_the_others_from_nothing(
    run: Run, emit: Emit, sink: HttpSink, certificate: dict[str, str]
) -> None:
    """With no backend for logs, spans arrive as if there were one, and the program is told that all was taken."""
    upper = gateway(run, certificate, sink.endpoint, LOGS_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    agent = run("agent.yaml", GATEWAY_ENDPOINT=upper.grpc, GATEWAY_CA_FILE=certificate["ca"])

    report = emit(BODY, {"endpoint": f"http://{agent.grpc}"})

    eventually(lambda: sum(span.name == "place" for span in sink.received.spans) == CALLS)
    assert (report["dropped"], report["spooled"]) == ({}, 0)
    assert sink.received.records == []
