"""Whether an HTTP service answers as it should."""

from __future__ import annotations

import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import SplitResult, unquote, urlsplit

from csg_otel.health.checks import wire
from csg_otel.health.checks.levels import judge
from csg_otel.status import CheckResult, Critical, Measurement, Warn

_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Http:
    """
    Healthy if *url* answers *method* with an expected status within *timeout_s* seconds in all.

    *expected_status* is a number, a class (``2xx``), a range (``200-204``) or several of them. The body must contain
    *contains*, looked for in its first 64 KiB. Slower than *warning_s* or *critical_s* is a warning or a failure; with
    *certificate_days* a certificate that expires sooner is a warning. Redirects are not followed: a login page is no answer.
    A user and password in the URL are sent as basic authentication. Messages never hold credentials, queries or headers.
    Raises ValueError for a URL that is not http or https.
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
        parts = self._parts()
        if parts.scheme not in ("http", "https") or not parts.hostname or not wire.has_port(parts):
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
        except OSError as error:
            raise Critical(f"{where}: {wire.reason(error)}") from None
        except HTTPException as error:
            raise Critical(f"{where}: {type(error).__name__}") from None
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
        verdict = judge([took], f"{where} answered {status} in {took.value:.3f} s")
        return replace(verdict, details={"status_code": status}, measurements=tuple(measured))

    def _ask(self, parts: SplitResult, deadline: float) -> tuple[int, bytes, float | None]:
        """Return the status, the beginning of the body, and the days the certificate is valid for."""
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with closing(wire.connect(host, port, deadline, allow_link_local=self.allow_link_local)) as plain:
            if parts.scheme == "http":
                return (*self._exchange(plain, parts, deadline), None)
            context = ssl.create_default_context(cafile=self.ca_file)
            with closing(wire.secure(plain, context, host, deadline)) as secured:
                return (*self._exchange(secured, parts, deadline), wire.certificate_days(secured))

    def _exchange(self, connected: socket.socket, parts: SplitResult, deadline: float) -> tuple[int, bytes]:
        connection = HTTPConnection(parts.hostname or "", parts.port)
        connection.sock = wire.Deadlined(connected, deadline)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(self.method, target, self.body, {"Connection": "close", **_identity(parts), **self.headers})
        response: HTTPResponse = connection.getresponse()
        return response.status, response.read(_MOST_BYTES)


def _identity(parts: SplitResult) -> dict[str, str]:
    """Return the header that stands for a URL's ``user:password@``, as browsers and curl send it (RFC 7617)."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _accepts(wanted: int | str, status: int) -> bool:
    """Tell whether *wanted* includes *status*. Raises ValueError if it is no status, class or range."""
    text = str(wanted).lower()
    if len(text) == 3 and text[0].isdigit() and text[1:] == "xx":
        return status // 100 == int(text[0])
    first, _, last = text.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        raise ValueError(f"expected_status {wanted!r} is not a status, a class (2xx) or a range (200-204)")
    return int(first) <= status <= int(last or first)
