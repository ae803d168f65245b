"""Named channels, routes, severities of the user's own, the watchdog's channel: what they compile to, who is notified."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from csg_otel.alerts import bundle, lint, routing, spec
from csg_otel.alerts.alertmanager import config
from csg_otel.alerts.compilers import Options, compile_all
from csg_otel.alerts.grafana import notify as grafana_notify
from csg_otel.alerts.grafana import provisioning as grafana
from csg_otel.alerts.model import AlertSpec
from csg_otel.config import load, load_lenient
from csg_otel.errors import AlertError
from support import alert_specs, newest
from support.channels import ENVIRON, EVERY

OLD, NEW = (0, 25), (0, 34)
CHAT, PAYMENTS, PAGER = EVERY["chat"], {**EVERY["chat"], "name": "payments"}, EVERY["pager"]
HEARTBEAT = {"name": "heartbeat", "type": "webhook", "url": "http://beat.example/in"}


def specified(
    notifications: dict[str, Any], *, service: str = "shop", severities: tuple[str, ...] = (), **sections: Any
) -> AlertSpec:
    """Return the specification of these channels, with one rule."""
    alerting = {"rules": [alert_specs.rule(labels={"team": "payments"})], "severities": list(severities)}
    source = {"service": {"name": service}, "alerting": alerting, "notifications": notifications, **sections}
    return spec.load(load(source, environ=ENVIRON).config, alert_specs.CATALOG, **bundle.shipped())


def notified(made: AlertSpec, **labels: str) -> list[str]:
    """Return the receivers of an alert with these labels, without the service in front."""
    own = {**dict(made.service_labels), "severity": "warning", **labels}
    return [
        route.receiver.removeprefix("shop.")
        for route in routing.matching(made, own)
        if route.receiver != routing.NO_RECEIVER
    ]


def compiled(made: AlertSpec, version: tuple[int, int]) -> str:
    """Return Alertmanager's configuration."""
    options = Options(alertmanager_version=version)
    return compile_all(made, alert_specs.CATALOG, options, ("alertmanager",))[config.FILE]


# -- each kind ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [OLD, NEW])
def test_each_kind_equals_its_golden_file(golden: Callable[[str, str], None], version: tuple[int, int]) -> None:
    """A channel of each kind is compiled to the byte as the golden file has it."""
    every = specified({"channels": list(EVERY.values())})

    golden(f"kinds.alertmanager-{version[0]}.{version[1]}.yaml", compiled(every, version))


@pytest.mark.real("amtool")
def test_both_generations_accept_each_kind(tmp_path: Path) -> None:
    """amtool 0.25 accepts what is compiled for it, and the newest accepts both."""
    every = specified({"channels": list(EVERY.values())})
    for version, program in ((OLD, "amtool"), (OLD, newest.need("amtool")), (NEW, newest.need("amtool"))):
        file = tmp_path / config.FILE
        file.write_text(compiled(every, version))
        done = subprocess.run([program, "check-config", file], capture_output=True, text=True, timeout=60)

        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", [OLD, NEW])
def test_no_secret_of_a_channel_is_compiled_and_each_has_its_file(version: tuple[int, int]) -> None:
    """No target's text has one; Alertmanager's names exactly the files that are listed, each with its content."""
    every, options = specified({"channels": list(EVERY.values())}), Options(alertmanager_version=version)
    texts = compile_all(every, alert_specs.CATALOG, options)
    files = config.secret_files(every, options)

    assert "c4nary" not in "\n".join(texts.values())
    named = {word for word in texts[config.FILE].split() if word.startswith(options.secrets_dir)}
    assert {f"{options.secrets_dir}/{file.name}" for file in files} == named
    assert all("c4nary" in file.content() for file in files)


def test_each_kind_is_the_same_without_its_secrets() -> None:
    """A machine without the secrets compiles the same files as a machine with them."""
    source = {
        "service": {"name": "shop"},
        "alerting": {"rules": [alert_specs.rule(labels={"team": "payments"})]},
        "notifications": {"channels": list(EVERY.values())},
    }
    unset = load_lenient(source, environ={}, unset_secrets=True)
    without = spec.load(unset.config, alert_specs.CATALOG, **bundle.shipped())
    with_them = specified({"channels": list(EVERY.values())})

    assert not unset.problems
    for version in (OLD, NEW):
        options = Options(alertmanager_version=version)
        assert compile_all(without, alert_specs.CATALOG, options) == compile_all(
            with_them, alert_specs.CATALOG, options
        )


