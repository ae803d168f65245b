"""The format of the metrics page is that which the client prefers, and the response says which one it is."""

from __future__ import annotations

import pytest

from csg_otel.exporters.prometheus import negotiate

TEXT = "text/plain; version=0.0.4; charset=utf-8"
TEXT_1 = "text/plain; version=1.0.0; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
OPENMETRICS_0 = "application/openmetrics-text; version=0.0.1; charset=utf-8"
OPENMETRICS_2 = "application/openmetrics-text; version=2.0.0; charset=utf-8"
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

# What Prometheus sends: Debian's 2.42, the same with native histograms, and 3.16 with its settings.
DEBIAN = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
DEBIAN_NATIVE = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
    "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
NEWEST = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.7,application/openmetrics-text;version=0.0.1;q=0.6,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3"
)
NEWEST_NATIVE = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
NEWEST_OPENMETRICS_2 = "application/openmetrics-text;version=2.0.0;escaping=allow-utf-8;q=0.7,*/*;q=0.6"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (DEBIAN, OPENMETRICS),
        (DEBIAN_NATIVE, PROTOBUF),
        (NEWEST, f"{OPENMETRICS}; escaping=allow-utf-8"),
        (NEWEST_NATIVE, f"{PROTOBUF}; escaping=allow-utf-8"),
        (NEWEST_OPENMETRICS_2, f"{OPENMETRICS_2}; escaping=allow-utf-8"),
        (BROWSER, TEXT),
        # no wish, and ranges
        ("", TEXT),
        ("*/*", TEXT),
        ("text/*", TEXT),
        ("text/plain", TEXT),
        ("application/*", OPENMETRICS),
        ("application/openmetrics-text", OPENMETRICS),
        # versions
        ("text/plain;version=1.0.0", TEXT_1),
        ("text/plain;version=0.0.4;escaping=allow-utf-8", TEXT),
        ('application/openmetrics-text; Version="0.0.1"', OPENMETRICS_0),
        ("application/openmetrics-text;version=3.0.0", OPENMETRICS),
        ("text/plain;version=7", TEXT),
        ("application/openmetrics-text;version=3.0.0,text/plain;version=1.0.0;q=0.1", TEXT_1),
        # escapings
        ("text/plain;version=1.0.0;escaping=dots", f"{TEXT_1}; escaping=dots"),
        ("text/plain;version=1.0.0;escaping=values", f"{TEXT_1}; escaping=values"),
        ("text/plain;version=1.0.0;escaping=underscores", f"{TEXT_1}; escaping=underscores"),
        ("text/plain;version=1.0.0;escaping=backslashes", TEXT_1),
        # protobuf of another message, or in another encoding
        ("application/vnd.google.protobuf", TEXT),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text;q=1,*/*;q=0.1", TEXT),
        # qualities
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1", OPENMETRICS),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", TEXT),
        ("text/plain,application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;q=x", TEXT),
        ("text/plain;q=0,*/*", OPENMETRICS),
        ("application/openmetrics-text;version=2.0.0;q=0,application/openmetrics-text;q=0.1", OPENMETRICS),
        (";;,=;q", TEXT),
    ],
)
def test_the_format_is_what_the_client_prefers(accept: str, content_type: str) -> None:
    """By media type, version, message and quality; the header says what was chosen."""
    assert negotiate(accept).content_type == content_type
