"""What a developer reads at the terminal: trees of spans with logs inline, and the metrics that changed; or JSON lines."""

from __future__ import annotations

import fcntl
import io
import json
import logging
import os
import pty
import re
import struct
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import StatusCode, Tracer

from csg_otel.exporters.console.screen import Console

ESCAPE = "\x1b"


class _Clock:
    """Time that stands still until it is moved."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class _Feed(SpanProcessor):
    """Gives every ended span to a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def on_end(self, span: ReadableSpan) -> None:
        """Pass *span* on."""
        self._console.spans([span])


class _LogFeed:
    """Gives every log record to a console, as an exporter."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def export(self, batch: Any) -> None:
        """Pass *batch* on."""
        records: list[ReadableLogRecord] = list(batch)
        self._console.logs(records)

    def shutdown(self) -> None:
        """Nothing to end."""


class Screen:
    """A console on a stream, with the real SDK in front of it."""

    def __init__(self, stream: Any = None, **options: Any) -> None:
        self.clock = _Clock()
        self.stream = stream if stream is not None else io.StringIO()
        self.console = Console(self.stream, clock=self.clock, **options)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(_Feed(self.console))
        self.tracer: Tracer = provider.get_tracer("test")
        loggers = LoggerProvider(shutdown_on_exit=False)
        loggers.add_log_record_processor(SimpleLogRecordProcessor(_LogFeed(self.console)))  # type: ignore[arg-type]
        self.logger = loggers.get_logger("test")
        self._reader = InMemoryMetricReader()
        self.meter = MeterProvider([self._reader], shutdown_on_exit=False).get_meter("test")

    def collect(self) -> None:
        """Read the instruments as the console's reader does."""
        data = self._reader.get_metrics_data()
        assert data is not None
        self.console.metrics(data)

    @property
    def text(self) -> str:
        """Everything written so far."""
        return str(self.stream.getvalue())

    @property
    def rows(self) -> list[str]:
        """What is behind the time and the gutter, row by row."""
        return [row[23:] for row in self.text.splitlines()]


@pytest.fixture
def screen() -> Screen:
    """A console on a text stream."""
    return Screen()


def test_a_tree_is_drawn_in_the_order_things_began_under_their_parents(screen: Screen) -> None:
    """Nothing is drawn before the root has ended, then parents above children."""
    with screen.tracer.start_as_current_span("root"):
        with screen.tracer.start_as_current_span("first"), screen.tracer.start_as_current_span("inner"):
            pass
        with screen.tracer.start_as_current_span("second", attributes={"rows": 3, "query": "a b"}):
            pass
        assert screen.text == ""

    assert screen.rows == ["root", "├─ first", "│  └─ inner", '└─ second  rows=3 query="a b"']


def test_every_line_begins_with_the_time_and_how_long_it_took(screen: Screen) -> None:
    """Time of day, then a duration with its unit."""
    start_ns = 1_700_000_000_000_000_000
    screen.tracer.start_span("op", start_time=start_ns).end(start_ns + 12_340_000)

    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}  12\.3 ms  op\n", screen.text)


def test_logs_and_events_stand_where_they_happened(screen: Screen) -> None:
    """Under the span they belong to, between its children."""
    with screen.tracer.start_as_current_span("root") as root:
        with screen.tracer.start_as_current_span("child"):
            screen.logger.emit(body="inside", severity_text="INFO", attributes={"size": 7})
        root.add_event("halfway", {"share": 0.5})

    assert screen.rows == ["root", "└─ child", "      inside  size=7", "   halfway  share=0.5"]


def test_a_failure_says_type_message_and_place_once(screen: Screen) -> None:
    """The deepest span that failed tells what and where; those above only mark it."""
    with (
        pytest.raises(ValueError, match="no seats"),
        screen.tracer.start_as_current_span("order"),
        screen.tracer.start_as_current_span("book"),
    ):
        raise ValueError("no seats left")

    assert screen.text.count("no seats left") == 1
    assert screen.rows[0].startswith("order  ✖ ValueError")
    assert screen.rows[1].startswith("└─ book  ✖ ValueError: no seats left")
    assert re.search(r"test_console\.py:\d+ in test_a_failure", screen.rows[2])


