"""
The user and the password of an address, for every client: sent as a header, and nowhere else.

Real clients, and receivers that keep the bytes: nothing of them is in a request's line, other headers or body, in a line on
stderr, in `status()` or in an error, whatever the receiver answers; a redirect leads nowhere.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from csg_otel.alerts.push.api import Api
from csg_otel.alerts.push.plan import PushError
from csg_otel.check_result import Critical
from csg_otel.dashboard.remote import HttpSource
from csg_otel.health.checks.http import Http
from support.otlp_sink import GrpcSink
from support.programs import HUNG_S
from support.raw_receiver import ANSWERS, RawReceiver, raw_receiver
from support.webhooks import webhook

USER, PASSWORD = "hermes-9f2", "c4nary p@ss/w\u00f6rd"
IN_URL = "hermes-9f2:c4nary%20p%40ss%2Fw%C3%B6rd"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
TRACES = (USER, "c4nary", BASIC, base64.b64encode(PASSWORD.encode()).decode())
"""Texts that no output may have."""

PROGRAM = """
import json, logging, os, sys, time
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
import csg_otel
from csg_otel.alerts import events
from opentelemetry import metrics, trace
with csg_otel.instrument("shop", config=json.loads(os.environ["SETTINGS"])) as telemetry:
    metrics.get_meter("shop").create_counter("orders").add(1)
    with trace.get_tracer("shop").start_as_current_span("order"):
        logging.getLogger("shop").warning("an order")
    now = time.time()
    telemetry.put_alert(events.make("DiskFull", "critical", "full", service="shop", at=now, details={}, until=now + 600))
    telemetry.health.run("shop")
    telemetry.force_flush(3)
    print(telemetry.status(), repr(telemetry), telemetry.health)
"""


def url(receiver: RawReceiver | GrpcSink, path: str = "") -> str:
    """Return the address of *receiver* with the user and the password."""
    return f"http://{IN_URL}@127.0.0.1:{receiver.port}{path}"


def assert_sent_as_a_header(receiver: RawReceiver) -> None:
    """Each request has the header, and neither user nor password anywhere else."""
    assert receiver.requests
    for number, request in enumerate(receiver.requests):
        assert receiver.header("authorization", number) == f"Basic {BASIC}"
        rest = re.sub(rb"(?im)^authorization: .*$", b"", request)
        assert not [text for text in TRACES if text.encode() in rest]
        assert b"@" not in receiver.lines(number)[0].encode()
        assert receiver.header("host", number) == receiver.host


def settings(receivers: dict[str, RawReceiver], grpc: GrpcSink) -> dict[str, object]:
    """Return the settings of a program that sends to *receivers* and to *grpc*, and checks one of them."""
    no_others = {"enabled": False}
    return {
        "exporters": {
            "spool": {"enabled": False},
            "console": no_others,
            "otlp": [
                {"name": "http", "endpoint": url(receivers["otlp"]), "protocol": "http/protobuf", "timeout": 20},
                {"name": "grpc", "endpoint": url(grpc), "timeout": 20},
            ],
        },
        "alerting": {"alertmanagers": [url(receivers["alertmanager"])]},
        "integrations": {
            "prometheus": {"enabled": True, "push_gateway": url(receivers["gateway"])},
            "external_monitoring": {
                "enabled": True,
                "datadog": {"enabled": True, "api_key": "k" * 32, "api_url": url(receivers["datadog events"])},
            },
        },
        "health_monitoring": {
            "check_interval": 0.2,
            "checks": {"shop": {"type": "http", "url": url(receivers["health check"], "/x"), "timeout": 20}},
        },
    }


NAMES = ("otlp", "alertmanager", "gateway", "datadog events", "health check")


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_destinations_of_a_program_get_the_user_as_a_header(answer: str, tmp_path: Path) -> None:
    """OTLP over HTTP and gRPC, the Pushgateway, Alertmanager, Datadog and a health check; and its output has none of it."""
    with ExitStack() as stack:
        elsewhere = stack.enter_context(raw_receiver())
        receivers = {
            name: stack.enter_context(raw_receiver(answer, f"http://localhost:{elsewhere.port}/")) for name in NAMES
        }
        grpc = GrpcSink()
        stack.callback(grpc.close)
        config = settings(receivers, grpc)
        config["exporters"]["datadog"] = {"endpoint": url(receivers["otlp"])}  # type: ignore[index]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={
                **os.environ,
                "SETTINGS": json.dumps(config),
                "PROMETHEUS_PORT": "0",
                "XDG_STATE_HOME": str(tmp_path),
                "NO_PROXY": "*",
            },
            capture_output=True,
            text=True,
            timeout=HUNG_S,
        )
        assert done.returncode == 0, done.stderr
        for name, receiver in receivers.items():
            assert receiver.requests, (name, done.stderr)
            assert_sent_as_a_header(receiver)
        assert {headers["authorization"] for headers in grpc.received.headers} == {f"Basic {BASIC}"}
        assert not elsewhere.requests

    output = done.stdout + done.stderr
    assert not [text for text in (*TRACES, IN_URL) if text in output], output
    assert "127.0.0.1" in output


def push(receiver: RawReceiver) -> str:
    """Request something of the API of Grafana, Datadog, Prometheus or Alertmanager."""
    try:
        return str(Api(url(receiver), timeout_s=20).call("GET", "/api/v1/x", query={"a": "b"}))
    except PushError as error:
        return f"{error} {error.__cause__}"


def check(receiver: RawReceiver) -> str:
    """Run a health check."""
    probe = Http(url(receiver, "/x?y=z"), timeout_s=20)
    try:
        return f"{probe!r} {probe()}"
    except Critical as error:
        return f"{probe!r} {error}"


def forward(receiver: RawReceiver) -> str:
    """Forward a notification to a webhook."""
    hook = webhook("POST", url(receiver, "/hooks/x"), {}, 20)
    return f"{hook!r} {hook.answer('/hook', b'{}')}"


def attach(receiver: RawReceiver) -> str:
    """Ask the dashboard of another program."""
    source = HttpSource(url(receiver))
    try:
        return f"{source!r} {source.get('overview', {})}"
    except Exception as error:
        return f"{source!r} {type(error).__name__}: {error}"


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("client", [push, check, forward, attach])
def test_a_client_sends_the_user_as_a_header(
    client: Callable[[RawReceiver], str], answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The result, the error and the log lines have none of it, and a redirect leads nowhere."""
    caplog.set_level(0)
    with raw_receiver() as elsewhere, raw_receiver(answer, f"http://localhost:{elsewhere.port}/") as receiver:
        said = client(receiver)
        assert_sent_as_a_header(receiver)
        assert not elsewhere.requests

    assert not [text for text in (*TRACES, IN_URL) if text in said + caplog.text], said


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_server_that_repeats_the_request_shows_no_key(answer: str) -> None:
    """Keys in headers and queries, and a token in the path, are not in the error that quotes the answer, cut off or not."""
    keys = {"DD-API-KEY": f"c4nary-{'k' * 260}", "Authorization": "Bearer c4nary-token"}
    with raw_receiver(answer) as receiver:
        api = Api(f"http://127.0.0.1:{receiver.port}/hooks/c4nary-Path9?key=c4nary-query", keys, timeout_s=20)
        said = ""
        try:
            api.call("POST", "/x", {"a": "b"}, query={"limit": 1})
        except PushError as error:
            said = str(error)
    assert "c4nary" not in said
    assert b"c4nary" in receiver.requests[0]
