"""``csg-otel dashboard``: a program's dashboard in the terminal or browser, its status, its health, and a report of it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from csg_otel import environment
from csg_otel.cli import attach, dashboard_health, dashboard_otlp, dashboard_terminal, dashboard_web
from csg_otel.cli.arguments import port, seconds
from csg_otel.dashboard.report import document, markdown, output, page, status_text
from csg_otel.display import clean

if TYPE_CHECKING:
    from csg_otel.dashboard.source import Source

_MODES: Final = ("interactive", "status", "health", "report")
_RENDERERS: Final = {"html": page.render, "markdown": markdown.render}


def register(subparsers: Any) -> None:
    """Add the command to *subparsers*."""
    parser = subparsers.add_parser(
        "dashboard",
        help="show health, traces, logs, metrics and alerts of a program",
        description="Show the dashboard of the running program, at the address in the configuration or in --url. Where none "
        "answers, health checks and monitors are started here.",
        epilog="example: csg-otel dashboard --mode report --output report.html",
    )
    parser.add_argument("--mode", choices=_MODES, default="interactive", help="what to show (default: interactive)")
    parser.add_argument(
        "--interval",
        type=seconds,
        metavar="S",
        help="seconds between two refreshes of the terminal (default: dashboard.refresh_interval, 5)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, in the modes status, health and report")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="file of the report: .json, .html or .md (default: print Markdown)"
    )
    parser.add_argument(
        "--web",
        action="store_true",
        help="print a new link to the page of the running program; without one, serve a page here",
    )
    parser.add_argument("--port", type=port, metavar="N", help="port of the web page (default: dashboard.port, 8080)")
    dashboard_otlp.add_options(parser)
    attach.add_program(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.otlp:
        return dashboard_otlp.run(options)
    if options.web:
        return dashboard_web.run(options)
    if options.mode == "health":
        return dashboard_health.run(options)
    if options.output is not None:
        if options.mode != "report":
            print("csg-otel dashboard: --output is for --mode report", file=sys.stderr)
            return 2
        output.format_of(options.output)  # before anything is started
    if options.mode == "interactive" and not dashboard_terminal.is_possible():
        options.mode = "status"
    with attach.program(options) as source:
        return {"interactive": dashboard_terminal.show, "status": _status, "report": _report}[options.mode](
            options, source
        )


def _status(options: argparse.Namespace, source: Source) -> int:
    status = source.get("status")
    print(json.dumps(status, indent=2) if options.json else status_text.render(status, symbols=_shows_symbols()))
    return 0


def _shows_symbols() -> bool:
    """Return whether stdout can show the symbols of the status: by its encoding, and not on a console of Linux."""
    if sys.stdout.isatty() and environment.snapshot().get("TERM") in ("linux", "dumb"):
        return False
    try:
        status_text.SYMBOLS.encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def _report(options: argparse.Namespace, source: Source) -> int:
    report = document.collect(source)
    kind = output.format_of(options.output) if options.output is not None else "json" if options.json else "markdown"
    text = json.dumps(report, indent=2) + "\n" if kind == "json" else _RENDERERS[kind](report)
    if options.output is None:
        print(text, end="")
    else:
        output.write(options.output, text)
        print(clean(f"report of {report['status']['service']['name']} written to {options.output}"))
    return 0