@pytest.mark.parametrize(
    ("version", "relayed"), [(OLD, {"hook", "teams", "games", "phone", "push", "sms"}), (NEW, {"sms"})]
)
def test_what_alertmanager_can_not_send_goes_to_the_relay(version: tuple[int, int], relayed: set[str]) -> None:
    """An old one lacks kinds and secret files; no version reads the keys of an AWS account from files."""
    receivers = yaml.safe_load(compiled(specified({"channels": list(EVERY.values())}), version))["receivers"]
    to_relay = {
        one["name"].removeprefix("shop.")
        for one in receivers
        for each in one.get("webhook_configs", [])
        if each.get("url", "").startswith("http://127.0.0.1:9095/")
    }

    assert to_relay == relayed


@pytest.mark.parametrize(
    "settings",
    [
        {**EVERY["phone"], "chat_id": "@people"},
        {**EVERY["victor"], "api_url": "https://x.example/${KEY}"},
        {**EVERY["topic"], "access_key": "${KEY}", "secret_key": "${KEY}"},
    ],
)
def test_a_secret_or_a_name_that_alertmanager_can_not_read_goes_to_the_relay(settings: dict[str, Any]) -> None:
    """The newest one, too, has no file for the URL of an API, and no name for a chat."""
    (receiver,) = yaml.safe_load(compiled(specified({"channels": [settings]}), NEW))["receivers"][1:]

    assert receiver["webhook_configs"][0]["url"] == f"http://127.0.0.1:9095/shop.{settings['name']}"


def test_a_channel_that_is_off_gets_nothing() -> None:
    """It may be incomplete; the others are notified."""
    made = specified({"channels": [CHAT, {"name": "later", "type": "discord", "enabled": False}]})

    assert notified(made) == ["chat"]
    assert "later" not in compiled(made, NEW)


@pytest.mark.parametrize(
    ("settings", "version"),
    [({"method": "PUT"}, NEW), ({"timeout": 5}, OLD), ({"headers": {"X-A": "b"}}, OLD), ({}, None)],
)
def test_a_named_webhook_has_method_headers_and_timeout(
    settings: dict[str, Any], version: tuple[int, int] | None
) -> None:
    """What a version can't do is left to the relay, as for the webhook of `notifications`."""
    made = specified({"channels": [{**HEARTBEAT, **settings}]})
    (webhook,) = yaml.safe_load(compiled(made, version or OLD))["receivers"][1]["webhook_configs"]

    assert webhook["url"].startswith("http://127.0.0.1:9095/" if version else "http://beat.example/in")


def test_titles_and_texts_have_safe_places_and_no_templates() -> None:
    """A place is replaced by the alert's own field; braces that form none are literal text."""
    text = {"title": "{severity} {{ .Labels }} {labels.shop.team}", "text": "{summary}|{status}|{value}", "name": "a"}
    made = specified({"channels": [{**EVERY["ops"], **text}]})
    (mail,) = yaml.safe_load(compiled(made, NEW))["receivers"][1]["email_configs"]

    assert mail["headers"]["Subject"] == (
        '{{ .CommonLabels.severity }} {{ "{{" }} .Labels }} {{ .CommonLabels.shop_team }}'
    )
    assert mail["text"] == "{{ range .Alerts }}{{ .Annotations.summary }}|{{ .Status }}|{value}\n{{ end }}"


@pytest.mark.parametrize("wanted", [True, False])
def test_a_channel_may_leave_out_the_end_of_alerts(wanted: bool) -> None:
    """`send_resolved` is that of the receiver."""
    made = specified({"channels": [{**CHAT, "send_resolved": wanted}]})
    (slack,) = yaml.safe_load(compiled(made, NEW))["receivers"][1]["slack_configs"]

    assert slack["send_resolved"] is wanted


