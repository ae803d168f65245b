"""
What ``csg-otel healthcheck`` prints and exits with: an answer as a line, as JSON, or as a Nagios plugin would. Pure.

Docker reserves exit code 2, so the docker style has 0 and 1 alone; the Nagios style has the four of the plugin guidelines.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from csg_otel.status import HealthStatus, worst

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

FORMATS: Final = ("text", "json", "health+json", "nagios")
PROBES: Final = {"overall": "healthz", "liveness": "livez", "readiness": "readyz", "startup": "startupz"}
MARKS: Final = {"healthy": "+", "warning": "!", "critical": "-", "unknown": "?"}

WITHDRAWN: Final = "withdrawn"
"""Key of an answer whose probe fails for another reason than its checks: in maintenance, shutting down."""

_NAGIOS_WORDS: Final = {"healthy": "OK", "warning": "WARNING", "critical": "CRITICAL", "unknown": "UNKNOWN"}
_NAGIOS_UNITS: Final = {"%": "%", "s": "s", "By": "B"}
_NAGIOS_BYTES: Final = 4096


def narrowed(answer: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return *answer* about the checks *names* alone; as it is if there are none."""
    checks = answer.get("checks", {})
    if not names or not checks:
        return answer
    kept = {name: found for name, found in checks.items() if name in names}
    state = worst(HealthStatus(found[0]["state"]) for found in kept.values()).value
    answer = {**answer, "checks": kept, "state": state}
    if missing := [name for name in names if name not in checks]:
        answer.update(state="unknown", output=f"no check {', '.join(map(repr, missing))}")
    return answer


def tell(options: argparse.Namespace, answer: dict[str, Any]) -> tuple[str, int]:
    """Return what to print about *answer*, and the exit code."""
    style = {"text": _text, "json": _json, "health+json": _health_json, "nagios": _nagios}[options.format]
    text = style(options, answer).encode(sys.stdout.encoding or "utf-8", "backslashreplace").decode()
    return text, _exit_code(options, answer)


def _exit_code(options: argparse.Namespace, answer: dict[str, Any]) -> int:
    if answer.get("bypass"):
        return 0
    if options.exit_style == "nagios":
        return HealthStatus(answer["state"]).code
    return int(answer.get(WITHDRAWN, False) or answer["state"] in (options.fail_on or ("critical", "unknown")))


def _checks(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: found[0] for name, found in answer.get("checks", {}).items()}


def _summary(answer: dict[str, Any]) -> str:
    checks = _checks(answer)
    told = [answer["output"]] if answer.get("output") else []
    told += [f"{name} {_said(check)}" for name, check in checks.items() if check["state"] != "healthy"]
    if not told:
        told = [f"{len(checks)} check{'s' if len(checks) != 1 else ''} passed" if checks else "no checks"]
    if answer.get("here"):
        told.append("checked here, because no process answers")
    return "; ".join(told)


def _said(check: dict[str, Any]) -> str:
    return f"{check['state'].upper()}: {check['output']}" if check.get("output") else check["state"].upper()


def _text(options: argparse.Namespace, answer: dict[str, Any]) -> str:
    lines = [f"{answer['state'].upper()}: {_summary(answer)}"]
    if options.verbose:
        lines += [
            f"  [{MARKS[check['state']]}] {name:<28} {check['state'].upper():<8} {check.get('output', '')}".rstrip()
            for name, check in _checks(answer).items()
        ]
    return "\n".join(lines)


def _health_json(_options: argparse.Namespace, answer: dict[str, Any]) -> str:
    """Return the answer as the endpoint gave it: ``application/health+json``."""
    return json.dumps({key: value for key, value in answer.items() if key not in ("here", WITHDRAWN)}, indent=2)


def _json(options: argparse.Namespace, answer: dict[str, Any]) -> str:
    """Return the answer for scripts: state, exit code, and each check's state and message by name."""
    checks = {
        name: {"state": check["state"], "message": check.get("output", ""), "category": check.get("componentType")}
        | {key: check[key] for key in ("time", "responseTimeMs", "details", "measurements") if key in check}
        for name, check in _checks(answer).items()
    }
    found = {"state": answer["state"], "message": _summary(answer), "exit_code": _exit_code(options, answer)}
    return json.dumps({**found, "checks": checks}, indent=2)


# -- Nagios ------------------------------------------------------------------------------------------------------------


def _nagios(options: argparse.Namespace, answer: dict[str, Any]) -> str:
    """
    Return status line, performance data and, with ``--verbose``, a line a check.

    Monitoring plugins development guidelines: ``WORD: text|'label'=value[unit];warning;critical;minimum;maximum``. What
    measured would go beyond 4,096 bytes is left out, unless all of it was asked for.
    """
    line = f"{_NAGIOS_WORDS[answer['state']]}: {_plain(_summary(answer))}"
    more = [f"[{MARKS[check['state']]}] {name} {_plain(_said(check))}" for name, check in _checks(answer).items()]
    data = list(_performance(_checks(answer)))
    if options.verbose:
        return "\n".join([f"{line}|{' '.join(data)}" if data else line, *more])
    line = line.encode()[: _NAGIOS_BYTES // 2].decode("utf-8", "ignore")
    room = _NAGIOS_BYTES - len(line.encode()) - 2
    kept: list[str] = []
    for item in data:
        room -= len(item.encode()) + 1
        if room < 0:
            break
        kept.append(item)
    return f"{line}|{' '.join(kept)}" if kept else line


def _plain(text: str) -> str:
    """Return *text* without what ends a status line: the bar and line breaks."""
    return " ".join(text.replace("|", "/").split())


def _performance(checks: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield what each check measured; where the endpoint shows no measurements, how long it took."""
    for name, check in checks.items():
        measurements = check.get("measurements", ())
        for measured in measurements:
            label = name if measured["name"] == name else f"{name} {measured['name']}"
            limits = (measured.get(key, "") for key in ("warning", "critical", "minimum", "maximum"))
            unit = _NAGIOS_UNITS.get(measured.get("unit", ""), "")
            yield _datum(label, measured["value"], unit, *limits)
        if not measurements and "responseTimeMs" in check:
            yield _datum(f"{name} time", check["responseTimeMs"] / 1000, "s", "", "", 0, "")


def _datum(label: str, value: float | None, unit: str, *limits: Any) -> str:
    shown = label.replace("'", "''").replace("=", ":").replace("|", "/")
    rest = ";".join(limit if isinstance(limit, str) else _decimal(limit) for limit in limits).rstrip(";")
    told = f"{_decimal(value)}{unit}" if value is not None else "U"
    return f"'{shown}'={told}" + (f";{rest}" if rest else "")


def _decimal(value: float) -> str:
    """Return *value* without an exponent: the guidelines allow digits, a sign and a point."""
    told = f"{value:.10f}".rstrip("0").rstrip(".")
    return "0" if told == "-0" else told
