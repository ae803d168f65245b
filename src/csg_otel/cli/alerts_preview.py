"""
``csg-otel alerts preview``: live values against thresholds, and which rules would fire or be pending. Sends no notification.

Evaluates the compiled expressions on two scrapes of the running program. A rule whose condition must hold for longer than the
time between these two is pending.
"""

from __future__ import annotations

import argparse
import re
import time
from typing import TYPE_CHECKING, Any, Final

from csg_otel import clocks
from csg_otel.alerts import catalog, conditions, evaluate, quantities, wording
from csg_otel.alerts.evaluate import Evaluator, Labels
from csg_otel.alerts.message import formatted
from csg_otel.alerts.model import RULE_LABEL
from csg_otel.alerts.preview import preview
from csg_otel.alerts.prometheus import promql
from csg_otel.alerts.text import duration
from csg_otel.alerts.units import unit
from csg_otel.cli import alert_source, alerts_replay, endpoint
from csg_otel.cli.arguments import add_timeout, seconds
from csg_otel.errors import CsgOtelError
from csg_otel.lines import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from csg_otel.alerts.model import Rule
    from csg_otel.alerts.preview import Preview, SeriesState
    from csg_otel.config import Config

_MOST_LINES = 5
"""Series that are printed per rule; series that would fire come first."""

_MARKS: Final = {"ok": "  ok        ", "pending": "~ pending   ", "firing": "! would fire"}

_SHOWN = (RULE_LABEL, "severity", catalog.SERVICE, *conditions.SCRAPED)


def register(commands: Any) -> None:
    """Add the command."""
    from csg_otel.cli.alerts import add_command

    parser = add_command(
        commands, "preview", "print which rules would fire now", run, "csg-otel alerts preview --wait 10"
    )
    parser.add_argument(
        "--url",
        help="the /metrics page of the program (default: that of --metrics, else host, port and path in the configuration)",
    )
    parser.add_argument(
        "--wait",
        type=seconds,
        default=5.0,
        metavar="S",
        help="seconds between the two scrapes that rates are computed from (default: 5)",
    )
    alerts_replay.add_options(parser)
    add_timeout(parser, 120.0, "of all requests to --prometheus")


def run(args: argparse.Namespace) -> int:
    """Print the series of each rule; exit 0 whether or not a rule would fire."""
    source = alert_source.read(args)
    if args.prometheus is not None:
        return alerts_replay.run(args, source)
    config = source.loaded.config
    url = args.url or args.metrics or _metrics_url(config)
    scraped = catalog.matcher(source.spec.service, source.spec.selector)
    added = {scraped.label: scraped.value} if scraped else {}
    before = _scrape(url, args, config, added)
    time.sleep(args.wait)
    now = _scrape(url, args, config, added)
    recorded = promql.recorded(source.catalog.find)
    evaluated, earlier = Evaluator(before, now, recorded), Evaluator(before, before, recorded)
    previews = [_preview(rule, evaluated, earlier, now.at_s - before.at_s) for rule in source.spec.rules]
    for one in previews:
        for line in _lines(one):
            print(one_line(line))
    firing = sum(one.fires for one in previews)
    pending = sum(one.holds and not one.fires for one in previews)
    print(f"{firing} of {len(previews)} rules would fire, {pending} would be pending")
    return 0


def _scrape(url: str, args: argparse.Namespace, config: Config, added: Mapping[str, str]) -> evaluate.Scrape:
    text = alert_source.fetch(url, args, config)
    return evaluate.parse(text, clocks.monotonic(), added, unix_s=time.time())


def _preview(rule: Rule, evaluated: Evaluator, earlier: Evaluator, elapsed_s: float) -> Preview:
    """
    Return the state of *rule*.

    Args:
        rule: The rule.
        evaluated: Evaluates expressions now.
        earlier: Evaluates expressions at the first scrape.
        elapsed_s: Seconds between the two.
    """
    try:
        held = earlier(conditions.condition(rule))
    except evaluate.UnevaluableError:
        held = {}
    return preview(rule, evaluated, lambda labels: elapsed_s if labels in held else 0.0)


def _metrics_url(config: Config) -> str:
    prometheus = config.system_monitoring.prometheus
    if not prometheus.enabled:
        raise CsgOtelError("system_monitoring.prometheus is off, so there is no /metrics; switch it on, or give --url")
    return f"{endpoint.url(config)}{prometheus.path}"


def _lines(preview: Preview) -> list[str]:
    """Return the lines about a rule: its series, those that would fire first."""
    rule = preview.rule
    head = f"{rule.severity:<9} {rule.alert}"
    if preview.unevaluable:
        return [f"  not here    {head}: {preview.unevaluable}; --prometheus evaluates it"]
    if not preview.series:
        when = f"be pending for {_text(rule.for_s)}" if rule.for_s else "fire"
        no_data = f" (its no-data alert would {when})" if preview.missing else ""
        return [f"  no data     {head}: {wording.value(rule.witness)}{no_data}"]
    write = _writer(rule)
    limit = f"fires when {wording.condition(rule, write) or 'its PromQL holds'}"
    lines = [
        f"{_MARKS[one.state]}  {head}: {write(one.value)} ({limit}){_when(one)}{_labels(rule, one.labels)}"
        for one in preview.series[:_MOST_LINES]
    ]
    if hidden := preview.series[_MOST_LINES:]:
        holding = sum(one.state != "ok" for one in hidden)
        lines.append(f"              {head}: {len(hidden)} more, of which {holding} would fire or be pending")
    return lines


def _writer(rule: Rule) -> Callable[[float], str]:
    """Return the function that writes the numbers of *rule*: bytes and durations as people read them."""
    form = quantities.form_of(unit(rule.compared.value))
    return lambda number: formatted(number, form)


def _when(series: SeriesState) -> str:
    """Return when the alert of *series* fires, if it is pending."""
    if not series.remaining_s:
        return ""
    return f"; would be pending, fires in {_text(series.remaining_s)} if it still holds"


def _text(seconds_left: float) -> str:
    """Return a duration as ``9 m 55 s``."""
    return re.sub(r"(\d+)([a-z]+)", r"\1 \2 ", duration(max(1, round(seconds_left)))).strip()


def _labels(rule: Rule, labels: Labels) -> str:
    filtered = {each.label for each in rule.first.filters}
    further = [f"{name}={value}" for name, value in labels if name not in _SHOWN and name not in filtered]
    return "  " + ", ".join(further) if further else ""
