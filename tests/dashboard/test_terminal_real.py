"""The terminal dashboard in a real terminal, attached to a real program: tmux draws it, and its keys drive it."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from support.alertmanager import Alertmanager
from support.programs import HUNG_S, Program, eventually
from support.servers import free_port
from support.tmux import Terminal

PROGRAM = """
import logging, sys, time
import csg_otel

csg_otel.instrument("shop", exporters=[], dashboard__enabled=True, dashboard__port={port}, handle_signals=False,
                    health_monitoring__check_interval=1, alerting__alertmanagers={alertmanagers})
logging.getLogger("shop").setLevel("INFO")

@csg_otel.health_check("database")
def database():
    raise csg_otel.Critical("the pool is empty")

print("ready", flush=True)
number = 0
while True:
    number += 1
    with csg_otel.observe("checkout"):
        with csg_otel.observe("charge card"):
            logging.getLogger("shop").warning("order %d [red]is[/red] late", number)
    time.sleep(0.1)
"""

DASHBOARD = """
import sys
from csg_otel.dashboard.remote import HttpSource
from csg_otel.dashboard.terminal import run
sys.exit(run(HttpSource("http://127.0.0.1:{port}"), interval_s=0.3))
"""


@pytest.fixture
def port() -> int:
    """A free port."""
    return free_port()


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """The state folder that program and dashboard share: it has the token."""
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    """A real Alertmanager."""
    file = tmp_path / "alertmanager.yml"
    file.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    with Alertmanager(file, tmp_path / "alertmanager") as running:
        yield running


@pytest.fixture
def start(
    port: int, alertmanager: Alertmanager, state: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[], Program]]:
    """Start the program, as often as it is called."""
    programs: list[Program] = []

    def begin() -> Program:
        folder = tmp_path / f"run{len(programs)}"
        folder.mkdir()
        programs.append(Program(PROGRAM.format(port=port, alertmanagers=[alertmanager.url]), folder, state))
        programs[-1].line_with("ready")
        return programs[-1]

    yield begin
    for program in programs:
        program.__exit__()


@pytest.fixture
def terminal(port: int, state: dict[str, str]) -> Iterator[Terminal]:
    """The dashboard in a terminal."""
    shown = Terminal([sys.executable, "-c", DASHBOARD.format(port=port)], state)
    yield shown
    shown.close()


@pytest.mark.real("tmux", "prometheus-alertmanager")
def test_every_pane_and_key_in_a_real_terminal(start: Callable[[], Program], terminal: Terminal) -> None:
    """All panes show what the program did; it may die and come back; 80x24 fits; q ends with 0."""
    terminal.shows("STALE .* nothing answers")  # the dashboard may be there first
    program = start()
    terminal.shows(r"✖ CRITICAL +shop")
    terminal.shows(r"database +the pool is empty")

    terminal.press("2")
    terminal.shows(r"CRITICAL +database !? +the pool is empty")
    terminal.press("3")
    terminal.shows(r"\d\d:\d\d:\d\d\.\d{3} +checkout +shop")
    terminal.press("/")
    terminal.shows("filter text name:checkout")
    terminal.press("checkout", "Enter")
    terminal.shows("filter: checkout")
    eventually(lambda: "health_check" not in terminal.screen(), HUNG_S)
    terminal.press("Down", "Enter")
    terminal.shows("charge card +[\\d.]+ [mµ]?s .*•")
    terminal.press("Down", "Enter")
    terminal.shows("scope +csg_otel")
    terminal.press("l")
    terminal.shows(r"WARN +shop +order \d+ \[red\]is\[/red\] late")
    terminal.press("t")
    terminal.shows("scope +csg_otel")
    terminal.press("5")
    terminal.shows("csg.operation.duration +histogram")
    terminal.press("6")
    terminal.shows("Memory of the process")
    terminal.press("7")
    terminal.shows(r"(PENDING|FIRING) +HealthCheckCritical +critical")
    terminal.press("/", "HealthCheckCritical", "Enter")
    terminal.shows("filter: HealthCheckCritical")
    terminal.press("a")
    terminal.shows("Silence HealthCheckCritical +all series")
    terminal.press("30m", "Enter")
    terminal.shows("Enter silences")
    terminal.press("on it", "Enter")
    terminal.shows("silence of HealthCheckCritical: done")
    terminal.shows(r"HealthCheckCritical .* \d\d:\d\d:\d\d")
    terminal.press("Tab", "r")
    terminal.shows("refreshed")
    terminal.press("s")
    terminal.shows("restart of the monitoring services: done")
    terminal.press("?")
    terminal.shows("acknowledge an alert")
    terminal.press("Escape")
    eventually(lambda: "Esc closes" not in terminal.screen(), HUNG_S)

    program.process.kill()
    program.wait()
    terminal.press("1")
    terminal.shows("◌ STALE +shop +last data")
    terminal.shows("CPU +stale")
    start()
    terminal.shows(r"✖ CRITICAL +shop +data")
    terminal.shows("CPU +[\\d.]+%")

    terminal.resize(80, 24)
    screen = terminal.shows("1 Overview +2 Health")
    assert max(map(len, screen.splitlines())) <= 80
    terminal.press("3")
    terminal.shows("Name +Duration")
    terminal.press("q")
    terminal.shows("ended 0")


@pytest.mark.real("tmux", "prometheus-alertmanager")
def test_idle_it_takes_less_than_2_percent_of_a_core(
    start: Callable[[], Program], port: int, state: dict[str, str]
) -> None:
    """At the usual interval, with a program that works, the lines that change are drawn for less than 2 % of a core."""
    start()
    terminal = Terminal([sys.executable, "-c", DASHBOARD.format(port=port).replace("0.3", "5.0")], state)
    try:
        terminal.shows(r"✖ CRITICAL +shop")
        process = terminal.process()

        def share() -> float:
            begin, used = time.monotonic(), process.cpu_times()
            time.sleep(5.0)  # a window as long as the interval: a busy machine may need another one
            now = process.cpu_times()
            return (now.user + now.system - used.user - used.system) / (time.monotonic() - begin)

        assert eventually(lambda: share() < 0.02, HUNG_S)
    finally:
        terminal.close()


@pytest.mark.real("tmux")
@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "vt100"}])
def test_a_terminal_without_colours_gets_none(port: int, state: dict[str, str], setting: dict[str, str]) -> None:
    """With NO_COLOR, or a terminal that has no colours, no colour is sent."""
    command = [sys.executable, "-c", DASHBOARD.format(port=port)]
    variables = [f"{name}={value}" for name, value in setting.items()]
    terminal = Terminal(["env", *variables, *command], state)
    try:
        terminal.shows("STALE .* nothing answers")
        codes = re.findall(r"\x1b\[([\d;]*)m", terminal.screen("-e"))
    finally:
        terminal.close()

    assert codes
    assert {code for one in codes for code in one.split(";")} <= {"", "0", "1", "2", "7", "39", "49"}


@pytest.mark.real("tmux")
@pytest.mark.parametrize(("end", "code"), [("q", 0), ("C-c", 130), ("SIGTERM", 143)])
def test_every_end_leaves_the_terminal_as_it_was(port: int, state: dict[str, str], end: str, code: int) -> None:
    """q ends with 0, Ctrl-C with 130 and SIGTERM with 143; the screen is the shell's again, with echo and without the mouse."""
    terminal = Terminal([sys.executable, "-c", DASHBOARD.format(port=port)], state, after="stty -a; echo all printed")
    try:
        terminal.shows("STALE .* nothing answers")
        if end == "SIGTERM":
            terminal.process().terminate()
        else:
            terminal.press("/", end) if end == "C-c" else terminal.press(end)
        screen = terminal.shows(rf"ended {code}\n[^!]*all printed")
        flags = terminal.flags("alternate_on", "mouse_any_flag")
    finally:
        terminal.close()

    assert "STALE" not in screen
    assert re.search(r"[^-]icanon", screen)
    assert re.search(r"[^-]echo\b", screen)
    assert flags == "0 0"


