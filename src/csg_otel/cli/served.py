"""What keeps a server of the program from serving, as ``config check`` and ``doctor`` print it. Nothing is opened but files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csg_otel.server import hosts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from csg_otel.config import Config, Loaded


def tls_problem(config: Config) -> str:
    """Return why the files of ``security.tls`` can't be used on this machine; empty if they can, or without TLS."""
    from csg_otel.server.tls import server_context

    try:
        if config.security.tls.cert:
            server_context(config.security.tls)
    except OSError as error:
        return str(error)
    return ""


def open_dashboard(config: Config) -> tuple[str, str] | None:
    """Return the sentence about a dashboard that other machines reach without a token, and the remedy; None if it is closed."""
    board, security = config.dashboard, config.security
    if not (board.enabled and hosts.is_open(board.host, security.tls, protected=security.api_auth.enabled)):
        return None
    address = f"[{board.host}]:{board.port}" if ":" in board.host else f"{board.host}:{board.port}"
    return hosts.exposure(address, "dashboard")


def warnings(loaded: Loaded) -> Iterator[str]:
    """Yield what is valid and will not be served, with the place of its setting."""
    if problem := tls_problem(loaded.config):
        name, _, reason = problem.partition(" ")
        note = "until then nothing is served; if the files are on another machine, run `csg-otel doctor` there"
        yield loaded.problem(name, f"{reason}; {note}")
    if exposure := open_dashboard(loaded.config):
        yield loaded.problem("dashboard.host", f"{'; '.join(exposure)}; until then the dashboard is not served")
