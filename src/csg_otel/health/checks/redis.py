"""The check ``redis``: a Redis server answers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from csg_otel import clocks, net
from csg_otel.check_result import CheckResult, Critical, Measurement, Warn
from csg_otel.health.checks import network
from csg_otel.health.checks.levels import judge
from csg_otel.health.checks.references import load_function

_REFUSALS = {
    "NOAUTH": "it requires a password",
    "WRONGPASS": "authentication failed",
    "NOPERM": "the user may not do this (PING, SELECT)",
    "MASTERDOWN": "it is a replica that has lost its master",
    "READONLY": "it is a read-only replica",
}


@dataclass(frozen=True, slots=True)
class Redis:
    """
    HEALTHY if the Redis (or Valkey) server at *url* answers a ``PING`` within *timeout_s* seconds in total.

    *url* is ``redis://user:password@host:6379/0``; with ``rediss`` it is TLS, with the authorities in *ca_file* (by default
    the system's). *client*, an object with ``ping()`` or ``module:function`` that returns one, uses the program's own client
    and pool instead. A server that is loading its data is a WARNING, and so is an answer after more than *warning_s*
    seconds. Raises ValueError unless there is either a valid URL or a client.
    """

    url: str | None = field(default=None, repr=False)
    client: Any = None
    timeout_s: float = 2.0
    warning_s: float | None = None
    ca_file: str | None = None
    allow_link_local: bool = False

    def __post_init__(self) -> None:
        if (self.url is None) is (self.client is None):
            raise ValueError("redis needs a url or a client")
        if self.url is None:
            return
        parts = urlsplit(self.url)
        if parts.scheme not in ("redis", "rediss") or not parts.hostname or not network.has_valid_port(parts):
            raise ValueError("url is not a redis:// or rediss:// URL")

    def __call__(self) -> CheckResult:
        began = clocks.monotonic()
        if self.url is None:
            where = "the program's client"
            client = load_function(self.client)() if isinstance(self.client, str) else self.client
            if not client.ping():
                raise Critical("the program's client: the server did not answer PONG")
        else:
            where = self._ping(began + self.timeout_s)
        took = Measurement("ping", clocks.monotonic() - began, "s", self.warning_s, self.timeout_s, 0)
        return judge([took], f"{where} answered in {took.value:.3f} s")

    def _ping(self, deadline: float) -> str:
        """Send the commands to the server and return its ``host:port``. Raises Critical and Warn."""
        parts = urlsplit(self.url or "")
        host, port = parts.hostname or "", parts.port or 6379
        where = f"{host}:{port}"
        try:
            tls = net.tls_context(self.ca_file) if parts.scheme == "rediss" else None
            check_address = network.address_check(self.allow_link_local)
            with closing(net.connect(host, port, deadline, tls=tls, check_address=check_address)) as connection:
                self._exchange(connection, where)
        except TimeoutError:
            raise Critical(f"{where} did not answer within {self.timeout_s:g} s") from None
        except OSError as error:
            raise Critical(f"{where}: {network.reason(error)}") from None
        return where

    def _exchange(self, connection: net.Connection, where: str) -> None:
        """Send each command and read its answer. Raises Critical and Warn."""
        for command in self._commands():
            connection.send_all(_encoded(command))
            answer = connection.read_line(1024)
            if not answer.endswith(b"\n"):
                raise Critical(f"{where} closed the connection")
            if answer[:1] == b"-":
                _refused(answer, where)
            elif answer[:1] != b"+":
                raise Critical(f"{where} does not answer as a Redis server does")

    def _commands(self) -> Iterator[tuple[str, ...]]:
        parts = urlsplit(self.url or "")
        if parts.password is not None:
            user = (unquote(parts.username),) if parts.username else ()
            yield ("AUTH", *user, unquote(parts.password))
        if (database := parts.path.strip("/")) not in ("", "0"):
            yield ("SELECT", database)
        yield ("PING",)


def _refused(answer: bytes, where: str) -> None:
    """Raise Critical or Warn for the error *answer*; the message has its code, because its text may hold names of users."""
    code = answer[1:].split(maxsplit=1)[0].decode("ascii", "replace") if answer[1:].split() else ""
    if code == "LOADING":
        raise Warn(f"{where} is loading its data")
    raise Critical(f"{where}: {_REFUSALS.get(code, f'it answered with an error ({code[:20]})')}")


def _encoded(words: tuple[str, ...]) -> bytes:
    """Return a command in RESP: an array of bulk strings."""
    out = io.BytesIO()
    out.write(b"*%d\r\n" % len(words))
    for word in words:
        data = word.encode()
        out.write(b"$%d\r\n%b\r\n" % (len(data), data))
    return out.getvalue()
