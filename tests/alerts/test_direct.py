"""What each kind of channel sends, against receivers on loopback: paths, headers and bodies as the real APIs take them."""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from csg_otel.alerts import events
from csg_otel.alerts.alertmanager.relay import NATIVE, Forward, forwards
from csg_otel.alerts.channels import channels
from csg_otel.alerts.direct import incidents, kinds, notice, sns, transport, webhook, wording
from csg_otel.alerts.direct.outgoing import ChannelError, HttpCall, Mail
from csg_otel.alerts.escalations import SEVERITIES
from csg_otel.alerts.model import AlertSpec
from csg_otel.config import load
from csg_otel.exporters.alert_events import channel_receivers
from csg_otel.exporters.delivery.sender import SendError
from csg_otel.pipeline.scrubbers import make_scrubber
from csg_otel.privacy import active
from support.json_server import json_server
from support.notification_sinks import HttpSink, Request, http_sink

AT_S = 1_800_000_000.0
HOSTILE = "<!channel> *bold* [x](http://evil.example) @everyone `a` _i_ & {{ .Labels }}\nsecond <b>line</b>"


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    """A receiver of every API."""
    with http_sink() as running:
        yield running


def event(
    name: str = "disk_full", severity: str = "critical", message: str = "no space", **details: str
) -> events.Event:
    """Return an alert of the shop."""
    return events.make(name, severity, message, service="shop", at=AT_S, details=details, until=AT_S + 600)


def channel(kind: str, **settings: Any) -> Any:
    """Return the settings of a named channel of *kind*, as the configuration reads them."""
    named = {"name": "one", "type": kind, **settings}
    return load({"notifications": {"channels": [named]}}, environ={}).config.notifications.channels[0]


def outgoing(settings: Any, *sent: events.Event) -> Any:
    """Return what a channel with *settings* sends for the alerts *sent*."""
    return kinds.MAKERS[settings.type](settings, notice.of_events(sent, "shop.one", settings), AT_S)


def arrived(sink: HttpSink, settings: Any, *sent: events.Event) -> list[Request]:
    """Send the alerts *sent* to the channel, and return the requests that arrived."""
    before = len(sink.requests)
    for one in outgoing(settings, *sent):
        answer = transport.send(one, 10).response
        assert answer is not None
        assert answer.ok
    return sink.requests[before:]


def test_slack_gets_an_attachment(sink: HttpSink) -> None:
    """The path is the secret one, fields that are set are sent, and the text is escaped as Slack reads it."""
    url = f"{sink.url}/services/T0/B0/x9Yz"
    settings = channel("slack", webhook_url=url, channel="#ops", username="bot", icon_emoji=":fire:")
    (got,) = arrived(sink, settings, event(message=HOSTILE, disk="/dev/sda"))
    (attachment,) = got.json["attachments"]

    assert (got.method, got.path, got.headers["Content-Type"]) == ("POST", "/services/T0/B0/x9Yz", "application/json")
    assert (got.json["channel"], got.json["username"], got.json["icon_emoji"]) == ("#ops", "bot", ":fire:")
    assert (attachment["title"], attachment["color"]) == ("[FIRING] critical: disk_full", "danger")
    assert attachment["text"].startswith("&lt;!channel&gt; *bold*")
    assert "&amp; {{ .Labels }}\nsecond &lt;b&gt;line&lt;/b&gt;\n" in attachment["text"]
    assert "\ndisk: /dev/sda\nservice: shop" in attachment["text"]
    assert "mrkdwn" not in str(attachment["mrkdwn_in"])
    (over,) = arrived(sink, settings, event().resolved(AT_S + 60))
    assert over.json["attachments"][0]["color"] == "good"
    assert "Until: 2027-01-15 08:01:00 UTC" in over.json["attachments"][0]["text"]


