"""The page of alerts: real metrics, states over time, thresholds, and a real Alertmanager."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import csg_otel
from csg_otel import clocks
from csg_otel.config import Config
from csg_otel.config.load import load
from csg_otel.dashboard.alerting import AlertsView, alertmanagers
from csg_otel.dashboard.alerting.alertmanagers import active
from csg_otel.dashboard.alerting.instruments import in_use
from csg_otel.dashboard.alerting.rules import Rules
from csg_otel.dashboard.source import SourceError
from csg_otel.pipeline.points import points
from support.alertmanager import Alertmanager
from support.programs import eventually
from support.servers import free_port

RULES = [
    {
        "name": "queue_long",
        "metric": "shop.queue.length",
        "condition": ">",
        "threshold": 10,
        "for": 20,
        "message": "{value} orders wait in {labels.shop.queue}",
    },
    {
        "name": "orders_lost",
        "metric": "increase(shop.orders.lost)",
        "condition": ">",
        "threshold": 0,
        "severity": "critical",
    },
    {"name": "orders_slow", "metric": "p95(shop.order.duration)", "condition": ">", "threshold": 0.5},
    {"name": "early", "metric": "shop.refunds", "condition": ">", "threshold": 1},
    {"name": "typo", "metric": "shop.queue.lenght", "condition": ">", "threshold": 1},
]


def _config(**alerting: Any) -> Config:
    return load({"service": {"name": "shop"}, "alerting": {"rules": RULES, **alerting}}, environ={}).config


class Shop:
    """A program with real instruments of the SDK."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        meter = MeterProvider([self._reader]).get_meter("shop")
        self.queue = meter.create_gauge("shop.queue.length", "{order}")
        self.lost = meter.create_counter("shop.orders.lost", "{order}")
        self.duration = meter.create_histogram(
            "shop.order.duration", "s", explicit_bucket_boundaries_advisory=[0.1, 0.25, 0.5, 1.0]
        )

    def metrics(self) -> Any:
        """Return the present metrics."""
        return self._reader.get_metrics_data()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Alertmanager take as long as a busy machine needs."""
    for name in ("_READ_S", "_WRITE_S"):
        monkeypatch.setattr(alertmanagers, name, 50.0)


def post(url: str, body: Any) -> None:
    """Send *body* as JSON."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=50).close()


def _rows(page: Any) -> dict[str, Any]:
    return {row["alert"]: row for row in page["rules"]}


