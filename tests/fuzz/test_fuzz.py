"""Hostile bytes cost an answer, never a crash: a few thousand inputs in every run, a million in `make test-slow`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz import targets
from fuzz.mutations import Target, crashes

IN_PROCESS: dict[str, tuple[Callable[[Path], Target], int, int]] = {
    # what makes the target, inputs in every run, inputs in `make test-slow`
    "yaml": (lambda _: targets.yaml_text(), 1500, 100_000),
    "config": (targets.config, 150, 20_000),
    "tokens": (lambda _: targets.tokens(), 2000, 300_000),
    "cookies": (lambda _: targets.cookies(), 2000, 280_000),
    "spool": (targets.segments, 2000, 80_000),
    "scrubber": (lambda _: targets.scrubber(), 400, 40_000),
    "otlp": (lambda _: targets.otlp(), 2000, 180_000),
}
RELAY_INPUTS, RELAY_SLOW_INPUTS = 300, 20_000


@pytest.mark.parametrize("name", IN_PROCESS)
def test_no_input_crashes_a_reader(name: str, tmp_path: Path) -> None:
    """Thousands of changed inputs raise nothing that is not declared, take no second, and keep no memory."""
    make, count, _ = IN_PROCESS[name]

    assert crashes(make(tmp_path), count, seed=14) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_PROCESS)
def test_none_of_a_million_inputs_crashes_a_reader(name: str, tmp_path: Path) -> None:
    """The same for a million inputs, shared among the readers."""
    make, _, count = IN_PROCESS[name]

    assert crashes(make(tmp_path), count, seed=2026) == []


@pytest.mark.parametrize(
    "count", [RELAY_INPUTS, pytest.param(RELAY_SLOW_INPUTS, marks=pytest.mark.slow)], ids=["short", "long"]
)
def test_no_request_stops_the_relay(count: int) -> None:
    """After any request, however broken, the relay answers the next one."""
    with targets.served_relay() as url:
        assert crashes(targets.relay(url), count, seed=14) == []


def test_the_fuzzer_sees_a_crash() -> None:
    """An exception that is not declared, a wrong answer and a slow input are reported with the bytes that cause them."""

    def run(data: bytes) -> None:
        if b"!" in data:
            raise KeyError("x")

    lines = crashes(Target(run, (b"abc",), (b"!",)), 500, seed=1)

    assert lines
    assert all("KeyError" in line and "!" in line for line in lines)
    assert crashes(Target(run, (b"abc",), (b"!",), (KeyError,)), 500, seed=1) == []
