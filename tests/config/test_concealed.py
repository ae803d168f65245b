"""A secret that a program passes in code is hidden: in a section of its own, in any container, and in a mistake's message."""

from __future__ import annotations

import dataclasses
import json
import pickle
import traceback
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from csg_otel.config import load, load_lenient
from csg_otel.config.root import ConfigRoot
from csg_otel.config.sections.alerting import Alerting
from csg_otel.config.sections.channels import EmailChannel, PagerDutyChannel, SlackChannel, WebhookChannel
from csg_otel.config.sections.concealed import WithSecrets, may_be_secret
from csg_otel.config.sections.exporters import DatadogExporter, OtlpExporter
from csg_otel.config.sections.fields import default_of, is_section, settings_of
from csg_otel.config.sections.health_monitoring import CheckDefinition, Dependencies
from csg_otel.config.sections.integrations import DatadogAccount, ElasticApm, Grafana, NewRelic
from csg_otel.config.sections.secret import Secret, SecretUrl
from csg_otel.config.sections.security import ApiAuth
from csg_otel.config.show import flatten, lines, printable
from csg_otel.config.walk import every, kinds

CANARY = "c4nary-Pw5s"
URL = f"https://user:{CANARY}@host.example:9"
BEARER = f"Bearer {CANARY}"

MADE: dict[str, Callable[[], Any]] = {
    "a tuple of addresses": lambda: Alerting(alertmanagers=("https://plain.example", URL)),
    "a list of addresses": lambda: Alerting(alertmanagers=[URL]),  # type: ignore[arg-type]
    "a set of addresses": lambda: Alerting(alertmanagers={URL}),  # type: ignore[arg-type]
    "a text in place of a list": lambda: Alerting(alertmanagers=URL),  # type: ignore[arg-type]
    "a tuple of tokens": lambda: ApiAuth(tokens=(CANARY,)),  # type: ignore[arg-type]
    "a text in place of tokens": lambda: ApiAuth(tokens=CANARY),  # type: ignore[arg-type]
    "headers": lambda: OtlpExporter(headers={"X-Team": "ops", "Authorization": BEARER}),
    "a text in place of headers": lambda: OtlpExporter(headers=f"Authorization={CANARY}"),  # type: ignore[arg-type]
    "headers of a webhook": lambda: WebhookChannel(headers={"X-Api-Key": CANARY}),
    "a webhook": lambda: WebhookChannel(url=f"https://hooks.example/services/{CANARY}"),
    "a webhook of Slack": lambda: SlackChannel(webhook_url=CANARY),  # type: ignore[arg-type]
    "a password": lambda: EmailChannel(password=CANARY),  # type: ignore[arg-type]
    "a key of PagerDuty": lambda: PagerDutyChannel(integration_key=CANARY),  # type: ignore[arg-type]
    "keys of Datadog": lambda: DatadogAccount(api_key=CANARY, app_key=CANARY),  # type: ignore[arg-type]
    "a key of Datadog's exporter": lambda: DatadogExporter(api_key=CANARY),  # type: ignore[arg-type]
    "a key of Grafana": lambda: Grafana(api_key=CANARY),  # type: ignore[arg-type]
    "a key of New Relic": lambda: NewRelic(license_key=CANARY),  # type: ignore[arg-type]
    "a token of Elastic": lambda: ElasticApm(secret_token=CANARY),  # type: ignore[arg-type]
    "a database": lambda: Dependencies(databases=(f"postgresql://u:{CANARY}@h/d",)),
    "a target with headers": lambda: Dependencies(apis=({"url": "http://h", "headers": {"Cookie": CANARY}},)),
    "a parameter": lambda: CheckDefinition(type="redis", parameters={"url": f"redis://:{CANARY}@h"}),
    "a parameter by its name": lambda: CheckDefinition(type="http", parameters={"x": [{"api_key": CANARY}]}),
}


@pytest.mark.parametrize("name", MADE)
def test_a_section_made_in_code_shows_no_secret(name: str) -> None:
    """Neither its repr, a copy, a dict, a traceback with locals nor a pickle has the text; equal sections stay equal."""
    section = MADE[name]()
    try:
        raise ValueError(str(section))
    except ValueError as error:
        trace = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    printed = [
        repr(section),
        trace,
        repr(dataclasses.replace(section)),
        json.dumps(dataclasses.asdict(section), default=repr),
    ]

    assert CANARY not in "\n".join(printed)
    assert section == MADE[name]()
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(section)


