"""``csg-otel dashboard``: status, health, reports and links of a running program, and of monitors where none runs."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from csg_otel.dashboard import schema
from csg_otel.dashboard.model import Status
from csg_otel.dashboard.model.report import Report
from support.programs import HUNG_S, Program, eventually, get
from support.servers import free_port

PROGRAM = """
    import logging
    import csg_otel

    @csg_otel.health_check(category="application", interval_s=0.2)
    def stock():
        raise csg_otel.Critical("the shelf is empty")

    telemetry = csg_otel.instrument(
        "shop",
        exporters=[],
        dashboard__enabled=True,
        dashboard__port=0,
        health_monitoring__checks__system_resources__enabled=False,
    )
    orders = csg_otel.counter("orders.placed", unit="{order}", description="Orders.")

    @csg_otel.observe
    def checkout(number):
        orders.add(1)
        if number == 2:
            logging.getLogger("shop").warning("<b>stock</b> of %s is low", number)
            raise ValueError("card refused")

    for number in range(3):
        try:
            checkout(number)
        except ValueError:
            pass
    telemetry.health.run_all()
    print(telemetry.dashboard_url.partition("/login")[0], telemetry.url, flush=True)
    input()
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs ``csg-otel`` in the test's folder, without a program at the configured address."""
    environment = {**os.environ, "MONITORING_DASHBOARD_PORT": str(free_port()), "PROMETHEUS_PORT": "1", "COLUMNS": "80"}

    def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "csg_otel", *arguments]
        return subprocess.run(
            line, capture_output=True, text=True, env={**environment, **variables}, cwd=tmp_path, timeout=HUNG_S
        )

    return command


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of the user, in which the program leaves its token."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, state: Path) -> Iterator[tuple[str, str]]:
    """A running program with a failing check; the addresses of its dashboard and of its probes."""
    with Program(PROGRAM, tmp_path_factory.mktemp("shop"), {"XDG_STATE_HOME": str(state)}) as program:
        dashboard, probes = program.line_with(r"^(http\S+) (http\S+)$").groups()
        yield dashboard, probes
        program.go_on()
        assert program.wait() == 0


@pytest.fixture(autouse=True)
def _same_user(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(state))


# -- a running program -------------------------------------------------------------------------------------------------


def test_the_status_is_that_of_the_program(run: Run, shop: tuple[str, str]) -> None:
    """Text in the guide's sections, with symbols only where stdout has them; JSON validates against the schema."""
    text = run("dashboard", "--mode", "status", "--url", shop[0], PYTHONIOENCODING="utf-8")
    plain = run("dashboard", "--mode", "status", "--url", shop[0], PYTHONIOENCODING="ascii")
    document = json.loads(run("dashboard", "--mode", "status", "--json", "--url", shop[0]).stdout)

    assert (text.returncode, plain.returncode) == (0, 0), text.stderr + plain.stderr
    assert "🔍 SHOP - MONITORING DASHBOARD\n" in text.stdout
    assert "   ❌ Application\n      Status: CRITICAL\n      Message: stock: the shelf is empty\n" in text.stdout
    assert plain.stdout.isascii()
    assert "   [FAIL] Application\n" in plain.stdout
    jsonschema.validate(document, schema.of(Status))
    assert document["service"]["name"] == "shop"


def test_health_has_the_exit_code_of_healthcheck(run: Run, shop: tuple[str, str]) -> None:
    """A critical check ends both commands with 1, and both print it; a dashboard that does not answer is 1, too."""
    ours = run("dashboard", "--mode", "health", "--url", shop[0])
    theirs = run("healthcheck", "--verbose", "--url", shop[1])
    document = json.loads(run("dashboard", "--mode", "health", "--json", "--url", shop[0]).stdout)
    silent = run("dashboard", "--mode", "health", "--url", "http://127.0.0.1:1")

    assert (ours.returncode, theirs.returncode, silent.returncode) == (1, 1, 1)
    assert "  [-] stock                        CRITICAL the shelf is empty\n" in ours.stdout
    assert "  [-] stock                        CRITICAL the shelf is empty\n" in theirs.stdout
    assert (document["state"], document["exit_code"]) == ("critical", 1)
    assert silent.stdout.startswith("UNKNOWN: nothing answers at http://127.0.0.1:1")


