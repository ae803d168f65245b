"""``csg-otel healthcheck``: one line and an exit code, quickly, whatever the process does."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.programs import Program, eventually, get
from support.servers import free_port

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
    """Run the command, with a timeout for a busy machine unless *arguments* have one; return exit code, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "csg_otel", "healthcheck", "--timeout", "30", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        timeout=90,
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
    """The exit code is 0 for healthy and warnings and 1 for critical, and returns to 0 after a recovery."""
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
    """`--verbose` prints one line for each check, and JSON contains all checks."""
    lines = healthcheck("--url", service, "--verbose")[1].splitlines()
    answer = json.loads(healthcheck("--url", service, "--format", "json")[1])

    assert lines[0] == "HEALTHY: 2 checks passed"
    assert [line.split()[:3] for line in lines[1:]] == [
        ["[+]", "queue", "HEALTHY"],
        ["[+]", "configuration", "HEALTHY"],
    ]
    assert (answer["state"], sorted(answer["checks"])) == ("healthy", ["configuration", "queue"])


def test_a_check_that_is_not_there_is_unknown(service: str) -> None:
    """A check that does not exist is UNKNOWN, and the output contains its name."""
    code, output, _ = healthcheck("--url", service, "--check", "quueue")

    assert (code, output) == (1, "UNKNOWN: no check 'quueue'; --verbose lists the checks\n")


@pytest.mark.parametrize("arguments", [["--url", "ftp://x"], ["--url", "http://127.0.0.1:1"]])
def test_an_address_without_an_answer_is_unknown(arguments: list[str]) -> None:
    """With `--url` the checks never run here, even if there is no answer."""
    code, output, error = healthcheck(*arguments)

    assert (code, error) == (1, "")
    assert output.startswith("UNKNOWN: ")
    assert healthcheck(*arguments, "--exit-style", "nagios")[0] == 3


def test_without_a_process_the_checks_run_here_if_asked(tmp_path: Path) -> None:
    """Without a process the command fails, whatever states count; with `--local` the checks of the file run here."""
    port = str(free_port())
    (tmp_path / "monitoring_config.yaml").write_text(
        "health_monitoring: {checks: {system_resources: {enabled: false}, gone: {type: filesystem, path: /no/such}}}"
    )
    environment = {"PROMETHEUS_PORT": port}

    nobody = f"UNKNOWN: 127.0.0.1:{port}: Connection refused; start the program, give its address with --url, or "
    assert healthcheck(cwd=tmp_path, env=environment) == (1, nobody + "run its checks here with --local\n", "")
    assert healthcheck("--fail-on", "critical", cwd=tmp_path, env=environment)[0] == 1
    assert healthcheck("--fail-on", "critical", "--url", f"http://127.0.0.1:{port}")[0] == 1
    assert healthcheck("--format", "nagios", cwd=tmp_path, env=environment)[0] == 3
    assert healthcheck("--local", cwd=tmp_path, env=environment) == (
        1,
        "CRITICAL: gone CRITICAL: /no/such does not exist; create it\n",
        "",
    )


def test_no_check_runs_here_where_they_are_switched_off(tmp_path: Path) -> None:
    """As where a process is asked, that is no failure."""
    (tmp_path / "monitoring_config.yaml").write_text(
        "health_monitoring: {enabled: false, checks: {gone: {type: filesystem, path: /no/such}}}"
    )
    code, out, err = healthcheck("--local", cwd=tmp_path)

    assert (code, err) == (0, "")
    assert "health checks are switched off; none was run" in out
    assert "gone" not in out


@pytest.mark.parametrize("how", ["file", "CSG_OTEL_CONFIG", "--config", "variable"])
def test_the_process_is_requested_where_the_configuration_has_it(how: str, tmp_path: Path) -> None:
    """The command beside the program reads the same sources as the program: it never judges another port."""
    port = free_port()
    settings = f"system_monitoring: {{prometheus: {{host: 0.0.0.0, port: {port}}}}}"
    file = tmp_path / ("monitoring_config.yaml" if how == "file" else "settings.yaml")
    file.write_text("" if how == "variable" else settings)
    environment = {"PROMETHEUS_PORT": "", "CSG_OTEL_CONFIG": "" if how in ("file", "variable") else str(file)}
    if how == "variable":
        environment["PROMETHEUS_PORT"] = str(port)
    command, options = dict(environment), []
    if how == "--config":
        command["CSG_OTEL_CONFIG"], options = "", ["--config", str(file)]
    with Program(FAILING, tmp_path, environment) as program:
        program.line_with("started")
        eventually(lambda: "[-]db" in get(f"http://127.0.0.1:{port}/healthz?verbose")[1])
        code, output, error = healthcheck("--check", "db", *options, cwd=tmp_path, env=command)

    assert (code, output, error) == (1, "CRITICAL: db CRITICAL: down queue: healthy: all is well\n", "")


