"""``csg-otel doctor``: an examination of the machine and the configuration, with the remedy for each problem."""

from __future__ import annotations

import errno
import json
import os
import platform
import shlex
import socket
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from csg_otel import clocks, environment, net
from csg_otel.cli import endpoint, health_output, served
from csg_otel.cli.counted import counted
from csg_otel.config import Config, load_lenient
from csg_otel.config.consistency import PRODUCTION
from csg_otel.config.presets import otlp_destinations
from csg_otel.errors import HealthDefinitionError
from csg_otel.exporters import datadog, pushgateway
from csg_otel.exporters.build import NO_SPOOL_FOLDER, spool_folder
from csg_otel.exporters.otlp import sender
from csg_otel.health import builtin
from csg_otel.lines import one_line
from csg_otel.net import addresses, proxies
from csg_otel.pipeline import self_test

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_PACKAGES = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-proto", "opentelemetry-exporter-prometheus")
_OLDEST_SDK = (1, 45)
_NEIGHBOURS = ("ddtrace", "langfuse", "logfire", "newrelic", "opentelemetry-distro", "sentry-sdk", "traceloop-sdk")
_DDTRACE_PROVIDER = "DD_TRACE_OTEL_ENABLED"
"""The variable with which ddtrace sets OpenTelemetry's tracer provider."""
_CONNECT_S = 2.0
"""Seconds to wait for a collector: a reachable one accepts within milliseconds."""
_PORT_REMEDIES = {
    errno.EADDRINUSE: "stop the program that listens there, or set PROMETHEUS_PORT (0 takes a free port)",
    errno.EACCES: "this user may not listen at this port: set PROMETHEUS_PORT to one above 1023",
}
_DEFAULT_PORTS = {"http": 80, "https": 443}
"""An address without a scheme is a gRPC server's."""
_OLDEST_YEAR = 2025
"""A clock before this year is wrong, and backends refuse telemetry that is years old."""


@dataclass(frozen=True)
class Finding:
    """The result for one subject; *remedy* is empty where there is no problem."""

    subject: str
    result: str
    remedy: str = ""


def register(subparsers: Any) -> None:
    """Add the command to *subparsers*."""
    parser = subparsers.add_parser(
        "doctor",
        help="find what keeps telemetry from working",
        description="Check versions, configuration, ports, exporters, permissions and the fork model, and print the "
        "remedy for each problem. Exit 1 if there is one.",
        epilog="example: csg-otel doctor monitoring_config.yaml",
    )
    parser.add_argument("file", nargs="?", help="the configuration file (default: as instrument() finds it)")
    for option, text in (
        ("--client-cert", "certificate of this client, where the program wants one"),
        ("--client-key", "its key"),
    ):
        parser.add_argument(option, metavar="FILE", help=text)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    problems = 0
    for finding in examine(options.file, options.client_cert, options.client_key):
        problems += bool(finding.remedy)
        print(one_line(f"{'!!' if finding.remedy else 'ok'}  {finding.subject:<27} {finding.result}"))
        if finding.remedy:
            print(one_line(f"    {'':<27} -> {finding.remedy}"))
    print(f"\n{counted(problems, 'problem')} to solve" if problems else "\nno problems")
    return 1 if problems else 0


def examine(file: str | None, client_cert: str | None = None, client_key: str | None = None) -> Iterator[Finding]:
    """
    Yield the result for every subject.

    Args:
        file: The configuration (default: as ``instrument()`` finds it).
        client_cert: The certificate to show to a running program.
        client_key: Its key; None if it is in the same file.
    """
    yield Finding("python", f"{platform.python_version()} on {platform.system()} {platform.release()}")
    yield from _versions()
    yield from _neighbours()
    loaded = load_lenient(file)
    config, problems = loaded.config, loaded.problems
    try:
        builtin.build(config.health_monitoring)
    except HealthDefinitionError as error:
        problems = (*problems, *error.problems)
    if problems:
        result = f"{counted(len(problems), 'problem')}, the first: {problems[0]}"
        command = " ".join(["csg-otel config check", *map(shlex.quote, filter(None, [loaded.file or file]))])
        yield Finding("configuration", result, f"see all with: {command}")
        return
    warnings = (
        f"; {counted(len(loaded.warnings), 'warning')}, the first: {loaded.warnings[0]}" if loaded.warnings else ""
    )
    yield Finding("configuration", f"no mistakes{warnings}")
    yield _fast_path(config)
    yield from _scrubbing(config)
    yield from _access(config)
    yield from _port(config, client_cert, client_key)
    yield from _exporters(config)
    yield from _clock()
    yield from _permissions(config)
    yield from _fork_model()


