"""
What the probes answer: a snapshot as the text Kubernetes shows or as ``application/health+json``. Pure.

The status codes are the contract with load balancers and kubelets; what a check measured is for the authorised only.
Format: draft-inadarei-api-health-check, with ``state`` beside its ``status``, because UNKNOWN has no word there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final, Literal

from csg_otel.health.definition import OVERALL
from csg_otel.health.snapshot import CheckView, HealthSnapshot, aggregate
from csg_otel.status import HealthStatus, Range

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
    """An HTTP answer."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is said, before it is put into words."""

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
    Answer *probe* (``livez``, ``readyz``, ``startupz`` or ``healthz``), or one *check* of it.

    Checks named in *exclude* don't count. JSON is sent where *accept* asks for it, else text; text lists the checks when
    *verbose* or when something is wrong. Details are shown as *show_details* says.
    """
    views = snapshot.members(GROUP_OF[probe])
    as_json = "json" in accept
    if check is not None:
        views = tuple(view for view in views if view.name == check)
        if not views:
            return _reply(404, as_json, {"status": "fail", "output": f"no check {check!r}"}, f"no check {check!r}\n")
    excluded = frozenset(exclude)
    kept = tuple(view for view in views if view.name not in excluded)
    state = aggregate(kept)
    note, ok = _verdict(probe, state, snapshot, shutting_down)
    details = show_details == "always" or (show_details == "authorized" and authorized)
    unknown = tuple(sorted(excluded - {view.name for view in views}))
    answer = _Answer(f"{probe}/{check}" if check else probe, state, ok, kept, note, details, unknown)
    return _reply(
        200 if ok else 503, as_json, _as_json(answer, snapshot), _as_text(answer, verbose or check is not None)
    )


def _verdict(probe: str, state: HealthStatus, snapshot: HealthSnapshot, shutting_down: bool) -> tuple[str, bool]:
    """Return what is to be said besides the checks, and whether the probe passes."""
    if snapshot.bypass:
        return "health checks are switched off; this is no verdict", True
    reason = (
        "shutting down" if shutting_down else f"maintenance: {snapshot.maintenance}" if snapshot.maintenance else ""
    )
    if reason:
        return reason, probe in ("livez", "healthz")
    if probe == "livez":
        return "", state is not HealthStatus.CRITICAL
    return "", state in (HealthStatus.HEALTHY, HealthStatus.WARNING)


def _reply(status: int, as_json: bool, found: dict[str, Any], text: str) -> Reply:
    if as_json:
        return Reply(status, HEALTH_JSON, json.dumps(found).encode())
    return Reply(status, TEXT, text.encode("utf-8", "backslashreplace"))


def _as_text(answer: _Answer, verbose: bool) -> str:
    lines = []
    if verbose or not answer.ok:
        lines = [_line(view, answer.details) for view in answer.views]
    if answer.unknown:
        lines.append(f"warn: not excluded, because no such check is here: {', '.join(answer.unknown)}")
    if answer.note:
        lines.append(answer.note)
    if not lines:
        return "ok\n" if answer.state is HealthStatus.HEALTHY else f"ok {answer.state}\n"
    lines.append(f"{answer.probe} check {'passed' if answer.ok else 'failed'} ({answer.state})")
    return "\n".join(lines) + "\n"


def _line(view: CheckView, details: bool) -> str:
    if view.status is HealthStatus.HEALTHY:
        said = f"{_MARKS[view.status]}{view.name} ok"
        return f"{said}: {_one_line(view.result.message)}" if details and view.result.message else said
    said = f"{_MARKS[view.status]}{view.name} {view.status}"
    return f"{said}: {_one_line(view.result.message)}" if view.result.message else said


def _one_line(message: str) -> str:
    """Return *message* without line breaks and control characters: each check has one line."""
    return "".join(c if c.isprintable() else " " for c in message)


def _as_json(answer: _Answer, snapshot: HealthSnapshot) -> dict[str, Any]:
    found: dict[str, Any] = {
        "status": "fail" if not answer.ok else "pass" if answer.state is HealthStatus.HEALTHY else "warn",
        "state": answer.state.value,
        "probe": answer.probe,
        "checks": {view.name: [_entry(view, answer.details)] for view in answer.views},
    }
    if snapshot.bypass:
        found["bypass"] = True
    if answer.note:
        found["output"] = answer.note
    return found


def _entry(view: CheckView, details: bool) -> dict[str, Any]:
    result = view.result
    entry: dict[str, Any] = {
        "status": _WORDS[view.status],
        "state": view.status.value,
        "componentType": view.category,
        "critical": view.critical,
        "output": result.message,
    }
    if result.timestamp:
        entry["time"] = datetime.fromtimestamp(result.timestamp, timezone.utc).isoformat(timespec="milliseconds")
        entry["responseTimeMs"] = round(result.response_time_ms, 3)
    if not details:
        return entry
    if result.details:
        entry["details"] = {str(key): _plain(value) for key, value in result.details.items()}
    if result.measurements:
        first = result.measurements[0]
        entry["observedValue"], entry["observedUnit"] = _plain(first.value), first.unit
        entry["measurements"] = [
            {
                key: str(found) if isinstance(found := getattr(measured, key), Range) else _plain(found)
                for key in ("name", "value", "unit", "warning", "critical", "minimum", "maximum")
                if getattr(measured, key) is not None
            }
            for measured in result.measurements
        ]
    return entry


def _plain(value: Any) -> Any:
    """Return *value* as JSON can say it: what is no number (NaN) or has no end is null there."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [_plain(item) for item in value]
    return str(value)
