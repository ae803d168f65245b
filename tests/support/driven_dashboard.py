"""The terminal dashboard over a source in memory, driven by a pilot: what its widgets show, and waits for it."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from typing import Any

from textual.pilot import Pilot

from csg_otel.dashboard.terminal.app import DashboardApp
from csg_otel.dashboard.terminal.widgets import RowList, TextLine
from support.dashboard_documents import NOW, MemorySource
from support.programs import HUNG_S

Driven = Pilot[int]
Test = Callable[[Pilot[int], MemorySource], Awaitable[None]]


def driven(
    *, size: tuple[int, int] = (120, 36), interval_s: float = 60.0, **settings: Any
) -> Callable[[Test], Callable[[], None]]:
    """Run the test with a pilot of an application over a source in memory."""

    def wrap(test: Test) -> Callable[[], None]:
        @functools.wraps(test)
        def run() -> None:
            async def drive() -> None:
                source = MemorySource()
                app = DashboardApp(source, interval_s=interval_s, now=lambda: NOW + 1, **settings)
                async with app.run_test(size=size) as pilot:
                    await shows(pilot, "shop 1.4.2 production", "status")
                    await test(pilot, source)

            asyncio.run(drive())

        del run.__wrapped__
        return run

    return wrap


def text(pilot: Driven, name: str = "list") -> str:
    """Return what a widget shows."""
    widget = pilot.app.screen_stack[0].query_one(f"#{name}")
    assert isinstance(widget, (RowList, TextLine))
    return "\n".join(widget.lines)


async def until(pilot: Driven, holds: Callable[[], object], within_s: float = HUNG_S) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + within_s
    while not holds():
        shown = f"{text(pilot, 'status')}\n{text(pilot)}\n{text(pilot, 'detail')}\n{text(pilot, 'keys')}"
        assert time.monotonic() < deadline, shown
        await pilot.pause(0.01)


async def shows(pilot: Driven, words: str, name: str = "list") -> None:
    """Wait until a widget shows *words*."""
    await until(pilot, lambda: words in text(pilot, name))
