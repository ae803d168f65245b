"""
``csg-otel alerts preview``: live values against thresholds, and which rules would fire. Sends no notification.

Evaluates the compiled expressions on two scrapes of the running program.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from csg_otel import clocks
from csg_otel.alerts import conditions, evaluate
from csg_otel.alerts.evaluate import Evaluator, Labels
from csg_otel.alerts.prometheus import promql
from csg_otel.alerts.spec import RULE_LABEL
from csg_otel.cli import alert_source
from csg_otel.cli.default_url import default_url

if TYPE_CHECKING:
    from csg_otel.alerts.spec import Rule

_MOST_LINES = 5
"""Series that are printed per rule; series that would fire come first."""

_SHOWN = (RULE_LABEL, "severity", *conditions.SCRAPED)


def register(commands: Any) -> None:
    """Add the command."""
    from csg_otel.cli.alerts import add_command

    parser = add_command(
        commands, "preview", "print which rules would fire now", run, "csg-otel alerts preview --wait 10"
    )
    parser.add_argument(
        "--url",
        help="the /metrics page of the program (default: http://127.0.0.1:8081/metrics, or the port in PROMETHEUS_PORT)",
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=5.0,
        metavar="S",
        help="seconds between the two scrapes that rates are computed from (default: 5)",
    )


def run(args: argparse.Namespace) -> int:
    """Print the series of each rule; exit 0 whether or not a rule would fire."""
    source = alert_source.read(args)
    url = args.url or f"{default_url()}/metrics"
    before = evaluate.parse(alert_source.fetch(url), clocks.monotonic())
    time.sleep(max(0.1, args.wait))
    now = evaluate.parse(alert_source.fetch(url), clocks.monotonic())
    recorded = {
        name: [(part.expr, part.labels) for part in parts]
        for name, parts in promql.aliases(source.catalog.find).items()
    }
    evaluated = Evaluator(before, now, recorded)
    firing = 0
    for rule in source.spec.rules:
        values, holds = evaluated(conditions.value(rule)), evaluated(conditions.condition(rule))
        firing += bool(holds)
        for line in _lines(rule, values, holds):
            print(line)
    waiting = ", each once its condition has held for its `for`" if firing else ""
    print(f"{firing} of {len(source.spec.rules)} rules would fire{waiting}")
    return 0


def _lines(rule: Rule, values: evaluate.Series, holds: evaluate.Series) -> list[str]:
    condition = f"fires when {conditions.OPERATORS[rule.condition]} {rule.threshold:g}"
    head = f"{rule.severity:<9} {rule.alert}"
    if not values:
        return [f"  no data     {head}: {rule.ref.name}" + (" (its no-data alert would fire)" if rule.no_data else "")]
    worst = sorted(values.items(), key=lambda series: (series[0] not in holds, -abs(series[1])))
    lines = [
        f"{'! would fire' if labels in holds else '  ok        '}  {head}: {value:.4g} ({condition}){_labels(rule, labels)}"
        for labels, value in worst[:_MOST_LINES]
    ]
    if hidden := worst[_MOST_LINES:]:
        firing = sum(labels in holds for labels, _ in hidden)
        lines.append(f"              {head}: {len(hidden)} more, of which {firing} would fire")
    return lines


def _labels(rule: Rule, labels: Labels) -> str:
    filtered = {label for _, label, _ in rule.filters}
    further = [f"{name}={value}" for name, value in labels if name not in _SHOWN and name not in filtered]
    return "  " + ", ".join(further) if further else ""
