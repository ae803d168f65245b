"""Walls around callbacks of the program: whatever they do, a collection is quick and complete but for them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from csg_otel import faults
from csg_otel.markers import reads_snapshot
from csg_otel.pipeline import callbacks
from csg_otel.pipeline.installed import InstalledMeterProvider
from csg_otel.pipeline.readers import LocalReader
from csg_otel.pipeline.runner import Run, Runner
from support.programs import HUNG_S, eventually


class Metrics:
    """The product's provider and reader, with a meter whose callbacks are guarded."""

    def __init__(self) -> None:
        self.reader = LocalReader()
        self.provider = InstalledMeterProvider({})
        self.provider.attach(self.reader)
        self.meter: metrics.Meter = self.provider.get_meter("program")

    def read(self) -> dict[str, list[float]]:
        """Collect, and return values by metric."""
        data = self.reader.read()
        return {
            metric.name: [point.value for point in metric.data.data_points]  # type: ignore[union-attr]
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


def callback_threads() -> set[threading.Thread]:
    """The threads that run callbacks now."""
    return {thread for thread in threading.enumerate() if thread.name == "csg-otel-callbacks"}


@pytest.fixture
def collected() -> Iterator[Metrics]:
    """A fresh provider."""
    made = Metrics()
    yield made
    made.provider.detach(made.reader)


@pytest.fixture
def ample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds instead of milliseconds for a collection, in tests of what is collected: a busy machine may need them."""
    monkeypatch.setattr(callbacks, "COLLECTION_BUDGET_S", HUNG_S)


@pytest.fixture
def settle(monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Wait until all runs of callbacks so far have ended, and a collection can use their values."""
    runs: list[Run] = []

    def make(work: Callable[[], Sequence[Any]]) -> Run:
        runs.append(Run(work))
        return runs[-1]

    monkeypatch.setattr(callbacks, "Run", make)
    return lambda: eventually(lambda: all(run.done.is_set() for run in runs))


def test_a_callback_that_blocks_costs_nobody_else(collected: Metrics) -> None:
    """Others are served within 50 ms, one thread hangs however often is collected, and it comes back by itself."""
    release, name = threading.Event(), f"slow.{uuid.uuid4().hex}"

    def slow(_options: CallbackOptions) -> Iterable[Observation]:
        release.wait(60)
        return [Observation(1)]

    collected.meter.create_observable_gauge(name, [slow])
    collected.meter.create_observable_gauge("quick", [lambda _: [Observation(7)]])
    others = callback_threads()
    deadline = time.monotonic() + HUNG_S
    while "quick" not in collected.read():
        assert time.monotonic() < deadline
    found, took_s = [], []
    for _ in range(20):
        began = time.perf_counter()
        found.append(collected.read())
        took_s.append(time.perf_counter() - began)

    assert all(one["quick"] == [7] and name not in one for one in found)
    assert statistics.median(took_s) < 0.05
    # The one that hangs, and the one that serves. On a busy machine one that was replaced may still have to end.
    eventually(lambda: len(callback_threads() - others) <= 2)
    assert faults.counts()[f"callback of {name}"] == 1
    release.set()
    deadline = time.monotonic() + HUNG_S
    while name not in collected.read():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.usefixtures("ample")
@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1), KeyboardInterrupt()])
def test_a_callback_that_raises_costs_nobody_else(collected: Metrics, error: BaseException) -> None:
    """Not even what is meant to end the interpreter ends the reader."""

    def raising(_options: CallbackOptions) -> Iterable[Observation]:
        raise error

    collected.meter.create_observable_gauge("raising", [raising])
    collected.meter.create_observable_gauge("quick", [lambda _: [Observation(7)]])

    assert collected.read() == {"quick": [7]}
    assert collected.read() == {"quick": [7]}