def _versions() -> Iterator[Finding]:
    for package in _PACKAGES:
        try:
            installed = version(package)
        except PackageNotFoundError:
            yield Finding(package, "not installed", "install it with the rest: pip install csg-otel")
            continue
        old = package == "opentelemetry-sdk" and tuple(int(part) for part in installed.split(".")[:2]) < _OLDEST_SDK
        yield Finding(package, installed, "older than tested: pip install -U opentelemetry-sdk" if old else "")


def _neighbours() -> Iterator[Finding]:
    """Yield the telemetry of others that may run in the same process, and what keeps a signal from this package."""
    installed = [name for name in _NEIGHBOURS if _installed(name)]
    result = f"{', '.join(installed)} installed; what holds in one process: docs/neighbours.md" if installed else "none"
    yield Finding("other telemetry", result)
    if environment.snapshot().get(_DDTRACE_PROVIDER, "").lower() in ("1", "true"):
        yield Finding(
            "ddtrace",
            f"{_DDTRACE_PROVIDER} is set: its tracer provider accepts no exporter, so spans do not reach csg_otel",
            f"unset {_DDTRACE_PROVIDER}, or call csg_otel.instrument() before ddtrace is imported",
        )


def _fast_path(config: Config) -> Finding:
    """Return whether measurements can be added up before the SDK gets them."""
    if not config.performance.fast_path:
        return Finding("fast path", "off, by performance.fast_path")
    if problem := self_test.problem():
        remedy = "all telemetry arrives, only slower: use a version of OpenTelemetry that this release was tested with"
        return Finding("fast path", f"not with this OpenTelemetry SDK: {problem}", remedy)
    return Finding("fast path", "works with this OpenTelemetry SDK")


def _scrubbing(config: Config) -> Iterator[Finding]:
    settings = config.scrubbing
    if settings.enabled:
        off = [*settings.disabled_rules, *([] if settings.personal_data else ["personal data"])]
        engine = "with hyperscan" if _installed("hyperscan") else "in pure Python"
        yield Finding("scrubbing", f"on, {engine}" + (f"; off: {', '.join(off)}" if off else ""))
        return
    is_production = (config.service.environment or "").lower() in PRODUCTION
    remedy = (
        "set scrubbing.enabled to true; scrubbing.disabled_rules switches single rules off" if is_production else ""
    )
    yield Finding("scrubbing", "off: secrets leave as they are", remedy)


def _access(config: Config) -> Iterator[Finding]:
    """Yield whether the endpoints have TLS, and whether the dashboard is open to other machines."""
    tls = config.security.tls
    if problem := served.tls_problem(config):
        yield Finding("tls", problem, "give files that can be read and belong together; until then nothing is served")
    elif tls.cert:
        yield Finding("tls", f"with {tls.cert}" + (f", client certificates {tls.client_auth}" if tls.client_ca else ""))
    if exposure := served.open_dashboard(config):
        yield Finding("dashboard", *exposure)


