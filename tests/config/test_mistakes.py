"""
One bad file per mistake in testdata/, named by the mistake; each yields exactly one problem, at its place.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from csg_otel.config import load, load_lenient
from csg_otel.errors import ConfigError

TESTDATA = Path(__file__).parent / "testdata"
# ruff: noqa: E501 - a table, one mistake a line
MISTAKES = {
    "a_list": "1:1: a configuration is a mapping",
    "alias_bomb": "1:32: more than 20000 values; aliases that multiply are refused",
    "alias_of_itself": "1:7: nested deeper than 64, or an alias that contains itself",
    "broken_substitution": "2:3: service.name: '${not a name}' is not ${NAME}, ${NAME:-default} or ${file:PATH}",
    "duplicate_key": "3:3: alerting.enabled: given twice (first at line 2, column 3)",
    "duplicate_rule": "4:6: alerting.rules[1].name: the name 'a' is given twice",
    "literal_authorization": "4:7: notifications.webhook.headers.Authorization: a secret must not be written in the file",
    "literal_database_password": "5:11: health_monitoring.checks.dependencies.databases[0]: a secret must not be written in the file",
    "literal_secret": "3:5: notifications.slack.webhook_url: a secret must not be written in the file; write ${SLACK_WEBHOOK_URL}",
    "literal_secret_as_default": "3:14: security.api_auth.tokens[0]: a secret must not be written in the file",
    "missing_file": "2:3: service.name: the file not_here.txt can't be read: No such file or directory",
    "missing_recipients": "2:3: notifications.email: is enabled but has no 'recipients'",
    "missing_threshold": "3:5: alerting.rules[0]: 'threshold' is missing",
    "missing_type": "3:5: health_monitoring.checks.system_resource: a check of your own needs 'type', such as type: http (did you mean 'system_resources'?)",
    "negative_interval": "2:3: health_monitoring.check_interval: must be above 0 s; -1 was given",
    "not_a_boolean": "2:3: system_monitoring.enabled: 'maybe' is not a boolean",
    "not_a_duration": "2:3: health_monitoring.check_interval: 'often' is not a duration",
    "not_a_function": "4:7: health_monitoring.checks.application.functional: 'check' is not module:function",
    "not_a_list": "2:3: alerting.rules: 'many' is not a list",
    "not_a_mapping": "1:1: dashboard: true is not a mapping",
    "not_a_number": "3:5: notifications.email.smtp_port: 'many' is not a whole number",
    "not_a_regular_expression": "2:20: scrubbing.extra_patterns[0]: '(' is not a regular expression",
    "not_yaml": "2:8: not YAML: ",
    "out_of_range": "3:5: system_monitoring.prometheus.port: must be at least 0 and at most 65535; 70000 was given",
    "python_object": "2:3: service.name: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is refused",
    "thresholds_crossed": "4:7: health_monitoring.checks.system_resources.cpu_warning_threshold: 99 is above cpu_critical_threshold (95)",
    "unknown_condition": "5:5: alerting.rules[0].condition: 'greater' is not a condition (did you mean 'greater_than'?)",
    "unknown_key": "3:5: system_monitoring.prometheus.prot: unknown setting (did you mean 'port'?)",
    "unknown_key_in_an_environment": "4:7: environments.production.logging.levl: unknown setting (did you mean 'level'?)",
    "unknown_section": "1:1: helth_monitoring: unknown setting (did you mean 'health_monitoring'?)",
    "unknown_severity": "3:58: alerting.rules[0].severity: 'WARNIN' is not a severity (did you mean 'warning'?)",
    "unknown_target": "3:53: escalation.rules[0].target: 'emergncy' is not one of escalation.receivers (did you mean 'emergency'?)",
    "unset_variable": "2:3: service.name: the variable CSG_TEST_IS_NOT_SET is not set",
}


def test_every_bad_file_is_expected() -> None:
    """No bad file lies about without a promise."""
    assert sorted(path.stem for path in TESTDATA.glob("*.yaml")) == sorted(MISTAKES)


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
def test_a_mistake_is_one_located_problem(mistake: str) -> None:
    """A mistake is reported once, with line, column, key and what would be right."""
    loaded = load_lenient(f"{mistake}.yaml", environ={"KEY": "k"}, cwd=TESTDATA, strict=True)

    (problem,) = loaded.problems
    assert problem.startswith(f"{mistake}.yaml:{MISTAKES[mistake]}")


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
def test_a_mistake_raises(mistake: str) -> None:
    """`load` raises for every bad file what `load_lenient` reports."""
    with pytest.raises(ConfigError) as caught:
        load(f"{mistake}.yaml", environ={"KEY": "k"}, cwd=TESTDATA, strict=True)

    assert (
        caught.value.problems
        == load_lenient(f"{mistake}.yaml", environ={"KEY": "k"}, cwd=TESTDATA, strict=True).problems
    )


def test_a_problem_never_shows_a_secret() -> None:
    """The password of a literal database URL is not in its problem."""
    (problem,) = load_lenient("literal_database_password.yaml", environ={}, cwd=TESTDATA).problems

    assert "hunter2" not in problem
