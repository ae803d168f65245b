"""Threads of telemetry and signals."""

from __future__ import annotations

import signal
import sys
from types import ModuleType

import pytest

from csg_otel import threads


@pytest.mark.parametrize("in_uwsgi", [False, True])
def test_a_callback_gets_signals_except_in_uwsgi(monkeypatch: pytest.MonkeyPatch, in_uwsgi: bool) -> None:
    """Processes that it starts inherit the mask; in uWSGI a signal there would end the interpreter on that thread, and hang."""
    if in_uwsgi:
        monkeypatch.setitem(sys.modules, "uwsgi", ModuleType("uwsgi"))
    masks: list[set[int]] = []

    def look() -> None:
        masks.append({int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())})

    thread = threads.OwnThread(target=lambda: threads.run_program(look), name="csg-otel-test")
    thread.start()
    thread.join(20)

    assert [signal.SIGINT in mask for mask in masks] == [in_uwsgi]