FAILING = """
    import csg_otel

    @csg_otel.health_check("db", category="dependency", interval_s=0.1)
    def db():
        raise csg_otel.Critical("down\\nqueue: healthy: all is well")

    telemetry = csg_otel.instrument(exporters=["prometheus"])
    print("started", telemetry.url, flush=True)
    input()
"""


def test_every_check_is_one_line_and_a_category_is_its_checks(tmp_path: Path) -> None:
    """A message of two lines can't look like another check; the names of the file's sections are those of categories."""
    with Program(FAILING, tmp_path) as program:
        url = program.line_with("started (.*)")[1]
        eventually(lambda: "[-]db" in get(f"{url}/healthz?verbose")[1])
        _, verbose, _ = healthcheck("--url", url, "--verbose")
        code, dependencies, _ = healthcheck("--url", url, "--check", "dependencies", "--verbose")
        other = healthcheck("--url", url, "--check", "system_resources", "--format", "json", "--fail-on", "unknown")
        _, nagios, _ = healthcheck("--url", url, "--check", "db", "--format", "nagios", "--verbose")

    assert not [line for line in (verbose + nagios).splitlines() if line.strip().startswith("queue")]
    assert (code, [line.split()[1] for line in dependencies.splitlines()[1:]]) == (1, ["db", "python_environment"])
    assert {"cpu", "memory", "disk", "load"} == set(json.loads(other[1])["checks"])


def test_every_variable_of_the_port_is_read(service: str, tmp_path: Path) -> None:
    """The program's port is found by the variables that the program reads, in their precedence."""
    port = service.rpartition(":")[2]
    env = {"CSG_OTEL_SYSTEM_MONITORING_PROMETHEUS_PORT": port, "PROMETHEUS_PORT": "1"}

    assert healthcheck(cwd=tmp_path, env=env)[0] == 0


def test_the_address_of_a_service_is_no_port(service: str, tmp_path: Path) -> None:
    """PROMETHEUS_PORT=tcp://..., which Kubernetes sets, is passed over, as by the program itself."""
    env = {"PROMETHEUS_PORT": "tcp://10.0.0.1:9090", "OTEL_EXPORTER_PROMETHEUS_PORT": service.rpartition(":")[2]}

    assert healthcheck(cwd=tmp_path, env=env)[0] == 0


def test_bypass_is_exit_0_and_says_so(tmp_path: Path) -> None:
    """A bypass exits 0, but the output does not look healthy."""
    code, output, _ = healthcheck(cwd=tmp_path, env={"DISABLE_HEALTH_CHECKS": "true", "PROMETHEUS_PORT": "1"})

    assert code == 0
    assert "switched off" in output


@pytest.mark.parametrize(("arguments", "code"), [(["--nope"], 2), (["--nope", "--exit-style", "nagios"], 3)])
def test_usage_errors_never_look_like_a_state(arguments: list[str], code: int) -> None:
    """A usage error exits 2; for Nagios, where 2 is CRITICAL, it exits 3 (UNKNOWN)."""
    assert healthcheck(*arguments)[0] == code


class Slow(BaseHTTPRequestHandler):
    """A handler that sends one byte at a time, for 100 s unless the client ends the connection."""

    took_s: list[float]
    """Seconds of each connection."""

    def do_GET(self) -> None:
        began = time.monotonic()
        with suppress(OSError):
            for _ in range(2000):
                self.wfile.write(b"H")
                time.sleep(0.05)
        self.took_s.append(time.monotonic() - began)

    def log_message(self, *_: object) -> None: ...


def test_a_server_that_drips_is_given_up_in_time() -> None:
    """`--timeout` limits the whole request, however slowly the server sends; the start of Python does not count."""
    took_s: list[float] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Drips", (Slow,), {"took_s": took_s}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    code, output, _ = healthcheck("--url", f"http://127.0.0.1:{server.server_port}", "--timeout", "0.5")
    eventually(lambda: took_s)
    server.shutdown()
    server.server_close()

    assert (code, output.split(": ", 1)[0]) == (1, "UNKNOWN")
    assert took_s[0] < 30  # a busy machine's; the server would send for 100 s