def test_rules_are_evaluated_on_real_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gauges, counters and histograms of the program: values, states, labels, messages; an unknown metric is no failure."""
    view, shop = AlertsView(_config()), Shop()
    shop.queue.set(3, {"shop.queue": "web"})
    shop.queue.set(40, {"shop.queue": "mail"})
    shop.duration.record(0.2)
    shop.lost.add(0)
    page = view.page(shop.metrics(), time.time())
    rows = _rows(page)

    assert rows["QueueLong"]["state"] == "pending"
    assert rows["QueueLong"]["summary"] == "40 orders wait in mail"
    assert rows["QueueLong"]["condition"] == "> 10"
    assert [(one["labels"], one["value"], one["state"]) for one in rows["QueueLong"]["series"]] == [
        ({"shop_queue": "mail"}, 40.0, "pending"),
        ({"shop_queue": "web"}, 3.0, "ok"),
    ]
    assert rows["OrdersLost"]["state"] == "ok"
    assert (rows["OrdersSlow"]["state"], rows["OrdersSlow"]["unit"]) == ("ok", "s")
    assert rows["OrdersSlow"]["metric"] == "p95(shop.order.duration)"
    assert rows["Typo"]["state"] == "unknown"
    assert "did you mean 'shop.queue.length'" in rows["Typo"]["summary"]
    assert rows["Early"]["summary"].endswith("no metric is called 'shop.refunds' yet; the program has not measured it")
    assert rows["InstanceDown"]["state"] == "ok"
    assert not page["can_acknowledge"]

    shop.lost.add(1)
    monotonic = clocks.monotonic
    monkeypatch.setattr(clocks, "monotonic", lambda: monotonic() + 5)  # the rules are evaluated every five seconds
    first = view.page(shop.metrics(), time.time())["rules"][0]
    assert (first["alert"], first["state"], first["series"][0]["value"]) == ("OrdersLost", "firing", 1.0)
    assert view.counts() == {"firing": 1, "pending": 1, "rules": len(rows)}


def test_what_is_not_evaluated_here_says_why_and_levels_and_filters_are_shown() -> None:
    """PromQL that only a backend evaluates is unknown, not without data; a formula has its filters, a value its unit."""
    slow = {"metric": "p95(shop.order.duration)", "condition": ">", "levels": {"warning": 0.1, "critical": 9}}
    lost = {"metric": "shop.orders.lost", "filters": {"kind": "mail"}, "condition": ">", "threshold": 1}
    promql = {"name": "busy", "promql": "topk(1, shop_orders_lost_total) > bool 0"}
    rules = [promql, {**slow, "name": "slow"}, {**lost, "name": "lost"}]
    view, shop = AlertsView(load({"alerting": {"rules": rules}}, environ={}).config), Shop()
    shop.duration.record(0.2)
    shop.lost.add(1, {"kind": "mail"})
    rows = view.page(shop.metrics(), time.time())["rules"]

    (busy,) = [row for row in rows if row["alert"] == "Busy"]
    assert (busy["state"], busy["summary"].partition(": ")[0]) == ("unknown", "not evaluated here")
    assert {row["severity"] for row in rows if row["alert"] == "Slow"} == {"warning", "critical"}
    assert {row["summary"] for row in rows if row["alert"] == "Slow"} == {"slow: 242.5ms"}
    assert [row["metric"] for row in rows if row["alert"] == "Lost"] == ['rate(shop.orders.lost{kind="mail"})']


def _exposition(queue: float, lost: float) -> str:
    return f'shop_queue_length{{shop_queue="mail"}} {queue}\nshop_orders_lost_total {lost}\n'


def test_a_rule_fires_after_its_time() -> None:
    """A condition that holds is pending until its time has passed, and begins again after a break."""
    shop = Shop()
    shop.queue.set(1, {"shop.queue": "mail"})
    shop.lost.add(0)
    rules = Rules(_config(), 1000.0)

    def state(now_s: float, queue: float) -> tuple[str, float | None]:
        evaluated = rules.evaluate(_exposition(queue, 0), lambda: in_use((), points(shop.metrics())), now_s)
        (preview,) = (one for one in evaluated if one.rule.alert == "QueueLong")
        return preview.state, preview.series[0].remaining_s

    assert state(1000.0, 40) == ("pending", 20.0)
    assert state(1015.0, 40) == ("pending", 5.0)
    assert state(1020.0, 40) == ("firing", 0.0)
    assert state(1025.0, 1) == ("ok", None)
    assert state(1030.0, 40) == ("pending", 20.0)


def test_an_increase_is_what_was_counted() -> None:
    """One lost order in an hour is one, however short the program has run; after the window it is forgotten."""
    shop = Shop()
    shop.lost.add(0)
    rules = Rules(_config(), 1000.0)

    def increase(now_s: float, lost: float) -> float:
        evaluated = rules.evaluate(_exposition(1, lost), lambda: in_use((), points(shop.metrics())), now_s)
        (preview,) = (one for one in evaluated if one.rule.alert == "OrdersLost")
        return preview.series[0].value

    assert increase(1001.0, 0) == 0
    assert increase(1002.0, 1) == 1
    for second in range(1010, 1302, 10):
        assert increase(second, 1) == pytest.approx(1, rel=0.1), second
    for second in range(1310, 1400, 10):
        last = increase(second, 1)
    assert last == 0


def test_charts_get_the_thresholds_of_their_rules() -> None:
    """A chart shows the thresholds of rules about its metric, and of aliases that are its share in percent."""
    view, shop = AlertsView(_config()), Shop()
    shop.queue.set(3, {"shop.queue": "web"})
    shop.lost.add(1)
    view.page(shop.metrics(), time.time())

    assert view.thresholds("shop.queue.length") == [{"label": "QueueLong", "value": 10.0, "severity": "warning"}]
    assert [line["value"] for line in view.thresholds("system.filesystem.utilization")] == [0.9]
    assert view.thresholds("shop.orders.lost") == []


def test_without_alerting_nothing_is_evaluated() -> None:
    """``alerting.enabled: false`` shows no rule, and says why."""
    page = AlertsView(_config(enabled=False, alertmanagers=["http://127.0.0.1:9"])).page(Shop().metrics(), 0.0)

    assert (page["rules"], page["alertmanagers"]) == ([], [])
    assert "alerting.enabled" in page["problem"]


def test_an_alertmanager_that_does_not_answer_is_shown_and_bounded() -> None:
    """A port that accepts and never answers costs two seconds, and then nothing for ten."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        hanging = f"http://user:secret@127.0.0.1:{silent.getsockname()[1]}"
        view = AlertsView(_config(alertmanagers=[hanging, f"http://127.0.0.1:{free_port()}"]))
        began = clocks.monotonic()
        page = view.page(None, time.time())
        first_s = clocks.monotonic() - began
        with pytest.raises(SourceError, match="no silence was made"):
            view.acknowledge("QueueLong", {}, 60, comment="", author="")

    assert [row["reachable"] for row in page["alertmanagers"]] == [False, False]
    assert all(row["error"] and "secret" not in str(row) for row in page["alertmanagers"])
    assert first_s < 30  # a busy machine's; the port never answers


