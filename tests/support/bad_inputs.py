"""
Everything a program can get wrong, one case a line: values, keys, names, numbers, units, times, and calls that make no sense.

Run as a program it instruments itself, applies each case, emits something good beside it, scrapes itself, and prints what it
saw; the test reads that and what the receiver got. Values that raise do so from every method a library may call.
"""

# mypy: disable-error-code="misc"
# It infers no types of lambdas whose defaults are Any, which here is what they are about.

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import json
import logging
import pathlib
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from opentelemetry import _logs, metrics, trace
from opentelemetry.metrics import Observation
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

import csg_otel

Case = Callable[[], Any]


class Raises:
    """Raises whatever it is asked."""

    def _raise(self, *_: Any) -> Any:
        raise ValueError("asked")

    __str__ = __repr__ = __hash__ = __eq__ = __bool__ = __len__ = __iter__ = __float__ = __int__ = __index__ = _raise
    __lt__ = __gt__ = __format__ = __contains__ = __getitem__ = _raise


class Liar:
    """Raises when asked for its class."""

    @property
    def __class__(self) -> Any:
        raise ValueError("asked")

    @__class__.setter
    def __class__(self, _: Any) -> None: ...


class BadText(str):
    """A text that can't be shown."""

    def __str__(self) -> str:
        raise ValueError("asked")

    __repr__ = __str__


class BadMapping(dict[str, Any]):
    """A mapping that can't be read."""

    def items(self) -> Any:
        raise ValueError("asked")

    keys = values = __iter__ = items


class BadError(Exception):
    """An exception that can't be shown."""

    def __str__(self) -> str:
        raise ValueError("asked")


class Color(enum.Enum):
    """An enumeration."""

    RED = "red"


def _deep(levels: int, make: Callable[[Any], Any]) -> Any:
    found: Any = 1
    for _ in range(levels):
        found = make(found)
    return found


_itself: list[Any] = []
_itself.append(_itself)
_itself_too: dict[str, Any] = {}
_itself_too["a"] = _itself_too

VALUES: Mapping[str, Any] = {
    "surrogate": "\ud800",
    "surrogate-inside": "good \udfff good",
    "nul": "a\0b",
    "control": "\x1b[2J\r\n\u202e",
    "megabyte": "x" * 1_000_000,
    "megabyte-wide": "é" * 1_000_000,
    "text-raising": BadText("x"),
    "int-2**63": 2**63,
    "int--2**63-1": -(2**63) - 1,
    "int-5000-digits": 10**5000,
    "nan": float("nan"),
    "inf": float("inf"),
    "decimal": decimal.Decimal("1.5"),
    "decimal-snan": decimal.Decimal("sNaN"),
    "fraction": fractions.Fraction(1, 3),
    "complex": 1j,
    "bytes": b"\xff\x00",
    "bytes-megabyte": b"x" * 1_000_000,
    "bytearray": bytearray(b"\xff"),
    "memoryview": memoryview(b"x"),
    "none": None,
    "object": object(),
    "class": Raises,
    "function": _deep,
    "module": json,
    "generator": (n for n in range(3)),
    "raises": Raises(),
    "liar": Liar(),
    "list-of-raises": [Raises(), Liar(), 1],
    "itself": _itself,
    "itself-too": _itself_too,
    "deep-list": _deep(300, lambda inner: [inner]),
    "deeper-list": _deep(5000, lambda inner: [inner]),
    "deep-dict": _deep(300, lambda inner: {"k": inner}),
    "mixed": [1, "a", 2.5, None, b"x", True],
    "list-of-surrogates": ["\ud800", "good"],
    "list-of-huge": [2**64, 1],
    "set": {1, "a"},
    "dict": {"a": {"b": [1]}},
    "dict-keys": {1: 2, None: 3, ("a",): 4, "\ud800": 5},
    "dict-raising": BadMapping(a=1),
    "dict-of-raises": {"a": Raises()},
    "empty-list": [],
    "list-10000": [1] * 10_000,
    "dict-10000": dict.fromkeys(map(str, range(10_000)), 1),
    "numpy-array": np.zeros((3, 3)),
    "numpy-float": np.float32(1.5),
    "numpy-int": np.int64(7),
    "numpy-bool": np.bool_(True),
    "enum": Color.RED,
    "datetime": dt.datetime(1, 1, 1, tzinfo=dt.timezone.utc),
    "exception": BadError(),
    "path": pathlib.Path("/x"),
    "uuid": uuid.UUID(int=1),
}

