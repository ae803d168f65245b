"""Scalars become values of their setting, or a message that describes a right value."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.config import load, load_lenient
from csg_otel.config.convert import MismatchError, boolean, duration, number, show
from csg_otel.config.sections.alerting import AlertRule
from csg_otel.config.sections.fields import Setting


@pytest.mark.parametrize("word", ["true", "1", "yes", "on"])
@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_words_of_truth(word: str, change: object) -> None:
    """The four words are true in any case."""
    assert boolean(change(word), "") is True  # type: ignore[operator]


@pytest.mark.parametrize("word", ["false", "0", "no", "off", "Off", "NO"])
def test_words_of_falsehood(word: str) -> None:
    """The other four are false in any case."""
    assert boolean(word, "") is False


@pytest.mark.parametrize("value", ["", "y", "2", 2, "enable", None, 1.0, "truee"])
def test_anything_else_is_no_boolean(value: object) -> None:
    """What isn't one of the words is refused, not taken for false."""
    with pytest.raises(MismatchError, match="is not a boolean"):
        boolean(value, "it")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("1h30m", 5400), ("500ms", 0.5), ("2d", 172800), (" 1.5 h ", 5400), ("1w", 604800)],
)
def test_durations(text: str, seconds: float) -> None:
    """Durations are written with their units."""
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "5", "5 parsecs", "m5", "-5s", "5s!"])
def test_what_is_no_duration(text: str) -> None:
    """Text that isn't all number and unit is no duration."""
    assert duration(text) is None


@given(st.floats(allow_nan=True) | st.integers() | st.text() | st.none() | st.booleans())
def test_numbers_are_within_limits_or_refused(value: object) -> None:
    """For any value the result is a finite number within the limits, or a mismatch."""
    setting = Setting("", low=0, high=10)
    try:
        result = number(value, setting, whole=True, shown="it")
    except MismatchError:
        return

    assert isinstance(result, int)
    assert 0 <= result <= 10


@pytest.mark.parametrize("digits", [309, 5000])
def test_a_number_beyond_all_limits_is_a_mismatch(digits: int) -> None:
    """A whole number that no float can hold is reported like any other wrong one."""
    for whole in (True, False):
        with pytest.raises(MismatchError, match="it is not a"):
            number(10**digits, Setting(""), whole=whole, shown="it")


def test_sizes_have_units() -> None:
    """Sizes in bytes may be written with a unit."""
    loaded = load({"exporters": {"spool": {"max_bytes": "64MiB"}}}, environ={})

    assert loaded.config.exporters.spool.max_bytes == 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        (">", "greater_than"),
        ("<=", "less_than_or_equal"),
        ("==", "equals"),
        ("!=", "not_equals"),
        ("LESS_THAN", "less_than"),
    ],
)
def test_conditions_have_operators(written: str, condition: str) -> None:
    """A rule's condition is a word in any case, or its operator."""
    rule = {"name": "a", "metric": "m", "condition": written, "threshold": 1, "severity": "Emergency"}

    (made,) = load({"alerting": {"rules": [rule]}}, environ={}).config.alerting.rules
    assert made == AlertRule(name="a", metric="m", condition=condition, threshold=1.0, severity="emergency")  # type: ignore[arg-type]


def test_what_is_shown_is_short() -> None:
    """A message shows at most sixty characters of the value, on one line."""
    assert len(show("x\n" * 1000)) == 60
    assert "\n" not in show("x\n" * 1000)


def test_numbers_may_be_quoted(tmp_path: Path) -> None:
    """Templates quote every value; the text of a number is the number, wherever a number is expected."""
    (tmp_path / "c.yaml").write_text(
        """\
system_monitoring: {prometheus: {port: "9109"}, collection_interval: "1e1"}
health_monitoring: {failure_threshold: "2", timeout: '5', checks: {mine: {type: tcp, host: h, port: "80", interval: "7"}}}
sampling: {ratio: "0.5"}
exporters: {spool: {max_bytes: "1_000_000"}, queue: {max_items: " 64 "}}
alerting: {rules: [{name: a, metric: m, condition: ">", threshold: "85.5", severity: warning, for: "60"}]}
service: {version: "1.10", name: "5"}
""",
        encoding="utf-8",
    )
    config = load("c.yaml", environ={}, cwd=tmp_path).config

    assert config.system_monitoring.prometheus.port == 9109
    assert config.system_monitoring.collection_interval == 10
    assert (config.health_monitoring.failure_threshold, config.health_monitoring.timeout) == (2, 5)
    assert config.sampling.ratio == 0.5
    assert (config.exporters.spool.max_bytes, config.exporters.queue.max_items) == (1_000_000, 64)
    assert config.alerting.rules[0].threshold == 85.5
    assert (config.service.version, config.service.name) == ("1.10", "5")


@pytest.mark.parametrize(
    ("text", "value"),
    [("010000", 10000), ("0_8081", 8081), ("00", 0), ("08081", 8081), ("0x1F91", 8081), ("+080", 80), ("1:30", None)],
)
def test_numbers_that_yaml_reads_in_another_base(tmp_path: Path, text: str, value: int | None) -> None:
    """A leading 0 makes no octal number, and a colon no number to the base of 60: YAML 1.1 read 010000 as 4096."""
    (tmp_path / "c.yaml").write_text(f"system_monitoring: {{prometheus: {{port: {text}}}}}", encoding="utf-8")
    loaded = load_lenient("c.yaml", environ={}, cwd=tmp_path)

    if value is None:
        assert loaded.problems == ("c.yaml:1:34: system_monitoring.prometheus.port: '1:30' is not a whole number",)
    else:
        assert loaded.config.system_monitoring.prometheus.port == value
