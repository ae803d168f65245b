"""The texts of every view: durations by magnitude, binary sizes, local times, states in word and shape."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import pytest

from csg_otel.dashboard.view import text
from csg_otel.display import READABLE, cells, clean, cut, duration, size


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local time is Berlin's."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(1.24, "1.24 s"), (0.0824, "82.4 ms"), (0.00031, "310 µs"), (0, "0 s"), (65, "1m 05s"), (7800, "2h 10m")],
)
def test_durations_go_by_magnitude(seconds: float, expected: str) -> None:
    """Three significant digits in the unit that fits, minutes and hours above 60 s."""
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("count", "expected"), [(812, "812 B"), (50_541_363, "48.2 MiB"), (2048, "2.00 KiB"), (3 << 40, "3.00 TiB")]
)
def test_sizes_are_binary(count: float, expected: str) -> None:
    """Bytes are shown in the binary unit that fits."""
    assert size(count) == expected


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [
        (0.0824, "s", "82.4 ms"),
        (3_670_016, "By/s", "3.50 MiB/s"),
        (12.5, "1/s", "12.5/s"),
        (12.46, "%", "12.5%"),
        (0.123, "%", "0.12%"),
        (1234567, "{order}", "1,234,567"),
        (2, "{order}/s", "2/s"),
        (816, "By/s", "816 B/s"),
        (0.00057, "s/s", "570 µs/s"),
        (2_445_406_000, "Hz", "2.45 GHz"),
        (1_764_239_400.1, "s", "27 Nov 11:30:00"),
        (1e12, "s", "277777777h 46m"),
        (None, "s", "—"),
        (math.nan, "s", "—"),
    ],
)
def test_values_have_their_unit(amount: float | None, unit: str, expected: str, berlin: None) -> None:
    """A value is shown in its unit; a missing one is a dash; a Unix time is a date, not a duration."""
    assert text.value(amount, unit) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.2, "0 s"), (4.4, "4 s"), (65, "1m 05s"), (7800, "2h 10m"), (3 * 86400 + 4 * 3600, "3d 04h"), (None, "—")],
)
def test_ages_are_whole_seconds(seconds: float | None, expected: str) -> None:
    """Ages and uptimes have no fractions, and days from two days on."""
    assert text.age(seconds) == expected


def test_times_are_local(berlin: None) -> None:
    """A time is shown in the local zone, with the date on another day."""
    at = 1_764_239_400.1239

    assert text.clock(at) == "11:30:00"
    assert text.clock(at, at + 86_400) == "2025-11-27 11:30:00"
    assert text.milliseconds(at) == "11:30:00.123"
    assert text.stamp(at) == "2025-11-27 11:30:00.123 CET"
    assert text.clock(1e30) == text.MISSING


def test_a_state_has_word_and_shape() -> None:
    """No two states of health have the same shape, and an unknown word is shown as unknown."""
    assert text.state("warning") == "▲ WARNING"
    assert len({text.SHAPES[word] for word in text.ORDER}) == len(text.ORDER)
    assert text.state("odd") == "? ODD"


def test_a_stream_without_our_signs_gets_plain_letters() -> None:
    """µ is u and … is three dots where the encoding lacks them; other characters are escaped."""
    assert "310 µs … — é".encode("ascii", READABLE) == rb"310 us ... - \xe9"
    assert "310 µs".encode("latin-1", READABLE).decode("latin-1") == "310 µs"


def test_text_of_others_cannot_steer_a_terminal() -> None:
    """Escape sequences, line breaks and writing directions are shown as text; wide characters have two cells."""
    assert clean("\x1b[31mred\n\u202eright") == "\\x1b[31mred\\n\\u202eright"
    assert cells("日本") == 4
    assert cut("日本語", 4) == "日…"
