"""The memory queue: bounded, never blocking, and its counts always add up."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.exporters.delivery.base import DeliveryQueue, QueueStatus
from csg_otel.exporters.delivery.persistent_queue import PersistentQueue
from csg_otel.exporters.delivery.queue import MemoryQueue
from csg_otel.exporters.delivery.sender import NotPlain, Partial, SendError
from support.programs import HUNG_S
from support.senders import FunctionSender, Observer
from support.time_limits import at_each_point


class Receiver:
    """A sender under the test's control: it can refuse, hang and reject."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.errors: list[SendError] = []
        self.partial: Partial | None = None
        self.open = threading.Event()
        self.open.set()
        self.observer = Observer()

    def send(self, batch: Sequence[Any], timeout_s: float) -> Partial | None:
        if not self.open.wait(timeout_s):
            raise SendError("timeout", "hung", retry=True)
        if self.errors:
            raise self.errors.pop(0)
        self.items.extend(batch)
        return self.partial

    def queue(self, **options: Any) -> MemoryQueue:
        options = {"delay_s": 0.01, "timeout_s": 0.2, **options}
        return MemoryQueue("there", "traces", FunctionSender(self.send), self.observer, **options)


def end(queue: DeliveryQueue, within_s: float = HUNG_S) -> QueueStatus:
    queue.close(time.monotonic() + within_s)
    return queue.join()


def balanced(status: QueueStatus) -> bool:
    return status.emitted == status.delivered + sum(status.dropped.values()) + status.queued


def test_a_queue_that_got_no_thread_starts_with_the_next_item() -> None:
    """At the limit of threads items wait; nothing is lost once a thread can be started."""
    receiver = Receiver()
    queue = receiver.queue()
    threading.stack_size(1 << 45)  # more than any machine has: the system starts no thread
    try:
        queue.enqueue(1)
    finally:
        threading.stack_size(0)
    queue.enqueue(2)

    assert queue.flush(time.monotonic() + HUNG_S)
    assert receiver.items == [1, 2]
    assert balanced(end(queue))


def test_a_time_limit_inside_of_enqueue_leaves_no_lock_taken() -> None:
    """A signal handler may raise at any point: other threads go on, and what they queue is delivered."""
    receiver = Receiver()
    queue = receiver.queue(batch_size=1)  # so that each item wakes the worker thread
    queue.enqueue("first")
    points = 0
    for reached in at_each_point(lambda: queue.enqueue("interrupted")):
        assert reached
        points += 1
        other = threading.Thread(target=queue.enqueue, args=("other",), daemon=True)
        other.start()
        other.join(20)
        assert not other.is_alive()

    assert points > 5
    assert queue.flush(time.monotonic() + HUNG_S)
    assert receiver.items.count("other") == points
    assert balanced(end(queue))


class Joined:
    """A sender of a persistent queue: its items are text."""

    def encode(self, items: Sequence[str]) -> bytes:
        return "".join(items).encode()

    def encode_plain(self, items: Sequence[Any]) -> bytes:
        if any(type(item) is not str for item in items):
            raise NotPlain
        return self.encode(items)

    def split(self, body: bytes) -> list[bytes]:
        return [bytes([byte]) for byte in body]

    def send_batch(self, _body: bytes, _timeout_s: float) -> None:
        """Accept everything."""

    def reset_after_fork(self) -> None:
        """There is no connection."""

    def close(self) -> None:
        """There is no connection."""


def memory_queue(name: str) -> DeliveryQueue:
    return MemoryQueue(name, "traces", FunctionSender(lambda _batch, _timeout_s: None), Observer(), delay_s=30)


def persistent_queue(name: str) -> DeliveryQueue:
    return PersistentQueue(name, "traces", Joined(), Observer(), delay_s=30)


def emit_and_flush(queue: DeliveryQueue) -> bool:
    queue.enqueue("x")
    queue.nudge()
    return queue.flush(time.monotonic() + HUNG_S)


def on_another_thread(queue: DeliveryQueue) -> bool:
    """Return the result of an item and a flush on a thread; False if it does not return."""
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(emit_and_flush(queue)), daemon=True)
    thread.start()
    thread.join(30)
    return bool(results and results[0])


@pytest.mark.parametrize("make", [memory_queue, persistent_queue])
def test_a_time_limit_inside_of_flush_leaves_no_lock_taken(make: Callable[[str], DeliveryQueue]) -> None:
    """At any point of an item, a nudge and a flush; afterwards another thread's flush succeeds."""
    queue = make("flushed")
    emit_and_flush(queue)
    points = 0
    for reached in at_each_point(lambda: emit_and_flush(queue)):
        points += 1
        assert reached
        assert on_another_thread(queue)

    assert points > 20
    assert balanced(end(queue))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the interpreter deletes a new thread