def test_a_root_that_runs_on_does_not_hide_its_children_for_ever(screen: Screen) -> None:
    """After two seconds what has ended is shown, marked as part of something that still runs; and shown once."""
    with screen.tracer.start_as_current_span("server"):
        with screen.tracer.start_as_current_span("request"):
            pass
        screen.clock.now_s = 1.9
        screen.console.tick()
        assert screen.text == ""

        screen.clock.now_s = 2.1
        screen.console.tick()
        assert screen.rows == ["┆  request"]

    assert screen.rows == ["┆  request", "server"]


def test_a_thousand_spans_without_a_root_are_not_hoarded(screen: Screen) -> None:
    """Memory is bounded: the oldest traces are drawn early, each span once."""
    roots = [screen.tracer.start_span(f"root{number}") for number in range(3)]
    from opentelemetry.trace import set_span_in_context

    for number in range(1200):
        screen.tracer.start_span(f"child{number}", context=set_span_in_context(roots[number % 3], Context())).end()
    assert screen.text.count("child") > 0

    for root in roots:
        root.end()
    screen.console.close()
    assert sorted(re.findall(r"child\d+", screen.text)) == sorted(f"child{number}" for number in range(1200))


def test_what_still_waits_at_the_end_is_shown(screen: Screen) -> None:
    """A program that ends in the middle of a trace shows what it did."""
    with screen.tracer.start_as_current_span("root"):
        with screen.tracer.start_as_current_span("done"):
            pass
        screen.console.close()

        assert screen.rows == ["┆  done"]


def test_a_recursion_does_not_push_names_off_the_screen(screen: Screen) -> None:
    """Beyond ten levels the tree stays in one column, and a hundred levels need no recursion of ours."""

    def dive(depth: int) -> None:
        with screen.tracer.start_as_current_span(f"level{depth}"):
            if depth < 400:
                dive(depth + 1)

    dive(0)

    assert len(screen.rows) == 401
    assert max(len(row) for row in screen.rows) < 45


def test_only_changed_metrics_get_a_row(screen: Screen) -> None:
    """The value before, the value now, and nothing when all stays as it was."""
    orders = screen.meter.create_counter("orders", unit="{order}")
    orders.add(3, {"channel": "web"})
    screen.collect()
    assert re.search(r"orders\{channel=web\} +-> 3$", screen.text, re.MULTILINE), screen.text

    shown = screen.text
    screen.collect()
    assert screen.text == shown

    orders.add(2, {"channel": "web"})
    screen.collect()
    assert screen.text[len(shown) :].rstrip().endswith("orders{channel=web}  3 -> 5")


def test_a_histogram_tells_how_its_new_measurements_were(screen: Screen) -> None:
    """The mean of what came since, percentiles once there is enough to speak of."""
    took = screen.meter.create_histogram("took", unit="s", explicit_bucket_boundaries_advisory=[0.1, 0.2, 0.4])
    took.record(0.1)
    screen.collect()
    assert "mean 100 ms" in screen.text
    assert "p50" not in screen.text

    for _ in range(100):
        took.record(0.15)
    screen.collect()

    assert re.search(r"1 -> 101 .*mean 150 ms  p50 150 ms  p95 195 ms", screen.text)


def test_colour_and_control_characters_of_the_program_do_not_reach_the_terminal() -> None:
    """A name can't move the cursor or forge a line, with our own colours on or off."""
    evil = "a\nb\x1b[2J\x00\u202e\x9b31m"
    for color in (False, True):
        screen = Screen(color=color)
        with screen.tracer.start_as_current_span(evil, attributes={evil: evil}):
            screen.logger.emit(body=evil, severity_text=evil)
        shown = re.sub(r"\x1b\[\d+m", "", screen.text) if color else screen.text

        assert ESCAPE not in shown
        assert all(character.isprintable() or character == "\n" for character in shown)
        assert (ESCAPE in screen.text) is color
        assert all(re.match(r"(\d\d:){2}| {12}", row) for row in shown.splitlines())