def test_a_request_imports_nothing_heavy(service: str) -> None:
    """
    A request imports neither OpenTelemetry nor YAML, nor what reads mail (`http.client`) or source code (`dataclasses`).

    Nor what only other commands and the printing of help need: files, threads, times, and the size of the terminal.
    """
    source = (
        "import sys; old = set(sys.modules); from csg_otel.cli import main; code = main(['healthcheck', '--url', sys.argv[1]]);"
        "heavy = {'opentelemetry', 'psutil', 'yaml', 'uvicorn', 'starlette', 'http', 'email', 'ssl', 'logging', 'ast'}"
        "| {'dataclasses', 'inspect', 'tokenize', 'pathlib', 'shutil', 'threading', 'datetime', 'base64'};"
        "print(sorted({n.split('.')[0] for n in set(sys.modules) - old} & heavy))"
    )
    done = subprocess.run([sys.executable, "-c", source, service], capture_output=True, text=True, timeout=60)

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_hung_check_does_not_hold_up_an_answer(tmp_path: Path) -> None:
    """With hung checks, a scrape is at most 50 ms slower, other checks run on time, and the process ends promptly."""
    source = """
        import asyncio, json, sys, threading, time, urllib.request
        launched = time.monotonic()
        import csg_otel
        hang, release = threading.Event(), threading.Event()
        csg_otel.health_check("sync", interval_s=0.05, timeout_s=0.05)(lambda: hang.is_set() and release.wait(60))
        async def hung(): await asyncio.sleep(60 if hang.is_set() else 0)
        csg_otel.health_check("async", interval_s=0.05, timeout_s=0.05)(hung)
        async def blocks(): hang.is_set() and release.wait(60)
        csg_otel.health_check("blocked", interval_s=0.05, timeout_s=0.05)(blocks)
        times = []
        csg_otel.health_check("quick", interval_s=0.05, jitter=0)(lambda: times.append(time.monotonic()))
        telemetry = csg_otel.instrument(exporters=["prometheus"])
        started_s = time.monotonic() - launched
        def scrape_times():
            scrapes = []
            for _ in range(20):
                began = time.perf_counter()
                urllib.request.urlopen(telemetry.url + "/metrics").read()
                scrapes.append(time.perf_counter() - began)
                time.sleep(0.06)
            return sorted(scrapes)
        before = scrape_times()
        hung_at = time.monotonic()
        hang.set()
        time.sleep(1.5)
        hung_threads = lambda: sum(t.name.endswith(("-sync", "-async", "-blocked")) for t in threading.enumerate())
        # The machine may be busy: compare with what the same program did before, and again if it has become busy since.
        for _ in range(3):
            after = scrape_times()
            if after[10] - before[10] < 0.05:
                break
        gaps = [(b - a, a > hung_at) for a, b in zip(times[5:], times[6:])]
        # The third longest: a busy machine may stop all of the program, once or twice.
        longest = [sorted(gap for gap, hung in gaps if hung is wanted)[-3:][0] for wanted in (True, False)]
        report = [hung_threads(), after[10] - before[10], before[15] - before[5], *longest, len(times), started_s]
        print(json.dumps(report), flush=True)
    """
    began = time.monotonic()
    with Program(source, tmp_path) as program:
        report: list[Any] = json.loads(program.line())
        reported = time.monotonic()
        assert program.wait() == 0, program.stderr
        ended_s = time.monotonic() - reported
    threads, slower_s, spread_s, hung_gap_s, gap_s, runs, started_s = report

    assert threads <= 3, "one for each of the three that hang"
    assert slower_s < 0.05 + spread_s
    assert hung_gap_s < 0.5 + gap_s
    assert runs > 20
    assert ended_s < 10 + started_s
    assert time.monotonic() - began < 60, "the checks hang for 60 s"


def test_json_formats_are_for_scripts_and_for_gateways(service: str) -> None:
    """`json` has the checks by name and the exit code; `health+json` is the document of the endpoint."""
    plain = json.loads(healthcheck("--url", service, "--format", "json")[1])
    draft = json.loads(healthcheck("--url", service, "--format", "health+json")[1])

    assert (plain["state"], plain["exit_code"], plain["checks"]["queue"]["state"]) == ("healthy", 0, "healthy")
    assert (draft["status"], draft["checks"]["queue"][0]["status"]) == ("pass", "pass")


