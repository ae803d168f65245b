"""The stack of a recorded exception is the text that the official SDK writes, although it is written later."""

from __future__ import annotations

import builtins
import linecache
import logging
import sys
import threading
import traceback
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Status, StatusCode

from csg_otel import faults
from csg_otel.attributes import Shared
from csg_otel.pipeline import stacks
from csg_otel.pipeline.fanout import SpanFanOut
from csg_otel.pipeline.installed import InstalledTracerProvider
from csg_otel.pipeline.limits import span_limits

_RESOURCE = Resource({"service.name": "test"})
_FEW = {"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "3", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "90"}


def _ours(environ: dict[str, str] | None = None, *, fast: bool = True) -> Any:
    """Return a new span of ours."""
    provider = InstalledTracerProvider(SpanFanOut(), {})
    provider.configure(ALWAYS_ON, _RESOURCE, environ or {}, fast=fast)
    return provider.get_tracer("library").start_span("x")


def _official(environ: dict[str, str] | None = None) -> Any:
    limits = span_limits(environ or {})
    return (
        TracerProvider(ALWAYS_ON, _RESOURCE, shutdown_on_exit=False, span_limits=limits).get_tracer("a").start_span("x")
    )


class Spoken(Exception):
    """An exception with a text of its own."""

    def __str__(self) -> str:
        return f"<<{self.args}>>"


class Mute(Exception):
    """An exception whose text cannot be had."""

    def __str__(self) -> str:
        raise ValueError("no text")


class Subclass(str):
    """A text of another class."""


class Odd(Exception):
    """An exception whose text is of another class."""

    def __str__(self) -> str:
        return Subclass("odd")


class Strange(SyntaxError):
    """An exception that is shown with its source."""


_namespace: dict[str, Any] = {}
exec("def nameless(then):\n    then()\n", _namespace)


def _straight(then: Callable[[], Any]) -> None:
    then()


def _over_lines(then: Callable[[], Any]) -> Any:
    return (
        1
        + then()
        + 2
    )  # fmt: skip


def _in_a_line(then: Callable[[], Any]) -> Any:
    return ("é", [then() for _ in "é"])


def _through(then: Callable[[], Any]) -> None:
    sum(len("é") + then() for _ in [1])


_STEPS = [_straight, _over_lines, _in_a_line, _through, _namespace["nameless"]]


def _fail(error: BaseException) -> None:
    raise error


def _mistakes() -> dict[str, Callable[[], Any]]:
    return {
        "name": lambda: foold,  # type: ignore[name-defined] # noqa: F821
        "attribute": lambda: "".uper,  # type: ignore[attr-defined]
        "import": lambda: __import__("csg_otel_missing"),
        "division": lambda: 1 / (len("") * 2),
        "index": lambda: [[1], [2]][0][1],
        "key": lambda: dict[str, int]()["é"],
        "source": lambda: compile("a = (1,\n b c", "<typed>", "exec"),
        "recursion": lambda: _recur(75),
    }


def _recur(left: int) -> float:
    return _recur(left - 1) + 1 if left > 55 else 1 / 0


_text = st.text(st.characters(), max_size=30)
_instance = st.one_of(
    st.builds(
        lambda kind, text: kind(text), st.sampled_from([ValueError, KeyError, OSError, Spoken, Odd, Mute]), _text
    ),
    st.sampled_from([ValueError, SystemExit, EOFError, OSError]).map(lambda kind: kind()),
    st.builds(lambda text: Strange(text, ("file.py", 1, 2, "a b c")), _text),
    st.builds(lambda text: OSError(2, text), _text),
)
_cause = st.sampled_from(["none", "cause", "context", "suppressed", "loop", "nested group"])
_notes = st.lists(_text, max_size=2)


def _raised(steps: list[Any], final: Any, link: str, notes: list[str]) -> BaseException:
    """Return an exception that was raised through *steps*."""

    def last() -> None:
        if isinstance(final, str):
            _mistakes()[final]()
            raise AssertionError(final)
        if link == "cause":
            raise final from ValueError("cause")
        if link in {"context", "suppressed"}:
            try:
                _straight(_mistakes()["division"])
            except ZeroDivisionError:
                if link == "context":
                    _fail(final)
                raise final from None
        _fail(final)

    then: Callable[[], Any] = last
    for step in steps:
        then = partial(step, then)
    try:
        then()
    except BaseException as error:
        return _decorated(error, link, notes)
    raise AssertionError


def _decorated(error: BaseException, link: str, notes: list[str]) -> BaseException:
    if link == "loop":
        error.__context__ = ValueError("other")
        error.__context__.__context__ = error
    if notes and hasattr(error, "add_note"):
        for note in notes:
            error.add_note(note)
    group: Any = getattr(builtins, "BaseExceptionGroup", None)
    if link == "nested group" and group is not None:
        try:
            raise group("several", [error, ValueError("two")])
        except BaseException as several:
            return several
    return error


def _listed(span: Any) -> list[Any]:
    return [
        (event.name, [(key, type(value), value) for key, value in event.attributes.items()], event.dropped_attributes)
        for event in span.events
    ]


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "safe"])
@pytest.mark.parametrize("environ", [{}, _FEW], ids=["usual limits", "few"])
@settings(max_examples=150, deadline=None)
@given(
    error=st.builds(
        _raised,
        st.lists(st.sampled_from(_STEPS), max_size=8),
        st.one_of(_instance, st.sampled_from(sorted(_mistakes()))),
        _cause,
        _notes,
    ),
    attributes=st.sampled_from(
        [None, {}, {"a": 1, "é": [1, 2]}, {"b": "x"}, {"exception.stacktrace": "own"}, {"exception.message": "own"}]
    ),
    escaped=st.booleans(),
    forget=st.booleans(),
)
def test_an_event_is_that_of_the_official_sdk(fast: bool, environ: dict[str, str], **event: Any) -> None:
    """Its attributes, their order and the number of dropped ones, for any exception raised through any calls."""
    error, attributes, escaped = event["error"], event["attributes"], event["escaped"]
    ours, official = _ours(environ, fast=fast), _official(environ)
    logging.disable(logging.CRITICAL)
    try:
        if event["forget"]:
            linecache.clearcache()
        ours.record_exception(error, attributes, 5, escaped)
        if isinstance(error, Mute):
            assert [recorded.name for recorded in ours.events] == ["exception"]
            return
        official.record_exception(error, attributes, 5, escaped)

        assert _listed(ours) == _listed(official)
    finally:
        logging.disable(logging.NOTSET)


