"""The snapshot: the monitoring guide's names by group, every point, and nothing that is not JSON."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone

from csg_otel import names
from csg_otel.config.sections.system_monitoring import SystemMonitoring
from csg_otel.metrics import History, Sampler, snapshot
from csg_otel.points import HistogramPoint, NumberPoint, Point
from support import moments

POINTS: list[Point] = [
    NumberPoint(names.FILES_PROCESSED.name, "counter", "{file}", {names.FILE_TYPE: "pdf"}, 3),
    HistogramPoint(names.OPERATION_DURATION.name, "s", {"tags": ("a", "b")}, 4, 2.0, (1.0,), (3, 1)),
    NumberPoint(names.WORK_FINISHED.name, "counter", "{item}", {names.OUTCOME: "ok"}, 4),
    NumberPoint(names.WORK_TIME.name, "counter", "s", {}, 2.0),
]


def test_groups_hold_the_names_of_the_guide() -> None:
    """Names without labels are numbers, others numbers by the labels' values."""
    found = snapshot(moments.sample(), POINTS, History(60))

    assert found["system"]["system_cpu_usage_percent"] == {"total": 25.0, "per_cpu": {"0": 50.0, "1": 0.0}}
    assert found["system"]["system_memory_usage_bytes"] == {"used": 600, "available": 400}
    assert found["system"]["system_disk_usage_bytes"] == {"used": {"/": 60}, "free": {"/": 20}}
    assert found["application"]["application_threads_total"] == 4
    assert found["business"]["files_processed_total"] == {"pdf": 3}
    assert found["business"]["processing_duration_seconds"] == 0.5


def test_scripts_find_the_business_keys_although_no_work_has_ended() -> None:
    """In the parent of a pool, rate and duration are 0 in their group; as rows they are missing, for a mean of nothing."""
    idle = [NumberPoint(names.WORK_FINISHED.name, "counter", "{item}", {names.OUTCOME: "ok"}, 0)]
    found = snapshot(None, idle)

    keys = ("processing_errors_total", "processing_duration_seconds", "error_rate_percent")
    assert [found["business"][key] for key in keys] == [0, 0, 0]
    assert not {row["name"] for row in found["metrics"]} & set(keys[1:])
    assert "error_rate_percent" not in snapshot(None, [])["business"]


def test_groups_together_hold_all_that_is_known() -> None:
    """No name is lost on the way into a group, none is in two, and unknown ones are left out."""
    found = snapshot(moments.sample(), POINTS)
    shown = [name for group in ("system", "application", "business") for name in found[group]]

    assert len(shown) == len(set(shown))
    assert set(shown) <= set(names.ALIASES)
    assert "cache_hit_rate_percent" not in shown


def test_points_are_shown_as_they_are() -> None:
    """Each point is an entry; a histogram's value is its count and sum."""
    metrics = snapshot(None, POINTS)["metrics"]

    assert {key: metrics[0][key] for key in ("name", "value", "unit", "attributes")} == {
        "name": "csg.files.processed",
        "value": 3,
        "unit": "{file}",
        "attributes": {"csg.file.type": "pdf"},
    }
    assert metrics[1]["value"] == {"count": 4, "sum": 2.0}
    assert metrics[1]["attributes"] == {"tags": ["a", "b"]}


def test_without_points_the_sample_is_shown() -> None:
    """With nothing collected, the metrics are those of the sample."""
    metrics = snapshot(moments.sample(), ())["metrics"]

    (threads,) = [entry for entry in metrics if entry["name"] == "process.thread.count"]
    assert (threads["value"], threads["unit"], threads["attributes"]) == (4, "{thread}", {})
    assert {entry["name"] for entry in metrics} <= {*names.METRICS, *names.ALIASES}
    assert snapshot(None, ())["metrics"] == []


def test_rows_are_those_that_scripts_for_the_guide_read() -> None:
    """Its names, with labels and time, beside the points; and their number."""
    found = snapshot(moments.sample(), POINTS, service="shop")
    rows = {(row["name"], *map(str, row["labels"].values())): row for row in found["metrics"]}

    assert found["metrics_count"] == len(found["metrics"])
    assert all(set(row) == {"name", "value", "unit", "attributes", "labels", "timestamp"} for row in rows.values())
    assert rows["system_cpu_usage_percent", "total"]["value"] == 25.0
    assert rows["system_load_average", "5m"]["labels"] == {"period": "5m"}
    assert rows["system_cpu_usage_percent", "per_cpu", "0"]["labels"] == {"type": "per_cpu", "cpu": "0"}
    assert rows["system_memory_usage_percent", "usage"]["labels"] == {"type": "usage"}
    assert rows["application_memory_usage_bytes", "shop", "rss"]["labels"] == {"process": "shop", "type": "rss"}
    assert rows["application_uptime_seconds", "shop"]["labels"] == {"process": "shop"}
    assert rows["files_processed_total", "pdf"]["value"] == 3
    assert rows["processing_duration_seconds", "average"]["value"] == 0.5
    assert rows["processing_errors_total", "all"]["value"] == 0
    assert {row["timestamp"] for row in rows.values()} == {found["timestamp"]}


def test_a_real_snapshot_is_json() -> None:
    """What this machine's snapshot says can be written as JSON by the letter and read again."""
    found = snapshot(Sampler(SystemMonitoring()).sample_now(), (), None)
    read = json.loads(json.dumps(found, allow_nan=False))

    assert read == found
    assert abs(datetime.fromisoformat(read["timestamp"]) - datetime.now(timezone.utc)).total_seconds() < 60
    assert read["timestamp"].endswith("+00:00")


def test_values_that_are_no_numbers_are_null() -> None:
    """Infinite and undefined values don't break the document."""
    points: list[Point] = [NumberPoint("a", "gauge", "", {}, value) for value in (math.inf, math.nan)]

    assert [entry["value"] for entry in snapshot(None, points)["metrics"]] == [None, None]


def test_the_timestamp_is_the_samples() -> None:
    """The time of the document is the time its values were read."""
    assert snapshot(moments.sample(), ())["timestamp"] == "2023-11-14T22:13:20.000+00:00"
