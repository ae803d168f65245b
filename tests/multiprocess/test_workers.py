"""How often the workers of a group publish."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from csg_otel.multiprocess import workers
from support.programs import eventually


def test_one_publication_that_took_long_does_not_put_off_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A garbage collection of 70 ms put it off for 14 s, and SIGKILL lost as much."""
    monkeypatch.setattr(workers, "EVERY_S", 0.1)
    collected: list[float] = []

    def collect() -> None:
        collected.append(time.thread_time())
        if len(collected) == 3:
            while time.thread_time() < collected[-1] + 0.3:
                pass

    variables = {"XDG_STATE_HOME": str(tmp_path)}
    group, other = (
        workers.WorkerGroup("shop", "127.0.0.1:1", read_own_metrics=read, open_port=bool, variables=variables)
        for read in (collect, lambda: None)
    )
    group.start()
    other.start()
    try:
        eventually(lambda: len(collected) >= 5, 45)
    finally:
        other.stop()
        group.stop()