ONE_EACH: dict[str, dict[str, Any]] = {
    "email": {"smtp_server": "mail", "recipients": ["a@x.org"]},
    "slack": {"webhook_url": "${URL}"},
    "webhook": {"url": "http://hook.example/in"},
    "pagerduty": {"integration_key": "${KEY}"},
}


def provisioned(made: AlertSpec) -> dict[str, Any]:
    """Return Grafana's contact points by the ends of their names."""
    document = grafana.provisioned(made, alert_specs.CATALOG, Options())
    points = {point["name"].rpartition("/")[2]: point["receivers"][0] for point in document["contactPoints"]}
    return {**points, "policies": document["policies"][0]["routes"]}


def test_channels_of_one_each_and_of_receivers_have_titles_texts_and_ends_too() -> None:
    """Grafana's contact points and Alertmanager's receivers have them, in every kind that has a place for them."""
    wanted = {"enabled": True, "title": "T {severity}", "text": "B {summary}", "send_resolved": False}
    one_each = {kind: {**settings, **wanted} for kind, settings in ONE_EACH.items()}
    late = {"name": "late", "condition": "time_based", "threshold": 15, "target": "boss"}
    made = specified(one_each, escalation={"rules": [late], "receivers": {"boss": one_each}})
    points = provisioned(made)
    receivers = {one["name"].removeprefix("shop."): one for one in yaml.safe_load(compiled(made, NEW))["receivers"]}
    title, body = "T {{ .CommonLabels.severity }}", "{{ range .Alerts }}B {{ .Annotations.summary }}\n{{ end }}"
    places = {
        "email": (title, body, "subject", "message"),
        "slack": (title, body, "title", "text"),
        "webhook": (title, body, "title", "message"),
        "pagerduty": (title, None, "summary", ""),
    }
    for kind, (first, second, title_key, text_key) in places.items():
        for grafanas, name in ((kind, kind), (f"boss {kind}", f"boss.{kind}")):
            settings = points[grafanas]["settings"]
            (receiver,) = receivers[name][f"{kind}_configs"]

            assert settings[title_key] == first
            assert settings.get(text_key) == second
            assert points[grafanas]["disableResolveMessage"] is True
            assert receiver["send_resolved"] is False
            if kind != "webhook":  # Alertmanager's webhook has its own JSON
                written = yaml.safe_dump(receiver, width=10_000)
                assert "T {{ .CommonLabels.severity" in written
                assert "B {{ .Annotations.summary" in written


def test_grafana_has_each_kind_with_its_own_settings() -> None:
    """The types and settings are those of Grafana's notifiers; each secret is a variable, whose value the push writes."""
    made = specified({"channels": list(EVERY.values())})
    points, secrets = provisioned(made), grafana_notify.secrets(made)

    assert {name: points[name]["type"] for name in ("teams", "games", "phone", "topic")} == {
        "teams": "teams",
        "games": "discord",
        "phone": "telegram",
        "topic": "sns",
    }
    assert points["phone"]["settings"]["chatid"] == "-100"
    assert points["genie"]["settings"]["apiUrl"] == "https://api.opsgenie.com/v2/alerts"
    assert points["sms"]["settings"]["phone_number"] == "+49301234567"
    assert points["sms"]["settings"]["sigv4"] == {
        "region": "eu-central-1",
        "access_key": "CSG_OTEL_SHOP_SMS_ACCESS_KEY",
        "secret_key": "CSG_OTEL_SHOP_SMS_SECRET_KEY",
    }
    assert secrets["CSG_OTEL_SHOP_VICTOR_URL"].endswith("/alert/c4nary-key/team")
    assert points["victor"]["settings"]["url"] == "CSG_OTEL_SHOP_VICTOR_URL"
    assert {points["space"]["settings"]["bot_token"], points["push"]["settings"]["userKey"]} <= secrets.keys()


