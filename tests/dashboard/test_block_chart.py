"""Charts of characters: what is drawn is where the value is, and a gap stays a gap."""

from __future__ import annotations

import math

import pytest

from csg_otel.dashboard.view import block_chart as chart


def _text(rows: list[list[chart.Cell]]) -> list[str]:
    return ["".join(cell.text for cell in row) for row in rows]


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇█"),
        ([0, None, 7], 3, "▁ █"),
        ([1, 2], 4, "  ▁█"),
        ([5, 5, 5], 3, "▁▁▁"),
        ([], 3, "   "),
        ([None, math.nan], 2, "  "),
        ([0, 0, 8, 8], 2, "▁█"),
    ],
)
def test_a_sparkline_draws_values_and_keeps_gaps(values: list[float | None], width: int, expected: str) -> None:
    """The newest value is at the right end; a missing value is a space; many values share a cell as their mean."""
    assert chart.sparkline(values, width) == expected


def test_sparklines_of_one_column_share_a_scale() -> None:
    """With a common scale, a small series looks small beside a large one."""
    assert chart.sparkline([1, 1], 2, low=0, high=7) == "▂▂"


@pytest.mark.parametrize(
    ("share", "expected"), [(0, ""), (0.5, "██"), (1, "████"), (0.001, "▏"), (2, "████"), (0.28125, "█▏")]
)
def test_a_bar_has_steps_of_an_eighth(share: float, expected: str) -> None:
    """A bar never leaves its width, and a share above 0 is visible."""
    assert chart.bar(share, 4) == expected


def test_a_line_rises_from_bottom_left_to_top_right() -> None:
    """Two values are joined by a line over the whole width."""
    rows = _text(chart.plot([[0, 1]], 4, 2, 0, 1))

    assert rows[0][0] == " "
    assert rows[1][0] != " "
    assert rows[0][3] != " "
    assert rows[1][3] == " "


def test_no_line_crosses_a_gap() -> None:
    """Between the values on both sides of a gap nothing is drawn."""
    rows = _text(chart.plot([[1, 1, 1, None, None, None, 1, 1, 1]], 9, 1, 0, 2))

    assert rows[0][4] == " "
    assert rows[0][0] != " "
    assert rows[0][8] != " "


def test_the_first_series_is_in_front() -> None:
    """Where two series meet, the cell belongs to the first; the others keep their cells."""
    rows = chart.plot([[0, 0], [0, 1]], 4, 2, 0, 1)

    assert rows[1][0].series == 0
    assert rows[0][3].series == 1
    assert rows[0][0].series is None


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e308, -5])
def test_odd_values_stay_inside_the_plot(value: float) -> None:
    """Infinite, absent and far values neither fail nor leave the plot."""
    rows = chart.plot([[0, value, 1]], 5, 3, 0, 1)

    assert [len(row) for row in rows] == [5, 5, 5]


def test_rows_and_columns_of_a_value_are_those_of_the_plot() -> None:
    """Thresholds and the cursor are drawn where the plot draws the value."""
    assert chart.row_of(1, 4, 0, 1) == 0
    assert chart.row_of(0, 4, 0, 1) == 3
    assert chart.column_of(0, 10, 20) == 0
    assert chart.column_of(9, 10, 20) == 19
    assert [chart.position_of(chart.column_of(i, 10, 20), 10, 20) for i in range(10)] == list(range(10))
