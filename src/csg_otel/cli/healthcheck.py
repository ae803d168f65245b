"""
``csg-otel healthcheck``: one line and an exit code for Docker, Kubernetes, Nagios and people.

Asks the running process; only where none listens at the default address, or with ``--app``, are the checks run here. Asking
imports neither OpenTelemetry nor psutil nor YAML, because probes run every few seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csg_otel import environment
from csg_otel.cli import health_output
from csg_otel.cli.health_output import PROBES

if TYPE_CHECKING:
    from collections.abc import Callable

    from csg_otel.health.execution import Execution
    from csg_otel.health.observer import HealthEvent

_MAX_BYTES = 4 * 1024 * 1024
_WATCH_S = 2.0


class _Unreachable(Exception):  # noqa: N818 - a finding, not an error of this program
    """Nobody answers, or not in the way the endpoint does; *silent* if nothing listens there at all."""

    def __init__(self, message: str, *, silent: bool = False) -> None:
        super().__init__(message)
        self.silent = silent


def register(subparsers: Any) -> None:
    """Add the command to *subparsers*."""
    parser = subparsers.add_parser(
        "healthcheck",
        help="tell by the exit code whether the program is well",
        description="Ask the running process how it is; where none listens at the default address, run the checks of the "
        "configuration here. Exit 0 if healthy or with warnings, 1 otherwise.",
        epilog="example: csg-otel healthcheck --group readiness --verbose",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", help="where the process serves its probes (default: http://127.0.0.1:8081)")
    where.add_argument("--app", metavar="MODULE:ATTR", help="import this and run its checks here, instead of asking")
    parser.add_argument("--group", choices=PROBES, default="overall", help="ask only this group (default: overall)")
    parser.add_argument("--check", action="append", default=[], metavar="NAME", help="ask only this check; repeatable")
    parser.add_argument("--verbose", "-v", action="store_true", help="one line for every check")
    parser.add_argument("--format", choices=health_output.FORMATS, default="text", help="what to print (default: text)")
    parser.add_argument("--timeout", type=_seconds, default=5.0, metavar="S", help="seconds in all (default: 5)")
    parser.add_argument(
        "--exit-style",
        choices=("docker", "nagios"),
        help="docker: 0 or 1; nagios: 0, 1, 2, 3 (default: docker, or nagios with that format)",
    )
    parser.add_argument(
        "--fail-on",
        choices=("critical", "warning", "unknown"),
        action="append",
        help="what makes the docker style exit 1; repeatable (default: critical and unknown)",
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="a token of security.api_auth, to see details")
    parser.add_argument(
        "--watch",
        nargs="?",
        type=_seconds,
        const=_WATCH_S,
        metavar="S",
        help="ask every S seconds (default: 2) until Ctrl-C",
    )
    parser.set_defaults(run=_run)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 3600 seconds")
    return seconds


def _run(options: argparse.Namespace) -> int:
    if options.exit_style is None:
        options.exit_style = "nagios" if options.format == "nagios" else "docker"
    if options.watch is None:
        text, code = health_output.tell(options, _find_out(options))
        print(text)
        return _leave(code) if options.app else code
    return _watch(options)


def _watch(options: argparse.Namespace) -> int:
    """Print a line whenever something has changed, until Ctrl-C; the exit code is that of the last answer."""
    last, code = "", 0
    try:
        while True:
            text, code = health_output.tell(options, _find_out(options))
            if text != last:
                print(time.strftime("%H:%M:%S"), text, flush=True)
            last = text
            time.sleep(options.watch)
    except KeyboardInterrupt:
        return _leave(code) if options.app else code


def _leave(code: int) -> int:
    """End at once: what a program of the user's has started must not keep a probe from ending."""
    sys.stdout.flush()
    os._exit(code)


def _find_out(options: argparse.Namespace) -> dict[str, Any]:
    """Return the answer about what *options* ask for."""
    deadline = time.monotonic() + options.timeout
    if options.app is not None:
        answer = _run_bounded(options, deadline)
    else:
        try:
            answer = _request(options, deadline)
        except _Unreachable as error:
            if options.url is not None or not error.silent:
                return {"state": "unknown", "output": str(error), "checks": {}}
            answer = _run_bounded(options, deadline)
    # A probe that fails while it has something to say of itself does not fail because of its checks.
    answer[health_output.WITHDRAWN] = answer.get("status") == "fail" and "output" in answer
    return health_output.narrowed(answer, options.check)


# -- asking ------------------------------------------------------------------------------------------------------------


def _default_url() -> str:
    variables = environment.snapshot()
    port = variables.get("PROMETHEUS_PORT") or variables.get("OTEL_EXPORTER_PROMETHEUS_PORT") or "8081"
    return f"http://127.0.0.1:{port}"