def test_grafana_routes_as_alertmanager_does() -> None:
    """A route is a policy with its channels below it, before the policies of all channels; it ends unless it goes on."""
    routes = [
        {"match": {"team": "a"}, "to": ["payments", "pager"], "send_resolved": False, "group_wait": "5s"},
        {"match": {"team": {"not": "b"}}, "to": ["payments"], "continue": True},
    ]
    points = provisioned(specified({"channels": [CHAT, PAYMENTS, PAGER], "routes": routes}))
    first, second, *rest = points["policies"]

    assert ["team", "=", "a"] in first["object_matchers"]
    assert first["continue"] is False
    assert [child["receiver"].rpartition("/")[2] for child in first["routes"]] == ["payments firing", "pager firing"]
    assert {child["group_wait"] for child in first["routes"]} == {"5s"}
    assert (second["continue"], ["team", "!=", "b"] in second["object_matchers"]) == (True, True)
    assert {policy["receiver"].rpartition("/")[2] for policy in rest} == {"chat"}
    assert points["payments firing"]["disableResolveMessage"] is True


def test_datadog_mentions_the_channels_of_a_rules_route() -> None:
    """Its labels decide, as far as the rule sets them; what Datadog can't do is listed."""
    routes = [
        {"match": {"team": "payments"}, "to": ["teams", "genie", "victor", "topic", "pager", "hook"]},
        {"match": {"region": "eu"}, "to": ["phone"], "repeat_interval": "1h"},
    ]
    chosen = [EVERY[name] for name in ("teams", "genie", "victor", "topic", "pager", "hook", "phone", "chat")]
    made = specified({"channels": chosen, "routes": routes})
    content = json.loads(compile_all(made, alert_specs.CATALOG, targets=("datadog",))["datadog-monitors.json"])
    messages = {monitor["name"]: monitor["message"].splitlines()[-1] for monitor in content["monitors"]}

    assert messages["[shop] high_cpu_usage"] == (
        "@teams-teams @opsgenie-genie @victorops-team @sns-t @pagerduty-pager @webhook-csg-otel-shop-hook"
    )
    assert messages["[shop] host_cpu_high"] == "@slack-a"
    listed = "\n".join(content["left_out"])
    assert "channel 'phone': Datadog does not notify telegram this way; use a webhook" in listed
    assert "notifications.routes[1]: Datadog routes by the labels that rules set, and none sets region" in listed
    assert "notifications.routes[1]: Datadog has no grouping, times or notices of its own for a route" in listed


def test_a_severity_of_the_users_own_has_a_priority_in_datadog() -> None:
    """It is the middle one."""
    source = {
        "service": {"name": "shop"},
        "alerting": {"rules": [alert_specs.rule(severity="page")], "severities": ["page"]},
    }
    made = spec.load(load(source, environ={}).config, alert_specs.CATALOG)
    (monitor,) = json.loads(compile_all(made, alert_specs.CATALOG, targets=("datadog",))["datadog-monitors.json"])[
        "monitors"
    ]

    assert (monitor["priority"], "severity:page" in monitor["tags"]) == (3, True)


# -- routes ------------------------------------------------------------------------------------------------------------


def test_a_route_takes_its_alerts_from_everybody_else() -> None:
    """A team's alerts go to its channel only, and its channel gets no others; all other alerts go where they always went."""
    route = {"match": {"team": "payments"}, "to": ["payments"]}
    made = specified({"channels": [CHAT, PAYMENTS], "routes": [route]})

    assert notified(made, team="payments") == ["payments"]
    assert notified(made, team="other") == ["chat"]
    assert notified(made) == ["chat"]


def test_a_route_that_continues_lets_the_others_have_its_alerts_too() -> None:
    """Its channels come first; then the next route that matches, and all channels."""
    routes = [
        {"match": {"team": "payments"}, "to": ["payments"], "continue": True},
        {"match": {"severity": ["critical", "emergency"]}, "to": ["pager"], "continue": True},
    ]
    made = specified({"channels": [CHAT, PAYMENTS, PAGER], "routes": routes})

    assert notified(made, team="payments", severity="critical") == ["payments", "pager", "chat"]
    assert notified(made, team="payments") == ["payments", "chat"]
    assert notified(made, severity="critical") == ["pager", "chat"]


