"""``csg-otel dashboard --otlp``: a dashboard for any program in any language, by what it sends."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from csg_otel.cli import dashboard_terminal
from csg_otel.cli.arguments import port
from csg_otel.cli.stop_signals import stop_latch

if TYPE_CHECKING:
    from csg_otel.dashboard.otlp import View


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the receivers."""
    parser.add_argument(
        "--otlp", action="store_true", help="show programs in any language: what their OpenTelemetry sends here (OTLP)"
    )
    for protocol, title, default in (("grpc", "gRPC", 4317), ("http", "HTTP", 4318)):
        parser.add_argument(
            f"--otlp-{protocol}-port",
            type=port,
            default=default,
            metavar="N",
            help=f"port of OTLP over {title} (default: {default}; 0 takes a free one)",
        )


def run(options: argparse.Namespace) -> int:
    """Receive, and show it on the page or in the terminal, until the user quits or a signal."""
    if not options.web and not dashboard_terminal.is_possible():
        print("csg-otel dashboard --otlp: there is no terminal to show it in; add --web", file=sys.stderr)
        return 2
    from csg_otel.config import load_lenient
    from csg_otel.dashboard.otlp import view
    from csg_otel.pipeline.scrubbers import make_scrubber
    from csg_otel.privacy import active

    code = {"dashboard.port": options.port} if options.port is not None else None
    config = load_lenient(options.config, code=code, unset_secrets=True).config
    active.install(make_scrubber(config))
    ended = stop_latch() if options.web else None
    with view(config, http_port=options.otlp_http_port, grpc_port=options.otlp_grpc_port, web=options.web) as shown:
        if ended is None:
            return dashboard_terminal.show(options, shown.source)
        _print_addresses(shown)
        ended.wait()
    return 0


def _print_addresses(shown: View) -> None:
    addresses = (
        ("dashboard (this link works once)", shown.url or "not served: its port is in use, choose another with --port"),
        ("OTLP over HTTP", shown.otlp_http),
        ("OTLP over gRPC", shown.otlp_grpc),
    )
    for name, address in addresses:
        print(f"{name}: {address or 'not received; a warning says why'}")
    sys.stdout.flush()
