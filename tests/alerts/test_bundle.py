"""The rules that come with the package, and their runbooks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

from csg_otel.alerts import bundle
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.prometheus.rules import FILE

ROOT = Path(__file__).parents[2]


def test_each_alert_has_its_page_and_each_page_its_alert(specified: Callable[..., AlertSpec], catalog: Catalog) -> None:
    """Each alert's annotation leads to its page, which has its severity, and the list of runbooks has a line for it."""
    spec = specified({"service": {"name": "shop"}}, shipped=True)
    text = compile_all(spec, catalog, targets=("prometheus",))[FILE]
    alerts = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"] if "alert" in rule]
    pages = {path.stem for path in (ROOT / bundle.RUNBOOKS).glob("*.md")} - {"README"}

    assert {alert["alert"].removesuffix("NoData") for alert in alerts} == pages
    for alert in alerts:
        alert["alert"] = alert["alert"].removesuffix("NoData")
        page = (ROOT / alert["annotations"]["runbook_url"]).read_text(encoding="utf-8")
        assert page.startswith(f"# {alert['alert']}\n\nSeverity: {alert['labels']['severity']}.\n")
        assert f"[{alert['alert']}]" in (ROOT / bundle.RUNBOOKS / "README.md").read_text(encoding="utf-8")


def test_pages_may_be_published_elsewhere() -> None:
    """The runbooks can be at a URL of the user's choice."""
    urls = {rule.runbook_url for rule in bundle.shipped("https://runbooks.example.com/")["shipped"]}

    assert "https://runbooks.example.com/HostDiskFull.md" in urls