def test_an_alert_that_no_channel_of_a_route_accepts_is_not_lost() -> None:
    """The severity filter of a channel holds in routes, too; what all of them refuse goes on to everybody."""
    pager = {**PAGER, "severity_filter": ["critical"]}
    payments = {**PAYMENTS, "severity_filter": ["warning", "critical"]}
    made = specified(
        {"channels": [CHAT, payments, pager], "routes": [{"match": {"team": "a"}, "to": ["payments", "pager"]}]}
    )

    assert notified(made, team="a", severity="critical") == ["payments", "pager"]
    assert notified(made, team="a", severity="warning") == ["payments"]
    assert notified(made, team="a", severity="info") == ["chat"]


def test_an_escalation_holds_for_routed_alerts_and_may_name_a_channel() -> None:
    """A critical alert that lasts reaches the channel that the escalation names, wherever it was sent first."""
    late = {"name": "late", "condition": "time_based", "threshold": 15, "target": "pager"}
    made = specified(
        {"channels": [CHAT, PAYMENTS, PAGER], "routes": [{"match": {"team": "a"}, "to": ["payments"]}]},
        escalation={"rules": [late]},
    )

    assert notified(made, team="a", severity="critical") == ["pager.escalated", "payments"]
    assert notified(made, severity="critical") == ["pager.escalated", "chat"]
    assert notified(made, severity="warning") == ["chat"]


@pytest.mark.parametrize(
    ("condition", "taken"),
    [
        ("a.b", {"a.b"}),
        (["a.b", "c"], {"a.b", "c"}),
        ({"matches": "a.*"}, {"a.b", "axb"}),
        ({"not": "a.b"}, {"axb", "c", ""}),
        ({"not": ["a.b", "c"]}, {"axb", ""}),
        ({"not_matches": "a.*|"}, {"c"}),
    ],
)
def test_a_condition_is_a_value_several_a_pattern_or_its_opposite(condition: Any, taken: set[str]) -> None:
    """Values are compared as they are written, patterns as a whole; a missing label is an empty value."""
    made = specified({"channels": [CHAT, PAYMENTS], "routes": [{"match": {"team": condition}, "to": ["payments"]}]})

    assert {team for team in ("a.b", "axb", "c", "") if notified(made, team=team) == ["payments"]} == taken


def test_a_rules_name_is_the_name_of_its_alert() -> None:
    """People write either; the alert is called HighCpuUsage."""
    route = {"match": {"alertname": "high_cpu_usage"}, "to": ["payments"]}
    made = specified({"channels": [CHAT, PAYMENTS], "routes": [route]})

    assert notified(made, alertname="HighCpuUsage") == ["payments"]
    assert notified(made, alertname="high_cpu_usage") == ["payments"]


def test_a_route_has_times_labels_and_notices_of_its_own() -> None:
    """They are those of the route in Alertmanager; a receiver of its own leaves out the end of alerts."""
    times = {"group_wait": "1s", "group_interval": "20s", "repeat_interval": "1h", "group_by": ["region"]}
    route = {"match": {"team": "a"}, "to": ["chat"], "send_resolved": False, **times}
    document = yaml.safe_load(compiled(specified({"channels": [CHAT], "routes": [route]}), NEW))
    (routed,) = (one for one in document["route"]["routes"][0]["routes"] if one["receiver"] == "shop.chat.firing")
    (receiver,) = (one for one in document["receivers"] if one["name"] == "shop.chat.firing")

    assert {key: routed[key] for key in times} == times
    assert receiver["slack_configs"][0]["send_resolved"] is False


def test_the_watchdog_goes_to_its_channel_alone_and_often() -> None:
    """It is sent every minute and its end never, and that channel gets nothing else."""
    made = specified({"channels": [CHAT, HEARTBEAT], "watchdog": "heartbeat"})
    document = yaml.safe_load(compiled(made, NEW))
    first = document["route"]["routes"][0]["routes"][0]
    (receiver,) = (one for one in document["receivers"] if one["name"] == first["receiver"])

    assert notified(made, alertname="Watchdog") == ["heartbeat.firing"]
    assert notified(made) == ["chat"]
    assert (first["repeat_interval"], first["group_interval"], first["group_wait"]) == ("50s", "30s", "0s")
    assert receiver["webhook_configs"][0]["send_resolved"] is False


