"""The dashboard as Grafana's API and its provisioning read it: variables, rows, annotations, and a uid that stays. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from csg_otel import names
from csg_otel.alerts.catalog import matcher
from csg_otel.alerts.expr import Matcher, Select
from csg_otel.alerts.grafana import provisioning
from csg_otel.dashboard.grafana import rows_host, rows_program, rows_rules, rows_telemetry, thresholds
from csg_otel.dashboard.grafana.panels import DATASOURCE, as_json
from csg_otel.dashboard.grafana.queries import SELECTED, Queries

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog
    from csg_otel.alerts.model import AlertSpec

TAG: Final = "csg_otel"
_SCHEMA_VERSION: Final = 39
"""The version of Grafana's dashboard schema that this file is written in; newer ones migrate it when they load it."""

_SERVICE: Final = "service_name"
"""Label of the series ``target_info``: the attribute ``service.name``."""


def dashboard(spec: AlertSpec, catalog: Catalog) -> dict[str, Any]:
    """
    Return the dashboard.

    Args:
        spec: the rules and objectives, whose thresholds are drawn, and the service, which is chosen at first.
        catalog: the metrics, with those that the program declares.
    """
    queries = Queries(catalog, spec.selector)
    head = (rows_program.overview(queries), rows_program.health(queries), rows_program.operations(queries))
    tail = (
        rows_program.business(queries),
        rows_host.system(queries),
        rows_host.process(queries),
        rows_telemetry.pipeline(queries),
    )
    drawn, remaining = thresholds.with_rules((*head, *tail), spec.rules)
    first, rest = drawn[: len(head)], drawn[len(head) :]
    objectives = (rows_rules.objectives(spec),) if spec.objectives else ()
    rows = (*first, rows_rules.alerts(spec, queries, remaining), *objectives, *rest)
    return {
        "uid": provisioning.uid(spec, "csg-otel", spec.service),
        "title": f"{spec.service} (csg_otel)" if spec.service else "csg_otel",
        "description": "Health, operations, resources and telemetry. Made by `csg-otel grafana export`.",
        "tags": [TAG],
        "style": "dark",
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,  # one cursor over all charts
        "schemaVersion": _SCHEMA_VERSION,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": _variables(spec)},
        "annotations": {"list": [_firing()]},
        "links": [],
        "panels": as_json(rows),
    }


def as_text(content: dict[str, Any]) -> str:
    """Return *content* as the text of a JSON file."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def request(model: dict[str, Any], folder_uid: str = "") -> dict[str, Any]:
    """Return the body of ``POST /api/dashboards/db`` that creates the dashboard *model*, or replaces it."""
    folder = {"folderUid": folder_uid} if folder_uid else {}
    return {"dashboard": {"id": None, **model}, **folder, "overwrite": True, "message": "csg-otel grafana"}


def _variables(spec: AlertSpec) -> list[dict[str, Any]]:
    """
    Return the variables: each restricts the choices of the next.

    The job has no choice "All", because that would be every job of the Prometheus, whatever the service. By the default of
    ``alerting.selector`` the job has the name of the service.
    """
    own = matcher(spec.service, spec.selector)
    of_job = own is None or own.label == "job"
    label = spec.selector if own is not None and not of_job and spec.selector == own.label else _SERVICE
    by_service = Select((names.TARGET_INFO,), (Matcher(label, "=", "$service"),))
    by_job = Select(by_service.names, (*by_service.matchers, SELECTED[0]))
    datasource = {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "refresh": 1,
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "regex": "",
        "current": {"text": provisioning.DATASOURCE.capitalize(), "value": provisioning.DATASOURCE},
    }
    service = {"text": spec.service, "value": spec.service} if spec.service else {}
    job = {"text": [own.value], "value": [own.value]} if own is not None and of_job else {}
    every = {"text": ["All"], "value": ["$__all"]}
    return [
        datasource,
        {**_variable("service", f"label_values({names.TARGET_INFO}, {label})"), "current": service},
        {**_variable("job", f"label_values({by_service}, job)"), "multi": True, "allValue": ".+", "current": job},
        {
            **_variable("instance", f"label_values({by_job}, instance)"),
            "multi": True,
            "includeAll": True,
            "allValue": ".+",
            "current": every,
        },
    ]


def _variable(name: str, query: str) -> dict[str, Any]:
    """Return a variable with one of the values of *query*; its label is *name* with a capital."""
    return {
        "type": "query",
        "name": name,
        "label": name.capitalize(),
        "datasource": DATASOURCE,
        "query": query,
        "refresh": 2,  # when the time range changes
        "sort": 1,
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "regex": "",
    }


def _firing() -> dict[str, Any]:
    """Return the annotation that marks in every chart when an alert fires."""
    firing = Select(rows_rules.ALERTS.names, (*SELECTED, Matcher("alertstate", "=", "firing")))
    return {
        "name": "Alerts",
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "red",
        "expr": str(firing),
        "step": "60s",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{instance}}",
    }
