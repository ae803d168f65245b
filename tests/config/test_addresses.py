"""An address with credentials is a secret, in whichever setting it is, and however it is printed."""

from __future__ import annotations

import dataclasses
import json
import pickle
import re
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.config import load, load_lenient
from csg_otel.config.sections.exporters import DatadogExporter, OtlpExporter
from csg_otel.config.sections.integrations import DatadogAccount, ElasticApm, Grafana, PrometheusPush
from csg_otel.config.sections.secret import Address, SecretUrl
from csg_otel.config.show import lines
from csg_otel.config.walk import every, without_none
from csg_otel.errors import ConfigError
from csg_otel.net import addresses

CANARY = "c4nary-Pw5s"
FORMS = {
    "password": f"https://user:{CANARY}@host.example:9",
    "user": f"https://{CANARY}@host.example:9",
    "query": f"https://host.example:9/v1?x={CANARY}",
    "fragment": f"https://host.example:9/v1#{CANARY}",
    "path": f"https://host.example:9/hooks/{CANARY}/alerts",
    "password with a slash": f"https://user:9/{CANARY}@host.example",
    "password with a number sign": f"https://user:9#{CANARY}@host.example",
}
SETTINGS = [
    f"{leaf.key} {leaf.variant}".strip()
    for leaf in every()
    if Address in (without_none(leaf.kind), *getattr(leaf.kind, "__args__", ()))
]
"""The settings by their keys; those of a channel with its type."""

CHANNELS: dict[str, dict[str, Any]] = {
    "telegram": {"bot_token": "${ADDRESS:-t}", "chat_id": 1},
    "opsgenie": {"api_key": "${ADDRESS:-t}"},
    "sns": {"topic_arn": "arn:aws:sns:eu-central-1:1:t"},
    "victorops": {"api_key": "${ADDRESS:-t}", "routing_key": "team"},
    "webex": {"token": "${ADDRESS:-t}", "room_id": "r"},
}


def _source(key: str, value: object) -> dict[str, Any]:
    """Return a file with *value* at the dotted *key*; ``[]`` becomes a list with one item."""
    key, _, kind = key.partition(" ")
    if kind:
        value = {"name": "a", "type": kind, **CHANNELS[kind], key.rpartition(".")[2]: value}
        key = key.rpartition(".")[0]
    for part in reversed(re.findall(r"\w+|\[\]", key)):
        value = [value] if part == "[]" else {part: value}
    return value  # type: ignore[return-value]


def _value(key: str, text: str) -> object:
    return [text] if key == "alerting.alertmanagers" else text


def test_the_settings_that_are_addresses() -> None:
    """The list is complete: a setting that holds the URL of a server is declared as an address."""
    assert sorted(SETTINGS) == [
        "alerting.alertmanagers",
        "exporters.datadog.endpoint",
        "exporters.otlp[].endpoint",
        "integrations.external_monitoring.datadog.api_url",
        "integrations.external_monitoring.elastic_apm.server_url",
        "integrations.grafana.dashboard_url",
        "integrations.prometheus.push_gateway",
        *(f"notifications.channels[].api_url {kind}" for kind in ("opsgenie", "sns", "telegram", "victorops", "webex")),
    ]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("key", SETTINGS)
def test_an_address_with_credentials_is_printed_without_them(key: str, form: str) -> None:
    """Neither `config show`, a repr, a traceback with locals, a warning, a problem nor a pickle has them."""
    loaded = load_lenient(_source(key, _value(key, "${ADDRESS}")), environ={"ADDRESS": FORMS[form]})
    config = loaded.config
    try:
        raise ValueError(str(config))
    except ValueError as error:
        trace = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    printed = [
        *lines(config, loaded.origins),
        repr(config),
        trace,
        repr(vars(config)),
        *loaded.warnings,
        *loaded.problems,
    ]
    printed.append(json.dumps(dataclasses.asdict(config), default=repr))

    assert CANARY not in "\n".join(printed).replace(f'FORMS = "{FORMS}"', "")
    if not loaded.problems and " with a " not in form:
        assert "host.example" in "\n".join(lines(config))
        with pytest.raises(TypeError, match="can't be pickled"):
            pickle.dumps(config)


@pytest.mark.parametrize("key", SETTINGS)
@pytest.mark.parametrize("form", ["password", "user"])
def test_credentials_in_the_file_are_a_warning_and_a_problem_in_production(tmp_path: Path, key: str, form: str) -> None:
    """The message says what to write instead, without the address."""
    (tmp_path / "c.yaml").write_text(json.dumps(_source(key, _value(key, FORMS[form]))))
    loaded = load_lenient("c.yaml", environ={}, cwd=tmp_path)
    strict = load_lenient("c.yaml", environ={}, cwd=tmp_path, strict=True)

    assert not loaded.problems
    assert [text for text in loaded.warnings if "a secret stands in the file" in text and "${" in text]
    assert [text for text in strict.problems if "a secret must not be written in the file" in text]
    assert CANARY not in " ".join((*loaded.warnings, *strict.problems))


