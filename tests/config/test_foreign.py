"""Variables that were not meant for this program never stop it: each is ignored with one warning that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from csg_otel.config import load, load_lenient
from csg_otel.config.sources.sdk_env import WHOLE_NUMBERS
from csg_otel.config.walk import every
from support.programs import Program

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
GENERIC = sorted(
    {name for leaf in every() for name in leaf.variables if not name.startswith(("CSG_OTEL_", "OTEL_", "SLACK_"))}
)
"""Variables with short names, which other programs and Kubernetes set, too."""

UNUSABLE = {
    "PROMETHEUS_PORT": "70000",
    "PROMETHEUS_ENABLED": "perhaps",
    "METRICS_COLLECTION_INTERVAL": "0",
    "HEALTH_CHECK_INTERVAL": "often",
    "ENABLE_HEALTH_MONITORING": "maybe",
    "LOG_LEVEL": "loud",
    "SLACK_WEBHOOK_URL": "disabled",
    "EMAIL_ALERTS_ENABLED": "true",  # without the mail server that it needs
    "OTEL_SDK_DISABLED": "foo",
    "OTEL_TRACES_SAMPLER": "xray",
    "OTEL_RESOURCE_ATTRIBUTES": "a=b,broken",
    "OTEL_BSP_MAX_QUEUE_SIZE": "-5",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4096",  # more than the queue holds
    "OTEL_BSP_SCHEDULE_DELAY": "soon",
    "OTEL_METRIC_EXPORT_INTERVAL": "0",
    "OTEL_EXPORTER_PROMETHEUS_PORT": "metrics",
    "OTEL_TRACES_EXPORTER": "jaeger",
    "OTEL_METRICS_EXPORTER": "statsd,",
    "OTEL_LOGS_EXPORTER": "otpl",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/3",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "soon",
    "OTEL_EXPORTER_OTLP_HEADERS": "broken",
    "OTEL_EXPORTER_OTLP_INSECURE": "perhaps",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "both",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "summary",
    "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "-1",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "ftp://collector",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://collector:99999",
    "OTEL_METRICS_EXEMPLAR_FILTER": "bogus",
    "OTEL_PROPAGATORS": "tracecontext,bogus",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "bogus",
    **dict.fromkeys(WHOLE_NUMBERS, "1e3"),
}


@pytest.mark.parametrize("name", sorted(UNUSABLE))
@pytest.mark.parametrize("environ", [{}, COLLECTOR], ids=["alone", "with a collector"])
def test_a_value_that_can_not_be_used_is_ignored(name: str, environ: dict[str, str]) -> None:
    """It changes nothing: the configuration is the one without it, and a warning names the variable."""
    without = load({}, environ=environ)
    loaded = load({}, environ={**environ, name: UNUSABLE[name]})

    assert any(name in warning for warning in loaded.warnings)
    if name != "OTEL_RESOURCE_ATTRIBUTES":  # its valid parts are used, as by the SDK
        assert loaded.config == without.config
        assert loaded.origins == without.origins


def test_a_key_without_its_certificate_is_ignored() -> None:
    """A variable that needs another one."""
    loaded = load({}, environ={**COLLECTOR, "OTEL_EXPORTER_OTLP_CLIENT_KEY": "key.pem"})

    assert "OTEL_EXPORTER_OTLP_CLIENT_KEY" in loaded.warnings[0]
    assert loaded.config == load({}, environ=COLLECTOR).config


@pytest.mark.parametrize("service", ["CSG_OTEL", "CSG_OTEL_COLLECTOR", "CSG_OTEL_DASHBOARD"])
def test_the_variables_of_a_service_are_ignored_with_a_line(service: str) -> None:
    """Kubernetes sets eight and more for a Service whose name begins like our variables."""
    environ = {
        f"{service}_SERVICE_HOST": "10.0.0.1",
        f"{service}_SERVICE_PORT": "4317",
        f"{service}_SERVICE_PORT_OTLP_GRPC": "4317",
        f"{service}_PORT": "tcp://10.0.0.1:4317",
        f"{service}_PORT_4317_TCP": "tcp://10.0.0.1:4317",
        f"{service}_PORT_4317_TCP_PROTO": "tcp",
        f"{service}_PORT_4317_TCP_PORT": "4317",
        f"{service}_PORT_4317_TCP_ADDR": "10.0.0.1",
    }
    loaded = load({}, environ={**environ, f"{service}_PORTS": "1"})

    assert [warning.partition(":")[0] for warning in loaded.warnings if f"{service}_PORT:" not in warning] == [
        f"variables {service}_SERVICE_* and {service}_PORT*",
        f"variable {service}_PORTS",
    ]
    assert len(loaded.warnings) <= 3  # the port of the dashboard is a setting
    assert loaded.config == load({}, environ={}).config


def test_all_of_them_together_are_ignored() -> None:
    """Many such variables are no problem either."""
    loaded = load({}, environ={**COLLECTOR, **UNUSABLE})

    assert [name for name in UNUSABLE if not any(name in warning for warning in loaded.warnings)] == []


@pytest.mark.parametrize("name", GENERIC)
def test_an_address_for_another_program_is_ignored(name: str) -> None:
    """Kubernetes sets NAME_PORT for a Service; other programs have addresses in variables with common names."""
    loaded = load({}, environ={name: "tcp://10.0.0.1:9090"})

    assert loaded.config == load({}, environ={}).config
    (warning,) = loaded.warnings
    assert warning.startswith(f"variable {name}: ")
    assert "10.0.0.1" not in warning


def test_the_link_of_a_service_with_our_own_name_is_ignored() -> None:
    """A Service csg-otel-dashboard makes Kubernetes set a variable that looks like ours."""
    loaded = load({}, environ={"CSG_OTEL_DASHBOARD_PORT": "tcp://10.0.0.1:80"})

    assert loaded.config.dashboard.port == load({}, environ={}).config.dashboard.port
    assert "CSG_OTEL_DASHBOARD_PORT" in loaded.warnings[0]


def test_an_ignored_variable_does_not_hide_the_next_source() -> None:
    """The file's value holds where the variable over it can't be used, and `config show --origin` names the file."""
    source = {"exporters": {"otlp": [{"endpoint": "http://c", "compression": "gzip"}]}, "logging": {"level": "error"}}
    loaded = load(source, environ={"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd", "LOG_LEVEL": "loud"})

    assert (loaded.config.exporters.otlp[0].compression, loaded.config.logging.level) == ("gzip", "error")
    assert loaded.origins["logging.level"] == "code: config"


def test_a_variable_that_contradicts_the_file_is_ignored() -> None:
    """The problem is located in the file, and the variable is its cause."""
    source = {"dashboard": {"enabled": True, "port": 9300}}
    loaded = load(source, environ={"PROMETHEUS_PORT": "9300"})

    assert (loaded.config.dashboard.port, loaded.config.system_monitoring.prometheus.port) == (9300, 8081)
    assert loaded.warnings[0].startswith("variable PROMETHEUS_PORT: it is ignored, because ")


def test_problems_of_others_are_not_hidden() -> None:
    """Only the variable is ignored: the file's own problem remains, with and without the variable."""
    loaded = load_lenient({"dashboard": {"port": "x"}}, environ={"LOG_LEVEL": "loud"})

    assert loaded.problems == ("argument config: dashboard.port: 'x' is not a whole number",)


