"""A key that is no setting where it is: the message names the one that was meant, in the form in which it is written there."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from csg_otel.config import load_lenient
from csg_otel.config.sources.code import PARAMETERS
from csg_otel.sdk import instrument


def test_the_parameters_are_those_of_instrument() -> None:
    """Suggestions for a misspelt argument come from the real signature."""
    parameters = inspect.signature(instrument).parameters.values()

    assert tuple(each.name for each in parameters if each.kind is not each.VAR_KEYWORD) == PARAMETERS


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        ("port", "dashboard__port=' or 'system_monitoring__prometheus__port="),
        ("prometheus_port", "system_monitoring__prometheus__port="),
        ("host", "dashboard__host=' or 'system_monitoring__prometheus__host="),
        ("servce_name", "service_name"),
        ("name", "service_name="),
        ("exporter", "exporters"),
        ("onerror", "on_error"),
        ("handle_signal", "handle_signals"),
        ("sampling_ratio", "sampling__ratio="),
        ("log_level", "logging__level="),
    ],
)
def test_a_wrong_argument_has_the_right_one(argument: str, meant: str) -> None:
    """It is an argument of ``instrument()``, or the key of the file with ``__`` for its dots."""
    (problem,) = load_lenient({}, environ={}, code={argument: 1}).problems

    assert problem == f"argument {argument}: unknown setting (did you mean '{meant}'?)"


def test_an_argument_like_none_lists_the_parameters() -> None:
    """Without a likely one, the message says what there is."""
    (problem,) = load_lenient({}, environ={}, code={"zzzz": 1}).problems

    assert "known: auto, config, environment, exporters," in problem
    assert "with __ for each dot" in problem


@pytest.mark.parametrize(
    ("source", "meant"),
    [
        ({"exporters": {"prometheus": {"port": 1}}}, "'system_monitoring.prometheus' or 'integrations.prometheus'"),
        ({"prometheus": {"port": 1}}, "'system_monitoring.prometheus' or 'integrations.prometheus'"),
        ({"port": 1}, "'dashboard.port' or 'system_monitoring.prometheus.port'"),
        ({"service_name": "x"}, "'service.name'"),
        ({"system_monitoring": {"prometheus": {"prt": 1}}}, "'port'"),
        ({"exporters": {"consol": {}}}, "'console'"),
        ({"otlp": []}, "'exporters.otlp'"),
        ({"rules": []}, "'alerting.rules' or 'escalation.rules'"),
    ],
)
def test_a_key_in_the_wrong_section_has_the_right_one(source: dict[str, Any], meant: str) -> None:
    """A setting of the same name elsewhere is more likely than one that only looks alike."""
    (problem,) = load_lenient(source, environ={}).problems

    assert problem.endswith(f"unknown setting (did you mean {meant}?)")
