"""The check ``dns``: a host name resolves."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace

from csg_otel import clocks
from csg_otel.check_result import CheckResult, Critical, Measurement
from csg_otel.health.checks.levels import judge


@dataclass(frozen=True, slots=True)
class Dns:
    """
    HEALTHY if *host* resolves, and its addresses include all of *expected*, if that is set.

    Uses the system's resolver as the program does, with its caches and search domains. A lookup longer than *warning_s* is
    a WARNING, longer than *critical_s* CRITICAL.
    """

    host: str
    expected: Sequence[str] = ()
    warning_s: float | None = 1.0
    critical_s: float | None = None

    def __call__(self) -> CheckResult:
        began = clocks.monotonic()
        try:
            infos = socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            temporary = getattr(error, "errno", None) == socket.EAI_AGAIN
            reason = (
                "no name server answers" if temporary else "no such name; check its spelling and the search domains"
            )
            raise Critical(f"{self.host} does not resolve: {reason}") from None
        addresses = sorted({str(info[4][0]) for info in infos})
        took = Measurement("lookup", clocks.monotonic() - began, "s", self.warning_s, self.critical_s, 0)
        if missing := sorted(set(self.expected).difference(addresses)):
            raise Critical(f"{self.host} is {', '.join(addresses)} and not {', '.join(missing)}", measurements=(took,))
        summary = f"{self.host} is {', '.join(addresses[:4])}{' ...' if len(addresses) > 4 else ''}"
        return replace(judge([took], summary), details={"addresses": addresses})
