"""`csg-otel dashboard --otlp`: a program in any language is seen, exported and imported."""

from __future__ import annotations

import http.client
import json
import logging
import signal
import sys
import time as clock
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry import trace

import csg_otel
from csg_otel.config import Config, load
from csg_otel.dashboard.api import Api
from csg_otel.dashboard.otlp import View, view
from csg_otel.dashboard.otlp.signals import TRACES
from csg_otel.dashboard.source import SourceError
from support.node import node_program
from support.programs import Program, eventually, get

SPAN = {"trace_id": b"t" * 16, "span_id": b"s" * 8, "start_time_unix_nano": 1, "end_time_unix_nano": 2, "name": "pay"}


@pytest.fixture
def config() -> Config:
    """The default configuration, with the page on a free port."""
    return load({"dashboard": {"port": 0}}, environ={}).config


def post(url: str, body: bytes, content_type: str = "application/x-protobuf") -> int:
    """Send *body* to an address of the receivers, and return the status."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=30)
    try:
        connection.request("POST", address.path, body, {"Content-Type": content_type})
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def logged_in(url: str) -> Iterator[Callable[[str], Any]]:
    """Follow the link *url* of a page, and yield a function that returns the document at a path."""
    link = urlsplit(url)
    connection = http.client.HTTPConnection(link.netloc, timeout=30)
    connection.request("GET", f"{link.path}?{link.query}")
    response = connection.getresponse()
    response.read()
    cookie = response.headers["Set-Cookie"].partition(";")[0]

    def document(path: str) -> Any:
        connection.request("GET", path, headers={"Cookie": cookie})
        return json.loads(connection.getresponse().read())

    yield document
    connection.close()


def summaries(shown: View) -> list[Any]:
    """Return the rows of the list of traces without what depends on the moment."""
    return sorted(json.dumps(row, sort_keys=True) for row in shown.source.get("traces")["traces"])


@pytest.mark.real("node", "node-otel")
def test_a_program_in_another_language_is_seen(config: Config, tmp_path: Path) -> None:
    """Its traces with their logs, its metrics, and who it is; then a second dashboard shows the exported file."""
    with view(config, http_port=0, grpc_port=0) as shown, node_program(tmp_path, shown, "http/protobuf") as sender:
        assert sender.wait() == 0, sender.stderr
        (row,) = shown.source.get("traces", {"error": "true"})["traces"]
        page = shown.source.get(f"traces/{row['trace_id']}")
        status = shown.source.get("status")
        metrics = {metric["name"]: metric for metric in shown.source.get("metrics")["metrics"]}
        exported = shown.source.get("export")
        before = summaries(shown)

    assert (row["name"], row["service"], row["spans"], row["errors"], row["logs"]) == ("GET /pay", "checkout", 2, 1, 1)
    assert [span["name"] for span in page["spans"]] == ["GET /pay", "charge card"]
    assert page["logs"][0]["body"] == "card declined <b>"
    assert page["resources"]["checkout"]["telemetry.sdk.language"] == "nodejs"
    assert (status["service"]["name"], status["service"]["language"]) == ("checkout", "nodejs")
    assert status["features"] == ["performance", "traces", "logs", "trends"]
    assert (metrics["orders"]["kind"], metrics["orders"]["description"]) == ("counter", "Orders.")
    assert metrics["wait"]["attributes"] == {"service.name": ["checkout"]}

    with view(config, http_port=0, grpc_port=0) as second:
        counts = second.source.post("import", {"lines": exported})
        assert counts == {"spans": 2, "logs": 1, "metrics": 2, "left_out": ""}
        assert summaries(second) == before
        assert second.source.get("export", {"signals": "traces,logs"}) in exported


def test_the_page_shows_what_arrives(config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the link that the command prints; nothing without it."""
    with view(config, http_port=0, grpc_port=0, web=True) as shown:
        request = TRACES.request(resource_spans=[{"scope_spans": [{"spans": [SPAN]}]}])
        assert post(f"{shown.otlp_http}/v1/traces", request.SerializeToString()) == 200
        link = urlsplit(shown.url)
        assert get(f"{link.scheme}://{link.netloc}/api/v1/traces")[0] == 401
        with logged_in(shown.url) as document:
            traces = document("/api/v1/traces")["traces"]

    assert [row["name"] for row in traces] == ["pay"]


