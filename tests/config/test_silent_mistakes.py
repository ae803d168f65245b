"""Mistakes in rules, objectives and channels that would pass in silence, or compile to a file that a backend refuses."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from csg_otel.config import load_lenient
from csg_otel.config.expressions import re2_mistake
from support.patterns import BOTH

UP: dict[str, Any] = {"name": "a", "metric": "up", "condition": ">", "threshold": 1}
NOTHING = "has nothing behind its '-'; write a value, or remove the line"
NO_TEXT = "has no text, and it can't be left out; write one"


def problems(config: dict[str, Any]) -> tuple[str, ...]:
    """Return the problems of *config*."""
    return load_lenient(config, environ={"EMPTY": ""}).problems


def rule(**settings: Any) -> dict[str, Any]:
    """Return a configuration with one rule that has these settings, and none for None."""
    return {"alerting": {"rules": [{key: value for key, value in {**UP, **settings}.items() if value is not None}]}}


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (rule(name=""), f"alerting.rules[0].name: {NO_TEXT}"),
        (rule(name="${EMPTY:-}"), f"alerting.rules[0].name: {NO_TEXT}"),
        (rule(**{"and": [None]}), f"alerting.rules[0].and[0]: {NOTHING}"),
        (rule(unless=[None]), f"alerting.rules[0].unless[0]: {NOTHING}"),
        ({"alerting": {"rules": [UP, None]}}, f"alerting.rules[1]: {NOTHING}"),
        ({"notifications": {"channels": [None]}}, f"notifications.channels[0]: {NOTHING}"),
        ({"alerting": {"selector": 'job=~"shop.*"'}}, 'write job, service_name, or job="shop-web"'),
        (
            rule(threshold=None, levels={"critical": 90}),
            "levels: has one level; add another, or write threshold: 90 and",
        ),
        (
            rule(threshold=None, levels={"critical": 90, "warning": 80}, severity="info"),
            "severity: has no effect beside 'levels'",
        ),
        (
            rule(threshold=None, condition=None, outside=[2, 2]),
            "outside: has the limit 2 twice; write two, or condition: '!=' and threshold: 2",
        ),
        (
            rule(threshold=None, condition=None, metric=None, promql="up > 5", no_data="alert"),
            "no_data: can't tell missing data from a false condition",
        ),
        (rule(keep_firing_for="100000000d"), "longer than 100 years, which no backend takes; write less, such as 30d"),
        (rule(window=0.0001), "window: must be at least 0.001 s"),
        (
            {"slos": [{"name": "s", "objective": 0.99, "good": "a", "total": "b"}]},
            "objective: 0.99 is less than 1 %, and an objective is in percent; write 99",
        ),
    ],
)
def test_a_mistake_says_what_to_write(config: dict[str, Any], says: str) -> None:
    """Each is one problem at its place."""
    (problem,) = problems(config)

    assert says in problem


def test_problems_behind_a_dropped_item_have_their_own_line(tmp_path: Path) -> None:
    """An item that is left out does not shift the places of those behind it."""
    path = tmp_path / "csg.yaml"
    path.write_text(
        "alerting:\n  rules:\n    - {name: ''}\n    -\n"
        "    - {name: b, metric: up, threshold: 3, outside: [1, 2]}\n    - {name: b, metric: up, outside: [1, 2]}\n"
    )

    lines = [problem.partition(f"{path}:")[2].partition(":")[0] for problem in load_lenient(path, environ={}).problems]
    assert lines == ["3", "4", "5", "6"]


@pytest.mark.parametrize("channels", [[], [{"name": "x", "type": "slack", "webhook_url": "${HOOK}"}]])
def test_an_escalation_to_a_severity_is_valid_beside_named_channels(channels: list[dict[str, str]]) -> None:
    """Without `escalation.receivers`, a severity stands for the channels that accept it."""
    escalation = {"name": "e", "condition": "time_based", "threshold": 15, "target": "emergency"}
    config = {"notifications": {"channels": channels}, "escalation": {"rules": [escalation]}}

    assert load_lenient(config, environ={"HOOK": "https://hooks.slack.example/x"}).problems == ()


@pytest.mark.parametrize("server", ["u:canary@host", "smtp://host"])
def test_an_account_in_the_mail_server_is_refused_and_not_printed(server: str) -> None:
    """The server is a host; an account has settings of its own."""
    channel = {"name": "m", "type": "email", "smtp_server": server, "recipients": ["a@x.org"]}
    (problem,) = problems({"notifications": {"channels": [channel]}})

    assert "smtp_server: is more than a host; write the host alone, and the account as username, password" in problem
    assert "canary" not in problem


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            r"a++b",
            r"a*+",
            r"a?+",
            r"a{2}+",
            r"(?>a)b",
            r"ab\Z",
            r"(a)?(?(1)b|c)",
            r"a(?#x)",
            "\\u00e9",
            r"\N{DIGIT ONE}",
        ),
        *(
            r"a{2000}",
            r"(a{100}){11}",
            r"a{,3}",
            r"(?=a)b",
            r"(?<!a)b",
            r"(a)\1",
            r"(?P<x>a)(?P=x)",
            r"(?x)a b",
            r"(?a:b)",
        ),
        *(r"\pL+", r"\p{Greek}", r"[\pL]", r"[[:alpha:]]+", r"\z", r"\Qa.b\E", r"[[a]", r"[a--b]", r"[\b]", r"\é"),
    ],
)
def test_what_only_python_or_only_re2_has_is_refused(pattern: str) -> None:
    """In filters and in routes, with a cure, and without a warning of Python's about its source."""
    routes = {"routes": [{"match": {"team": {"matches": pattern}}, "to": ["x"]}]}
    channel = {"name": "x", "type": "webhook", "url": "http://x/"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (of_filter,) = problems(rule(filters={"queue": {"matches": pattern}}))
        (of_route,) = problems({"notifications": {"channels": [channel], **routes}})

    assert re2_mistake(pattern) in of_filter
    assert re2_mistake(pattern) in of_route


@pytest.mark.parametrize("pattern", BOTH)
def test_what_both_have_is_accepted(pattern: str) -> None:
    """A pattern that Python and RE2 read alike is no mistake."""
    assert re2_mistake(pattern) == ""
    assert problems(rule(filters={"queue": {"matches": pattern}})) == ()
