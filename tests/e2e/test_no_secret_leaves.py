"""No secret of a DSN, a header, a body or an exception in any answer, gauge, span, log line or report of health."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.otlp_sink import HttpSink
from support.programs import Program, eventually, get
from support.servers import free_port

CANARY = "c4nary-0f-th3-t3st"
REASON = "r3as0n-of-th3-c0de"
"""The message of an exception of the program: for its own log, and for nobody else."""

SOURCE = """
    import sys, csg_otel

    @csg_otel.health_check("raises", interval_s=0.2)
    def raises():
        raise RuntimeError("login with " + sys.argv[1] + " failed")

    telemetry = csg_otel.instrument(config="monitoring_config.yaml")
    print(telemetry.url, flush=True)
    sys.stdin.readline()
    print(csg_otel.HealthMonitor().get_health_summary(), csg_otel.HealthMonitor().get_health_trends(), flush=True)
    print("done", flush=True)
"""


class Tells:
    """A server that fails and tells the canary in its status, a header and its body."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(302, CANARY)
                self.send_header("Location", f"http://{CANARY}/{CANARY}")
                self.end_headers()
                self.wfile.write(CANARY.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def commands(url: str) -> list[list[str]]:
    """Return what an operator would type."""
    ways = [["--url", url], ["--app", "failing_module"]]
    forms = ["text", "json", "health+json", "nagios"]
    asking = [["healthcheck", *way, "--verbose", "--format", form] for way in ways for form in forms]
    return [*asking, ["config", "show", "--origin"], ["config", "check"], ["doctor"]]


def ask(words: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Return all that a command prints."""
    env = {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "-m", "csg_otel", *words], cwd=folder, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.stdout, done.stderr
    return done.stdout + done.stderr


def test_a_canary_in_every_place_is_never_seen(tmp_path: Path) -> None:
    """Every check that takes a secret fails, and nothing of it is anywhere."""
    refused, told = free_port(), Tells()
    checks: dict[str, dict[str, Any]] = {
        "db": {
            "type": "database",
            "url": f"postgresql://app:{CANARY}@127.0.0.1:{refused}/{CANARY}?application_name={CANARY}",
        },
        "orm": {"type": "database", "url": f"postgresql+psycopg://app:{CANARY}@127.0.0.1:{refused}/x"},
        "cache": {"type": "redis", "url": f"redis://user:{CANARY}@127.0.0.1:{refused}/0"},
        "crm": {
            "type": "http",
            "url": f"http://user:{CANARY}@127.0.0.1:{refused}/x?key={CANARY}",
            "headers": {"authorization": f"Bearer {CANARY}"},
            "body": CANARY,
        },
        "func": {"type": "function", "function": "failing:function"},
        "pool": {"type": "database", "pool": "failing:function"},
        "model": {"type": "nlp_model", "loader": "failing:function"},
        "module": {"type": "imports", "modules": ["failing_module"]},
        "client": {"type": "redis", "client": "failing:function"},
        "bench": {"type": "processing", "function": "failing:function"},
        "answers": {"type": "http", "url": f"{told.url}/x?key={CANARY}", "headers": {"cookie": f"id={CANARY}"}},
    }
    wanted: dict[str, Any] = {
        name: {**check, "interval": 0.2, "groups": ["readiness"]} for name, check in checks.items()
    }
    (tmp_path / "failing.py").write_text(f"def function():\n    raise RuntimeError('{REASON}')\n")
    (tmp_path / "failing_module.py").write_text(f"raise RuntimeError('{REASON}')\n")
    sink = HttpSink()
    config = {
        "health_monitoring": {
            "show_details": "always",
            "trace": "all",
            "checks": {**wanted, "dependencies": {"databases": ["${DSN}"]}},
        },
        "system_monitoring": {"collection_interval": 1, "prometheus": {"port": 0}},
        "exporters": {"console": {"enabled": True}, "otlp": [{"endpoint": sink.endpoint, "protocol": "http/protobuf"}]},
        "logging": {"level": "DEBUG"},
    }
    (tmp_path / "monitoring_config.yaml").write_text(json.dumps(config).replace(CANARY, "${CANARY}"))
    environment = {"CANARY": CANARY, "DSN": f"postgresql://app:{CANARY}@127.0.0.1:{refused}/y", "PYTHONPATH": "."}
    (tmp_path / "shop.py").write_text(SOURCE.replace("\n    ", "\n").strip())
    with Program([sys.executable, "shop.py", REASON], tmp_path, environment) as program:
        url = program.line()
        assert url, program.stderr
        failing = len(checks) + 2

        def all_failed() -> bool:
            answer = json.loads(get(f"{url}/healthz", {"Accept": "application/json"})[1])
            states = [found[0]["state"] for found in answer["checks"].values()]
            return states.count("critical") >= failing

        eventually(all_failed)
        seen = [get(f"{url}/{path}")[1] for path in ("healthz?verbose", "readyz?verbose", "metrics", "healthz/db")]
        seen.append(get(f"{url}/metrics", {"Accept": "application/openmetrics-text"})[1])
        seen.append(get(f"{url}/healthz", {"Accept": "application/health+json"})[1])
        seen += [ask(words, tmp_path, environment) for words in commands(url)]
        assert program.process.stdin is not None
        program.process.stdin.write("\n")
        program.process.stdin.flush()
        seen.append(program.line())
        program.line_with("done")
        assert program.wait() == 0
        log = program.stderr
    seen.append(repr((sink.received.traces, sink.received.metrics, sink.received.logs)))
    sink.close()
    told.close()

    assert "csg_health_check_status" in seen[2]
    assert "health_check" in log
    assert f"health check raises failed: RuntimeError: login with {REASON} failed at " in log
    leaks = [(text, CANARY) for text in (*seen, log)] + [(text, REASON) for text in seen]
    assert [
        text[max(0, text.find(secret) - 300) : text.find(secret) + 50] for text, secret in leaks if secret in text
    ] == []


@pytest.mark.parametrize("probe", ["Database", "Redis", "Http"])
def test_no_check_shows_its_target_in_its_repr(probe: str) -> None:
    """Because a repr ends up in logs and tracebacks."""
    from csg_otel.health.checks import check_type

    scheme = {"Database": "postgresql", "Redis": "redis", "Http": "http"}[probe]

    assert CANARY not in repr(check_type(probe.lower())(url=f"{scheme}://u:{CANARY}@h/x"))