KEYS: Mapping[str, Any] = {
    "empty": "",
    "none": None,
    "int": 5,
    "bytes": b"x",
    "surrogate": "\ud800",
    "nul": "a\0b",
    "newline": 'a\n"b\\',
    "long": "k" * 100_000,
    "tuple": ("a", 1),
    "object": object(),
    "text-raising": BadText("x"),
    "label-le": "le",
    "label-name": "__name__",
    "space": "a b",
    "wide": "é",
    "same-label": "case.id",
}

NAMES: Mapping[str, Any] = {
    "empty": "",
    "none": None,
    "int": 5,
    "surrogate": "\ud800",
    "nul": "a\0b",
    "newline": 'a\nb"{}',
    "digit": "1st",
    "space": "a b",
    "wide": "é",
    "long": "n" * 100_000,
    "raises": Raises(),
    "text-raising": BadText("text"),
}

NUMBERS: Mapping[str, Any] = {
    "negative": -1,
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
    "2**63": 2**63,
    "10**400": 10**400,
    "1e308": 1e308,
    "text": "1",
    "none": None,
    "true": True,
    "decimal": decimal.Decimal("1.5"),
    "decimal-nan": decimal.Decimal("NaN"),
    "fraction": fractions.Fraction(1, 3),
    "numpy": np.float64(2.5),
    "numpy-array": np.zeros(3),
    "complex": 1j,
    "list": [1],
    "bytes": b"1",
    "raises": Raises(),
    "liar": Liar(),
}

TIMES: Mapping[str, Any] = {
    "negative": -1,
    "2**64": 2**64,
    "float": 1.5e18,
    "nan": float("nan"),
    "text": "now",
    "datetime": dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc),
    "true": True,
    "raises": Raises(),
}


def _tracer() -> Any:
    return trace.get_tracer("bad")


def _meter() -> Any:
    # Untyped, because what the cases do is what types forbid.
    return metrics.get_meter("bad")


def _in_span(do: Callable[[trace.Span], Any]) -> Case:
    def case() -> None:
        with _tracer().start_as_current_span("bad") as span:
            do(span)

    return case


def _in_operation(do: Callable[[Any], Any]) -> Case:
    def case() -> None:
        with csg_otel.observe("bad") as operation:
            do(operation)

    return case


def _observed(bad: Any) -> None:
    with csg_otel.observe("bad", bad):
        pass


_own_counter: list[Any] = []


def _own() -> Any:
    """The one counter of ours the cases share, so that they don't run into a limit of the program's own making."""
    if not _own_counter:
        _own_counter.append(csg_otel.counter("bad.own"))
    return _own_counter[0]


