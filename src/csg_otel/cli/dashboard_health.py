"""``csg-otel dashboard --mode health``: the output and exit code of ``csg-otel healthcheck``, also by a dashboard's address."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from csg_otel.cli import attach, health_output, healthcheck
from csg_otel.errors import CsgOtelError

if TYPE_CHECKING:
    from csg_otel.dashboard.model import CheckRow, HealthPage, Status

_HEALTHCHECK: Final = {
    "exit_style": "docker",
    "fail_on": None,
    "group": "overall",
    "check": (),
    "timeout": 10.0,
    "local": False,
    "app": None,
    "verbose": True,
}
"""The options of ``csg-otel healthcheck``."""


def run(options: argparse.Namespace) -> int:
    """Print the state of every check, and return the exit code."""
    chosen = argparse.Namespace(**{**vars(options), **_HEALTHCHECK, "format": "json" if options.json else "text"})
    if options.url is not None:
        answer = _by_dashboard(options)
    else:
        answer = healthcheck.answer_of(chosen)
        if "status" not in answer and not answer.get(health_output.REFUSES):  # no program runs
            chosen.local = True
            answer = healthcheck.answer_of(chosen)
    text, code = health_output.render(chosen, answer)
    print(text)
    return code


def _by_dashboard(options: argparse.Namespace) -> dict[str, Any]:
    """Return the answer of the dashboard at ``--url``."""
    try:
        program = attach.source(options)
        return _answer(program.get("health"), program.get("status"))
    except CsgOtelError as error:
        return healthcheck.no_answer(str(error))


def _answer(page: HealthPage, status: Status) -> dict[str, Any]:
    """Return documents of a dashboard as the health endpoint answers."""
    answer: dict[str, Any] = {
        "state": page["overall"],
        "checks": {row["name"]: [_check(row)] for row in page["checks"]},
    }
    if status["bypass"] or not status["monitored"]:
        answer["bypass"] = True
    if status["maintenance"]:
        answer["output"] = f"maintenance: {status['maintenance']}"
    return answer


def _check(row: CheckRow) -> dict[str, Any]:
    check: dict[str, Any] = {"state": row["status"], "output": row["message"], "componentType": row["category"]}
    if row["duration_ms"] is not None:
        check["responseTimeMs"] = row["duration_ms"]
    if row["measurements"]:
        check["measurements"] = [
            {key: value for key, value in measured.items() if key != "attributes" and value is not None}
            for measured in row["measurements"]
        ]
    return check
