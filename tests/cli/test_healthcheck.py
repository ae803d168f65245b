"""``csg-otel healthcheck``: one line and an exit code, quickly, whatever the process does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.programs import Program, eventually

SERVICE = """
    import os, sys
    import csg_otel

    @csg_otel.health_check("queue", interval_s=0.05, groups=("readiness",))
    def queue():
        if os.path.exists("warn"): raise csg_otel.Warn("queue is long")
        if os.path.exists("fail"): raise csg_otel.Critical("queue is full")

    off = {section: {"enabled": False} for section in ("system_resources", "dependencies", "performance")}
    telemetry = csg_otel.instrument(exporters=["prometheus"], config={"health_monitoring": {"checks": off}})
    print(telemetry.url, flush=True)
    sys.stdin.read()
"""


def healthcheck(*arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Run the command and return its exit code, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "csg_otel", "healthcheck", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        timeout=30,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    """A running program whose check can be made to fail; its URL."""
    with Program(SERVICE, tmp_path) as program:
        url = program.line()
        eventually(lambda: healthcheck("--url", url)[0] == 0)
        yield url


def test_the_exit_code_follows_the_state(service: str, tmp_path: Path) -> None:
    """0 for healthy and for warnings, 1 for critical, in one line; and back."""
    assert healthcheck("--url", service) == (0, "HEALTHY: 2 checks passed\n", "")
    (tmp_path / "warn").touch()
    eventually(lambda: "queue is long" in healthcheck("--url", service)[1])
    assert healthcheck("--url", service)[0] == 0
    assert healthcheck("--url", service, "--fail-on", "warning")[0] == 1
    (tmp_path / "warn").unlink()
    (tmp_path / "fail").touch()
    eventually(lambda: healthcheck("--url", service)[0] == 1)
    assert healthcheck("--url", service)[1] == "CRITICAL: queue CRITICAL: queue is full\n"
    assert healthcheck("--url", service, "--exit-style", "nagios")[0] == 2
    assert healthcheck("--url", service, "--check", "configuration")[0] == 0
    assert healthcheck("--url", service, "--group", "liveness", "--fail-on", "critical")[0] == 0
    (tmp_path / "fail").unlink()
    eventually(lambda: healthcheck("--url", service)[0] == 0)


def test_verbose_and_json_list_the_checks(service: str) -> None:
    """One line a check, or the endpoint's own answer."""
    lines = healthcheck("--url", service, "--verbose")[1].splitlines()
    answer = json.loads(healthcheck("--url", service, "--format", "json")[1])

    assert lines[0] == "HEALTHY: 2 checks passed"
    assert [line.split()[:3] for line in lines[1:]] == [
        ["[+]", "queue", "HEALTHY"],
        ["[+]", "configuration", "HEALTHY"],
    ]
    assert (answer["state"], sorted(answer["checks"])) == ("healthy", ["configuration", "queue"])


def test_a_check_that_is_not_there_is_unknown(service: str) -> None:
    """And its name is said."""
    code, output, _ = healthcheck("--url", service, "--check", "quueue")

    assert (code, output) == (1, "UNKNOWN: no check 'quueue'\n")


@pytest.mark.parametrize("given", [["--url", "ftp://x"], ["--url", "http://127.0.0.1:1"]])
def test_nobody_there_is_unknown(given: list[str]) -> None:
    """An address given by name is not replaced by a local run."""
    code, output, error = healthcheck(*given)

    assert (code, error) == (1, "")
    assert output.startswith("UNKNOWN: ")
    assert healthcheck(*given, "--exit-style", "nagios")[0] == 3