def test_a_webhook_gets_the_json_of_alertmanager(sink: HttpSink) -> None:
    """Version 4 with all its keys; method and headers are those configured; a notice read back is the same."""
    settings = channel(
        "webhook", url=f"{sink.url}/hook", method="PUT", headers={"Authorization": "Bearer t0k3n-canary"}
    )
    (got,) = arrived(sink, settings, event(), event(message="still no space").resolved(AT_S + 9))
    content = got.json

    assert (got.method, got.path, got.headers["Authorization"]) == ("PUT", "/hook", "Bearer t0k3n-canary")
    assert list(content) == [
        *("receiver", "status", "alerts", "groupLabels", "commonLabels", "commonAnnotations", "externalURL"),
        *("version", "groupKey", "truncatedAlerts"),
    ]
    assert (content["version"], content["receiver"], content["status"]) == ("4", "shop.one", "firing")
    assert content["groupLabels"] == {"alertname": "disk_full", "severity": "critical"}
    assert content["groupKey"] == '{}:{alertname="disk_full", severity="critical"}'
    first, second = content["alerts"]
    assert (first["status"], first["endsAt"]) == ("firing", "0001-01-01T00:00:00Z")
    assert (second["status"], second["startsAt"], second["endsAt"]) == (
        *("resolved", "2027-01-15T08:00:00.000Z", "2027-01-15T08:00:09.000Z"),
    )
    again = notice.of_webhook(got.body, settings)
    assert webhook.body(again) == got.body


def test_the_fingerprint_is_that_of_prometheus() -> None:
    """FNV-1a over names and values with a separator, as `LabelSet.Fingerprint` has it; without labels the offset basis."""
    alert = notice.NoticeAlert({}, {}, AT_S)

    assert alert.fingerprint == "cbf29ce484222325"
    assert (
        notice.NoticeAlert({"a": "b"}, {}, AT_S).fingerprint
        == f"{_fnv(b'a' + bytes([255]) + b'b' + bytes([255])):016x}"
    )


