"""Named channels, routes and severities of the user's own: how they are read, and what is a mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from csg_otel.config import load, load_lenient
from csg_otel.config.schema import schema
from csg_otel.config.sections.secret import Secret, SecretUrl
from csg_otel.config.show import lines
from support.channels import ENVIRON, EVERY

CHAT = EVERY["chat"]


def problems(**sections: Any) -> tuple[str, ...]:
    """Return the problems of a file with these *sections*."""
    return load_lenient(sections, environ=ENVIRON).problems


def read(*items: dict[str, Any], **notifications: Any) -> Any:
    """Return the channels of a file with these items."""
    return load({"notifications": channels(*items, **notifications)}, environ=ENVIRON).config.notifications.channels


def channels(*items: dict[str, Any], **notifications: Any) -> dict[str, Any]:
    """Return the section `notifications` with these channels."""
    return {"channels": list(items), **notifications}


def test_a_channel_of_each_kind_is_read_and_loaded_again() -> None:
    """Each has its name, its type and its settings; a `Config` of them is the same configuration again."""
    source = {"notifications": channels(*EVERY.values())}
    loaded = load(source, environ=ENVIRON)
    by_name = {one.name: one for one in read(*EVERY.values())}

    assert {(one.name, one.type) for one in by_name.values()} == {(one["name"], one["type"]) for one in EVERY.values()}
    assert all(one.enabled for one in by_name.values())
    assert by_name["phone"].chat_id == -100
    assert [(one.type, one.name) for one in by_name["genie"].responders] == [("team", "sre"), ("user", "a@x.org")]
    assert load(loaded.config, environ={}).config == loaded.config
    jsonschema.validate(source, schema(), jsonschema.Draft202012Validator)


def test_the_secrets_of_channels_are_hidden() -> None:
    """Neither `config show` nor a repr has one; each is a `Secret`."""
    loaded = load({"notifications": channels(*EVERY.values())}, environ=ENVIRON)
    by_name = {one.name: one for one in read(*EVERY.values())}

    assert "c4nary" not in "\n".join([*lines(loaded.config, loaded.origins), repr(loaded.config)])
    for name, key in (("ops", "password"), ("chat", "webhook_url"), ("genie", "api_key"), ("sms", "secret_key")):
        assert isinstance(getattr(by_name[name], key), Secret)


def test_an_address_of_a_channel_with_a_token_is_a_secret() -> None:
    """The URL of an API may have a token in its path."""
    one = {**EVERY["victor"], "api_url": "https://x.example/${KEY}/alert"}
    (channel,) = read(one)

    assert isinstance(channel.api_url, SecretUrl)


def test_a_type_has_other_spellings_and_may_come_from_a_variable() -> None:
    """Capitals and usual names are understood; a variable is replaced."""
    spelt = [{**EVERY["teams"], "type": "Teams"}, {**EVERY["ops"], "type": "mail"}, {**CHAT, "type": "${KIND}"}]
    config = load({"notifications": channels(*spelt)}, environ={**ENVIRON, "KIND": "slack"}).config

    assert [one.type for one in config.notifications.channels] == ["msteams", "email", "slack"]


def test_a_mail_channel_uses_the_common_server_unless_it_has_its_own() -> None:
    """The account of one server is never sent to another."""
    common = {"smtp_server": "mail", "smtp_port": 465, "username": "u", "password": "${KEY}", "recipients": ["x@x.org"]}
    mine = {"name": "a", "type": "email", "recipients": ["a@x.org"]}
    other = {**mine, "name": "b", "smtp_server": "other"}
    both = read(mine, other, email=common)

    assert [(one.smtp_server, one.smtp_port, one.username, one.recipients) for one in both] == [
        ("mail", 465, "u", ("a@x.org",)),
        ("other", 587, None, ("a@x.org",)),
    ]
    assert both[1].password is None


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"name": "a"}, "channels[0]: 'type' is missing; add it: one of email, slack"),
        ({"name": "a", "type": "slak"}, "channels[0].type: 'slak' is not a type (did you mean 'slack'?)"),
        ({"type": "slack", "webhook_url": "${URL}"}, "channels[0]: 'name' is missing; add it"),
        ({"name": "email", "type": "slack", "webhook_url": "${URL}"}, "'email' is that of notifications.email"),
        ({"name": "a", "type": "slack"}, "channels[0]: is enabled but has no 'webhook_url'"),
        ({"name": "a", "type": "sns"}, "needs one of topic_arn, phone_number, target_arn, and has none"),
        ({"name": "a", "type": "sns", "phone_number": "+4930"}, "needs 'region'"),
        ({"name": "critical", "type": "discord", "webhook_url": "${URL}"}, "that of something else: a severity"),
    ],
)
def test_a_mistake_in_a_channel_is_one_problem(item: dict[str, Any], message: str) -> None:
    """The message names the place, and a correction."""
    (problem,) = problems(notifications=channels(item))

    assert message in problem


def test_a_misspelt_key_of_a_channel_is_suggested() -> None:
    """The suggestion is a key of a channel of this type."""
    text = "\n".join(problems(notifications=channels({"name": "a", "type": "discord", "webhook_ur": "${URL}"})))

    assert "channels[0].webhook_ur: unknown setting (did you mean 'webhook_url'?)" in text


def test_a_name_is_the_name_of_one_thing(tmp_path: Path) -> None:
    """A second channel of the name is refused, with its line; and so is the name of a receiver."""
    (tmp_path / "c.yaml").write_text(
        "notifications:\n  channels:\n"
        + "".join(f"  - {{name: {name}, type: discord, webhook_url: '${{URL}}'}}\n" for name in ("a", "a", "boss"))
        + "escalation: {receivers: {boss: {slack: {webhook_url: '${URL}'}}}}\n"
    )
    second, boss = load_lenient("c.yaml", environ=ENVIRON, cwd=tmp_path).problems

    assert second.startswith("c.yaml:4:")
    assert "'a' is that of notifications.channels[0]" in second
    assert "'boss' is that of escalation.receivers.boss" in boss


@pytest.mark.parametrize(
    ("route", "message"),
    [
        (
            {"match": {"team": "a"}, "to": ["chatt"]},
            "routes[0].to[0]: there is no channel 'chatt' (did you mean 'chat'?)",
        ),
        ({"match": {"team": "a"}, "to": ["email"]}, "the channel 'email' is off"),
        ({"match": {"team": "a"}}, "routes[0]: 'to' is missing"),
        (
            {"match": {"team": {"match": "a.*"}}, "to": ["chat"]},
            "match.team: has no condition (did you mean 'matches'?)",
        ),
        ({"match": {"team": {"matches": "("}}, "to": ["chat"]}, "is no regular expression"),
        ({"match": {"team": []}, "to": ["chat"]}, "match.team: is no value"),
        (
            {"match": {"severity": "criticle"}, "to": ["chat"]},
            "'criticle' is not a severity (did you mean 'critical'?)",
        ),
        ({"to": ["chat"], "group_interval": 1}, "must be at least 10 s"),
    ],
)
def test_a_mistake_in_a_route_is_one_problem(route: dict[str, Any], message: str) -> None:
    """The message names the place, and a correction."""
    (problem,) = problems(notifications=channels(CHAT, routes=[route]))

    assert message in problem


def test_a_watchdog_without_its_channel_is_a_mistake() -> None:
    """A suggestion names the channel that was meant."""
    (problem,) = problems(notifications=channels(CHAT, watchdog="chatt"))

    assert "notifications.watchdog: there is no channel 'chatt' (did you mean 'chat'?)" in problem


def rule(severity: str, name: str = "a") -> dict[str, Any]:
    """Return a rule of *severity*."""
    return {"name": name, "metric": "m", "condition": ">", "threshold": 1, "severity": severity}


@pytest.mark.parametrize("words", [["page"], "${WORDS}", ["${WORD}"]])
def test_own_severities_are_severities(words: Any) -> None:
    """A rule, a filter and an escalation may use them, in any case; they may come from variables."""
    late = {"name": "e", "condition": "time_based", "threshold": 5, "target": "chat", "severity_filter": ["page"]}
    config = load(
        {
            "alerting": {"severities": words, "rules": [rule("Page"), rule("CRITICAL", "b")]},
            "notifications": channels({**CHAT, "severity_filter": ["page", "warning"]}),
            "escalation": {"rules": [late]},
        },
        environ={**ENVIRON, "WORD": "page", "WORDS": "page, ticket"},
    ).config

    assert [one.severity for one in config.alerting.rules] == ["page", "critical"]
    assert config.notifications.channels[0].severity_filter == ("page", "warning")


def test_own_severities_of_all_sources_count_together() -> None:
    """A rule of the file may use the word of a variable."""
    config = load(
        {"alerting": {"rules": [rule("page")]}}, environ={"CSG_OTEL_ALERTING_SEVERITIES": "ticket,page"}
    ).config

    assert config.alerting.severities == ("ticket", "page")
    assert config.alerting.rules[0].severity == "page"


@pytest.mark.parametrize(
    ("alerting", "message"),
    [
        ({"rules": [rule("criticle")]}, "rules[0].severity: 'criticle' is not a severity (did you mean 'critical'?)"),
        ({"rules": [rule("pagee")], "severities": ["page"]}, "'pagee' is not a severity (did you mean 'page'?)"),
        ({"severities": ["a|b"]}, "severities[0]: 'a|b' is no word"),
        ({"severities": ["Critical"]}, "severities[0]: 'Critical' is there already"),
    ],
)
def test_a_wrong_severity_is_one_problem(alerting: dict[str, Any], message: str) -> None:
    """The message has the suggestion that a misspelt word always had; the user's own words are suggested, too."""
    (problem,) = problems(alerting=alerting)

    assert message in problem