NAGIOS_LINE = re.compile(
    r"(?P<word>OK|WARNING|CRITICAL|UNKNOWN): [^|\n]*"
    r"(?:\|(?P<data>(?:'(?:[^'=]|'')+'=(?:U|-?[\d.]+(?:s|%|B)?)(?:;[\d.@~:-]*){0,4} ?)+))?"
)


def test_nagios_gets_a_line_it_can_read(service: str, tmp_path: Path) -> None:
    """The Nagios output follows the plugin guidelines, with exit codes 0 to 3, and 3 for usage errors."""
    code, output, error = healthcheck("--url", service, "--format", "nagios")
    match = NAGIOS_LINE.fullmatch(output.rstrip("\n"))

    assert (code, error) == (0, "")
    assert match is not None, output
    assert match["word"] == "OK"
    assert "'queue time'=" in match["data"]

    (tmp_path / "fail").touch()
    eventually(lambda: healthcheck("--url", service, "--format", "nagios")[0] == 2)
    assert healthcheck("--url", service, "--format", "nagios")[1].startswith("CRITICAL: queue CRITICAL: queue is full|")
    assert healthcheck("--format", "nagios", "--url", "http://127.0.0.1:1")[0] == 3
    assert healthcheck("--exit-style", "nagios", "--no-such-option")[0] == 3


def test_nagios_output_is_cut_to_what_plugins_may_say(tmp_path: Path) -> None:
    """The Nagios output ends at 4,096 bytes without `-v`, and is complete with it."""
    (tmp_path / "shop.py").write_text(
        textwrap.dedent(
            """
            import csg_otel
            measured = tuple(csg_otel.Measurement(f"shelf {n}", n / 3, "%", 80, 90, 0, 100) for n in range(300))
            @csg_otel.health_check("stock")
            def stock():
                return csg_otel.CheckResult(csg_otel.HealthStatus.HEALTHY, "a | b", measurements=measured)
            """
        )
    )
    short = healthcheck("--app", "shop:stock", "--check", "stock", "--format", "nagios", cwd=tmp_path)
    long = healthcheck("--app", "shop:stock", "--check", "stock", "--format", "nagios", "-v", cwd=tmp_path)

    assert short[0] == 0
    assert len(short[1].encode()) <= 4096
    assert NAGIOS_LINE.fullmatch(short[1].rstrip("\n"))
    assert "'stock shelf 3'=1%;80;90;0;100" in short[1]
    assert long[1].count("shelf") == 300
    assert "[+] stock HEALTHY: a / b" in long[1]


def test_a_program_can_be_imported_and_checked(tmp_path: Path) -> None:
    """`--app` imports a program without its telemetry and ends in time, whatever the program's threads do."""
    (tmp_path / "shop.py").write_text(
        textwrap.dedent(
            """
            import threading, time, csg_otel
            telemetry = csg_otel.instrument()
            threading.Thread(target=lambda: time.sleep(600)).start()   # would keep an interpreter from ending
            @csg_otel.health_check("till")
            def till():
                raise csg_otel.Critical("the till is empty")
            """
        )
    )
    code, output, error = healthcheck("--app", "shop:telemetry", "--check", "till", cwd=tmp_path)
    assert (code, output) == (1, "CRITICAL: till CRITICAL: the till is empty\n"), error

    began = time.monotonic()
    code, output, _ = healthcheck("--app", "missing:app", cwd=tmp_path)
    base_s = time.monotonic() - began
    assert (code, "ModuleNotFoundError" in output) == (1, True)

    (tmp_path / "hangs.py").write_text("import time; time.sleep(60)")
    began = time.monotonic()
    code, output, _ = healthcheck("--app", "hangs:app", "--timeout", "1", cwd=tmp_path)
    assert (code, output) == (1, "UNKNOWN: no answer within 1 s\n")
    assert time.monotonic() - began < 10 + 3 * base_s, "1 s of 60 s, and what the command itself takes on this machine"

    (tmp_path / "raises.py").write_text("raise RuntimeError('postgresql://app:c4nary@db')")
    code, output, error = healthcheck("--app", "raises:app", cwd=tmp_path)
    assert (code, output) == (1, "UNKNOWN: raises:app: it can't be loaded (RuntimeError)\n")
    assert "c4nary" not in error


