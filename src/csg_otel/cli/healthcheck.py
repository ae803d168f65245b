"""
``csg-otel healthcheck``: one line and an exit code for Docker, Kubernetes, Nagios and users.

Requests the state from the running process, at the address in the configuration or in ``--url``; ``--local`` and ``--app`` run
the checks here. A request imports neither OpenTelemetry nor psutil, and with ``--url`` no YAML, because probes run every few
seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from csg_otel import clocks
from csg_otel.cli import endpoint, health_output
from csg_otel.cli.arguments import add_config, add_timeout, seconds
from csg_otel.cli.health_output import PROBES
from csg_otel.errors import CsgOtelError
from csg_otel.lines import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from csg_otel.config import Config, Loaded
    from csg_otel.health.execution import Execution
    from csg_otel.health.observer import HealthEvent

_MAX_BYTES = 4 * 1024 * 1024
"""More than an endpoint sends for thousands of checks."""
_WATCH_S = 2.0


class _UnreachableError(CsgOtelError):
    """The state is unknown, because there is no answer of a health endpoint."""


class _RefusedError(_UnreachableError):
    """The server runs, and refuses this client because of its certificate."""


def register(subparsers: Any) -> None:
    """Add the command to *subparsers*."""
    parser = subparsers.add_parser(
        "healthcheck",
        help="check whether the program is healthy, by the exit code",
        description="Request the state of the running process, at the address in the configuration. Exit 0 if healthy or with "
        "warnings, 1 otherwise, also if no process answers.",
        epilog="example: csg-otel healthcheck --group readiness --verbose",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", help="address of the probes (default: host and port in the configuration)")
    where.add_argument("--local", action="store_true", help="run the checks of the configuration here")
    where.add_argument("--app", metavar="MODULE:ATTR", help="import this program and run its checks here")
    add_config(parser)
    parser.add_argument("--group", choices=PROBES, default="overall", help="check only this group (default: overall)")
    parser.add_argument(
        "--check",
        action="append",
        default=[],
        metavar="NAME",
        help="report only this check, or this category; repeatable",
    )
    parser.add_argument("--verbose", "-v", action="store_true", help="print one line for every check")
    parser.add_argument("--format", choices=health_output.FORMATS, default="text", help="output format (default: text)")
    add_timeout(parser, 5.0, "for everything")
    parser.add_argument(
        "--exit-style",
        choices=("docker", "nagios"),
        help="docker: 0 or 1; nagios: 0, 1, 2, 3 (default: docker, or nagios with that format)",
    )
    parser.add_argument(
        "--fail-on",
        choices=("critical", "warning", "unknown"),
        action="append",
        help="states in which the docker style exits 1; repeatable (default: critical and unknown)",
    )
    endpoint.add_token(parser, "to see details")
    parser.add_argument(
        "--watch",
        nargs="?",
        type=seconds,
        const=_WATCH_S,
        metavar="S",
        help="repeat every S seconds (default: 2) until Ctrl-C",
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.exit_style is None:
        options.exit_style = "nagios" if options.format == "nagios" else "docker"
    if options.watch is None:
        text, code = health_output.render(options, answer_of(options))
        print(text)
        return _exit(code) if options.app else code
    return _watch(options)


def _watch(options: argparse.Namespace) -> int:
    """Print a line for every change until Ctrl-C; the exit code is that of the last answer."""
    last, code = "", 0
    try:
        while True:
            text, code = health_output.render(options, answer_of(options))
            if text != last:
                print(time.strftime("%H:%M:%S"), text, flush=True)
            last = text
            time.sleep(options.watch)
    except KeyboardInterrupt:
        return _exit(code) if options.app else code


def _exit(code: int) -> int:
    """End the process at once: threads that the user's program has started must not keep a probe running."""
    sys.stdout.flush()
    os._exit(code)


