"""
The answers of the probes: a snapshot as text in the style of Kubernetes, or as ``application/health+json``. Pure.

Load balancers and kubelets rely on the status codes. Measurements and details are for authorised callers only. The JSON
format is draft-inadarei-api-health-check, with ``state`` beside its ``status``, because the draft has no word for UNKNOWN.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final, Literal

from csg_otel.categories import matches
from csg_otel.check_result import Range
from csg_otel.health.definition import OVERALL
from csg_otel.health.snapshot import CheckView, HealthSnapshot, aggregate
from csg_otel.lines import one_line
from csg_otel.privacy import active
from csg_otel.status import HealthStatus

GROUP_OF: Final = {"livez": "liveness", "readyz": "readiness", "startupz": "startup", "healthz": OVERALL}
TEXT: Final = "text/plain; charset=utf-8"
HEALTH_JSON: Final = "application/health+json"

_MARKS: Final = {
    HealthStatus.HEALTHY: "[+]",
    HealthStatus.WARNING: "[!]",
    HealthStatus.CRITICAL: "[-]",
    HealthStatus.UNKNOWN: "[?]",
}
_WORDS: Final = {
    HealthStatus.HEALTHY: "pass",
    HealthStatus.WARNING: "warn",
    HealthStatus.CRITICAL: "fail",
    HealthStatus.UNKNOWN: "fail",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Verdict:
    """The content of an answer, before it is formatted."""

    probe: str
    state: HealthStatus
    ok: bool
    views: tuple[CheckView, ...]
    note: str
    details: bool
    unknown: tuple[str, ...] = ()


def render(
    snapshot: HealthSnapshot,
    probe: str,
    *,
    check: str | None = None,
    verbose: bool = False,
    exclude: Iterable[str] = (),
    accept: str = "",
    authorized: bool = False,
    show_details: Literal["never", "authorized", "always"] = "authorized",
    shutting_down: bool = False,
) -> Reply:
    """
    Return the response to a probe.

    Args:
        snapshot: The state of all checks.
        probe: ``livez``, ``readyz``, ``startupz`` or ``healthz``.
        check: Name of a check, a category or its section, whose checks are answered for; by default all checks of the probe.
            An unknown name gives 404.
        verbose: Whether text lists the checks although the probe passes; text of a failed probe always does.
        exclude: Names of checks that do not count; none by default.
        accept: The request's ``Accept`` header; JSON if it names a JSON type, else text.
        authorized: Whether the caller is authorised; False by default.
        show_details: Who sees measurements and details; ``authorized`` callers by default.
        shutting_down: Whether the process is shutting down; False by default.
    """
    views = snapshot.members(GROUP_OF[probe])
    as_json = wants_json(accept)
    if check is not None:
        views = tuple(view for view in views if matches(check, view.name, view.category))
        if not views:
            problem = f"no check {check!r} in {probe}; /{probe}?verbose lists its checks"
            return (
                _json_reply(404, {"status": "fail", "output": problem}) if as_json else _text_reply(404, f"{problem}\n")
            )
    excluded = frozenset(exclude)
    counted = tuple(view for view in views if view.name not in excluded)
    state = aggregate(counted)
    note, ok = _decide(probe, state, snapshot, shutting_down)
    details = show_details == "always" or (show_details == "authorized" and authorized)
    unknown = tuple(sorted(excluded - {view.name for view in views}))
    verdict = _Verdict(f"{probe}/{check}" if check else probe, state, ok, counted, note, details, unknown)
    status = 200 if ok else 503
    if as_json:
        return _json_reply(status, _as_json(verdict, snapshot))
    return _text_reply(status, _as_text(verdict, verbose or check is not None))


def wants_json(accept: str) -> bool:
    """Return whether the header ``Accept`` names a JSON type; only JSON has the details of checks."""
    return "json" in accept


def _decide(probe: str, state: HealthStatus, snapshot: HealthSnapshot, shutting_down: bool) -> tuple[str, bool]:
    """Return the note beside the checks, which may be empty, and whether the probe passes."""
    if snapshot.bypass:
        return "health checks are switched off: the state is unknown", True
    if not snapshot.monitored:
        return "health monitoring is off (health_monitoring.enabled, ENABLE_HEALTH_MONITORING): no check runs", True
    reason = (
        "shutting down" if shutting_down else f"maintenance: {snapshot.maintenance}" if snapshot.maintenance else ""
    )
    if reason:
        return reason, probe in ("livez", "healthz")
    if probe == "livez":
        return "", state is not HealthStatus.CRITICAL
    return "", state in (HealthStatus.HEALTHY, HealthStatus.WARNING)


def _json_reply(status: int, content: dict[str, Any]) -> Reply:
    return Reply(status, HEALTH_JSON, json.dumps(content).encode())


def _text_reply(status: int, text: str) -> Reply:
    return Reply(status, TEXT, text.encode("utf-8", "backslashreplace"))


def _as_text(verdict: _Verdict, verbose: bool) -> str:
    lines = []
    if verbose or not verdict.ok:
        lines = [_line(view, verdict.details) for view in verdict.views]
    if verdict.unknown:
        lines.append(f"warn: not excluded, because this probe has no such check: {', '.join(verdict.unknown)}")
    if verdict.note:
        lines.append(verdict.note)
    if not lines:
        return "ok\n" if verdict.state is HealthStatus.HEALTHY else f"ok {verdict.state}\n"
    lines.append(f"{verdict.probe} check {'passed' if verdict.ok else 'failed'} ({verdict.state})")
    return "\n".join(lines) + "\n"


def _line(view: CheckView, details: bool) -> str:
    healthy = view.status is HealthStatus.HEALTHY
    line = f"{_MARKS[view.status]}{view.name} {'ok' if healthy else view.status}"
    shown = bool(view.result.message) and (details or not healthy)
    return f"{line}: {one_line(view.result.message)}" if shown else line


def _as_json(verdict: _Verdict, snapshot: HealthSnapshot) -> dict[str, Any]:
    content: dict[str, Any] = {
        "status": "fail" if not verdict.ok else "pass" if verdict.state is HealthStatus.HEALTHY else "warn",
        "state": verdict.state.value,
        "probe": verdict.probe,
        "checks": {view.name: [_check_as_json(view, verdict.details)] for view in verdict.views},
    }
    if snapshot.bypass or not snapshot.monitored:
        content["bypass"] = True
    if verdict.note:
        content["output"] = verdict.note
    return content


def _check_as_json(view: CheckView, details: bool) -> dict[str, Any]:
    result = view.result
    check: dict[str, Any] = {
        "status": _WORDS[view.status],
        "state": view.status.value,
        "componentType": view.category,
        "critical": view.critical,
        "output": result.message,
    }
    if result.timestamp:
        check["time"] = datetime.fromtimestamp(result.timestamp, timezone.utc).isoformat(timespec="milliseconds")
        check["responseTimeMs"] = round(result.response_time_ms, 3)
    if not details:
        return check
    if result.details:
        shown = {str(key): _plain(value) for key, value in result.details.items()}
        check["details"] = active.scrubber().mapping(shown)  # again: values have become text
    if result.measurements:
        first = result.measurements[0]
        check["observedValue"], check["observedUnit"] = _plain(first.value), first.unit
        check["measurements"] = [
            {
                key: str(value) if isinstance(value := getattr(measured, key), Range) else _plain(value)
                for key in ("name", "value", "unit", "warning", "critical", "minimum", "maximum")
                if getattr(measured, key) is not None
            }
            for measured in result.measurements
        ]
    return check


def _plain(value: Any) -> Any:
    """Return *value* in a form that JSON has: NaN and infinity become null, an unknown type its text."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [_plain(item) for item in value]
    return str(value)
