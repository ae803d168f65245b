"""The check ``database``: a database answers a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from csg_otel import clocks
from csg_otel.check_result import CheckResult, Critical, Measurement
from csg_otel.health.checks import network
from csg_otel.health.checks.levels import judge
from csg_otel.health.checks.references import load_object
from csg_otel.net import lookup

_DRIVERS: Final = {
    "postgresql": ("psycopg", "psycopg2", "pg8000.dbapi"),
    "mysql": ("pymysql", "MySQLdb"),
    "sqlite": ("sqlite3",),
}
_PORTS: Final = {"postgresql": 5432, "mysql": 3306}
_PHRASES: Final = (
    (r"password authentication failed|Access denied|no password supplied|28P01|28000", "authentication failed"),
    (r"[Cc]onnection refused|Errno 111", "connection refused"),
    (r"timeout expired|timed out|57014|canceling statement|statement timeout", "no answer in time"),
    (r"could not translate host name|[Nn]ame or service not known|resolve host", "the name does not resolve"),
    (r"database .* does not exist|Unknown database|3D000|unable to open database", "there is no such database"),
    (r"too many (?:clients|connections)|remaining connection slots|53300", "too many connections"),
    (r"starting up|57P03", "the server is starting up"),
    (r"closed the connection|server closed|gone away|broken pipe|[Cc]onnection reset", "the connection was closed"),
)
"""Patterns of drivers' errors and the text shown for them: the drivers' own text has users, addresses and statements."""


@dataclass(frozen=True, slots=True)
class Database:
    """
    HEALTHY if the database answers *query* within *timeout_s* seconds.

    Set *url* or *pool*. A *url* (``postgresql://user:password@host/name``, ``mysql://...``, ``sqlite:///file``) is opened for
    each run with an installed DB-API driver, with a statement timeout if the server has one; a URL with a SQLAlchemy driver
    (``postgresql+psycopg://``) is opened with SQLAlchemy. A *pool* is the program's own: a SQLAlchemy engine, a pool with
    ``connection()``, a function that returns a DB-API connection, or ``module:name`` of one of these; each run borrows one
    connection. More than *warning_s* seconds is a WARNING. Messages never have the URL or the driver's text. Raises
    ValueError unless exactly one of both is set, and for a URL of an unknown kind.
    """

    url: str | None = field(default=None, repr=False)
    pool: Any = None
    query: str = "SELECT 1"
    timeout_s: float = 3.0
    warning_s: float | None = None
    allow_link_local: bool = False

    def __post_init__(self) -> None:
        if (self.url is None) is (self.pool is None):
            raise ValueError("database needs a url or a pool")
        if self.url is not None and "+" not in urlsplit(self.url).scheme and _kind(self.url) not in _DRIVERS:
            raise ValueError(f"url is not of a known kind ({', '.join(_DRIVERS)}; for others name a SQLAlchemy driver)")
        if self.url is not None and not network.has_valid_port(urlsplit(self.url)):
            raise ValueError("the port in url is not a number from 1 to 65535")

    def __call__(self) -> CheckResult:
        began = clocks.monotonic()
        try:
            with self._connection() as connection:
                self._run_query(connection)
        except Critical:
            raise
        except Exception as error:  # noqa: BLE001 - every driver has its own error classes
            raise Critical(f"{self._where()}: {_describe_error(error)}") from None
        took = Measurement("query", clocks.monotonic() - began, "s", self.warning_s, self.timeout_s, 0)
        return judge([took], f"{self._where()} answered in {took.value:.3f} s")

    def _where(self) -> str:
        if self.url is None:
            return "the program's pool"
        parts = urlsplit(self.url)
        port = parts.port or _PORTS.get(_kind(self.url))
        return f"{parts.hostname}:{port}" if parts.hostname else _kind(self.url)

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """Open or borrow a DB-API or SQLAlchemy connection for the block."""
        if self.url is not None:
            if (check_address := network.address_check(self.allow_link_local)) is not None:
                for host in _hosts(self.url):
                    _check_host(host, self.timeout_s, check_address)
            with _opened(self.url, self.timeout_s) as connection:
                yield connection
            return
        pool: Any = load_object(self.pool) if isinstance(self.pool, str) else self.pool
        borrow = getattr(pool, "connection", None) or getattr(pool, "connect", None)
        # A pool or an engine takes its connection back at the end of the block; a function's connection is closed.
        with borrow() if borrow is not None else closing(pool()) as connection:
            yield connection

    def _run_query(self, connection: Any) -> None:
        """Run the query, read its first row, and roll back the transaction."""
        if hasattr(connection, "exec_driver_sql"):
            connection.exec_driver_sql(self.query).fetchone()
            return
        with closing(connection.cursor()) as cursor:
            cursor.execute(self.query)
            cursor.fetchone()
        with suppress(Exception):
            connection.rollback()


def _kind(url: str) -> str:
    kind = urlsplit(url).scheme.partition("+")[0]
    return {"postgres": "postgresql", "mariadb": "mysql"}.get(kind, kind)


def _hosts(url: str) -> Iterator[str]:
    """Yield the hosts that a driver may connect to: that of *url*, and those in its query, which drivers prefer."""
    parts = urlsplit(url)
    if parts.hostname:
        yield parts.hostname
    for name, value in parse_qsl(parts.query):
        if name in ("host", "hostaddr"):
            yield from (host for host in value.split(",") if host and not host.startswith("/"))


def _check_host(host: str, timeout_s: float, check_address: Callable[[str], None]) -> None:
    """Call *check_address* with each address of *host*; a name that does not resolve is left to the driver."""
    with suppress(OSError):
        for *_, address in lookup.addresses(host, 0, timeout_s):
            check_address(str(address[0]))


@contextmanager
def _opened(url: str, timeout_s: float) -> Iterator[Any]:
    """Open *url*, and close it at the end. Raises Critical if there is no driver."""
    if "+" in urlsplit(url).scheme:
        engine = _engine(url)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()
        return
    driver, name = _driver(_kind(url))
    with closing(driver.connect(**_arguments(url, name, timeout_s))) as connection:
        yield connection


def _engine(url: str) -> Any:
    try:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool
    except ImportError:
        raise Critical("SQLAlchemy is not installed (pip install sqlalchemy)") from None
    return create_engine(url, poolclass=NullPool)


def _driver(kind: str) -> tuple[Any, str]:
    from importlib import import_module

    for name in _DRIVERS[kind]:
        try:
            return import_module(name), name
        except ImportError:
            continue
    install = {"postgresql": "psycopg[binary]", "mysql": "pymysql"}.get(kind, kind)
    raise Critical(f"no driver for {kind} is installed (pip install '{install}')")


def _arguments(url: str, driver: str, timeout_s: float) -> dict[str, Any]:
    """
    Return the arguments of ``connect()`` for *url*, with a timeout for the connection and one for the server's statement.

    *driver* is the module's name; each driver has names of its own for the same things.
    """
    parts = urlsplit(url)
    if _kind(url) == "sqlite":
        path = unquote(parts.path.removeprefix("/"))
        # Read only, because otherwise the connection creates a missing file.
        location = f"file:{path}?mode=ro" if path else "file::memory:"
        return {"database": location, "uri": True, "timeout": timeout_s}
    limit_ms = max(1, int(timeout_s * 1000))
    arguments: dict[str, Any] = {
        "host": parts.hostname,
        "port": parts.port or _PORTS[_kind(url)],
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
    }
    name = unquote(parts.path.strip("/")) or None
    whole_s = max(1, round(timeout_s))
    extra: dict[str, Any]
    if driver.startswith("psycopg"):
        options = f"-c statement_timeout={limit_ms}"
        # Without these a run waits hours for a host that is gone, and no other run starts meanwhile.
        extra = {
            "tcp_user_timeout": limit_ms,
            "keepalives_idle": whole_s,
            "keepalives_interval": 1,
            "keepalives_count": 3,
        }
        extra |= {
            "dbname": name,
            "connect_timeout": max(2, whole_s),
            "options": options,
            **dict(parse_qsl(parts.query)),
        }
    elif driver.startswith("pg8000"):
        extra = {"database": name, "timeout": timeout_s, "startup_params": {"statement_timeout": str(limit_ms)}}
    else:
        extra = {"database": name, "connect_timeout": whole_s}
        if driver == "pymysql":
            extra.update(read_timeout=whole_s, write_timeout=whole_s)
    return {key: value for key, value in {**arguments, **extra}.items() if value is not None}


def _describe_error(error: Exception) -> str:
    """Return the kind of failure of *error*, without the driver's text."""
    code = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""
    # Some drivers wrap the error with the cause in an exception of their own.
    text = f"{code} {error} {error.__cause__ or ''}"
    kind = next((phrase for pattern, phrase in _PHRASES if re.search(pattern, text)), "the query failed")
    return f"{kind} ({type(error).__name__})"
