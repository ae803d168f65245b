"""The parameters of a check in a file: converted to the types of the check, each mistake reported before anything runs."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from csg_otel.config import load
from csg_otel.errors import HealthDefinitionError
from csg_otel.health import builtin
from csg_otel.health.checks import TYPES, check_type
from csg_otel.health.definition import Check


def built(checks: dict[str, Any], environ: dict[str, str] | None = None) -> dict[str, Check]:
    """Return the checks of these settings by name."""
    loaded = load({"health_monitoring": {"checks": checks}}, environ=environ or {})
    return {check.name: check for check in builtin.build(loaded.config.health_monitoring)}


def mistake(kind: str, parameters: dict[str, Any]) -> str:
    """Return the only problem of a check with these *parameters*."""
    with pytest.raises(HealthDefinitionError) as caught:
        built({"mine": {"type": kind, **parameters}})
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("kind", "parameters", "expected"),
    [
        ("http", {"url": 5}, "url: 5 is not text"),
        ("http", {"url": "http://h:port"}, "not an http or https URL"),
        ("http", {"url": "http://h", "timeout_s": "soon"}, "timeout_s: 'soon' is not a duration"),
        ("http", {"url": "http://h", "timeout_s": -1}, "timeout_s: must be above 0 s; -1 was given"),
        ("http", {"url": "http://h", "headers": "a: b"}, "headers: not a mapping (name: value)"),
        ("http", {"url": "http://h", "warning_s": 2, "critical_s": 1}, "warning_s 2 is above critical_s (1)"),
        ("tls", {"address": "h:443", "warning_days": 5}, "warning_days 5 is below critical_days (7)"),
        ("tls", {"address": "h:443", "warning_days": "10:"}, "warning_days: '10:' is not a number"),
        ("tcp", {"address": "h:99999"}, "'h:99999' is not host:port"),
        ("imports", {"modules": "json"}, "modules: 'json' is not a list"),
        ("python_environment", {"minimum": 3.10}, "minimum: 3.1 is not text"),
        ("cpu", {"warning_threshold": [1]}, "warning_threshold: a list is not a number"),
        ("cpu", {"warning_threshold": 97}, "warning_threshold 97 is above critical_threshold (95)"),
        (
            "operation",
            {"operation": "x", "warning_s": 1, "minimum_calls": 0},
            "minimum_calls: must be above 0; 0 was given",
        ),
        ("functional", {"function": "nowhere"}, "function: 'nowhere' is not module:function"),
        ("thread_pool", {"pool": "nowhere"}, "pool: 'nowhere' is not module:function"),
        ("redis", {"url": "redis://h:port"}, "url is not a redis"),
        ("database", {"url": "postgresql://h:port/x"}, "the port in url is not a number from 1 to 65535"),
    ],
)
def test_a_mistake_in_a_parameter_is_reported(kind: str, parameters: dict[str, Any], expected: str) -> None:
    """With the check, the parameter, and what would be right."""
    problem = mistake(kind, parameters)

    assert expected in problem
    assert f"check 'mine' of type {kind}: " in problem


@pytest.mark.parametrize("kind", sorted(TYPES))
@pytest.mark.parametrize("value", [[{"a": 1}], {"a": [1]}, True, "a\nb", 1e400])
def test_no_value_of_a_file_ends_in_a_traceback(kind: str, value: Any) -> None:
    """For every parameter of every type: a check, or a word about it."""
    for parameter in check_type(kind).__dataclass_fields__:
        with suppress(HealthDefinitionError):
            built({"mine": {"type": kind, "parameters": {parameter: value}}})


def test_the_seeds_sections_tell_all_their_mistakes_together() -> None:
    """Each with its section, kind and place, because the target may be a secret."""
    with pytest.raises(HealthDefinitionError) as caught:
        built(
            {"dependencies": {"apis": ["ftp://x", {"url": "http://x", "ulr": 1}], "tcp": ["db"], "packages": ["a>~1"]}}
        )

    message = str(caught.value)
    assert "dependencies: http 1: url is not an http" in message
    assert "dependencies: http 2: unknown parameter 'ulr' (did you mean 'url'?)" in message
    assert "dependencies: tcp 1: address 'db' is not host:port" in message
    assert "python_environment: 'a>~1' is not a requirement" in message


def test_values_become_what_the_check_takes() -> None:
    """Text from the environment as numbers, durations, lists as lists, secrets in headers as text."""
    parameters = {
        "type": "http",
        "url": "http://h",
        "timeout_s": "${T}",
        "warning_s": "200ms",
        "expected_status": [200, "3xx"],
        "headers": {"authorization": "Bearer ${TOKEN}"},
    }
    probe: Any = built({"mine": parameters}, {"T": "3", "TOKEN": "s3cret"})["mine"].function

    assert (probe.timeout_s, probe.warning_s) == (3.0, 0.2)
    assert list(probe.expected_status) == [200, "3xx"]
    assert probe.headers == {"authorization": "Bearer s3cret"}


@pytest.mark.parametrize(
    ("times", "deadlines"),
    [
        ({}, (None, 5.0)),
        ({"timeout": 9}, (9.0, 9.0)),
        ({"timeout_s": 9}, (10.0, 9.0)),
        ({"timeout": 3, "timeout_s": 2}, (3.0, 2.0)),
    ],
)
def test_one_deadline_is_enough(times: dict[str, Any], deadlines: tuple[float | None, float]) -> None:
    """`timeout` is the check's own timeout too; `timeout_s` alone leaves the run a second more to report what timed out."""
    check = built({"mine": {"type": "http", "url": "http://h", **times}})["mine"]
    probe: Any = check.function

    assert (check.timeout_s, probe.timeout_s) == deadlines
