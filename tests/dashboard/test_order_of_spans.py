"""The spans of a trace are listed by their starts, and none before those above it."""

from __future__ import annotations

from csg_otel.dashboard.store.items import KeptSpan
from csg_otel.dashboard.view import traces


def _span(span_id: str, parent_id: str | None, start: float) -> KeptSpan:
    return KeptSpan(
        *("t", span_id, parent_id, span_id, "internal", "shop", "lib"),
        start=start,
        end=start + 1,
        status="unset",
        status_message="",
        attributes=(),
        events=(),
        links=(),
    )


def _order(*spans: KeptSpan) -> list[str]:
    return [row["span_id"] for row in traces.page(spans, [], 100, {})["spans"]]


def test_a_child_whose_clock_is_behind_stays_below_its_parent() -> None:
    """Another host, or Node.js whose spans read two clocks, may give the child an earlier start."""
    spans = _span("child", "root", 9.999), _span("root", None, 10), _span("grandchild", "child", 9.998)

    assert _order(*spans) == ["root", "child", "grandchild"]


def test_others_are_in_the_order_of_their_starts() -> None:
    """Siblings, orphans, and even spans in a circle of parents."""
    assert _order(_span("b", "a", 3), _span("c", "a", 2), _span("a", None, 1), _span("o", "gone", 2.5)) == list("acob")
    assert sorted(_order(_span("x", "y", 1), _span("y", "x", 2))) == ["x", "y"]