def _port(config: Config, client_cert: str | None, client_key: str | None) -> Iterator[Finding]:
    settings = config.system_monitoring.prometheus
    if not (settings.enabled or config.health_monitoring.enabled):
        yield Finding("port", "none: system_monitoring.prometheus and health_monitoring are off")
        return
    where = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE and _answers_as_csg_otel(config, client_cert, client_key):
            yield Finding("port", f"{where} is in use by a running program with csg_otel")
        else:
            remedy = _PORT_REMEDIES.get(
                error.errno or 0, "set system_monitoring.prometheus.host to an address of this machine"
            )
            if config.security.tls.client_ca and not client_cert:
                remedy = f"to see whether it is a program with csg_otel, give --client-cert; else {remedy}"
            yield Finding("port", f"{where}: {error.strerror or error}", remedy)
    else:
        yield Finding("port", f"{where} is free")


def _answers_as_csg_otel(config: Config, client_cert: str | None, client_key: str | None) -> bool:
    """Return whether the server at the configured address answers as the health endpoints of this package do."""
    address = f"{endpoint.url(config)}/healthz"
    accept = {"Accept": "application/health+json"}
    try:
        # Nothing is sent that is secret, and the certificate is for the names by which other machines reach the program.
        tls = net.tls_context(None, client_cert, client_key, verifies=False) if config.security.tls.cert else None
        response = net.request("GET", address, timeout_s=_CONNECT_S, headers=accept, direct=True, tls=tls)
        return json.loads(response.body)["state"] in health_output.MARKS
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _exporters(config: Config) -> Iterator[Finding]:
    variables = environment.snapshot()
    for name, target, protocol in _addresses(config):
        address = net.grpc_target(target)
        shown = addresses.shown(address)
        try:
            parts = urlsplit(address if "://" in address else f"//{address}")
            server = net.parse_grpc(address if parts.scheme else f"http://{address}")
            host, port = server.host, parts.port or _DEFAULT_PORTS.get(parts.scheme, 4317)
            is_grpc = protocol == "grpc" or not parts.scheme
            proxy = (proxies.for_grpc if is_grpc else proxies.for_http)(server, variables)
            if proxy is not None:
                shown, host, port = f"{shown} through the proxy {proxy}", proxy.host, proxy.port
            net.connect(host, port, clocks.monotonic() + _CONNECT_S).close()
        except (OSError, ValueError) as error:
            yield Finding(
                name, f"{shown}: {error}", "is its server running, and is the address right (http://host:port)?"
            )
        else:
            yield Finding(name, f"{shown} accepts connections")


def _addresses(config: Config) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the address and the protocol of every destination that has a server."""
    destinations = [*otlp_destinations(config)]
    if config.exporters.datadog.enabled:
        destinations.append(datadog.as_otlp(config.exporters.datadog))
    for settings in destinations:
        yield settings.name, sender.endpoint(settings), settings.protocol
    if config.integrations.prometheus.enabled:
        yield pushgateway.NAME, pushgateway.address(config.integrations.prometheus), "http"


def _clock() -> Iterator[Finding]:
    year = time.gmtime().tm_year
    yield Finding(
        "clock",
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "the clock is wrong, and backends refuse old telemetry: set it" if year < _OLDEST_YEAR else "",
    )


def _permissions(config: Config) -> Iterator[Finding]:
    if not config.exporters.spool.enabled:
        yield Finding("spool", "off")
        return
    if (folder := spool_folder(config.exporters.spool.directory)) is None:
        yield Finding("spool", "off", NO_SPOOL_FOLDER)
        return
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.access(path, os.F_OK))
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        yield Finding("spool", f"{folder} is writable" if nearest == folder.absolute() else f"{folder} can be created")
    else:
        remedy = f"let this user write to {nearest}, or set exporters.spool.directory to another directory"
        yield Finding("spool", f"{nearest} is not a writable directory", remedy)


def _fork_model() -> Iterator[Finding]:
    servers = [name for name in ("gunicorn", "uwsgi", "celery") if _installed(name)]
    installed = f"{', '.join(servers)} installed; " if servers else ""
    cpus = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    yield Finding(
        "fork model",
        f"{installed}{cpus} CPUs; call instrument() in each worker or before the fork; one scrape shows all workers",
    )


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
