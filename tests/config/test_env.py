"""Environment variables mean the settings they name."""

from __future__ import annotations

import pytest

from csg_otel.config import load, load_lenient
from csg_otel.config.show import flatten
from csg_otel.config.walk import leaves

VARIABLES = {
    "ENABLE_HEALTH_MONITORING": ("false", "health_monitoring.enabled", False),
    "HEALTH_CHECK_INTERVAL": ("31", "health_monitoring.check_interval", 31.0),
    "DISABLE_HEALTH_CHECKS": ("yes", "health_monitoring.bypass", True),
    "ENABLE_SYSTEM_MONITORING": ("0", "system_monitoring.enabled", False),
    "METRICS_COLLECTION_INTERVAL": ("11", "system_monitoring.collection_interval", 11.0),
    "PROMETHEUS_ENABLED": ("OFF", "system_monitoring.prometheus.enabled", False),
    "PROMETHEUS_PORT": ("9100", "system_monitoring.prometheus.port", 9100),
    "ENABLE_ALERTING": ("no", "alerting.enabled", False),
    "SMTP_SERVER": ("mail", "notifications.email.smtp_server", "mail"),
    "ALERT_EMAIL_RECIPIENTS": ("a@b,c@d", "notifications.email.recipients", ("a@b", "c@d")),
    "MONITORING_DASHBOARD_PORT": ("81", "dashboard.port", 81),
    "DASHBOARD_REFRESH_INTERVAL": ("6", "dashboard.refresh_interval", 6.0),
    "LOG_LEVEL": ("DEBUG", "logging.level", "debug"),
    "OTEL_SERVICE_NAME": ("shop", "service.name", "shop"),
    "OTEL_SDK_DISABLED": ("true", "disabled", True),
    "OTEL_BSP_SCHEDULE_DELAY": ("250", "exporters.queue.delay", 0.25),
    "OTEL_BSP_MAX_QUEUE_SIZE": ("4096", "exporters.queue.max_items", 4096),
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": ("64", "exporters.queue.batch_size", 64),
    "OTEL_METRIC_EXPORT_INTERVAL": ("60000", "exporters.metric_interval", 60.0),
    "OTEL_EXPORTER_PROMETHEUS_PORT": ("9464", "system_monitoring.prometheus.port", 9464),
    "CSG_OTEL_EXPORTERS_SPOOL_DIRECTORY": ("/x", "exporters.spool.directory", "/x"),
}


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_a_variable_sets_its_setting(name: str) -> None:
    """Variables of the monitoring guide, of OpenTelemetry and of csg_otel reach their setting and are its origin."""
    text, key, value = VARIABLES[name]
    loaded = load({}, environ={name: text})

    assert flatten(loaded.config)[key] == value
    assert loaded.origins[key] == f"environment: {name}"


def test_mail_is_switched_on_by_its_variable() -> None:
    """EMAIL_ALERTS_ENABLED switches mail on, together with what mail needs."""
    environ = {"EMAIL_ALERTS_ENABLED": "1", "SMTP_SERVER": "mail", "ALERT_EMAIL_RECIPIENTS": "a@b"}

    assert load({}, environ=environ).config.notifications.email.enabled is True


def test_a_slack_variable_switches_slack_on_unless_the_file_says_no() -> None:
    """SLACK_WEBHOOK_URL is a secret and switches Slack on; `enabled: false` in the file is stronger."""
    environ = {"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/x"}
    slack = load({}, environ=environ).config.notifications.slack

    assert slack.enabled
    assert slack.webhook_url is not None
    assert slack.webhook_url.reveal() == environ["SLACK_WEBHOOK_URL"]
    off = load({"notifications": {"slack": {"enabled": False}}}, environ=environ)
    assert not off.config.notifications.slack.enabled


