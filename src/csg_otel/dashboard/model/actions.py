"""The results of actions: of the ``POST`` requests of the API. Pure."""

from collections.abc import Mapping
from typing import Final, TypedDict


class Imported(TypedDict):
    """The numbers of spans, log records and data points in a file, and what was left out of it; empty text if nothing was."""

    spans: int
    logs: int
    metrics: int
    left_out: str


class Silenced(TypedDict):
    """The id of a silence in Alertmanager."""

    silence_id: str


class Restarted(TypedDict):
    """Whether the monitoring services were restarted."""

    restarted: bool


class LoginLink(TypedDict):
    """A link that opens the page once."""

    url: str


RESULTS: Final[Mapping[str, type]] = {
    "import": Imported,
    "alerts/acknowledge": Silenced,
    "services/restart": Restarted,
    "login-links": LoginLink,
}
"""The type of the result of the action at each path below ``/api/v1``."""
