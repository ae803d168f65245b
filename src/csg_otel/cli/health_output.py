"""
The output and exit code of ``csg-otel healthcheck``: an answer as a line, as JSON, or in the form of a Nagios plugin. Pure.

Docker reserves exit code 2, so the docker style uses 0 and 1 only. The Nagios style uses the four codes of its guidelines.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from csg_otel.categories import matches
from csg_otel.cli.counted import counted
from csg_otel.lines import one_line
from csg_otel.status import HealthStatus, worst

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

FORMATS: Final = ("text", "json", "health+json", "nagios")
PROBES: Final = {"overall": "healthz", "liveness": "livez", "readiness": "readyz", "startup": "startupz"}
MARKS: Final = {"healthy": "+", "warning": "!", "critical": "-", "unknown": "?"}

REFUSES: Final = "refuses"
"""The key of an answer whose server runs and refuses this client; it is not printed either."""

FAILS: Final = "fails"
"""Key that is true if the probe fails whatever its checks are: no process answers, maintenance, shutdown, no such check."""

_NAGIOS_WORDS: Final = {"healthy": "OK", "warning": "WARNING", "critical": "CRITICAL", "unknown": "UNKNOWN"}
_NAGIOS_UNITS: Final = {"%": "%", "s": "s", "By": "B"}
_NAGIOS_BYTES: Final = 4096
"""Longest output in bytes without ``--verbose``: the limit of the plugin guidelines; Nagios may cut longer output."""


def narrowed(answer: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return *answer* reduced to the checks *names*; unchanged without names or checks."""
    checks = answer.get("checks", {})
    if not names or not checks:
        return answer
    matching = {
        name: {check for check, results in checks.items() if matches(name, check, results[0].get("componentType", ""))}
        for name in names
    }
    selected = {check: results for check, results in checks.items() if any(check in each for each in matching.values())}
    state = worst(HealthStatus(results[0]["state"]) for results in selected.values()).value
    answer = {**answer, "checks": selected, "state": state}
    if missing := [name for name, selection in matching.items() if not selection]:
        output = f"no check {', '.join(map(repr, missing))}; --verbose lists the checks"
        answer.update({"state": "unknown", "output": output, FAILS: True})
    return answer


def render(options: argparse.Namespace, answer: dict[str, Any]) -> tuple[str, int]:
    """Return the text to print about *answer*, and the exit code."""
    to_text = {"text": _text, "json": _json, "health+json": _health_json, "nagios": _nagios}[options.format]
    return to_text(options, answer), _exit_code(options, answer)


def _exit_code(options: argparse.Namespace, answer: dict[str, Any]) -> int:
    if answer.get("bypass"):
        return 0
    if options.exit_style == "nagios":
        return HealthStatus(answer["state"]).code
    return int(answer.get(FAILS, False) or answer["state"] in (options.fail_on or ("critical", "unknown")))


def _checks(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: results[0] for name, results in answer.get("checks", {}).items()}


def _summary(answer: dict[str, Any]) -> str:
    checks = _checks(answer)
    parts = [answer["output"]] if answer.get("output") else []
    parts += [f"{name} {_state_and_output(check)}" for name, check in checks.items() if check["state"] != "healthy"]
    if not parts:
        parts = [f"{counted(len(checks), 'check')} passed" if checks else "no checks"]
    return "; ".join(parts)


def _state_and_output(check: dict[str, Any]) -> str:
    return f"{check['state'].upper()}: {check['output']}" if check.get("output") else check["state"].upper()


def _text(options: argparse.Namespace, answer: dict[str, Any]) -> str:
    lines = [f"{answer['state'].upper()}: {_summary(answer)}"]
    if options.verbose:
        lines += [
            f"  [{MARKS[check['state']]}] {name:<28} {check['state'].upper():<8} {check.get('output', '')}".rstrip()
            for name, check in _checks(answer).items()
        ]
    return "\n".join(map(one_line, lines))


def _health_json(_options: argparse.Namespace, answer: dict[str, Any]) -> str:
    """Return the answer in the form of the endpoint: ``application/health+json``."""
    return json.dumps({key: value for key, value in answer.items() if key not in (FAILS, REFUSES)}, indent=2)


def _json(options: argparse.Namespace, answer: dict[str, Any]) -> str:
    """Return the answer for scripts: state, exit code, and each check's state and message by name."""
    checks = {
        name: {"state": check["state"], "message": check.get("output", ""), "category": check.get("componentType")}
        | {key: check[key] for key in ("time", "responseTimeMs", "details", "measurements") if key in check}
        for name, check in _checks(answer).items()
    }
    summary = {"state": answer["state"], "message": _summary(answer), "exit_code": _exit_code(options, answer)}
    return json.dumps({**summary, "checks": checks}, indent=2)


# -- Nagios ------------------------------------------------------------------------------------------------------------


def _nagios(options: argparse.Namespace, answer: dict[str, Any]) -> str:
    """
    Return status line, performance data and, with ``--verbose``, one line per check.

    Monitoring plugins development guidelines: ``WORD: text|'label'=value[unit];warning;critical;minimum;maximum``. Without
    ``--verbose``, measurements beyond 4,096 bytes of output are left out.
    """
    line = f"{_NAGIOS_WORDS[answer['state']]}: {_plain(_summary(answer))}"
    check_lines = [
        f"[{MARKS[check['state']]}] {name} {_plain(_state_and_output(check))}"
        for name, check in _checks(answer).items()
    ]
    data = list(_performance(_checks(answer)))
    if options.verbose:
        return "\n".join([f"{line}|{' '.join(data)}" if data else line, *check_lines])
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
    """Return *text* without bars and line breaks, which end a status line."""
    return " ".join(one_line(text.replace("|", "/")).split())


def _performance(checks: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the measurements of each check; its run time if the endpoint shows no measurements."""
    for name, check in checks.items():
        measurements = check.get("measurements", ())
        for measurement in measurements:
            label = name if measurement["name"] == name else f"{name} {measurement['name']}"
            limits = (measurement.get(key, "") for key in ("warning", "critical", "minimum", "maximum"))
            unit = _NAGIOS_UNITS.get(measurement.get("unit", ""), "")
            yield _datum(label, measurement["value"], unit, *limits)
        if not measurements and "responseTimeMs" in check:
            yield _datum(f"{name} time", check["responseTimeMs"] / 1000, "s", "", "", 0, "")


def _datum(label: str, value: float | None, unit: str, *limits: Any) -> str:
    """Return one item of performance data; *limits* are warning, critical, minimum and maximum, empty text for none."""
    escaped = label.replace("'", "''").replace("=", ":").replace("|", "/")
    limit_fields = ";".join(limit if isinstance(limit, str) else _decimal(limit) for limit in limits).rstrip(";")
    value_field = f"{_decimal(value)}{unit}" if value is not None else "U"
    return f"'{escaped}'={value_field}" + (f";{limit_fields}" if limit_fields else "")


def _decimal(value: float) -> str:
    """Return *value* without an exponent: the guidelines allow digits, a sign and a point."""
    digits = f"{value:.10f}".rstrip("0").rstrip(".")
    return "0" if digits == "-0" else digits
