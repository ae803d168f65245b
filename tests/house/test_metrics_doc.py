"""docs/metrics.md is made from names.py, so that it names what is exported and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from csg_otel import names
from csg_otel.exporters.prometheus import family_name

DOC = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"

GROUPS = (
    ("Host", ("system.", "container.")),
    ("Process and runtime", ("process.", "cpython.", "csg.runtime.")),
    ("Business", ("csg.operation.", "csg.operation.work.", "csg.files.", "csg.cache.")),
    ("Health", ("csg.health.",)),
    (
        "Telemetry itself",
        ("csg.exporter.", "csg.spool.", "csg.alerts.", "csg.telemetry.", "csg.scrubbing.", "csg.attributes."),
    ),
    ("Telemetry itself, under the names of the semantic conventions", ("otel.sdk.",)),
)

NOTES = {
    "Telemetry itself, under the names of the semantic conventions": """\
Stock dashboards for OpenTelemetry SDKs use these. The conventions call them experimental, so they may change with a version.
`csg.exporter.items` has the same counts for every destination and reason; the shipped alerts use that one.

- A component is one signal of one OTLP or Datadog destination; `otel.component.name` is its type and the destination's name,
  such as `otlp_http_span_exporter/backend`. Console, Pushgateway and receivers of alerts have none.
- The queue of a destination is the processor, with what is on disk; the exporter begins where a request is sent. What is
  dropped before, such as `queue_full` or `spool_full`, has its `error.type` in `otel.sdk.processor.*`; what the destination
  refuses, such as `rejected` or `http_400`, in `otel.sdk.exporter.*`. `otel.sdk.exporter.operation.duration` includes retries.
- Providers that the program has set itself count their spans and records themselves, if
  `OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED` is true. Nothing is counted twice.

""",
}

HEAD = """# Metrics

Made from `names.py` by `make golden`; a test holds it current. Names and attributes of the host and the process are those
of the OpenTelemetry semantic conventions; in Prometheus, dots become underscores and the unit is part of the name.

## Groups

`system_monitoring.metrics` switches groups of metrics; all are on by default.

| setting | metrics |
|---|---|
| `system_metrics` | the section "Host" |
| `application_metrics` | the section "Process and runtime" |
| `business_metrics` | the section "Business" |
| `custom_metrics` | the instruments a program makes with `csg_otel.counter()`, `histogram()`, `gauge()` and their like |
| `sdk_metrics` | the section "Telemetry itself, under the names of the semantic conventions" |

A group that is off is neither recorded nor exported to any destination. A group that is switched on again continues from its
earlier totals. Health metrics, the other metrics of telemetry itself and the instruments of the program's own OpenTelemetry
meters (`opentelemetry.metrics.get_meter()`) belong to no group. `performance.response_time_tracking.enabled: false`, as well as
`performance.enabled: false`, switches off `csg.operation.duration` alone; the spans of operations stay.

## In the program

`telemetry.metrics_snapshot()` returns all metrics of the process now, as a dictionary:

| key | content |
|---|---|
| `timestamp` | ISO 8601, UTC |
| `system`, `application`, `business` | values under the names of the monitoring guide, below |
| `response_times` | `overall`, and `operations` by name: `count` since the start, and `p50`, `p95`, `p99` in seconds |
| `metrics_count` | the number of rows in `metrics` |
| `metrics` | every point as it is exported, and the values under the names of the monitoring guide with their `labels` |

`performance.response_time_tracking.percentiles: [50, 90, 99.9]` sets the percentiles. They are interpolated in the buckets of
`csg.operation.duration`, and are None without a call. The first bucket ends at 5 ms: of quicker operations they say no more.
"""

WORK = """
Business numbers count pieces of work. Operations in threads, and in jobs of a `ThreadPoolExecutor`, that a piece has started
are steps of it while it is open, as those in its tasks are; the body of a loop over an observed generator is outside of the
generator, and so are other processes and threads that were started before.
"""

GUIDE = """
## Names of the monitoring guide

The monitoring guide, "Health Checks and System Monitoring", is the document this package was built to; rules and dashboards
of its readers use these names. They are accepted wherever a metric is named; each is a function of the instruments above.

"""


def document() -> str:
    """Return the whole document."""
    parts = [HEAD]
    for title, prefixes in GROUPS:
        rows = [metric for metric in names.METRICS.values() if metric.name.startswith(prefixes)]
        parts.append(
            f"\n## {title}\n\n{NOTES.get(title, '')}| instrument | kind | unit | in Prometheus | attributes | what it is |\n"
            "|---|---|---|---|---|---|\n"
        )
        for metric in rows:
            attributes = ", ".join(f"`{name}`" for name in metric.attributes)
            parts.append(
                f"| `{metric.name}` | {metric.kind.replace('_', '-')} | {metric.unit and f'`{metric.unit}`'} | "
                f"`{family_name(metric.name, metric.unit, metric.kind)}` | {attributes} | {metric.description} |\n"
            )
        parts.append(WORK if title == "Business" else "")
    parts.append(GUIDE)
    parts.append("| name | labels | unit | from | meaning |\n|---|---|---|---|---|\n")
    for alias in names.ALIASES.values():
        sources = ", ".join(f"`{source.name}`" for source in alias.sources)
        fixed = [f'{label}="{value}"' for label, value in alias.fixed]
        labels = ", ".join(f"`{label}`" for label in (*fixed, *alias.labels))
        parts.append(
            f"| `{alias.name}` | {labels} | {alias.unit and f'`{alias.unit}`'} | {sources} | {alias.meaning} |\n"
        )
    return "".join(parts)


def test_the_document_is_current(check_generated: Callable[..., None]) -> None:
    """It has every metric with its unit and attributes."""
    check_generated(DOC, document())


def test_every_metric_is_in_one_group() -> None:
    """A metric outside all groups would be missing from the document."""
    grouped = [
        metric for metric in names.METRICS.values() for _, prefixes in GROUPS if metric.name.startswith(prefixes)
    ]

    assert sorted(metric.name for metric in grouped) == sorted(names.METRICS)