@pytest.mark.parametrize("make", [memory_queue, persistent_queue])
def test_a_time_limit_inside_of_the_first_item_or_the_end_breaks_nothing(make: Callable[[str], DeliveryQueue]) -> None:
    """Whether the start of a thread was interrupted before or after it: one thread works, and the queue ends at once."""
    queues, mask = [make("new")], signal.pthread_sigmask(signal.SIG_BLOCK, ())

    def use() -> None:
        queues.append(make(f"used-{len(queues)}"))
        queues[-1].enqueue("x")
        queues[-1].close(time.monotonic() + 20)
        queues[-1].join()

    points = 0
    for _ in at_each_point(use):
        points += 1
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask  # this thread of the program hears its signals
        queue, began = queues[-1], time.monotonic()
        on_another_thread(queue)  # it is delivered, or dropped because the queue is closed
        assert (
            sum(frame.f_code.co_name in ("_work", "_gather") for frame in frames_of(f"csg-otel-{queue.destination}-"))
            <= 2
        )
        assert balanced(end(queue, 20))
        assert queue.status().queued == 0
        assert time.monotonic() - began < 10
        queues.append(make(f"new-{len(queues)}"))

    assert points > 50


def frames_of(name: str) -> list[FrameType]:
    """Return the frames of all threads whose names begin with *name*."""
    found, frames = [], sys._current_frames()
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0) if thread.name.startswith(name) else None
        while frame is not None:
            found.append(frame)
            frame = frame.f_back
    return found


def test_counts_stay_right_if_time_limits_interrupt_a_full_queue() -> None:
    """Each item is queued and counted, or neither; the same holds for the oldest, which is dropped."""
    receiver = Receiver()
    receiver.open.clear()
    queue = receiver.queue(max_items=5, batch_size=2)
    for number in range(10):
        queue.enqueue(number)

    def emit() -> None:
        queue.enqueue("interrupted")
        queue.enqueue("interrupted")  # a batch, so that the queue looks at its limit

    limits = [(reached, balanced(queue.status())) for reached in at_each_point(emit)]
    receiver.open.set()

    assert len(limits) > 5
    assert set(limits) == {(True, True)}
    queue.flush(time.monotonic() + HUNG_S)
    assert balanced(end(queue))


def test_everything_put_in_is_delivered_in_order() -> None:
    """A healthy queue delivers each item once and in the order it came."""
    receiver = Receiver()
    queue = receiver.queue(batch_size=7)

    for number in range(100):
        queue.enqueue(number)
    status = end(queue)

    assert receiver.items == list(range(100))
    assert status == QueueStatus(100, 100, {}, 0)


def test_a_full_queue_drops_the_oldest_and_counts_it() -> None:
    """With a destination that hangs, enqueue() drops the oldest items and counts them."""
    receiver = Receiver()
    receiver.open.clear()
    queue = receiver.queue(max_items=10, batch_size=10, timeout_s=HUNG_S)

    queue.enqueue("first")
    while queue.status().queued and not queue._in_flight:
        time.sleep(0.005)
    for number in range(25):
        queue.enqueue(number)
    receiver.open.set()
    status = end(queue)

    assert receiver.items == ["first", *range(15, 25)]
    assert status.dropped == {"queue_full": 15}
    assert balanced(status)


def test_enqueue_does_not_wait_for_a_hung_destination() -> None:
    """10,000 items in front of a destination that never answers take no longer than in front of a good one, by far."""
    receiver = Receiver()
    receiver.open.clear()
    queue = receiver.queue(timeout_s=30)

    began = time.monotonic()
    for number in range(10_000):
        queue.enqueue(number)
    took_s = time.monotonic() - began
    receiver.open.set()
    end(queue)

    assert took_s < 10  # one attempt has 30 s


def test_a_refusal_that_may_pass_is_retried_until_it_does() -> None:
    """A retryable error costs nothing but time: the same batch is sent again."""
    receiver = Receiver()
    receiver.errors = [SendError("http_503", "busy", retry=True, retry_after_s=0.01) for _ in range(2)]
    queue = receiver.queue()

    queue.enqueue("item")

    assert queue.flush(time.monotonic() + HUNG_S)
    assert receiver.items == ["item"]
    assert receiver.observer.results == ["http_503", "http_503", None]
    end(queue)


