"""The promises of the registry: one run of a check at a time, deadlines that hold, and no check that delays another."""

from __future__ import annotations

import asyncio
import contextvars
import re
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from csg_otel import clocks
from csg_otel.check_result import CheckResult, Critical, Warn
from csg_otel.errors import HealthDefinitionError
from csg_otel.health import Change, Check, HealthRegistry, scheduler
from csg_otel.health.execution import Execution
from csg_otel.health.observer import HealthEvent, NoObserver
from csg_otel.health.report import render
from csg_otel.status import HealthStatus

HEALTHY, WARNING, CRITICAL, UNKNOWN = (
    HealthStatus.HEALTHY,
    HealthStatus.WARNING,
    HealthStatus.CRITICAL,
    HealthStatus.UNKNOWN,
)
Make = Callable[..., HealthRegistry]


def until(condition: Callable[[], Any], timeout_s: float = 50.0) -> Any:
    """Wait for *condition* and return what it returned."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(0.005)
    return value


def status(registry: HealthRegistry, name: str) -> HealthStatus:
    """Return the effective status of the check *name*."""
    view = registry.snapshot().check(name)
    assert view is not None
    return view.status


class Switch:
    """A check that returns or raises its ``answer``, and counts its runs."""

    def __init__(self, answer: Any = True) -> None:
        self.answer = answer
        self.runs = 0

    def __call__(self) -> Any:
        self.runs += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "expected", "message"),
    [
        (None, HEALTHY, ""),
        (True, HEALTHY, ""),
        (False, CRITICAL, "the check returned False"),
        (HealthStatus.WARNING, WARNING, ""),
        (CheckResult(HEALTHY, "fine", {"n": 1}), HEALTHY, "fine"),
        (Critical("the queue is full"), CRITICAL, "the queue is full"),
        (Warn("nearly full"), WARNING, "nearly full"),
        (ValueError("postgresql://user:secret@host"), CRITICAL, "reason withheld"),
        (SystemExit(1), CRITICAL, "reason withheld"),
        (KeyboardInterrupt(), CRITICAL, "reason withheld"),
        (42, UNKNOWN, "the check returned int"),
    ],
)
def test_what_a_check_may_answer(make: Make, answer: Any, expected: HealthStatus, message: str) -> None:
    """Every value and exception has one status, and only public messages are shown."""
    began = time.time()
    result = make(Check(name="one", function=Switch(answer))).run("one")

    assert result.status is expected
    assert result.message.startswith(message)
    assert "secret" not in repr(result)
    assert began - 1 <= result.timestamp <= time.time() + 1


def test_a_thread_that_the_system_refuses_costs_one_run(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at a limit of processes; afterwards the check is not taken for one that hangs."""
    registry = make(Check(name="ok", function=lambda: True, interval_s=3600))

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            registry.run_all()

    assert registry.run("ok").status is HEALTHY


def test_checks_run_on_their_schedule(make: Make) -> None:
    """A check runs about once per interval from soon after the start, and stops with the registry."""
    check = Switch()
    registry = make(Check(name="one", function=check))
    registry.start()
    until(lambda: check.runs >= 4)
    registry.stop(20)
    until(lambda: not any(thread.name == "csg-otel-check-one" for thread in threading.enumerate()))
    runs = check.runs
    time.sleep(0.15)

    assert check.runs == runs


def waiting() -> int:
    """Return the number of threads that wait for the result of a run."""
    stacks = [list(traceback.walk_stack(frame)) for frame in sys._current_frames().values()]
    return sum(any(frame.f_code is Execution.wait.__code__ for frame, _ in stack) for stack in stacks)