def test_acknowledging_needs_an_alertmanager_and_a_time() -> None:
    """Without an Alertmanager the message names the setting; a time of more than 30 days is refused."""
    with pytest.raises(SourceError, match=r"alerting\.alertmanagers"):
        AlertsView(_config()).acknowledge("QueueLong", {}, 60, comment="", author="")
    with pytest.raises(SourceError, match="duration_s"):
        AlertsView(_config(alertmanagers=["http://127.0.0.1:9"])).acknowledge("A", {}, 1e9, comment="", author="")


@pytest.mark.real("prometheus-alertmanager")
@pytest.mark.usefixtures("patient")
def test_an_alert_is_acknowledged_in_a_real_alertmanager(tmp_path: Path) -> None:
    """The silence is in Alertmanager, silences the alert of this series and service, and is shown with its rule."""
    file = tmp_path / "alertmanager.yml"
    file.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    with Alertmanager(file, tmp_path / "state") as alertmanager:
        view, shop = AlertsView(_config(alertmanagers=[alertmanager.url])), Shop()
        shop.queue.set(40, {"shop.queue": "mail"})
        page = view.page(shop.metrics(), time.time())
        assert (page["can_acknowledge"], page["alertmanagers"][0]["reachable"]) == (True, True)
        assert _rows(page)["QueueLong"]["silence"] is None

        labels = _rows(page)["QueueLong"]["series"][0]["labels"]
        silence_id = view.acknowledge("QueueLong", labels, 3600, comment="on it", author="Ada")
        rows = _rows(view.page(shop.metrics(), time.time()))

        assert rows["QueueLong"]["silence"]["id"] == silence_id
        assert (rows["QueueLong"]["silence"]["comment"], rows["QueueLong"]["silence"]["created_by"]) == ("on it", "Ada")
        assert rows["QueueLong"]["silence"]["ends"] == pytest.approx(time.time() + 3600, abs=60)
        assert rows["OrdersSlow"]["silence"] is None

        alert = {"alertname": "QueueLong", "service": "shop", "shop_queue": "mail", "instance": "shop-1:8081"}
        others = [{**alert, "service": "bakery"}, {**alert, "shop_queue": "web"}]
        post(f"{alertmanager.url}/api/v2/alerts", [{"labels": one} for one in (alert, *others)])
        eventually(lambda: len(alertmanager.alerts()) == 3)
        silenced = {str(one["labels"]): one["status"]["silencedBy"] for one in alertmanager.alerts()}
        assert silenced[str(dict(sorted(alert.items())))] == [silence_id]
        assert sum(map(bool, silenced.values())) == 1