def test_a_final_refusal_drops_the_batch_under_its_reason() -> None:
    """An error that is not to be retried is counted under its reason, and the next batch goes through."""
    receiver = Receiver()
    receiver.errors = [SendError("http_400", "bad", retry=False)]
    queue = receiver.queue(delay_s=HUNG_S)  # so that nothing is sent before the flush

    queue.enqueue("poison")
    flushed = queue.flush(time.monotonic() + HUNG_S)
    queue.enqueue("good")
    status = end(queue)

    assert not flushed
    assert receiver.items == ["good"]
    assert status.dropped == {"http_400": 1}
    assert balanced(status)


def test_partially_rejected_items_are_counted_as_rejected() -> None:
    """What a destination accepts in part is delivered but for the number it rejected."""
    receiver = Receiver()
    receiver.partial = Partial(2, "too old")
    queue = receiver.queue(batch_size=5)

    for number in range(5):
        queue.enqueue(number)
    status = end(queue)

    assert (status.delivered, status.dropped) == (3, {"rejected": 2})


def test_flush_ends_when_it_says_and_is_honest() -> None:
    """flush() before a hang returns at its deadline and says False."""
    receiver = Receiver()
    receiver.open.clear()
    queue = receiver.queue(timeout_s=30)
    queue.enqueue("item")

    began = time.monotonic()
    flushed = queue.flush(began + 0.3)
    took_s = time.monotonic() - began
    receiver.open.set()
    end(queue)

    assert not flushed
    assert 0.25 < took_s < 10  # the attempt has 30 s


def test_shutdown_before_a_hang_keeps_its_budget_and_counts_the_loss() -> None:
    """join() returns at the queue's deadline although the sender never does; the items are dropped as `shutdown`."""
    receiver = Receiver()
    receiver.open.clear()
    queue = receiver.queue(timeout_s=30)
    for number in range(5):
        queue.enqueue(number)

    began = time.monotonic()
    status = end(queue, 0.3)

    assert time.monotonic() - began < 10  # the attempt has 30 s
    assert status.dropped == {"shutdown": 5}
    assert balanced(status)
    receiver.open.set()


def test_a_senders_defect_costs_its_batch_and_not_the_worker() -> None:
    """An exception that is no SendError drops the batch under `defect`; the queue goes on."""
    receiver = Receiver()
    receiver.errors = [ValueError("oops")]  # type: ignore[list-item] # that is the point
    queue = receiver.queue()

    queue.enqueue("first")
    queue.flush(time.monotonic() + HUNG_S)
    queue.enqueue("second")
    status = end(queue)

    assert (receiver.items, status.dropped) == (["second"], {"defect": 1})


def test_items_after_the_end_are_counted_as_lost() -> None:
    """enqueue() on a closed queue neither raises nor hides the item."""
    receiver = Receiver()
    queue = receiver.queue()
    end(queue)

    queue.enqueue("late")

    assert queue.status() == QueueStatus(1, 0, {"shutdown": 1}, 0)


def test_a_signal_handler_may_enqueue_while_its_thread_is_inside_enqueue() -> None:
    """The queue's lock is re-entrant, so a handler that emits on the interrupted thread does not hang it."""
    receiver = Receiver()
    queue = receiver.queue()

    with queue._lock:
        worker = threading.Thread(target=lambda: None)
        worker.start()
        queue.enqueue("from the handler")

    assert end(queue).delivered == 1


@given(st.lists(st.sampled_from(["enqueue", "flush", "fail", "refuse"]), max_size=30))
def test_the_counts_balance_whatever_happens(steps: list[str]) -> None:
    """emitted == delivered + dropped + queued after any mixture of items, flushes and refusals."""
    receiver = Receiver()
    queue = receiver.queue(max_items=4, batch_size=2, delay_s=0.0005)
    for step in steps:
        if step == "enqueue":
            queue.enqueue(step)
        elif step == "flush":
            queue.flush(time.monotonic() + 0.002)
        else:
            receiver.errors.append(SendError(step, step, retry=step == "fail", retry_after_s=0.0005))

        assert balanced(queue.status())

    assert balanced(end(queue, 0.2))


@pytest.mark.parametrize("workers", [8])
def test_eight_threads_lose_nothing(workers: int) -> None:
    """Concurrent items are all counted."""
    receiver = Receiver()
    queue = receiver.queue(max_items=100_000)
    threads = [threading.Thread(target=lambda: deque(map(queue.enqueue, range(1000)))) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    status = end(queue)

    assert status.delivered == len(receiver.items) == workers * 1000