def test_a_narrow_encoding_gets_ascii() -> None:
    """On a Latin-1 or ASCII stream the tree is drawn with ASCII and the rest is escaped."""
    buffer = io.BytesIO()
    screen = Screen(io.TextIOWrapper(buffer, encoding="ascii", write_through=True))
    with screen.tracer.start_as_current_span("root"), screen.tracer.start_as_current_span("naïve ☃"):
        pass

    assert b"`- na\\xefve \\u2603" in buffer.getvalue()


@contextmanager
def terminal(columns: int) -> Iterator[tuple[TextIO, Callable[[], str]]]:
    """A pseudo-terminal of *columns*: a stream to write to, and what reads back what was written."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        yield stream, lambda: os.read(master, 65536).decode()
    os.close(master)


def test_a_terminal_is_never_written_wider_than_it_is() -> None:
    """On a pty of 60 columns long lines are cut, wide characters counted twice."""
    with terminal(60) as (stream, written):
        screen = Screen(stream)
        with screen.tracer.start_as_current_span("漢字" * 30, attributes={"long": "x" * 300, "b": "y" * 300}):
            screen.logger.emit(body="word " * 60, severity_text="INFO")
        text = written()

    rows = text.splitlines()
    assert len(rows) > 3, "a long message goes on in further lines"
    assert all(len(row) + sum(character in "漢字" for character in row) <= 60 for row in rows), rows
    assert text.count("word") == 60


def test_series_are_told_apart_on_a_narrow_terminal() -> None:
    """Where names with attributes do not fit, the series of a metric stand below its name."""
    with terminal(70) as (stream, written):
        screen = Screen(stream)
        took = screen.meter.create_histogram("csg.operation.duration", unit="s")
        for name in ("find_speakers", "find_sentences"):
            took.record(0.1, {"csg.operation.name": name})
        took.record(0.1, {"csg.operation.name": "parse", "error.type": "TranscriptError", "csg.a": "x" * 30})
        screen.collect()
        rows = [row[23:].rstrip() for row in written().splitlines()]

    assert rows[0] == "csg.operation.duration"
    assert [row.split()[0] for row in rows[1:]] == ["parse,", "find_sentences", "find_speakers"]
    assert "error.type=Tra" in rows[1], "what went wrong is not what is cut first"


def test_the_message_of_a_failure_is_shown_whole() -> None:
    """In lines of its own where it does not fit, below the type without its module."""
    with terminal(70) as (stream, written):
        tracer = Screen(stream).tracer
        with pytest.raises(json.JSONDecodeError), tracer.start_as_current_span("read the settings"):
            raise json.JSONDecodeError("a cue needs a line with its timing, (00:01.000 --> 00:04.000)", "", 0)
        rows = [row[23:].rstrip() for row in written().splitlines()]

    assert rows[0] == "read the settings  ✖ JSONDecodeError"
    message = "a cue needs a line with its timing, (00:01.000 --> 00:04.000): line 1 column 1 (char 0)"
    assert " ".join(row.strip() for row in rows[1:-1]) == message
    assert "test_console.py" in rows[-1]


def test_a_failure_without_an_exception_has_no_type_on_a_narrow_terminal() -> None:
    """A failed health check has a message only: no made-up word "error" stands beside its name."""
    with terminal(70) as (stream, written):
        span = Screen(stream).tracer.start_span("health_check load")
        span.set_status(StatusCode.ERROR, "load_per_cpu 5.811, more than 5; find the busiest processes with top")
        span.end()
        rows = [row[23:].rstrip() for row in written().splitlines()]

    assert rows[0] == "health_check load  ✖"
    assert " ".join(row.strip() for row in rows[1:]) == (
        "load_per_cpu 5.811, more than 5; find the busiest processes with top"
    )


def test_a_closed_stream_makes_it_quiet_and_raises_nothing(screen: Screen) -> None:
    """A terminal that went away is no reason for the program to fail."""
    screen.stream.close()

    with screen.tracer.start_as_current_span("root"):
        screen.logger.emit(body="anybody there?")
    screen.console.tick()
    screen.console.close()


def test_a_child_process_does_not_show_what_the_parent_held_back(screen: Screen) -> None:
    """Each span is shown by the process it ran in."""
    with screen.tracer.start_as_current_span("root"):
        with screen.tracer.start_as_current_span("before"):
            pass
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            screen.console.close()
            os.write(writing, screen.text.encode() or b"nothing")
            os._exit(0)
        os.close(writing)
        os.waitpid(pid, 0)
        assert os.read(reading, 1000) == b"nothing"
        os.close(reading)

    assert screen.rows == ["root", "└─ before"]


def test_what_is_not_well_comes_first_in_the_line_of_health(screen: Screen) -> None:
    """So that a narrow terminal cuts what matters least."""
    status = screen.meter.create_gauge("csg.health.check.status")
    for name, state in (("disk", "healthy"), ("cpu", "critical"), ("load", "warning")):
        status.set(1, {"csg.health.check.name": name, "csg.health.state": state})
    screen.collect()

    assert screen.rows == ["✖ 1 critical cpu  ▲ 1 warning load  ✔ 1 healthy"]


def test_the_fullest_disk_is_one_that_can_be_filled(screen: Screen) -> None:
    """A read-only image, which is always full, is not shown."""
    used = screen.meter.create_gauge("system.filesystem.utilization", unit="1")
    for mount, mode, share in (("/snap/core", "ro", 1.0), ("/data", "rw", 0.5), ("/", "rw", 0.25)):
        used.set(share, {"system.filesystem.mountpoint": mount, "system.filesystem.mode": mode})
    screen.collect()

    assert screen.rows == ["disk /data 50%"]


def test_a_change_of_state_is_told_once(screen: Screen) -> None:
    """Its message says the name and both states; they are not repeated as attributes, while the outage's length is shown."""
    found = {"csg.health.check.name": "db", "csg.health.from": "critical", "csg.health.to": "healthy"}
    screen.logger.emit(
        body="db: CRITICAL -> HEALTHY",
        event_name="csg.health.check.state_change",
        attributes={**found, "csg.health.outage": 3.5},
    )

    assert screen.rows == ["db: CRITICAL -> HEALTHY  outage=3.5"]


