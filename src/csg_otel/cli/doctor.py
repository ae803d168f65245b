"""``csg-otel doctor``: what stands between this program and its telemetry, and what to do about each thing."""

from __future__ import annotations

import os
import platform
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from csg_otel import net
from csg_otel.config import Config, load
from csg_otel.errors import ConfigError, HealthDefinitionError
from csg_otel.exporters.otlp import sender
from csg_otel.health import builtin

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_PACKAGES = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-exporter-otlp", "prometheus-client", "psutil")
_OLDEST_SDK = (1, 45)
_REACH_S = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at; ``cure`` is empty when it is well."""

    what: str
    seen: str
    cure: str = ""


def register(subparsers: Any) -> None:
    """Add the command to *subparsers*."""
    parser = subparsers.add_parser(
        "doctor",
        help="look for what keeps telemetry from working",
        description="Check versions, configuration, ports, exporters, permissions and the fork model; exit 1 if "
        "something needs attention.",
        epilog="example: csg-otel doctor monitoring_config.yaml",
    )
    parser.add_argument("file", nargs="?", help="the configuration file (default: as instrument() finds it)")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    ailing = 0
    for finding in examine(options.file):
        ailing += bool(finding.cure)
        print(f"{'!!' if finding.cure else 'ok'}  {finding.what:<14} {finding.seen}")
        if finding.cure:
            print(f"    {'':<14} -> {finding.cure}")
    print(f"\n{ailing} thing{'s' if ailing != 1 else ''} to look at" if ailing else "\nall well")
    return 1 if ailing else 0


def examine(file: str | None) -> Iterator[Finding]:
    """Yield everything that was looked at, well or not."""
    yield Finding("python", f"{platform.python_version()} on {platform.system()} {platform.release()}")
    yield from _versions()
    yield from _globals()
    try:
        config = load(file).config
        builtin.build(config.health_monitoring)
    except (ConfigError, HealthDefinitionError) as error:
        yield Finding("configuration", f"{len(error.problems)} problems", "csg-otel config check")
        return
    yield Finding("configuration", "loads")
    yield from _port(config)
    yield from _exporters(config)
    yield from _clock()
    yield from _permissions(config)
    yield from _fork_model()


def _versions() -> Iterator[Finding]:
    for package in _PACKAGES:
        try:
            found = version(package)
        except PackageNotFoundError:
            yield Finding(package, "not installed", "pip install csg-otel installs all it needs")
            continue
        old = package == "opentelemetry-sdk" and tuple(int(part) for part in found.split(".")[:2]) < _OLDEST_SDK
        yield Finding(package, found, "older than tested: pip install -U opentelemetry-sdk" if old else "")


def _globals() -> Iterator[Finding]:
    distros = [entry.name for entry in entry_points(group="opentelemetry_distro") if entry.name != "csg_otel"]
    yield Finding(
        "distributions",
        ", ".join(distros) or "none besides this one",
        "two distributions set the same global providers; uninstall one" if distros else "",
    )


def _port(config: Config) -> Iterator[Finding]:
    endpoint = config.system_monitoring.prometheus
    with socket.socket(socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((endpoint.host, endpoint.port))
        except OSError as error:
            yield Finding(
                "port",
                f"{endpoint.host}:{endpoint.port} {error.strerror}",
                "fine if it is the program itself; else set PROMETHEUS_PORT, 0 takes a free one",
            )
            return
    yield Finding("port", f"{endpoint.host}:{endpoint.port} is free")


def _exporters(config: Config) -> Iterator[Finding]:
    for settings in config.exporters.otlp:
        if not settings.enabled:
            continue
        where = sender.endpoint(settings)
        parts = urlsplit(where if "://" in where else f"//{where}")
        port = parts.port or (443 if parts.scheme == "https" else 4317)
        try:
            net.connect(parts.hostname or "localhost", port, time.monotonic() + _REACH_S).close()
        except OSError as error:
            yield Finding(settings.name, f"{where}: {error}", "is the collector running, and is the address right?")
        else:
            yield Finding(settings.name, f"{where} accepts connections")


def _clock() -> Iterator[Finding]:
    year = time.gmtime().tm_year
    yield Finding(
        "clock",
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "backends refuse telemetry this old; set the clock" if year < 2025 else "",
    )


def _permissions(config: Config) -> Iterator[Finding]:
    directory = config.exporters.spool.directory or tempfile.gettempdir()
    writable = os.access(directory, os.W_OK)
    yield Finding(
        "directory", f"{directory} is {'writable' if writable else 'not writable'}", "" if writable else "chmod"
    )


def _fork_model() -> Iterator[Finding]:
    servers = [name for name in ("gunicorn", "uwsgi", "celery") if _installed(name)]
    seen = f"{', '.join(servers)} installed; " if servers else ""
    yield Finding(
        "fork model",
        f"{seen}pid {os.getpid()}, {len(os.sched_getaffinity(0)) if sys.platform == 'linux' else os.cpu_count()} CPUs; "
        "call instrument() in each worker or before the fork, both work, and one scrape shows all workers",
    )


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
