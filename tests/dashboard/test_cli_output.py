"""What the commands print: no text of a program or a server moves the cursor, and a closed stream is no reason to fail."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from csg_otel.alerts.push.plan import Resource, describe, plan
from csg_otel.cli import main
from csg_otel.dashboard.source import NotFoundError
from support.dashboard_documents import TRACE, MemorySource
from support.json_server import json_server
from support.programs import HUNG_S

ESCAPES = "\x1b[2J\x1b]0;title\x07\x9b5m\u202e\rforged"
"""What clears the screen, sets the title, moves the cursor, and reverses the direction."""

COMMANDS = (
    "dashboard --mode status",
    "dashboard --mode report",
    "dashboard --mode report --output report.html",
    "dashboard --mode health",
    "query traces",
    f"query traces {TRACE}",
    "query logs",
    "query metrics",
    "query metrics duration",
    "query health",
    "query changed",
)


def _hostile(content: Any) -> Any:
    """Return *content* with the escapes at the end of every text that is not a word of the model."""
    if isinstance(content, dict):
        return {
            key: _hostile(value) if key in _TEXTS or not isinstance(value, str) else value
            for key, value in content.items()
        }
    if isinstance(content, list):
        return [_hostile(item) for item in content]
    return content + ESCAPES if isinstance(content, str) else content


_TEXTS = frozenset(
    {
        "name",
        "message",
        "body",
        "logger",
        "service",
        "version",
        "host",
        "status_message",
        "description",
        "title",
        "last_error",
    }
)


@pytest.fixture(scope="module")
def program() -> Iterator[str]:
    """The address of a dashboard whose texts have escapes."""
    source = MemorySource(changed={"time": 1.0, "from": 0.0, "to": 1.0, "baseline": "", "changes": []})
    with json_server(
        lambda _method, target, *_: _answer(source, urlsplit(target).path.removeprefix("/api/v1/"))
    ) as url:
        yield url


def _answer(source: MemorySource, path: str) -> tuple[int, Any]:
    try:
        return 200, _hostile(source.get(path))
    except NotFoundError as error:
        return 404, {"error": f"{error} {ESCAPES}"}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_text_of_a_program_reaches_the_terminal_unescaped(
    program: str, command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the program is not the one that was expected: its texts are shown, escaped."""
    monkeypatch.chdir(tmp_path)
    main([*command.split(), "--url", program])
    printed = "".join(capsys.readouterr())

    assert printed
    assert [line for line in printed.split("\n") if not line.isprintable()] == []


def test_an_error_of_a_server_reaches_the_terminal_unescaped_by_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The server may be anything."""
    with json_server(lambda *_: (400, {"error": f"wrong {ESCAPES}"})) as url:
        for command in ("query traces", "dashboard --mode status", "dashboard --web"):
            assert main([*command.split(), "--url", url]) == 1
            printed = capsys.readouterr().err
            assert printed.startswith("wrong ")
            assert printed.removesuffix("\n").isprintable()


def test_a_plan_shows_what_a_backend_has_escaped() -> None:
    """Its names and texts may be from anyone with access to it."""
    actual = [Resource("rule", "a", f"a{ESCAPES}", "1", {"text": ESCAPES}), Resource("rule", "b", ESCAPES, "1", {})]
    desired = [Resource("rule", "a", "a", "2", {"text": "new"})]

    for prune in (False, True):
        assert all(line.isprintable() for line in describe("grafana", plan(desired, actual, prune=prune)))


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_stream_that_the_caller_has_closed_is_no_reason_to_fail(program: str, closed: str, tmp_path: Path) -> None:
    """The commands ask their streams whether they are a terminal; Python has None for a closed one."""
    commands = [f"{sys.executable} -m csg_otel {command} --url {program} {closed}" for command in COMMANDS[::4]]
    script = " && ".join([*commands, f"{sys.executable} -m csg_otel dashboard --url {program} {closed}"])
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=4 * HUNG_S)

    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr


def test_json_is_ascii(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    """So it needs no escaping of another kind."""
    main(["query", "traces", "--json", "--url", program])
    printed = capsys.readouterr().out

    assert printed.isascii()
    assert ESCAPES in json.loads(printed)["traces"][0]["name"]