def test_own_severities_go_to_channels_without_a_filter_and_to_those_that_name_them() -> None:
    """A filter names them as it names the four."""
    pager = {**PAGER, "severity_filter": ["page", "critical"]}
    made = specified({"channels": [CHAT, pager]}, severities=("page", "ticket"))

    assert notified(made, severity="page") == ["chat", "pager"]
    assert notified(made, severity="ticket") == ["chat"]


@pytest.mark.real("amtool")
def test_the_receivers_are_those_of_amtool(tmp_path: Path) -> None:
    """For every severity, team and further label the receivers equal those that amtool 0.25 prints."""
    routes = [
        {"match": {"team": "payments"}, "to": ["payments", "pager"]},
        {
            "match": {"team": {"matches": "web.*"}, "severity": {"not": ["info", "page"]}},
            "to": ["teams"],
            "continue": True,
        },
        {"match": {"alertname": "high_cpu_usage"}, "to": ["genie"], "send_resolved": False},
        {"match": {"team": {"not_matches": "pay.*|web.*|"}}, "to": ["email"]},
    ]
    pager = {**PAGER, "severity_filter": ["critical", "page"]}
    every = [CHAT, PAYMENTS, pager, EVERY["teams"], EVERY["genie"], HEARTBEAT]
    mail = {"enabled": True, "smtp_server": "mail", "recipients": ["a@x.org"], "from_email": "b@x.org"}
    rules = [
        {"name": "late", "condition": "time_based", "threshold": 15, "target": "genie"},
        {"name": "back", "condition": "retry_count", "threshold": 3, "target": "chat", "severity_filter": ["page"]},
        {"name": "quiet", "condition": "time_window", "action": "suppress", "threshold": "22:00-06:00"},
    ]
    made = specified(
        {"channels": every, "email": mail, "routes": routes, "watchdog": "heartbeat"},
        severities=("page", "ticket"),
        escalation={"rules": rules},
    )
    file = tmp_path / config.FILE
    file.write_text(compiled(made, OLD))
    teams, more = ("payments", "web", "webshop", "other", ""), ("", "HighCpuUsage", "Watchdog")
    for severity, team, name in itertools.product((*made.severities, "unheard-of"), teams, more):
        labels = {"service": "shop", "severity": severity, "team": team, "alertname": name}
        command = ["amtool", "config", "routes", "test", f"--config.file={file}"]
        arguments = [f"{key}={value}" for key, value in labels.items()]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)

        assert done.stdout.strip() == ",".join(one.receiver for one in routing.matching(made, labels)), labels


WORDS = ("info", "warning", "critical", "emergency", "page")
FILTERS = st.lists(st.sampled_from(WORDS), unique=True, max_size=3)
TEAMS = st.sampled_from(["a", ["a", "b"], {"not": "a"}, {"matches": "a|b"}, {"not_matches": "a.*"}])
ROUTES = st.fixed_dictionaries(
    {
        "match": st.fixed_dictionaries({}, optional={"team": TEAMS, "severity": FILTERS.filter(bool)}),
        "to": st.lists(st.sampled_from(["one", "two", "three", "email"]), min_size=1, max_size=3, unique=True),
        "continue": st.booleans(),
    }
)


@settings(max_examples=150, deadline=None)
@given(filters=st.lists(FILTERS, min_size=4, max_size=4), routes=st.lists(ROUTES, max_size=4))
def test_what_datadog_mentions_is_what_alertmanager_notifies(
    filters: list[list[str]], routes: list[dict[str, Any]]
) -> None:
    """For any routes and filters both find the same channels for every severity and team."""
    named = [
        {**CHAT, "name": name, "severity_filter": chosen}
        for name, chosen in zip(("one", "two", "three"), filters, strict=False)
    ]
    mail = {"enabled": True, "smtp_server": "m", "recipients": ["a@x.org"], "severity_filter": filters[3]}
    made = specified({"channels": named, "routes": routes, "email": mail}, severities=("page",))
    for severity, team in itertools.product(WORDS, ("a", "b", "c", "")):
        labels = {"severity": severity, "team": team}
        mentioned = routing.channels_of(made, {**dict(made.service_labels), **labels})

        assert [channel.name for channel in mentioned] == list(dict.fromkeys(notified(made, **labels)))


# -- escalations -------------------------------------------------------------------------------------------------------


