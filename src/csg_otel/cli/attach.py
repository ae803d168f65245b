"""
The program whose dashboard a command reads: the running one, or monitors that are started here.

The running program is found at the address in the configuration, or in ``--url``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from csg_otel import clocks, net
from csg_otel.cli import endpoint
from csg_otel.cli.arguments import add_config
from csg_otel.errors import CsgOtelError

if TYPE_CHECKING:
    import argparse

    from csg_otel.config import Config
    from csg_otel.dashboard.remote import HttpSource
    from csg_otel.dashboard.source import Source
    from csg_otel.sdk import Telemetry

_PROBE_S: Final = 2.0
"""Seconds in which a dashboard answers that it needs a login: no code of the program runs for that."""

_FIRST_SAMPLE_S: Final = 5.0
"""Seconds to wait for the first sample of the system, which takes 0.2 s where the machine is not busy."""

_TICK_S: Final = 0.05


def add_program(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the program: the address of its dashboard, access, and the configuration."""
    parser.add_argument(
        "--url",
        nargs="?",
        const="",
        metavar="URL",
        help="address of a running program's dashboard (default: dashboard.host and dashboard.port in the configuration)",
    )
    endpoint.add_token(parser, "for a program of another user or machine")
    add_config(parser)


def source(options: argparse.Namespace) -> HttpSource:
    """Return the documents of the running program. Raises CsgOtelError if there is no address, or no such token file."""
    from csg_otel.dashboard.remote import HttpSource

    if options.url:
        return HttpSource(
            options.url,
            endpoint.authorization(options.token_file, None, options.url),
            endpoint.tls(options, None, options.url),
        )
    config = _config(options)
    address = endpoint.dashboard_url(config)
    return HttpSource(
        address, endpoint.authorization(options.token_file, config, address), endpoint.tls(options, config, address)
    )


@contextmanager
def program(options: argparse.Namespace) -> Iterator[Source]:
    """
    Yield the documents of the running program; where none answers, those of monitors that run here until the end of the block.

    Raises CsgOtelError if ``--url`` is given and nothing answers there, or if the configuration is wrong.
    """
    if options.url is not None or answers(options):
        yield source(options)
        return
    with monitors(options, port=0) as telemetry:
        if telemetry.dashboard is None:
            raise CsgOtelError(
                "telemetry is switched off (OTEL_SDK_DISABLED, enable_monitoring): there is nothing to show"
            )
        yield telemetry.dashboard


def answers(options: argparse.Namespace) -> bool:
    """
    Return whether a dashboard answers at the address in the configuration; another server there is none.

    Raises CsgOtelError if a file of the options for TLS can't be used, or if the dashboard wants a client certificate.
    """
    try:
        config = _config(options)
        address = endpoint.dashboard_url(config)
    except CsgOtelError:
        return False
    tls = endpoint.tls(options, config, address)
    try:
        response = net.request("GET", f"{address}/api/v1/session", timeout_s=_PROBE_S, direct=True, tls=tls)
        content = json.loads(response.body)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and (problem := net.client_certificate_problem(error)):
            raise CsgOtelError(f"{address}: {problem}") from None
        return False
    return isinstance(content, dict) and ("csrf" in content or "error" in content)


def monitors(options: argparse.Namespace, *, port: int | None) -> Telemetry:
    """
    Start health checks, monitors and the dashboard here; return their handle when there are first results.

    Nothing is sent to the destinations in the configuration, because this process is not the program.

    Args:
        options: The options of the command.
        port: The port of the web page; 0 takes a free one, None that in the configuration.
    """
    from csg_otel.sdk import instrument

    telemetry = instrument(
        config=options.config,
        exporters=["prometheus"],
        dashboard__enabled=True,
        dashboard__port=port,
        system_monitoring__prometheus__port=0,
    )
    telemetry.health.run_all()
    deadline = clocks.monotonic() + _FIRST_SAMPLE_S
    monitoring = telemetry.config.system_monitoring
    while monitoring.enabled and not telemetry.metrics_snapshot()["system"] and clocks.monotonic() < deadline:
        time.sleep(_TICK_S)
    return telemetry


def _config(options: argparse.Namespace) -> Config:
    from csg_otel.config import load_lenient

    return load_lenient(options.config, unset_secrets=True).config