def test_a_withheld_error_is_printed_to_stderr(tmp_path: Path) -> None:
    """When checks run here, an unexpected error and its line go to stderr, because there is no log."""
    (tmp_path / "shop.py").write_text(
        "import csg_otel\n@csg_otel.health_check('till')\ndef till():\n    raise RuntimeError('c4nary')\n"
    )
    _, output, error = healthcheck("--app", "shop:till", "--check", "till", "--verbose", cwd=tmp_path)

    assert "till CRITICAL: reason withheld" in output
    assert re.search(r"^till: RuntimeError: c4nary at .*shop.py:4 in till$", error, re.MULTILINE)
    assert "c4nary" not in output, "it may be read by others"


def test_numbers_have_the_form_of_the_guidelines(tmp_path: Path) -> None:
    """Numbers for Nagios have digits, a sign and a point; a value that is no number is U."""
    (tmp_path / "shop.py").write_text(
        textwrap.dedent(
            """
            import csg_otel
            values = {"large": 2.5e12, "small": 1.5e-06, "none": float("nan"), "below": -0.25}
            measured = tuple(csg_otel.Measurement(name, value, "By", 1e16) for name, value in values.items())
            @csg_otel.health_check("stock")
            def stock():
                return csg_otel.CheckResult(csg_otel.HealthStatus.HEALTHY, "", measurements=measured)
            """
        )
    )
    _, output, error = healthcheck("--app", "shop:stock", "--check", "stock", "--format", "nagios", cwd=tmp_path)
    _, _, data = output.rstrip("\n").partition("|")

    assert NAGIOS_LINE.fullmatch(output.rstrip("\n")), output + error
    assert "'stock large'=2500000000000B;10000000000000000" in data
    assert "'stock small'=0.0000015B" in data
    assert "'stock none'=U" in data
    assert "'stock below'=-0.25B" in data


def test_a_command_probe_fails_where_the_probe_over_http_does(tmp_path: Path) -> None:
    """In maintenance readiness fails and liveness succeeds, over HTTP and at the command."""
    source = """
        import sys, csg_otel
        csg_otel.health_check("queue", interval_s=0.05, groups=("readiness", "liveness"))(lambda: None)
        telemetry = csg_otel.instrument(exporters=["prometheus"])
        print(telemetry.url, flush=True)
        with csg_otel.maintenance("moving house"):
            sys.stdin.readline()
    """
    with Program(source, tmp_path) as program:
        url = program.line()
        eventually(lambda: get(f"{url}/livez?verbose")[1].startswith("[+]queue ok"))
        code, output, _ = healthcheck("--url", url, "--group", "readiness", "--fail-on", "critical")
        assert (code, get(f"{url}/readyz")[0]) == (1, 503)
        assert "maintenance: moving house" in output
        assert healthcheck("--url", url, "--group", "liveness")[0] == 0


NOT_A_URL = "is not an http or https URL (example: http://127.0.0.1:8081)"


@pytest.mark.parametrize("url", ["http://h:port", "http://[::1", "localhost:8081", "http://h:0"])
def test_an_address_that_is_none_is_unknown(url: str) -> None:
    """A malformed address is UNKNOWN, with one line that shows the address and an example."""
    code, output, error = healthcheck("--url", url, "--format", "nagios")

    assert (code, output, error) == (3, f"UNKNOWN: {url!r} {NOT_A_URL}\n", "")


def test_a_malformed_address_is_shown_without_its_password() -> None:
    """The output, which ends up in logs, shows no password of an address."""
    assert healthcheck("--url", "http://me:canary@h:port")[1] == f"UNKNOWN: 'h:port' {NOT_A_URL}\n"


def test_a_user_and_password_in_the_address_are_sent() -> None:
    """User and password of the address are sent as basic authentication, and its query is not sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        requests: list[str] = []

        def serve() -> None:
            with listener.accept()[0] as connection:
                requests.append(connection.recv(65536).decode())
                connection.sendall(b'HTTP/1.1 200 OK\r\n\r\n{"state": "healthy", "checks": {}}')

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        code, output, _ = healthcheck("--url", f"http://me:p%40ss@127.0.0.1:{port}/base?x=y")
        thread.join(5)

    assert (code, output) == (0, "HEALTHY: no checks\n")
    assert requests[0].startswith("GET /base/healthz HTTP/1.1\r\n")
    assert "Authorization: Basic bWU6cEBzcw==" in requests[0]


@pytest.mark.parametrize("content", [b"c4nary\nc4nary", b"", b"c4nary\xff"])
def test_a_file_without_a_token_is_an_error(content: bytes, tmp_path: Path) -> None:
    """A token that can't be sent is an error, and the output does not show it."""
    (tmp_path / "token").write_bytes(content)
    code, output, error = healthcheck("--url", "http://127.0.0.1:1", "--token-file", str(tmp_path / "token"))

    assert (code, "holds no token" in output, error) == (1, True, "")
    assert "c4nary" not in output