def test_an_empty_variable_is_unset() -> None:
    """An empty variable changes nothing."""
    assert load({}, environ=dict.fromkeys(VARIABLES, "")).config == load({}, environ={}).config


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CSG_OTEL_SYSTEM_MONITORING_PROMETHEUS_ENABLED", "perhaps"),
        ("CSG_OTEL_EXPORTERS_QUEUE_DELAY", "soon"),
        ("CSG_OTEL_LOGGING_LEVEL", "loud"),
    ],
)
def test_a_problem_names_its_variable(name: str, text: str) -> None:
    """What a variable of this package can't mean is an error that names it."""
    (problem,) = load_lenient({}, environ={name: text}).problems

    assert problem.startswith(f"variable {name}: ")


def test_resource_attributes_are_decoded() -> None:
    """OTEL_RESOURCE_ATTRIBUTES is percent-decoded and merged over the file's; OTEL_SERVICE_NAME wins over it."""
    text = "service.name=a,service.version=2,deployment.environment.name=prod,team.name=x%2Cy%20z"
    source = {"service": {"attributes": {"region": "eu", "team.name": "old"}}}
    service = load(source, environ={"OTEL_RESOURCE_ATTRIBUTES": text, "OTEL_SERVICE_NAME": "b"}).config.service

    assert (service.name, service.version, service.environment) == ("b", "2", "prod")
    assert service.attributes == {"region": "eu", "team.name": "x,y z"}


@pytest.mark.parametrize(
    ("sampler", "argument", "ratio", "parent_based"),
    [
        ("always_on", None, 1.0, False),
        ("always_off", "0.5", 0.0, False),
        ("traceidratio", "0.25", 0.25, False),
        ("parentbased_always_on", None, 1.0, True),
        ("parentbased_always_off", None, 0.0, True),
        ("PARENTBASED_TRACEIDRATIO", "0.1", 0.1, True),
        ("traceidratio", None, 1.0, False),
    ],
)
def test_samplers(sampler: str, argument: str | None, ratio: float, parent_based: bool) -> None:
    """OTEL_TRACES_SAMPLER and its argument have the meaning of the specification."""
    environ = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument or ""}
    sampling = load({}, environ=environ).config.sampling

    assert (sampling.ratio, sampling.parent_based) == (ratio, parent_based)


@pytest.mark.parametrize("sampler", ["always_off", "parentbased_always_off"])
def test_off_keeps_neither_failed_nor_slow_spans(sampler: str) -> None:
    """A sampler that is off is stronger than the exceptions that the file makes."""
    source = {"sampling": {"always_keep_errors": True, "slower_than": 2}}
    sampling = load(source, environ={"OTEL_TRACES_SAMPLER": sampler}).config.sampling

    assert (sampling.always_keep_errors, sampling.slower_than) == (False, None)


@pytest.mark.parametrize(
    ("text", "level"),
    [("trace", "debug"), ("VERBOSE", "debug"), ("0", "debug"), ("20", "info"), ("25", "warning"), ("60", "critical")],
)
def test_a_log_level_may_be_written_as_others_write_it(text: str, level: str) -> None:
    """Words of other logging libraries, and the numbers of Python's `logging`."""
    loaded = load({}, environ={"LOG_LEVEL": text})

    assert (loaded.config.logging.level, loaded.warnings) == (level, ())


def test_a_misspelt_variable_of_ours_is_warned_about() -> None:
    """A CSG_OTEL_ variable that is no setting results in a warning, unless the file contains it."""
    environ = {"CSG_OTEL_LOGING_LEVEL": "debug"}

    assert "did you mean 'CSG_OTEL_LOGGING_LEVEL'?" in load({}, environ=environ).warnings[0]
    assert load({"service": {"name": "${CSG_OTEL_LOGING_LEVEL}"}}, environ=environ).warnings == ()


def test_no_variable_sets_two_settings() -> None:
    """Every variable belongs to one setting."""
    names = [name for leaf in leaves() for name in leaf.variables]

    assert sorted(names) == sorted(set(names))
