"""
Admission: how many connections a server has, and which one is closed when they are too many.

The rules: the server uses a small share of the descriptors that the process may have, a new client always gets its turn, and
those that send nothing crowd out neither the scrapers that keep their connections nor clients at other addresses.
"""

from __future__ import annotations

import resource
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from csg_otel.server.connection import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from csg_otel.server.connection import Connection

_MOST_CONNECTIONS: Final = 128
"""Most connections at once: far more than scrapers and probes need."""

_DESCRIPTOR_SHARE: Final = 3
"""One connection for this many descriptors of the process's limit: the others are the program's."""

_STREAM_SHARE: Final = 2
"""Besides, one stream for this many connections: 64, and more than the programs and people that watch one process."""

_KEPT_SHARE: Final = 4
"""One in this many connections may wait for a first request, and one for a further request, however many the others are."""

_CLIENT_SHARE: Final = 8
"""A client with more than one in this many of the connections loses its own before others lose theirs: a proxy needs few."""

_STARTED_KEPT_SERVED: Final = tuple(
    0 if state < State.KEPT else 1 if state == State.KEPT else 2 for state in range(len(State))
)
"""The group of each state that is no stream. A tuple, because this is looked up for all connections with each new client."""


def most_connections(limit: int) -> int:
    """Return the most connections where a process may have *limit* descriptors."""
    if limit == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return min(_MOST_CONNECTIONS, max(2, limit // _DESCRIPTOR_SHARE))


def most_streams(limit: int) -> int:
    """Return the most streams where a process may have *limit* descriptors."""
    return most_connections(limit) // _STREAM_SHARE


def least(connections: Iterable[Connection], most: int) -> Connection:
    """
    Return the connection that matters least; of several, that whose state has lasted longest.

    Clients without a response so far come first while they are many, then those between two requests, then those whose
    response is computed or sent.

    Args:
        connections: All connections, at least one, in the order in which their states began.
        most: How many are allowed.
    """
    groups: tuple[list[Connection], list[Connection], list[Connection]] = ([], [], [])
    for connection in connections:
        groups[_STARTED_KEPT_SERVED[connection.state]].append(connection)
    started, kept, served = groups
    share = max(1, most // _KEPT_SHARE)
    candidates = next((group for group in (started, kept) if len(group) > share), served or kept or started)
    counts = Counter(map(attrgetter("network"), candidates))
    if (count := max(counts.values())) > most // _CLIENT_SHARE and len(counts) > 1:
        candidates = [each for each in candidates if counts[each.network] == count]
    return min(candidates, key=attrgetter("state"))