def _fnv(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def test_pagerduty_opens_and_resolves_an_incident_for_each_alert(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events API v2: a trigger with its payload, and a resolve with the same key."""
    monkeypatch.setattr(incidents, "PAGERDUTY", f"{sink.url}/v2/enqueue")
    settings = channel("pagerduty", integration_key="r0uting-key")
    one, other = event(), event(message="other", severity="info")
    first, second = arrived(sink, settings, one, other)
    (over,) = arrived(sink, settings, one.resolved(AT_S + 5))

    assert {got.path for got in (first, second, over)} == {"/v2/enqueue"}
    assert (first.json["event_action"], first.json["routing_key"]) == ("trigger", "r0uting-key")
    payload = first.json["payload"]
    assert (payload["severity"], payload["source"], payload["timestamp"]) == (
        "critical",
        "shop",
        "2027-01-15T08:00:00.000Z",
    )
    assert payload["summary"] == "[FIRING] critical: disk_full: no space"
    assert second.json["payload"]["severity"] == "info"
    assert first.json["dedup_key"] != second.json["dedup_key"]
    assert over.json == {
        "routing_key": "r0uting-key",
        "event_action": "resolve",
        "dedup_key": first.json["dedup_key"],
    }


def test_teams_gets_a_card_without_markup(sink: HttpSink) -> None:
    """A message with one adaptive card; every line is a run of text, in which nothing is a format or a link."""
    (got,) = arrived(sink, channel("msteams", webhook_url=f"{sink.url}/workflows/a1?sig=x"), event(message=HOSTILE))
    (attachment,) = got.json["attachments"]
    card = attachment["content"]
    lines = [run["text"] for block in card["body"] for run in block["inlines"]]

    assert (got.path, got.json["type"]) == ("/workflows/a1?sig=x", "message")
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert lines[:3] == ["[FIRING] critical: disk_full", *HOSTILE.split("\n")]


def test_discord_gets_an_embed_that_mentions_nobody(sink: HttpSink) -> None:
    """The marks of its markdown are escaped, links stay links, and no mention is resolved."""
    sink.status = 204
    settings = channel("discord", webhook_url=f"{sink.url}/api/webhooks/1/t0k")
    (got,) = arrived(sink, settings, event(message="@everyone *a* see https://x.example/a_b_c"))
    (embed,) = got.json["embeds"]

    assert got.json["allowed_mentions"] == {"parse": []}
    assert embed["description"].startswith("\\@everyone \\*a\\* see https://x.example/a_b_c\n")
    assert (embed["title"], type(embed["color"])) == ("[FIRING] critical: disk_full", int)


def test_telegram_gets_plain_text_of_its_length(sink: HttpSink) -> None:
    """`sendMessage` of the bot, with chat and topic, without a parse mode; at most 4,096 units of UTF-16."""
    settings = channel("telegram", bot_token="12:t0k", chat_id=-100, message_thread_id=7, api_url=sink.url)
    (got,) = arrived(sink, settings, event(message="\U0001f4a5" * 6000))

    assert got.path == "/bot12:t0k/sendMessage"
    assert (got.json["chat_id"], got.json["message_thread_id"]) == (-100, 7)
    assert "parse_mode" not in got.json
    assert 1000 < len(got.json["text"].encode("utf-16-le")) // 2 <= 4096


def test_opsgenie_creates_and_closes_by_alias(sink: HttpSink) -> None:
    """The key of the API, the people to notify, and the same alias for the end."""
    sink.status = 202
    responders = [{"name": "sre"}, {"type": "user", "name": "a@x.org"}]
    settings = channel("opsgenie", api_key="g3nie", api_url=sink.url, responders=responders, tags=["db"])
    (made,) = arrived(sink, settings, event(disk="sda"))
    (over,) = arrived(sink, settings, event(disk="sda").resolved(AT_S + 1))

    assert (made.path, made.headers["Authorization"]) == ("/v2/alerts", "GenieKey g3nie")
    assert (made.json["priority"], made.json["tags"], made.json["details"]["disk"]) == ("P2", ["db"], "sda")
    assert made.json["responders"] == [{"type": "team", "name": "sre"}, {"type": "user", "username": "a@x.org"}]
    assert len(made.json["message"]) <= 130
    assert over.path == f"/v2/alerts/{made.json['alias']}/close?identifierType=alias"
    assert over.headers["Authorization"] == "GenieKey g3nie"


def test_sns_gets_a_signed_publish(sink: HttpSink) -> None:
    """The Query API's form, signed over what arrived; a phone number gets no subject."""
    keys = {"access_key": "AKIDEXAMPLE", "secret_key": "wJalrXUtnFEMI", "api_url": f"{sink.url}/"}
    topic = "arn:aws:sns:eu-central-1:123456789012:alerts"
    (got,) = arrived(sink, channel("sns", topic_arn=topic, **keys), event(name="dïsk", message="nö"))
    (sms,) = arrived(sink, channel("sns", phone_number="+491", region="eu-west-1", **keys), event())
    form = {key: value for key, (value,) in parse_qs(got.body.decode()).items()}
    signed = sns.signed_headers(
        f"http://{got.headers['Host']}/",
        got.body,
        region="eu-central-1",
        access_key="AKIDEXAMPLE",
        secret="wJalrXUtnFEMI",
        now_s=calendar.timegm((2027, 1, 15, 8, 0, 0)),
    )

    assert (form["Action"], form["Version"], form["TopicArn"]) == ("Publish", "2010-03-31", topic)
    assert form["Subject"] == "[FIRING] critical: d?sk"
    assert "nö\nAlert: dïsk" in form["Message"]
    assert {name: got.headers[name] for name in signed} == signed
    assert "Subject" not in parse_qs(sms.body.decode())
    assert "/eu-west-1/sns/aws4_request" in sms.headers["Authorization"]


def test_the_signature_is_that_of_the_published_example() -> None:
    """`post-x-www-form-urlencoded` of the test suite of Signature Version 4."""
    headers = sns.signed_headers(
        "https://example.amazonaws.com/",
        b"Param1=value1",
        region="us-east-1",
        access_key="AKIDEXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        now_s=calendar.timegm((2015, 8, 30, 12, 36, 0)),
        service="service",
    )

    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
    )


def test_sns_without_keys_says_what_to_set() -> None:
    """The credentials of a machine are not looked for."""
    with pytest.raises(ChannelError, match="set access_key and secret_key"):
        outgoing(channel("sns", topic_arn="arn:aws:sns:eu-central-1:1:t"), event())


def test_victorops_gets_both_keys_in_its_path(sink: HttpSink) -> None:
    """The message's type follows the severity, and the end has the same entity."""
    settings = channel("victorops", api_key="k3y", routing_key="team/a", api_url=f"{sink.url}/alert")
    (made,) = arrived(sink, settings, event(severity="warning"))
    (over,) = arrived(sink, settings, event(severity="warning").resolved(AT_S + 1))

    assert made.path == "/alert/k3y/team%2Fa"
    assert (made.json["message_type"], over.json["message_type"]) == ("WARNING", "RECOVERY")
    assert made.json["entity_id"] == over.json["entity_id"]
    assert made.json["state_start_time"] == int(AT_S)


@pytest.mark.parametrize(
    ("priority", "severity", "sent"), [(None, "critical", "1"), (None, "info", "0"), (2, "info", "2")]
)
def test_pushover_gets_a_form(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch, priority: int | None, severity: str, sent: str
) -> None:
    """Token and user in the body; the priority that repeats says how; the end is quiet."""
    monkeypatch.setattr(incidents, "PUSHOVER", f"{sink.url}/1/messages.json")
    settings = channel("pushover", user_key="us3r", token="t0k", priority=priority)
    (got,) = arrived(sink, settings, event(severity=severity, message="m" * 3000))
    (over,) = arrived(sink, settings, event(severity=severity).resolved(AT_S + 1))
    form = {key: value for key, (value,) in parse_qs(got.body.decode()).items()}

    assert (got.path, form["token"], form["user"], form["priority"]) == ("/1/messages.json", "t0k", "us3r", sent)
    assert len(form["message"]) <= 1024
    assert ("retry" in form) == (sent == "2")
    assert parse_qs(over.body.decode())["priority"] == ["0"]


def test_webex_gets_text_for_a_room(sink: HttpSink) -> None:
    """With the token of the bot; at most 7,439 bytes."""
    settings = channel("webex", token="b0t", room_id="Y2lz", api_url=f"{sink.url}/v1/messages")
    (got,) = arrived(sink, settings, event(message="ü" * 9000))

    assert (got.path, got.headers["Authorization"], got.json["roomId"]) == ("/v1/messages", "Bearer b0t", "Y2lz")
    assert 2000 < len(got.json["text"].encode()) <= 7439


SECRET = "c4naryS3cret77"
EVERY: dict[str, dict[str, Any]] = {
    "email": {"smtp_server": "mail", "username": "a@x.org", "password": SECRET, "recipients": ["a@x.org"]},
    "slack": {"webhook_url": f"http://h/{SECRET}"},
    "webhook": {"url": f"http://h/{SECRET}", "headers": {"Authorization": f"Bearer {SECRET}"}},
    "pagerduty": {"integration_key": SECRET},
    "msteams": {"webhook_url": f"http://h/{SECRET}"},
    "discord": {"webhook_url": f"http://h/{SECRET}"},
    "telegram": {"bot_token": SECRET, "chat_id": 1},
    "opsgenie": {"api_key": SECRET},
    "sns": {"topic_arn": "arn:aws:sns:eu-central-1:1:t", "access_key": SECRET, "secret_key": SECRET},
    "victorops": {"api_key": SECRET, "routing_key": "r"},
    "pushover": {"user_key": SECRET, "token": SECRET},
    "webex": {"token": SECRET, "room_id": "r"},
}


@pytest.mark.parametrize("kind", kinds.MAKERS)
def test_no_secret_is_in_a_name_an_address_or_a_representation(kind: str) -> None:
    """Each kind of the configuration has a sender, whose address and values can be printed."""
    named = {"name": "one", "type": kind, **EVERY[kind]}
    config = load({"notifications": {"channels": [named]}}, environ={}).config
    (receiver,) = channel_receivers(config, None)
    made = outgoing(config.notifications.channels[0], event())

    assert receiver.address
    assert SECRET not in f"{receiver} {made!r} {config}"


@pytest.mark.parametrize("kind", kinds.MAKERS)
def test_hostile_and_long_texts_stay_within_every_channel(kind: str) -> None:
    """A hundred alerts with long texts make bounded requests; what has no room is counted; a lone surrogate is no failure."""
    settings = channel(kind, **EVERY[kind])
    sent = [event(f"n{number}\nx", message=HOSTILE * 200 + "\ud800", detail="d" * 3000) for number in range(100)]
    made = outgoing(settings, *sent)
    bodies = [one.content if isinstance(one, Mail) else one.body or b"" for one in made]

    assert len(made) in (1, 100)
    if kind != "webhook":
        assert max(map(len, bodies)) < 1_500_000
    for one in made:
        if isinstance(one, HttpCall) and one.headers.get("Content-Type") == "application/json":
            json.loads(one.body or b"")


def test_texts_of_the_user_have_places() -> None:
    """Titles are filled from what the alerts share, texts from each alert; braces of an alert stay as they are."""
    settings = channel(
        "slack", webhook_url="http://h/x9Y", title="{severity}: {alertname} of {labels.service}", text="{summary}!"
    )
    made = notice.of_events([event(message="{severity}"), event(message="b")], "r", settings)

    assert wording.title(made) == "critical: disk_full of shop"
    assert wording.text(made, 1000) == "{severity}!\n\nb!"


def test_the_relay_sends_a_notification_by_the_same_senders(sink: HttpSink) -> None:
    """What Alertmanager posts for a channel becomes the request of its kind; anything else is refused and not retried."""
    settings = channel("discord", webhook_url=f"{sink.url}/api/webhooks/1/t0k")
    body = webhook.body(notice.of_events([event()], "shop.one", settings))
    forward = Forward("discord", settings, escalated=True)

    assert forward.answer("/shop.one", body) == (200, "forwarded")
    assert sink.requests[-1].json["embeds"][0]["title"] == "[ESCALATED] critical: disk_full"
    for wrong in (b"{}", b"[1]", b"no", b'{"receiver": "a", "alerts": []}', body.replace(b"2027-01-15T", b"soon ")):
        assert forward.answer("/shop.one", wrong)[0] == 400
    assert len(sink.requests) == 1


RELAYED = sorted(kinds.MAKERS.keys() - set(NATIVE) - {"webhook"})


def at(url: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the settings of a channel of *kind* whose API is at *url*."""
    for name in ("PAGERDUTY", "PUSHOVER"):
        monkeypatch.setattr(incidents, name, url)
    present = EVERY[kind].items()
    settings = {key: value.replace("http://h", url) if isinstance(value, str) else value for key, value in present}
    return {**settings, **({"api_url": url} if kind in ("telegram", "opsgenie", "sns", "victorops", "webex") else {})}


@pytest.mark.parametrize("kind", RELAYED)
def test_the_relay_has_every_kind_that_an_alertmanager_may_lack(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It serves a path for each; a notification becomes one request, and a refusal comes back."""
    named = {"name": "one", "type": kind, **at(sink.url, kind, monkeypatch)}
    config = load({"service": {"name": "shop"}, "notifications": {"channels": [named]}}, environ={}).config
    spec = AlertSpec("shop", channels=channels(config.notifications, SEVERITIES, "notifications"))
    ((path, forward),) = forwards(spec).items()
    body = webhook.body(notice.of_events([event()], "shop.one", config.notifications.channels[0]))

    assert (path, forward.answer(path, body)) == ("/shop.one", (200, "forwarded"))
    sink.status = 429
    assert forward.answer(path, body)[0] == 502
    assert len(sink.requests) == 2


@pytest.mark.parametrize("kind", sorted(kinds.MAKERS.keys() - {"email"}))
def test_a_receiver_that_repeats_the_request_gets_no_secret_into_an_error(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Path, headers and body come back in its answer; the error, which logs and the status show, has no secret of them."""

    def echo(method: str, path: str, headers: Any, body: Any) -> tuple[int, Any]:
        return 403, {
            "error": "no",
            "path": path,
            "token": path.rsplit("/", maxsplit=1)[-1],
            "body": body,
            "headers": dict(headers),
        }

    with json_server(echo) as url:
        settings = at(url, kind, monkeypatch)
        config = load({"notifications": {"channels": [{"name": "one", "type": kind, **settings}]}}, environ={}).config
        active.install(make_scrubber(config))
        (receiver,) = channel_receivers(config, None)
        with pytest.raises(SendError) as error:
            receiver.sender.send_batch(event().encode() + b"\n", 10)

    assert error.value.retry
    assert SECRET not in str(error.value)


def _shown(kind: str, body: Any) -> str:
    """Return the text of a notice as its readers see it."""
    if kind == "msteams":
        card = body["attachments"][0]["content"]["body"]
        return "\n".join(block["inlines"][0]["text"] for block in card)
    if kind == "discord":
        return str(body["embeds"][0]["description"]).replace("\\", "")
    return str(body["text"])


CHATS = {
    "telegram": {"bot_token": "1:x9Yz", "chat_id": "7"},
    "discord": {"webhook_url": "http://127.0.0.1/x9Yz"},
    "msteams": {"webhook_url": "http://127.0.0.1/x9Yz"},
    "webex": {"token": "x9Yz", "room_id": "r"},
}


@pytest.mark.parametrize("kind", CHATS)
@pytest.mark.parametrize("number", [5, 300])
def test_a_long_alert_hides_no_other_of_its_notice(kind: str, number: int) -> None:
    """Each is shown, shortened if it must be; where that is not enough, the rest is there by name, as far as there is room."""
    trace = "Traceback (most recent call last):\n" + "".join(
        f'  File "a.py", line {n}, in work\n    run(n)\n' for n in range(80)
    )
    sent = [event(f"job_{n}", message=f"job {n} failed\n{trace}", host=f"db{n}") for n in range(number)]
    (call,) = outgoing(channel(kind, **CHATS[kind]), *sent)
    shown = _shown(kind, json.loads(call.body))

    if number == 5:
        assert all(
            f"job {n} failed" in shown and f"Alert: job_{n}" in shown and f"host: db{n}" in shown for n in range(5)
        )
    else:
        listed = sum(f"Alert: job_{n}\n" in shown for n in range(number))
        assert f"and {number - listed} more alerts: job_{listed}, job_{listed + 1}, " in shown
        assert listed >= 15
    (alone,) = outgoing(channel(kind, **CHATS[kind]), sent[0])
    assert "line 30, in work" in _shown(kind, json.loads(alone.body))


@pytest.mark.parametrize("limit", [140, 1024, 4096, 30_000])
@pytest.mark.parametrize("number", [1, 2, 40])
def test_a_text_keeps_its_limit(limit: int, number: int) -> None:
    """Also where every character becomes five, and the user has a form of his own."""
    sent = [event(f"job_{n}", message="& <b> " * 900) for n in range(number)]
    for form in ({}, {"text": "{alertname}: {summary}"}):
        settings = channel("slack", webhook_url="http://127.0.0.1/x9Yz", **form)
        made = notice.of_events(sent, "shop.one", settings)
        shown = wording.text(made, limit, lambda text: text.replace("&", "&amp;"))

        assert 0 < len(shown) <= limit
        assert "job_0" in shown or "b>" in shown