class Witness:
    """An object whose end can be seen."""


def _recorded(error: BaseException) -> Any:
    """Return the event of an exception whose source files were read before."""
    span = _ours()
    span.record_exception(error)
    span.record_exception(error)
    return span._events[1]


def test_the_text_is_written_at_the_first_look() -> None:
    """It does not exist before, and then it is not written again."""
    event = _recorded(_raised([_straight], ValueError("no"), "none", []))

    assert "_attributes" not in vars(event)
    assert "ValueError: no\n" in event.attributes["exception.stacktrace"]
    assert event.attributes is event.attributes
    assert event._unread is None


def test_no_local_variable_lives_on() -> None:
    """An event that waits for its export holds neither the exception nor its frames."""
    ends = []

    def work() -> None:
        witness = Witness()
        ends.append(weakref.ref(witness))
        raise ValueError(len(ends))

    try:
        work()
    except ValueError as error:
        ends.append(weakref.ref(witness := Witness()))
        del witness
        event = _recorded(error)

    assert [end() for end in ends] == [None, None]
    assert "_attributes" not in vars(event)
    assert "raise ValueError(len(ends))" in event.attributes["exception.stacktrace"]


def test_the_programs_code_runs_at_once() -> None:
    """The text of an exception is formatted on the thread that records it, and never later."""
    threads: list[str] = []

    class Heard(Exception):
        def __str__(self) -> str:
            threads.append(threading.current_thread().name)
            return "heard"

    event = _recorded(_raised([_straight], Heard(), "none", []))
    calls = len(threads)
    texts: list[Any] = []
    reader = threading.Thread(target=lambda: texts.append(event.attributes["exception.stacktrace"]), name="reader")
    reader.start()
    reader.join()

    assert "Heard: heard\n" in texts[0]
    assert len(threads) == calls > 0
    assert "reader" not in threads


