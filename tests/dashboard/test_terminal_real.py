"""The terminal dashboard in a real terminal, attached to a real program: tmux draws it, and its keys drive it."""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.programs import Program, eventually

WITHIN_S = 50.0

PROGRAM = """
import logging, sys, time
import csg_otel

csg_otel.instrument("shop", exporters=[], dashboard__enabled=True, dashboard__port={port}, handle_signals=False,
                    health_monitoring__check_interval=1)
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
        self._env = {**os.environ, "LC_ALL": "C.UTF-8", **env}
        width, height = map(str, size)
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "main", "-x", width, "-y", height, *command)
        self._tmux("set-option", "-g", "remain-on-exit", "on")

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

    def status(self) -> str:
        """The exit code of the command; empty while it runs."""
        return self._tmux("display-message", "-p", "-t", "main", "#{pane_dead_status}").strip()

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
def start(port: int, state: dict[str, str], tmp_path: Path) -> Iterator[Callable[[], Program]]:
    """Start the program, as often as it is called."""
    programs: list[Program] = []

    def begin() -> Program:
        folder = tmp_path / f"run{len(programs)}"
        folder.mkdir()
        programs.append(Program(PROGRAM.format(port=port), folder, state))
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


@pytest.mark.real("tmux")
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
    terminal.press("/", "checkout", "Enter")
    terminal.shows("filter: checkout")
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
    terminal.shows("No alert rules")
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
    assert eventually(terminal.status, WITHIN_S) == "0"


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