def answer_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the answer of the process, or of the checks run here, reduced to the checks in *options*."""
    deadline = clocks.monotonic() + options.timeout
    if options.app is not None or options.local:
        answer = _run_bounded(options, deadline)
    elif options.url is not None:
        answer = _requested(options, options.url, deadline)
    else:
        answer = _configured(options, deadline)
    # If the answer of a failing probe has an output, its checks are not the reason; maintenance, for example, is.
    if answer.get("status") == "fail" and "output" in answer:
        answer[health_output.FAILS] = True
    return health_output.narrowed(answer, options.check)


def no_answer(reason: str) -> dict[str, Any]:
    """Return the answer where there is none: it fails whatever states ``--fail-on`` names."""
    return {"state": "unknown", "output": reason, "checks": {}, health_output.FAILS: True}


# -- the request to the process ----------------------------------------------------------------------------------------


def _configured(options: argparse.Namespace, deadline: float) -> dict[str, Any]:
    """Return the answer of the process at the address in the configuration; where health checks are off, none is needed."""
    from csg_otel.config import load_lenient

    loaded = load_lenient(options.config, unset_secrets=True)
    try:
        return _request(options, endpoint.url(loaded.config), deadline, loaded.config)
    except CsgOtelError as error:
        health = loaded.config.health_monitoring
        if health.bypass or not health.enabled:
            return {"state": "unknown", "output": f"health checks are switched off; {error}", "bypass": True}
        return {
            **no_answer(f"{error}{_mistakes(loaded)}"),
            health_output.REFUSES: isinstance(error, _RefusedError),
        }


def _mistakes(loaded: Loaded) -> str:
    """Return a hint at the problems of the configuration, because of which the address may be another."""
    if not loaded.problems:
        return ""
    return f" (the configuration has mistakes, see csg-otel config check; the first: {loaded.problems[0]})"


def _requested(options: argparse.Namespace, address: str, deadline: float) -> dict[str, Any]:
    """Return the answer of the process at *address*."""
    try:
        return _request(options, address, deadline)
    except CsgOtelError as error:
        return no_answer(str(error))


def _request(
    options: argparse.Namespace, address: str, deadline: float, config: Config | None = None
) -> dict[str, Any]:
    """Return the process's answer at *address*. Raises CsgOtelError if there is none before *deadline*."""
    from csg_otel import net

    try:
        url = net.parse(address)
    except ValueError:
        shown = address.partition("?")[0].rpartition("@")[2]  # what is no URL has no part that `net.addresses` can show
        raise _UnreachableError(f"{shown!r} is not an http or https URL (example: http://127.0.0.1:8081)") from None
    where = f"{url.host}:{url.port}"
    headers = endpoint.authorization(options.token_file, config, address)
    remaining_s = max(0.01, deadline - clocks.monotonic())
    try:
        response = net.request(
            "GET",
            _probe_url(address, options.group),
            timeout_s=remaining_s,
            headers={"Accept": "application/health+json", **headers},
            max_bytes=_MAX_BYTES,
            tls=endpoint.tls(options, config, address),
            direct=True,  # a probe asks the program beside it, and must not depend on a proxy
        )
    except TimeoutError:
        raise _UnreachableError(f"{where} did not answer within {options.timeout:g} s") from None
    except OSError as error:
        why = error.strerror or (str(error) if isinstance(error, net.ProtocolError) else type(error).__name__)
        if problem := net.client_certificate_problem(error):
            raise _RefusedError(f"{where}: {problem}") from None
        advice = "; start the program, give its address with --url, or run its checks here with --local"
        raise _UnreachableError(f"{where}: {why}{'' if options.url else advice}") from None
    try:
        answer = json.loads(response.body)
        if answer["state"] in health_output.MARKS:
            return dict(answer)
    except (ValueError, KeyError, TypeError):
        pass
    raise _UnreachableError(
        f"{where} answers with HTTP {response.status}, but not as a health endpoint of csg_otel does; check --url"
    )


def _probe_url(address: str, group: str) -> str:
    """Return the URL of *group*'s probe; *address* as it is if it names a probe itself."""
    base = address.partition("?")[0].partition("#")[0].rstrip("/")
    return base if base.rsplit("/", 1)[-1] in PROBES.values() else f"{base}/{PROBES[group]}"


# -- running the checks here -------------------------------------------------------------------------------------------


def _run_bounded(options: argparse.Namespace, deadline: float) -> dict[str, Any]:
    """Run the checks in this process and return the answer, before *deadline* even if a check or an import hangs."""
    from csg_otel.threads import OwnThread

    answers: list[dict[str, Any]] = []
    thread = OwnThread(
        lambda: answers.append(_run_here(options, deadline)), name="csg-otel-check-here", runs_program=True
    )
    thread.start()
    thread.join(max(0.0, deadline - clocks.monotonic()))
    if answers:
        return answers[0]
    return no_answer(f"no answer within {options.timeout:g} s")


def _run_here(options: argparse.Namespace, deadline: float) -> dict[str, Any]:
    """Run the checks of the configuration, and with ``--app`` those of the program; return the endpoint's answer to them."""
    from dataclasses import replace

    from csg_otel.config import load
    from csg_otel.health import HealthRegistry, builtin, report

    registry = HealthRegistry()
    try:
        if options.app is not None:
            registry = _registry_of(options.app)
        settings = load(options.config).config.health_monitoring
        if not settings.enabled:
            return {"state": "unknown", "output": "health checks are switched off; none was run", "bypass": True}
        remaining_s = max(0.05, deadline - clocks.monotonic() - 0.2)
        registry.configure(replace(settings, timeout=min(settings.timeout, remaining_s)), builtin.build(settings))
    except CsgOtelError as error:
        return no_answer("; ".join(str(error).splitlines()))
    except BaseException as error:  # noqa: BLE001 - a program that can't be imported is a result
        return no_answer(f"{options.app}: {_why(error)}")
    if options.verbose and options.format == "text":
        registry.observe(_ErrorPrinter())
    registry.run_all()
    reply = report.render(
        registry.snapshot(), PROBES[options.group], accept="application/health+json", show_details="always"
    )
    answer: dict[str, Any] = json.loads(reply.body)
    return answer


class _ErrorPrinter:
    """An observer that prints each exception whose message the answer withholds: there is no log here."""

    def run_check(self, execution: Execution, function: Callable[[], Any]) -> Any:  # noqa: ARG002 - the interface
        """Call *function*."""
        return function()

    def on_health_event(self, event: HealthEvent) -> None:
        """Print the unexpected error of a run."""
        from csg_otel.health import results

        execution = event.execution
        if execution is not None and execution.unexpected_error is not None:
            reason = results.error_reason(execution.unexpected_error)
            print(one_line(f"{execution.check.name}: {reason}"), file=sys.stderr)


def _why(error: BaseException) -> str:
    """Return the reason of a failed import: the type of *error*, and its message if that names code; others may be secret."""
    message = f": {error}" if isinstance(error, (ImportError, AttributeError)) else ""
    return f"it can't be loaded ({type(error).__name__}{message})"


def _registry_of(reference: str) -> Any:
    """Import ``module:attr`` with telemetry switched off and return the registry with its checks."""
    from csg_otel.cli import target
    from csg_otel.health import HealthRegistry, default_registry

    loaded = target.load(reference)
    return loaded if isinstance(loaded, HealthRegistry) else default_registry()
