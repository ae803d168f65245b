"""The queries and their filters, in one table for the command line and for the Model Context Protocol. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["text", "number", "integer", "switch", "texts"]

LEVELS: Final = ("trace", "debug", "info", "warn", "error", "fatal")


@dataclass(frozen=True)
class Filter:
    """
    A filter of a query, which is a parameter of the API.

    Attributes:
        name: The parameter's name.
        kind: The type of its value; ``texts`` is a list of texts, and ``switch`` is on or off.
        help: What it does, in one sentence.
        choices: The only values allowed; empty if any is.
    """

    name: str
    kind: Kind
    help: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Query:
    """
    A query.

    Attributes:
        name: Its name.
        path: The path below ``/api/v1/``; ``{subject}`` stands for the one thing that is asked for.
        help: What it returns, in one sentence.
        filters: Its filters.
        subject: The name of the one thing that is asked for, such as ``trace_id``; empty if there is none.
        subject_help: What the subject is.
    """

    name: str
    path: str
    help: str
    filters: tuple[Filter, ...] = ()
    subject: str = ""
    subject_help: str = ""


_LIMIT: Final = Filter("limit", "integer", "The largest number of rows, 1 to 1000.")
_TEXT: Final = Filter("text", "text", "Only rows in which this text occurs.")
_ATTRIBUTE: Final = Filter("attr", "texts", "Only those with this attribute, as key=value; repeatable.")
_RANGE: Final = Filter("range", "number", "The length of the time that is shown, in seconds; an hour by default.")
_END: Final = Filter("end", "number", "The end of the time that is shown, in Unix seconds; now by default.")
_POINTS: Final = Filter("points", "integer", "The largest number of values per series; 200 by default.")

QUERIES: Final = (
    Query("status", "status", "The snapshot of everything: overall state, checks, destinations, resources, counts."),
    Query(
        "health", "health", "All health checks with message, measurements, timeline and last failures, the worst first."
    ),
    Query(
        "traces",
        "traces",
        "The newest traces: name, start, duration, number of spans and errors. The id of one of them asks for its spans.",
        (
            _LIMIT,
            Filter("before", "number", "Only traces that started before this time, in Unix seconds: the next page."),
            _TEXT,
            Filter("name", "text", "Only traces with a span of this name."),
            Filter("service", "text", "Only traces of this service."),
            Filter("min_ms", "number", "Only traces that took at least this long, in milliseconds."),
            Filter("max_ms", "number", "Only traces that took at most this long, in milliseconds."),
            Filter("error", "switch", "Only traces with an error."),
            Filter("running", "switch", "Only traces with a span that is still running."),
            _ATTRIBUTE,
        ),
    ),
    Query(
        "trace",
        "traces/{subject}",
        "One trace with all spans, attributes, exceptions and log records.",
        subject="trace_id",
        subject_help="The id of the trace.",
    ),
    Query(
        "logs",
        "logs",
        "The newest log records.",
        (
            _LIMIT,
            Filter("before", "integer", "Only records before the one with this id: the next page."),
            Filter("level", "text", "The lowest level.", LEVELS),
            Filter("logger", "text", "Only loggers whose name starts with this."),
            _TEXT,
            Filter("trace", "text", "Only records of the trace with this id."),
            Filter("span", "text", "Only records of the span with this id."),
        ),
    ),
    Query("metrics", "metrics", "All instruments with unit, newest value and attributes.", (_TEXT,)),
    Query(
        "series",
        "metrics/series",
        "The values of one instrument over time; quantiles and rate for a histogram.",
        (
            _RANGE,
            _END,
            Filter(
                "by",
                "texts",
                "One series for each value of this attribute, which a part of its name may stand for; repeatable.",
            ),
            _ATTRIBUTE,
            _POINTS,
            Filter("limit", "integer", "The largest number of series, 1 to 40; 12 by default."),
        ),
        subject="name",
        subject_help="The name of the instrument.",
    ),
    Query("system", "system", "CPU, memory, disk, network and the process over time.", (_RANGE, _POINTS)),
    Query("alerts", "alerts", "The alert rules with their values; those that fire come first."),
    Query(
        "changed",
        "changed",
        "What changed: the series, traces, logs and checks that moved most in a window, against the time before it.",
        (
            Filter(
                "from",
                "number",
                "The start of the window: Unix seconds, or from now, as -600; by default -300.",
            ),
            Filter("to", "number", "The end of the window, in Unix seconds; now by default."),
            _LIMIT,
        ),
    ),
)
"""All queries."""


def query(name: str) -> Query:
    """Return the query *name*. Raises KeyError if there is none."""
    return _BY_NAME[name]


_BY_NAME: Final = {each.name: each for each in QUERIES}


def request(chosen: Query, values: Mapping[str, Any]) -> tuple[str, dict[str, str | list[str]]]:
    """
    Return path and parameters of the API for *chosen*.

    Args:
        chosen: The query.
        values: The values of its filters, and of its subject, by name; None and False leave a filter out.
    """
    parameters: dict[str, str | list[str]] = {}
    for each in chosen.filters:
        value = values.get(each.name)
        if value is None or value is False or value == []:
            continue
        if each.kind == "texts":
            parameters[each.name] = [str(item) for item in value]
        else:
            parameters[each.name] = "true" if value is True else _plain(value)
    subject = str(values.get(chosen.subject, "")) if chosen.subject else ""
    if "{subject}" in chosen.path:
        return chosen.path.format(subject=_path_part(subject)), parameters
    return chosen.path, {chosen.subject: subject, **parameters} if chosen.subject else parameters


def _path_part(subject: str) -> str:
    """Return *subject* with nothing that leads to another path: an id has letters and digits."""
    return "".join(c for c in subject if c.isascii() and c.isalnum()) or "0"


def _plain(value: object) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)
