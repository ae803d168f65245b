"""``csg-otel alerts``: its output, the files it writes, and its exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.json_server import json_server
from support.notification_sinks import http_sink
from support.programs import Program, eventually, get
from support.servers import free_port

EXAMPLE = Path(__file__).parents[2] / "examples" / "alerting" / "monitoring_config.yaml"
RULES = """
alerting:
  rules:
    - {name: orders_stop, metric: orders.placed, condition: "<", threshold: 0.01, severity: critical}
    - {name: many_workers, metric: workers, condition: ">=", threshold: 3, filters: {pool: a}}
"""
PROGRAM = """
    import csg_otel, sys
    workers = csg_otel.gauge("workers", attributes=("pool",))
    orders = csg_otel.counter("orders.placed", unit="{order}", attributes=("channel",))
    if __name__ == "__main__":
        telemetry = csg_otel.instrument(exporters=["prometheus"], health_monitoring__enabled=False)
        workers.set(3, {"pool": "a"})
        orders.add(1, {"channel": "web"})
        print(telemetry.url, flush=True)
        sys.stdin.readline()
"""


def run(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command in *folder*."""
    command = [sys.executable, "-m", "csg_otel", "alerts", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A folder with a program and with rules for it."""
    (tmp_path / "monitoring_config.yaml").write_text(RULES)
    (tmp_path / "shop.py").write_text("\n".join(line[4:] for line in PROGRAM.splitlines()))
    return tmp_path


def test_compile_writes_files_without_needing_secrets(tmp_path: Path) -> None:
    """The machine that compiles rules has no passwords."""
    done = run(tmp_path, "compile", "--config", str(EXAMPLE), "-o", "compiled")

    assert done.returncode == 0, done.stderr
    written = {Path(line).name for line in done.stdout.splitlines()}
    assert written == {path.name for path in (tmp_path / "compiled").iterdir()}
    assert all((tmp_path / "compiled" / name).read_text() == (EXAMPLE.parent / name).read_text() for name in written)


def test_a_programs_own_metrics_are_known_from_the_program(program: Path) -> None:
    """Without ``--app`` the metric is an error with its line and a suggestion; with it the rule compiles."""
    without, with_it = run(program, "compile"), run(program, "compile", "--app", "shop:orders")

    assert without.returncode == 1
    assert (
        "monitoring_config.yaml:4:27: alerting.rules[0].metric: no metric is called 'orders.placed'" in without.stderr
    )
    assert with_it.returncode == 0, with_it.stderr


@pytest.mark.real("promtool")
def test_check_warns_and_test_runs_the_rules(program: Path) -> None:
    """A critical rule without a runbook is a warning with its position; the result of promtool is printed."""
    checked, tested = (run(program, command, "--app", "shop") for command in ("check", "test"))

    assert (checked.returncode, tested.returncode) == (0, 0), checked.stderr + tested.stdout
    assert "warning: monitoring_config.yaml:4:7: alerting.rules[0].runbook_url: a critical alert" in checked.stdout
    assert "promtool: prometheus-rules.yaml is valid" in checked.stdout
    assert "each fires above its threshold" in tested.stdout


def test_check_says_when_a_tool_is_not_there(program: Path) -> None:
    """A check that could not run is reported."""
    done = run(program, "check", "--app", "shop", env={"PATH": ""})

    assert done.returncode == 0
    assert "promtool is not on the PATH: prometheus-rules.yaml is not checked by it" in done.stdout


def test_preview_says_what_would_fire(program: Path) -> None:
    """The preview evaluates live values of the running program, whose metrics come from its declarations or its /metrics."""
    with Program([sys.executable, "shop.py"], program) as shop:
        url = f"{shop.line()}/metrics"
        assert get(url)[0] == 200
        done = run(program, "preview", "--metrics", url, "--wait", "0.2", "--no-shipped", env={"PROMETHEUS_PORT": "1"})

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("! would fire  critical  OrdersStop: 0 (fires when < 0.01)")
    assert lines[1].startswith("! would fire  warning   ManyWorkers: 3 (fires when >= 3)")
    assert lines[2] == "2 of 2 rules would fire, 0 would be pending"


@pytest.mark.parametrize("method", ["token", "basic"])
def test_preview_has_access_where_a_token_is_needed(method: str, program: Path) -> None:
    """The token of the configuration is sent, or that of a file; without one, the message has the remedy."""
    token = "user:c4nary" if method == "basic" else "c4nary-token"
    access = {
        "CSG_OTEL_SECURITY_API_AUTH_ENABLED": "true",
        "CSG_OTEL_SECURITY_API_AUTH_METHOD": method,
        "CSG_OTEL_SECURITY_API_AUTH_TOKENS": f"{token},another",
    }
    if method == "basic":
        access["CSG_OTEL_SECURITY_API_AUTH_TOKENS"] = token
    (program / "token").write_text(f"{token}\n")
    with Program([sys.executable, "shop.py"], program, access) as shop:
        url = f"{shop.line()}/metrics"
        eventually(lambda: get(url)[0] == 401)
        arguments = ["preview", "--metrics", url, "--wait", "0.1", "--no-shipped"]
        port = {"PROMETHEUS_PORT": url.removesuffix("/metrics").rpartition(":")[2]}
        configured = run(program, *arguments, env={**access, **port})
        with_file = run(program, *arguments, "--url", url, "--token-file", "token", env={"PROMETHEUS_PORT": ""})
        without = run(program, *arguments, "--url", url, env={"PROMETHEUS_PORT": ""})

    assert "2 of 2 rules would fire" in configured.stdout, configured.stderr
    assert "2 of 2 rules would fire" in with_file.stdout, with_file.stderr
    assert without.returncode == 1
    assert "wants a token of its security.api_auth; give a file with one to --token-file" in without.stderr
    assert "c4nary" not in "".join((configured.stderr, with_file.stderr, without.stderr))


def test_the_token_of_the_configuration_is_sent_to_no_other_program(program: Path) -> None:
    """A page at another address than the program's own gets no token that nobody gave for it."""
    seen: list[str | None] = []

    def answer(_method: str, _target: str, headers: Any, _body: Any) -> tuple[int, Any]:
        seen.append(headers["Authorization"])
        return 200, None

    access = {"CSG_OTEL_SECURITY_API_AUTH_ENABLED": "true", "CSG_OTEL_SECURITY_API_AUTH_TOKENS": "c4nary-token"}
    with json_server(answer) as url:
        run(program, "check", "--metrics", f"{url}/metrics", env=access)
        own = {**access, "PROMETHEUS_PORT": url.rpartition(":")[2]}
        run(program, "check", "--metrics", f"{url}/metrics", env=own)

    assert seen == [None, "Bearer c4nary-token"]


def test_preview_says_how_many_series_it_leaves_out(program: Path) -> None:
    """Five series per rule are printed, firing ones first; the number of the others is printed, too."""
    shop_py = program / "shop.py"
    sets = 'workers.set(3, {"pool": "a"})'
    shop_py.write_text(shop_py.read_text().replace(sets, 'for at in range(9): workers.set(at, {"pool": str(at)})'))
    (program / "monitoring_config.yaml").write_text(RULES.replace(", filters: {pool: a}", ""))
    with Program([sys.executable, "shop.py"], program) as shop:
        url = f"{shop.line()}/metrics"
        done = run(program, "preview", "--metrics", url, "--url", url, "--wait", "0.1", "--no-shipped")

    lines = done.stdout.splitlines()
    assert [line.startswith("! would fire  warning   ManyWorkers") for line in lines[1:6]] == [True] * 5, done.stderr
    assert lines[6] == "              warning   ManyWorkers: 4 more, of which 1 would fire or be pending"


def test_preview_says_what_a_rule_waits_for(tmp_path: Path) -> None:
    """A rule that must hold for ten minutes is pending; the address is that of the file, and one line is one line."""
    port = free_port()
    (tmp_path / "monitoring_config.yaml").write_text(
        f"system_monitoring: {{prometheus: {{port: {port}, path: /numbers}}}}\n"
        "alerting:\n"
        "  rules:\n"
        "    - {name: up_long, metric: process.uptime, condition: '>', threshold: 0.001, for: 10m}\n"
        "    - {name: up_now, metric: process.uptime, condition: '>', threshold: 0.001}\n"
        "    - {name: up_short, metric: process.uptime, condition: '<', threshold: 0.001, for: 10m}\n"
        "    - {name: jobs, metric: csg.files.processed, condition: '>', threshold: 1, for: 10m, no_data: alert}\n"
    )
    program = "import csg_otel\ncsg_otel.instrument(exporters=['prometheus'])\nprint('ready', flush=True)\ninput()"
    (tmp_path / "app.py").write_text(program)
    with Program([sys.executable, "app.py"], tmp_path, {"PROMETHEUS_PORT": ""}) as started:
        started.line_with("ready")
        eventually(lambda: "process_uptime" in get(f"http://127.0.0.1:{port}/numbers")[1])
        done = run(tmp_path, "preview", "--wait", "2", "--no-shipped", env={"PROMETHEUS_PORT": ""})

    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert re.match(
        r"~ pending     warning   UpLong: .*; would be pending, fires in 9 m \d\d? s if it still holds", lines[0]
    )
    assert re.match(r"! would fire  warning   UpNow: ", lines[1])
    assert re.match(r"  ok          warning   UpShort: ", lines[2])
    assert lines[-1] == "1 of 4 rules would fire, 1 would be pending"


NOT_A_URL = "without http:// or https:// it is not an HTTP URL (http://host:port/path)"


class Answers(BaseHTTPRequestHandler):
    """Drips at /drip, redirects from /metrics to /metrics/ and from /away to another name, and has nothing at /none."""

    def do_GET(self) -> None:
        body = b"workers 1\n"
        if self.path == "/drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            with suppress(OSError):
                for _ in range(1000):
                    self.wfile.write(b"#")
                    time.sleep(0.1)
            return
        self.send_response({"/metrics": 307, "/away": 302, "/metrics/": 200}.get(self.path, 404))
        port = self.connection.getsockname()[1]
        self.send_header("Location", f"http://localhost:{port}/metrics/" if self.path == "/away" else "/metrics/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def metrics_server() -> Iterator[str]:
    """The URL of a server with `Answers`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_check_gives_up_a_dripping_metrics_after_five_seconds(program: Path, metrics_server: str) -> None:
    """Five seconds for the whole response, although each of its bytes comes in time."""
    began = time.monotonic()
    done = run(program, "check", "--no-shipped", "--metrics", f"{metrics_server}/drip")
    took_s = time.monotonic() - began

    assert (done.returncode, done.stderr) == (
        1,
        f"{metrics_server}/drip can't be read: no complete response within 5 s; is it the address of a /metrics?\n",
    )
    assert 5 <= took_s < 50  # a busy machine's; the server would send for 100 s


def test_metrics_behind_a_redirect_are_read(program: Path, metrics_server: str) -> None:
    """Frameworks serve a mounted application at the path with a slash; the error for another address shows no password."""
    done = run(program, "check", "--no-shipped", "--metrics", f"{metrics_server}/metrics")
    wrong = run(program, "check", "--no-shipped", "--metrics", metrics_server.replace("//", "//me:canary@") + "/none")
    away = run(program, "check", "--no-shipped", "--metrics", f"{metrics_server}/away")
    none = run(program, "check", "--no-shipped", "--metrics", "localhost:8081/metrics")
    refused = run(program, "check", "--no-shipped", "--metrics", "http://127.0.0.1:1/metrics")

    assert "many_workers" not in done.stderr
    assert (wrong.returncode, "HTTP 404" in wrong.stderr, "canary" in wrong.stderr) == (1, True, False)
    assert none.returncode == 1
    assert "the redirect (HTTP 302) is not followed" in away.stderr
    assert refused.stderr.endswith(
        "127.0.0.1:1/metrics can't be read: Connection refused; start the program, or give the address of its /metrics\n"
    )
    assert none.stderr == f"{NOT_A_URL}; example: http://127.0.0.1:8081/metrics\n"


def test_preview_without_a_program_is_a_clear_error(program: Path) -> None:
    """The error is one line, and the exit code is 1."""
    done = run(program, "preview", "--app", "shop", "--url", "http://127.0.0.1:9/metrics")

    assert done.returncode == 1
    assert done.stderr.startswith("http://127.0.0.1:9/metrics can't be read: ")


def test_route_prints_the_receivers(tmp_path: Path) -> None:
    """Each line has a receiver, when it is notified and its setting; without a receiver the exit code is 1."""
    routed = run(tmp_path, "route", "--config", str(EXAMPLE), "--severity", "critical")
    foreign = run(tmp_path, "route", "--config", str(EXAMPLE), "--severity", "critical", "--label", "service=shop")
    unrouted = run(tmp_path, "route", "--config", str(EXAMPLE), "--severity", "info", "--label", "alertname=Watchdog")

    assert (routed.returncode, [line.split("  ")[0] for line in routed.stdout.splitlines()]) == (
        0,
        [f"snapshot-generator.{name}" for name in ("email", "slack", "webhook", "emergency.email")],
    )
    assert foreign.returncode == 1
    assert "if it lasts 15m  escalation critical_escalation" in routed.stdout
    assert unrouted.returncode == 1
    assert unrouted.stdout == "no receiver: add a channel that accepts this severity to notifications\n"


def test_route_takes_severities_of_the_users_own_and_labels_of_a_team(tmp_path: Path) -> None:
    """A team's alerts go to its channel; a misspelt severity is an error with a suggestion."""
    (tmp_path / "monitoring_config.yaml").write_text(
        "alerting: {severities: [page]}\n"
        "notifications:\n"
        "  channels:\n"
        "  - {name: web, type: discord, webhook_url: '${WEB}'}\n"
        "  - {name: all, type: opsgenie, api_key: '${KEY}'}\n"
        "  routes: [{match: {team: web}, to: [web]}]\n"
    )
    teams = run(tmp_path, "route", "--severity", "page", "--label", "team=web")
    others = run(tmp_path, "route", "--severity", "page")
    misspelt = run(tmp_path, "route", "--severity", "pagee")

    assert [line.split() for line in teams.stdout.splitlines()] == [["web", "at", "once", "notifications.routes[0]"]]
    assert [line.split()[0] for line in others.stdout.splitlines()] == ["all"]
    assert misspelt.returncode != 0
    assert "'pagee' is not a severity (did you mean 'page'?)" in misspelt.stderr + misspelt.stdout


def test_check_finds_secrets_that_are_not_there(tmp_path: Path) -> None:
    """On the machine with their directory, a missing secret is an error with its line and what to do."""
    elsewhere = run(tmp_path, "check", "--config", str(EXAMPLE), "--secrets-dir", str(tmp_path / "none"))
    there = run(tmp_path, "check", "--config", str(EXAMPLE), "--secrets-dir", str(tmp_path))

    assert elsewhere.returncode == 0
    assert (
        "is not on this machine: secret files are not checked; run this on the machine of Alertmanager"
        in elsewhere.stdout
    )
    assert there.returncode == 1
    assert f":24:5: notifications.email.password: {tmp_path}/email_password can't be read" in there.stdout


def test_check_looks_at_another_file_of_alertmanagers(tmp_path: Path) -> None:
    """An inhibition that would mute everything is an error with its line and what to do."""
    (tmp_path / "am.yaml").write_text(
        "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules:\n"
        "- {source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [cluster]}\n"
    )
    done = run(tmp_path, "check", "--config", str(EXAMPLE), "--alertmanager-file", "am.yaml")

    assert done.returncode == 1
    assert "am.yaml:4:3: this inhibition mutes everything that has no cluster; add the source matcher" in done.stdout


def test_relay_forwards_until_a_signal_ends_it(tmp_path: Path) -> None:
    """The relay calls the webhook with the configured method, and SIGTERM ends it cleanly."""
    with http_sink() as sink:
        (tmp_path / "monitoring_config.yaml").write_text(
            f"notifications: {{webhook: {{enabled: true, url: '{sink.url}/a', method: PUT}}}}\n"
        )
        command = [sys.executable, "-m", "csg_otel", "alerts", "relay", "--listen", "127.0.0.1:0"]
        with Program(command, tmp_path) as relay:
            url = relay.line_with(r"^relay at (http://127.0.0.1:\d+) for /webhook$")[1]
            kind = {"Content-Type": "application/json"}
            urllib.request.urlopen(urllib.request.Request(f"{url}/webhook", b"{}", kind), timeout=50).close()
            relay.terminate()

            assert relay.wait() == 0
    assert [(got.method, got.path, got.body) for got in sink.requests] == [("PUT", "/a", b"{}")]


def test_relay_needs_a_webhook_and_its_secrets(tmp_path: Path) -> None:
    """Without a webhook or without a secret the relay ends with an error that names it."""
    nothing = run(tmp_path, "relay")
    unset = run(tmp_path, "relay", "--config", str(EXAMPLE))

    assert (nothing.returncode, unset.returncode) == (1, 1)
    assert "there is no channel to forward to" in nothing.stderr
    assert "the variable WEBHOOK_TOKEN is not set" in unset.stderr


def notify(url: str, token: str) -> int:
    """Send a notification with *token*, and return the status."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers), timeout=50) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_relay_on_a_network_needs_a_token(tmp_path: Path) -> None:
    """It does not start without one; with one of a file or of `security.api_auth`, callers need it."""
    (tmp_path / "token").write_text("of-the-file\n")
    with http_sink() as sink:
        webhook = f"notifications: {{webhook: {{enabled: true, url: '{sink.url}'}}}}\n"
        auth = "security: {api_auth: {enabled: true, tokens: ['${TOKEN}']}}\n"
        (tmp_path / "monitoring_config.yaml").write_text(webhook)
        refused = run(tmp_path, "relay", "--listen", "0.0.0.0:0")
        empty = run(tmp_path, "relay", "--require-token", str(tmp_path / "none"))
        for options, config, token in (
            (["--require-token", "token"], webhook, "of-the-file"),
            ([], webhook + auth, "of-the-file-of-settings"),
        ):
            (tmp_path / "monitoring_config.yaml").write_text(config)
            command = [sys.executable, "-m", "csg_otel", "alerts", "relay", "--listen", "0.0.0.0:0", *options]
            with Program(command, tmp_path, {"TOKEN": "of-the-file-of-settings"}) as relay:
                url = relay.line_with(r"^relay at (http://127.0.0.1:\d+) for /webhook$")[1]
                statuses = [notify(f"{url}/webhook", sent) for sent in ("wrong", token)]
            assert statuses == [401, 200]

    assert (refused.returncode, empty.returncode) == (1, 1)
    assert "--require-token" in refused.stderr
    assert "can't be read" in empty.stderr


def test_a_folder_without_a_configuration_is_reported(tmp_path: Path) -> None:
    """Files compiled without a configuration have no channels, so a user in the wrong folder must see it before a push."""
    done = run(tmp_path, "compile", env={"CSG_OTEL_CONFIG": ""})

    assert done.returncode == 0
    assert done.stderr == (
        "no configuration file found: only the rules that come with csg-otel are used, and no channels; "
        "create monitoring_config.yaml here, or give --config FILE\n"
    )


def test_an_invalid_version_is_reported(program: Path) -> None:
    """The error quotes the text that the user typed."""
    done = run(program, "compile", "--prometheus-version", "2.4x")

    assert done.returncode == 2
    assert "argument --prometheus-version: '2.4x' is not a version (such as 2.42)" in done.stderr
