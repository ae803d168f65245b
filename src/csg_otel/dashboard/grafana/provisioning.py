"""
Grafana's provisioning folder: the data source, and the dashboard with its provider.

Pure. The uid of the data source is the one that the alert rules use. Grafana replaces ``$NAME`` in these YAML files, so a ``$``
that is meant is doubled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts.grafana import provisioning
from csg_otel.alerts.text import yaml_file
from csg_otel.dashboard.grafana import model

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog
    from csg_otel.alerts.model import AlertSpec

FOLDER: Final = "/etc/grafana/provisioning"
"""Where Grafana reads its provisioning files, in its image and in its packages."""

_NAME: Final = "csg_otel.yaml"
_HEADER: Final = "Made by `csg-otel grafana export --provisioning`; do not edit, the next run overwrites it."


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where Grafana reaches Prometheus, and where a browser opens a trace: a URL to which the trace id is appended."""

    prometheus_url: str = "http://localhost:9090"
    trace_url: str = "http://localhost:8080/#/traces/"


def files(spec: AlertSpec, catalog: Catalog, addresses: Addresses) -> dict[str, str]:
    """Return the files by their paths below Grafana's provisioning folder."""
    dashboard = model.dashboard(spec, catalog)
    return {
        f"datasources/{_NAME}": _yaml({"datasources": [_datasource(addresses)]}),
        f"dashboards/{_NAME}": _yaml({"providers": [_provider(spec)]}),
        f"dashboards/{dashboard['uid']}.json": model.as_text(dashboard),
    }


def _yaml(content: dict[str, Any]) -> str:
    return yaml_file({"apiVersion": 1, **content}, header=_HEADER)


def _datasource(addresses: Addresses) -> dict[str, Any]:
    exemplars = {
        "name": "trace_id",
        "url": f"{addresses.trace_url.replace('$', '$$')}$${{__value.raw}}",
        "urlDisplayLabel": "Open the trace",
    }
    return {
        "name": "Prometheus",
        "uid": provisioning.DATASOURCE,
        "type": "prometheus",
        "access": "proxy",
        "url": addresses.prometheus_url.replace("$", "$$"),
        "isDefault": True,
        "jsonData": {"httpMethod": "POST", "exemplarTraceIdDestinations": [exemplars]},
    }


def _provider(spec: AlertSpec) -> dict[str, Any]:
    folder = provisioning.folder_of(spec)
    return {
        "name": folder["title"].replace("$", "$$"),
        "folder": folder["title"].replace("$", "$$"),
        "folderUid": folder["uid"],
        "type": "file",
        "allowUiUpdates": True,
        "options": {"path": f"{FOLDER}/dashboards"},
    }
