"""What is measured: the lines of the performance table."""

from __future__ import annotations

from bench.case import Case
from bench.loads import LOADS
from bench.programs import (
    BLOCK,
    BOUND_PAIR,
    BY_HAND,
    COLD,
    DDTRACE,
    EXPORTED,
    FAILING,
    FLUSH_BY_HAND,
    FLUSH_OURS,
    INSTRUMENTED,
    LOGFIRE,
    OBSERVED,
    PAIR,
    PROMETHEUS_CLIENT,
    SCRAPE_OFFICIAL,
    SCRAPE_OURS,
    SCRAPED,
    SERIES,
    TIMED,
)
from bench.starts import STARTS

CASES = (
    *STARTS,
    Case("call before instrument() / SDK by hand", OBSERVED + TIMED, BY_HAND + TIMED, 0.005, reached=0.0058),
    Case("recorded call / SDK by hand", INSTRUMENTED + OBSERVED + TIMED, BY_HAND + TIMED, 0.06, reached=0.17),
    Case(
        "recorded call 5 ms after the last one / SDK by hand",
        INSTRUMENTED + OBSERVED + COLD,
        BY_HAND + COLD,
        0.06,
        reached=0.42,
    ),
    Case("recorded block / SDK by hand", INSTRUMENTED + BLOCK + TIMED, BY_HAND + TIMED, 0.06, reached=0.23),
    Case("failing call / SDK by hand", INSTRUMENTED + FAILING + TIMED, BY_HAND + TIMED, 0.10, reached=0.67),
    Case(
        "counter.add + histogram.record / SDK by hand",
        INSTRUMENTED + PAIR + TIMED,
        BY_HAND + TIMED,
        0.03,
        reached=0.041,
    ),
    Case("the pair, bound / SDK by hand", INSTRUMENTED + BOUND_PAIR + TIMED, BY_HAND + TIMED, 0.01, reached=0.02),
    Case(
        "the pair, bound / prometheus_client",
        INSTRUMENTED + BOUND_PAIR + TIMED,
        PROMETHEUS_CLIENT + TIMED,
        0.33,
        reached=0.6,
    ),
    Case("recorded call / logfire", INSTRUMENTED + OBSERVED + TIMED, LOGFIRE + TIMED, 0.05, True),
    Case("recorded call / ddtrace", INSTRUMENTED + OBSERVED + TIMED, DDTRACE + TIMED, 0.13, True, reached=0.25),
    Case(
        "CPU of an exported call / SDK by hand",
        INSTRUMENTED + OBSERVED + FLUSH_OURS + EXPORTED,
        BY_HAND + FLUSH_BY_HAND + EXPORTED,
        0.35,
    ),
    Case(
        "scrape of 9,500 counters / official exporter",
        SERIES + SCRAPE_OURS + SCRAPED,
        SERIES + SCRAPE_OFFICIAL + SCRAPED,
        0.10,
    ),
    *LOADS,
)
