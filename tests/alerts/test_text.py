"""Durations, numbers, names and template text as the backends write them."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.alerts.message import formatted, parse
from csg_otel.alerts.text import camel, digest, duration, inert, number, yaml_file


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0s"), (90, "1m30s"), (300, "5m"), (0.5, "500ms"), (30 * 86400, "30d"), (3661, "1h1m1s")],
)
def test_durations(seconds: float, written: str) -> None:
    """A duration is written in whole units, largest first."""
    assert duration(seconds) == written


@pytest.mark.parametrize(("value", "written"), [(85.0, "85"), (0.1, "0.1"), (1e-7, "1e-07"), (-3, "-3")])
def test_numbers_read_back(value: float, written: str) -> None:
    """A number is written as the shortest text that reads back as the same number."""
    assert number(value) == written
    assert float(number(value)) == value


@given(st.text("{}% ab", max_size=12), st.booleans())
def test_no_text_begins_an_action(text: str, followed: bool) -> None:
    """A text with any braces, also before a place, prints itself when it runs as a template."""
    template = inert(text) + ("{{ x }}" if followed else "")
    printed = ""
    while "{{" in template:
        before, _, rest = template.partition("{{")
        action, _, template = rest.partition("}}")
        assert not action.startswith("{")
        printed += before + (action.strip()[1:-1] if action.strip().startswith('"') else "<x>")
    printed += template

    assert printed == text + ("<x>" if followed else "")


def test_messages_have_places_and_text() -> None:
    """Every place is parsed, and other braces stay text."""
    message = parse("{value} {value:percent} of {labels.a.b} > {threshold:bytes} {other} {value:x} {value:.2f} {")

    written = message.write(lambda text: text.upper(), lambda place: f"<{place.kind}{place.name}{place.form}>")
    assert written == "<value> <valuepercent> OF <labela.b> > <thresholdbytes> {OTHER} {VALUE:X} <value.2f> {"
    assert message.labels == ("a.b",)


@pytest.mark.parametrize(
    ("value", "form", "written"),
    [
        (0.5, "", "0.5"),
        (0.5, "percent", "50%"),
        (1536, "bytes", "1.5KiB"),
        (12, "bytes", "12B"),
        (0, "duration", "0s"),
        (0.0125, "duration", "12.5ms"),
        (75, "duration", "1m 15s"),
        (-90_061, "duration", "-1d 1h 1m 1s"),
        (2.71828, ".2f", "2.72"),
    ],
)
def test_numbers_are_written_as_prometheus_writes_them(value: float, form: str, written: str) -> None:
    """The unit tests of rules compare them with Prometheus' own."""
    assert formatted(value, form) == written
    assert formatted(50, "percent", percent=True) == "50%"


@pytest.mark.parametrize(
    ("name", "alert"),
    [
        ("high_cpu_usage", "HighCpuUsage"),
        ("HTTP 5xx-rate", "HTTP5xxRate"),
        ("é", "É"),
        ("größe_max", "GrößeMax"),
        ("gro\u0308\u00dfe", "Größe"),
        ("日本", "日本"),
        ("हिन्दी", "हिन्दी"),
        ("-- !", ""),
    ],
)
def test_names_of_alerts(name: str, alert: str) -> None:
    """The words of a rule's name are joined with capitals."""
    assert camel(name) == alert


def test_a_file_has_a_header_with_the_hash_of_its_content(tmp_path: object) -> None:
    """The hash in the header is that of the content, which reads back unchanged."""
    content = {"b": ["x: y", "a\nb", "on", "1e3"], "a": {"é": None}}
    _, hashed, body = yaml_file(content).split("\n", 2)

    assert hashed == f"# content: {digest(body)}"
    assert yaml.safe_load(body) == content
    assert list(yaml.safe_load(body)) == ["b", "a"]


_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(),
    st.text("ab:# -'\"|>%@`{}[]&*!?,.0123456789eE+\n\t~=<yYnN", max_size=8),
    st.sampled_from(["on", "No", "null", "~", "1e3", "0x1f", "12:30:45", "a: b", "a #b", "x:", "- a", "a\nb\n", "a\n\nb"]),
)  # fmt: skip
_documents = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(_documents)
def test_a_written_value_reads_back(content: object) -> None:
    """An independent YAML reader reads any value back unchanged."""
    assert yaml.safe_load(yaml_file(content)) == content