def test_fifty_callers_share_one_run(make: Make) -> None:
    """Fifty requests at the same time get the result of one run."""
    runs = Counter[str]()

    def slow() -> None:
        runs["slow"] += 1
        until(lambda: waiting() == 50)

    registry = make(Check(name="slow", function=slow, timeout_s=60))
    results: list[CheckResult] = []
    threads = [threading.Thread(target=lambda: results.append(registry.run("slow"))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert runs["slow"] == 1
    assert (len(results), len({id(result) for result in results})) == (50, 1)
    assert results[0].status is HEALTHY


def test_a_hung_sync_check_costs_one_thread_and_nothing_else(make: Make) -> None:
    """A check that hangs for twenty rounds costs one thread; other checks run on time."""
    release, other = threading.Event(), Switch()
    registry = make(
        Check(name="hung", function=lambda: release.wait(300), timeout_s=0.05),
        Check(name="other", function=other),
    )
    before = threading.active_count()
    registry.start()
    until(lambda: status(registry, "hung") is CRITICAL)
    for _ in range(20):
        assert registry.run("hung").error_type == "timeout"
    runs = other.runs
    until(lambda: other.runs > runs + 3)

    assert sum(thread.name == "csg-otel-check-hung" for thread in threading.enumerate()) == 1
    until(lambda: threading.active_count() <= before + 3)  # the schedule, the hung one, and perhaps the other's run
    release.set()
    until(lambda: not any(thread.name == "csg-otel-check-hung" for thread in threading.enumerate()))


def test_a_late_success_does_not_count(make: Make) -> None:
    """A run that returns after its deadline changes nothing; the next run does."""
    release = threading.Event()
    registry = make(Check(name="late", function=lambda: release.wait(30), timeout_s=0.05))

    assert registry.run("late").status is CRITICAL
    release.set()
    until(lambda: not any(thread.name == "csg-otel-check-late" for thread in threading.enumerate()))
    assert status(registry, "late") is CRITICAL
    assert registry.run("late").status is HEALTHY


def test_a_hung_async_check_is_cancelled_and_a_blocked_loop_is_its_own(make: Make) -> None:
    """Async checks that wait for ever or block their loop cost one thread at most; others run on time."""
    release, before = threading.Event(), set(threading.enumerate())

    async def waits() -> None:
        await asyncio.sleep(300)

    async def blocks() -> None:
        release.wait(300)

    async def answers() -> bool:
        await asyncio.sleep(0)
        return True

    registry = make(
        Check(name="waits", function=waits, timeout_s=0.05),
        Check(name="blocks", function=blocks, timeout_s=0.05),
        Check(name="answers", function=answers, timeout_s=50),
    )
    for _ in range(20):
        results = registry.run_all()
        assert (results["waits"].status, results["blocks"].status) == (CRITICAL, CRITICAL)
        assert results["answers"].status is HEALTHY
    names = [thread.name for thread in threading.enumerate()]
    release.set()

    assert names.count("csg-otel-check-blocks") == 1
    assert names.count("csg-otel-check-waits") <= 1
    until(lambda: not any(t.name.startswith("csg-otel-check") for t in threading.enumerate() if t not in before))


def test_a_loop_that_was_in_use_at_the_end_is_closed_after_its_run(make: Make) -> None:
    """Its sockets stay open no longer than the check that hangs."""
    release, loops = threading.Event(), []

    async def blocks() -> None:
        loops.append(asyncio.get_running_loop())
        release.wait(30)

    registry = make(Check(name="blocks", function=blocks, timeout_s=0.05))
    assert registry.run("blocks").status is CRITICAL
    registry.stop(2.0)
    assert not loops[0].is_closed()
    release.set()

    until(loops[0].is_closed)


def test_a_probes_own_timeout_is_not_the_deadline(make: Make) -> None:
    """A TimeoutError that a check raises is an error like any other."""
    result = make(Check(name="one", function=Switch(TimeoutError("slow peer")))).run("one")

    assert (result.error_type, result.message) == ("TimeoutError", "reason withheld")


def test_an_async_check_keeps_its_loop_between_runs(make: Make) -> None:
    """A connection opened on the loop stays usable in the next run."""
    loops = []

    async def check() -> None:
        loops.append(asyncio.get_running_loop())

    registry = make(Check(name="one", function=check))
    for _ in range(3):
        assert registry.run("one").status is HEALTHY

    assert len(set(map(id, loops))) == 1


def test_a_check_may_run_on_the_programs_loop(make: Make) -> None:
    """``loop="app"`` runs the check on the loop of the program's own pools."""
    seen = []

    async def check() -> None:
        seen.append(asyncio.get_running_loop())

    async def main() -> tuple[CheckResult, asyncio.AbstractEventLoop]:
        registry = make(Check(name="one", function=check, loop="app"))
        return await asyncio.to_thread(registry.run, "one"), asyncio.get_running_loop()

    result, loop = asyncio.run(main())

    assert result.status is HEALTHY
    assert seen == [loop]


def test_hysteresis_holds_back_and_shows_raw_beside_it(make: Make) -> None:
    """A check fails after three failures and recovers after two successes; the raw status is shown all the time."""
    check = Switch(True)
    registry = make(Check(name="one", function=check, failure_threshold=3, success_threshold=2))
    seen = []
    for answer in (True, False, False, False, True, True):
        check.answer = answer
        registry.run("one")
        view = registry.snapshot().checks[0]
        seen.append((view.status, view.raw))

    assert [shown for shown, _ in seen] == [HEALTHY, HEALTHY, HEALTHY, CRITICAL, CRITICAL, HEALTHY]
    assert [raw for _, raw in seen] == [HEALTHY, CRITICAL, CRITICAL, CRITICAL, HEALTHY, HEALTHY]


def test_an_old_result_is_unknown(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a new result in time the state is UNKNOWN, and the message has the age and the limit."""
    registry, clock = make(Check(name="one", function=Switch(), stale_after_s=600)), clocks.monotonic
    registry.run("one")
    assert status(registry, "one") is HEALTHY
    monkeypatch.setattr(clocks, "monotonic", lambda: clock() + 700)

    view = registry.snapshot().checks[0]
    assert view.status is UNKNOWN
    shown = re.fullmatch(r"stale since (\d+) s: the last result is (\d+) s old \(limit 600 s\)", view.result.message)
    assert shown is not None
    assert 100 <= int(shown[1]) == int(shown[2]) - 600


def test_what_depends_on_something_broken_is_skipped(make: Make) -> None:
    """Checks that depend on a CRITICAL one are UNKNOWN, name it, do not run, and run at once when it recovers."""
    dns, database, report = Switch(False), Switch(), Switch()
    registry = make(
        Check(name="report", function=report, depends_on=("database",), interval_s=60),
        Check(name="database", function=database, depends_on=("dns",), interval_s=60),
        Check(name="dns", function=dns),
    )
    results = registry.run_all()
    assert (database.runs, report.runs) == (0, 0)
    assert [results[name].message for name in ("database", "report")] == ["skipped: dns is CRITICAL"] * 2

    registry.start()
    dns.answer = True
    until(lambda: status(registry, "report") is HEALTHY)


MESSAGES = (
    "skipped: no cache configured here",
    "skipped: search is CRITICAL",
    "stale since 5 s",
    "not run yet",
    "health checks are switched off",
    "no answer within 5 s",
    "timeout",
    "reason withheld",
    "maintenance: backup",
)


@pytest.mark.parametrize("state", [HEALTHY, WARNING])
@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_no_state(make: Make, message: str, state: HealthStatus) -> None:
    """Whatever a check's message is, the check and those that depend on it run on, and readiness passes."""
    cache, search = Switch(CheckResult(state, message)), Switch()
    registry = make(
        Check(name="cache", function=cache),
        Check(name="search", function=search, depends_on=("cache",)),
    )
    assert registry.run_all()["search"].status is HEALTHY
    registry.start()
    until(lambda: cache.runs > 2 and search.runs > 2)

    view = registry.snapshot().check("cache")
    assert view is not None
    assert (view.status, view.result.message, view.skipped_by) == (state, message, "")
    assert render(registry.snapshot(), "readyz").status == 200


@pytest.mark.parametrize("message", MESSAGES)
def test_a_skipped_check_names_its_cause_in_a_field(make: Make, message: str) -> None:
    """`skipped_by` is the CRITICAL dependency, also through a skipped one, whatever the messages are."""
    registry = make(
        Check(name="dns", function=Switch(Critical(message))),
        Check(name="database", function=Switch(CheckResult(HEALTHY, message)), depends_on=("dns",)),
        Check(name="report", function=Switch(), depends_on=("database",)),
    )
    registry.run_all()
    snapshot = registry.snapshot()

    assert {view.name: view.skipped_by for view in snapshot.checks} == {"dns": "", "database": "dns", "report": "dns"}
    assert [view.result.message for view in snapshot.skipped.values()] == ["skipped: dns is CRITICAL"] * 2


@pytest.mark.parametrize(
    ("answer", "unexpected"),
    [
        (CheckResult(CRITICAL, "reason withheld"), None),
        (Critical("reason withheld"), None),
        (KeyError("reason withheld"), KeyError),
    ],
)
def test_a_withheld_reason_is_recognised_by_the_exception(make: Make, answer: Any, unexpected: Any) -> None:
    """Only an exception that is no verdict has a location to log; a message that reads the same has none."""
    errors: list[BaseException | None] = []

    class Observer(NoObserver):
        def on_health_event(self, event: HealthEvent) -> None:
            assert event.execution is not None
            errors.append(event.execution.unexpected_error)

    registry = make(Check(name="one", function=Switch(answer)))
    registry.observe(Observer())
    registry.run("one")

    assert [error and type(error) for error in errors] == [unexpected]


def test_the_failures_of_an_outage_are_its_warnings_and_criticals(make: Make) -> None:
    """The recovery counts every run that ended in WARNING or CRITICAL, and none that ended in UNKNOWN."""
    check, changes = Switch(), list[Change]()
    registry = make(Check(name="one", function=check))
    registry.on_change(changes.append)
    for answer in (True, WARNING, WARNING, UNKNOWN, CRITICAL, True):
        check.answer = answer
        registry.run("one")
    until(lambda: changes and changes[-1].after is HEALTHY)

    assert [change.failures for change in changes] == [0, 0, 0, 3]


def test_a_warning_is_no_outage(make: Make) -> None:
    """A check that works with issues is up: its way back to HEALTHY is a change, but not the end of an outage."""
    check, changes = Switch(), list[Change]()
    registry = make(Check(name="one", function=check))
    registry.on_change(changes.append)
    for answer in (True, WARNING, True, CRITICAL, WARNING, True):
        check.answer = answer
        registry.run("one")
    until(lambda: len(changes) == 5)

    assert [change.outage_s is not None for change in changes] == [False, False, False, True, False]
    assert len(registry.trends(60)["one"].outages) == 1


def test_a_circle_before_the_start_is_said_and_not_run(make: Make) -> None:
    """Reading the state and running on demand end, and name the circle; other checks are as they are."""
    check = Switch()
    registry = make(
        Check(name="a", function=check, depends_on=("b",)),
        Check(name="b", function=check, depends_on=("a",)),
        Check(name="itself", function=check, depends_on=("itself",)),
        Check(name="child", function=check, depends_on=("a",)),
        Check(name="other", function=Switch(True)),
    )
    results = registry.run_all()

    assert "a > b > a" in results["a"].message
    assert "itself > itself" in results["itself"].message
    assert [results[name].status for name in ("a", "b", "itself", "child", "other")] == [UNKNOWN] * 4 + [HEALTHY]
    assert registry.snapshot().overall is UNKNOWN
    assert check.runs == 0


def test_an_uncritical_check_never_fails_its_group(make: Make) -> None:
    """Whatever its result, it counts as a WARNING at most."""
    registry = make(
        Check(name="extra", function=Switch(False), critical=False),
        Check(name="main", function=Switch()),
    )
    registry.run_all()

    snapshot = registry.snapshot()
    assert status(registry, "extra") is CRITICAL
    assert (snapshot.overall, snapshot.groups["readiness"]) == (WARNING, WARNING)
    assert snapshot.groups["liveness"] is UNKNOWN


def test_a_change_is_published_once_and_the_recovery_with_its_length(make: Make) -> None:
    """A listener that raises or blocks delays no other; the recovery has the outage's length and failures."""
    check, never = Switch(True), threading.Event()
    received: list[Change] = []
    registry = make(Check(name="one", function=check))

    def fails(change: Change) -> None:
        raise RuntimeError(change.name)

    registry.on_change(lambda _: print(never.wait(30)))
    registry.on_change(fails)
    registry.on_change(received.append)
    moments = []
    for answer in (True, False, False, True, True):
        check.answer = answer
        moments.append(time.monotonic())
        registry.run("one")
        moments.append(time.monotonic())
        time.sleep(0.02)
    changes: list[Change] = until(lambda: received if len(received) == 2 else [])
    never.set()

    assert [(change.before, change.after) for change in changes] == [(HEALTHY, CRITICAL), (CRITICAL, HEALTHY)]
    assert changes[1].failures == 2
    assert changes[1].outage_s is not None
    assert moments[6] - moments[3] <= changes[1].outage_s <= moments[7] - moments[2]


def test_contradictions_are_refused_all_together(make: Make) -> None:
    """Duplicate and bad names, unknown groups and parents, circles and bad numbers: one error names them all."""
    registry = make(
        Check(name="twice", function=Switch()),
        Check(name="twice", function=Switch()),
        Check(name="Bad Name", function=Switch()),
        Check(name="group", function=Switch(), groups=("rediness",)),
        Check(name="child", function=Switch(), depends_on=("twise",)),
        Check(name="a", function=Switch(), depends_on=("b",)),
        Check(name="b", function=Switch(), depends_on=("a",)),
        Check(name="number", function=Switch(), interval_s=-1),
    )
    with pytest.raises(HealthDefinitionError) as caught:
        registry.start()

    message = str(caught.value)
    for part in ("'twice'", "'Bad Name'", "did you mean 'readiness'", "did you mean 'twice'", "circle", "interval_s"):
        assert part in message
    assert not registry.running


def test_a_reloaded_function_replaces_itself(make: Make) -> None:
    """The same definition loaded twice is one check."""

    def define(answer: HealthStatus) -> Check:
        return Check(name="one", function=lambda: answer)

    registry = make(define(CRITICAL), define(HEALTHY))
    registry.start()

    assert registry.run("one").status is HEALTHY


def test_a_cell_run_again_replaces_its_check(make: Make) -> None:
    """In a notebook each run of a cell is a file of its own; its check replaces the one before."""

    def run_cell(number: int, source: str) -> Check:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(source, f"<cell {number}>", "exec"), names)
        return Check(name="db", function=names["db"])

    registry = make(run_cell(1, "def db(): return False"))
    registry.start()
    registry.register(run_cell(2, "\ndef db(): return True"))

    assert registry.run("db").status is HEALTHY


def test_bypass_runs_nothing_and_is_never_healthy(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """While checks are switched off each is UNKNOWN, and snapshot and log give the reason."""
    check = Switch()
    registry = make(Check(name="one", function=check), bypass=True)
    registry.start()
    time.sleep(0.1)

    assert registry.run("one").status is UNKNOWN
    assert check.runs == 0
    assert registry.snapshot().bypass
    assert registry.snapshot().overall is UNKNOWN
    assert "switched off" in caplog.text


def test_maintenance_is_shown_while_it_lasts(make: Make) -> None:
    """The innermost reason counts, and checks go on."""
    registry = make(Check(name="one", function=Switch()))
    with registry.maintenance("migration"), registry.maintenance("backup"):
        assert registry.snapshot().maintenance == "backup"
        assert registry.run("one").status is HEALTHY

    assert registry.snapshot().maintenance == ""


def test_a_check_sees_the_context_it_was_defined_in(make: Make) -> None:
    """A run has the context variables of the definition, and its own changes end with it."""
    tenant = contextvars.ContextVar("tenant", default="none")
    tenant.set("acme")
    seen = []

    def check() -> None:
        seen.append(tenant.get())
        tenant.set("changed")

    registry = make(Check(name="one", function=check))
    registry.run("one")
    registry.run("one")

    assert seen == ["acme", "acme"]


def test_a_check_that_is_gone_leaves_the_snapshot(make: Make) -> None:
    """An unregistered check is gone at once."""
    registry = make(Check(name="one", function=Switch()), Check(name="two", function=Switch()))
    registry.run_all()
    registry.unregister("one")

    assert [view.name for view in registry.snapshot().checks] == ["two"]


def test_the_settings_have_the_thresholds_of_all_checks(make: Make) -> None:
    """`failure_threshold` failures in a row make a check fail, `success_threshold` successes make it healthy again."""
    check = Switch(Critical("down"))
    registry = make(Check(name="one", function=check), failure_threshold=2, success_threshold=3)
    seen = []
    for check.answer in (True, True, True, Critical("down"), Critical("down"), True, True, True):
        registry.run("one")
        seen.append(status(registry, "one"))

    assert seen[2:] == [HEALTHY, HEALTHY, CRITICAL, CRITICAL, CRITICAL, HEALTHY]


def test_the_settings_have_the_age_of_all_checks(make: Make) -> None:
    """A result older than `stale_after` counts as UNKNOWN."""
    registry = make(Check(name="one", function=Switch()), stale_after=0.05, check_interval=60, timeout=30)
    registry.run("one")

    assert until(lambda: status(registry, "one") is UNKNOWN)


def test_a_stale_result_is_published_when_it_becomes_stale(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedule wakes for it, although nothing else is due; and between, it does not wake."""
    monkeypatch.setattr(scheduler, "_LONGEST_SLEEP_S", 3600)
    registry = make(Check(name="one", function=Switch()), stale_after=2, check_interval=3600, timeout=30)
    changes: list[Change] = []
    registry.on_change(changes.append)
    steps: list[float] = []
    step = registry._scheduler._step

    def counted() -> float:
        steps.append(clocks.monotonic())
        return step()

    monkeypatch.setattr(registry._scheduler, "_step", counted)
    registry.start()

    assert until(lambda: [change.after for change in changes] == [UNKNOWN])
    assert len(steps) <= 4, "a due run, its result and the stale one"


def test_the_settings_have_the_deadline_of_all_checks(make: Make) -> None:
    """A run that takes longer than `timeout` is CRITICAL, although the check would succeed later."""
    release = threading.Event()
    registry = make(Check(name="slow", function=lambda: release.wait(300) or True), timeout=0.05)
    result = registry.run("slow")
    release.set()

    assert result.status is CRITICAL
