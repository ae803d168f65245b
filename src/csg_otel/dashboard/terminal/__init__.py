"""The dashboard in a terminal, by Textual; needs the extra ``tui``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from csg_otel.dashboard.source import Source


def run(
    source: Source,
    *,
    interval_s: float,
    restart: Callable[[], None] | None = None,
) -> int:
    """
    Show *source* in the terminal until the user quits, and return the exit code: 130 for Ctrl-C, 143 for SIGTERM.

    Args:
        source: The documents that are shown.
        interval_s: Seconds between two requests for what is shown.
        restart: Starts or restarts the monitoring services. Default: the action ``services/restart`` of *source*.

    Raises ImportError if Textual is not installed.
    """
    from csg_otel.dashboard.terminal.app import DashboardApp
    from csg_otel.dashboard.terminal.palette import has_colors

    app = DashboardApp(source, interval_s=interval_s, restart=restart, color=has_colors())
    app.run()
    return app.return_code or 0
