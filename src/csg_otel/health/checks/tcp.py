"""Whether something accepts TCP connections."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

from csg_otel.status import CheckResult, Critical, HealthStatus, Measurement


@dataclass(frozen=True, slots=True)
class Tcp:
    """
    Healthy if a TCP connection to *address* (``host:port``) opens within *timeout_s* seconds.

    Opens one connection and closes it; sends nothing, so it can't tell a working server from a wedged one (use ``http``).
    Raises ValueError for an address without a port.
    """

    address: str
    timeout_s: float = 2.0

    def __post_init__(self) -> None:
        if not self._port().isdigit():
            raise ValueError(f"address {self.address!r} is not host:port")

    def _port(self) -> str:
        return self.address.rpartition(":")[2]

    def __call__(self) -> CheckResult:
        host = self.address.rpartition(":")[0].strip("[]")
        began = time.monotonic()
        try:
            socket.create_connection((host, int(self._port())), self.timeout_s).close()
        except TimeoutError:
            raise Critical(f"{self.address} does not answer within {self.timeout_s:g} s") from None
        except OSError as error:
            raise Critical(f"{self.address}: {error.strerror or type(error).__name__}") from None
        took = Measurement("connect", time.monotonic() - began, "s", critical=self.timeout_s, minimum=0)
        return CheckResult(HealthStatus.HEALTHY, f"{self.address} accepts connections", measurements=(took,))
