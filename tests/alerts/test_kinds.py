"""A real Alertmanager notifies each kind of channel: stand-ins of the services check path, headers and body."""

from __future__ import annotations

import json
import ssl
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts import spec
from csg_otel.alerts.alertmanager import config
from csg_otel.alerts.compilers import Options, compile_all
from csg_otel.config import load
from support import alert_specs, newest
from support.alertmanager import Alertmanager
from support.authority import Authority
from support.channels import EVERY
from support.notification_sinks import HttpSink, MailSink, Request, http_sink, mail_sink
from support.programs import eventually

SUMMARY = "disk [x](http://evil.example) is *full* <@all> {{ .Labels }}"
GENERATIONS = {"debian": (0, 25), "newest": (0, 34)}
TELEGRAM = {"ok": True, "result": {"message_id": 1, "date": 1, "chat": {"id": -100, "type": "group"}}}
SNS = b"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"


def answer(path: str) -> bytes:
    """Return what the service at *path* answers."""
    if path.startswith("/bot"):
        return json.dumps(TELEGRAM).encode()
    return SNS if path.startswith("/sns") else b"{}"


def program(name: str) -> str:
    """Return the Alertmanager of the generation *name*."""
    return newest.need("alertmanager") if name == "newest" else "prometheus-alertmanager"


def start(name: str, content: dict[str, Any], environ: dict[str, str], folder: Path) -> Alertmanager:
    """Return the Alertmanager of *name* with what is compiled for it, and its secret files."""
    rules = {"aggregation_window": 10, "rules": [alert_specs.rule()]}
    made = spec.load(load({"alerting": rules, **content}, environ=environ).config, alert_specs.CATALOG)
    options = Options(alertmanager_version=GENERATIONS[name], secrets_dir=str(folder / "secrets"))
    (folder / "secrets").mkdir(parents=True)
    for secret in config.secret_files(made, options):
        (folder / "secrets" / secret.name).write_text(secret.content())
    document = compile_all(made, alert_specs.CATALOG, options, ("alertmanager",))[config.FILE]
    (folder / "am.yaml").write_text(document)
    return Alertmanager(folder / "am.yaml", folder, program(name))


def fire(running: Alertmanager, name: str, *, ends: bool = False, **labels: str) -> None:
    """Let an alert fire, or end."""
    now = datetime.now(timezone.utc)
    alert = {
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": {"summary": SUMMARY},
        "startsAt": (now - timedelta(minutes=1)).isoformat(),
        "endsAt": (now if ends else now + timedelta(hours=1)).isoformat(),
    }
    request = urllib.request.Request(
        f"http://{running.address}/api/v2/alerts", json.dumps([alert]).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=10).close()


@dataclass
class Notified:
    """What arrived from a generation of Alertmanager."""

    name: str
    http: HttpSink

    def first(self, path: str) -> Request:
        """Return the first request whose path begins with *path*."""
        return next(one for one in self.http.requests if one.path.startswith(path))

    def last(self, path: str) -> Request:
        """Return the last request whose path begins with *path*."""
        return next(one for one in reversed(self.http.requests) if one.path.startswith(path))


def channels(http: HttpSink, names: set[str]) -> list[dict[str, Any]]:
    """Return the channels of these *names*, with the addresses of the stand-ins."""
    addresses = {
        "teams": {"webhook_url": f"{http.url}/teams"},
        "games": {"webhook_url": f"{http.url}/api/webhooks/1/tok"},
        "phone": {"api_url": http.url},
        "genie": {"api_url": f"{http.url}/"},
        "topic": {"api_url": f"{http.url}/sns", "role_arn": ""},
        "victor": {"api_url": f"{http.url}/victor"},
        "space": {"api_url": f"{http.url}/webex"},
    }
    return [{**EVERY[name], **settings} for name, settings in addresses.items() if name in names]


PATHS = {
    "teams": "/teams",
    "games": "/api/webhooks/",
    "phone": "/bot",
    "genie": "/v2/alerts",
    "topic": "/sns",
    "victor": "/victor",
    "space": "/webex",
}
OF = {"debian": {"genie", "topic", "victor", "space"}, "newest": set(PATHS)}
"""What each generation sends itself; the relay sends the others."""


@pytest.fixture(scope="module", params=list(GENERATIONS))
def notified(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notified]:
    """An alert has fired and ended, and each channel was notified of both."""
    name = str(request.param)
    folder = tmp_path_factory.mktemp(name)
    with ExitStack() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "c4nary-aws")
        http = running.enter_context(http_sink())
        http.answer = answer
        content = {"notifications": {"channels": channels(http, OF[name])}}
        manager = running.enter_context(start(name, content, {"KEY": "c4nary-key"}, folder))
        made = Notified(name, http)
        fire(manager, "DiskFull")
        eventually(lambda: all(any(one.path.startswith(PATHS[key]) for one in http.requests) for key in OF[name]), 30)
        http.requests[:], before = [], list(http.requests)
        fire(manager, "DiskFull", ends=True)
        eventually(lambda: all(any(one.path.startswith(PATHS[key]) for one in http.requests) for key in OF[name]), 40)
        http.requests[:0] = before
        yield made


def need(notified: Notified, name: str) -> None:
    """Skip the test where the relay sends to the channel *name*."""
    if name not in OF[notified.name]:
        pytest.skip("the relay sends to this one, tests/alerts/test_relay.py")


pytestmark = pytest.mark.real("prometheus-alertmanager")