def _carriers(bad: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Yield everything that takes attributes, with *bad* ones."""
    other = SpanContext(1, 2, is_remote=True)
    yield "span.set_attributes", _in_span(lambda span: span.set_attributes(bad))
    yield "span.start", lambda: _tracer().start_span("bad", attributes=bad).end()
    yield "span.add_event", _in_span(lambda span: span.add_event("bad", bad))
    yield "span.add_link", _in_span(lambda span: span.add_link(other, bad))
    yield "span.links", lambda: _tracer().start_span("bad", links=[Link(other, bad)]).end()
    yield "span.record_exception", _in_span(lambda span: span.record_exception(ValueError("x"), bad))
    yield "observe", lambda: _observed(bad)
    yield "event", lambda: csg_otel.event("bad", bad)
    yield "logger.emit", lambda: _logs.get_logger("bad").emit(_logs.LogRecord(body="bad", attributes=bad))
    yield "counter", lambda: _own().add(1, bad)
    yield "otel.counter", lambda: _meter().create_counter("bad.counter").add(1, bad)


def _value_cases() -> Iterator[tuple[str, Any]]:
    for label, value in VALUES.items():
        for carrier, case in _carriers({"bad": value}):
            yield f"value {label} in {carrier}", case
        yield f"value {label} in set_attribute", _in_span(lambda span, v=value: span.set_attribute("bad", v))
        yield f"value {label} in operation", _in_operation(lambda operation, v=value: operation.set_attribute("bad", v))
        yield f"value {label} in extra", lambda v=value: logging.getLogger("bad").warning("bad", extra={"bad": v})
        if label not in ("liar", "deeper-list"):  # with these the logging module raises by itself
            yield f"value {label} as argument", lambda v=value: logging.getLogger("bad").warning("bad %s", v)
            yield f"value {label} as message", lambda v=value: logging.getLogger("bad").warning(v)
        yield f"value {label} as body", lambda v=value: _logs.get_logger("bad").emit(_logs.LogRecord(body=v))
        yield f"value {label} as attributes", _in_span(lambda span, v=value: span.set_attributes(v))
        yield f"value {label} as measured attributes", lambda v=value: _own().add(1, v)
        yield f"value {label} as cache", lambda v=value: csg_otel.cache(v).hit()
        yield f"value {label} as file", lambda v=value: csg_otel.file_processed(v, size_bytes=1)
        yield f"value {label} as status", _in_span(lambda span, v=value: span.set_status(v))
        yield f"value {label} as said", _in_span(lambda span, v=value: span.set_status(StatusCode.ERROR, v))
        yield f"value {label} as exception", _in_span(lambda span, v=value: span.record_exception(v))
        yield f"value {label} as link", _in_span(lambda span, v=value: span.add_link(v))


def _key_cases() -> Iterator[tuple[str, Any]]:
    for label, key in KEYS.items():
        for carrier, case in _carriers({key: "value", "case_id": "x"}):
            yield f"key {label} in {carrier}", case
        yield f"key {label} in set_attribute", _in_span(lambda span, k=key: span.set_attribute(k, 1))
    many = {f"key.{number}": number for number in range(10_000)}
    for carrier, case in _carriers(many):
        yield f"10,000 keys in {carrier}", case


_KINDS = ("counter", "up_down_counter", "histogram", "gauge")
_OBSERVABLES = ("observable_counter", "observable_up_down_counter", "observable_gauge")


def _name_cases() -> Iterator[tuple[str, Any]]:
    for label, name in NAMES.items():
        for kind in _KINDS + _OBSERVABLES:
            yield f"name {label} of {kind}", lambda k=kind, n=name: getattr(_meter(), f"create_{k}")(n)
        yield f"name {label} measured", lambda n=name: _meter().create_counter(n).add(1)
        yield f"name {label} of span", lambda n=name: _tracer().start_span(n).end()
        yield f"name {label} of update", _in_span(lambda span, n=name: span.update_name(n))
        yield f"name {label} of event in span", _in_span(lambda span, n=name: span.add_event(n))
        yield f"name {label} of event", lambda n=name: csg_otel.event(n)
        yield (
            f"name {label} of tracer",
            lambda n=name: trace.get_tracer(n, n, schema_url=n, attributes={"a": n}).start_span("bad").end(),
        )
        yield (
            f"name {label} of meter",
            lambda n=name: (
                metrics.get_meter(n, n, schema_url=n, attributes={"a": n}).create_counter("bad.scope").add(1)
            ),
        )
        yield (
            f"name {label} of logger",
            lambda n=name: _logs.get_logger(n, n, schema_url=n, attributes={"a": n}).emit(_logs.LogRecord(body="bad")),
        )
        yield f"unit {label}", lambda n=name: _meter().create_counter("bad.unit", unit=n).add(1)
        yield f"description {label}", lambda n=name: _meter().create_counter("bad.help", description=n).add(1)
        yield f"severity {label}", lambda n=name: csg_otel.event("bad", severity=n)
    for label, bad in {"text": "x", "falling": [2, 1], "nan": [float("nan")], "mixed": [1, "a"], "int": 5}.items():
        yield (
            f"buckets {label}",
            lambda b=bad, which=label: _meter().create_histogram(
                f"bad.buckets.{which}", explicit_bucket_boundaries_advisory=b
            ).record(1),
        )  # fmt: skip


def _number_cases() -> Iterator[tuple[str, Any]]:
    method = {"counter": "add", "up_down_counter": "add", "histogram": "record", "gauge": "set"}
    for label, number in NUMBERS.items():
        for kind in _KINDS:
            yield (
                f"number {label} in otel {kind}",
                lambda k=kind, n=number: getattr(getattr(_meter(), f"create_{k}")(f"bad.{k}"), method[k])(n),
            )
            yield (
                f"number {label} in {kind}",
                lambda k=kind, n=number: getattr(getattr(csg_otel, k)(f"bad.own.{k}"), method[k])(n),
            )
        for kind in _OBSERVABLES:
            yield f"number {label} observed by {kind}", lambda k=kind, n=number, which=label: getattr(_meter(), f"create_{k}")(
                f"bad.{k}", [lambda _: [Observation(n, {"which": which}), Observation(1, {"which": "good"})]]
            )  # fmt: skip
        yield f"number {label} returned", lambda n=number: csg_otel.observable_gauge("bad.returned", lambda: n)
        yield f"number {label} in pairs", lambda n=number: csg_otel.observable_gauge(
            "bad.pairs", lambda: [(n, {"a": "b"}), (1, {"\ud800": Raises()}), n, (1, {"good": "yes"})]
        )  # fmt: skip
        yield f"number {label} as size", lambda n=number: csg_otel.file_processed("bad", size_bytes=n)
        if type(number) not in (int, float, bool):  # the logging module compares them by itself
            continue
        yield f"number {label} as level", lambda n=number: logging.getLogger("bad").handle(
            logging.makeLogRecord({"name": "bad", "levelno": n, "levelname": "BAD", "msg": "bad"})
        )  # fmt: skip


def _time_cases() -> Iterator[tuple[str, Any]]:
    for label, at in TIMES.items():
        yield f"time {label} at start", lambda t=at: _tracer().start_span("bad", start_time=t).end()
        yield f"time {label} at end", lambda t=at: _tracer().start_span("bad").end(t)
        yield f"time {label} of event", _in_span(lambda span, t=at: span.add_event("bad", timestamp=t))
        yield (
            f"time {label} of log",
            lambda t=at: _logs.get_logger("bad").emit(_logs.LogRecord(timestamp=t, body="bad")),
        )
        yield f"time {label} of record", lambda t=at: logging.getLogger("bad").handle(
            logging.makeLogRecord({"name": "bad", "levelno": 30, "created": t, "msg": "bad"})
        )  # fmt: skip


def _raising_block() -> None:
    try:
        with _tracer().start_as_current_span("bad"):
            raise BadError
    except BadError:
        return
    raise AssertionError("the program's own exception did not arrive")


def _raising_span() -> None:
    try:
        with _tracer().start_span("bad"):
            raise BadError
    except BadError:
        return
    raise AssertionError("the program's own exception did not arrive")


def _raising_operation() -> None:
    try:
        with csg_otel.observe("bad"):
            raise BadError
    except BadError:
        return
    raise AssertionError("the program's own exception did not arrive")


def _logged_error() -> None:
    try:
        raise BadError
    except BadError:
        logging.getLogger("bad").exception("bad")


def _twice_too_much() -> None:
    counter = _meter().create_counter("bad.sum")
    for _ in range(3):
        counter.add(2**62)


def _late() -> None:
    span = _tracer().start_span("bad")
    span.end()
    span.set_attribute("late", 1)
    span.end()


def _other_cases() -> Iterator[tuple[str, Any]]:
    log: Any = logging.getLogger("bad")
    yield "an exception that can't be shown, in a block", _raising_block
    yield "an exception that can't be shown, in a span", _raising_span
    yield "an exception that can't be shown, in an operation", _raising_operation
    yield "an exception that can't be shown, logged", _logged_error
    yield "too few arguments of a message", lambda: log.warning(*("%s %s", 1))
    yield "too many arguments of a message", lambda: log.warning(*("bad", 1, 2))
    yield "wrong arguments of a message", lambda: log.warning(*("%d", "x"))
    yield "exc_info that is none", lambda: log.warning("bad", exc_info=(ValueError, "x", None))
    yield "exc_info that is true", lambda: log.warning("bad", exc_info=True)
    yield (
        "record without a path",
        lambda: log.handle(logging.makeLogRecord({"msg": None, "levelno": 30, "pathname": None})),
    )
    yield "a kind of span", lambda: _tracer().start_span("bad", kind="server").end()
    yield "another kind of span", lambda: _tracer().start_span("bad", kind=99).end()
    yield "a context", lambda: _tracer().start_span("bad", context="x").end()
    yield "a measurement's context", lambda: _meter().create_counter("bad.context").add(1, {}, "x")
    yield "links that are none", lambda: _tracer().start_span("bad", links=5).end()
    yield "links of all kinds", lambda: _tracer().start_span("bad", links=[1, None, Raises()]).end()
    yield "a link too large", _in_span(lambda span: span.add_link(SpanContext(2**200, 2**100, is_remote=False)))
    yield "a status", _in_span(lambda span: span.set_status(Status(StatusCode.ERROR, "\ud800")))
    yield "callbacks that are none", lambda: _meter().create_observable_gauge("bad.none", [None, 5])
    yield "no list of callbacks", lambda: _meter().create_observable_gauge("bad.no-list", 5)
    odd: Mapping[str, Any] = {"none": None, "int": 5, "items": [1, None], "exit": Raises(), "pair": [(1, {})]}
    for label, bad in odd.items():
        yield (
            f"a callback returns {label}",
            lambda b=bad, which=label: _meter().create_observable_gauge(f"bad.{which}", [lambda _: b]),
        )
    for error in (ValueError("x"), SystemExit(1), BadError()):
        yield f"a callback raises {type(error).__name__}", lambda e=error: _meter().create_observable_counter(
            f"bad.{type(e).__name__}", [lambda _: (_ for _ in ()).throw(e)]
        )  # fmt: skip
    yield (
        "a name for two kinds",
        lambda: (_meter().create_counter("bad.two").add(1), _meter().create_gauge("bad.two").set(1)),
    )
    yield (
        "two names for one family",
        lambda: [_meter().create_counter(n).add(1) for n in ("bad.x_y", "bad.x.y", "bad.x/y")],
    )
    yield "sums beyond what OTLP can carry", _twice_too_much
    yield "10,000 events", _in_span(lambda span: [span.add_event(str(number)) for number in range(10_000)] and None)
    yield "set after the end", _late
    yield (
        "3,000 series",
        lambda: [_meter().create_counter("bad.many").add(1, {"user": n}) for n in range(3000)] and None,
    )


def cases() -> dict[str, Case]:
    """Return every case by its name."""
    made = (_value_cases, _key_cases, _name_cases, _number_cases, _time_cases, _other_cases)
    return {label: case for make in made for label, case in make()}


def main() -> None:
    """Apply every case; print one JSON object with what raised and which scrapes failed."""
    from prometheus_client.parser import text_string_to_metric_families as parse

    logging.basicConfig(filename="app.log", level=logging.INFO)
    telemetry = csg_otel.instrument(config=json.loads(sys.argv[1]))
    good = metrics.get_meter("good").create_counter("good")
    log = logging.getLogger("good")
    raised, scrapes = {}, {}
    for number, (label, case) in enumerate(cases().items()):
        try:
            case()
        except BaseException as error:
            raised[label] = type(error).__name__
        with trace.get_tracer("good").start_as_current_span(f"good {number}", kind=SpanKind.SERVER):
            good.add(1)
            log.warning("good %d", number)
        if number % 25 == 0 or (number % 5 == 0 and label.startswith("number")):
            scrapes[label] = _scrape(telemetry.url, number + 1, parse)
        if number % 100 == 0:
            telemetry.force_flush(10)
    started = time.monotonic()
    flushed = telemetry.force_flush(20)
    status = telemetry.status()["otlp"]
    print(
        json.dumps(
            {
                "raised": raised,
                "applied": number + 1,
                "scrapes": {label: problem for label, problem in scrapes.items() if problem},
                "scraped": len(scrapes),
                "flushed": flushed,
                "dropped": status.dropped,
                "took_s": time.monotonic() - started,
            }
        ),
        flush=True,
    )
    telemetry.shutdown()


def _scrape(url: str, expected: int, parse: Callable[[str], Any]) -> str:
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            families = list(parse(answer.read().decode()))
        found = [s.value for family in families for s in family.samples if s.name == "good_total"]
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "" if found == [expected] else f"good is {found}, not {expected}"


if __name__ == "__main__":
    main()
