"""Warnings and errors of `alerts check`, each with its position and what to do."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csg_otel.alerts import bundle, lint
from csg_otel.alerts.alertmanager import config as alertmanager
from csg_otel.alerts.alertmanager import lint as alertmanager_lint
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import Options, compile_all
from csg_otel.alerts.model import AlertSpec
from csg_otel.config import load

Specified = Callable[..., AlertSpec]

CLEAN = """\
route: {receiver: a, group_interval: 10s, routes: [{receiver: b, mute_time_intervals: [night]}]}
receivers: [{name: a}, {name: b}]
time_intervals: [{name: night}]
inhibit_rules:
- source_matchers: ['severity="critical"', 'instance=~".+"']
  target_matchers: [severity="warning"]
  equal: [cluster, instance]
- source_matchers: [alertname=Down]
  target_matchers: [service=~"a|b"]
- source_match: {severity: critical}
  target_match: {severity: warning, cluster: x}
  equal: [cluster]
- source_matchers: [severity=critical]
  target_matchers: [severity=warning]
  equal: [alertname, cluster]
"""


NO_ZONE = "there is no time zone 'Mars/X' on this machine; use a name such as Europe/Berlin, or UTC"

NO_LABEL = (
    "am.yaml:5:3: this inhibition mutes everything that has no cluster and no instance;"
    " add the source matcher 'cluster!=\"\"'"
)


@pytest.mark.parametrize("version", [(0, 25), (0, 34)])
def test_compiled_configurations_have_no_findings(
    specified: Specified, catalog: Catalog, channels: Path, version: tuple[int, int]
) -> None:
    """The compiled configurations and a correct one written by hand have no findings."""
    text = compile_all(specified(channels), catalog, Options(alertmanager_version=version), ("alertmanager",))

    assert alertmanager_lint.document(text[alertmanager.FILE]) == []
    assert alertmanager_lint.document(CLEAN) == []


@pytest.mark.parametrize(
    ("was", "instead", "finding"),
    [
        ("[{receiver: b,", "[{receiver: c,", "am.yaml:1:63: there is no receiver 'c'; add it to receivers"),
        ("name: night", "name: nigth", "am.yaml:1:88: there is no time interval 'night'; add it to time_intervals"),
        (": 10s", ": 9s", "am.yaml:1:38: a group_interval of 9s sends notifications twice; set it to 10s or more"),
        (
            ", 'instance=~\".+\"'",
            "",
            NO_LABEL,
        ),
        (
            "'instance=~\".+\"'",
            "'instance=~\".*\"'",
            NO_LABEL,
        ),
        (
            'service=~"a|b"',
            'service=~".+"',
            "am.yaml:8:3: this inhibition mutes everything; list the labels that must be equal, such as [instance]",
        ),
    ],
)
def test_each_mistake_is_found_with_its_line_and_cure(was: str, instead: str, finding: str) -> None:
    """Each mistake in a configuration of Alertmanager is found, with its line and what to do."""
    assert was in CLEAN

    assert alertmanager_lint.document(CLEAN.replace(was, instead), "am.yaml") == [finding]


def test_a_file_that_is_no_configuration_is_reported() -> None:
    """Invalid YAML and a list are findings instead of tracebacks."""
    assert alertmanager_lint.document("a: [", "am.yaml")[0].startswith("am.yaml: is not YAML: ")
    assert alertmanager_lint.document("- a", "am.yaml") == [
        "am.yaml:1:1: this is not a configuration of Alertmanager; give the file that it was started with"
    ]


def test_secrets_that_are_missing_or_empty_or_end_with_a_newline_are_found(
    specified: Specified, seed_file: Path, tmp_path: Path
) -> None:
    """Missing and empty secret files are found, and a newline at the end, which the oldest Alertmanager would send."""
    spec, options = specified(seed_file), Options(secrets_dir=str(tmp_path))
    for file in alertmanager.secret_files(spec, options):
        (tmp_path / file.name).write_text(file.content())
    assert not list(alertmanager_lint.secrets(spec, options))
    (tmp_path / "email_password").write_text("x\n")
    (tmp_path / "slack_webhook_url").write_text("")
    (tmp_path / "webhook_authorization").unlink()

    assert dict(alertmanager_lint.secrets(spec, options)) == {
        "notifications.email.password": f"{tmp_path}/email_password ends with a newline, which Alertmanager 0.25 sends as"
        " part of the secret; write it with printf %s",
        "notifications.slack.webhook_url": f"{tmp_path}/slack_webhook_url is empty; write the secret into it",
        "notifications.webhook.headers.Authorization": f"{tmp_path}/webhook_authorization can't be read (No such file or"
        " directory); write the secret into it, with mode 0600",
    }


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (
            {"condition": "time_window", "action": "suppress", "start": "00:00", "end": "24:00"},
            ("escalation.rules[0]", "mutes everything at all times; set start and end, days, or a severity_filter"),
        ),
        (
            {
                "condition": "time_window",
                "action": "suppress",
                "start": "01:00",
                "end": "02:00",
                "timezone": "Mars/X",
                "severity_filter": ["warning"],
            },
            (
                "escalation.rules[0].timezone",
                NO_ZONE,
            ),
        ),
        (
            {"condition": "time_based", "threshold": 1, "target": "boss"},
            ("escalation.rules[0].target", "no channel of 'boss' accepts critical; add a channel that does"),
        ),
        (
            {"condition": "time_based", "threshold": 1, "target": "emergency"},
            ("escalation.rules[0].target", "no channel of 'emergency' accepts critical; add a channel that does"),
        ),
    ],
)
def test_useless_escalations_are_found(specified: Specified, rule: dict[str, Any], found: tuple[str, str]) -> None:
    """Muting everything, an unknown time zone and a target that accepts no such alert are findings."""
    rule = {"name": "r", **rule}
    hook = {"enabled": True, "url": "http://x", "severity_filter": ["info"]}
    receivers = {"boss": {"webhook": {"url": "http://x", "severity_filter": ["emergency"]}}}
    used_receivers = receivers if rule.get("target") == "boss" else {}
    config = {
        "notifications": {"webhook": hook, "slack": {"enabled": False}},
        "escalation": {"rules": [rule], "receivers": used_receivers},
    }
    rules = load(config, environ={}).config.escalation.rules

    assert list(lint.escalations(specified(config), rules, zoneinfo.available_timezones().__contains__)) == [found]


def test_an_alert_that_is_left_out_is_a_finding(specified: Specified) -> None:
    """Without a name of the service nothing watches whether the program lives; `check` says so, and how to change it."""
    findings = list(lint.rules(specified({}, shipped=True)))

    assert [path for path, _ in findings] == ["service.name"]
    assert findings[0][1].startswith(
        "is not set, so InstanceDown is left out, and no alert fires when the program has died"
    )
    disabled = {"name": "instance_down", "metric": "up", "condition": "<", "threshold": 1, "enabled": False}
    for config in (
        {"service": {"name": "shop"}},
        {"alerting": {"selector": 'job="shop"'}},
        {"alerting": {"rules": [disabled]}},
    ):
        assert not list(lint.rules(specified(config, shipped=True))), config
    assert not list(lint.rules(specified({})))


SLACK = {"enabled": True, "webhook_url": "${SLACK_WEBHOOK_URL}"}


def unheard(specified: Specified, **sections: Any) -> tuple[list[str], list[str]]:
    """Return the problems and the warnings about a configuration's alerts that reach nobody."""
    problems, warnings = lint.unheard(specified(sections, shipped=True))
    return [f"{path}: {text}" for path, text in problems], [f"{path}: {text}" for path, text in warnings]


