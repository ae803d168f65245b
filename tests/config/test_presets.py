"""Vendors as presets of OTLP destinations."""

from __future__ import annotations

from csg_otel.config import Config, Secret, load
from csg_otel.config.presets import otlp_destinations


def test_vendors_become_destinations() -> None:
    """New Relic and Elastic APM are an endpoint and a header each, the header a secret."""
    outside = {
        "enabled": True,
        "new_relic": {"enabled": True, "license_key": "nr"},
        "elastic_apm": {"enabled": True, "server_url": "https://apm:8200", "secret_token": "t"},
    }
    new_relic, elastic = otlp_destinations(load({"integrations": {"external_monitoring": outside}}, environ={}).config)

    assert (new_relic.endpoint, new_relic.headers) == ("https://otlp.nr-data.net", {"api-key": Secret("nr")})
    assert (elastic.endpoint, elastic.headers) == ("https://apm:8200", {"Authorization": Secret("Bearer t")})


def test_what_is_off_is_no_destination() -> None:
    """Destinations and vendors that are off aren't returned."""
    source = {"exporters": {"otlp": [{"enabled": False}, {"name": "b"}]}}

    assert [item.name for item in otlp_destinations(load(source, environ={}).config)] == ["b"]
    assert otlp_destinations(Config()) == ()