@pytest.mark.real("tmux")
def test_a_closed_terminal_ends_it_at_once(port: int, state: dict[str, str]) -> None:
    """Without its terminal the process does not stay."""
    terminal = Terminal([sys.executable, "-c", DASHBOARD.format(port=port)], state)
    try:
        terminal.shows("STALE .* nothing answers")
        process = terminal.process()
    finally:
        terminal.close()

    process.wait(HUNG_S)
    assert not process.is_running()


@pytest.mark.real("tmux")
def test_a_receiver_in_a_real_terminal(state: dict[str, str]) -> None:
    """`dashboard --otlp` says the line that a program needs, and shows the program that has used it."""
    command = [sys.executable, "-m", "csg_otel", "dashboard", "--otlp", "--interval", "0.5"]
    terminal = Terminal([*command, "--otlp-http-port", "0", "--otlp-grpc-port", "0"], state, size=(80, 24))
    try:
        terminal.shows("WAITING")
        pattern = r"http/protobuf \\\n +OTEL_EXPORTER_OTLP_ENDPOINT=(http://127.0.0.1:\d+)\n"
        endpoint = terminal.reads(pattern)
        span = {
            "traceId": "5b" * 16,
            "spanId": "5b" * 8,
            "name": "pay",
            "startTimeUnixNano": "1",
            "endTimeUnixNano": "2",
        }
        shop = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
        body = {"resourceSpans": [{"resource": shop, "scopeSpans": [{"spans": [span]}]}]}
        request = Request(f"{endpoint}/v1/traces", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urlopen(request, timeout=30) as answer:
            assert answer.status == 200
        terminal.shows(r"RECEIVING +1 program sends here")
        terminal.shows(r"shop +[\d.]+/s +1 +0 ")
        terminal.press("q")
        terminal.shows("ended 0")
    finally:
        terminal.close()
