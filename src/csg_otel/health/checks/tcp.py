"""The check ``tcp``: a server accepts TCP connections."""

from __future__ import annotations

from dataclasses import dataclass

from csg_otel import clocks, net
from csg_otel.check_result import CheckResult, Critical, Measurement
from csg_otel.health.checks import network
from csg_otel.status import HealthStatus


@dataclass(frozen=True, slots=True)
class Tcp:
    """
    HEALTHY if a TCP connection to *address* (``host:port``) opens within *timeout_s* seconds.

    Opens one connection, sends nothing and closes it. A server that accepts connections and never answers is HEALTHY too;
    use ``http`` to detect that. Raises ValueError for an address without a port.
    """

    address: str
    timeout_s: float = 2.0
    allow_link_local: bool = False

    def __post_init__(self) -> None:
        network.split(self.address)

    def __call__(self) -> CheckResult:
        host, port = network.split(self.address)
        began = clocks.monotonic()
        check_address = network.address_check(self.allow_link_local)
        try:
            net.connect(host, port, began + self.timeout_s, check_address=check_address).close()
        except TimeoutError:
            raise Critical(f"{self.address} does not answer within {self.timeout_s:g} s") from None
        except OSError as error:
            raise Critical(f"{self.address}: {network.reason(error)}") from None
        took = Measurement("connect", clocks.monotonic() - began, "s", critical=self.timeout_s, minimum=0)
        return CheckResult(HealthStatus.HEALTHY, f"{self.address} accepts connections", measurements=(took,))