def test_the_status_has_who_sends(config: Config) -> None:
    """Waiting with the addresses to send to, then receiving; each program with its spans, failed ones and newest arrival."""
    failed = {**SPAN, "span_id": b"f" * 8, "status": {"code": 2}}
    with view(config, http_port=0, grpc_port=0) as shown:
        before = shown.source.get("status")
        for name, spans in (("shop", [SPAN]), ("pay", [SPAN, failed])):
            resource = {"attributes": [{"key": "service.name", "value": {"string_value": name}}]}
            request = TRACES.request(resource_spans=[{"resource": resource, "scope_spans": [{"spans": spans}]}])
            assert post(f"{shown.otlp_http}/v1/traces", request.SerializeToString()) == 200
        status = shown.source.get("status")
        addresses = {"http/protobuf": shown.otlp_http, "grpc": f"http://{shown.otlp_grpc}"}

    assert (before["state"], before["services"], before["receives_at"]) == ("waiting", [], addresses)
    assert (status["state"], status["receives_at"]) == ("receiving", addresses)
    assert [(row["name"], row["spans"], row["errors"]) for row in status["services"]] == [("pay", 2, 1), ("shop", 1, 0)]
    assert all(row["rate"] > 0 and abs(row["last"] - clock.time()) < 60 for row in status["services"])
    assert 0 <= status["data_age_s"] < 60


@pytest.mark.real("chromium")
def test_the_overview_has_who_sends(config: Config) -> None:
    """The page says where to send to until something comes; then the programs, whose names lead to their traces."""
    from playwright.sync_api import sync_playwright

    with view(config, http_port=0, grpc_port=0, web=True) as shown, sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(shown.url)
        page.wait_for_selector(f"pre >> text=OTEL_EXPORTER_OTLP_ENDPOINT={shown.otlp_http}")
        page.wait_for_selector("#overall >> text=/^\\s*waiting\\s*$/")
        request = TRACES.request(resource_spans=[{"scope_spans": [{"spans": [{**SPAN, "status": {"code": 2}}]}]}])
        assert post(f"{shown.otlp_http}/v1/traces", request.SerializeToString()) == 200
        row = page.wait_for_selector("[data-service=unknown_service]")
        assert row is not None
        assert row.inner_text().split("\t")[2:4] == ["1", "1"]
        page.wait_for_selector("#overall >> text=receiving")
        assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in page.inner_text("body")
        page.set_viewport_size({"width": 390, "height": 844})
        right = page.evaluate("document.querySelector('[data-service] td:last-child').getBoundingClientRect().right")
        assert 300 < right <= 390
        page.click("[data-service] a")
        page.wait_for_selector("[data-trace]")
        browser.close()


def test_both_ports_in_use_is_an_error_that_says_so(config: Config) -> None:
    """Instead of a dashboard that stays empty."""
    with view(config, http_port=0, grpc_port=0) as first:
        http_port, grpc_port = (int(address.rpartition(":")[2]) for address in (first.otlp_http, first.otlp_grpc))
        second = view(config, http_port=http_port, grpc_port=grpc_port)
        with pytest.raises(SourceError, match="both ports are in use"), second:
            pass


def test_the_viewer_does_not_instrument_its_own_process(config: Config) -> None:
    """The command is not a program that is watched: no provider, no health check, no metrics of its own."""
    provider = trace.get_tracer_provider()
    with view(config, http_port=0, grpc_port=0) as shown:
        status = shown.source.get("status")

    assert trace.get_tracer_provider() is provider
    assert (status["checks"], status["destinations"], status["counts"]["series"]) == ([], [], 0)
    assert status["service"]["name"] == "no program yet"


def test_a_program_exports_what_its_own_dashboard_keeps(api: Api) -> None:
    """Spans, log records and metrics with its resource; imported, they are the same rows again."""
    with trace.get_tracer("t").start_as_current_span("pay", attributes={"n": 1}):
        pass
    csg_otel.counter("orders").add(3)
    eventually(lambda: api.get("traces")["traces"])
    eventually(lambda: "orders" in api.get("export", {"signals": "metrics"}))

    lines = [json.loads(line) for line in api.get("export").splitlines()]
    resources = [line[key][0]["resource"] for line in lines for key in line]
    spans = [line for line in lines if "resourceSpans" in line]
    (page,) = api.get("traces")["traces"]
    own = api.get(f"traces/{page['trace_id']}")["spans"]

    assert {"key": "service.name", "value": {"stringValue": "shop"}} in resources[0]["attributes"]
    assert any(attribute["key"] == "process.pid" for attribute in resources[0]["attributes"])
    with view(load({}, environ={}).config, http_port=0, grpc_port=0) as shown:
        shown.source.post("import", {"lines": json.dumps(spans[0])})
        assert shown.source.get(f"traces/{page['trace_id']}")["spans"] == own


