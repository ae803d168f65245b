"""The dashboard for Grafana: the rules that people lint dashboards with, Grafana's own models, and the lines of the rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import promql_parser
import pytest

from csg_otel import names
from csg_otel.alerts.catalog import Catalog
from csg_otel.dashboard.grafana import model
from csg_otel.exporters.prometheus import family_name, label_name
from support.grafana_dashboard import CONFIG, catalog, panels, specification, targets

VARIABLE_S = "7m13s"
"""What stands for ``$__rate_interval`` when queries are parsed; no query has this window otherwise."""

OF_THE_SERVICE = re.compile(r"slo:")
"""Series without an instance: objectives are recorded for all instances of a job."""


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    """The dashboard of a service with rules, an objective and instruments of its own."""
    metrics = catalog()
    return model.dashboard(specification(metrics), metrics)


def parsed(expr: str) -> list[Any]:
    """Return all nodes of a query."""
    nodes: list[Any] = []
    promql_parser.walk(promql_parser.parse(expr.replace("$__rate_interval", VARIABLE_S)), nodes.append)
    return nodes


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the text and the nodes of every query."""
    for _, target in targets(dashboard):
        yield target["expr"], parsed(target["expr"])


def variable(dashboard: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the variable *name*."""
    (found,) = (one for one in dashboard["templating"]["list"] if one["name"] == name)
    return dict(found)


def test_the_same_configuration_makes_the_same_bytes(
    dashboard: dict[str, Any], golden: Callable[[str, str], None]
) -> None:
    """The file changes only with the metrics and the rules."""
    golden("grafana_dashboard.json", model.as_text(dashboard))


# -- the nine rules of Grafana's dashboard-linter -----------------------------------------------------------------------


def test_there_is_one_data_source_and_it_is_a_variable(dashboard: dict[str, Any]) -> None:
    """template-datasource-rule."""
    (found,) = (one for one in dashboard["templating"]["list"] if one["type"] == "datasource")

    assert (found["name"], found["label"], found["query"]) == ("datasource", "Data source", "prometheus")


@pytest.mark.parametrize("name", ["job", "instance"])
def test_job_and_instance_are_variables(dashboard: dict[str, Any], name: str) -> None:
    """template-job-rule and template-instance-rule; and the values are read again when the time range changes."""
    found = variable(dashboard, name)

    assert (found["type"], found["label"], found["multi"], found["allValue"]) == (
        "query",
        name.capitalize(),
        True,
        ".+",
    )
    assert found["datasource"]["uid"] == "${datasource}"
    assert found["refresh"] == 2


def test_variables_are_read_by_valid_queries(dashboard: dict[str, Any]) -> None:
    """template-label-promql-rule."""
    for found in dashboard["templating"]["list"][1:]:
        selector = re.fullmatch(r"label_values\((.+), \w+\)", found["query"])
        assert selector is not None, found["query"]
        assert parsed(selector[1])


def test_every_panel_uses_the_variable_data_source(dashboard: dict[str, Any]) -> None:
    """panel-datasource-rule; a panel has a title, a description and a unit, too."""
    for panel in panels(dashboard):
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(target["datasource"] == panel["datasource"] for target in panel.get("targets", ()))
        assert panel["title"]
        assert panel["description"].endswith((".", ")"))
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["type"] == "alertlist" or panel["targets"]


def test_every_query_is_promql(dashboard: dict[str, Any]) -> None:
    """target-promql-rule."""
    assert sum(1 for _ in queries(dashboard)) > 80
    assert all(nodes for _, nodes in queries(dashboard))


def test_rates_have_the_window_of_the_chart(dashboard: dict[str, Any]) -> None:
    """target-rate-interval-rule."""
    for expr, nodes in queries(dashboard):
        for call in (node for node in nodes if isinstance(node, promql_parser.Call)):
            if call.func.name in ("rate", "irate"):
                assert promql_parser.display_duration(call.args[0].range) == VARIABLE_S, expr


@pytest.mark.parametrize("name", ["job", "instance"])
def test_every_series_is_of_the_chosen_job_and_instance(dashboard: dict[str, Any], name: str) -> None:
    """target-job-rule and target-instance-rule; the recorded series of an objective have no instance."""
    for expr, nodes in queries(dashboard):
        for selector in (node for node in nodes if isinstance(node, promql_parser.VectorSelector)):
            if name == "instance" and OF_THE_SERVICE.match(selector.name or ""):
                continue
            chosen = [(one.op, one.value) for one in selector.matchers.matchers if one.name == name]
            assert chosen == [(promql_parser.MatchOp.Re, f"${name}")], expr


# -- Grafana's own models -----------------------------------------------------------------------------------------------


def lost(written: Any, read: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of *written* that *read* does not have with the same value."""
    if isinstance(written, dict):
        for key, value in written.items():
            if not isinstance(read, dict) or key not in read:
                yield f"{path}.{key}"
            else:
                yield from lost(value, read[key], f"{path}.{key}")
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for one, other in zip(written, read, strict=True):
            yield from lost(one, other, path)
    elif written != read:
        yield f"{path}: {written!r} is {read!r}"


def test_grafanas_own_models_have_every_field(dashboard: dict[str, Any]) -> None:
    """The dashboard is unchanged after a pass through the foundation SDK, except fields of Prometheus' annotations."""
    pytest.importorskip("grafana_foundation_sdk", reason="the SDK needs Python 3.11")
    from grafana_foundation_sdk.cog import plugins
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    plugins.register_default_plugins()
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(json.loads(model.as_text(dashboard)))))

    unknown = {f".annotations.list.{field}" for field in ("step", "titleFormat", "textFormat")}
    assert set(lost(dashboard, read)) == unknown


