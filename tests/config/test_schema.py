"""The shipped JSON Schema agrees with the dataclasses and with what is accepted."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from csg_otel.config.schema import schema, text

TESTDATA = Path(__file__).parent / "testdata"
STRUCTURAL = (
    "unknown_section",
    "unknown_key",
    "unknown_condition",
    "not_a_boolean",
    "not_a_number",
    "not_a_duration",
    "not_a_list",
    "not_a_mapping",
    "out_of_range",
    "negative_interval",
    "unknown_key_in_an_environment",
)


def test_the_shipped_schema_is_current() -> None:
    """The file in the package is what the dataclasses give; `python tests/config/regenerate.py` writes it."""
    shipped = resources.files("csg_otel.config").joinpath("monitoring_config.schema.json")

    assert shipped.read_text(encoding="utf-8") == text()


def test_the_schema_is_a_schema() -> None:
    """The schema is valid by its own draft."""
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("mistake", STRUCTURAL)
def test_the_schema_finds_structural_mistakes(mistake: str) -> None:
    """What an editor can find, the schema finds."""
    source = yaml.safe_load((TESTDATA / f"{mistake}.yaml").read_text(encoding="utf-8"))

    assert not jsonschema.Draft202012Validator(schema()).is_valid(source)


@pytest.mark.parametrize(
    "accepted",
    [
        {"alerting": None, "slos": []},
        {"health_monitoring": {"check_interval": "5m", "checks": {"mine": {"type": "tcp", "host": "h"}}}},
        {"dashboard": {"port": "${PORT}", "enabled": "${ON:-no}"}, "notifications": {"email": {"recipients": "${R}"}}},
        {
            "alerting": {
                "rules": [{"name": "a", "metric": "m", "condition": ">", "threshold": 1, "severity": "CRITICAL"}]
            }
        },
        {
            "system_monitoring": {"prometheus": {"port": "9109"}},
            "sampling": {"ratio": "0.5"},
            "health_monitoring": {"timeout": "5"},
        },
        {"exporters": {"console": {"enabled": "auto"}, "spool": {"max_bytes": "64MiB"}}},
        {"environments": {"production": {"health_monitoring": {"checks": {"mine": {"interval": 5}}}}}},
    ],
)
def test_the_schema_accepts_what_is_accepted(accepted: dict[str, Any]) -> None:
    """What `load` accepts, the schema does too."""
    jsonschema.validate(accepted, schema(), jsonschema.Draft202012Validator)
