"""A program's own alert in requests: its id, its start and end, and the length of its details."""

from __future__ import annotations

import json
from typing import Any

import pytest

from csg_otel.alerts import events
from csg_otel.alerts.alertmanager import events as alertmanager_events
from csg_otel.alerts.datadog import events as datadog_events
from csg_otel.privacy import active
from csg_otel.privacy.scrubber import Scrubber
from support.datadog_api import accepted


def event(**changes: Any) -> events.Event:
    """Return a warning of the shop at second 1,000 that lasts until second 2,000."""
    values: dict[str, Any] = {"service": "shop", "at": 1000.0, "details": {}, "until": 2000.0}
    named = {"name": "disk", "severity": "warning", "message": "full", **changes}
    return events.make(**{**values, **named})


def posted(sent: events.Event, now_s: float) -> dict[str, Any]:
    """Return the one alert of the request."""
    (alert,) = json.loads(alertmanager_events.body(sent, now_s, 300))
    return dict(alert)


def test_the_id_depends_on_the_content_only() -> None:
    """The same content has the same id at any time, and another message has another id."""
    same = [event(), event(at=5.0, until=None), event().resolved(1500)]

    assert len({one.id for one in same}) == 1
    changed = [
        event(message="fuller"),
        event(details={"a": 1}),
        event(severity="info"),
        event(service="x"),
        event(name="y"),
    ]
    assert len({one.id for one in (*changed, event())}) == 6


def test_the_start_is_fixed_and_the_end_is_late_enough() -> None:
    """startsAt never changes, and endsAt is the alert's end, or after an outage late enough for a notification."""
    first, late = posted(event(), 1001), posted(event(), 5000)

    assert (first["startsAt"], late["startsAt"]) == ("1970-01-01T00:16:40.000Z",) * 2
    assert (first["endsAt"], late["endsAt"]) == ("1970-01-01T00:33:20.000Z", "1970-01-01T01:28:20.000Z")
    assert posted(event().resolved(1600), 5000)["endsAt"] == "1970-01-01T00:26:40.000Z"


def test_the_horizon_is_long_enough_for_two_notifications() -> None:
    """The horizon is group_wait plus two group_intervals, and at least five minutes."""
    assert [events.horizon(window) for window in (1, 300, 600)] == [300.0, 630.0, 1230.0]


def test_details_are_annotations_of_two_kilobytes() -> None:
    """Keys become valid names without losing any, and long values are cut between characters."""
    annotations = posted(event(details={"a-b": 1, "a b": 2, "summary": "s", "long": "ü" * 3000}), 1001)["annotations"]

    assert {key: annotations[key] for key in annotations if key != "detail_long"} == {
        "summary": "full",
        "detail_a_b": "1",
        "detail_a_b_": "2",
        "detail_summary": "s",
    }
    assert 2044 <= len(annotations["detail_long"].encode()) <= 2048


@pytest.mark.parametrize("position", [2000, 2020, 2040, 24_560, 24_580])
def test_a_detail_is_scrubbed_before_it_is_cut(position: int) -> None:
    """Nothing of a token that lies across the cut stays."""
    token = "ghp_" + "a1B2" * 9
    ((_, detail),) = event(details={"log": "x " * (position // 2) + token + " y" * 20_000}).details

    assert detail.startswith("x x")
    assert "ghp_" not in detail
    assert "1B2a" not in detail


def test_an_alert_survives_the_spool() -> None:
    """An alert is equal after encoding and decoding, also with text that was not valid Unicode."""
    original = event(message="\ud800 \x00 {{ x }}", details={"k": None}, until=None).resolved(2000)

    assert events.decode(original.encode()) == original


def test_datadog_gets_an_event_and_its_end() -> None:
    """The typed client's model accepts the event and its end, which share an aggregation key."""
    from datadog_api_client.v1.model.event_create_request import EventCreateRequest

    begun, over = (json.loads(datadog_events.body(one)) for one in (event(), event().resolved(1500)))

    assert accepted(begun, EventCreateRequest)
    assert accepted(over, EventCreateRequest)
    assert (begun["alert_type"], over["alert_type"]) == ("warning", "success")
    assert begun["aggregation_key"] == over["aggregation_key"]


class _Broken:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (ValueError("v"), "v"),
        (None, "None"),
        (b"bytes \xff", "bytes \ufffd"),
        ({"a": [1]}, "{'a': [1]}"),
        (_Broken(), "<_Broken>"),
    ],
)
def test_values_of_any_type_become_texts(message: Any, text: str) -> None:
    """A message, a name, a key and a value; what is no mapping is one detail."""
    sent = event(name=message, message=message, details={message if text != "{'a': [1]}" else "m": message})

    assert (sent.name, sent.message, sent.details[0][1]) == (text, text, text)
    assert event(details=message if text != "{'a': [1]}" else text).details == (
        () if message is None else (("details", text),)
    )


def test_a_mapping_that_raises_is_one_detail() -> None:
    """Its methods are the program's, and may raise anything."""

    class Bad(dict[str, str]):
        def items(self) -> Any:
            raise RuntimeError("gone")

    assert event(details=Bad()).details == (("details", "<Bad>"),)


def test_an_exit_of_the_program_goes_through() -> None:
    """What ends the program is no fault of a value."""

    class Exits:
        def __str__(self) -> str:
            raise SystemExit(3)

    with pytest.raises(SystemExit):
        event(message=Exits())


def test_long_alerts_are_cut_before_they_are_scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a megabyte, and of ten thousand details, a bounded part is looked at; the rest of the details is counted."""
    looked_at = 0
    scrubber = active.scrubber()

    class Counting(Scrubber):
        def text(self, value: str) -> str:
            nonlocal looked_at
            looked_at += len(value)
            return scrubber.text(value)

        def value(self, key: str, value: Any) -> Any:
            nonlocal looked_at
            looked_at += len(value)
            return scrubber.value(key, value)

    counting = Counting()
    monkeypatch.setattr(active, "scrubber", lambda: counting)
    big = event(message="m " * 500_000, details={f"key {number}": "long " * 5000 for number in range(10_000)})
    many = event(details=dict.fromkeys(map(str, range(10_000)), "short"))

    assert looked_at < 300_000
    assert len(big.message) <= 8192
    assert len(many.details) == 129
    assert many.details[-1] == ("details_left_out", "9872")
    assert int(dict(big.details)["details_left_out"]) + len(big.details) == 10_001


def test_a_severity_is_a_word_of_the_configuration() -> None:
    """In any case, spelt as the configuration has it; another word is refused with the one that was probably meant."""
    words = ("info", "warning", "critical", "emergency", "Page")

    assert [events.severity_in(level, words) for level in ("CRITICAL", " page ", "Page")] == [
        "critical",
        "Page",
        "Page",
    ]
    with pytest.raises(ValueError, match=r"'pagee' is no severity \(did you mean 'Page'\?\); valid are info, .*, Page"):
        events.severity_in("pagee", words)
    with pytest.raises(ValueError, match="'None' is no severity"):
        events.severity_in(None, words)
    assert json.loads(datadog_events.body(event(severity="Page")))["alert_type"] == "warning"
