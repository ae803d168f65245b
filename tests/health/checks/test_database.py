"""The database check against a real PostgreSQL: up, refused, hanging, wrong password; through drivers and pools."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool
from sqlalchemy import create_engine

from csg_otel.check_result import CheckResult, Critical
from csg_otel.health.checks import database
from csg_otel.health.checks.database import Database
from csg_otel.status import HealthStatus
from support import servers
from support.programs import eventually
from support.servers import PASSWORD, Server, free_port

pytestmark = pytest.mark.real("postgresql")
HEALTHY = HealthStatus.HEALTHY


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL for all tests of this module."""
    with servers.postgresql() as running:
        _ready(url(running))
        yield running


def url(server: Server, password: str = PASSWORD, kind: str = "postgresql", name: str = "postgres") -> str:
    """Return the URL of *server*."""
    return f"{kind}://app:{password}@127.0.0.1:{server.port}/{name}"


def _ready(address: str) -> None:
    def answers() -> bool:
        try:
            psycopg.connect(address, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    eventually(answers)


def failure(check: Database) -> str:
    """Run *check*, which must be CRITICAL, and return its message, in which nothing secret may be."""
    with pytest.raises(Critical) as raised:
        check()
    message = str(raised.value)
    assert PASSWORD not in message
    assert "app" not in message
    return message


@pytest.mark.parametrize("driver", ["psycopg", "pg8000.dbapi"])
def test_a_database_that_answers_is_healthy(server: Server, driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through every driver, with how long it took."""
    monkeypatch.setitem(database._DRIVERS, "postgresql", (driver,))

    result = Database(url(server))()

    assert result.status is HEALTHY
    assert result.measurements[0].name == "query"
    assert f"127.0.0.1:{server.port}" in result.message


@pytest.mark.parametrize("driver", ["psycopg", "pg8000.dbapi"])
def test_what_goes_wrong_is_told_in_our_words(server: Server, driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password, a missing database, no server and a query that the server ends are named, without secrets."""
    monkeypatch.setitem(database._DRIVERS, "postgresql", (driver,))

    assert "authentication failed" in failure(Database(url(server, "wrong-" + PASSWORD)))
    assert "there is no such database" in failure(Database(url(server, name="missing")))
    refused = Database(f"postgresql://app:{PASSWORD}@127.0.0.1:{free_port()}/postgres")
    assert "connection refused" in failure(refused)
    began = time.monotonic()
    assert "no answer in time" in failure(Database(url(server), query="SELECT pg_sleep(30)", timeout_s=0.5))
    assert time.monotonic() - began < 5


def test_a_server_that_hangs_is_critical_by_the_deadline(server: Server) -> None:
    """Stopped processes accept connections and say nothing."""
    from csg_otel.health import Check, HealthRegistry

    registry = HealthRegistry()
    registry.register(Check(name="db", function=Database(url(server), timeout_s=2), timeout_s=1.0))
    with server.hanging():
        began = time.monotonic()
        result = registry.run("db")
        assert (result.status, result.error_type) == (HealthStatus.CRITICAL, "timeout")
        assert time.monotonic() - began < 1.5

    def again() -> CheckResult | None:
        found = registry.run("db")
        return found if found.status is HEALTHY else None

    assert eventually(again)


def test_a_host_that_is_gone_does_not_hold_a_run_for_hours(server: Server) -> None:
    """The kernel gives up a connection without acknowledgements, so that the next run reaches the new host."""
    with database._opened(url(server), 2.5) as connection, socket.socket(fileno=os.dup(connection.fileno())) as wire:
        limit_ms = wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert (limit_ms, wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) == (2500, 1)


def test_a_thousand_runs_leave_the_connections_as_they_were(server: Server) -> None:
    """By URL each run closes what it opened; by pool it gives back what it took."""
    with psycopg.connect(url(server), autocommit=True) as watching:

        def connections() -> int:
            row = watching.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            ).fetchone()
            assert row is not None
            return int(row[0])

        engine = create_engine(url(server, kind="postgresql+psycopg"), pool_size=2)
        with ConnectionPool(url(server), min_size=1, max_size=2) as pool:
            pool.wait()
            with engine.connect():
                pass
            before = connections()
            by_url, by_pool, by_engine = Database(url(server)), Database(pool=pool), Database(pool=engine)
            for check in (by_url, by_pool, by_engine):
                for _ in range(334):
                    assert check().status is HEALTHY
            eventually(lambda: connections() == before)
            assert pool.get_stats().get("requests_waiting", 0) == 0
        engine.dispose()


def test_sqlalchemy_urls_and_functions_work_too(server: Server) -> None:
    """Any dialect SQLAlchemy knows, and a function that opens a connection."""
    assert Database(url(server, kind="postgresql+pg8000"))().status is HEALTHY
    assert "authentication failed" in failure(Database(url(server, "x" + PASSWORD, kind="postgresql+psycopg")))
    assert Database(pool=lambda: psycopg.connect(url(server)))().status is HEALTHY


def test_an_exhausted_pool_of_the_program_is_critical(server: Server) -> None:
    """The check uses the program's pool: without a free connection it fails."""
    with ConnectionPool(url(server), min_size=1, max_size=1, timeout=0.3) as pool, pool.connection():
        assert "the program's pool" in failure(Database(pool=pool))


def test_a_missing_sqlite_file_is_not_made(tmp_path: Path) -> None:
    """A check reads; and a file that is there answers."""
    import sqlite3

    path = tmp_path / "shop.db"
    assert "there is no such database" in failure(Database(f"sqlite:///{path}"))
    assert not path.exists()
    sqlite3.connect(path).close()

    assert Database(f"sqlite:///{path}")().status is HEALTHY


@pytest.mark.parametrize("given", [{}, {"url": "sqlite://", "pool": object()}, {"url": "oracle://x/y"}])
def test_contradictions_are_refused(given: dict[str, Any]) -> None:
    """Neither url nor pool, both, or a URL of an unknown kind is an error."""
    with pytest.raises(ValueError, match=r"database needs|known kind"):
        Database(**given)
