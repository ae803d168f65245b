"""Business metrics count pieces of work: outermost operations and files; the steps inside one change nothing."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

import csg_otel
from csg_otel.operations.work import start_at_zero
from support.capture import Captured

Counted = tuple[int, int]
"""Pieces of work that succeeded and that failed."""


@csg_otel.observe
def step() -> None:
    """Do a part of the work."""


@csg_otel.observe
def failing_step() -> None:
    """Fail in a part of the work."""
    raise ValueError


def counts(captured: Captured) -> Counted:
    """Return the totals of the process."""
    found = captured.values("csg.operation.work.finished", "csg.outcome")
    return found["ok"], found["error"]


def new(captured: Captured, work: Callable[[], object]) -> Counted:
    """Return the pieces that *work* adds."""
    start_at_zero()
    before = counts(captured)
    with contextlib.suppress(ValueError):
        work()
    after = counts(captured)
    return after[0] - before[0], after[1] - before[1]


def process(number: int, *, swallow: bool = True) -> None:
    """Process one file in nine steps; every second one fails."""
    try:
        with csg_otel.file("vtt", size_bytes=10):
            for _ in range(9):
                step()
            if number % 2:
                raise ValueError
    except ValueError:
        if not swallow:
            raise


def all_files(start: Callable[[int], object] = process) -> None:
    for number in range(10):
        start(number)


@csg_otel.observe
def batch() -> None:
    """Process all files, and go on after each that fails."""
    all_files()


@csg_otel.observe
def request(number: int) -> None:
    """Process one file, and fail with it."""
    process(number, swallow=False)


def requests() -> None:
    for number in range(10):
        with contextlib.suppress(ValueError):
            request(number)


@csg_otel.observe
def deep(number: int) -> None:
    """Process one file below two operations."""
    with csg_otel.observe("inner"):
        process(number)


def in_threads() -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(process, range(10)))


def in_tasks() -> None:
    async def one(number: int) -> None:
        process(number)

    @csg_otel.observe
    async def main() -> None:
        await asyncio.gather(*map(one, range(10)))

    asyncio.run(main())


@csg_otel.observe
def in_threads_of_a_batch() -> None:
    """Process each file in a thread of its own, and go on after each that fails."""
    numbers = iter(range(10))
    in_new_threads(10, lambda: process(next(numbers)))


@csg_otel.observe
def steps_in_a_pool(pool: ThreadPoolExecutor, number: int) -> None:
    """Do nine steps in threads of *pool*, which were started before or by the first of them."""
    for done in [pool.submit(step) for _ in range(9)]:
        done.result()
    if number % 2:
        raise ValueError


@csg_otel.observe
def steps_in_threads(number: int) -> None:
    """Do nine steps in threads."""
    in_new_threads(9, step)
    if number % 2:
        raise ValueError


def in_new_threads(count: int, run: Callable[[], object]) -> None:
    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def all_in_a_pool() -> None:
    with ThreadPoolExecutor(4) as pool:
        for number in range(10):
            with contextlib.suppress(ValueError):
                steps_in_a_pool(pool, number)


def all_in_new_threads() -> None:
    for number in range(10):
        with contextlib.suppress(ValueError):
            steps_in_threads(number)


WAYS: list[Callable[[], None]] = [
    *(all_files, batch, requests, lambda: all_files(deep), in_threads, in_tasks),
    *(in_threads_of_a_batch, all_in_a_pool, all_in_new_threads),
]


@pytest.mark.parametrize("work", WAYS)
def test_half_of_ten_files_fail_whatever_is_around_and_inside_them(
    captured: Captured, work: Callable[[], None]
) -> None:
    """Nine steps in each file add nothing, nor do operations, tasks and threads around them, errors swallowed or not."""
    assert new(captured, work) == (5, 5)


@csg_otel.observe
def fails_after_its_files() -> None:
    """Process a file, and then fail."""
    process(0)
    raise ValueError


@csg_otel.observe
def handles_a_failing_step() -> None:
    """Go on after a step that fails."""
    with contextlib.suppress(ValueError):
        failing_step()


def archive() -> None:
    """Process files inside a file."""
    with csg_otel.file("zip"):
        all_files()


def generator() -> None:
    @csg_otel.observe
    def rows() -> Iterator[int]:
        step()
        yield 1

    for _ in rows():
        step()


def remote_parent() -> None:
    """Work below the span of another service."""
    parent = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    token = context.attach(trace.set_span_in_context(NonRecordingSpan(parent)))
    try:
        step()
    finally:
        context.detach(token)


def copied_context() -> None:
    """Work in another thread with the context of the piece."""

    @csg_otel.observe
    def outer() -> None:
        copy = contextvars.copy_context()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(copy.run, step).result()

    outer()


def after_the_end() -> None:
    """Work that begins in the context of a piece that has ended."""
    copies: list[contextvars.Context] = []
    csg_otel.observe("outer")(lambda: copies.append(contextvars.copy_context()))()
    copies[0].run(step)


def others_in_the_same_pool() -> None:
    """Work from outside, in a thread that a pool has started for a piece which is still open."""
    with ThreadPoolExecutor(1) as pool, ThreadPoolExecutor(1) as outside:
        begun, done = threading.Event(), threading.Event()

        @csg_otel.observe
        def outer() -> None:
            pool.submit(step).result()
            begun.set()
            assert done.wait(60)

        piece = outside.submit(outer)
        assert begun.wait(60)
        pool.submit(step).result()
        done.set()
        piece.result()


def a_thread_goes_on() -> None:
    """Work in a thread that a piece has started, after the end of the piece."""
    ended = threading.Event()
    threads: list[threading.Thread] = []

    def background() -> None:
        assert ended.wait(60)
        step()

    @csg_otel.observe
    def outer() -> None:
        threads.append(threading.Thread(target=background))
        threads[0].start()

    outer()
    ended.set()
    threads[0].join()


def failing_job() -> None:
    """Fail in a job of a pool: the error reaches the program, and the next job is as before."""
    with ThreadPoolExecutor(1) as pool:
        with csg_otel.observe("outer"), contextlib.suppress(ValueError):
            pool.submit(failing_step).result()
        pool.submit(step).result()


def set_error() -> None:
    with csg_otel.observe("reply") as operation:
        operation.set_error("refused")


def declared_file() -> None:
    csg_otel.file("srt")(lambda: None)()


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (step, (1, 0)),
        (handles_a_failing_step, (1, 0)),
        (fails_after_its_files, (1, 1)),
        (archive, (1, 0)),
        (generator, (2, 0)),
        (remote_parent, (1, 0)),
        (copied_context, (1, 0)),
        (after_the_end, (2, 0)),
        (others_in_the_same_pool, (2, 0)),
        (a_thread_goes_on, (2, 0)),
        (failing_job, (2, 0)),
        (set_error, (0, 1)),
        (declared_file, (1, 0)),
    ],
)
def test_what_is_a_piece_of_work(captured: Captured, work: Callable[[], None], expected: Counted) -> None:
    """Each shape of work counts what a user would count."""
    assert new(captured, work) == expected


def test_a_child_that_ends_the_parents_block_does_not_count_it(captured: Captured) -> None:
    """A fork inside an operation: the parent counts it once, and work in the child is the child's own."""

    def forked() -> None:
        with csg_otel.observe("forks"):
            child = os.fork()
            if child == 0:
                try:
                    ok = new(captured, step) == (1, 0)
                finally:
                    os._exit(0 if ok else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    assert new(captured, forked) == (1, 0)


def test_a_file_has_a_span_a_duration_and_a_count(captured: Captured) -> None:
    """One block gives all three, with the outcome by how it ends; the size is on the span and in the histogram."""
    kind = f"t{uuid.uuid4().hex}"
    with contextlib.suppress(ValueError), csg_otel.file(kind, size_bytes=18_211):
        raise ValueError
    with csg_otel.file(kind):
        pass

    failed, _ = [span for span in captured.spans if span.name == f"file {kind}"]
    attributes = failed.attributes or {}
    assert (attributes["csg.file.type"], attributes["file.size"]) == (kind, 18_211)
    assert attributes["error.type"] == "ValueError"
    durations = [
        p for p in captured.points("csg.operation.duration") if p.attributes["csg.operation.name"] == failed.name
    ]
    assert sorted((p.attributes.get("error.type", ""), p.count) for p in durations) == [("", 1), ("ValueError", 1)]
    files = [p for p in captured.points("csg.files.processed") if p.attributes["csg.file.type"] == kind]
    assert {p.attributes["csg.outcome"]: p.value for p in files} == {"ok": 1, "error": 1}
    (size,) = [p for p in captured.points("csg.files.size") if p.attributes["csg.file.type"] == kind]
    assert (size.sum, size.attributes["csg.outcome"]) == (18_211, "error")


def test_the_time_is_that_of_the_pieces(captured: Captured) -> None:
    """The sum of their durations grows by what the outermost operation took, once."""
    start_at_zero()
    (before,) = (point.value for point in captured.points("csg.operation.work.time"))
    with csg_otel.observe("outer"), csg_otel.observe("inner"):
        threading.Event().wait(0.05)
    (after,) = (point.value for point in captured.points("csg.operation.work.time"))

    span = captured.span("outer")
    assert after - before == pytest.approx(((span.end_time or 0) - (span.start_time or 0)) / 1e9, abs=1e-4)
