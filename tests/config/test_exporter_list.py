"""Exporters named in code."""

from __future__ import annotations

import pytest

from csg_otel.config import exporter_overrides, load
from csg_otel.errors import ConfigError


@pytest.mark.parametrize(
    ("spec", "endpoint", "protocol"),
    [
        ("otlp://localhost:4317", "http://localhost:4317", "grpc"),
        ("otlp://collector", "http://collector:4317", "grpc"),
        ("otlps://collector:443", "https://collector:443", "grpc"),
        ("otlp+http://collector:4318", "http://collector:4318", "http/protobuf"),
        ("otlp+https://collector/base/", "https://collector:4318/base", "http/protobuf"),
        ("OTLP://[::1]:4317", "http://[::1]:4317", "grpc"),
    ],
)
def test_addresses(spec: str, endpoint: str, protocol: str) -> None:
    """A URL names transport, encryption and address of an OTLP destination."""
    (made,) = exporter_overrides([spec])["exporters.otlp"]

    assert made == {"name": "otlp", "endpoint": endpoint, "protocol": protocol}


def test_the_listed_are_on_and_the_others_off() -> None:
    """Naming exporters in code switches exactly those on, with any file."""
    source = {"exporters": {"datadog": {"site": "x"}, "console": {"enabled": True}, "otlp": [{"endpoint": "http://a"}]}}
    config = load(source, environ={"OTEL_METRICS_EXPORTER": "none"}, code={"exporters": ["prometheus"]}).config

    assert config.system_monitoring.prometheus.enabled
    assert (config.exporters.console.enabled, config.exporters.datadog.enabled) == (False, False)
    assert config.exporters.otlp == ()


def test_otlp_stands_for_the_configured_destinations() -> None:
    """A bare ``otlp`` keeps what file and environment configure, and is the local collector where they don't."""
    source = {"exporters": {"otlp": [{"endpoint": "http://a"}, {"name": "b", "endpoint": "http://b"}]}}
    code = {"exporters": ["otlp", "otlp://c"]}

    named = [(item.name, item.endpoint) for item in load(source, environ={}, code=code).config.exporters.otlp]
    assert named == [("otlp", "http://a"), ("b", "http://b"), ("otlp-2", "http://c:4317")]
    (local,) = load({}, environ={}, code={"exporters": ["otlp"]}).config.exporters.otlp
    assert (local.name, local.endpoint) == ("otlp", None)


def test_an_address_in_code_takes_the_environments_headers() -> None:
    """OTEL_EXPORTER_OTLP_HEADERS is used for an address in code, too, as with OpenTelemetry's own exporters."""
    environ = {"OTEL_EXPORTER_OTLP_HEADERS": "tenant=x", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://other"}
    (made,) = load({}, environ=environ, code={"exporters": ["otlp://c:1"]}).config.exporters.otlp

    assert (made.endpoint, dict(made.headers)) == ("http://c:1", {"tenant": "x"})


def test_an_address_in_code_does_not_take_the_files_headers() -> None:
    """The file's credentials were meant for the file's address, and don't go to another one."""
    source = {"exporters": {"otlp": [{"endpoint": "https://a", "headers": {"api-key": "k"}}]}}
    (made,) = load(source, environ={}, code={"exporters": ["otlp://c:1"]}).config.exporters.otlp

    assert dict(made.headers) == {}


def test_the_exporters_section_may_be_an_argument() -> None:
    """A mapping is the section, not a selection."""
    config = load({}, environ={}, code={"exporters": {"console": {"style": "json"}}}).config

    assert (config.exporters.console.style, config.system_monitoring.prometheus.enabled) == ("json", True)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("otpl", "unknown exporter 'otpl' (did you mean 'otlp'? known: console, datadog, otlp, prometheus)"),
        ("zipkin", "unknown exporter 'zipkin' (known: console, datadog, otlp, prometheus)"),
        ("oltp://x:1", "unknown exporter 'oltp' (did you mean 'otlp'?"),
        ("otlp://x:port", "the exporter's address is not host:port"),
        ("otlp://:4317", "an exporter's address must be scheme://host:port"),
        ("otlp://u:p@h:1", "an exporter's address must be scheme://host:port"),
    ],
)
def test_a_wrong_exporter_is_a_problem(spec: str, message: str) -> None:
    """What isn't an exporter is named, with what would be; credentials of an address are not shown."""
    with pytest.raises(ConfigError) as caught:
        exporter_overrides(["console", spec])

    (problem,) = caught.value.problems
    assert problem.startswith(f"argument exporters: {message}")
