"""
``csg-otel alerts relay``: forward Alertmanager's notifications to webhooks that it can't call as they are configured.

Reads the configuration once; `csg_otel.alerts.alertmanager.relay` forwards.
"""

from __future__ import annotations

import argparse
import logging
import sys
from typing import Any

from csg_otel.alerts.alertmanager import relay
from csg_otel.cli import alert_source
from csg_otel.cli.stop_signals import stop_latch
from csg_otel.errors import AlertError

_DEFAULT = "127.0.0.1:9095"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def register(commands: Any) -> None:
    """Add ``alerts relay``."""
    parser = commands.add_parser(
        "relay",
        help="forward notifications to webhooks with their own methods and headers",
        description="Forward notifications of Alertmanager to the configured webhooks, with their method, headers and timeout. "
        "Run it beside Alertmanager, with the configuration that Alertmanager's was compiled from. SIGTERM or Ctrl-C ends it.",
        epilog="example: csg-otel alerts relay --listen 127.0.0.1:9095",
    )
    alert_source.add_options(parser)
    parser.add_argument(
        "--listen",
        type=_address,
        default=_DEFAULT,
        metavar="HOST:PORT",
        help=f"address to listen at (default: {_DEFAULT})",
    )
    parser.set_defaults(run=run_relay)


def run_relay(args: argparse.Namespace) -> int:
    """Serve until a signal, then finish the current requests."""
    forwards = relay.forwards(alert_source.read(args, secrets=True).spec)
    if not forwards:
        raise AlertError(
            ["there is no webhook to forward to: enable notifications.webhook, or add one to escalation.receivers"]
        )
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    host, port = args.listen
    ended = stop_latch()
    try:
        running = relay.Relay(forwards, host, port)
    except OSError as error:
        raise AlertError(
            [f"can't listen on {host}:{port}: {error.strerror or error}; choose another address with --listen"]
        ) from error
    if host not in _LOOPBACK:
        print(
            f"warning: every program that reaches {host} can call the webhooks through this relay; 127.0.0.1 prevents it",
            file=sys.stderr,
        )
    with running:
        print(f"relay at {running.url} for {', '.join(forwards)}", flush=True)
        ended.wait()
    return 0


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (host and port.isdigit() and int(port) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not an address (such as {_DEFAULT}; port 0 chooses a free one)")
    return host.strip("[]"), int(port)
