"""
``csg-otel healthcheck``: one line and an exit code for Docker, Kubernetes and people.

Asks the running process; only where none listens at the default address are the checks run here. Asking imports neither
OpenTelemetry nor psutil nor YAML, because probes run every few seconds.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from csg_otel import environment
from csg_otel.status import HealthStatus

if TYPE_CHECKING:
    from types import FrameType

_PROBES = {"overall": "healthz", "liveness": "livez", "readiness": "readyz", "startup": "startupz"}
_MOST_BYTES = 4 * 1024 * 1024
_MARKS = {"healthy": "+", "warning": "!", "critical": "-", "unknown": "?"}


class _Unreachable(Exception):  # noqa: N818 - a finding, not an error of this program
    """Nobody answers, or not in the way the endpoint does."""


def register(subparsers: Any) -> None:
    """Add the command to *subparsers*."""
    parser = subparsers.add_parser(
        "healthcheck",
        help="tell by the exit code whether the program is well",
        description="Ask the running process how it is; where none listens at the default address, run the checks of the "
        "configuration here. Exit 0 if healthy or with warnings, 1 otherwise.",
        epilog="example: csg-otel healthcheck --group readiness --verbose",
    )
    parser.add_argument("--url", help="where the process serves its probes (default: http://127.0.0.1:8081)")
    parser.add_argument("--group", choices=_PROBES, default="overall", help="ask only this group (default: overall)")
    parser.add_argument("--check", action="append", default=[], metavar="NAME", help="ask only this check; repeatable")
    parser.add_argument("--verbose", "-v", action="store_true", help="one line for every check")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="what to print (default: text)")
    parser.add_argument("--timeout", type=_seconds, default=5.0, metavar="S", help="seconds in all (default: 5)")
    parser.add_argument(
        "--exit-style", choices=("docker", "nagios"), default="docker", help="docker: 0 or 1; nagios: 0, 1, 2, 3"
    )
    parser.add_argument(
        "--fail-on",
        choices=("critical", "warning", "unknown"),
        action="append",
        help="what makes the docker style exit 1; repeatable (default: critical and unknown)",
    )
    parser.set_defaults(run=_run)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 3600 seconds")
    return seconds


def _run(options: argparse.Namespace) -> int:
    deadline = time.monotonic() + options.timeout
    try:
        answer = _ask(options, deadline)
    except _Unreachable as error:
        if options.url is not None:
            return _say(options, "unknown", {"state": "unknown", "output": str(error), "checks": {}})
        answer = _run_here(options, deadline)
    checks = answer.get("checks", {})
    missing = [name for name in options.check if name not in checks]
    if options.check:
        answer["checks"] = {name: found for name, found in checks.items() if name in options.check}
        answer["state"] = _worst([found[0]["state"] for found in answer["checks"].values()])
    if missing:
        answer.update(state="unknown", output=f"no check {', '.join(map(repr, missing))}")
    return _say(options, answer["state"], answer)


# -- asking ------------------------------------------------------------------------------------------------------------


def _default_url() -> str:
    variables = environment.snapshot()
    port = variables.get("PROMETHEUS_PORT") or variables.get("OTEL_EXPORTER_PROMETHEUS_PORT") or "8081"
    return f"http://127.0.0.1:{port}"


def _ask(options: argparse.Namespace, deadline: float) -> dict[str, Any]:
    """Return the process's answer; raises _Unreachable if there is none by *deadline*."""
    from http.client import HTTPConnection, HTTPException, HTTPSConnection
    from urllib.parse import urlsplit

    parts = urlsplit(options.url or _default_url())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _Unreachable(f"{options.url!r} is not an http or https URL")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    path = parts.path.rstrip("/")
    path = path if path.rsplit("/", 1)[-1] in _PROBES.values() else f"{path}/{_PROBES[options.group]}"
    where = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    with _Alarm(deadline - time.monotonic()):
        try:
            connection = kind(parts.hostname, parts.port, timeout=max(0.01, deadline - time.monotonic()))
            connection.request("GET", path, headers={"Accept": "application/health+json"})
            body = connection.getresponse().read(_MOST_BYTES)
            connection.close()
        except TimeoutError:
            raise _Unreachable(f"{where} did not answer within {options.timeout:g} s") from None
        except (OSError, HTTPException) as error:
            raise _Unreachable(f"{where}: {getattr(error, 'strerror', None) or type(error).__name__}") from None
    try:
        answer = json.loads(body)
        if answer["state"] in _MARKS:
            return dict(answer)
    except (ValueError, KeyError, TypeError):
        pass
    raise _Unreachable(f"{where} answers, but not as a health endpoint does")


class _Alarm:
    """Raise TimeoutError in the block when *seconds* have passed, however slowly the peer sends."""

    def __init__(self, seconds: float) -> None:
        self._seconds = max(0.01, seconds)

    def __enter__(self) -> None:
        if hasattr(signal, "setitimer"):
            self._before = signal.signal(signal.SIGALRM, self._ring)
            signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    def __exit__(self, *_error: object) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)


def _run_here(options: argparse.Namespace, deadline: float) -> dict[str, Any]:
    """Run the checks of the configuration in this process and answer as the endpoint would."""
    from dataclasses import replace

    from csg_otel.config import load
    from csg_otel.errors import CsgOtelError
    from csg_otel.health import HealthRegistry, builtin, report

    try:
        settings = load().config.health_monitoring
        left_s = max(0.05, deadline - time.monotonic() - 0.2)
        own = [
            replace(one, timeout_s=min(one.timeout_s or settings.timeout, left_s)) for one in builtin.build(settings)
        ]
        registry = HealthRegistry()
        registry.configure(settings, own)
    except CsgOtelError as error:
        return {"state": "unknown", "output": str(error), "checks": {}}
    registry.run_all()
    reply = report.render(
        registry.snapshot(), _PROBES[options.group], accept="application/health+json", show_details="always"
    )
    answer: dict[str, Any] = json.loads(reply.body)
    answer["here"] = True
    return answer


# -- saying ------------------------------------------------------------------------------------------------------------


def _worst(states: list[str]) -> str:
    from csg_otel.status import worst

    return worst(map(HealthStatus, states)).value


def _say(options: argparse.Namespace, state: str, answer: dict[str, Any]) -> int:
    print(json.dumps(answer, indent=2) if options.format == "json" else "\n".join(_lines(options, state, answer)))
    if answer.get("bypass"):
        return 0
    if options.exit_style == "nagios":
        return HealthStatus(state).code
    return int(state in (options.fail_on or ("critical", "unknown")))


def _lines(options: argparse.Namespace, state: str, answer: dict[str, Any]) -> list[str]:
    checks = {name: found[0] for name, found in answer.get("checks", {}).items()}
    wrong = {name: check for name, check in checks.items() if check["state"] != "healthy"}
    told = [answer["output"]] if answer.get("output") else []
    told += [f"{name} {check['state'].upper()}{_because(check)}" for name, check in wrong.items()]
    if not told:
        told = [f"{len(checks)} check{'s' if len(checks) != 1 else ''} passed" if checks else "no checks"]
    if answer.get("here"):
        told.append("checked here, because no process answers")
    lines = [f"{state.upper()}: {'; '.join(told)}"]
    if options.verbose:
        lines += [
            f"  [{_MARKS[check['state']]}] {name:<28} {check['state'].upper():<8} {check.get('output', '')}".rstrip()
            for name, check in checks.items()
        ]
    return [line.encode(sys.stdout.encoding or "utf-8", "backslashreplace").decode() for line in lines]


def _because(check: dict[str, Any]) -> str:
    return f": {check['output']}" if check.get("output") else ""
