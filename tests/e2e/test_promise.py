"""The promise: monitoring everything costs a service little, beside the same service without telemetry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.load import services
from support.programs import eventually
from support.servers import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads processor time and memory from /proc"),
]


def test_a_service_with_everything_on(tmp_path: Path) -> None:
    """
    Idle: at most 5 % of one processor and 100 MB in all, the first user's figures. At 200 requests a second, all arrive.

    Then telemetry takes 1.1 to 1.3 times the processor time of the service itself, which answers in half a millisecond of it.
    Twice is held, because the share of one processor depends on the machine.
    """
    seconds = float(os.environ.get("SOAK_SECONDS", "60"))
    with services(tmp_path, free_port()) as both:
        warm = both.under(200, 10)
        idle = both.under(0, seconds / 2)
        busy = both.under(200, seconds)
        sent = warm.requests + busy.requests
        for sink in both.sinks:
            eventually(lambda sink=sink: sum(span.name == "order" for span in sink.received.spans) >= sent)
            eventually(lambda sink=sink: len(sink.received.records) >= sent)
            assert sink.received.points("shop.orders")

    assert busy.requests > 100 * seconds
    assert idle.cpu < 0.05
    assert busy.cpu < 2 * busy.bare_cpu
    assert busy.resident < 100e6
    assert idle.growth < 5e6
    assert busy.growth < 5e6