def test_a_report_in_each_format(run: Run, shop: tuple[str, str], tmp_path: Path) -> None:
    """The file has what the program did, in the format of its name's end; without a file Markdown is printed."""
    answers = [
        run("dashboard", "--mode", "report", "--output", f"report.{kind}", "--url", shop[0])
        for kind in ("json", "html", "md")
    ]
    printed = run("dashboard", "--mode", "report", "--url", shop[0], PYTHONIOENCODING="utf-8")

    assert [answer.returncode for answer in (*answers, printed)] == [0, 0, 0, 0], [answer.stderr for answer in answers]
    document = json.loads((tmp_path / "report.json").read_text())
    jsonschema.validate(document, schema.of(Report))
    assert [trace["name"].endswith("checkout") for trace in document["failing"]] == [True]
    assert "<b>stock</b> of 2 is low" in [row["body"] for row in document["logs"]]
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;stock&lt;/b&gt; of 2 is low" in html
    assert "the shelf is empty" in html
    for text in ((tmp_path / "report.md").read_text(encoding="utf-8"), printed.stdout):
        assert "- ✖ CRITICAL check stock: the shelf is empty\n" in text


def test_a_report_goes_to_no_link_and_no_other_end(run: Run, shop: tuple[str, str], tmp_path: Path) -> None:
    """A link, and an end that is no format, are refused with one line before anything is written."""
    (tmp_path / "report.json").symlink_to(tmp_path / "victim")
    link = run("dashboard", "--mode", "report", "--output", "report.json", "--url", shop[0])
    wrong = run("dashboard", "--mode", "report", "--output", "report.pdf", "--url", shop[0])

    assert (link.returncode, wrong.returncode) == (1, 1)
    assert link.stderr == "report.json is a link, and a report replaces only a file; name another\n"
    assert wrong.stderr == "report.pdf: give the report a name that ends in .json, .html, .htm, .md\n"
    assert not (tmp_path / "victim").exists()


def test_a_link_to_the_page_of_the_program(run: Run, shop: tuple[str, str]) -> None:
    """``--web --url`` prints a link that logs in once."""
    answer = run("dashboard", "--web", "--url", shop[0])
    link = answer.stdout.strip()

    assert answer.returncode == 0, answer.stderr
    assert link.startswith(f"{shop[0]}/login?token=")
    assert get(shop[0])[0] == 401
    assert get(link)[0] != 404


def test_the_program_is_found_by_the_configuration(run: Run, shop: tuple[str, str]) -> None:
    """Without ``--url``, the program at dashboard.port of the configuration is shown."""
    port = shop[0].rpartition(":")[2]
    document = json.loads(run("dashboard", "--mode", "status", "--json", MONITORING_DASHBOARD_PORT=port).stdout)

    assert document["service"]["name"] == "shop"


# -- no running program ------------------------------------------------------------------------------------------------


def test_without_a_program_the_monitors_run_here(run: Run) -> None:
    """The status has first results of the built-in checks, and numbers of this machine."""
    answer = run("dashboard", "--mode", "status", "--json", OTEL_SERVICE_NAME="here")
    status: Any = json.loads(answer.stdout)

    assert answer.returncode == 0, answer.stderr
    assert status["service"]["name"] == "here"
    assert status["system"]["cpu_percent"] is not None
    assert status["system"]["memory_percent"] > 0
    assert {row["name"] for row in status["categories"]} >= {"system", "application"}
    assert all(check["age_s"] is not None for check in status["checks"])


def test_without_a_program_health_runs_the_checks_here(run: Run, tmp_path: Path) -> None:
    """The checks of the configuration decide the exit code."""
    checks = {"system_resources": {"enabled": False}, "application": {"required_variables": ["NOT_SET_HERE"]}}
    configuration = {"health_monitoring": {"checks": checks}}
    (tmp_path / "monitoring_config.yaml").write_text(json.dumps(configuration))
    answer = run("dashboard", "--mode", "health")

    assert answer.returncode == 1
    assert "NOT_SET_HERE" in answer.stdout


def test_the_page_of_monitors_here_stays_until_a_signal(tmp_path: Path) -> None:
    """``--web`` prints a link to a page of its own, and Ctrl-C ends it with 0."""
    line = [sys.executable, "-m", "csg_otel", "dashboard", "--web", "--port", "0"]
    with Program(line, tmp_path, {"MONITORING_DASHBOARD_PORT": "1"}) as program:
        link = program.line_with(r"(http\S+/login\?token=\S+)$")[1]
        assert get(link.partition("/login")[0])[0] == 401
        program.process.send_signal(signal.SIGINT)
        assert program.wait() == 0


