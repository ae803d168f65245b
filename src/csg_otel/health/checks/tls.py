"""The check ``tls``: a server's certificate is valid, and for how many days."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from csg_otel import clocks, net
from csg_otel.check_result import CheckResult, Critical, Measurement, Range
from csg_otel.health.checks import network
from csg_otel.status import HealthStatus


@dataclass(frozen=True, slots=True)
class Tls:
    """
    HEALTHY if the certificate of the server at *address* (``host:port``) is valid for *warning_days* days or more.

    Fewer days are a WARNING, fewer than *critical_days* CRITICAL, and so is an invalid certificate. The TLS handshake
    verifies chain, dates and name as any client does, with the authorities in *ca_file* (by default the system's) and for
    *server_name* (by default the host). *timeout_s* seconds is the deadline of the whole check. Raises ValueError for an
    address without a port.
    """

    address: str
    warning_days: float = 21.0
    critical_days: float = 7.0
    timeout_s: float = 5.0
    server_name: str | None = None
    ca_file: str | None = None
    allow_link_local: bool = False

    def __post_init__(self) -> None:
        network.split(self.address)

    def __call__(self) -> CheckResult:
        host, port = network.split(self.address)
        deadline = clocks.monotonic() + self.timeout_s
        context = net.tls_context(self.ca_file)
        try:
            opened = net.connect(
                host,
                port,
                deadline,
                tls=context,
                server_name=self.server_name,
                check_address=network.address_check(self.allow_link_local),
            )
            with closing(opened) as connection:
                days = network.certificate_days(connection.certificate) or 0.0
        except TimeoutError:
            raise Critical(f"{self.address} did not finish the handshake within {self.timeout_s:g} s") from None
        except OSError as error:
            raise Critical(f"{self.address}: {network.reason(error)}") from None
        measurement = Measurement("certificate_days", days, "d", Range(self.warning_days), Range(self.critical_days), 0)
        status = (
            HealthStatus.CRITICAL
            if days < self.critical_days
            else HealthStatus.WARNING
            if days < self.warning_days
            else HealthStatus.HEALTHY
        )
        message = f"{self.address}: the certificate is valid for {days:.1f} more days"
        if status is not HealthStatus.HEALTHY:
            limit = self.critical_days if status is HealthStatus.CRITICAL else self.warning_days
            message += f" (limit {limit:g}); renew it"
        return CheckResult(status, message, measurements=(measurement,))