def test_teams_gets_an_adaptive_card(notified: Notified) -> None:
    """As a workflow takes it: a message with one card; markup in the alert's text is escaped."""
    need(notified, "teams")
    first = notified.first("/teams")
    (attachment,) = first.json["attachments"]
    text = json.dumps(attachment["content"])

    assert (first.method, first.json["type"]) == ("POST", "message")
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert "[FIRING] critical: DiskFull" in text.replace("\\\\", "")
    assert "[x](http" not in text


def test_discord_gets_an_embed(notified: Notified) -> None:
    """The webhook gets a title and a description; nothing in it mentions anybody or becomes a link."""
    need(notified, "games")
    first = notified.first("/api/webhooks/1/tok")
    (embed,) = first.json["embeds"]

    assert embed["title"].replace("\\", "") == "[FIRING] critical: DiskFull"
    assert embed["description"].startswith(r"disk \[x\](http://evil.example) is \*full\* \<@all\> {{ .Labels }}")
    assert not first.json.get("content")
    assert "RESOLVED" in notified.last("/api/webhooks/1/tok").json["embeds"][0]["title"]


def test_telegram_gets_plain_text_in_the_topic(notified: Notified) -> None:
    """The bot's token is in the path, as the Bot API takes it; the text has no markup."""
    need(notified, "phone")
    first = notified.first("/botc4nary-key/sendMessage")

    assert (str(first.json["chat_id"]), str(first.json["message_thread_id"])) == ("-100", "7")
    assert SUMMARY in first.json["text"]
    assert "parse_mode" not in first.json


def test_opsgenie_gets_an_alert_and_its_end(notified: Notified) -> None:
    """`POST /v2/alerts` with the key, a priority and the responders; the end closes it by its alias."""
    first, last = notified.first("/v2/alerts"), notified.last("/v2/alerts/")
    body = first.json

    assert first.headers["Authorization"] == "GenieKey c4nary-key"
    assert (body["message"], body["priority"], body["tags"]) == ("[FIRING] critical: DiskFull", "P2", ["a"])
    assert SUMMARY in body["description"]
    assert body["responders"] == [{"name": "sre", "type": "team"}, {"username": "a@x.org", "type": "user"}]
    assert last.path == f"/v2/alerts/{body['alias']}/close?identifierType=alias"


def test_sns_gets_a_signed_publication(notified: Notified) -> None:
    """The form of the Query API, signed for the region of the ARN with the credentials of the machine."""
    first = notified.first("/sns")
    form = dict(urllib.parse.parse_qsl(first.body.decode()))

    assert (form["Action"], form["TopicArn"]) == ("Publish", "arn:aws:sns:eu-central-1:1:t")
    assert (form["Subject"], SUMMARY in form["Message"]) == ("[FIRING] critical: DiskFull", True)
    assert "AKIDEXAMPLE/" in first.headers["Authorization"]
    assert "/eu-central-1/sns/aws4_request" in first.headers["Authorization"]


def test_victorops_gets_a_message_and_its_recovery(notified: Notified) -> None:
    """Key and routing key are in the path, as the REST endpoint takes them."""
    first, last = notified.first("/victor"), notified.last("/victor")

    assert first.path == "/victor/c4nary-key/team"
    assert first.json["message_type"] == "CRITICAL"
    assert first.json["entity_display_name"] == "[FIRING] critical: DiskFull"
    assert SUMMARY in first.json["state_message"]
    assert (last.json["message_type"], last.json["entity_id"]) == ("RECOVERY", first.json["entity_id"])


def test_webex_gets_a_message_in_the_room(notified: Notified) -> None:
    """The bot's token is in the header; markup in the alert's text is escaped."""
    first = notified.first("/webex")

    assert first.headers["Authorization"] == "Bearer c4nary-key"
    assert first.json["roomId"] == "r"
    assert r"is \*full\* \<@all\>" in first.json["markdown"]


# -- mail --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("generation", list(GENERATIONS))
@pytest.mark.parametrize("port", [465, 587, 25])
def test_mail_arrives_over_the_port_as_its_number_says(
    generation: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """465: TLS from the first byte; 587: STARTTLS, which the server demands; 25: plain, as `use_tls: false` says."""
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.cert, authority.key)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    ways: dict[int, dict[str, Any]] = {465: {"implicit": context}, 587: {"starttls": context}, 25: {}}
    mail = {
        "name": "ops",
        "type": "email",
        "smtp_server": "127.0.0.1",
        "smtp_port": port,
        "use_tls": port != 25,
        "username": "mailer",
        "password": "${MAIL}",
        "from_email": "a@x.org",
        "recipients": ["ops@x.org"],
        "title": "{alertname} ({labels.team})",
    }
    with ExitStack() as running:
        try:
            sink: MailSink = running.enter_context(mail_sink("mailer", "pa55 word", port=port, **ways[port]))
        except PermissionError:
            pytest.skip(f"port {port} can't be bound without privileges")
        content = {"notifications": {"channels": [mail]}}
        manager = running.enter_context(start(generation, content, {"MAIL": "pa55 word"}, tmp_path / "am"))
        fire(manager, "DiskFull", team="web")
        eventually(lambda: sink.mails, 30)
        (found,) = sink.to("ops@x.org")
        body = found.get_body(("plain",))

        assert str(found["Subject"]) == "DiskFull (web)"
        assert body is not None
        assert SUMMARY in body.get_content()
        assert yaml.safe_load((tmp_path / "am" / "am.yaml").read_text())["receivers"][1]["name"] == "ops"