def test_a_literal_password_is_always_a_problem_where_the_whole_url_is_a_secret(tmp_path: Path) -> None:
    """Webhooks, checks and headers, as docs/configuration.md says; the addresses of servers keep the warning (see above)."""
    url = FORMS["password"]
    sources: list[Any] = [
        {"notifications": {"slack": {"webhook_url": url}, "webhook": {"url": url}}},
        {"escalation": {"receivers": {"e": {"webhook": {"url": url}}}}},
        {"health_monitoring": {"checks": {"dependencies": {"apis": [url], "databases": [f"postgresql{url[5:]}"]}}}},
        {"health_monitoring": {"checks": {"a": {"type": "http", "url": url}, "b": {"type": "database", "dsn": url}}}},
        {"exporters": {"otlp": [{"endpoint": "https://h", "headers": {"x": url}}]}},
    ]
    for source, count in zip(sources, (2, 1, 2, 2, 1), strict=True):
        (tmp_path / "c.yaml").write_text(json.dumps(source))
        problems = load_lenient("c.yaml", environ={}, cwd=tmp_path).problems

        assert ["a secret must not be written in the file; write ${" in text for text in problems] == [True] * count


@pytest.mark.parametrize(
    "address",
    ["http://localhost:4318", "collector:4317", "https://otlp.example.com/v1/traces", "unix:///tmp/Some/9socket9.sock"],
)
def test_an_address_without_credentials_stays_text(address: str) -> None:
    """It is printed as it is, and it can be read from the configuration."""
    config = load({"exporters": {"otlp": [{"endpoint": address}]}}, environ={}).config

    assert config.exporters.otlp[0].endpoint == address
    assert f'exporters.otlp[0].endpoint = "{address}"' in lines(config)


def test_an_address_is_hidden_where_its_path_comes_from_a_variable() -> None:
    """The user kept that part out of the file, so it counts as a token."""
    source = {"integrations": {"grafana": {"dashboard_url": "https://h.example/${TENANT}/api"}}}
    url = load(source, environ={"TENANT": "blue"}).config.integrations.grafana.dashboard_url

    assert isinstance(url, SecretUrl)
    assert url.reveal() == "https://h.example/blue/api"


def test_an_address_in_a_variable_of_opentelemetry_is_hidden_too() -> None:
    """`OTEL_EXPORTER_OTLP_ENDPOINT` with a password configures a destination that prints none."""
    config = load({}, environ={"OTEL_EXPORTER_OTLP_ENDPOINT": FORMS["password"]}).config

    assert CANARY not in repr(config) + "\n".join(lines(config))
    assert '"https://***@host.example:9"' in "\n".join(lines(config))


def test_a_problem_shows_an_address_without_credentials(tmp_path: Path) -> None:
    """An address in the wrong setting is named by a problem, and its password or key is not."""
    for url in (FORMS["password"], FORMS["user"], f"https://host.example/?api_key={CANARY}"):
        (tmp_path / "c.yaml").write_text(f'system_monitoring: {{prometheus: {{port: "{url}"}}}}\n')
        (problem,) = load_lenient("c.yaml", environ={}, cwd=tmp_path).problems

        assert CANARY not in problem
        assert "host.example" in problem


texts = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.one_of(texts, texts.map("http://".__add__), st.tuples(texts, texts).map("@".join)))
def test_every_text_can_be_shown(text: str) -> None:
    """No text, however wrong as an address, makes the printing raise."""
    assert isinstance(addresses.shown(text, marked=True), str)
    assert addresses.holds_secret(text) in (True, False)


def test_a_path_is_appended_before_the_query() -> None:
    """A key in the query of an Alertmanager's address stays in its place."""
    assert addresses.below("http://u:p@h:9/p/?token=x", "/api/v2/alerts") == "http://u:p@h:9/p/api/v2/alerts?token=x"


@pytest.mark.parametrize("rest", [f"u:{CANARY}@host", f"u:{CANARY}/x@host", f"{CANARY}@host", f"host/?k={CANARY}"])
def test_a_problem_with_an_exporter_in_code_has_no_credentials(rest: str) -> None:
    """`instrument(exporters=[URL])` refuses credentials, and its message has none of them."""
    with pytest.raises(ConfigError) as raised:
        load({}, environ={}, code={"exporters": [f"otlp://{rest}"]})

    assert CANARY not in str(raised.value)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        (OtlpExporter, "endpoint"),
        (DatadogExporter, "endpoint"),
        (PrometheusPush, "push_gateway"),
        (Grafana, "dashboard_url"),
        (DatadogAccount, "api_url"),
        (ElasticApm, "server_url"),
    ],
)
def test_a_section_made_in_code_shows_no_credentials(section: Any, key: str) -> None:
    """Neither itself nor as a copy; an address without credentials stays text."""
    built = section(**{key: f"https://u:{CANARY}@host.example"})

    assert CANARY not in repr(built) + str(dataclasses.asdict(built)) + repr(dataclasses.replace(built))
    assert getattr(built, key).reveal() == f"https://u:{CANARY}@host.example"
    assert getattr(section(**{key: "https://host.example"}), key) == "https://host.example"