def escalating(**rule: Any) -> dict[str, Any]:
    """Return a configuration with the escalation *rule*, a named channel, and a severity of the user's own."""
    return {
        "alerting": {"rules": [alert_specs.rule()], "severities": ["page"]},
        "notifications": {"channels": [CHAT, PAGER]},
        "escalation": {"rules": [{"name": "e", **rule}]},
    }


def test_repeated_alerts_are_raised_to_a_severity_of_the_users_own() -> None:
    """The filter says which alerts are counted, because a word of the user has no place among the four."""
    rule = {"condition": "retry_count", "threshold": 5, "target": "page"}
    config = load(escalating(**rule, severity_filter=["warning"]), environ=ENVIRON).config
    made = spec.load(config, alert_specs.CATALOG)
    text = compile_all(made, alert_specs.CATALOG, targets=("prometheus",))["prometheus-rules.yaml"]
    (raised,) = (one for group in yaml.safe_load(text)["groups"] for one in group["rules"] if one.get("alert") == "E")

    assert raised["labels"]["severity"] == "page"
    assert 'severity=~"warning"' in raised["expr"]
    with pytest.raises(AlertError, match=r"severity_filter: must have what is raised to page: some of info, warning"):
        spec.load(load(escalating(**rule), environ=ENVIRON).config, alert_specs.CATALOG)


@pytest.mark.parametrize("action", [{"action": "suppress"}, {"target": "pager", "severity_filter": ["page"]}])
def test_hours_as_the_first_users_wrote_them_hold_for_named_channels(action: dict[str, Any]) -> None:
    """`threshold: "09:00-17:00"` is the window, of a channel that is named only then, or in which all are muted."""
    config = load(escalating(condition="time_window", threshold="09:00-17:00", **action), environ=ENVIRON).config
    made = spec.load(config, alert_specs.CATALOG)
    document = yaml.safe_load(compiled(made, OLD))
    (interval,) = document["time_intervals"]
    routes = {one["receiver"]: one for one in document["route"]["routes"]}

    assert interval["time_intervals"][0]["times"] == [{"start_time": "09:00", "end_time": "17:00"}]
    if "target" in action:
        assert routes["pager.escalated"]["active_time_intervals"] == ["e"]
        assert "pager" not in routes
    else:
        assert routes["chat"]["mute_time_intervals"] == ["e"]


# -- check -------------------------------------------------------------------------------------------------------------


def test_a_severity_that_only_routed_channels_take_is_a_problem() -> None:
    """If every channel is named by a route, an alert without a route reaches no person; the message says what to add."""
    route = {"match": {"team": "web"}, "to": ["chat"]}
    problems, _ = lint.unheard(specified({"channels": [CHAT], "routes": [route]}))

    assert [path for path, _ in problems] == ["alerting.rules[0].severity"]
    assert "add a route to one, or a route without match" in problems[0][1]
    assert lint.unheard(specified({"channels": [CHAT], "routes": [route, {"to": ["chat"]}]}))[0] == []


def test_a_route_counts_with_the_labels_of_the_rule() -> None:
    """The rule of the team payments is notified by the route of that team."""
    route = {"match": {"team": "payments"}, "to": ["chat"]}

    assert lint.unheard(specified({"channels": [CHAT], "routes": [route]}))[0] == []


def test_an_own_severity_that_no_channel_takes_is_a_problem() -> None:
    """As for the four."""
    rule = alert_specs.rule(severity="page")
    source = {
        "alerting": {"rules": [rule], "severities": ["page"]},
        "notifications": {"channels": [{**CHAT, "severity_filter": ["critical"]}]},
    }
    made = spec.load(load(source, environ=ENVIRON).config, alert_specs.CATALOG)

    assert "no channel accepts page" in lint.unheard(made)[0][0][1]


def test_a_route_after_one_that_takes_everything_is_a_warning() -> None:
    """It would never be reached."""
    routes = [{"to": ["chat"]}, {"match": {"team": "web"}, "to": ["payments"]}]
    findings = list(lint.routes(specified({"channels": [CHAT, PAYMENTS], "routes": routes})))

    assert findings == [
        ("notifications.routes[1]", "is never reached: notifications.routes[0] takes every alert; move it up")
    ]
