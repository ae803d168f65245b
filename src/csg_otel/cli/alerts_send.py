"""``csg-otel alerts send``: an alert from the command line, sent to every destination of alerts in the configuration."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from csg_otel.alerts import escalations, events
from csg_otel.alerts.escalations import SEVERITIES
from csg_otel.cli import arguments
from csg_otel.errors import AlertError
from csg_otel.lines import one_line

if TYPE_CHECKING:
    from csg_otel.config import Config
    from csg_otel.config.load import Loaded
    from csg_otel.exporters.alert_events import AlertReceiver

_NO_DESTINATION = (
    "no destination for alerts: set alerting.alertmanagers or a channel in notifications, or give --alertmanager URL"
)
_OFF = "alerting.enabled is false, so no alert is sent; set it to true (in the environment: CSG_OTEL_ALERTING_ENABLED=true)"
_RETRY = "run the command again when it is up"
_LONGEST_TTL_S = 366 * 86_400.0


def register(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "send",
        help="send an alert of your own",
        description="Send an alert of your own to each of alerting.alertmanagers, and to Datadog where configured; without "
        "them to the channels in notifications that take its severity.",
        epilog="example: csg-otel alerts send backup_failed --severity critical --message 'no backup since Monday'",
    )
    parser.add_argument("name", help="name of the alert")
    parser.add_argument("--message", required=True, help="text for people")
    parser.add_argument(
        "--severity",
        default="warning",
        metavar="WORD",
        help=f"{', '.join(SEVERITIES)}, or a word of alerting.severities (default: warning)",
    )
    parser.add_argument(
        "--detail", action="append", default=[], type=_detail, metavar="KEY=VALUE", help="a further fact; repeatable"
    )
    parser.add_argument(
        "--ttl",
        type=_ttl,
        default=0.0,
        metavar="S",
        help="seconds for which the alert is active (default: twice alerting.aggregation_window and a little)",
    )
    parser.add_argument(
        "--resolve",
        action="store_true",
        help="resolve the alert; give the same name, severity, message and details as before",
    )
    parser.add_argument(
        "--alertmanager", action="append", default=[], metavar="URL", help="send to this Alertmanager, too; repeatable"
    )
    arguments.add_timeout(parser, 10.0, "per destination")
    arguments.add_config(parser)
    parser.add_argument("--environment", metavar="NAME", help="apply the settings of environments.NAME")
    parser.set_defaults(run=run)


def _detail(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE (such as host=db1)")
    return key, value


def _ttl(text: str) -> float:
    try:
        ttl_s = float(text)
    except ValueError:
        ttl_s = -1.0
    if not 0 <= ttl_s <= _LONGEST_TTL_S:
        raise argparse.ArgumentTypeError(
            f"{text!r} must be a number of seconds from 0 to {_LONGEST_TTL_S:.0f} (a year)"
        )
    return ttl_s


def run(args: argparse.Namespace) -> int:
    """Send the alert and print which destinations accepted it; return 1 if one did not, or none takes it."""
    from csg_otel.exporters.alert_events import receivers
    from csg_otel.exporters.build import spool_folder

    loaded = _configured(args)
    config = loaded.config
    if not config.alerting.enabled:
        raise AlertError([_OFF])
    spool = config.exporters.spool
    destinations = receivers(config, spool_folder(spool.directory) if spool.enabled else None)
    if not destinations:
        raise AlertError([*(f"warning: {text}" for text in loaded.warnings), _NO_DESTINATION])
    event = _event(args, config)
    taking = [receiver for receiver in destinations if receiver.accepts(event)]
    for receiver in destinations:
        if receiver not in taking:
            print(f"{receiver.name}: takes no alert of severity {event.severity}")
    failed = [receiver for receiver in taking if not _accepted(receiver, event, args.timeout)]
    return 1 if failed or not taking else 0


def _configured(args: argparse.Namespace) -> Loaded:
    from csg_otel.config import load

    overrides: dict[str, Any] = {"environment": args.environment} if args.environment else {}
    loaded = load(args.config, code=overrides)
    if args.alertmanager:
        overrides["alerting.alertmanagers"] = (*loaded.config.alerting.alertmanagers, *args.alertmanager)
        loaded = load(args.config, code=overrides)
    return loaded


def _event(args: argparse.Namespace, config: Config) -> events.Event:
    """Return the alert, without the secrets of *config*."""
    from csg_otel.pipeline import scrub
    from csg_otel.pipeline.resource import service_name
    from csg_otel.pipeline.scrubbers import make_scrubber
    from csg_otel.privacy import active

    now_s = time.time()
    active.install(make_scrubber(config))
    try:
        severity = events.severity_in(args.severity, escalations.words(config))
    except ValueError as error:
        raise AlertError([f"--severity: {error}"]) from None
    event = events.make(
        args.name,
        severity,
        args.message,
        service=service_name(config),
        at=now_s,
        details=dict(args.detail),
        until=now_s + max(args.ttl, events.horizon(config.alerting.aggregation_window)),
    )
    event = scrub.alert(event)
    return event.resolved(now_s) if args.resolve else event


def _accepted(receiver: AlertReceiver, event: events.Event, timeout_s: float) -> bool:
    """Send *event* to *receiver*, and print whether it was accepted."""
    from csg_otel.exporters.alert_channels import ChannelSender
    from csg_otel.exporters.delivery.sender import SendError

    knows = isinstance(receiver.sender, ChannelSender) and receiver.sender.knows(event)
    try:
        receiver.sender.send_batch(event.encode(), timeout_s)
    except SendError as error:
        advice = (
            _RETRY if error.retry else "the receiver refuses this alert: correct it, or the settings of the receiver"
        )
        print(one_line(f"{receiver.name}: not accepted at {receiver.address}: {error}; {advice}"), file=sys.stderr)
        return False
    print(f"{receiver.name}: {'was notified before, and is not again now' if knows else 'accepted'} ({event.id})")
    return True
