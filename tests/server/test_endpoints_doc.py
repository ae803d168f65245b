"""docs/endpoints.md says of slow, silent and many clients what the server does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from csg_otel.server import admission, connection, loop, rate_limit
from csg_otel.server.connection import State
from csg_otel.server.serving import ENDPOINTS

DOCUMENT = " ".join((Path(__file__).parents[2] / "docs/endpoints.md").read_text(encoding="utf-8").split())
MOST = admission._MOST_CONNECTIONS
KIB = 1024
FIGURES = [
    f"sends nothing for {connection._REQUEST_S:.0f} s after it has connected",
    f"not the whole request within {connection._REQUEST_S:.0f} s of its first byte",
    f"(more than {connection.MAX_BODY_BYTES // KIB} KiB) for more than {connection._UPLOAD_S:.0f} s",
    f"headers of more than {(connection._MAX_HEAD_BYTES + connection._READ_BYTES) // KIB} KiB",
    f"(from {connection._MAX_HEAD_BYTES // KIB} KiB on, if they arrive in pieces)",
    f"or a body of more than {connection.MAX_BODY_BYTES // KIB} KiB",
    f"for {connection._STALLED_S:.0f} s, or needs more than {connection._SENDING_S:.0f} s for it",
    f"a page that is not ready within {ENDPOINTS.response_s:.0f} s",
    f"disconnected after {connection._IDLE_S:.0f} s without a request",
    f"at most {MOST} connections, and at most a third",
    f"more than a quarter of the connections ({MOST // admission._KEPT_SHARE} of {MOST})",
    f"more than an eighth of the connections ({MOST // admission._CLIENT_SHARE} of {MOST})",
    f"{MOST // admission._STREAM_SHARE} places of their own (half of the connections)",
    f"take {loop._UNSENT_BYTES // KIB // KIB} MiB at most, unless two pages are larger",
    f"at most {rate_limit._MAX_CLIENTS:,} clients are counted",
]


@pytest.mark.parametrize("figure", FIGURES)
def test_the_figures_are_those_of_the_server(figure: str) -> None:
    """Each stands in the document as it stands in the code."""
    assert figure in DOCUMENT
    assert (admission._DESCRIPTOR_SHARE, admission._KEPT_SHARE, admission._CLIENT_SHARE) == (3, 4, 8)
    assert (admission._STREAM_SHARE, loop._RESERVE_SHARE) == (2, 8)


def _closed(*crowd: tuple[State, int] | tuple[State, int, str]) -> tuple[State, str]:
    """Return state and address of the connection that is closed first, of so many in each state."""
    connections: list[Any] = []
    for state, count, *network in crowd:
        at = network[0] if network else ""
        connections += [SimpleNamespace(state=state, network=at or f"{state}-{each}") for each in range(count)]
    least = admission.least(connections, MOST)
    return least.state, least.network


def test_the_order_is_the_documented_one() -> None:
    """The three groups, the address with too many, and the order within."""
    others = (State.COMPUTING, 5), (State.SENDING, 5)

    assert _closed((State.WAITING, 33), (State.KEPT, 90), *others) == (State.WAITING, "1-0")
    assert _closed((State.WAITING, 32), (State.KEPT, 90), *others)[0] == State.KEPT
    assert _closed((State.WAITING, 32), (State.KEPT, 32), *others) == (State.SENDING, "3-0")
    assert _closed((State.KEPT, 33), (State.STARTED, 1), (State.WAITING, 33))[0] == State.STARTED
    assert _closed((State.STARTED, 20), (State.WAITING, 17, "crowd")) == (State.WAITING, "crowd")
    assert _closed((State.STARTED, 20), (State.WAITING, 16, "crowd"))[0] == State.STARTED
