"""The evaluator of previews gives the results of PromQL."""

from __future__ import annotations

import pytest

from csg_otel.alerts import conditions
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.evaluate import Evaluator, Scrape, UnevaluableError, parse
from csg_otel.alerts.expr import Age, Aggregate, Binary, Expr, Growth, Life, Matcher, Over, Quantile, Select
from csg_otel.alerts.prometheus import promql

TEXT = """
done_total{{kind="a"}} {}
done_total{{kind="b"}} {}
took_bucket{{le="1"}} {}
took_bucket{{le="+Inf"}} {}
level{{state="x"}} {}
"""
LIFE = Life(Select(("target_info",)), Select(("uptime",)), Select(("up",)))
BEFORE, NOW = TEXT.format(10, 100, 0, 0, 4), TEXT.format(30, 5, 10, 10, 8)


def evaluator() -> Evaluator:
    """Return an evaluator on two scrapes ten seconds apart."""
    return Evaluator(parse(BEFORE, 0), parse(NOW, 10), {})


def test_a_rate_handles_a_counter_reset() -> None:
    """A rate is the growth between the scrapes, from 0 if the counter became smaller."""
    rates = evaluator()(Growth("rate", Select(("done_total",)), 300, LIFE))

    assert rates == {(("kind", "a"),): 2.0, (("kind", "b"),): 0.5}


def test_increase_is_a_rate_over_the_window() -> None:
    """An increase is the present rate times the window."""
    assert evaluator()(Growth("increase", Select(("done_total",), (Matcher("kind", "=", "a"),)), 300, LIFE)) == {
        (("kind", "a"),): 600.0
    }


def test_quantiles_lie_within_their_bucket() -> None:
    """A quantile is interpolated linearly within its bucket, as by ``histogram_quantile``."""
    buckets = Aggregate("sum", ("le",), Growth("rate", Select(("took_bucket",)), 300, LIFE))

    assert evaluator()(Quantile(0.9, buckets)) == {(): pytest.approx(0.9)}


def test_aggregates_comparisons_and_arithmetic() -> None:
    """A comparison keeps the value of its left side, and a ratio without a part is 0."""
    total = Aggregate("sum", (), Select(("done_total",)))
    empty = Aggregate("sum", (), Select(("done_total",), (Matcher("kind", "=~", "c|d"),)))

    assert evaluator()(Binary(total, ">", 30)) == {(): 35.0}
    assert evaluator()(Binary(total, ">", 40)) == {}
    assert evaluator()(Binary(100, "*", conditions.ratio(empty, total))) == {(): 0.0}
    assert evaluator()(Over("max_over_time", Select(("level",)), 60)) == {(("state", "x"),): 8.0}


def test_escaped_labels_and_exponents_are_read() -> None:
    """Escapes in labels and exponents in numbers are read as the exposition format defines them."""
    moment = parse('a{x="q\\"\\\\\\n"} 1e+03 1700000000\nb NaN\n# c 1\n', 0)

    assert moment.samples["a"] == {(("x", 'q"\\\n'),): 1000.0}
    assert set(moment.samples) == {"a", "b"}


def test_names_of_the_monitoring_guide_are_computed_from_instruments(catalog: Catalog) -> None:
    """The evaluator uses the expressions that Prometheus records."""
    text = "process_memory_usage_bytes 5\nprocess_memory_virtual_bytes 7\n"
    recorded = {name: [(p.expr, p.labels) for p in parts] for name, parts in promql.aliases(catalog.find).items()}

    series = Evaluator(Scrape(0), parse(text, 1), recorded)(Select(("application_memory_usage_bytes",)))

    assert series == {(("type", "rss"),): 5.0, (("type", "vms"),): 7.0}


def test_functions_over_time_need_two_scrapes_only() -> None:
    """An age is that at the scrape; changes, resets, slopes and a forecast are computed from the two samples."""
    before, now = (
        parse(f"up_at 1000\nlevel {level}\nn_total {count}", at, unix_s=2000 + at)
        for at, level, count in ((0, 4, 9), (10, 6, 3))
    )
    evaluated = Evaluator(before, now, {})
    level = Select(("level",))
    series: dict[str, Expr] = {
        "age": Age(Select(("up_at",))),
        "changes": Over("changes", level, 300),
        "resets": Over("resets", Select(("n_total",)), 300),
        "delta": Over("delta", level, 300),
        "deriv": Over("deriv", level, 300),
        "predict": Over("predict_linear", level, 300, 50),
        "count": Aggregate("count", (), level),
        "unless": Binary(level, "unless", Select(("n_total",)), ()),
        "joined": Binary(level, "*", Select(("n_total",)), (), "left"),
    }

    assert {name: next(iter(evaluated(expr).values()), None) for name, expr in series.items()} == {
        "age": 1010,
        "changes": 1,
        "resets": 1,
        "delta": 60,
        "deriv": 0.2,
        "predict": 16,
        "count": 1,
        "unless": None,
        "joined": 18,
    }
    with pytest.raises(UnevaluableError, match="values of 1h ago"):
        evaluated(Select(("level",), offset_s=3600))