def test_a_small_queue_lowers_the_batch() -> None:
    """OTEL_BSP_MAX_QUEUE_SIZE alone is valid, also below the default of the batch."""
    loaded = load({}, environ={"OTEL_BSP_MAX_QUEUE_SIZE": "100"})

    assert (loaded.config.exporters.queue.max_items, loaded.warnings) == (100, ())


STARTS = """
    import os
    import csg_otel
    csg_otel.counter("early").add(1)
    telemetry = csg_otel.instrument("s", exporters=[])
    import opentelemetry.propagate
    with csg_otel.observe("op"):
        pass
    print(len(opentelemetry.propagate.get_global_textmap().fields), os.environ["OTEL_PROPAGATORS"])
"""


@pytest.mark.parametrize("value", ["bogus", "-1", "tcp://10.0.0.1:9", ""])
def test_a_program_starts_with_each_of_them(value: str, tmp_path: Path) -> None:
    """The SDK and the API read some variables themselves, and would raise; the program's environment stays as it is."""
    plugins = [f"OTEL_PYTHON_{kind}_PROVIDER" for kind in ("TRACER", "METER", "LOGGER")]
    names = {*UNUSABLE, *GENERIC, *WHOLE_NUMBERS, *plugins, "OTEL_PYTHON_CONTEXT", "OTEL_PYTHON_ID_GENERATOR"}
    with Program(STARTS, tmp_path, dict.fromkeys(names, value)) as program:
        assert program.line() == f"3 {value}", program.stderr
        assert program.wait() == 0
        told = program.stderr

    for name in (
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_METRICS_EXEMPLAR_FILTER",
        "OTEL_PROPAGATORS",
        "PROMETHEUS_PORT",
        *plugins,
    ):
        assert told.count(f"variable {name}: ") == bool(value)
