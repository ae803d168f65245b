"""Receivers of everything that the program with the canaries sends, and what it serves and leaves on disk, as bytes."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
import zlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from support.notification_sinks import http_sink
from support.otlp_sink import GrpcSink, HttpSink
from support.programs import Program
from support.servers import free_port
from support.web_client import Web

FORMATS = {
    "text": "text/plain;version=0.0.4",
    "openmetrics": "application/openmetrics-text",
    "protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
}
DOCUMENTS = (
    "status",
    "health",
    "traces?limit=500",
    "logs?limit=500",
    "metrics",
    "system",
    "alerts",
    "changed",
    "export",
)
COMMANDS = {
    "report.md": ["dashboard", "--mode", "report"],
    "report.json": ["dashboard", "--mode", "report", "--json"],
    "status": ["dashboard", "--mode", "status"],
    "query traces": ["query", "traces", "--json", "--limit", "500"],
    "query logs": ["query", "logs", "--limit", "500"],
    "query health": ["query", "health"],
}


class RawSink(HttpSink):
    """An OTLP receiver that keeps the bodies by path."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[bytes]] = defaultdict(list)
        super().__init__()

    def judge(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Keep the body."""
        self.bodies[path].append(gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body)
        return super().judge(path, headers, body)

    def outputs(self, name: str) -> dict[str, bytes]:
        """Return what arrived by path."""
        return {f"{name}{path}": b"\n".join(list(bodies)) for path, bodies in self.bodies.items()}


class Datagrams:
    """A receiver of DogStatsD."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.received: list[bytes] = []
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        while data := self._socket.recv(65536):
            self.received.append(data)

    def close(self) -> None:
        """Stop receiving."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"", self._socket.getsockname())
        self._thread.join(10)
        self._socket.close()


def run(config: dict[str, Any], plan: list[Any], folder: Path, variables: dict[str, str]) -> dict[str, bytes]:
    """Run the program to its end, and return all its outputs by name; *config* is added to what the receivers need."""
    http, agent, grpc, datagrams = RawSink(), RawSink(), GrpcSink(), Datagrams()
    arguments = [text if key == "note" else f"--{key}={text}" for carrier, key, text in plan if carrier == "argument"]
    (folder / "plan.json").write_text(json.dumps(plan))
    with http_sink() as alertmanager:
        settings = _settings(
            config,
            http=http.endpoint,
            grpc=grpc.endpoint,
            agent=agent.endpoint,
            statsd=datagrams.address,
            alerts=alertmanager.url,
        )
        settings["service"] = {"name": "shop", "attributes": _resource(plan)}
        (folder / "monitoring_config.yaml").write_text(json.dumps(settings))
        command = [sys.executable, str(Path(__file__).with_name("canary_program.py")), "plan.json", *arguments]
        variables = {**variables, "XDG_STATE_HOME": str(folder / "state")}
        with Program(command, folder, variables) as program:
            first = program.line()
            assert first, program.stderr
            addresses = json.loads(first)
            program.line_with("emitted", 1500)
            token = settings["security"]["api_auth"]["tokens"][0]
            outputs = _served(addresses, token, folder, variables)
            program.go_on()
            program.line_with("ended", 120)
            assert program.wait(120) == 0, program.stderr
            outputs["stderr"] = program.stderr.encode()
        outputs["alertmanager"] = b"\n".join(request.body for request in alertmanager.requests)
    outputs.update(http.outputs("otlp http"))
    outputs.update(agent.outputs("datadog"))
    for signal in ("traces", "metrics", "logs"):
        requests = getattr(grpc.received, signal)
        outputs[f"otlp grpc {signal}"] = b"\n".join(request.SerializeToString() for request in requests)
    outputs["statsd"] = b"\n".join(datagrams.received)
    outputs.update(_files(folder))
    for receiver in (http, agent, grpc, datagrams):
        receiver.close()
    return outputs


def _resource(plan: list[Any]) -> dict[str, str]:
    pairs = [(key, text) for carrier, key, text in plan if carrier == "resource"]
    return {f"{key}.{number}" if key == "note" else key: text for number, (key, text) in enumerate(pairs)}


def _settings(config: dict[str, Any], *, http: str, grpc: str, agent: str, statsd: str, alerts: str) -> dict[str, Any]:
    down = f"http://127.0.0.1:{free_port()}"
    datadog = {"enabled": True, "mode": "agent", "endpoint": agent, "statsd": True, "statsd_address": statsd}
    otlp = [
        {"name": "web", "endpoint": http, "protocol": "http/protobuf"},
        {"name": "rpc", "endpoint": grpc},
        {"name": "down", "endpoint": down, "protocol": "http/protobuf", "timeout": 1},
    ]
    return {
        "exporters": {
            "otlp": otlp,
            "datadog": datadog,
            "console": {"enabled": True, "level": "debug"},
            "queue": {"max_items": 100_000, "delay": 0.2},
        },
        "health_monitoring": {"show_details": "always", "trace": "all", "check_interval": 5},
        "system_monitoring": {"collection_interval": 20, "prometheus": {"port": 0}},
        "dashboard": {"enabled": True, "port": 0},
        "alerting": {"alertmanagers": [alerts]},
        "logging": {"handlers": ["file"], "file_config": {"filename": "shop.log"}},
        **config,
    }


def _served(addresses: dict[str, str], token: str, folder: Path, variables: dict[str, str]) -> dict[str, bytes]:
    """Return the answers of the endpoints and the dashboard, and what the commands print."""
    login = {"Authorization": f"Bearer {token}"}
    pages = {f"scrape {name}": ("/metrics", {"Accept": accept}) for name, accept in FORMATS.items()}
    pages["healthz"] = "/healthz?verbose", {}
    pages["healthz json"] = "/healthz", {"Accept": "application/json"}
    pages["health+json"] = "/healthz", {"Accept": "application/health+json"}
    endpoints, dashboard = Web(addresses["url"]), Web("http://" + urlsplit(addresses["dashboard"]).netloc)
    outputs = {name: endpoints.ask(path, headers={**login, **more}).body for name, (path, more) in pages.items()}
    dashboard.headers = login
    outputs.update({f"dashboard {path}": dashboard.get(path).body for path in DOCUMENTS})
    outputs["dashboard page"] = dashboard.ask("/").body
    with dashboard.events() as events:
        outputs["dashboard events"] = json.dumps([next(events) for _ in range(3)]).encode()
    (folder / "token").write_text(token)
    (folder / "token").chmod(0o600)
    for name, words in COMMANDS.items():
        full = [sys.executable, "-m", "csg_otel", *words, "--url", dashboard.url, "--token-file", str(folder / "token")]
        done = subprocess.run(full, cwd=folder, env={**os.environ, **variables}, capture_output=True, timeout=60)
        outputs[f"command {name}"] = done.stdout + done.stderr
    return outputs


def _files(folder: Path) -> dict[str, bytes]:
    """Return the files that the program has left: its log, the spool, the journals."""
    left: dict[str, bytes] = {"log file": (folder / "shop.log").read_bytes()}
    for path in sorted((folder / "state").rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            name = "journal" if "dashboard" in path.parts else "spool"
            left[name] = left.get(name, b"") + content + _inflated(content)
    return left


def _inflated(content: bytes) -> bytes:
    try:
        return zlib.decompress(content)
    except zlib.error:
        return b""
