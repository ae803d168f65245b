"""The terminal dashboard in a real terminal, attached to a real program: tmux draws it, and its keys drive it."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from support.alertmanager import Alertmanager
from support.programs import Program, eventually

WITHIN_S = 50.0

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


class Terminal:
    """A terminal of a tmux server of its own."""

    def __init__(self, command: list[str], env: dict[str, str], size: tuple[int, int] = (130, 40)) -> None:
        self._name = f"csg-{os.getpid()}-{secrets.token_hex(4)}"
        own = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}  # pytest's size
        self._env = {**own, "LC_ALL": "C.UTF-8", **env}
        width, height = map(str, size)
        shell = f"{shlex.join(command)}; echo ended $?; sleep 100"
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "main", "-x", width, "-y", height, shell)

    def close(self) -> None:
        """End the server and what runs in it."""
        self._tmux("kill-server")

    def press(self, *keys: str) -> None:
        """Press keys."""
        self._tmux("send-keys", "-t", "main", *keys)

    def resize(self, width: int, height: int) -> None:
        """Change the size of the terminal."""
        self._tmux("resize-window", "-t", "main", "-x", str(width), "-y", str(height))

    def screen(self, *options: str) -> str:
        """What the terminal shows."""
        return self._tmux("capture-pane", "-p", "-t", "main", *options)

    def shows(self, pattern: str) -> str:
        """Wait until the screen matches, and return it."""
        try:
            return str(eventually(lambda: (shown := self.screen()) and re.search(pattern, shown) and shown, WITHIN_S))
        except AssertionError:
            raise AssertionError(f"no {pattern!r} on this screen:\n{self.screen()}") from None

    def process(self) -> psutil.Process:
        """The process of the command."""
        shell = psutil.Process(int(self._tmux("display-message", "-p", "-t", "main", "#{pane_pid}")))
        return shell.children()[0]

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._name, *arguments], env=self._env, capture_output=True, encoding="utf-8", timeout=30
        )
        return done.stdout


@pytest.fixture
def port() -> int:
    """A free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


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
    eventually(lambda: "health_check" not in terminal.screen(), WITHIN_S)
    terminal.press("Down", "Enter")
    terminal.shows("charge card +[\\d.]+ [mu]?s .*•")
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
    terminal.shows(r"PENDING +HealthCheckCritical +critical")
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
    eventually(lambda: "Esc closes" not in terminal.screen(), WITHIN_S)

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

        assert eventually(lambda: share() < 0.02, WITHIN_S)
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