def test_panels_have_places_and_numbers_of_their_own(dashboard: dict[str, Any]) -> None:
    """No two panels of a screen overlap, none is wider than the grid, and each has its number."""
    every = [*dashboard["panels"], *(inner for row in dashboard["panels"] for inner in row.get("panels", ()))]
    cells = [
        (x, y)
        for panel in dashboard["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len({panel["id"] for panel in every}) == len(every)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23


# -- content ------------------------------------------------------------------------------------------------------------


def panel(dashboard: dict[str, Any], title: str) -> dict[str, Any]:
    """Return the panel *title*."""
    (found,) = (one for one in panels(dashboard) if one["title"] == title)
    return found


def steps(panel: dict[str, Any]) -> list[tuple[float | None, str]]:
    """Return the thresholds of *panel*."""
    return [(one["value"], one["color"]) for one in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]


def test_a_rule_is_a_line_in_the_chart_of_its_metric(dashboard: dict[str, Any]) -> None:
    """The CPU chart has the own rule's line and that of the shipped rule, and a link to the runbook."""
    cpu = panel(dashboard, "CPU")

    assert steps(cpu) == [(None, "green"), (85.0, "orange"), (90.0, "orange")]
    assert cpu["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"] == {"mode": "dashed"}
    assert [link["url"] for link in cpu["links"]] == ["https://runbooks.example/cpu"]


def test_a_rule_for_small_values_colours_what_is_below(dashboard: dict[str, Any]) -> None:
    """The own counter is charted as a rate with its description, and is red below the limit."""
    orders = panel(dashboard, "orders.placed")

    assert orders["description"] == "Orders taken, by channel."
    assert steps(orders) == [(None, "red"), (0.01, "green")]
    (target,) = orders["targets"]
    expr = 'sum by (channel) (rate(orders_placed_total{job=~"$job",instance=~"$instance"}[$__rate_interval]))'
    assert target["expr"] == expr


EXPOSED = """\
# HELP shop_queue_seconds Age of the oldest order.
# TYPE shop_queue_seconds gauge
shop_queue_seconds{queue="web"} 3
# TYPE http_requests_total counter
http_requests_total{code="200"} 7
# TYPE http_requests_created gauge
http_requests_created{code="200"} 1.7e9
# TYPE process_memory_utilization_ratio gauge
process_memory_utilization_ratio 0.5
# TYPE target_info gauge
target_info{service_name="shop"} 1
"""


def test_metrics_of_a_page_are_charted(dashboard: dict[str, Any]) -> None:
    """Those that this package does not have: with their labels, their text, and the unit that the name ends with."""
    metrics = Catalog(exposition=EXPOSED, series=family_name, label=label_name)
    shown = model.dashboard(specification(metrics, {}), metrics)

    added = {one["title"] for one in panels(shown)} - {one["title"] for one in panels(dashboard)}
    assert added == {"shop_queue_seconds", "http_requests_total"}
    queue, requests = panel(shown, "shop_queue_seconds"), panel(shown, "http_requests_total")
    assert queue["description"] == "Age of the oldest order."
    assert queue["fieldConfig"]["defaults"]["unit"] == "s"
    assert (
        queue["targets"][0]["expr"]
        == 'max by (instance, queue) (shop_queue_seconds{job=~"$job",instance=~"$instance"})'
    )
    assert requests["targets"][0]["expr"].startswith("sum by (code) (rate(http_requests_total{")


def test_every_rule_is_charted(dashboard: dict[str, Any]) -> None:
    """A rule whose number no panel shows has a panel of its own, as the alert compares it."""
    flapping = panel(dashboard, "HealthCheckFlapping")

    assert steps(flapping) == [(None, "green"), (6.0, "orange")]
    assert "increase(csg_health_check_transitions_total" in flapping["targets"][0]["expr"]
    titles = {one["title"] for one in panels(dashboard)}
    assert {"InstanceDown", "ExporterDropping", "HealthCheckFlapping"} <= titles
    assert not {"HostCpuHigh", "OperationSlow", "ErrorRatioHigh", "CpuBusy", "OrdersStall"} & titles


def test_a_gauge_without_a_unit_is_found_under_both_names(dashboard: dict[str, Any]) -> None:
    """The exporter of Python and that of the collector name a gauge of unit 1 differently."""
    (target,) = panel(dashboard, "Memory share")["targets"]

    assert '__name__=~"process_memory_utilization|process_memory_utilization_ratio"' in target["expr"]


def test_every_alias_is_charted(dashboard: dict[str, Any]) -> None:
    """Each number of the monitoring guide has its sources in a chart."""
    text = json.dumps(dashboard)
    shown = [metric for alias in names.ALIASES.values() for metric in alias.sources]

    assert all(catalog().find(metric.name).series in text for metric in shown)


def test_an_objective_has_its_budget_and_burn_rates(dashboard: dict[str, Any]) -> None:
    """The lines are the limits of the alerts: 14.4, 6, 3 and 1 for a month."""
    burn, left = panel(dashboard, "transcripts: burn rate"), panel(dashboard, "transcripts: budget left")

    assert [value for value, _ in steps(burn)] == [None, 1.0, 3.0, 6.0, 14.4]
    selector = '{job=~"$job",service="snapshot-generator",slo="transcripts"}'
    assert left["targets"][0]["expr"] == f"100 * (1 - (slo:sli_error:ratio_rate30d{selector} / 0.01))"


def test_states_are_shown_as_words(dashboard: dict[str, Any]) -> None:
    """The timeline of the checks maps positions to states, and the worst of several programs wins."""
    (mapping,) = panel(dashboard, "Checks")["fieldConfig"]["defaults"]["mappings"]

    assert [one["text"] for one in mapping["options"].values()] == ["Healthy", "Warning", "Unknown", "Critical"]
    assert panel(dashboard, "Checks")["type"] == "state-timeline"


def test_durations_have_exemplars(dashboard: dict[str, Any]) -> None:
    """Quantiles of operations come from the classic buckets, with points that link to traces."""
    duration = panel(dashboard, "Duration")["targets"]

    assert [target["legendFormat"] for target in duration] == ["p50", "p95", "p99"]
    assert all(target["exemplar"] and "_bucket{" in target["expr"] for target in duration)


def test_the_uid_belongs_to_the_service() -> None:
    """It stays when rules change, differs between services, and is one that Grafana accepts."""
    metrics = catalog()
    configs: list[dict[str, Any]] = [CONFIG, {"service": CONFIG["service"]}, {"service": {"name": "other"}}, {}]
    first, same, other, none = (model.dashboard(specification(metrics, config), metrics) for config in configs)

    assert first["uid"] == same["uid"]
    assert len({one["uid"] for one in (first, other, none)}) == 3
    assert all(re.fullmatch(r"[\w-]{1,40}", one["uid"]) for one in (first, other, none))
    assert variable(none, "service")["current"] == {}


def test_the_chosen_service_restricts_every_chart(dashboard: dict[str, Any]) -> None:
    """
    The job has no "All", which would be every job of the Prometheus.

    By another `alerting.selector` than the job, its label is in every query, as in the rules.
    """
    metrics = catalog()
    by_label, by_value, by_job = (
        model.dashboard(specification(metrics, {**CONFIG, "alerting": {"selector": selector}}), metrics)
        for selector in ("service_name", 'app="shop"', 'job="shop-web"')
    )

    assert not variable(dashboard, "job")["includeAll"]
    assert variable(dashboard, "job")["current"]["value"] == ["snapshot-generator"]
    assert variable(dashboard, "job")["query"] == 'label_values(target_info{service_name="$service"}, job)'
    assert variable(by_job, "job")["current"]["value"] == ["shop-web"]
    for chosen, own in ((by_label, 'service_name="$service",job=~'), (by_value, 'app="shop",job=~')):
        assert panel(chosen, "Threads")["targets"][0]["expr"].startswith(
            f"max by (job, instance) (process_thread_count{{{own}"
        )
    assert variable(by_label, "service")["query"] == "label_values(target_info, service_name)"


def test_text_of_a_user_stays_text() -> None:
    """A quote in a service's name or a label can't end a query."""
    metrics = catalog()
    hostile = 'a"b{c}\\d'
    config = {**CONFIG, "service": {"name": hostile}, "slos": [{**CONFIG["slos"][0], "name": hostile}]}
    dashboard = model.dashboard(specification(metrics, config), metrics)

    budget = panel(dashboard, f"{hostile}: budget left")["targets"][0]["expr"]
    (selector,) = (node for node in parsed(budget) if isinstance(node, promql_parser.VectorSelector))
    assert {one.name: one.value for one in selector.matchers.matchers}["slo"] == hostile
