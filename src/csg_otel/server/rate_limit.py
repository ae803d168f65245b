"""
The rate limit: how many requests one client may send within a minute.

The count is exact, over the last 60 seconds. Only requests that pass are counted, so a client that keeps sending is served
again as soon as its count is below the limit. Probes are not counted: a limit must not make Kubernetes or Docker restart a
program. The client is the address of the connection. ``X-Forwarded-For`` is not read, because any client can write into it.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable

from csg_otel import clocks, forks
from csg_otel.health.report import GROUP_OF
from csg_otel.server.hosts import client_network
from csg_otel.server.messages import PLAIN_TEXT, Request, Response

_WINDOW_S = 60.0

_MAX_CLIENTS = 10_000
"""Most clients whose requests are counted, in about 3 MB; beyond them, the client without a request for longest is removed."""


class RateLimit:
    """Refuses requests beyond the limit of their client, with 429 and an exact ``Retry-After``."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = clocks.monotonic) -> None:
        """Allow *per_minute* requests to each client; *clock* returns monotonic seconds."""
        self._per_minute = per_minute
        self._clock = clock
        self._times_by_client: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()
        forks.follow(self.reset_after_fork)

    def refusal(self, request: Request) -> Response | None:
        """Return 429 if the client has reached its limit; otherwise count *request* and return None."""
        if request.path.strip("/").partition("/")[0] in GROUP_OF:
            return None
        wait_s = self._count(client_network(request.client))
        if wait_s <= 0:
            return None
        retry_after = str(math.ceil(wait_s))
        text = (
            f"more than {self._per_minute} requests a minute (security.rate_limiting.requests_per_minute); "
            f"send the next one in {retry_after} s\n"
        )
        return Response(429, text.encode(), {**PLAIN_TEXT, "Retry-After": retry_after})

    def _count(self, client: str) -> float:
        """Count one request of *client* and return 0, or return the seconds until the next one may pass."""
        with self._lock:
            now = self._clock()
            self._forget_silent_clients(now)
            times = self._times_by_client.pop(client, None)
            if times is None:
                times = []
                if len(self._times_by_client) >= _MAX_CLIENTS:
                    self._times_by_client.popitem(last=False)
            self._times_by_client[client] = times  # the dictionary stays in the order of the latest request
            del times[: bisect_right(times, now - _WINDOW_S)]
            if len(times) >= self._per_minute:
                return _WINDOW_S - (now - times[0])
            times.append(now)
            return 0.0

    def _forget_silent_clients(self, now: float) -> None:
        """Remove up to two clients without a request in the last minute; a request adds at most one, so the table shrinks."""
        for _ in range(2):
            client = next(iter(self._times_by_client), None)
            if client is None or now - self._times_by_client[client][-1] < _WINDOW_S:
                return
            del self._times_by_client[client]

    def reset_after_fork(self) -> None:
        """Start from scratch in a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()
        self._times_by_client = OrderedDict()
