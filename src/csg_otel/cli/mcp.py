"""``csg-otel mcp``: the queries for coding agents, by the Model Context Protocol over stdin and stdout."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from csg_otel.cli import attach
from csg_otel.dashboard import mcp

if TYPE_CHECKING:
    import argparse


def register(subparsers: Any) -> None:
    """Add the command to *subparsers*."""
    parser = subparsers.add_parser(
        "mcp",
        help="let a coding agent read traces, logs, metrics and health (Model Context Protocol)",
        description="Serve the queries of `csg-otel query` as read-only tools over stdin and stdout. An agent's client starts "
        "this command; the program itself may be started later.",
        epilog="example: csg-otel mcp --url http://127.0.0.1:8080",
    )
    attach.add_program(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # nothing is left to do, and a thread that reads stdin can't be interrupted
    mcp.serve(lambda: attach.source(options))
    return 0