def test_output_belongs_to_reports(run: Run) -> None:
    """Another mode with ``--output`` is a usage error."""
    answer = run("dashboard", "--mode", "status", "--output", "x.json")

    assert (answer.returncode, answer.stderr) == (2, "csg-otel dashboard: --output is for --mode report\n")


# -- in a terminal, and for any program --------------------------------------------------------------------------------


class Terminal:
    """A command that runs in a terminal of 80 columns and 24 lines."""

    def __init__(self, arguments: list[str], cwd: Path) -> None:
        self._screen, terminal = os.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        variables = {**os.environ, "TERM": "xterm-256color", "MONITORING_DASHBOARD_PORT": "1"}
        self.process = subprocess.Popen(
            arguments, stdin=terminal, stdout=terminal, stderr=terminal, cwd=cwd, env=variables
        )
        os.close(terminal)
        self.output = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        os.close(self._screen)

    def shows(self, text: str) -> bool:
        """Read what the command has written, and return whether *text* was in it at any time."""
        while select.select([self._screen], [], [], 0.05)[0]:
            try:
                self.output += os.read(self._screen, 65536).decode("utf-8", "replace")
            except OSError:  # the command has ended
                break
        return text in self.output

    def press(self, keys: str) -> None:
        """Type *keys*."""
        os.write(self._screen, keys.encode())

    def has_ended(self) -> bool:
        """Return whether the command has ended; all that it has written until then is read."""
        ended = self.process.poll() is not None
        self.shows("")
        return ended


def test_a_terminal_gets_the_interactive_dashboard(shop: tuple[str, str], tmp_path: Path) -> None:
    """It shows the program, and `q` quits it with 0."""
    with Terminal([sys.executable, "-m", "csg_otel", "dashboard", "--url", shop[0]], tmp_path) as terminal:
        eventually(lambda: terminal.shows("the shelf is empty"), within_s=HUNG_S)
        terminal.press("q")
        eventually(terminal.has_ended, within_s=HUNG_S)
        assert terminal.process.returncode == 0


def test_a_terminal_without_the_extra_gets_the_status(shop: tuple[str, str], tmp_path: Path) -> None:
    """Where Textual is not installed, the pip line and the status are printed."""
    code = "import sys; sys.modules['textual'] = None; from csg_otel.cli import main; sys.exit(main(sys.argv[1:]))"
    with Terminal([sys.executable, "-c", code, "dashboard", "--url", shop[0]], tmp_path) as terminal:
        eventually(terminal.has_ended, within_s=HUNG_S)
        assert terminal.process.returncode == 0
        assert "pip install 'csg-otel[tui]'" in terminal.output
        assert "SHOP - MONITORING DASHBOARD" in terminal.output


SENDER = """
    import sys
    import csg_otel

    with csg_otel.instrument("sender", exporters=[sys.argv[1]], dashboard__enabled=False):
        with csg_otel.observe("greet"):
            pass
"""


def test_any_program_is_shown_by_what_it_sends(run: Run, tmp_path: Path) -> None:
    """``--otlp --web`` prints where to send to and where the page is; a trace that is sent there is found by a query."""
    line = [sys.executable, "-m", "csg_otel", "dashboard", "--otlp", "--web", "--port", "0"]
    with Program([*line, "--otlp-http-port", "0", "--otlp-grpc-port", "0"], tmp_path) as program:
        page = program.line_with(r"(http\S+)/login\?token=\S+$")[1]
        receiver = program.line_with(r"OTLP over gRPC: (\S+)$")[1]
        sender = [sys.executable, "-c", textwrap.dedent(SENDER), f"otlp://{receiver}"]
        sent = subprocess.run(sender, capture_output=True, text=True, cwd=tmp_path, timeout=HUNG_S, check=False)
        assert sent.returncode == 0, sent.stderr
        eventually(lambda: "greet" in run("query", "traces", "--service", "sender", "--url", page).stdout)
        program.process.send_signal(signal.SIGINT)
        assert program.wait() == 0


def test_otlp_without_a_terminal_needs_the_page(run: Run) -> None:
    """There is nothing to show it in, so it is a usage error."""
    answer = run("dashboard", "--otlp")

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == "csg-otel dashboard --otlp: there is no terminal to show it in; add --web\n"
