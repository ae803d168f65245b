"""``csg-otel demo``: the example program with all signals switched on."""

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
        help="run the example program with all signals on",
        description="Turn sample meeting transcripts into snapshots, with the console, the Prometheus endpoint and the "
        "health probes on. Ctrl-C ends it at any time.",
        epilog="example: csg-otel demo --seconds 30",
    )
    parser.add_argument(
        "--seconds", default=None, help="how long it runs, in seconds (default: $DEMO_SECONDS, else 60)"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    length = options.seconds or environment.snapshot().get("DEMO_SECONDS") or _DEFAULT_SECONDS
    try:
        seconds = float(length)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        print(
            f"csg-otel demo: {length!r} is not a number of seconds above 0; set --seconds or DEMO_SECONDS",
            file=sys.stderr,
        )
        return 2
    program = _find()
    if program is None:
        print("csg-otel demo: the examples are not installed; run it from a checkout of the source", file=sys.stderr)
        return 1
    sys.argv = [str(program), "--demo", "--seconds", str(seconds)]
    try:
        runpy.run_path(str(program), run_name="__main__")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _find() -> Path | None:
    """Return the folder of the example: inside the wheel, or beside the sources in a checkout."""
    package = Path(__file__).resolve().parents[1]
    folders = (package / "examples" / _EXAMPLE, package.parents[1] / "examples" / _EXAMPLE)
    return next((folder for folder in folders if (folder / "__main__.py").exists()), None)