@pytest.mark.parametrize("name", MADE)
def test_a_whole_configuration_from_code_shows_no_secret(name: str) -> None:
    """Its problems, its warnings and the configuration that results have none of it."""
    section = MADE[name]()
    places = {Alerting: "alerting", ApiAuth: "security.api_auth", OtlpExporter: "exporters.otlp"}
    place = places.get(type(section))
    if place is None:
        return
    given = [section] if place == "exporters.otlp" else section
    loaded = load_lenient({}, environ={}, code={place: given})

    assert CANARY not in " ".join((repr(loaded.config), *loaded.problems, *loaded.warnings))


def test_what_is_no_secret_stays_text() -> None:
    """Other headers, plain addresses and parameters are read as they were passed."""
    exporter = OtlpExporter(endpoint="http://h:4317", headers={"X-Team": "ops", "Authorization": BEARER})
    check = CheckDefinition(type="http", parameters={"url": "http://h/x", "expected_status": 204})

    assert (exporter.endpoint, exporter.headers["X-Team"]) == ("http://h:4317", "ops")
    assert exporter.headers["Authorization"] == Secret(BEARER)
    assert check.parameters == {"url": "http://h/x", "expected_status": 204}
    assert WebhookChannel(url="https://h.example/hooks/alerts").url == "https://h.example/hooks/alerts"
    assert Alerting(alertmanagers=(URL,)).alertmanagers == (SecretUrl(URL),)


def test_every_section_with_a_secret_hides_it() -> None:
    """A new setting that may be a secret, or open parameters, puts its section on the list."""
    sections = {leaf.owner for leaf in every()} | {ConfigRoot}
    holding = {
        section
        for section in sections
        for _, item, declared in settings_of(section)
        if declared.free == "extra"
        or (not _nests(kinds(section)[item.name]) and may_be_secret(kinds(section)[item.name]))
    }

    assert len(holding) >= 13
    assert {section.__name__ for section in holding if not issubclass(section, WithSecrets)} == set()


def _nests(kind: Any) -> bool:
    return is_section(kind) or any(_nests(part) for part in getattr(kind, "__args__", ()) if part is not ...)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_a_line_break_at_the_end_of_a_secret_from_code_is_taken_off(end: str) -> None:
    """As for one of a variable: it could not be sent in a header."""
    config = load({}, environ={}, code={"integrations.grafana.api_key": Secret(f"glsa{end}")}).config
    address = load({}, environ={}, code={"integrations.grafana.dashboard_url": SecretUrl(URL + end)}).config

    assert config.integrations.grafana.api_key == Secret("glsa")
    assert address.integrations.grafana.dashboard_url == SecretUrl(URL)


def test_a_control_character_in_a_secret_from_code_is_a_problem() -> None:
    """It would end the header, and the text behind it would be another header."""
    (problem,) = load_lenient({}, environ={}, code={"security.api_auth.tokens": [Secret(f"{CANARY}\r\nX: y")]}).problems

    assert "control character" in problem
    assert CANARY not in problem


@pytest.mark.parametrize(
    "text",
    [
        f"security: {{api_auth: {{tokens: {CANARY}}}}}",
        f"security: {{api_auth: {CANARY}}}",
        f"notifications: {{slack: 'https://hooks.slack.com/services/T0/B0/{CANARY}'}}",
        f"notifications: {{webhook: {{headers: 'Authorization: {CANARY}'}}}}",
        f"notifications: {CANARY}",
        f"exporters: {{otlp: [{{headers: 'api-key={CANARY}'}}]}}",
        f"exporters: {{datadog: {CANARY}}}",
        f"integrations: {{grafana: {CANARY}}}",
        f"notifications: {{email: {{enabled: true, password: {{{CANARY}: 1}}}}}}",
        f"notifications: {{email: {{enabled: true, password: [{CANARY}]}}}}",
        f"notifications: {{email: {{enabled: true, password: 'a${{{CANARY} x}}'}}}}",
        f"notifications: {{email: {{enabled: true, password: 'a${{{CANARY}'}}}}",
    ],
)
def test_a_secret_in_the_wrong_form_is_not_quoted(text: str, tmp_path: Path) -> None:
    """The problem has the place and what to write, without the text."""
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    problems = load_lenient("c.yaml", environ={}, cwd=tmp_path).problems

    assert problems
    assert all(problem.startswith("c.yaml:1:") for problem in problems)
    assert CANARY not in " ".join(problems)


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("apis", f"https://host.example/hooks/{CANARY}"),
        ("apis", f"https://host.example/x?sig={CANARY}"),
        ("apis", f"https://host.example/x?unheard_of={CANARY}"),
        ("databases", f"host=h user=u password={CANARY}"),
        ("databases", f"u:{CANARY}@h/d"),
        ("tcp", f"u:{CANARY}@h:80"),
    ],
)
@pytest.mark.parametrize("made", ["file", "section"])
def test_a_target_with_a_credential_is_hidden(kind: str, target: str, made: str) -> None:
    """A token in a path, any query, a connection string of a driver, and a user without a scheme; the check gets all of it."""
    if made == "file":
        source = {"health_monitoring": {"checks": {"dependencies": {kind: [target]}}}}
        config = load(source, environ={}).config
        section = config.health_monitoring.checks.dependencies
        assert CANARY not in repr(config) + "\n".join(lines(config))
    else:
        section = Dependencies(**{kind: (target,)})  # type: ignore[arg-type]

    (hidden,) = getattr(section, kind)
    assert CANARY not in repr(section)
    assert hidden.reveal() == target


