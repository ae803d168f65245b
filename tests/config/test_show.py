"""What is printed can be read back, and never shows a secret."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from csg_otel.config import Config, load
from csg_otel.config.sections.secret import MASK
from csg_otel.config.show import flatten, lines

names = st.text(min_size=1, max_size=8)
conditions = st.sampled_from(["<", ">=", "equals"])
rules = st.fixed_dictionaries({"metric": names, "condition": conditions, "threshold": st.integers()})
destinations = st.fixed_dictionaries({"timeout": st.integers(1, 9)})
checks = st.dictionaries(names.map("x".__add__), st.just({"type": "tcp", "host": "h"}), max_size=2)
sources = st.fixed_dictionaries(
    {},
    optional={
        "service": st.fixed_dictionaries({"name": names, "attributes": st.dictionaries(names, names)}),
        "alerting": st.fixed_dictionaries({"rules": st.lists(rules, max_size=3)}),
        "exporters": st.fixed_dictionaries({"otlp": st.lists(destinations, max_size=3)}),
        "health_monitoring": st.fixed_dictionaries({"checks": checks}),
    },
)


@given(sources)
def test_what_is_shown_can_be_read_back(source: dict[str, Any]) -> None:
    """Reading the printed lines back as arguments gives the same configuration, where nothing in it is a credential."""
    for at, rule in enumerate(source.get("alerting", {}).get("rules", ())):
        rule["name"] = f"rule {at}"
    config = load(source, environ={}).config
    shown = lines(config)
    assume(not any(MASK in line for line in shown))  # Hypothesis also draws names such as SECRET, from the source code
    code = {}
    for line in shown:
        key, _, value = line.partition("   # no effect")[0].partition(" = ")
        while value and not _is_json(value):  # the separator was part of a quoted key
            more, _, value = value.partition(" = ")
            key = f"{key} = {more}"
        code[key] = json.loads(value)

    assert load({}, environ={}, code=code).config == config


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@given(st.uuids().map(str))
def test_no_secret_is_shown(secret: str) -> None:
    """Secrets, credentials in headers and passwords in URLs are printed as stars."""
    source = {
        "notifications": {"slack": {"webhook_url": secret}, "webhook": {"headers": {"Authorization": secret}}},
        "security": {"api_auth": {"tokens": [secret]}},
        "exporters": {"otlp": [{"endpoint": f"http://user:{secret}@host", "headers": {"x-api-key": secret}}]},
        "health_monitoring": {"checks": {"db": {"type": "database", "url": f"postgresql://u:{secret}@db/x"}}},
    }
    shown = "\n".join(lines(load(source, environ={}).config))

    assert secret not in shown
    assert shown.count("***") == 6


def test_a_secrets_repr_is_stars_in_the_whole_configuration() -> None:
    """Printing a Config, as a debugger or a failed assertion does, shows no secret."""
    config = load({}, environ={"SLACK_WEBHOOK_URL": "hunter2"}).config

    assert "hunter2" not in f"{config} {config!r}"


def test_an_origin_is_printed_behind_its_value() -> None:
    """The line is the specification's."""
    loaded = load({}, environ={"PROMETHEUS_PORT": "9100"})

    assert "system_monitoring.prometheus.port = 9100   # environment: PROMETHEUS_PORT" in lines(
        loaded.config, loaded.origins
    )


def test_every_value_is_shown_once() -> None:
    """Every value of the configuration has one key, and an origin."""
    loaded = load({}, environ={})

    assert flatten(Config()).keys() == loaded.origins.keys()
    assert set(loaded.origins.values()) == {"default"}
