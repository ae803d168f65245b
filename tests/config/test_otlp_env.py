"""OpenTelemetry's exporter variables keep their meaning."""

from __future__ import annotations

from csg_otel.config import Config, load
from csg_otel.config.sections.exporters import OtlpExporter

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}


def config(environ: dict[str, str], source: object = None) -> Config:
    """Return the configuration of *environ* over *source*."""
    return load(source or {}, environ=environ).config  # type: ignore[arg-type]


def test_an_endpoint_makes_a_destination() -> None:
    """OTEL_EXPORTER_OTLP_ENDPOINT alone makes the destination ``otlp``, with OpenTelemetry's defaults."""
    assert config(COLLECTOR).exporters.otlp == (OtlpExporter(endpoint="http://collector:4317"),)


def test_every_common_variable_reaches_its_setting() -> None:
    """Headers, timeout (seconds), compression, protocol, TLS and temporality describe that destination."""
    environ = {
        **COLLECTOR,
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b, tenant=x",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_INSECURE": "false",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": "ca.pem",
        "OTEL_EXPORTER_OTLP_CLIENT_KEY": "key.pem",
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "cert.pem",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "Delta",
    }
    (otlp,) = config(environ).exporters.otlp

    assert (otlp.timeout, otlp.compression, otlp.protocol, otlp.temporality) == (3.0, "gzip", "http/protobuf", "delta")
    assert (otlp.tls.insecure, otlp.tls.ca, otlp.tls.key, otlp.tls.cert) == (False, "ca.pem", "key.pem", "cert.pem")
    assert otlp.headers["tenant"] == "x"
    assert str(otlp.headers["api-key"]) == "***"


def test_headers_that_can_not_be_sent_are_ignored() -> None:
    """Each is named without its value; the others are sent."""
    headers = "a b=s3cret,x=a%0d%0ay:s3cret,%C3%A9=s3cret,content-length=5,Transfer-Encoding=chunked,tenant=x"
    loaded = load({}, environ={**COLLECTOR, "OTEL_EXPORTER_OTLP_HEADERS": headers})

    assert dict(loaded.config.exporters.otlp[0].headers) == {"tenant": "x"}
    assert len(loaded.warnings) == 5
    assert all("OTEL_EXPORTER_OTLP_HEADERS" in warning for warning in loaded.warnings)
    assert not any("s3cret" in warning for warning in loaded.warnings)


def test_blanks_around_a_value_do_not_count() -> None:
    """As files of variables often have them."""
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": " http://collector:4318 ",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://traces/x\n",
    }
    common, traces = config(environ).exporters.otlp

    assert (common.endpoint, traces.endpoint) == ("http://collector:4318", "http://traces/x")


def test_json_becomes_protobuf() -> None:
    """Endpoints for OTLP over HTTP accept both; gRPC, the default, would not reach them."""
    loaded = load({}, environ={**COLLECTOR, "OTEL_EXPORTER_OTLP_PROTOCOL": "HTTP/json"})

    assert loaded.config.exporters.otlp[0].protocol == "http/protobuf"
    assert ["http/json is not supported" in warning for warning in loaded.warnings] == [True]


def test_a_signal_of_its_own() -> None:
    """A per-signal endpoint makes a destination of its own, used as it is, with the common settings below its own."""
    environ = {
        **COLLECTOR,
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://traces/custom",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
    }
    common, traces = config(environ).exporters.otlp

    assert common.signals == ("metrics", "logs")
    assert (traces.name, traces.signals, traces.endpoint) == ("otlp-traces", ("traces",), "https://traces/custom")
    assert (traces.append_path, traces.timeout, traces.protocol) == (False, 3.0, "http/protobuf")
    assert config({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://l"}).exporters.otlp[0].signals == ("logs",)


def test_the_files_destination_keeps_the_rest() -> None:
    """Variables change the file's ``otlp`` where they say something and leave other destinations alone."""
    source = {"exporters": {"otlp": [{"endpoint": "http://a", "timeout": 2}, {"name": "b", "endpoint": "http://b"}]}}
    first, second = config(COLLECTOR, source).exporters.otlp

    assert (first.name, first.endpoint, first.timeout) == ("otlp", "http://collector:4317", 2.0)
    assert (second.name, second.endpoint) == ("b", "http://b")


def test_a_destination_of_another_name_is_added_to() -> None:
    """When the file has no ``otlp``, the variable's destination stands beside the file's."""
    source = {"exporters": {"otlp": [{"name": "b", "endpoint": "http://b"}]}}

    assert [item.name for item in config(COLLECTOR, source).exporters.otlp] == ["b", "otlp"]


def test_exporters_are_chosen_per_signal() -> None:
    """Each signal goes to the exporters in its variable, and to no other."""
    environ = {
        **COLLECTOR,
        "OTEL_TRACES_EXPORTER": "otlp,console",
        "OTEL_METRICS_EXPORTER": "prometheus",
        "OTEL_LOGS_EXPORTER": "none",
    }
    made = config(environ)

    assert [item.signals for item in made.exporters.otlp] == [("traces",)]
    assert (made.exporters.console.enabled, made.exporters.console.signals) == (True, ("traces",))
    assert made.system_monitoring.prometheus.enabled


def test_otlp_alone_is_the_local_collector() -> None:
    """Choosing otlp without an endpoint makes the destination with the default endpoint."""
    (otlp,) = config({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "none"}).exporters.otlp

    assert (otlp.name, otlp.endpoint, otlp.signals) == ("otlp", None, ("traces", "logs"))


def test_choosing_another_metrics_exporter_switches_prometheus_off() -> None:
    """OTEL_METRICS_EXPORTER without prometheus switches the endpoint off, unless PROMETHEUS_ENABLED is true."""
    environ = {"OTEL_METRICS_EXPORTER": "console"}

    assert not config(environ).system_monitoring.prometheus.enabled
    assert config({**environ, "PROMETHEUS_ENABLED": "1"}).system_monitoring.prometheus.enabled


def test_an_unknown_exporter_is_ignored() -> None:
    """A misspelt exporter is a warning with a suggestion; the other exporters of the variable are used."""
    loaded = load({}, environ={**COLLECTOR, "OTEL_LOGS_EXPORTER": "otpl, console"})

    assert loaded.warnings[0].endswith(
        "unknown exporter 'otpl' (did you mean 'otlp'? known: console, none, otlp, prometheus); it is ignored"
    )
    assert loaded.config.exporters.otlp[0].signals == ("traces", "metrics")


def test_a_variable_with_unknown_exporters_only_is_ignored() -> None:
    """An exporter that this package does not have changes nothing, as OpenTelemetry's specification says."""
    loaded = load({}, environ={**COLLECTOR, "OTEL_TRACES_EXPORTER": "zipkin"})

    assert "zipkin" in loaded.warnings[0]
    assert loaded.config.exporters.otlp[0].signals == ("traces", "metrics", "logs")