@pytest.mark.parametrize(
    "parameters",
    [
        {"body": f'{{"password": "{CANARY}"}}'},
        {"headers": [f"Authorization: Bearer {CANARY}"]},
        {"headers": {"X-Honeycomb-Team": CANARY}},
    ],
)
def test_a_parameter_with_a_credential_is_hidden(parameters: dict[str, Any]) -> None:
    """A password in a body, a header in the wrong form, and the header of a service whose name says nothing."""
    check = {"type": "http", "url": "http://h", "method": "POST", **parameters}
    config = load({"health_monitoring": {"checks": {"shop": check}}}, environ={}).config

    assert CANARY not in repr(config) + "\n".join(lines(config))
    assert CANARY not in repr(CheckDefinition(type="http", parameters=parameters))


@pytest.mark.parametrize(
    "text", ["https://h.example/api/v2/health", "h:80", "http://[::1]:9/x", "a=b", "user@host", "no: pair"]
)
def test_an_ordinary_target_stays_text(text: str) -> None:
    """It is printed as it is."""
    assert Dependencies(apis=(text,)).apis == (text,)


def test_an_attribute_whose_name_is_a_secrets_is_not_printed() -> None:
    """`config show` has no `db.password` of OTEL_RESOURCE_ATTRIBUTES."""
    config = load({}, environ={"OTEL_RESOURCE_ATTRIBUTES": f"db.password={CANARY},team=shop"}).config

    assert CANARY not in "\n".join(lines(config))
    assert '"team": "shop"' in "\n".join(lines(config))


TEXTS = (
    f"https://user:{CANARY}@host.example/x",
    f"https://host.example/x?api_key={CANARY}",
    f"user:{CANARY}@host.example",
    f"password={CANARY}",
)


def _planted(kind: Any, text: str) -> Any:
    """Return *text* as a value of the type *kind*, with more in the keys of a mapping; None where there is no text in it."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind is str:
        return text
    if kind is Any:
        return {"api_key": CANARY, "list": [text], "client": {"secret": [CANARY, 12_345_678]}}
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        inner = _planted(parts[1], text)
        return None if inner is None else {"url": inner, "x-api-key": CANARY, text: "x"}
    if origin is tuple:
        inner = _planted(parts[0], text)
        return None if inner is None else (inner,)
    return next((value for part in parts if (value := _planted(part, text)) is not None), None)


@pytest.mark.parametrize("text", TEXTS)
def test_no_setting_shows_a_credential_in_its_text(text: str) -> None:
    """Every setting of any section that takes text or a mapping is printed without it, by ``repr`` and by `config show`."""
    sections = {leaf.owner for leaf in every()} - {ConfigRoot}
    planted = 0
    for section in sections:
        for _, item, declared in settings_of(section):
            value = None if is_section(kinds(section)[item.name]) else _planted(kinds(section)[item.name], text)
            if value is None or declared.free == "names":
                continue
            required = {
                other.name: "x" for _, other, _ in settings_of(section) if default_of(other) is dataclasses.MISSING
            }
            made = section(**{**required, item.name: value})
            shown = [
                repr(made),
                printable(getattr(made, item.name)),
                *(f"{k} {printable(v)}" for k, v in flatten(made).items()),
            ]
            planted += 1
            assert CANARY not in "".join(shown), f"{section.__name__}.{item.name}"
            assert "12345678" not in "".join(shown), f"{section.__name__}.{item.name}"

    assert planted >= 60
