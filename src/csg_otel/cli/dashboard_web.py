"""``csg-otel dashboard --web``: a link to the page of a running program, or the page of monitors that run here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csg_otel.cli import attach
from csg_otel.cli.stop_signals import stop_latch
from csg_otel.display import clean
from csg_otel.errors import CsgOtelError

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """Print a link; where the page is served from here, stay until Ctrl-C."""
    if options.url is not None or attach.answers(options):
        print(clean(attach.source(options).post("login-links", {})["url"]))
        return 0
    ended = stop_latch()
    with attach.monitors(options, port=options.port) as telemetry:
        if not telemetry.dashboard_url:
            raise CsgOtelError("the page can't be served; choose another port with --port, see the warning above")
        print(f"dashboard (this link works once): {telemetry.dashboard_url}", flush=True)
        ended.wait()
    return 0
