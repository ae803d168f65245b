"""``csg-otel alerts send``: an alert from the command line, to everything the configuration sends alerts to, now."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from csg_otel.alerts import events
from csg_otel.alerts.spec import SEVERITIES
from csg_otel.cli import alert_source
from csg_otel.errors import AlertError


def register(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "send",
        help="send an alert of your own",
        description="Send an alert of your own to each of alerting.alertmanagers, and to Datadog where configured.",
        epilog="example: csg-otel alerts send backup_failed --severity critical --message 'no backup since Monday'",
    )
    parser.add_argument("name", help="what the alert is called")
    parser.add_argument("--message", required=True, help="what to tell people")
    parser.add_argument("--severity", choices=SEVERITIES, default="warning", help="how bad it is (default: warning)")
    parser.add_argument(
        "--detail", action="append", default=[], type=_detail, metavar="KEY=VALUE", help="what else to tell; repeatable"
    )
    parser.add_argument("--ttl", type=float, default=0.0, metavar="S", help="how long it is active, in seconds")
    parser.add_argument("--resolve", action="store_true", help="say that it is over; give the same words as before")
    parser.add_argument("--alertmanager", action="append", default=[], metavar="URL", help="send there too; repeatable")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="S", help="for each of them (default: 10)")
    parser.add_argument(
        "--config", metavar="FILE", help="the configuration (by default $CSG_OTEL_CONFIG or monitoring_config.yaml)"
    )
    parser.add_argument("--environment", metavar="NAME", help="merge environments.NAME over the rest")
    parser.set_defaults(run=alert_source.told(run))


def _detail(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def run(args: argparse.Namespace) -> int:
    """Send, and say who has taken it; 1 if somebody has not."""
    from csg_otel.config import load
    from csg_otel.exporters.alert_events import senders
    from csg_otel.exporters.delivery.sender import SendError
    from csg_otel.pipeline.resource import service_name

    code: dict[str, Any] = {"environment": args.environment} if args.environment else {}
    config = load(args.config, code=code).config
    if args.alertmanager:
        code["alerting.alertmanagers"] = (*config.alerting.alertmanagers, *args.alertmanager)
        config = load(args.config, code=code).config
    found = senders(config)
    if not found:
        raise AlertError(["there is nobody to send to: set alerting.alertmanagers, or give --alertmanager URL"])
    now_s = time.time()
    until = now_s + max(args.ttl, events.horizon(config.alerting.aggregation_window))
    event = events.make(
        args.name,
        args.severity,
        args.message,
        service=service_name(config),
        at=now_s,
        details=dict(args.detail),
        until=until,
    )
    if args.resolve:
        event = event.resolved(now_s)
    failed = 0
    for (name, where), sender in found.items():
        try:
            sender.send_batch(event.encode(), args.timeout)
            print(f"{name}: taken ({event.id})")
        except SendError as error:
            failed += 1
            print(f"{name}: not taken by {where}: {error}", file=sys.stderr)
    return 1 if failed else 0
