"""The types of health, and the promises of the state function for every sequence of results."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.check_result import CheckResult, Range
from csg_otel.status import CheckState, HealthStatus, advance, severity, worst

HEALTHY, WARNING, CRITICAL, UNKNOWN = (
    HealthStatus.HEALTHY,
    HealthStatus.WARNING,
    HealthStatus.CRITICAL,
    HealthStatus.UNKNOWN,
)
statuses = st.sampled_from(list(HealthStatus))
thresholds = st.integers(1, 4)


def states(results: Sequence[HealthStatus], fail_after: int = 1, recover_after: int = 1) -> list[CheckState]:
    """Return the state after each of *results*, one a second."""
    state, seen = CheckState(), []
    for now_s, status in enumerate(results):
        result = CheckResult(status)
        state = advance(state, result, fail_after=fail_after, recover_after=recover_after, now_s=float(now_s))
        seen.append(state)
    return seen


def effective(results: Sequence[HealthStatus], fail_after: int = 1, recover_after: int = 1) -> list[HealthStatus]:
    """Return the effective status after each of *results*."""
    return [state.status for state in states(results, fail_after, recover_after)]


def test_codes_are_those_of_nagios() -> None:
    """Codes are 0, 1, 2 and 3 for healthy, warning, critical and unknown."""
    assert [status.code for status in (HEALTHY, WARNING, CRITICAL, UNKNOWN)] == [0, 1, 2, 3]


def test_the_worst_of_nothing_is_unknown() -> None:
    """No statuses at all are unknown; critical beats warning beats unknown beats healthy."""
    assert worst([]) is UNKNOWN

    assert sorted(HealthStatus, key=severity) == [HEALTHY, UNKNOWN, WARNING, CRITICAL]


def test_it_takes_failures_in_a_row_to_fail() -> None:
    """A failure between successes does not count when three in a row are asked for."""
    results = [HEALTHY, CRITICAL, CRITICAL, HEALTHY, CRITICAL, CRITICAL, CRITICAL]

    assert effective(results, fail_after=3) == [HEALTHY] * 6 + [CRITICAL]


def test_it_takes_successes_in_a_row_to_recover() -> None:
    """One success between failures does not recover a check that asks for two."""
    results = [CRITICAL, HEALTHY, CRITICAL, HEALTHY, HEALTHY]

    assert effective(results, recover_after=2) == [CRITICAL] * 4 + [HEALTHY]


def test_a_way_back_leads_to_the_worst_of_what_was_seen() -> None:
    """Three better results, one of them a warning, lead to warning; the third healthy one in a row to healthy."""
    results = [CRITICAL, WARNING, HEALTHY, HEALTHY, HEALTHY]

    assert effective(results, recover_after=3) == [CRITICAL, CRITICAL, CRITICAL, WARNING, HEALTHY]


@given(statuses, thresholds, thresholds)
def test_the_first_result_counts_at_once(first: HealthStatus, fail_after: int, recover_after: int) -> None:
    """Whatever the thresholds, the first result is the status."""
    assert effective([first], fail_after, recover_after) == [first]


@given(st.lists(statuses, min_size=1), thresholds, thresholds)
def test_every_change_is_earned(results: list[HealthStatus], fail_after: int, recover_after: int) -> None:
    """The status turns bad only after enough bad results in a row, and healthy only after enough healthy ones."""
    seen = effective(results, fail_after, recover_after)

    for at in range(1, len(seen)):
        if seen[at - 1] is HEALTHY and seen[at] is not HEALTHY:
            assert HEALTHY not in results[max(0, at - fail_after + 1) : at + 1]
        if seen[at - 1] is not HEALTHY and seen[at] is HEALTHY:
            assert set(results[max(0, at - recover_after + 1) : at + 1]) == {HEALTHY}


@given(st.lists(statuses), thresholds, thresholds)
def test_a_settled_result_is_the_status(results: list[HealthStatus], fail_after: int, recover_after: int) -> None:
    """After enough equal results in a row the status is that result, whatever came before."""
    for status in HealthStatus:
        settled = [*results, *[status] * max(fail_after, recover_after)]

        assert effective(settled, fail_after, recover_after)[-1] is status


@given(st.lists(statuses, min_size=2), thresholds, thresholds)
def test_worse_among_bad_counts_at_once(results: list[HealthStatus], fail_after: int, recover_after: int) -> None:
    """A check that is bad already and gets worse is worse at once."""
    seen = effective(results, fail_after, recover_after)

    for before, raw, after in zip(seen, results[1:], seen[1:], strict=False):
        if before is not HEALTHY and severity(raw) > severity(before):
            assert after is raw


@given(st.lists(statuses, min_size=1), thresholds, thresholds)
def test_the_fields_of_a_state_are_consistent(results: list[HealthStatus], fail_after: int, recover_after: int) -> None:
    """`raw` and `last_run` are the last result's; `since` is when the present status began; `failures` end with it."""
    seen = states(results, fail_after, recover_after)
    last = seen[-1]
    began = next(at for at in range(len(seen)) if all(state.status is last.status for state in seen[at:]))

    assert (last.raw, last.last_run, last.since) == (results[-1], float(len(results) - 1), float(began))
    if last.status is last.raw is HEALTHY:
        assert last.failures == 0


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ("10", (0, 5, 10), (-1, 10.1)),
        ("10:", (10, 1e9), (9.9,)),
        ("~:10", (-1e9, 10), (10.1,)),
        ("10:20", (10, 15, 20), (9.9, 20.1)),
        ("@10:20", (9.9, 20.1), (10, 15, 20)),
    ],
)
def test_ranges_are_those_of_the_plugin_guidelines(text: str, good: tuple[float, ...], bad: tuple[float, ...]) -> None:
    """The five forms of the Nagios guidelines include their ends, and are shown as they were written."""
    parsed = Range.parse(text)

    assert all(map(parsed.allows, good))
    assert not any(map(parsed.allows, bad))
    assert str(parsed) == text


@pytest.mark.parametrize("text", ["", "x", "20:10", "1:2:3", "@", "nan"])
def test_other_text_is_no_range(text: str) -> None:
    """The error has the text and the valid forms."""
    with pytest.raises(ValueError, match="range"):
        Range.parse(text)