URL = "https://hooks.slack.com/services/T0/x9Yz"
OPS = {"name": "ops", "type": "slack", "webhook_url": "${SLACK_WEBHOOK_URL}"}


@pytest.mark.parametrize(
    ("notifications", "is_on"),
    [
        ({}, True),
        ({"channels": [OPS]}, False),
        ({"channels": [{"name": "ops", "type": "Slack", "channel": "#ops"}]}, False),  # inherits the URL
        ({"channels": [{**OPS, "webhook_url": URL}]}, False),
        ({"channels": [{**OPS, "webhook_url": "${OTHER}"}]}, True),
        ({"channels": [{**OPS, "enabled": False}]}, True),
        ({"channels": [{"name": "ops", "type": "discord", "webhook_url": "${SLACK_WEBHOOK_URL}"}]}, True),
        ({"channels": [OPS], "slack": {"enabled": True}}, True),
        ({"channels": [{**OPS, "channel": "#db"}], "slack": {"channel": "#ops"}}, True),
        ({"channels": [OPS], "routes": [{"match": {"severity": "info"}, "to": ["ops"]}]}, True),
        ({"channels": [OPS], "routes": [{"match": {"severity": "info"}, "to": ["slack"]}]}, True),
        ({"channels": [OPS], "watchdog": "ops"}, True),
    ],
)
def test_a_variable_switches_slack_on_unless_a_named_channel_has_its_url(
    notifications: dict[str, Any], is_on: bool
) -> None:
    """So each alert arrives once; a channel that only a route leads to, or another room, takes the place of none."""
    environ = {"SLACK_WEBHOOK_URL": URL, "OTHER": f"{URL}2"}
    loaded = load({"notifications": notifications}, environ=environ)

    assert loaded.config.notifications.slack.enabled is is_on


def test_two_channels_of_one_url_are_a_warning() -> None:
    """Where both get the same alerts; not with other severities, another room, or if only a route leads to one."""
    on = {"enabled": True, "webhook_url": "${SLACK_WEBHOOK_URL}"}
    environ = {"SLACK_WEBHOOK_URL": URL}

    def warnings(**more: Any) -> list[str]:
        sections = {"notifications": {"channels": [OPS], "slack": on, **more}}
        return [text for text in load(sections, environ=environ).warnings if "arrive there twice" in text]

    (warning,) = warnings()
    assert "notifications.channels[0]: has the URL of notifications.slack, so alerts arrive there twice" in warning
    assert URL not in warning
    assert warnings(routes=[{"match": {"severity": "info"}, "to": ["ops"]}]) == []
    assert warnings(slack={**on, "channel": "#other"}) == []
    assert (
        warnings(channels=[{**OPS, "severity_filter": ["info"]}], slack={**on, "severity_filter": ["critical"]}) == []
    )
    assert len(warnings(channels=[{**OPS, "severity_filter": ["info"]}])) == 1
