"""The documents of a running program: what it did is there, as it was, and soon."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import csg_otel
from csg_otel import net
from csg_otel.dashboard.api import Api
from csg_otel.dashboard.source import NotFoundError, SourceError
from support import programs
from support.servers import free_port


def eventually(check: Callable[[], Any], within_s: float = programs.HUNG_S) -> Any:
    """Return the first true result of *check*."""
    return programs.eventually(check, within_s)


Instrument = Callable[..., csg_otel.Telemetry]


def _api(telemetry: csg_otel.Telemetry) -> Api:
    assert telemetry.dashboard is not None
    return telemetry.dashboard


def _traces(api: Api, **parameters: Any) -> list[Any]:
    rows: list[Any] = api.get("traces", parameters)["traces"]
    return rows


def test_an_ended_span_is_there_with_what_it_has(api: Api) -> None:
    """Name, attributes, events and failure of a span are in the document of its trace, with the log record inside it."""
    with suppress(LookupError), csg_otel.observe("order", {"channel": "web"}) as operation:
        operation.add_event("looked up", {"items": 3})
        logging.getLogger("shop.stock").warning("nothing left of %s", "tea")
        raise LookupError("no stock")

    (row,) = _traces(api, name="order")
    page = api.get(f"traces/{row['trace_id']}")

    (span,) = page["spans"]
    assert (row["errors"], row["spans"], row["running"], row["logs"]) == (1, 1, 0, 1)
    assert span["attributes"]["channel"] == "web"
    assert [event["name"] for event in span["events"]] == ["looked up", "exception"]
    assert span["events"][0]["attributes"] == {"items": 3}
    assert span["duration_s"] == pytest.approx(span["end"] - span["start"])
    (log,) = page["logs"]
    assert (log["level"], log["body"], log["logger"]) == ("warn", "nothing left of tea", "shop.stock")
    assert log["span_id"] == span["span_id"]
    assert page["resources"]["shop"]["process.pid"] == os.getpid()


def test_a_running_span_is_shown_as_running(api: Api) -> None:
    """It has no end and no duration, and its trace is found by the filter for running ones until it ends."""
    started, ends = threading.Event(), threading.Event()

    def work() -> None:
        with csg_otel.observe("long"):
            started.set()
            ends.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(60)

    (row,) = eventually(lambda: _traces(api, running="true"))
    assert (row["name"], row["duration_s"], row["running"]) == ("long", None, 1)
    (span,) = api.get(f"traces/{row['trace_id']}")["spans"]
    assert span["end"] is None

    ends.set()
    thread.join()
    eventually(lambda: not _traces(api, running="true"))
    (row,) = _traces(api, name="long")
    assert row["duration_s"] is not None


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"text": "TEA"}, {"buy"}),
        ({"name": "sel"}, {"sell"}),
        ({"error": "true"}, {"sell"}),
        ({"attr": "paid=true"}, {"buy"}),
        ({"attr": ["paid=true", "item=milk"]}, set()),
        ({"min_ms": "1000"}, set()),
        ({"max_ms": "60000"}, {"buy", "sell"}),
        ({"service": "shop"}, {"buy", "sell"}),
        ({"service": "other"}, set()),
    ],
)
def test_traces_are_found_by(api: Api, parameters: dict[str, Any], names: set[str]) -> None:
    """Each filter selects the traces that it describes."""
    with csg_otel.observe("buy", {"item": "tea", "paid": True}):
        pass
    with pytest.raises(KeyError), csg_otel.observe("sell", {"item": "milk", "paid": False}):
        raise KeyError("milk")

    assert {row["name"] for row in _traces(api, **parameters)} == names


def test_a_list_has_pages(api: Api) -> None:
    """The pages of a list have every trace once, the newest first."""
    for _ in range(25):
        with csg_otel.observe("step"):
            pass

    rows: list[Any] = []
    parameters = {"limit": "10"}
    while True:
        page = api.get("traces", parameters)
        rows += page["traces"]
        if page["next"] is None:
            break
        parameters = {"limit": "10", "before": repr(page["next"])}

    assert len({row["trace_id"] for row in rows}) == len(rows) == 25
    assert [row["start"] for row in rows] == sorted((row["start"] for row in rows), reverse=True)


@pytest.mark.parametrize(
    ("parameters", "bodies"),
    [
        ({"level": "error"}, {"broken"}),
        ({"level": "warn"}, {"broken", "slow"}),
        ({"logger": "a"}, {"broken", "slow"}),
        ({"logger": "a.b"}, {"slow"}),
        ({"text": "BROK"}, {"broken"}),
        ({"text": "zerodivision"}, {"broken"}),
    ],
)
def test_logs_are_found_by(api: Api, parameters: dict[str, str], bodies: set[str]) -> None:
    """Each filter selects the records that it describes."""
    logging.getLogger("ab").warning("other")
    logging.getLogger("a.b").warning("slow")
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("a").exception("broken")

    found_bodies = {row["body"] for row in api.get("logs", parameters)["logs"]}

    assert found_bodies - {"other"} == bodies
    assert ("other" in found_bodies) == ("level" in parameters and parameters["level"] == "warn")


def test_metrics_have_values_quantiles_and_exemplars(api: Api) -> None:
    """A histogram's chart has its quantiles; an exemplar leads to its trace; the list has attributes and the latest value."""
    for _ in range(20):
        with csg_otel.observe("checkout"):
            pass

    def chart() -> Any:
        drawn = api.get("metrics/series", {"name": "csg.operation.duration", "range": "60"})
        return drawn if {"p50", "p95", "rate"} <= {series["field"] for series in drawn["series"]} else None

    def again() -> Any:
        with csg_otel.observe("checkout"):
            pass
        try:
            return chart()
        except NotFoundError:
            return None

    drawn = eventually(again)
    assert drawn["kind"] == "histogram"
    assert all(len(series["values"]) == len(drawn["times"]) for series in drawn["series"])
    (row,) = (row for row in api.get("metrics")["metrics"] if row["name"] == "csg.operation.duration")
    assert "checkout" in row["attributes"]["csg.operation.name"]
    assert 0 < row["latest"] < 60  # seconds, also where the machine stops for some
    exemplar = eventually(lambda: api.get("metrics/series", {"name": row["name"]})["exemplars"])[-1]
    assert api.get(f"traces/{exemplar['trace_id']}")["summary"]["name"] == "checkout"


