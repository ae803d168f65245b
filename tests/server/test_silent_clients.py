"""Clients that connect and say nothing, or only the beginning: pages stay quick, and nothing of the clients stays behind."""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from support.authority import Authority
from support.programs import Program, eventually
from support.victim import IDLE_SERVER, TESTS

SOURCE = """
import json, sys, time
import csg_otel

config = json.loads(sys.argv[1])
telemetry = csg_otel.instrument("quiet", exporters=["prometheus"], config=config, health_monitoring__enabled=False)
print(telemetry.url, telemetry.dashboard_url or "-", flush=True)
sys.stdin.readline()
began = time.monotonic()
telemetry.shutdown()
print(time.monotonic() - began, telemetry.config.exporters.shutdown_timeout, flush=True)
"""
TOKEN = "4f9c2b7a1d"
ATTEMPTS = 3
LIMIT_MS = 100.0


class Times(NamedTuple):
    """Milliseconds of pages, and of a plain server's answers meanwhile, both in order."""

    pages: list[float]
    others: list[float]

    def at(self, share: float) -> tuple[float, float]:
        """Return the value that *share* of the pages, and of the others, do not reach."""
        return self.pages[int(share * len(self.pages))], self.others[int(share * len(self.others))]

    def are_quick(self, quiet: Times, share: float) -> bool:
        """Return whether pages take less than 100 ms or three times what they take otherwise, and what the machine adds."""
        page, other = self.at(share)
        return page < max(LIMIT_MS, 3 * quiet.at(share)[0]) + 2 * other


class Usage(NamedTuple):
    """What a program uses: threads, descriptors, and megabytes of memory."""

    threads: int
    descriptors: int
    memory_mb: float


