"""Outgoing connections: `csg_otel.net` opens them, under one deadline, and no other module does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest

CLIENTS = (
    *(
        "grpc.insecure_channel",
        "grpc.secure_channel",
        "http.client",
        "urllib.request",
        "urllib3",
        "requests",
        "httpx",
        "aiohttp",
        "ftplib",
        "smtplib",
        "xmlrpc.client",
    ),
    *("asyncio.open_connection", "asyncio.open_unix_connection", "multiprocessing.connection.Client"),
    *("socket.create_connection", "socket.socket", "socket.socketpair", "socket.SocketType", "_socket"),
)
"""Modules and functions that open connections."""

METHODS = {"create_connection", "create_datagram_endpoint", "create_unix_connection", "sock_connect"}
"""Methods of an event loop that open connections; no object of the package has one of these names."""

ALLOWED = {
    ("src/csg_otel/server/serving.py", "socket.socket"): "the endpoints listen at it",
    ("src/csg_otel/server/connection.py", "socket.socket"): "the type of an accepted connection",
    ("src/csg_otel/server/sockets.py", "socket.socket"): "an accepted connection",
    ("src/csg_otel/server/channel.py", "socket.socket"): "the type of an accepted connection",
    ("src/csg_otel/server/tls.py", "socket.socket"): "the type of an accepted connection",
    ("src/csg_otel/server/loop.py", "socket.socketpair"): "it wakes the loop",
    ("src/csg_otel/dashboard/otlp/grpc_receiver.py", "socket.socket"): "whether a port is free; it connects to nothing",
    ("src/csg_otel/cli/doctor.py", "socket.socket"): "doctor binds the endpoints' port; it connects by `net`",
    ("src/csg_otel/reporters/dogstatsd.py", "socket.socket"): "datagrams: there is nothing to wait for",
    ("src/csg_otel/reporters/systemd.py", "socket.socket"): "datagrams to the service manager's local socket",
}
"""Exceptions. Databases are opened by the user's own drivers."""


def _connections(tree: ast.AST) -> Iterator[tuple[int, Any]]:
    """Yield line and dotted name of each client that *tree* imports or uses, under whatever name it was imported."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            root, _, rest = ast.unparse(node).partition(".")
            yield node.lineno, f"{names.get(root, root)}.{rest}"
            if node.attr in METHODS:
                yield node.lineno, f"a loop's {node.attr}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"import_module", "importlib.import_module"}:
            yield from ((node.lineno, argument.value) for argument in node.args if isinstance(argument, ast.Constant))


def _opens(tree: ast.AST) -> set[tuple[int, str]]:
    """Return line and client of each place that opens connections."""
    return {
        (line, next((client for client in CLIENTS if f"{name}.".startswith(f"{client}.")), name))
        for line, name in _connections(tree)
        if name.startswith("a loop's ") or f"{name}.".startswith(tuple(f"{client}." for client in CLIENTS))
    }


def test_connections_are_opened_in_one_package(package: list[Any]) -> None:
    """No module outside `net` uses a client of its own; each exception is needed and has its reason."""
    used = {
        (source.path, name): f"{source.path}:{line} uses {name}"
        for source in package
        if source.member != "net"
        for line, name in _opens(source.tree)
    }

    assert [text for key, text in used.items() if key not in ALLOWED] == []
    assert set(ALLOWED) - set(used) == set()


@pytest.mark.parametrize(
    "code",
    [
        "import http.client",
        "import http.client as h; h.HTTPConnection('x')",
        "from http import client",
        "from http.client import HTTPConnection as Connection",
        "from urllib import request as r",
        "import urllib.request",
        "import socket as s; s.create_connection(('x', 1))",
        "from socket import create_connection as dial",
        "from socket import socket as Stream",
        "import socket; socket.socket()",
        "import requests.sessions",
        "def f():\n    import httpx",
        "import asyncio; asyncio.open_connection('x', 1)",
        "from asyncio import open_connection",
        "loop.create_connection(None, 'x', 1)",
        "from importlib import import_module; import_module('http.client')",
    ],
)
def test_a_client_is_recognised_under_any_name(code: str) -> None:
    """Aliases, parts of modules, imports inside functions and by text: the test above sees each of them."""
    assert _opens(ast.parse(code))


def test_servers_and_names_are_no_clients() -> None:
    """What listens or only names something is not reported."""
    code = "import socket, urllib.parse, http.server; socket.getaddrinfo('x', 1); socket.gaierror; asyncio.run(x)"

    assert not _opens(ast.parse(code))
