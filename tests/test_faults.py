"""Faults inside telemetry: said once when they start, once when they are over, counted, and kept from the program."""

from __future__ import annotations

import logging
import uuid

import pytest

from csg_otel import faults


def test_a_fault_is_logged_once_and_counted_always(caplog: pytest.LogCaptureFixture) -> None:
    """One line at the start however often it happens, one when it is over, and again when it comes back."""
    component = uuid.uuid4().hex
    with caplog.at_level(logging.WARNING, "csg_otel"):
        for _ in range(3):
            faults.report(component, "no")
        faults.recovered(component)
        faults.recovered(component)
        faults.report(component, "again")

    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(";")[0] for line in lines] == [
        f"fault in telemetry ({component}): no",
        f"fault in telemetry ({component}) is over",
        f"fault in telemetry ({component}): again",
    ]
    assert faults.counts()[component] == 4


def test_what_is_contained_is_described_even_if_it_can_not_be(caplog: pytest.LogCaptureFixture) -> None:
    """An exception whose text raises is a fault like any other."""

    class Rude(Exception):
        def __str__(self) -> str:
            raise ValueError

    component = uuid.uuid4().hex
    try:
        raise Rude
    except Rude:
        faults.contain(component)

    assert f"({component}): Rude" in caplog.text


def test_in_strict_mode_faults_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see what production contains."""
    monkeypatch.setattr(faults, "strict", True)
    with pytest.raises(KeyError):  # noqa: PT012 - the statement that raises is the except block's
        try:
            raise KeyError("x")
        except KeyError:
            faults.contain("test")
