"""``csg-otel alerts route``: who would be told of an alert with these labels, and when; nobody is."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from csg_otel.alerts import routing
from csg_otel.alerts.spec import SEVERITIES
from csg_otel.cli import alert_source

if TYPE_CHECKING:
    from collections.abc import Sequence


def register(commands: Any) -> None:
    """Add ``alerts route``."""
    parser = commands.add_parser(
        "route",
        help="print who would be told of an alert",
        description="Print who would be told of an alert, a line each: the receiver, when, and the setting that says so.",
        epilog="example: csg-otel alerts route --severity critical --label service=shop",
    )
    alert_source.add_options(parser)
    parser.add_argument("--severity", choices=SEVERITIES, required=True, help="how bad the alert is")
    parser.add_argument(
        "--label", action="append", type=_label, default=[], metavar="K=V", help="a label of the alert; repeatable"
    )
    parser.set_defaults(run=alert_source.told(run_route))


def run_route(args: argparse.Namespace) -> int:
    """Print the receivers, and exit 1 if nobody would be told."""
    source = alert_source.read(args)
    told = routing.matching(source.spec, {**dict(args.label), "severity": args.severity})
    rows = [(route.receiver, route.when(), route.setting) for route in told if route.receiver != routing.NO_RECEIVER]
    if not rows:
        print("nobody")
        return 1
    for line in _columns(rows):
        print(line)
    return 0


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not a label (service=shop)")
    return name, value