def test_threads_that_look_at_the_same_time_see_the_same() -> None:
    """One text wins."""
    for _ in range(50):
        event, barrier = _recorded(_raised([_straight] * 5, ValueError("no"), "none", [])), threading.Barrier(4)
        seen: list[Any] = []

        def look(event: Any = event, barrier: Any = barrier, seen: list[Any] = seen) -> None:
            barrier.wait()
            seen.append(event.attributes)

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(seen) == 4
        assert all(attributes is seen[0] for attributes in seen)


@pytest.mark.parametrize("depth", [40, 200])
def test_the_last_frames_of_a_deep_stack_are_written(depth: int) -> None:
    """As ``traceback`` writes them, with repeated lines counted, and with a line that says what is left out."""

    def deep(left: int) -> float:
        return deep(left - 1) if left else 1 / left

    try:
        deep(depth)
    except ZeroDivisionError as failure:
        error: Exception = failure
    head, *lines = traceback.format_exception(error, limit=-50)
    event = _recorded(error)

    assert "_attributes" not in vars(event)
    cut = [] if depth < 50 else ["  [only the last 50 frames]\n"]
    assert event.attributes["exception.stacktrace"] == "".join([head, *cut, *lines])
    assert "Previous line repeated" in event.attributes["exception.stacktrace"]


def test_the_limit_of_the_interpreter_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """``sys.tracebacklimit`` at the time of the exception counts, whatever it is later."""
    error = _raised([_straight] * 4, ValueError("no"), "none", [])
    monkeypatch.setattr(sys, "tracebacklimit", 2, raising=False)
    event = _recorded(error)
    written = "".join(traceback.format_exception(error))
    monkeypatch.delattr(sys, "tracebacklimit")

    assert event.attributes["exception.stacktrace"] == written


def test_a_trace_without_code_positions_is_written_by_its_line() -> None:
    """Template engines make such traces: their last instruction is -1."""
    error = _raised([_straight], ValueError("no"), "none", [])
    trace = error.__traceback__
    assert trace is not None
    error.__traceback__ = TracebackType(trace.tb_next, trace.tb_frame, -1, 3)

    assert _recorded(error).attributes["exception.stacktrace"] == "".join(traceback.format_exception(error))


def test_lines_that_are_kept_follow_their_source(tmp_path: Path) -> None:
    """A second text of the same place is that of the first, until the file changes."""
    path, namespace = tmp_path / "changed.py", dict[str, Any]()
    path.write_text("def fail():\n    raise ValueError('no')\n")
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    texts = []
    for source in [None, None, "def fail():\n    raise ValueError('changed')\n"]:
        try:
            namespace["fail"]()
        except ValueError as failure:
            event = _recorded(failure)
            if source is not None:
                path.write_text(source)
            texts.append((event.attributes["exception.stacktrace"], "".join(traceback.format_exception(failure))))

    assert [ours == official for ours, official in texts] == [True] * 3
    assert texts[0] == texts[1] != texts[2]


def test_few_stacks_are_kept() -> None:
    """A program that fails at ever new places does not fill the memory."""
    for number in range(2 * stacks._MOST_KEPT):
        name = f"file {number}"
        linecache.cache[name] = (5, None, ["1 / 0\n"], name)
        with pytest.raises(ZeroDivisionError) as failure:
            exec(compile("1 / 0\n", name, "exec"), {})
        assert "    1 / 0\n" in _recorded(failure.value).attributes["exception.stacktrace"]
        del linecache.cache[name]

    assert 0 < len(stacks._kept) <= stacks._MOST_KEPT


