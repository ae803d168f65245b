"""The preview's evaluator: what it says of an expression is what Prometheus says."""

from __future__ import annotations

import pytest

from csg_otel.alerts import conditions
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.evaluate import Evaluator, Scrape, parse
from csg_otel.alerts.expr import Aggregate, Binary, Matcher, Over, Quantile, Select
from csg_otel.alerts.prometheus import promql

TEXT = """
done_total{{kind="a"}} {}
done_total{{kind="b"}} {}
took_bucket{{le="1"}} {}
took_bucket{{le="+Inf"}} {}
level{{state="x"}} {}
"""
BEFORE, NOW = TEXT.format(10, 100, 0, 0, 4), TEXT.format(30, 5, 10, 10, 8)


def evaluator() -> Evaluator:
    """Return one for two scrapes ten seconds apart."""
    return Evaluator(parse(BEFORE, 0), parse(NOW, 10), {})


def test_a_rate_knows_a_counter_that_began_again() -> None:
    """The growth in the time between, and from nought where the counter is smaller than before."""
    found = evaluator()(Over("rate", Select(("done_total",)), 300))

    assert found == {(("kind", "a"),): 2.0, (("kind", "b"),): 0.5}


def test_increase_is_a_rate_over_the_window() -> None:
    """At the present rate."""
    assert evaluator()(Over("increase", Select(("done_total",), (Matcher("kind", "=", "a"),)), 300)) == {
        (("kind", "a"),): 600.0
    }


def test_quantiles_lie_within_their_bucket() -> None:
    """By linear interpolation, as ``histogram_quantile`` does."""
    buckets = Aggregate("sum", ("le",), Over("rate", Select(("took_bucket",)), 300))

    assert evaluator()(Quantile(0.9, buckets)) == {(): pytest.approx(0.9)}


def test_aggregates_comparisons_and_arithmetic() -> None:
    """A comparison keeps the value of its left side; a missing part of a ratio is nought."""
    total = Aggregate("sum", (), Select(("done_total",)))
    nobody = Aggregate("sum", (), Select(("done_total",), (Matcher("kind", "=~", "c|d"),)))

    assert evaluator()(Binary(total, ">", 30)) == {(): 35.0}
    assert evaluator()(Binary(total, ">", 40)) == {}
    assert evaluator()(Binary(100, "*", conditions.ratio(nobody, total))) == {(): 0.0}
    assert evaluator()(Over("max_over_time", Select(("level",)), 60)) == {(("state", "x"),): 8.0}


def test_absence_is_told_with_the_labels_that_were_asked_for() -> None:
    """As ``absent_over_time`` does."""
    asked = Select(("gone",), (Matcher("a", "=", "1"), Matcher("b", "!=", "2")))

    assert evaluator()(Over("absent_over_time", asked, 60)) == {(("a", "1"),): 1.0}
    assert evaluator()(Over("absent_over_time", Select(("level",)), 60)) == {}


def test_escaped_labels_and_exponents_are_read() -> None:
    """What the exposition format allows in a label and as a number."""
    moment = parse('a{x="q\\"\\\\\\n"} 1e+03 1700000000\nb NaN\n# c 1\n', 0)

    assert moment.samples["a"] == {(("x", 'q"\\\n'),): 1000.0}
    assert set(moment.samples) == {"a", "b"}


def test_names_of_the_seed_are_read_from_instruments(catalog: Catalog) -> None:
    """The same expressions that Prometheus records."""
    text = "process_memory_usage_bytes 5\nprocess_memory_virtual_bytes 7\n"
    recorded = {name: [(p.expr, p.labels) for p in parts] for name, parts in promql.aliases(catalog.find).items()}

    found = Evaluator(Scrape(0), parse(text, 1), recorded)(Select(("application_memory_usage_bytes",)))

    assert found == {(("type", "rss"),): 5.0, (("type", "vms"),): 7.0}
