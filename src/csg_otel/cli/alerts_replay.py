"""
``csg-otel alerts preview --prometheus URL --range 7d``: how often each rule would have fired. Sends no notification.

Queries the compiled expressions over the range, and replays ``for`` and ``keep_firing_for`` on the answers. The rule: a query
returns at most 2,000 values per series, all requests together end within ``--timeout``.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from csg_otel.alerts import conditions, replay
from csg_otel.alerts.prometheus import rules
from csg_otel.alerts.push.api import Api
from csg_otel.alerts.push.plan import PushError
from csg_otel.alerts.text import duration, rfc3339
from csg_otel.cli import backends, endpoint
from csg_otel.cli.counted import counted
from csg_otel.config import convert
from csg_otel.errors import AlertError
from csg_otel.lines import one_line

if TYPE_CHECKING:
    from csg_otel.alerts.evaluate import Labels
    from csg_otel.alerts.model import Rule
    from csg_otel.alerts.replay import History, Schedule
    from csg_otel.cli.alert_source import Source

_PATH: Final = "/api/v1/query_range"
_VALUES: Final = 2000
"""Values per series of one query: the limit of Prometheus is 11,000, and an answer must stay below that of a response."""

_MOST: Final = 100_000
"""Most evaluations of a rule: 7 days at 6 seconds, or a year at 6 minutes."""

_DEFAULT_STEP_S: Final = 60
_STEPS: Final = 10_000
"""Evaluations without ``--step``, if the range is longer than these minutes."""

_LONGEST_S: Final = 10 * 366 * 86_400.0


class _Alert(NamedTuple):
    """An alert as it is compiled, and its times in seconds."""

    name: str
    severity: str
    expr: str
    for_s: float
    keep_firing_s: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the replay."""
    parser.add_argument(
        "--prometheus",
        metavar="URL",
        help="print how often each rule would have fired, from the past of this Prometheus (instead of from a /metrics)",
    )
    parser.add_argument(
        "--range",
        type=_period,
        default=7 * 86_400.0,
        metavar="7d",
        help="with --prometheus: how far back (default: 7d)",
    )
    parser.add_argument(
        "--step",
        type=_period,
        metavar="1m",
        help="with --prometheus: time between two evaluations, such as the evaluation_interval of Prometheus (default: 1m, "
        "or a ten-thousandth of a longer range)",
    )


def _period(text: str) -> float:
    """Return *text* as whole seconds. Raises ArgumentTypeError, which argparse prints, if it is no such duration."""
    seconds = convert.duration(text)
    if seconds is None or not 1 <= seconds <= _LONGEST_S or seconds != int(seconds):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a duration of whole seconds; write it as 90s, 15m, 12h or 7d"
        )
    return seconds


def run(args: argparse.Namespace, source: Source) -> int:
    """Print the past of each alert; return 1 if Prometheus can't evaluate one. Raises CsgOtelError without a Prometheus."""
    schedule = _schedule(args.range, args.step, time.time())
    url, config = backends.checked(args.prometheus), source.loaded.config
    headers = endpoint.authorization(args.token_file, config, url)
    api = Api(url, headers, timeout_s=args.timeout, tls=endpoint.tls(args, config, url))
    _results(api, "vector(1)", next(schedule.parts(1)))  # a wrong address ends the command here, not once for each rule
    every = [(rule, alert) for rule in source.spec.rules for alert in _alerts(rule)]
    fired = failed = 0
    for rule, alert in every:
        try:
            past = _past(api, alert, schedule)
            line = _line(past) if past else f"never{_unseen(api, rule, schedule)}"
            fired += past is not None
        except PushError as error:
            line = f"not evaluated: {error}"
            failed += 1
        print(one_line(f"{alert.severity:<9} {alert.name}: {line}"))
    period, step = duration(schedule.count * schedule.step_s - schedule.step_s), duration(schedule.step_s)
    print(f"{fired} of {counted(len(every), 'alert')} would have fired in {period}, evaluated each {step}")
    return 1 if failed else 0


def _schedule(range_s: float, step_s: float | None, now_s: float) -> Schedule:
    """
    Return the evaluations of the range that ends now. Raises AlertError if they are too many.

    Args:
        range_s: the range in whole seconds.
        step_s: time between two evaluations in whole seconds; None for the default.
        now_s: the present in Unix seconds.
    """
    step = int(step_s or max(_DEFAULT_STEP_S, math.ceil(range_s / _STEPS)))
    count = int(range_s) // step + 1
    if count > _MOST:
        raise AlertError(
            [f"--step {duration(step)} makes {count} evaluations; {_MOST} is the most, give a longer step"]
        )
    end_s = int(now_s) // step * step
    return replay.Schedule(end_s - (count - 1) * step, step, count)


def _alerts(rule: Rule) -> list[_Alert]:
    """Return the alert of *rule* and that of its missing data, with the expressions that are compiled."""
    return [
        _Alert(
            alert["alert"],
            rule.severity,
            alert["expr"],
            rule.for_s if "for" in alert else 0.0,
            rule.keep_firing_s if "keep_firing_for" in alert else 0.0,
        )
        for alert in rules.alerts(rule)
    ]


def _past(api: Api, alert: _Alert, schedule: Schedule) -> History | None:
    """Return when *alert* would have fired; None for never. Raises PushError if its expression can't be evaluated."""
    held: defaultdict[Labels, set[int]] = defaultdict(set)
    for part in schedule.parts(_VALUES):
        for one in _results(api, alert.expr, part):
            # An alert has the labels of the result, without its name.
            labels = tuple(sorted((key, value) for key, value in one["metric"].items() if key != "__name__"))
            held[labels].update(schedule.number(float(at_s)) for at_s, _ in one["values"])
    firings = (
        firing for each in held.values() for firing in replay.firings(each, schedule, alert.for_s, alert.keep_firing_s)
    )
    return replay.history(firings, schedule)


def _results(api: Api, expr: str, part: Schedule) -> list[dict[str, Any]]:
    """Return the series of *expr* with their values. Raises PushError for an answer that has none of Prometheus' form."""
    query = {"query": expr, "start": part.start_s, "end": part.time_s(part.count - 1), "step": part.step_s}
    answer = api.call("GET", _PATH, query=query)
    try:
        series = answer["data"]["result"]
        if answer["data"]["resultType"] != "matrix" or not all(one["values"] and "metric" in one for one in series):
            raise KeyError
    except (KeyError, TypeError):
        raise PushError(f"{api.where}{_PATH}: the answer is not that of a Prometheus; check the URL") from None
    return list(series)


def _unseen(api: Api, rule: Rule, schedule: Schedule) -> str:
    """Return the note that the first metric of *rule* has no series in the range; empty if it has."""
    first = rule.first
    if first.function == "promql":
        return ""
    series = conditions.count_series(first.ref, first.filters)
    query = {"match[]": series, "start": schedule.start_s, "end": schedule.time_s(schedule.count - 1)}
    answer = api.call("GET", "/api/v1/series", query=query)
    if not isinstance(answer, dict) or answer.get("data"):
        return ""
    cure = "; it is recorded by the rules that `alerts compile` writes: push them first" if first.ref.alias else ""
    return f" (there is no series {series}{cure})"


def _line(past: History) -> str:
    total, longest = duration(past.total_s), duration(past.longest_s)
    last = rfc3339(past.last_s).replace(".000", "")
    lasts = ", fires now" if past.fires else ""
    return f"fired {counted(past.times, 'time')}, {total} in total, longest {longest}, last at {last}{lasts}"
