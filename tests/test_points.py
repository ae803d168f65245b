"""Quantiles of a histogram's buckets: the one interpolation of the package."""

from __future__ import annotations

import pytest

from csg_otel.points import buckets, quantile

BOUNDS = (1.0, 2.0, 4.0)


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ((4, 0, 0, 0), 0.5, 0.5),  # the first bucket begins at 0
        ((2, 2, 0, 0), 0.5, 1.0),
        ((2, 2, 0, 0), 0.75, 1.5),
        ((0, 0, 4, 0), 0.25, 2.5),
        ((0, 0, 4, 0), 1.0, 4.0),
        ((0, 1, 0, 1), 0.5, 2.0),
    ],
)
def test_a_quantile_is_interpolated_within_its_bucket(counts: tuple[int, ...], share: float, expected: float) -> None:
    """As PromQL's ``histogram_quantile`` does."""
    assert quantile(buckets(BOUNDS, counts), share) == pytest.approx(expected)


@pytest.mark.parametrize("counts", [(0, 0, 0, 4), (1, 1, 0, 2), (2, 0, 0, 1)])
def test_a_quantile_beyond_the_last_bound_is_none(counts: tuple[int, ...]) -> None:
    """Nothing is known of those measurements but that they are above it; neither the bound nor infinity is shown."""
    assert quantile(buckets(BOUNDS, counts), 0.95) is None


def test_without_measurements_or_bounds_there_is_no_quantile() -> None:
    """No bucket has anything, or there are none."""
    assert quantile(buckets(BOUNDS, (0, 0, 0, 0)), 0.5) is None
    assert quantile(buckets((), (3,)), 0.5) is None


def test_negative_measurements_have_quantiles() -> None:
    """The first bucket ends where it begins if its bound is negative."""
    assert quantile(buckets((-2.0, -1.0), (0, 2, 0)), 0.5) == pytest.approx(-1.5)
