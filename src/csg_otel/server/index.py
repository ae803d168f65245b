"""The index at ``/``: what is served at this address, as a page for a browser and as text for a terminal."""

from __future__ import annotations

from html import escape
from typing import Final

from csg_otel.health import report
from csg_otel.server.messages import NO_STORE, PLAIN_TEXT, Request, Response

_PROBES: Final = {
    "livez": "liveness: restart the program if this fails",
    "readyz": "readiness: send no requests while this fails",
    "startupz": "start: wait until this succeeds",
    "healthz": "all health checks; a check or a category below it, as /healthz/NAME; details by ?verbose",
}
"""The meaning of each probe."""

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title>
<style>body {{ font-family: sans-serif; margin: 2em }} td {{ padding: 0 2em 0.5em 0 }}</style></head>
<body><h1>{title}</h1>
<table>
{rows}
</table></body>
</html>
"""


def paths(metrics: str) -> tuple[str, ...]:
    """Return the paths that exist; *metrics* is the path of the metrics, empty if they are not served."""
    return (*([metrics] if metrics else []), *(f"/{probe}" for probe in report.GROUP_OF))


def response(request: Request, service: str, metrics: str) -> Response:
    """
    Return the index of the endpoints of *service*; *metrics* as for :func:`paths`.

    It is HTML where the request accepts that, as browsers do, and text otherwise.
    """
    title = f"Telemetry of {service}" if service else "Telemetry"
    rows = [(path, _PROBES.get(path[1:], "metrics, for Prometheus")) for path in paths(metrics)]
    if "text/html" in request.headers.get("accept", "").lower():
        # Relative links: the endpoints may be mounted below a path of the program's own server.
        cells = (
            f'<tr><td><a href="{escape(path[1:])}">{escape(path)}</a></td><td>{text}</td></tr>' for path, text in rows
        )
        page = _PAGE.format(title=escape(title), rows="\n".join(cells))
        return Response(200, page.encode(), {**NO_STORE, "Content-Type": "text/html; charset=utf-8", "Vary": "Accept"})
    width = max(len(path) for path, _ in rows)
    lines = (f"{path:{width}}  {text}" for path, text in rows)
    return Response(200, "\n".join((title, *lines, "")).encode(), {**PLAIN_TEXT, "Vary": "Accept"})