@pytest.mark.real("prometheus-alertmanager")
@pytest.mark.usefixtures("patient")
def test_a_running_program_shows_and_acknowledges_its_alerts(
    instrumented: Callable[..., csg_otel.Telemetry], tmp_path: Path
) -> None:
    """A rule about the program's own metric fires: in the page, the overview, the events and its chart, until silenced."""
    file = tmp_path / "alertmanager.yml"
    file.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    rules = [
        {"name": "lost", "metric": "increase(test.orders.lost)", "condition": ">", "threshold": 2},
        {"name": "slow", "metric": "csg.operation.duration", "condition": ">", "threshold": 0.5},
    ]
    with Alertmanager(file, tmp_path / "state") as alertmanager:
        telemetry = instrumented(
            health_monitoring__enabled=False, alerting={"rules": rules, "alertmanagers": [alertmanager.url]}
        )
        api = telemetry.dashboard
        assert api is not None
        csg_otel.counter("test.orders.lost", unit="{order}", attributes=()).add(3)
        with csg_otel.observe("order"):
            pass

        eventually(lambda: api.get("status")["alerts"]["rules"])  # evaluated although no page of alerts is open
        eventually(lambda: _rows(api.get("alerts")).get("Lost", {}).get("state") == "firing")
        row = _rows(api.get("alerts"))["Lost"]
        assert row["series"][0]["value"] == pytest.approx(3)
        assert eventually(lambda: api.get("status")["alerts"]["firing"]) == 1
        chart = api.get("metrics/series", {"name": "csg.operation.duration"})
        assert {"label": "Slow", "value": 0.5, "severity": "warning"} in chart["thresholds"]

        body = {"alert": "Lost", "labels": {}, "duration_s": 60, "comment": "known", "author": "Ada"}
        silence_id = api.post("alerts/acknowledge", body)["silence_id"]
        assert _rows(api.get("alerts"))["Lost"]["silence"]["id"] == silence_id
        with pytest.raises(SourceError, match="duration_s"):
            api.post("alerts/acknowledge", {**body, "duration_s": "long"})


def test_silences_are_matched_as_alertmanager_does() -> None:
    """Equal, regular and negative matchers; a scrape's labels may have any value; other content is ignored."""

    def silence(*matchers: tuple[str, str, bool, bool], **fields: Any) -> Any:
        keys = ("name", "value", "isRegex", "isEqual")
        return {
            "id": "1",
            "status": {"state": "active"},
            "endsAt": "2026-11-27T10:00:00.5Z",
            "matchers": [dict(zip(keys, one, strict=True)) for one in matchers],
            **fields,
        }

    labels = {"alertname": "QueueLong", "shop_queue": "mail"}
    answers = {
        (("alertname", "Queue.*", True, True),): True,
        (("alertname", "Queue", True, True),): False,
        (("alertname", "QueueLong", False, False),): False,
        (("shop_queue", "web", False, False), ("instance", "shop-1", False, True)): True,
        (("region", "eu", False, True),): False,
        (("alertname", "(?P<", True, True),): False,
    }
    for matchers, expected in answers.items():
        (one,) = active([silence(*matchers)])
        assert one.matches(labels, ("job", "instance")) is expected, matchers
        assert one.row["ends"] == 1795773600.0

    assert list(active([silence(status={"state": "expired"}), {"id": 3}, None, silence(endsAt="soon")])) == []
    assert list(active({"error": "no"})) == []
