"""``csg-otel alerts route``: the receivers that would be notified of an alert with certain labels. Notifies none of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from csg_otel.alerts import routing
from csg_otel.cli import alert_source
from csg_otel.errors import AlertError, suggestion
from csg_otel.lines import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence


def register(commands: Any) -> None:
    """Add ``alerts route``."""
    parser = commands.add_parser(
        "route",
        help="print the receivers of an alert",
        description="Print the receivers of an alert, one per line: its name, when it is notified, and its setting. "
        "Sends no notification.",
        epilog="example: csg-otel alerts route --severity critical --label alertname=HighCpuUsage",
    )
    alert_source.add_options(parser)
    parser.add_argument("--severity", required=True, help="severity of the alert")
    parser.add_argument(
        "--label", action="append", type=_label, default=[], metavar="K=V", help="a label of the alert; repeatable"
    )
    parser.set_defaults(run=run_route)


def run_route(args: argparse.Namespace) -> int:
    """Print the receivers, and exit 1 if there is none."""
    source = alert_source.read(args)
    words = source.spec.severities
    if args.severity not in words:
        hint = suggestion(args.severity, words) or f" (known: {', '.join(words)})"
        raise AlertError([f"--severity: {args.severity!r} is not a severity{hint}"])
    own = dict(source.spec.service_labels)
    matching = routing.matching(source.spec, {**own, **dict(args.label), "severity": args.severity})
    rows = [
        (route.receiver, route.when(), route.setting) for route in matching if route.receiver != routing.NO_RECEIVER
    ]
    if not rows:
        print("no receiver: add a channel that accepts this severity to notifications")
        return 1
    for line in _columns(rows):
        print(one_line(line))
    return 0


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not a label (service=shop)")
    return name, value