def _request(options: argparse.Namespace, deadline: float) -> dict[str, Any]:
    """Return the process's answer. Raises _Unreachable if there is none before *deadline*."""
    from csg_otel import net

    address = options.url or _default_url()
    try:
        url = net.parse(address)
    except ValueError:
        shown = address.rpartition("@")[2]  # without a password
        raise _Unreachable(f"{shown!r} is not an http or https URL (example: http://127.0.0.1:8081)") from None
    where = f"{url.host}:{url.port}"
    headers = _headers(options)
    left_s = max(0.01, deadline - time.monotonic())
    try:
        response = net.request(
            "GET", _probe_url(address, options.group), timeout_s=left_s, headers=headers, max_bytes=_MAX_BYTES
        )
    except TimeoutError:
        raise _Unreachable(f"{where} did not answer within {options.timeout:g} s") from None
    except OSError as error:
        why = error.strerror or (str(error) if isinstance(error, net.ProtocolError) else type(error).__name__)
        raise _Unreachable(f"{where}: {why}", silent=isinstance(error, ConnectionRefusedError)) from None
    try:
        answer = json.loads(response.body)
        if answer["state"] in health_output.MARKS:
            return dict(answer)
    except (ValueError, KeyError, TypeError):
        pass
    raise _Unreachable(
        f"{where} answers with HTTP {response.status}, but not as a health endpoint of csg_otel does; check --url"
    )


def _probe_url(address: str, group: str) -> str:
    """Return the URL of *group*'s probe; *address* as it is if it names a probe itself."""
    base = address.partition("?")[0].partition("#")[0].rstrip("/")
    return base if base.rsplit("/", 1)[-1] in PROBES.values() else f"{base}/{PROBES[group]}"


def _headers(options: argparse.Namespace) -> dict[str, str]:
    headers = {"Accept": "application/health+json"}
    if options.token_file is not None:
        try:
            token = options.token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise _Unreachable(f"{options.token_file}: {error.strerror}") from None
        except UnicodeDecodeError:
            token = ""
        # A user and password are encoded; a bearer token goes as it is (RFC 6750).
        if not token or not token.isprintable() or not (token.isascii() or ":" in token):
            raise _Unreachable(f"{options.token_file} is not a token: one line of ASCII, or user:password")
        if ":" in token:
            from base64 import b64encode

            headers["Authorization"] = f"Basic {b64encode(token.encode()).decode()}"
        else:
            headers["Authorization"] = f"Bearer {token}"
    return headers


# -- running the checks here -------------------------------------------------------------------------------------------


def _run_bounded(options: argparse.Namespace, deadline: float) -> dict[str, Any]:
    """Run the checks in this process and return the answer, at *deadline* at the latest, whatever hangs."""
    answers: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: answers.append(_run_here(options, deadline)), daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    late = {"state": "unknown", "output": f"no answer within {options.timeout:g} s", "checks": {}}
    return answers[0] if answers else late


def _run_here(options: argparse.Namespace, deadline: float) -> dict[str, Any]:
    """Run the checks of the configuration, and of the program with ``--app``, and answer as the endpoint would."""
    from dataclasses import replace

    from csg_otel.config import load
    from csg_otel.errors import CsgOtelError
    from csg_otel.health import HealthRegistry, builtin, report

    registry = HealthRegistry()
    try:
        if options.app is not None:
            registry = _registry_of(options.app)
        settings = load().config.health_monitoring
        left_s = max(0.05, deadline - time.monotonic() - 0.2)
        registry.configure(replace(settings, timeout=min(settings.timeout, left_s)), builtin.build(settings))
    except CsgOtelError as error:
        return {"state": "unknown", "output": str(error), "checks": {}}
    except BaseException as error:  # noqa: BLE001 - a program that can't be imported is a finding
        return {"state": "unknown", "output": f"{options.app}: {_why(error)}", "checks": {}}
    if options.verbose and options.format == "text":
        registry.observe(_ErrorPrinter())
    registry.run_all()
    reply = report.render(
        registry.snapshot(), PROBES[options.group], accept="application/health+json", show_details="always"
    )
    answer: dict[str, Any] = json.loads(reply.body)
    if options.app is None:
        answer["here"] = True
    return answer


class _ErrorPrinter:
    """An observer that prints the type and line of each exception whose message the answer withholds: there is no log here."""

    def run_check(self, execution: Execution, function: Callable[[], Any]) -> Any:  # noqa: ARG002 - the interface
        """Call *function*."""
        return function()

    def on_health_event(self, event: HealthEvent) -> None:
        """Print the unexpected error of a run."""
        from csg_otel.health import results

        execution = event.execution
        if execution is not None and execution.unexpected_error is not None:
            location = results.error_location(execution.unexpected_error)
            print(f"{execution.check.name}: {location}", file=sys.stderr)


def _why(error: BaseException) -> str:
    """Return what kind of error a program's import ended in, and its words only where they name code: others may be secret."""
    told = f": {error}" if isinstance(error, (ImportError, AttributeError)) else ""
    return f"it can't be loaded ({type(error).__name__}{told})"


def _registry_of(place: str) -> Any:
    """Import ``module:attr`` with telemetry switched off and return the registry with its checks."""
    from csg_otel.cli import target
    from csg_otel.health import HealthRegistry, default_registry

    found = target.load(place)
    return found if isinstance(found, HealthRegistry) else default_registry()
