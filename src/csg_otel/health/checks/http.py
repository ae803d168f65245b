"""The check ``http``: an HTTP service answers with the expected status in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from csg_otel import clocks, net
from csg_otel.check_result import CheckResult, Critical, Measurement, Warn
from csg_otel.health.checks import network
from csg_otel.health.checks.levels import judge


@dataclass(frozen=True, slots=True)
class Http:
    """
    HEALTHY if *url* answers *method* with an expected status within *timeout_s* seconds in total.

    *expected_status* is a number, a class (``2xx``), a range (``200-204``) or several of them. The body must contain
    *contains* within the first 64 KiB of the response. More than *warning_s* seconds is a WARNING, more than *critical_s*
    CRITICAL. A certificate that expires in fewer than *certificate_days* days is a WARNING. Redirects are not followed, so a
    redirect to a login page fails the check. A user and password in the URL are sent as basic authentication. Messages
    never have credentials, queries or headers. Raises ValueError for a URL that is not http or https.
    """

    url: str = field(repr=False)
    method: str = "GET"
    expected_status: int | str | Sequence[int | str] = "2xx"
    contains: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: str | bytes | None = field(default=None, repr=False)
    warning_s: float | None = None
    critical_s: float | None = None
    timeout_s: float = 5.0
    certificate_days: float | None = None
    ca_file: str | None = None
    allow_link_local: bool = False

    def __post_init__(self) -> None:
        try:
            net.parse(self.url)
        except ValueError:
            raise ValueError("url is not an http or https URL") from None
        for accepted in self._accepted():
            _accepts(accepted, 200)

    def _accepted(self) -> tuple[int | str, ...]:
        expected = self.expected_status
        return (expected,) if isinstance(expected, (int, str)) else tuple(expected)

    def __call__(self) -> CheckResult:
        where = str(net.parse(self.url)).partition("://")[2]
        began = clocks.monotonic()
        try:
            response = self._request()
        except TimeoutError:
            raise Critical(f"{where} did not answer within {self.timeout_s:g} s") from None
        except OSError as error:
            raise Critical(f"{where}: {network.reason(error)}") from None
        status, days = response.status, network.certificate_days(response.certificate)
        took = Measurement("response_time", clocks.monotonic() - began, "s", self.warning_s, self.critical_s, 0)
        if not any(_accepts(accepted, status) for accepted in self._accepted()):
            expected = ", ".join(map(str, self._accepted()))
            raise Critical(f"{where} answered {status}, expected {expected}", measurements=(took,))
        if self.contains is not None and self.contains.encode() not in response.body:
            raise Critical(
                f"{where} answered {status} without the expected text in its first 64 KiB", measurements=(took,)
            )
        measurements = [took]
        if days is not None:
            measurements.append(Measurement("certificate_days", days, "d"))
            if self.certificate_days is not None and days < self.certificate_days:
                message = (
                    f"{where}: the certificate expires in {days:.1f} days (limit {self.certificate_days:g}); renew it"
                )
                raise Warn(message, measurements=tuple(measurements))
        result = judge([took], f"{where} answered {status} in {took.value:.3f} s")
        return replace(result, details={"status_code": status}, measurements=tuple(measurements))

    def _request(self) -> net.Response:
        secure = net.parse(self.url).secure
        return net.request(
            self.method,
            self.url,
            timeout_s=self.timeout_s,
            body=self.body.encode() if isinstance(self.body, str) else self.body,
            headers=self.headers,
            tls=net.tls_context(self.ca_file) if secure else None,
            check_address=network.address_check(self.allow_link_local),
        )


def _accepts(expected: int | str, status: int) -> bool:
    """Return whether *expected* includes *status*. Raises ValueError if *expected* is not a status, a class or a range."""
    text = str(expected).lower()
    if len(text) == 3 and text[0].isdigit() and text[1:] == "xx":
        return status // 100 == int(text[0])
    first, _, last = text.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        raise ValueError(f"expected_status {expected!r} is not a status, a class (2xx) or a range (200-204)")
    return int(first) <= status <= int(last or first)