def test_logs_outside_any_trace_appear_at_once(screen: Screen) -> None:
    """With level, message and attributes."""
    screen.logger.emit(body="started", severity_text="WARNING", attributes={"port": 8081})

    assert re.search(r"WARNING  started  port=8081\n", screen.text)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(), st.dictionaries(st.text(min_size=1), _values, max_size=4), _values)
def test_every_json_line_is_json_whatever_the_program_put_in(name: str, found: dict[str, Any], body: Any) -> None:
    """One object a line, for spans, logs and metrics; no NaN, no lone surrogate."""
    # The SDK warns about each attribute it does not take.
    logging.disable(logging.WARNING)
    try:
        screen = Screen(style="json")
        with screen.tracer.start_as_current_span(name, attributes=found):
            screen.logger.emit(body=body, attributes=found)
        screen.meter.create_counter("c").add(1, {"k": name})
        screen.collect()
    finally:
        logging.disable(logging.NOTSET)

    kinds = [parsed["signal"] for parsed in _objects(screen.text)]
    assert kinds == ["log", "span", "metric"]


def _objects(text: str) -> Iterator[dict[str, Any]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    for line in text.splitlines():
        yield json.loads(line, parse_constant=refuse)


def test_json_has_what_a_machine_needs() -> None:
    """Ids, times in UTC, durations in seconds, the error with its place, values before and after."""
    screen = Screen(style="json")
    with pytest.raises(KeyError), screen.tracer.start_as_current_span("root", attributes={"n": 1}):
        raise KeyError("k")
    counter = screen.meter.create_counter("c", unit="By")
    counter.add(1)
    screen.collect()
    counter.add(1)
    screen.collect()

    span, first, second = _objects(screen.text)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", span["ts"])
    assert re.fullmatch("[0-9a-f]{32}", span["trace_id"])
    assert (span["parent_id"], span["status"], span["attributes"]) == (None, "error", {"n": 1})
    assert span["error"]["type"] == "KeyError"
    assert "in test_json_has" in span["error"]["place"]
    assert (first["previous"], first["value"], second["previous"], second["value"]) == (None, 1, 1, 2)
    assert (second["kind"], second["unit"]) == ("counter", "By")