@pytest.mark.parametrize(("path", "kind"), [("fifo", "a FIFO"), ("/dev/zero", "a device")])
def test_a_token_is_read_from_a_file_only(path: str, kind: str, tmp_path: Path) -> None:
    """A FIFO and a device are refused at once: neither `--timeout` nor Docker would end the wait for them early."""
    os.mkfifo(tmp_path / "fifo")
    output = f"UNKNOWN: --token-file {path} can't be read: it is {kind}, not a file\n"

    assert healthcheck("--url", "http://127.0.0.1:1", "--token-file", path, cwd=tmp_path) == (1, output, "")


def test_a_time_that_is_none_is_refused() -> None:
    """An invalid time is a usage error that contains the allowed range."""
    code, _, error = healthcheck("--timeout", "soon")

    assert (code, "'soon' must be a number of seconds above 0 and at most 3600" in error) == (2, True)


def test_watching_prints_what_changes(service: str, tmp_path: Path) -> None:
    """`--watch` prints a line for each change; Ctrl-C exits with the code of the last answer."""
    command = [sys.executable, "-u", "-m", "csg_otel", "healthcheck", "--url", service, "--watch", "0.1"]
    with Program(command, tmp_path) as program:
        program.line_with("HEALTHY: 2 checks passed")
        (tmp_path / "fail").touch()
        program.line_with("CRITICAL: queue CRITICAL: queue is full")
        program.process.send_signal(signal.SIGINT)
        assert program.wait() == 1


def test_details_are_for_those_with_a_token(tmp_path: Path) -> None:
    """With a token the output contains measurements; without it only states and times."""
    source = """
        import sys, csg_otel
        @csg_otel.health_check("stock", interval_s=0.1)
        def stock():
            return csg_otel.CheckResult(csg_otel.HealthStatus.HEALTHY, measurements=(csg_otel.Measurement("used", 5, "%"),))
        telemetry = csg_otel.instrument(exporters=["prometheus"], security__api_auth__enabled=True,
                                        security__api_auth__tokens=["secret-token-of-the-test"])
        print(telemetry.url, flush=True)
        sys.stdin.read()
    """
    (tmp_path / "token").write_text("secret-token-of-the-test\n")
    with Program(source, tmp_path) as program:
        url = program.line()
        arguments = ["--url", url, "--check", "stock", "--format", "nagios"]
        eventually(lambda: healthcheck(*arguments)[0] == 0)
        assert "used" not in healthcheck(*arguments)[1]
        assert "'stock used'=5%" in healthcheck(*arguments, "--token-file", str(tmp_path / "token"))[1]


def test_another_server_on_the_port_is_unknown(tmp_path: Path) -> None:
    """Another server at the default address is UNKNOWN, and the checks do not run here."""

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, *_: object) -> None:
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        code, output, _ = healthcheck(cwd=tmp_path, env={"PROMETHEUS_PORT": str(server.server_address[1])})
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

    assert (code, "not as a health endpoint of csg_otel does" in output) == (1, True)


@pytest.mark.real("check_http")
def test_the_plugins_of_nagios_understand_us(service: str, tmp_path: Path) -> None:
    """The real `check_http` reads the endpoints, and the real `negate` runs our command as a plugin."""
    plugins = Path("/usr/lib/nagios/plugins")
    port = service.rsplit(":", 1)[1]

    def check_http(path: str, *more: str) -> tuple[int, str]:
        command: list[str] = [str(plugins / "check_http"), "-H", "127.0.0.1", "-p", port, "-u", path, "-t", "40", *more]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout

    assert check_http("/readyz?verbose", "-s", "[+]queue ok")[0] == 0
    assert check_http("/metrics", "-s", "csg_health_check_status")[0] == 0
    (tmp_path / "fail").touch()
    eventually(lambda: check_http("/readyz")[0] == 2)
    assert "503" in check_http("/readyz")[1]

    ours = [sys.executable, "-m", "csg_otel", "healthcheck", "--url", service, "--format", "nagios", "--timeout", "30"]
    negated = subprocess.run(
        [str(plugins / "negate"), "-t", "50", "-s", "-c", "OK", *ours], capture_output=True, text=True, timeout=60
    )
    assert (negated.returncode, negated.stdout.startswith("OK: queue")) == (0, True), negated.stdout