def test_the_status_has_the_whole(instrumented: Instrument) -> None:
    """Service, health, destinations, switches, numbers and counts are there, with the keys that scripts read."""
    api = _api(instrumented(service__version="1.2", notifications__email__enabled=False))

    status = eventually(lambda: (page := api.get("status"))["data_age_s"] is not None and page)

    assert status["schema_version"] == "1.0"
    assert (status["service"]["name"], status["service"]["version"]) == ("shop", "1.2")
    assert status["monitoring_enabled"] is True
    assert status["queue_size"] == 0
    assert status["active_notifiers"] == []
    assert {row["name"] for row in status["categories"]} >= {"system", "application"}
    assert {row["name"] for row in status["checks"]} >= {"cpu", "memory", "disk"}
    assert 0 <= eventually(lambda: api.get("status")["system"]["memory_percent"]) <= 100
    assert status["counts"]["dropped"] == 0
    assert status["time"] - 60 < eventually(lambda: api.get("status")["kept_since"]) < time.time()


def _page_with_failures(api: Api) -> Any:
    page = api.get("health")
    (row,) = (row for row in page["checks"] if row["name"] == "store")
    return page if row["failures"] and row["status"] == "critical" else None


def test_a_check_has_its_past(instrumented: Instrument) -> None:
    """A failing check has its timeline, its failures, its measurements and what it depends on."""
    telemetry = instrumented(health_monitoring__checks__system_resources__enabled=False)

    @csg_otel.health_check("store", interval_s=0.1)
    def store() -> None:
        raise csg_otel.Critical("no answer", measurements=(csg_otel.Measurement("wait", 2.0, "s", warning=1.0),))

    try:
        api = _api(telemetry)
        page = eventually(lambda: _page_with_failures(api))
    finally:
        telemetry.health.unregister("store")

    (row,) = (row for row in page["checks"] if row["name"] == "store")
    assert (row["status"], row["message"]) == ("critical", "no answer")
    assert row["timeline"][-1]["status"] == "critical"
    assert row["timeline"][-1]["end"] is None
    assert row["failures"][0]["message"] == "no answer"
    (measurement,) = row["measurements"]
    assert (measurement["name"], measurement["value"], measurement["warning"]) == ("wait", 2.0, 1.0)
    order = ["critical", "warning", "unknown", "healthy"]
    ranks = [order.index(check["status"]) for check in page["checks"]]
    assert ranks == sorted(ranks)  # the worst comes first


def test_the_system_has_charts(api: Api) -> None:
    """CPU, memory, disk and the process have charts once there are samples."""
    charts = eventually(
        lambda: (
            {"cpu", "memory", "disk", "process_memory"}
            <= (rows := {row["id"]: row for row in api.get("system", {"range": "300"})["charts"]}).keys()
            and rows
        ),
    )

    assert 0 <= max(value for value in charts["memory"]["series"][0]["values"] if value is not None) <= 100


