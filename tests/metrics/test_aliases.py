"""The monitoring guide's names as values, on hand-made samples and points."""

from __future__ import annotations

import pytest

from csg_otel import names
from csg_otel.metrics.aliases import Labelled, values
from csg_otel.metrics.history import History
from csg_otel.points import NumberPoint, Point
from support import moments


def operations(count: int, seconds: float, failed: int = 0) -> list[Point]:
    finished = {"ok": count - failed, "error": failed}
    points: list[Point] = [
        NumberPoint(names.WORK_FINISHED.name, "counter", "{item}", {names.OUTCOME: outcome}, n)
        for outcome, n in finished.items()
    ]
    return [*points, NumberPoint(names.WORK_TIME.name, "counter", "s", {}, seconds)]


def cache(hits: int, misses: int) -> list[Point]:
    name = names.CACHE_REQUESTS.name
    found = {"hit": hits, "miss": misses}
    return [NumberPoint(name, "counter", "{request}", {names.CACHE_RESULT: key}, n) for key, n in found.items()]


def test_every_name_is_there_whatever_is_known() -> None:
    """All names of the table are keys, also without any sample or point; unknown ones are empty."""
    assert values(None, ()) == {name: [] for name in names.ALIASES}


def test_every_label_is_declared() -> None:
    """No value carries a label that its name does not declare."""
    for name, found in values(moments.sample(), [*operations(2, 1.0, 1), *cache(1, 1)]).items():
        assert {label for labels, _ in found for label in labels} <= set(names.ALIASES[name].labels)


SYSTEM: dict[str, Labelled] = {
    "system_cpu_usage_percent": [
        ({"type": "total"}, 25.0),
        ({"type": "per_cpu", "cpu": "0"}, 50.0),
        ({"type": "per_cpu", "cpu": "1"}, 0.0),
    ],
    "system_memory_usage_bytes": [({"type": "used"}, 600), ({"type": "available"}, 400)],
    "system_memory_usage_percent": [({}, 60.0)],
    "system_disk_usage_bytes": [({"type": "used", "mount": "/"}, 60), ({"type": "free", "mount": "/"}, 20)],
    "system_disk_usage_percent": [({"mount": "/"}, 75.0)],
    "system_network_bytes_total": [({"direction": "sent"}, 200), ({"direction": "received"}, 100)],
    "system_network_packets_total": [({"direction": "sent"}, 20), ({"direction": "received"}, 10)],
    "system_load_average": [({"period": "1m"}, 1.0), ({"period": "5m"}, 2.0), ({"period": "15m"}, 3.0)],
    "system_processes_total": [({}, 8)],
    "application_cpu_usage_percent": [({}, 25.0)],
    "application_memory_usage_bytes": [({"type": "rss"}, 250), ({"type": "vms"}, 900)],
    "application_memory_usage_percent": [({}, 25.0)],
    "application_threads_total": [({}, 4)],
    "application_file_descriptors_total": [({}, 7)],
    "application_uptime_seconds": [({}, 60.0)],
}


@pytest.mark.parametrize("name", SYSTEM)
def test_value_from_a_sample(name: str) -> None:
    """A name of the host or the process is computed from the sample as its table says, without the loopback."""
    found, expected = values(moments.sample(), ())[name], SYSTEM[name]

    assert [labels for labels, _ in found] == [labels for labels, _ in expected]
    assert [value for _, value in found] == pytest.approx([value for _, value in expected])


def test_files_are_added_up_by_type() -> None:
    """Files of one type count together, whatever became of them."""
    ways = [("pdf", "success", 3), ("pdf", "error", 1), ("csv", "success", 2)]
    points = [
        NumberPoint(names.FILES_PROCESSED.name, "counter", "{file}", {names.FILE_TYPE: t, names.OUTCOME: o}, n)
        for t, o, n in ways
    ]

    assert values(None, points)["files_processed_total"] == [({"type": "pdf"}, 4), ({"type": "csv"}, 2)]


def test_rates_without_a_past_are_since_start() -> None:
    """Without history, means and percentages are over everything since start."""
    found = values(None, [*operations(10, 5.0, 2), *cache(3, 1)])

    assert found["processing_duration_seconds"] == [({}, 0.5)]
    assert found["processing_errors_total"] == [({}, 2)]
    assert found["error_rate_percent"] == [({}, 20.0)]
    assert found["cache_hit_rate_percent"] == [({}, 75.0)]


def test_rates_are_over_five_minutes_when_there_is_a_past() -> None:
    """With a history that reaches back five minutes only what happened since then counts."""
    history = History(3600)
    for at_s, points in ((1000, operations(100, 1000.0, 50)), (1310, operations(104, 1002.0, 51))):
        history.add(moments.sample(at_s), [*points, *cache(at_s - 1000, 10)])
    found = values(None, [*operations(104, 1002.0, 51), *cache(310, 10)], history)

    assert found["processing_duration_seconds"] == [({}, 0.5)]
    assert found["error_rate_percent"] == [({}, 25.0)]
    assert found["cache_hit_rate_percent"] == [({}, 100.0)]
    assert found["processing_errors_total"] == [({}, 51)]


def test_a_past_too_short_is_not_used() -> None:
    """While the history is younger than five minutes the time since start is what is known."""
    history = History(3600)
    history.add(moments.sample(1000), operations(10, 5.0, 2))
    history.add(moments.sample(1200), operations(20, 5.0, 2))

    assert values(None, operations(20, 5.0, 2), history)["error_rate_percent"] == [({}, 10.0)]


def test_a_mean_of_nothing_is_unknown() -> None:
    """Without an operation in five minutes, duration and error rate are missing and not 0."""
    history = History(3600)
    for at_s in (1000, 1310):
        history.add(moments.sample(at_s), operations(10, 5.0, 2))
    found = values(None, operations(10, 5.0, 2), history)

    assert found["processing_duration_seconds"] == found["error_rate_percent"] == []


@pytest.mark.parametrize(("state", "passing"), [("healthy", 1), ("warning", 1), ("critical", 0), ("unknown", 0)])
def test_health_checks_pass_or_fail(state: str, passing: int) -> None:
    """A check passes when it is healthy or warns; of its series only the current state's counts."""
    points = [
        NumberPoint(
            names.HEALTH_CHECK_STATUS.name,
            "gauge",
            "",
            {names.CHECK_NAME: "disk", names.HEALTH_STATE: possible},
            int(possible == state),
        )
        for possible in ("healthy", "warning", "critical", "unknown")
    ]

    assert values(None, points)["health_check_status"] == [({"check": "disk"}, passing)]


def test_what_is_missing_in_the_sample_is_missing() -> None:
    """Readings this platform does not have yield no values, and the others are there."""
    bare = moments.system(memory=None, loads=None, cpu_utilization=(), processes={}, networks={}, filesystems=())
    found = values(moments.sample(system=bare, process=moments.process(cpu_utilization={}, rss=None)), ())

    assert not [name for name, value in found.items() if value and name.startswith("system_")]
    assert found["application_cpu_usage_percent"] == []
    assert found["application_memory_usage_bytes"] == [({"type": "vms"}, 900)]
