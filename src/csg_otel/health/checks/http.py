"""Whether an HTTP service answers as it should."""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import SplitResult, urlsplit

from csg_otel.health.checks.levels import judge
from csg_otel.status import CheckResult, Critical, HealthStatus, Measurement, Warn

_MOST_BYTES = 64 * 1024
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Http:
    """
    Healthy if *url* answers *method* with an expected status within *timeout_s* seconds in all.

    *expected_status* is a number, a class (``2xx``), a range (``200-204``) or several of them. The body must contain
    *contains*, looked for in its first 64 KiB. Slower than *warning_s* or *critical_s* is a warning or a failure; with
    *certificate_days* a certificate that expires sooner is a warning. Redirects are not followed: a login page is no answer.
    Messages never hold credentials, queries or headers. Raises ValueError for a URL that is not http or https.
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

    def __post_init__(self) -> None:
        parts = self._parts()
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url is not an http or https URL")
        for wanted in self._wanted():
            _accepts(wanted, 200)

    def _parts(self) -> SplitResult:
        return urlsplit(self.url)

    def _wanted(self) -> tuple[int | str, ...]:
        wanted = self.expected_status
        return (wanted,) if isinstance(wanted, (int, str)) else tuple(wanted)

    def __call__(self) -> CheckResult:
        parts = self._parts()
        where = f"{parts.hostname}{f':{parts.port}' if parts.port else ''}"
        began = time.monotonic()
        deadline = began + self.timeout_s
        try:
            status, body, days = self._ask(parts, deadline)
        except TimeoutError:
            raise Critical(f"{where} did not answer within {self.timeout_s:g} s") from None
        except ssl.SSLCertVerificationError as error:
            raise Critical(f"{where}: certificate: {error.verify_message}") from None
        except (OSError, HTTPException) as error:
            raise Critical(f"{where}: {getattr(error, 'strerror', None) or type(error).__name__}") from None
        took = Measurement("response_time", time.monotonic() - began, "s", self.warning_s, self.critical_s, 0)
        if not any(_accepts(wanted, status) for wanted in self._wanted()):
            wanted = ", ".join(map(str, self._wanted()))
            raise Critical(f"{where} answered {status}, expected {wanted}", measurements=(took,))
        if self.contains is not None and self.contains.encode() not in body:
            raise Critical(f"{where} answered {status} without the expected text", measurements=(took,))
        measured = [took]
        if days is not None:
            measured.append(Measurement("certificate_days", days, "d"))
            if self.certificate_days is not None and days < self.certificate_days:
                raise Warn(f"{where}: the certificate expires in {days:.1f} days", measurements=tuple(measured))
        verdict = judge([took])
        said = f"{where} answered {status} in {took.value:.3f} s"
        message = said if verdict.status is HealthStatus.HEALTHY else f"{said}: {verdict.message}"
        return CheckResult(verdict.status, message, {"status_code": status}, tuple(measured))

    def _ask(self, parts: SplitResult, deadline: float) -> tuple[int, bytes, float | None]:
        """Return the status, the beginning of the body, and the days the certificate is valid for."""
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with closing(socket.create_connection((host, port), _left(deadline))) as plain:
            wire: Any = plain
            days = None
            if parts.scheme == "https":
                plain.settimeout(_left(deadline))
                wire = ssl.create_default_context(cafile=self.ca_file).wrap_socket(plain, server_hostname=host)
                days = _days(wire.getpeercert())
            with closing(wire):
                connection = HTTPConnection(host, port)
                connection.sock = _Wire(wire, deadline)
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request(self.method, target, self.body, {"Connection": "close", **self.headers})
                response: HTTPResponse = connection.getresponse()
                return response.status, response.read(_MOST_BYTES), days


class _Wire:
    """A socket as the HTTP client uses one, on which every single wait ends at one deadline."""

    def __init__(self, wire: socket.socket, deadline: float) -> None:
        self._wire = wire
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._wire.settimeout(_left(self._deadline))
        self._wire.sendall(data)

    def makefile(self, _mode: str, *_options: Any) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self._wire, self._deadline))

    def close(self) -> None:
        """Leave it open; whoever opened it closes it."""


class _Raw(io.RawIOBase):
    def __init__(self, wire: socket.socket, deadline: float) -> None:
        self._wire = wire
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._wire.settimeout(_left(self._deadline))
        return self._wire.recv_into(buffer)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _days(certificate: Any) -> float | None:
    ends = (certificate or {}).get("notAfter")
    return (ssl.cert_time_to_seconds(ends) - time.time()) / _DAY_S if ends else None


def _accepts(wanted: int | str, status: int) -> bool:
    """Tell whether *wanted* includes *status*. Raises ValueError if it is no status, class or range."""
    text = str(wanted).lower()
    if len(text) == 3 and text[0].isdigit() and text[1:] == "xx":
        return status // 100 == int(text[0])
    first, _, last = text.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        raise ValueError(f"expected_status {wanted!r} is not a status, a class (2xx) or a range (200-204)")
    return int(first) <= status <= int(last or first)
