"""
``csg-otel alerts relay``: forward Alertmanager's notifications to channels that it can't notify as they are configured.

Reads the configuration once; `csg_otel.server.relay` receives, `csg_otel.alerts.alertmanager.relay` forwards.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csg_otel.alerts.alertmanager import relay
from csg_otel.cli import alert_source, endpoint
from csg_otel.cli.stop_signals import stop_latch
from csg_otel.errors import AlertError
from csg_otel.server.hosts import is_loopback
from csg_otel.server.relay import Relay
from csg_otel.server.tokens import Tokens

if TYPE_CHECKING:
    from csg_otel.config.sections.security import Security

_DEFAULT = "127.0.0.1:9095"


def register(commands: Any) -> None:
    """Add ``alerts relay``."""
    parser = commands.add_parser(
        "relay",
        help="forward notifications to channels that Alertmanager can't notify itself",
        description="Forward notifications of Alertmanager to the configured webhooks, with their method, headers and timeout, "
        "and to the kinds of channels that an old Alertmanager lacks. "
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
    parser.add_argument(
        "--require-token",
        type=Path,
        metavar="FILE",
        help="file with the token that callers must send (default: none on loopback; elsewhere those of security.api_auth, "
        "and without one the relay does not start)",
    )
    parser.set_defaults(run=run_relay)


def run_relay(args: argparse.Namespace) -> int:
    """Serve until a signal, then finish the current requests."""
    source = alert_source.read(args, secrets=True)
    forwards, security = relay.forwards(source.spec), source.loaded.config.security
    if not forwards:
        raise AlertError(
            ["there is no channel to forward to: enable notifications.webhook, or add one to notifications.channels"]
        )
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    host, port = args.listen
    tokens = _tokens(args.require_token, security, host)
    ended = stop_latch()
    try:
        with Relay(forwards, host, port, tokens=tokens, allowed_hosts=security.allowed_hosts) as running:
            print(f"relay at {running.url} for {', '.join(forwards)}", flush=True)
            ended.wait()
    except OSError as error:
        raise AlertError([f"can't listen on {error}; choose another address with --listen"]) from error
    return 0


def _tokens(file: Path | None, security: Security, host: str) -> Tokens | None:
    """Return the tokens of callers; None if they need none. Raises AlertError if they need one and there is none."""
    if file is not None:
        return Tokens([endpoint.token_in(file, "--require-token")])
    if is_loopback(host):
        return None
    if not security.api_auth.enabled:
        problem = (
            f"every program that reaches {host} could notify the channels through this relay: name a file with a token by "
            "--require-token, set security.api_auth, or listen on 127.0.0.1"
        )
        raise AlertError([problem])
    return Tokens.of(security.api_auth)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (host and port.isdigit() and int(port) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not an address (such as {_DEFAULT}; port 0 chooses a free one)")
    return host.strip("[]"), int(port)