@pytest.mark.usefixtures("ample")
def test_observations_without_an_end_are_cut(
    collected: Metrics, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A generator that never stops takes neither all memory nor a thread; the others are collected."""
    monkeypatch.setattr(faults, "strict", False)
    ended = threading.Event()

    def endless(_options: CallbackOptions) -> Iterable[Observation]:
        try:
            while True:
                yield Observation(1)
        finally:
            ended.set()

    collected.meter.create_observable_gauge("endless", [endless])
    collected.meter.create_observable_gauge("quick", [lambda _: [Observation(7)]])

    assert collected.read()["quick"] == [7]
    assert ended.wait(HUNG_S)
    deadline = time.monotonic() + HUNG_S
    while "endless" not in collected.read():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert "more than 20000 observations" in caplog.text


def test_without_a_free_thread_a_collection_goes_on(collected: Metrics) -> None:
    """At the limit of threads, and at the end of Python 3.12.1, callbacks wait for a later collection."""
    collected.meter.create_observable_gauge("program", [lambda _: [Observation(7)]])
    callbacks.reset_after_fork()  # the runner has no thread yet
    threading.stack_size(1 << 45)  # more than any machine has: the system starts no thread
    try:
        with pytest.raises(RuntimeError):
            threading.Thread(target=print).start()
        without, again = collected.read(), collected.read()
    finally:
        threading.stack_size(0)

    assert (without, again) == ({}, {})
    deadline = time.monotonic() + HUNG_S
    while collected.read() != {"program": [7]}:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_thread_that_has_just_finished_a_run_takes_the_next() -> None:
    """No thread is started for it: on a busy machine there would be one for each run."""

    class Lingering(Run):
        def __call__(self) -> None:
            super().__call__()
            time.sleep(0.05)  # as a thread that is not scheduled between its result and the next run

    threads = []

    def note() -> list[Observation]:
        threads.append(threading.current_thread())
        return []

    runner = Runner()
    in_time = [runner.run_now(Lingering(note), HUNG_S) for _ in range(3)]

    assert in_time == [True] * 3
    assert len(set(threads)) == 1


@pytest.mark.usefixtures("ample")
def test_a_reader_of_the_program_sees_a_new_value_every_time() -> None:
    """No collection of it uses up the budget of the next: forty runs of 2 ms are more than one budget."""
    reader = InMemoryMetricReader()
    provider = InstalledMeterProvider({})
    provider.add_metric_reader(reader)
    runs: list[int] = []

    def take(_options: CallbackOptions) -> Iterable[Observation]:
        time.sleep(0.002)
        runs.append(1)
        return [Observation(len(runs))]

    provider.get_meter("program").create_observable_gauge("runs", [take])
    shown = []
    for _ in range(40):
        data = reader.get_metrics_data()
        assert data is not None
        shown.append(data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0].value)  # type: ignore[union-attr]
    provider.shutdown()

    assert shown == list(range(1, 41))


@pytest.mark.usefixtures("ample")
def test_a_callback_may_be_a_generator(collected: Metrics) -> None:
    """The API allows one that is sent the options."""

    def values() -> Generator[Iterable[Observation], CallbackOptions, None]:
        number = 0
        while True:
            number += 1
            yield [Observation(number)]

    collected.meter.create_observable_gauge("generated", [values()])

    assert [collected.read()["generated"] for _ in range(3)] == [[1], [2], [3]]


def durations(names: Iterable[str], callback_s: float, collected: Metrics) -> list[float]:
    """Make a gauge for each of *names* whose callback takes *callback_s*; return the list its runs' seconds are added to."""
    ran_s: list[float] = []

    def take(_options: CallbackOptions) -> Iterable[Observation]:
        began = time.perf_counter()
        time.sleep(callback_s)
        ran_s.append(time.perf_counter() - began)
        return [Observation(len(ran_s))]

    for name in names:
        collected.meter.create_observable_gauge(name, [take])
    return ran_s


def test_many_callbacks_share_one_budget(collected: Metrics) -> None:
    """Thirty of 8 ms cost a scrape what is promised for all together, and each of them is seen within some scrapes."""
    expected = {f"of.{number}" for number in range(30)}
    ran_s = durations(expected, 0.008, collected)
    seen: set[str] = set()
    took_s: list[float] = []
    deadline = time.monotonic() + HUNG_S
    while len(took_s) < 8 or (seen != expected and time.monotonic() < deadline):
        began = time.perf_counter()
        seen |= set(collected.read())
        took_s.append(time.perf_counter() - began)
        time.sleep(0.3)

    assert seen == expected
    # One after the other would cost the sum of thirty, and 10 ms for each still more; half of it is far above the promise.
    assert statistics.median(took_s) < 30 * statistics.mean(ran_s) / 2


def test_every_callback_runs_again_however_many_come_before_it(
    collected: Metrics, settle: Callable[[], object]
) -> None:
    """The last of thirty shows a newer value in each scrape, one run late at most."""
    durations([f"before.{number}" for number in range(30)], 0.008, collected)
    runs: list[int] = []

    def last(_options: CallbackOptions) -> Iterable[Observation]:
        runs.append(1)
        return [Observation(len(runs))]

    collected.meter.create_observable_gauge("last", [last])
    for scrape in range(5):
        ran = len(runs)
        found = collected.read()
        assert found["last"][0] in (ran, ran + 1) if scrape else True
        settle()
        assert len(runs) == ran + 1


def test_a_slow_callback_shows_its_last_value(
    collected: Metrics, settle: Callable[[], object], caplog: pytest.LogCaptureFixture
) -> None:
    """It is seen in each scrape after its first run, others are not delayed, and there is one warning."""
    name, runs, release = f"slow.{uuid.uuid4().hex}", [], threading.Event()

    def slow(_options: CallbackOptions) -> Iterable[Observation]:
        runs.append(1)
        time.sleep(0.2)
        release.wait(60)
        return [Observation(len(runs))]

    collected.meter.create_observable_gauge(name, [slow])
    collected.meter.create_observable_gauge("quick", [lambda _: [Observation(7)]])
    shown: list[list[float] | None] = []
    for _ in range(5):
        found = collected.read()
        assert found.get("quick") == [7] or not shown  # on a busy machine it may miss the first
        shown.append(found.get(name))
        release.set()
        settle()
        release.clear()

    assert shown == [None, [1], [2], [3], [4]]
    assert [record.getMessage().count(name) for record in caplog.records if name in record.getMessage()] == [1]


def test_a_value_is_too_old_once_its_callback_hangs(collected: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is shown while the next run may still end, and no longer."""
    hang, release = threading.Event(), threading.Event()
    name = f"hung.{uuid.uuid4().hex}"

    def read(_options: CallbackOptions) -> Iterable[Observation]:
        if hang.is_set():
            release.wait(60)
        return [Observation(1)]

    collected.meter.create_observable_gauge(name, [read])
    deadline = time.monotonic() + HUNG_S
    while name not in collected.read():
        assert time.monotonic() < deadline
    hang.set()
    collected.read()
    assert name in collected.read()
    monkeypatch.setattr(callbacks, "_HUNG_S", 0.5)
    while name in collected.read():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    release.set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_callback_that_hangs_runs_again_in_a_forked_child(collected: Metrics) -> None:
    """Its thread is the parent's, so the child starts it again."""
    parent = os.getpid()
    release = threading.Event()

    def hanging(_options: CallbackOptions) -> Iterable[Observation]:
        if os.getpid() == parent:
            release.wait(60)
        return [Observation(1)]

    collected.meter.create_observable_gauge(f"hung.{uuid.uuid4().hex}", [hanging])
    collected.read()
    pid = os.fork()
    if pid == 0:
        callbacks.reset_after_fork()
        deadline = time.monotonic() + HUNG_S
        while not collected.read() and time.monotonic() < deadline:
            time.sleep(0.01)
        os._exit(0 if collected.read() else 1)
    _, status = os.waitpid(pid, 0)
    release.set()

    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_never_shows_a_value_of_its_parent(collected: Metrics) -> None:
    """Although the callback is slow there, so that its last value would be shown."""
    parent = os.getpid()
    name = f"of.parent.{uuid.uuid4().hex}"

    def read(_options: CallbackOptions) -> Iterable[Observation]:
        if os.getpid() != parent:
            time.sleep(60)
        return [Observation(1)]

    collected.meter.create_observable_gauge(name, [read])
    deadline = time.monotonic() + HUNG_S
    while name not in collected.read():
        assert time.monotonic() < deadline
    pid = os.fork()
    if pid == 0:
        callbacks.reset_after_fork()
        os._exit(1 if name in collected.read() else 0)
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.usefixtures("ample")
@pytest.mark.parametrize("module", ["csg_otel.metrics.register", "csg_otel.tallies", "program"])
@pytest.mark.parametrize("marked", [True, False])
def test_the_mark_alone_decides_where_a_callback_runs(collected: Metrics, module: str, marked: bool) -> None:
    """With it on the thread that collects, without it on the runner, whatever the callback's module is called."""
    threads = []

    def read(_options: CallbackOptions) -> Iterable[Observation]:
        threads.append(threading.current_thread())
        return [Observation(1)]

    read.__module__ = module
    collected.meter.create_observable_gauge("read", [reads_snapshot(read) if marked else read])

    assert collected.read() == {"read": [1]}
    assert (threads[0] is threading.current_thread()) is marked


OWN = """
import gc, threading, time, urllib.request
import csg_otel
from opentelemetry import metrics

undeclared = csg_otel.counter("placed", attributes=["channel"])
csg_otel.health_check("one", interval_s=0.1)(lambda: None)
telemetry = csg_otel.instrument("shop", exporters=["prometheus", "console"], system_monitoring__prometheus__port=0,
                                system_monitoring__collection_interval=0.2)
with csg_otel.observe("work"):
    undeclared.add(1, {"channel": "web", "other": 1})
gc.collect()
def scrape():
    text = urllib.request.urlopen(telemetry.url + "/metrics").read().decode()
    return text, any(thread.name == "csg-otel-callbacks" for thread in threading.enumerate())
wanted = ("system_cpu_time", "process_uptime", "csg_health", "csg_operation_active", "csg_exporter_items", "cpython_gc",
          "csg_attributes_dropped")
deadline, (text, used) = time.monotonic() + 50, scrape()
while not all(name in text for name in wanted) and time.monotonic() < deadline:
    time.sleep(0.1)
    text, now = scrape()
    used = used or now
print(*[name for name in wanted if name not in text], used)
metrics.get_meter("program").create_observable_gauge("own", [lambda options: [metrics.Observation(1)]])
text, used = scrape()
while "own{" not in text and time.monotonic() < deadline:  # on a busy machine it may miss the first
    text, used = scrape()
print("own{" in text, used)
telemetry.shutdown()
"""


def test_no_callback_of_the_package_needs_the_runner(tmp_path: Path) -> None:
    """A scrape of everything we measure starts no thread; the first callback of the program does."""
    done = subprocess.run([sys.executable, "-c", OWN], capture_output=True, text=True, timeout=120, cwd=tmp_path)

    assert done.stdout.splitlines() == ["False", "True True"], done.stderr


@pytest.mark.usefixtures("ample")
def test_creating_an_instrument_never_waits_for_a_callback(collected: Metrics) -> None:
    """While one blocks a collection, the program's own definitions go through."""
    blocked, release = threading.Event(), threading.Event()

    def slow(_options: CallbackOptions) -> Iterable[Observation]:
        blocked.set()
        return [Observation(int(release.wait(60)))]

    collected.meter.create_observable_gauge("slow", [slow])
    scrape = threading.Thread(target=collected.read)
    scrape.start()
    assert blocked.wait(HUNG_S)
    began = time.perf_counter()
    collected.meter.create_counter("new").add(1)
    took_s = time.perf_counter() - began
    release.set()
    scrape.join()

    assert took_s < 20  # the callback blocks for longer


@pytest.mark.usefixtures("ample")
@pytest.mark.parametrize("kind", ["observable_counter", "observable_up_down_counter", "observable_gauge"])
def test_observations_with_the_same_attributes_never_add_up(collected: Metrics, kind: str) -> None:
    """A library is imported twice, a cell runs twice: the last registration counts, for each set of attributes by itself."""
    create = getattr(collected.meter, f"create_{kind}")

    def one(_options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(5, {"k": "a"}), Observation(1, {"k": "a", "other": "module"})]

    def other(_options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(7, {"k": "a"}), Observation(2, {"k": "b"}), Observation(3, {"k": "b"})]

    create("twice", [one], description="an old text")
    create("twice", [other], description="a new text")

    assert sorted(collected.read()["twice"]) == [1, 3, 7]


def test_an_instrument_with_another_description_is_the_same(collected: Metrics) -> None:
    """Two modules describe one counter in their own words: one metric has the counts of both."""
    for description in ("orders", "orders of the shop"):
        collected.meter.create_counter("orders", description=description).add(2)

    assert collected.read()["orders"] == [4]


@pytest.mark.usefixtures("ample")
def test_a_callback_that_is_registered_twice_runs_once(collected: Metrics) -> None:
    """An instrumentation that is started twice passes the same function or method again."""

    class Source:
        runs = 0

        def read(self, _options: CallbackOptions) -> Iterable[Observation]:
            self.runs += 1
            return [Observation(self.runs)]

        def __eq__(self, other: object) -> bool:
            raise ValueError("nobody may compare it")

        __hash__ = None  # type: ignore[assignment]

    source, second = Source(), Source()
    for callbacks_of in ([source.read], [source.read, second.read]):
        collected.meter.create_observable_gauge("method", callbacks_of)
    collected.read()

    assert (source.runs, second.runs) == (1, 1)
