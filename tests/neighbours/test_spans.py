"""Other vendors' tracing beside csg_otel: every span reaches both, exactly once, and our records and metrics are complete."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from support import span_journey
from support.span_journey import STAGES, Journey

pytestmark = pytest.mark.real("neighbours")

SENTRY = """
    import sentry_sdk
    from sentry_sdk.integrations.otlp import OTLPIntegration
    def vendor():
        url = "http://127.0.0.1:{theirs}/v1/traces"
        sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", shutdown_timeout=0, integrations=[OTLPIntegration(collector_url=url)])
"""

LANGFUSE = """
    os.environ["LANGFUSE_OTEL_TRACES_EXPORT_PATH"] = "v1/traces"
    from langfuse import Langfuse
    def vendor():
        Langfuse(public_key="p", secret_key="s", base_url="http://127.0.0.1:{theirs}", should_export_span=lambda span: True)
"""

LOGFIRE = """
    import logfire
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    def vendor():
        exporter = OTLPSpanExporter(endpoint="http://127.0.0.1:{theirs}/v1/traces")
        logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[BatchSpanProcessor(exporter)])
"""

DDTRACE = """
    def vendor():
        import ddtrace.auto
"""
NO_AGENT = {
    "DD_TRACE_AGENT_URL": "http://127.0.0.1:9",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    # Where gevent is installed, `import ddtrace.auto` drops the modules that another thread is importing.
    "DD_UNLOAD_MODULES_FROM_SITECUSTOMIZE": "false",
}

EACH_ONCE = Counter(STAGES)
ALL_OF_THEIRS = Counter((*STAGES, "ended"))
COUNTS = {"first": ["1"], "other settings": ["2"], "begun again": ["1"]}


def check_ours(journey: Journey) -> None:
    """Assert that csg_otel has everything once: spans, records and the counts on `/metrics`."""
    assert journey.spans == EACH_ONCE
    assert {body: count for body, count in journey.records.items() if body in ALL_OF_THEIRS} == EACH_ONCE
    assert journey.shown == COUNTS
    assert {state for state, _ in journey.states.values()} == {"ok"}


@pytest.mark.parametrize("vendor_first", [True, False], ids=["vendor-first", "csg-otel-first"])
@pytest.mark.parametrize("vendor", [SENTRY, LANGFUSE], ids=["sentry", "langfuse"])
def test_a_processor_of_a_vendor_and_ours_see_each_span_once(vendor: str, vendor_first: bool, tmp_path: Path) -> None:
    """Through other settings, shutdown, a new start and a fork; the vendor's spans go on while our telemetry has ended."""
    journey = span_journey.run(vendor, tmp_path, vendor_first=vendor_first)

    check_ours(journey)
    assert journey.theirs == ALL_OF_THEIRS


def test_logfire_first(tmp_path: Path) -> None:
    """Its wrappers are adopted, and have each span; a second `logfire.configure()` loses nothing that comes later."""
    again = """
vendor()
import time
def followed():
    before = telemetry.status()["otlp"].emitted
    emit("configured again")
    spans_and_records = telemetry.status()["otlp"].emitted - before
    return spans_and_records >= 2 and shown.pop("configured again")
deadline = time.monotonic() + 20
while not followed():
    assert time.monotonic() < deadline
    time.sleep(0.2)
"""
    journey = span_journey.run(LOGFIRE, tmp_path, vendor_first=True, end=again)
    repeated = journey.spans.pop("configured again"), journey.records.pop("configured again")

    check_ours(journey)
    assert min(repeated) > 0
    assert journey.theirs.pop("configured again") > 0
    assert journey.theirs == ALL_OF_THEIRS


def test_logfire_after_us(tmp_path: Path) -> None:
    """The global providers stay ours; logfire has what is called through its own interface, and we do not."""
    journey = span_journey.run(LOGFIRE, tmp_path, vendor_first=False, end='logfire.info("own"); logfire.force_flush()')

    check_ours(journey)
    assert journey.theirs == {"own": 1}


def test_ddtraces_provider_first(tmp_path: Path) -> None:
    """It accepts no processor: one warning, and the state says so; records and metrics are complete."""
    journey = span_journey.run(DDTRACE, tmp_path, vendor_first=True, DD_TRACE_OTEL_ENABLED="true", **NO_AGENT)

    assert journey.spans == {}
    assert {body: count for body, count in journey.records.items() if body in ALL_OF_THEIRS} == EACH_ONCE
    assert journey.shown == COUNTS
    assert journey.states["prometheus"][0] == "ok"
    assert journey.states["otlp"][0] == "degraded"
    assert "traces do not reach csg_otel: the program's ddtrace" in journey.states["otlp"][1]
    assert journey.log.count("traces do not reach csg_otel") == 1


@pytest.mark.parametrize(
    ("vendor_first", "provider"),
    [(True, "false"), (False, "false"), (False, "true")],
    ids=["plain-first", "plain-after-us", "with-its-provider-after-us"],
)
def test_ddtrace_beside_us(vendor_first: bool, provider: str, tmp_path: Path) -> None:
    """Its own spans are its own; OpenTelemetry's reach us, unless its provider came first."""
    journey = span_journey.run(DDTRACE, tmp_path, vendor_first=vendor_first, DD_TRACE_OTEL_ENABLED=provider, **NO_AGENT)

    check_ours(journey)


NEW_RELIC = """
    with open("newrelic.ini", "w") as settings:
        settings.write('''[newrelic]
    license_key = 0000000000000000000000000000000000000000
    developer_mode = true
    opentelemetry.enabled = true
    opentelemetry.traces.enabled = true
    log_level = critical
    ''')
    def vendor():
        import newrelic.agent
        newrelic.agent.initialize("newrelic.ini")
"""


@pytest.mark.parametrize("vendor_first", [True, False], ids=["vendor-first", "csg-otel-first"])
def test_new_relics_own_provider_in_either_order(vendor_first: bool, tmp_path: Path) -> None:
    """It replaces the functions for the global provider: one warning, and the state says so; the rest is complete."""
    journey = span_journey.run(NEW_RELIC, tmp_path, vendor_first=vendor_first)

    assert journey.spans == {}
    assert {body: count for body, count in journey.records.items() if body in ALL_OF_THEIRS} == EACH_ONCE
    assert journey.shown == COUNTS
    assert journey.states["otlp"][0] == "degraded"
    assert journey.log.count("traces do not reach csg_otel") == 1


def test_opentelemetry_instrument(tmp_path: Path) -> None:
    """Its exporter and ours have each span once, and so have the counts; the host's name is used by both."""
    journey = span_journey.run(
        "def vendor(): pass",
        tmp_path,
        vendor_first=True,
        command="opentelemetry-instrument",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:{theirs}",
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_SERVICE_NAME="host",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="urllib,system_metrics",
    )

    check_ours(journey)
    assert journey.theirs == ALL_OF_THEIRS