def test_a_file_is_imported_into_the_dashboard_of_a_program(api: Api) -> None:
    """Beside what the program did itself; what is no such file is an error."""
    record = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"5","body":{"stringValue":"x"}}]}]}]}'

    assert api.post("import", {"lines": record}) == {"spans": 0, "logs": 1, "metrics": 0, "left_out": ""}
    assert "x" in {row["body"] for row in api.get("logs")["logs"]}
    for body in ({"lines": "hello"}, {}, {"lines": None}):
        with pytest.raises(SourceError, match="no file"):
            api.post("import", body)
    with pytest.raises(SourceError, match="signal"):
        api.get("export", {"signals": "profiles"})


@pytest.mark.parametrize("is_own", [True, False], ids=["of a program", "of any program"])
def test_a_dashboards_own_export_adds_nothing_to_it(api: Api, *, is_own: bool) -> None:
    """Imported again, no span, log record or series is there twice; two equal records of one file are both kept."""
    with trace.get_tracer("t").start_as_current_span("pay"):
        logging.getLogger("shop").warning("late")
    csg_otel.counter("orders").add(3)
    eventually(lambda: api.get("traces")["traces"] and api.get("logs")["logs"])
    eventually(lambda: "orders" in api.get("export", {"signals": "metrics"}))
    own = api.get("export")
    record = {"timeUnixNano": str(int(clock.time() * 1e9)), "body": {"stringValue": "twice"}}
    twice = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record, record]}]}]})

    with view(load({}, environ={}).config, http_port=0, grpc_port=0) as shown:
        dashboard = api if is_own else shown.source
        dashboard.post("import", {"lines": own})
        dashboard.post("import", {"lines": twice})
        for _ in range(2):
            dashboard.post("import", {"lines": dashboard.get("export")})
        spans, logs = (dashboard.get("export", {"signals": name}) for name in ("traces", "logs"))
        (orders,) = (row for row in dashboard.get("metrics")["metrics"] if row["name"] == "orders")

    assert spans.count('"name":"pay"') == 1
    assert logs.count('"late"') == 1
    assert logs.count('"twice"') == 2
    assert orders["series"] == 1


def test_an_import_changes_no_metric_of_the_program(api: Api) -> None:
    """The answer says what was left out; traces and logs are taken once, however often the file is imported."""
    with trace.get_tracer("t").start_as_current_span("pay"):
        csg_otel.counter("orders").add(3)
    eventually(lambda: api.get("traces")["traces"])
    eventually(lambda: "orders" in api.get("export", {"signals": "metrics"}))
    lines = api.get("export").replace('"orders"', '"imported"')
    before = api.get("status")["counts"]["spans"]

    for _ in range(2):
        counts = api.post("import", {"lines": lines})
        assert counts["spans"] >= 1
        assert (counts["metrics"], counts["left_out"].partition(",")[0]) == (0, "metrics")
    assert api.get("metrics", {"text": "imported"})["metrics"] == []
    assert not [row for row in api.get("metrics")["metrics"] if "service.name" in row["attributes"]]
    assert api.get("status")["counts"]["spans"] == before
    only_metrics = "".join(line for line in lines.splitlines(keepends=True) if "resourceMetrics" in line)
    assert api.post("import", {"lines": only_metrics})["left_out"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "csg_otel", "dashboard", "--otlp", *arguments]


@pytest.mark.real("node", "node-otel")
def test_the_command_serves_a_page_of_what_another_language_sends(tmp_path: Path) -> None:
    """`csg-otel dashboard --otlp --web`: a program of Node.js sends, its trace is on the page's API, Ctrl-C ends it."""
    ports = ("--port", "0", "--otlp-http-port", "0", "--otlp-grpc-port", "0")
    with Program(command("--web", *ports), tmp_path) as dashboard:
        link = dashboard.line_with(r"works once\): (\S+)")[1]
        http_url = dashboard.line_with(r"OTLP over HTTP: (\S+)")[1]
        grpc_address = dashboard.line_with(r"OTLP over gRPC: (\S+)")[1]
        addresses = SimpleNamespace(otlp_http=http_url, otlp_grpc=grpc_address)
        (tmp_path / "node").mkdir()
        with node_program(tmp_path / "node", addresses, "grpc") as sender:
            assert sender.wait() == 0, sender.stderr
        with logged_in(link) as document:
            (trace_row,) = document("/api/v1/traces")["traces"]
        dashboard.process.send_signal(signal.SIGINT)
        assert dashboard.wait() == 0, dashboard.stderr

    assert (trace_row["name"], trace_row["service"], trace_row["errors"]) == ("GET /pay", "checkout", 1)
    assert dashboard.stderr == ""


@pytest.mark.parametrize("port", ["x", "-1", "65536", "²"])
def test_a_port_that_is_none_is_an_error(tmp_path: Path, port: str) -> None:
    """Before anything is started."""
    with Program(command("--web", "--otlp-http-port", port), tmp_path) as dashboard:
        assert dashboard.wait() == 2
        assert "0 to 65535" in dashboard.stderr
