"""The APIs that commands push to: their addresses and access."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csg_otel import net
from csg_otel.alerts.push.api import Api
from csg_otel.cli import endpoint
from csg_otel.config.sections.secret import revealed
from csg_otel.errors import AlertError
from csg_otel.net import addresses

if TYPE_CHECKING:
    from pathlib import Path

    from csg_otel.config.sections.integrations import Grafana


def checked(address: str) -> str:
    """Return *address*. Raises AlertError if it is not a URL of HTTP."""
    try:
        net.parse(address)
    except ValueError:
        raise AlertError([f"{addresses.shown(address)!r} is not a URL; write it as http://host:port"]) from None
    return address


def grafana(
    settings: Grafana, url: str | None, *, option: str, timeout_s: float, token_file: Path | None = None
) -> Api:
    """
    Return the API of Grafana. Raises AlertError without an address, and CsgOtelError for a token file that is none.

    Args:
        settings: the section ``integrations.grafana``.
        url: the address of the command line; None for that of the settings.
        option: the option that gives the address.
        timeout_s: time limit of the whole push in seconds.
        token_file: file with the token of a service account, or with user:password; by default ``api_key`` of the settings.
    """
    address = revealed(url or settings.dashboard_url or "")
    if not address:
        raise AlertError(
            [f"a push to Grafana needs its address: give {option}, or set integrations.grafana.dashboard_url"]
        )
    headers = endpoint.authorization(token_file, None, address)
    if token_file is None and settings.api_key is not None:
        headers = {"Authorization": f"Bearer {settings.api_key.reveal()}"}
    return Api(checked(address), headers, timeout_s=timeout_s)
