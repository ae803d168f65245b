"""Observed recursion that reaches the recursion limit leaves nothing behind, and raises what it would raise unobserved."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import csg_otel
from support.capture import Captured

PROGRAM = """
import asyncio, json, sys
import csg_otel
from opentelemetry import context, trace

telemetry = csg_otel.instrument("s", exporters=[], health_monitoring__enabled=False, handle_signals=False)

class Boom(Exception):
    pass

@csg_otel.observe("deep")
def deep(n, last):
    if n == last:
        raise Boom
    return deep(n + 1, last)

@csg_otel.observe("steps")
def steps(n):
    yield from steps(n + 1)

@csg_otel.observe("waits")
async def waits(n):
    await waits(n + 1)

def block(n):
    with csg_otel.observe("block"):
        block(n + 1)

raised, current = {}, 0
def run(call):
    global current
    try:
        call()
    except BaseException as error:
        raised[type(error).__name__] = raised.get(type(error).__name__, 0) + 1
    current += trace.get_current_span().get_span_context().is_valid
    context.attach(context.Context())

usual = sys.getrecursionlimit()
calls = [lambda: deep(0, -1), lambda: next(steps(0)), lambda: waits(0).send(None), lambda: block(0)]
for limit in range(85, 97, 3):
    for call in calls:
        sys.setrecursionlimit(limit)
        run(call)
        sys.setrecursionlimit(usual)
recursions, raised = raised, {}
for last in range(8):  # one of the program's own exceptions, at every depth near the limit
    sys.setrecursionlimit(100)
    run(lambda: deep(0, last))
    sys.setrecursionlimit(usual)
active = {m["attributes"]["csg.operation.name"]: m["value"] for m in telemetry.metrics_snapshot()["metrics"]
          if m["name"] == "csg.operation.active"}
print(json.dumps([recursions, raised, current, active]))
"""


def test_the_recursion_limit_leaves_nothing_behind(tmp_path: Path) -> None:
    """Afterwards no operation is active and no span current; the program gets its own exceptions."""
    environment = {"XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, env=environment, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    recursions, raised, current, active = json.loads(done.stdout.splitlines()[-1])
    assert recursions == {"RecursionError": 16}
    assert raised.keys() <= {"Boom", "RecursionError"}
    assert raised["Boom"] >= 3
    assert current == 0
    assert active == {"deep": 0, "steps": 0, "waits": 0, "block": 0}


def test_the_stack_of_a_deep_recursion_is_recorded_by_its_last_frames(captured: Captured) -> None:
    """The ones next to the failure, as the SDK writes them; a stack of usual depth is whole."""

    @csg_otel.observe("deep")
    def deep(left: int) -> float:
        return deep(left - 1) if left else 1 / left

    for depth in (3, 200):
        with pytest.raises(ZeroDivisionError):
            deep(depth)
    whole, cut = (span for span in captured.spans if span.parent is None)
    stacks = [str((span.events[0].attributes or {})["exception.stacktrace"]) for span in (whole, cut)]
    recorded = [set(span.events[0].attributes or {}) for span in (whole, cut)]

    assert recorded[0] == recorded[1]
    assert [stack.splitlines()[0] for stack in stacks] == ["Traceback (most recent call last):"] * 2
    assert [stack.splitlines()[-1] for stack in stacks] == ["ZeroDivisionError: division by zero"] * 2
    assert "only the last" not in stacks[0]
    assert "[only the last 50 frames]" in stacks[1]
    assert all("return deep(left - 1) if left else 1 / left" in stack for stack in stacks)
