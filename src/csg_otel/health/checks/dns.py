"""Whether a host name resolves."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from csg_otel.health.checks.levels import judge
from csg_otel.status import CheckResult, Critical, Measurement


@dataclass(frozen=True, slots=True)
class Dns:
    """
    Healthy if *host* resolves, to every one of the addresses in *expected* where some are given.

    Asks as the program does, through the system's resolver, caches and search domains included. Slower than *warning_s* or
    *critical_s* is a warning or a failure.
    """

    host: str
    expected: Sequence[str] = ()
    warning_s: float | None = 1.0
    critical_s: float | None = None

    def __call__(self) -> CheckResult:
        began = time.monotonic()
        try:
            found = sorted({str(info[4][0]) for info in socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)})
        except (OSError, UnicodeError) as error:
            temporary = getattr(error, "errno", None) == socket.EAI_AGAIN
            why = "no name server answers" if temporary else "there is no such name"
            raise Critical(f"{self.host} does not resolve: {why}") from None
        took = Measurement("lookup", time.monotonic() - began, "s", self.warning_s, self.critical_s, 0)
        if missing := sorted(set(self.expected).difference(found)):
            raise Critical(f"{self.host} is {', '.join(found)} and not {', '.join(missing)}", measurements=(took,))
        said = f"{self.host} is {', '.join(found[:4])}{' ...' if len(found) > 4 else ''}"
        return replace(judge([took], said), details={"addresses": found})
