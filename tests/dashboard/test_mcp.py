"""``csg-otel mcp``: the official client lists and calls read-only tools over stdio, and gets bounded answers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from csg_otel.dashboard.query.bounded import MAX_CHARACTERS
from csg_otel.dashboard.query.catalog import QUERIES
from support.dashboard_source import SetSource
from support.programs import HUNG_S, eventually
from support.report_documents import documents, log
from support.web_client import Web


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of the user to whom the dashboard belongs."""
    return {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}


def _talk(url: str, environment: dict[str, str], conversation: Callable[[Any], Awaitable[None]]) -> None:
    """Start the command as a client does, and run *conversation* with it."""
    from mcp import Client, StdioServerParameters, stdio_client

    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "csg_otel", "mcp", "--url", url], env=environment
    )

    async def run() -> None:
        async with Client(stdio_client(parameters)) as client:
            await conversation(client)

    asyncio.run(asyncio.wait_for(run(), HUNG_S))


def test_a_client_reads_what_a_program_did(web: Web, source: SetSource, environment: dict[str, str]) -> None:
    """Tools have schemas and are read-only; their answers are the API's documents; mistakes are answers that say so."""
    source.documents.update(documents())
    source.documents["logs"] = {
        "time": 0.0,
        "logs": [log(number, "error", "x" * 900) for number in range(500)],
        "total": 500,
        "kept": 500,
        "next": None,
    }

    async def conversation(client: Any) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {each.name for each in QUERIES}
        for tool in tools.values():
            assert tool.annotations.read_only_hint
            assert not tool.annotations.destructive_hint
            assert tool.input_schema["additionalProperties"] is False
        assert tools["trace"].input_schema["required"] == ["trace_id"]
        assert tools["logs"].input_schema["properties"]["level"]["enum"][0] == "trace"

        async def call(name: str, **arguments: Any) -> tuple[bool, str]:
            result = await client.call_tool(name, arguments)
            return result.is_error, result.content[0].text

        failed, text = await call("traces", error=True, attr=["file.type=vtt"])
        assert (failed, json.loads(text)) == (False, source.documents["traces"])
        path, parameters = source.requests[-1]
        assert path == "traces"
        assert {"limit", "error", "attr"} == set(parameters)

        failed, text = await call("logs", level="error")
        assert len(text) <= MAX_CHARACTERS
        assert json.loads(text)["left_out"]["logs"] > 400

        assert (await call("trace", trace_id="0af7"))[0] is False
        assert await call("trace") == (True, "trace needs the argument trace_id")
        assert await call("traces", limt=3) == (True, "traces has no argument 'limt' (did you mean 'limit'?)")
        assert (await call("trace", trace_id="gone"))[0] is True
        assert (await call("restart"))[0] is True
        assert source.posts == []

    _talk(web.url, environment, conversation)


def test_the_program_may_be_started_later(environment: dict[str, str]) -> None:
    """Without a program every call says what to do, and the server goes on."""

    async def conversation(client: Any) -> None:
        for _ in range(2):
            result = await client.call_tool("status", {})
            assert result.is_error
            assert "dashboard.enabled" in result.content[0].text

    _talk("http://127.0.0.1:1", environment, conversation)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once(number: signal.Signals, environment: dict[str, str]) -> None:
    """Ctrl-C ends the command although it waits for its client, without a trace."""
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "csg_otel", "mcp", "--url", "http://127.0.0.1:1"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(json.dumps(hello) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "csg-otel"
        process.send_signal(number)
        eventually(lambda: process.poll() is not None, within_s=HUNG_S)
        assert process.returncode == -number
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.communicate()


def test_without_the_extra_it_says_the_pip_line(environment: dict[str, str]) -> None:
    """Where the package mcp is not installed, the command fails with the line that installs it."""
    code = (
        "import sys; sys.modules['mcp.server.lowlevel'] = None; from csg_otel.cli import main; sys.exit(main(['mcp']))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=HUNG_S
    )

    assert answer.returncode == 1
    assert answer.stderr == "csg-otel mcp needs an optional dependency: pip install 'csg-otel[mcp]'\n"