def test_panes_and_charts_are_as_configured(instrumented: Instrument) -> None:
    """The settings of the dashboard are in the status, and the number of points bounds a chart."""
    api = _api(
        instrumented(
            config={
                "dashboard": {
                    "features": ["health_overview", "log_viewer"],
                    "charts": {"time_window": 600, "data_points": 6, "auto_refresh": False},
                }
            },
            dashboard__refresh_interval=2,
        )
    )

    status = api.get("status")
    assert status["features"] == ["health", "logs"]
    assert status["charts"] == {"time_window_s": 600.0, "data_points": 6, "auto_refresh": False}
    assert status["refresh_interval_s"] == 2
    chart = eventually(lambda: api.get("system")["charts"])[0]
    assert len(chart["times"]) <= 7
    assert chart["times"][-1] - chart["times"][0] == pytest.approx(500, abs=101)


@pytest.mark.parametrize(
    ("path", "parameters", "message"),
    [
        ("traces", {"limit": "0"}, "limit must be 1 to 1000"),
        ("traces", {"min_ms": "x"}, "min_ms must be a number, not 'x'"),
        ("traces", {"eror": "true"}, "there is no parameter 'eror' (did you mean 'error'?)"),
        ("traces", {"error": "maybe"}, "error must be true, false, 1, 0, yes, no, not 'maybe'"),
        ("traces", {"attr": "x"}, "attr must be key=value, not 'x'"),
        ("logs", {"level": "warning"}, "not 'warning' (did you mean 'warn'?)"),
        ("system", {"range": "nan"}, "range must be a number"),
        ("system", {"range": "1e9"}, "range must be 1 to 86400 seconds"),
        ("changed", {"from": "5", "to": "4"}, "from must be before to"),
    ],
)
def test_a_wrong_parameter_is_refused_with_a_sentence(
    api: Api, path: str, parameters: dict[str, str], message: str
) -> None:
    """The message names the parameter and what it may be."""
    with pytest.raises(SourceError) as refused:
        api.get(path, parameters)

    assert message in str(refused.value)


@pytest.mark.parametrize("path", ["nothing", "traces/0af7", "metrics/series", ""])
def test_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    """An unknown page, trace or instrument is an error of its own."""
    with pytest.raises(NotFoundError):
        api.get(path, {"name": "x"} if path == "metrics/series" else {})


def test_updates_come_once_with_what_is_new(api: Api) -> None:
    """A mark has an update if something changed since; the same mark has none again."""
    mark, _ = api.update("traces", 0)
    logs_mark, _ = api.update("logs", 0)
    with csg_otel.observe("new one"):
        logging.getLogger("shop").error("new line")

    def new() -> Any:
        return api.update("traces", mark)[1]

    document = eventually(new)
    assert [row["name"] for row in document["traces"]] == ["new one"]
    event = eventually(lambda: api.update("logs", logs_mark)[1])
    newest = api.update("logs", logs_mark)[0]
    assert [row["body"] for row in event["logs"]] == ["new line"]
    assert api.update("logs", newest) == (newest, None)
    for topic in ("status", "health", "metrics", "alerts"):
        assert isinstance(api.update(topic, 0)[0], int)
    with pytest.raises(NotFoundError):
        api.update("weather", 0)


def test_monitoring_can_be_restarted(instrumented: Instrument) -> None:
    """The action runs every check again at once, and what has been collected stays."""
    api = _api(instrumented())
    with csg_otel.observe("kept"):
        pass

    assert api.post("services/restart", {}) == {"restarted": True}

    assert _traces(api, name="kept")
    assert eventually(lambda: api.get("status")["system"]["memory_percent"])


def test_other_settings_keep_what_is_collected(instrumented: Instrument) -> None:
    """A second call of ``instrument()`` with other settings keeps traces; without a dashboard it has no documents."""
    instrumented()
    with csg_otel.observe("before"):
        pass
    telemetry = instrumented(service__version="2")
    with csg_otel.observe("after"):
        pass

    assert {row["name"] for row in _traces(_api(telemetry))} >= {"before", "after"}
    assert instrumented(dashboard__enabled=False).dashboard is None


def test_the_page_is_where_the_settings_say(instrumented: Instrument, capfd: pytest.CaptureFixture[str]) -> None:
    """Host and port are as configured; the console has a link that lets its reader in, and the handle makes others."""
    port = free_port()
    telemetry = instrumented(dashboard__host="127.0.0.2", dashboard__port=port, exporters="console")

    assert f"dashboard (this link works once): http://127.0.0.2:{port}/login?token=" in capfd.readouterr().err
    login = telemetry.dashboard_url
    assert login.startswith(f"http://127.0.0.2:{port}/login?token=")
    first, again = (net.request("GET", login, timeout_s=30) for _ in range(2))
    assert again.status == 401
    assert first.status in (200, 303)
    assert "HttpOnly" in str(first.headers)