class Quiet:
    """A program, and the pages of one of its servers."""

    def __init__(self, program: Program, url: str, paths: list[str], context: ssl.SSLContext | None, idle: int) -> None:
        self._program, self._context, self._idle = program, context, idle
        self.port = urlsplit(url).port or 0
        self._paths = paths

    def _page_ms(self, path: str) -> float:
        """Return the milliseconds of one page on a new connection."""
        began = time.monotonic()
        if self._context is None:
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        else:
            client = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=self._context)
        client.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        response = client.getresponse()
        assert (response.status, response.read() != b"") == (200, True), path
        client.close()
        return 1000 * (time.monotonic() - began)

    def _other_ms(self) -> float:
        """Return the milliseconds of a request to a server that does nothing else."""
        began = time.monotonic()
        client = http.client.HTTPConnection("127.0.0.1", self._idle, timeout=20)
        client.request("GET", "/")
        client.getresponse().read()
        client.close()
        return 1000 * (time.monotonic() - began)

    def times(self, count: int, every_s: float) -> Times:
        """Return the times of *count* requests, one each *every_s* seconds."""
        times = Times([], [])
        for number in range(count):
            due = time.monotonic() + every_s
            times.pages.append(self._page_ms(self._paths[number % len(self._paths)]))
            times.others.append(self._other_ms())
            time.sleep(max(0.0, due - time.monotonic()))
        return Times(*map(sorted, times))

    def usage(self) -> Usage:
        """Return what the program uses now."""
        folder = Path(f"/proc/{self._program.process.pid}")
        (threads,) = re.findall(r"Threads:\s+(\d+)", (folder / "status").read_text())
        pages = int((folder / "statm").read_text().split()[1])
        return Usage(int(threads), len(list((folder / "fd").iterdir())), pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


@contextmanager
def served(server: str, tmp_path: Path) -> Iterator[tuple[Program, Quiet, list[str]]]:
    """Run a program; yield it, its *server*, and the arguments of its silent clients."""
    authority = Authority(tmp_path)
    is_dashboard, tls = server.startswith("8081"), server.endswith("TLS")
    security: dict[str, Any] = {"api_auth": {"enabled": True, "tokens": ["${QUIET_TOKEN}"]}}
    config = {"dashboard": {"enabled": is_dashboard}, "security": security | (authority.settings() if tls else {})}
    folders = [tmp_path / name for name in ("program", "idle")]
    for folder in folders:
        folder.mkdir()
    command = [sys.executable, "-c", SOURCE, json.dumps(config)]
    with (
        Program(command, folders[0], {"QUIET_TOKEN": TOKEN}) as program,
        Program(IDLE_SERVER, folders[1]) as idle,
    ):
        url, dashboard_url = program.line().split()
        paths = ["/", "/api/v1/status"] if is_dashboard else ["/metrics"]
        context = authority.client() if tls else None
        quiet = Quiet(program, dashboard_url if is_dashboard else url, paths, context, int(idle.line()))
        quiet.times(5, 0.0)
        yield program, quiet, [str(quiet.port), "tls" if tls else "plain", str(authority.ca_file)]


@contextmanager
def silent_clients(arguments: list[str], folder: Path, idle: int = 1000) -> Iterator[Program]:
    """Run the silent clients, *idle* idle ones and a fifth as many that stop halfway; all are there."""
    folder.mkdir()
    command = [sys.executable, "-m", "support.silent_clients", *arguments, str(idle)]
    with Program(command, folder, {"PYTHONPATH": str(TESTS)}) as clients:
        clients.line_with("attacking")
        yield clients


def test_silent_clients_keep_no_client_waiting(tmp_path: Path) -> None:
    """Over TLS: most pages are as quick as before, no thread is added, and the program ends within its time limit."""
    with served("8080 TLS", tmp_path) as (program, quiet, arguments):
        before, calm = quiet.usage(), quiet.times(20, 0.0)
        with silent_clients(arguments, tmp_path / "clients", 300):
            attacked = [quiet.times(20, 0.0)]
            while not attacked[-1].are_quick(calm, 0.5) and len(attacked) < ATTEMPTS:  # the machine was busy
                attacked.append(quiet.times(20, 0.0))
            threads = quiet.usage().threads
            program.go_on()
            took_s, limit_s = map(float, program.line().split())

    assert attacked[-1].are_quick(calm, 0.5), (calm, attacked)
    assert threads <= before.threads + 2  # those that collect, and look at the certificate, come and go
    assert took_s < limit_s


@pytest.mark.slow
@pytest.mark.parametrize("server", ["8080 plain", "8080 TLS", "8081 plain", "8081 TLS"])
def test_silent_clients_make_no_page_slow(server: str, tmp_path: Path) -> None:
    """1,000 idle clients, 200 that stop halfway, one silent after its hello: 99 of 100 pages take less than 100 ms."""
    with served(server, tmp_path) as (program, quiet, arguments):
        calm = quiet.times(200, 0.1)
        before, lines = quiet.usage(), len(program.stderr.splitlines())
        with silent_clients(arguments, tmp_path / "clients") as clients:
            attacked = [quiet.times(500, 0.1)]
            during = [quiet.usage()]
            while not attacked[-1].are_quick(calm, 0.99) and len(attacked) < ATTEMPTS:  # the machine was busy
                attacked.append(quiet.times(500, 0.1))
                during.append(quiet.usage())
            clients.go_on()
            began = time.monotonic()
            eventually(lambda: quiet.usage().descriptors <= before.descriptors, within_s=55)
            closed_s = time.monotonic() - began
            after = quiet.usage()
        logged = program.stderr.splitlines()[lines:]
        with silent_clients(arguments, tmp_path / "more_clients"):
            program.go_on()
            took_s, limit_s = map(float, program.line().split())

    print(f"\n{server}: milliseconds of a page, of a plain server meanwhile; program")
    for name, times, usage in [
        ("calm", calm, before),
        *(("silent clients", *each) for each in zip(attacked, during, strict=True)),
    ]:
        (middle, _), (most, other), page_max = times.at(0.5), times.at(0.99), times.pages[-1]
        print(
            f"  {name:14} p50 {middle:5.1f}  p99 {most:5.1f}  max {page_max:6.1f}  plain p99 {other:5.1f}  "
            f"threads {usage.threads}  descriptors {usage.descriptors:3}  memory {usage.memory_mb:.1f} MB"
        )
    print(
        f"  after          all closed in {closed_s:.1f} s, {after}, {len(logged)} log lines, shutdown in {took_s:.2f} s"
    )
    assert attacked[-1].are_quick(calm, 0.99), (calm, attacked)
    assert max(usage.threads for usage in during) <= before.threads + 2
    assert during[-1].descriptors <= before.descriptors + 128 + 8
    assert after.memory_mb - before.memory_mb < 30
    assert len(logged) <= 5, logged
    assert took_s < limit_s
