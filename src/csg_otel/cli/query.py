"""``csg-otel query``: traces, logs, metrics, health and changes of a running program, for scripts and coding agents."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any, Final

from csg_otel.cli import attach
from csg_otel.dashboard.query import text
from csg_otel.dashboard.query.catalog import Filter, Query, query, request

if TYPE_CHECKING:
    from csg_otel.cli.parser import Parser

_COMMANDS: Final = {"traces": "trace", "logs": "", "metrics": "series", "health": "", "changed": ""}
"""The queries, and for some of them the query of one item, which is named by the argument."""

_TYPES: Final = {"number": float, "integer": int}


def register(subparsers: Any) -> None:
    """Add the command to *subparsers*."""
    parser = subparsers.add_parser(
        "query",
        help="print traces, logs, metrics, health or changes of a running program",
        description="Read what a running program did in the last minutes and hours from its dashboard, which "
        "`dashboard.enabled` switches on.",
        epilog="example: csg-otel query traces --error --min-ms 500",
    )
    queries = parser.add_subparsers(dest="query", metavar="QUERY", required=True)
    for name, single in _COMMANDS.items():
        _add(queries, query(name), query(single) if single else None)


def _add(queries: Any, listed: Query, single: Query | None) -> None:
    command = queries.add_parser(listed.name, help=listed.help, description=listed.help)
    if single is not None:
        command.add_argument(
            "item", nargs="?", metavar=single.subject.upper(), help=f"{single.subject_help} Prints this one."
        )
    # Filters of both queries are options of the one command.
    filters = {each.name: each for each in (*listed.filters, *(single.filters if single is not None else ()))}
    for each in filters.values():
        _add_filter(command, each)
    command.add_argument("--json", action="store_true", help="print the document of the API")
    attach.add_program(command)
    command.set_defaults(run=_run)


def _add_filter(command: Parser, each: Filter) -> None:
    names = {"from": "--from", "by": "--by"}
    option = names.get(each.name, f"--{each.name.replace('_', '-')}")
    settings: dict[str, Any] = {"dest": f"filter_{each.name}", "help": each.help}
    if each.kind == "switch":
        command.add_argument(option, action="store_true", **settings)
    elif each.kind == "texts":
        command.add_argument(option, action="append", metavar="TEXT", **settings)
    else:
        command.add_argument(
            option, type=_TYPES.get(each.kind, str), choices=each.choices or None, metavar=each.name.upper(), **settings
        )


def _run(options: argparse.Namespace) -> int:
    item = getattr(options, "item", None)
    chosen = query(_COMMANDS[options.query] if item else options.query)
    values = {key.removeprefix("filter_"): value for key, value in vars(options).items() if key.startswith("filter_")}
    own = {each.name for each in chosen.filters}
    if other := [key for key, value in values.items() if value and key not in own]:
        option, subject = f"--{other[0].replace('_', '-')}", query(_COMMANDS[options.query]).subject.upper()
        advice = f"is for the list: leave out {subject}" if item else f"needs {subject}"
        print(f"csg-otel query {options.query}: {option} {advice}", file=sys.stderr)
        return 2
    path, parameters = request(chosen, {**values, chosen.subject: item})
    document = attach.source(options).get(path, parameters)
    if options.json:
        print(json.dumps(document, indent=2))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print(text.render(chosen.name, document, width))
    return 0