def test_an_alert_that_no_channel_accepts_is_a_problem(specified: Specified) -> None:
    """A rule, an objective and a raised severity that reach nobody are named; rules of the package are a warning."""
    rule = {"name": "paged", "metric": "system_cpu_usage_percent", "condition": ">", "threshold": 80}
    slo = {"name": "s", "objective": 99, "bad": 'csg.files.processed{outcome="error"}', "total": "csg.files.processed"}
    raising = {"name": "again", "condition": "retry_count", "threshold": 3, "target": "emergency"}
    problems, warnings = unheard(
        specified,
        service={"name": "shop"},
        alerting={"rules": [{**rule, "severity": "emergency"}]},
        notifications={"slack": {**SLACK, "severity_filter": ["critical"]}},
        escalation={"rules": [raising]},
        slos=[slo],
    )

    assert [problem.partition(",")[0] for problem in problems] == [
        "alerting.rules[0].severity: no channel accepts emergency",
        "slos[0]: no channel accepts warning",
        "escalation again: no channel accepts emergency",
    ]
    assert all("no channel accepts warning" in warning for warning in warnings)
    assert len(warnings) == len([rule for rule in bundle.SHIPPED if rule.severity == "warning"])


def test_an_escalation_to_a_receiver_is_heard(specified: Specified) -> None:
    """An alert that no channel accepts, and that reaches a receiver later, is no problem; no channel at all is a warning."""
    rule = {"name": "paged", "metric": "system_cpu_usage_percent", "condition": ">", "threshold": 80}
    late = {"condition": "time_based", "threshold": 5, "target": "boss", "severity_filter": ["emergency"]}
    problems, _ = unheard(
        specified,
        alerting={"rules": [{**rule, "severity": "emergency"}]},
        notifications={"slack": {**SLACK, "severity_filter": ["critical"]}},
        escalation={"rules": [{"name": "late", **late}], "receivers": {"boss": {"slack": SLACK}}},
    )

    assert problems == []
    assert unheard(specified, notifications={"slack": {"enabled": False}}) == (
        [],
        ["notifications: no channel is on: no person is notified, unless your own Alertmanager routes the alerts"],
    )


def test_a_window_that_mutes_urgent_alerts_is_named_with_its_hours(specified: Specified) -> None:
    """The warning has the severities, the hours, the days and the time zone; a filter without urgent ones has no warning."""
    window = {"name": "night", "condition": "time_window", "action": "suppress", "timezone": "Europe/Berlin"}
    night = {**window, "start": "22:00", "end": "06:00", "days": ["sat", "sunday"]}
    office = {**window, "name": "office", "threshold": "09:00-17:00", "severity_filter": ["info", "warning"]}
    loaded = load({"escalation": {"rules": [night, office]}}, environ={})
    spec = specified({"escalation": {"rules": [night, office]}})
    findings = list(lint.escalations(spec, loaded.config.escalation.rules, lambda _: True))

    assert [(rule.start, rule.end) for rule in spec.escalations] == [("22:00", "06:00"), ("09:00", "17:00")]
    ((path, text),) = findings
    assert path == "escalation.rules[0]"
    assert text.startswith(
        "mutes critical and emergency alerts, too: from 22:00 to 06:00 of the next day, saturday, sunday,"
    )
    assert text.endswith(" in Europe/Berlin; if these must reach people, set severity_filter to [info, warning]")
