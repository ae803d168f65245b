"""``csg-otel demo``: the example program, with everything on, for a look."""

from __future__ import annotations

import math
import runpy
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csg_otel import environment

if TYPE_CHECKING:
    import argparse

_EXAMPLE = "snapshot_generator"
_DEFAULT_SECONDS = 60.0


def register(subparsers: Any) -> None:
    """Add the command to *subparsers*."""
    parser = subparsers.add_parser(
        "demo",
        help="run the example program with everything on",
        description="Turn sample meeting transcripts into snapshots for a while, with the console, Prometheus and the "
        "probes on. Ctrl-C ends it at any time.",
        epilog="example: csg-otel demo --seconds 30",
    )
    parser.add_argument("--seconds", default=None, help="how long, in seconds (default: DEMO_SECONDS, else 60)")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    given = options.seconds or environment.snapshot().get("DEMO_SECONDS") or _DEFAULT_SECONDS
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        print(f"csg-otel demo: {given!r} is not a number of seconds (--seconds, DEMO_SECONDS)", file=sys.stderr)
        return 2
    program = _find()
    if program is None:
        print("csg-otel demo: this installation has no examples; run it from a checkout", file=sys.stderr)
        return 1
    sys.argv = [str(program), "--demo", "--seconds", str(seconds)]
    try:
        runpy.run_path(str(program), run_name="__main__")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _find() -> Path | None:
    """Return the example's folder: shipped inside the wheel, or beside the sources in a checkout."""
    package = Path(__file__).resolve().parents[1]
    places = (package / "examples" / _EXAMPLE, package.parents[1] / "examples" / _EXAMPLE)
    return next((place for place in places if (place / "__main__.py").exists()), None)