def test_a_source_file_that_is_gone_costs_its_lines_only(tmp_path: Path) -> None:
    """The text has the lines that the files have when it is written."""
    path = tmp_path / "gone.py"
    path.write_text("def fail():\n    raise ValueError('no')\n")
    namespace: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    try:
        namespace["fail"]()
    except ValueError as failure:
        error = failure
    event = _recorded(error)
    path.unlink()

    assert f'File "{path}", line 2, in fail\n' in event.attributes["exception.stacktrace"]
    assert "raise ValueError('no')" not in event.attributes["exception.stacktrace"]


def test_a_failure_to_write_the_text_costs_the_text_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other attributes are exported; a later look may succeed."""
    event = _recorded(_raised([_straight], ValueError("no"), "none", []))
    with monkeypatch.context() as patched:
        patched.setattr(faults, "strict", False)
        patched.setattr(linecache, "checkcache", lambda _: 1 / 0)

        assert list(event.attributes) == ["exception.type", "exception.message", "exception.escaped"]
        assert event.dropped_attributes == 0

    assert "ValueError: no\n" in event.attributes["exception.stacktrace"]


def test_what_is_not_an_attribute_is_none_of_the_event() -> None:
    """The event is an ordinary object otherwise."""
    event = _recorded(_raised([_straight], ValueError("no"), "none", []))

    assert not hasattr(event, "other")
    assert (event.name, event.timestamp > 0) == ("exception", True)


_status = st.one_of(
    st.tuples(st.builds(Status, st.sampled_from(StatusCode), st.sampled_from([None, "", "it broke"]))),
    st.tuples(st.builds(Status, st.sampled_from(StatusCode)), st.just("too much")),
    st.tuples(st.sampled_from(StatusCode), st.sampled_from([None, "it broke"])),
    st.tuples(st.just("no status")),
)


@settings(deadline=None)
@given(
    statuses=st.lists(_status, max_size=4),
    values=st.lists(
        st.tuples(
            st.sampled_from("abcé"),
            st.sampled_from(["x", "y" * 100, 1, True, 2.5, None, b"b", (1, 2), Subclass("s"), {"a": 1}]),
        ),
        max_size=6,
    ),
    looks=st.booleans(),
)
def test_statuses_and_attributes_are_set_as_by_the_official_sdk(
    statuses: list[Any], values: list[Any], looks: bool
) -> None:
    """Whichever way they take, and after the end, too."""
    environ = {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "3", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "1024"}
    ours, official = _ours(environ), _official(environ)
    logging.disable(logging.CRITICAL)
    try:
        results = []
        for span in (ours, official):
            if looks:
                assert not span.attributes
            for status in statuses:
                span.set_status(*status)
            for key, value in values:
                span.set_attribute(key, value)
            span.end(7)
            span.set_status(Status(StatusCode.OK))
            span.set_attribute("late", 1)
            span.record_exception(ValueError("late"))
            attributes = [(key, type(value), value) for key, value in span.attributes.items()]
            results.append((attributes, span.dropped_attributes, span.status.status_code, span.status.description))

        assert results[0] == results[1]
        assert not ours.events
    finally:
        logging.disable(logging.NOTSET)


def test_attributes_of_a_place_are_not_changed_by_one_span() -> None:
    """The spans of an observed function share theirs until one of them gets another."""
    provider = InstalledTracerProvider(SpanFanOut(), {})
    provider.configure(ALWAYS_ON, _RESOURCE, {})
    tracer: Any = provider.get_tracer("library")
    shared = Shared({"a": 1}, "x", SpanKind.INTERNAL)
    start = tracer.span_site(
        shared, lambda context, attributes, at: tracer.start_span("x", context, attributes=attributes, start_time=at)
    )
    first, second, third = (start(Context(), shared, 1) for _ in range(3))
    first.set_attribute("a", 2)
    first.set_attribute("b", 3)
    third.set_attributes({"c": 4})

    assert [dict(span.attributes) for span in (first, second, third)] == [{"a": 2, "b": 3}, {"a": 1}, {"a": 1, "c": 4}]
