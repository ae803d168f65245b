"""Fixtures of the alerting tests: the catalog of this package's metrics, and specifications of configurations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csg_otel.alerts import bundle, model, spec
from csg_otel.alerts.catalog import Catalog
from csg_otel.config import load
from csg_otel.exporters import prometheus

SECRETS = {
    "SMTP_PASSWORD": "canary-mail",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.example/canary-slack",
    "WEBHOOK_TOKEN": "canary-webhook",
    "WEBHOOK_KEY": "canary-key",
    "WEBHOOK_LOGIN": "b3BzOmNhbmFyeS1sb2dpbg==",
    "PAGER_KEY": "canary-pager",
}
"""What the files take from the environment."""

TESTDATA = Path(__file__).parent / "testdata"


@pytest.fixture
def catalog() -> Catalog:
    """The metrics that every program has."""
    return Catalog(series=prometheus.family_name, label=prometheus.label_name)


@pytest.fixture
def specified(catalog: Catalog) -> Callable[..., model.AlertSpec]:
    """Return the specification of a configuration: a path, or a mapping as in the file."""

    def make(source: Any, *, shipped: bool = False) -> model.AlertSpec:
        loaded = load(source, environ=SECRETS)
        rules = bundle.shipped() if shipped else {}
        return spec.load(loaded.config, catalog, locate=loaded.problem, **rules)

    return make


@pytest.fixture
def forty() -> Path:
    """A file of forty rules that together use everything a rule can contain."""
    return TESTDATA / "forty.yaml"


@pytest.fixture
def seed_file() -> Path:
    """The alerting section of the first monitoring document, with its secrets from the environment."""
    return Path(__file__).parents[2] / "examples" / "alerting" / "monitoring_config.yaml"


@pytest.fixture
def channels() -> Path:
    """A file with every channel, filter and escalation that exists."""
    return TESTDATA / "channels.yaml"