def test_without_a_process_the_checks_run_here(tmp_path: Path) -> None:
    """At the default address, with the configuration of the directory."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    (tmp_path / "monitoring_config.yaml").write_text(
        "health_monitoring: {checks: {system_resources: {enabled: false}, gone: {type: filesystem, path: /no/such}}}"
    )
    code, output, _ = healthcheck(cwd=tmp_path, env={"PROMETHEUS_PORT": port})

    assert code == 1
    assert output == "CRITICAL: gone CRITICAL: /no/such is not there; checked here, because no process answers\n"


def test_bypass_is_exit_0_and_says_so(tmp_path: Path) -> None:
    """Nobody takes it for healthy."""
    code, output, _ = healthcheck(cwd=tmp_path, env={"DISABLE_HEALTH_CHECKS": "true", "PROMETHEUS_PORT": "1"})

    assert code == 0
    assert "switched off" in output


@pytest.mark.parametrize(("arguments", "code"), [(["--nope"], 2), (["--nope", "--exit-style", "nagios"], 3)])
def test_usage_errors_never_look_like_a_state(arguments: list[str], code: int) -> None:
    """2 for people and shells, 3 (unknown) for Nagios, where 2 is critical."""
    assert healthcheck(*arguments)[0] == code


class Slow(BaseHTTPRequestHandler):
    """Answers a byte at a time."""

    def do_GET(self) -> None:
        for _ in range(200):
            self.wfile.write(b"H")
            time.sleep(0.05)

    def log_message(self, *_: object) -> None: ...


def test_a_server_that_drips_is_given_up_in_time() -> None:
    """The time given is for everything."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    began = time.monotonic()
    code, output, _ = healthcheck("--url", f"http://127.0.0.1:{server.server_port}", "--timeout", "0.5")
    took_s = time.monotonic() - began
    server.shutdown()
    server.server_close()

    assert (code, output.split(": ", 1)[0]) == (1, "UNKNOWN")
    assert took_s < 3


def test_asking_imports_nothing_heavy(service: str) -> None:
    """Neither OpenTelemetry nor psutil nor YAML: a probe runs every few seconds."""
    source = (
        "import sys; from csg_otel.cli import main; code = main(['healthcheck', '--url', sys.argv[1]]);"
        "print(sorted({n.split('.')[0] for n in sys.modules} & {'opentelemetry', 'psutil', 'yaml', 'uvicorn', 'starlette'}))"
    )
    done = subprocess.run([sys.executable, "-c", source, service], capture_output=True, text=True, timeout=30)

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_hung_check_does_not_hold_up_an_answer(tmp_path: Path) -> None:
    """20 rounds over hung checks: scrapes in under 50 ms, others on time, one thread each, and a prompt exit."""
    source = """
        import asyncio, json, sys, threading, time, urllib.request
        import csg_otel
        release = threading.Event()
        csg_otel.health_check("sync", interval_s=0.05, timeout_s=0.05)(lambda: release.wait(60))
        async def hung(): await asyncio.sleep(60)
        csg_otel.health_check("async", interval_s=0.05, timeout_s=0.05)(hung)
        async def blocks(): release.wait(60)
        csg_otel.health_check("blocked", interval_s=0.05, timeout_s=0.05)(blocks)
        times = []
        csg_otel.health_check("quick", interval_s=0.05, jitter=0)(lambda: times.append(time.monotonic()))
        telemetry = csg_otel.instrument(exporters=["prometheus"])
        time.sleep(1.5)
        hung_ones = lambda: sum(t.name.endswith(("-sync", "-async", "-blocked")) for t in threading.enumerate())
        scrapes = []
        for _ in range(20):
            began = time.perf_counter()
            urllib.request.urlopen(telemetry.url + "/metrics").read()
            scrapes.append(time.perf_counter() - began)
            time.sleep(0.06)
        gaps = [b - a for a, b in zip(times[5:], times[6:])]
        report = [hung_ones(), sorted(scrapes)[10], max(gaps), len(times)]
        print(json.dumps(report), flush=True)
    """
    began = time.monotonic()
    with Program(source, tmp_path) as program:
        found: list[Any] = json.loads(program.line())
        asked = time.monotonic()
        assert program.wait(10) == 0, program.stderr
        ended_s = time.monotonic() - asked
    threads, scrape_s, gap_s, runs = found

    assert threads <= 3, "one for each of the three that hang"
    assert scrape_s < 0.05
    assert gap_s < 0.5
    assert runs > 20
    assert ended_s < 2.5
    assert time.monotonic() - began < 20
