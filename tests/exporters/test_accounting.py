"""Delivery accounting: every item is counted once, whatever happens to its destination."""

from __future__ import annotations

import time

from csg_otel.exporters.delivery.accounting import Accounting
from csg_otel.exporters.delivery.destination import Destination
from csg_otel.exporters.delivery.drain import drain
from support.programs import HUNG_S
from support.senders import FunctionSender


def _destination(items: int) -> Destination:
    destination = Destination("there", "http://there")
    queue = destination.add_memory_queue("traces", FunctionSender(lambda _batch, _timeout_s: None), delay_s=0.01)
    for number in range(items):
        queue.enqueue(number)
    return destination


def _emitted(accounting: Accounting) -> int:
    return accounting.items()["there", "traces", "emitted", ""]


def test_a_destination_being_replaced_is_counted_once_at_every_step() -> None:
    """A scrape before, during and after a change of settings never sees a counter fall or double."""
    accounting, first, second = Accounting(), _destination(3), _destination(2)
    accounting.replace((first,))
    accounting.retire()
    counts = [_emitted(accounting)]
    old = accounting.replace((second,))
    counts.append(_emitted(accounting))
    drain(old, time.monotonic() + HUNG_S)
    counts.append(_emitted(accounting))
    accounting.retire()
    counts.append(_emitted(accounting))
    last = accounting.replace(())
    counts.append(_emitted(accounting))
    drain(last, time.monotonic() + HUNG_S)
    accounting.retire()
    report = accounting.close(0.5)

    assert counts == [3, 5, 5, 5, 5]
    assert (report.delivered, report.dropped, report.took_s) == (5, {}, 0.5)
