"""The dashboard in the terminal, for the modes of ``csg-otel dashboard`` that show one."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from csg_otel.errors import MissingExtraError

if TYPE_CHECKING:
    import argparse

    from csg_otel.dashboard.source import Source


def is_possible() -> bool:
    """Return whether stdin and stdout are a terminal, and Textual is installed; else print the line that installs it."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    if find_spec("textual") is None:
        print(MissingExtraError("the dashboard in the terminal", "tui"), file=sys.stderr)
        return False
    return True


def show(options: argparse.Namespace, source: Source) -> int:
    """Show *source* until the user quits, and return the exit code."""
    from csg_otel.dashboard import terminal

    interval_s = options.interval or source.get("status")["refresh_interval_s"]
    return terminal.run(source, interval_s=interval_s)
