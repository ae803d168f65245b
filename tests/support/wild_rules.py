"""Rules about the metrics of ``tests/alerts/testdata/wild.prom``, which are named as people name theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from csg_otel.alerts import spec
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.model import AlertSpec
from csg_otel.config import load
from csg_otel.exporters import prometheus

TESTDATA = Path(__file__).parents[1] / "alerts" / "testdata"
SIXTY = TESTDATA / "sixty.yaml"
"""Sixty rules of the shapes that rules in the wild have, spread by their share there."""

CATALOG = Catalog(
    exposition=(TESTDATA / "wild.prom").read_text(), series=prometheus.family_name, label=prometheus.label_name
)


def specified(source: Any) -> AlertSpec:
    """Return the specification of a configuration whose rules may name these metrics."""
    loaded = load(source, environ={})
    return spec.load(loaded.config, CATALOG, locate=loaded.problem)


def named(*written: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """Return the configuration of a service with these rules, each above 1 by default; a value of ... removes a key."""
    rules = [{"name": f"rule {at}", "condition": ">", "threshold": 1, **one} for at, one in enumerate(written)]
    whole = [{key: value for key, value in one.items() if value is not ...} for one in rules]
    return {"service": {"name": "shop"}, "alerting": {"rules": whole}, **sections}
