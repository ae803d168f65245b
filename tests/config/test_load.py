"""Precedence, origins, discovery and environments."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.config import Config, Secret, load, load_lenient
from csg_otel.errors import ConfigError

PORT = "system_monitoring.prometheus.port"
VARIABLE = "CSG_OTEL_SYSTEM_MONITORING_PROMETHEUS_PORT"
ports = st.none() | st.integers(1, 65535)


def section(path: str, value: object) -> dict[str, Any]:
    """Return *value* nested under the keys of *path*."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value  # type: ignore[return-value]


@given(code=ports, variable=ports, block=ports, base=ports)
def test_precedence(code: int | None, variable: int | None, block: int | None, base: int | None) -> None:
    """Per value: code over environment over the environment's block over the file's base over the default."""
    source: dict[str, Any] = {"environments": {"test": {}}}
    source.update(section(PORT, base) if base else {})
    source["environments"]["test"] = section(PORT, block) if block else {}
    environ = {"PROMETHEUS_PORT": str(variable)} if variable else {}
    loaded = load(source, environ=environ, code={PORT: code, "environment": "test"})

    assert loaded.config.system_monitoring.prometheus.port == (code or variable or block or base or 8081)


trees = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)


@given(base=trees, over=trees)
def test_merging_is_deep(base: object, over: object) -> None:
    """Merging keeps every key of both and takes the upper value where both have one."""
    from csg_otel.config.tree import DEFAULT, Node, from_plain, merge

    def plain(node: Node) -> object:
        return {key: plain(item) for key, item in node.value.items()} if isinstance(node.value, dict) else node.value

    def expected(low: object, high: object) -> object:
        if not (isinstance(low, dict) and isinstance(high, dict)):
            return high
        both = {key: expected(low[key], high[key]) for key in low.keys() & high.keys()}
        return {**low, **high, **both}

    merged = merge(from_plain(base, DEFAULT), from_plain(over, DEFAULT))
    assert merged is not None
    assert plain(merged) == expected(base, over)


def test_every_origin_is_named(tmp_path: Path) -> None:
    """Each value has its origin: file and line, variable, argument, default."""
    (tmp_path / "monitoring_config.yaml").write_text("health_monitoring:\n  check_interval: 5m\n", encoding="utf-8")
    loaded = load(environ={"PROMETHEUS_PORT": "9100"}, code={"service_name": "shop"}, cwd=tmp_path)

    assert loaded.origins["health_monitoring.check_interval"] == "file monitoring_config.yaml:2"
    assert loaded.locations["health_monitoring.check_interval"] == "monitoring_config.yaml:2:3"
    assert loaded.origins[PORT] == "environment: PROMETHEUS_PORT"
    assert loaded.origins["service.name"] == "code: service_name"
    assert loaded.origins["service.version"] == "default"
    assert loaded.config.health_monitoring.check_interval == 300.0


def test_the_file_is_discovered(tmp_path: Path) -> None:
    """The file is the one CSG_OTEL_CONFIG names, else monitoring_config.yaml here, else none."""
    (tmp_path / "monitoring_config.yaml").write_text("service: {name: here}", encoding="utf-8")
    (tmp_path / "other.yaml").write_text("service: {name: other}", encoding="utf-8")
    names = [load(environ=e, cwd=tmp_path).config.service.name for e in ({}, {"CSG_OTEL_CONFIG": "other.yaml"})]

    assert names == ["here", "other"]
    assert load(environ={}, cwd=tmp_path / "empty").file is None


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """A named file that does not exist is an error, not a default."""
    with pytest.raises(ConfigError, match=r"nothing\.yaml: no such file"):
        load("nothing.yaml", environ={}, cwd=tmp_path)


def test_all_problems_are_reported_together() -> None:
    """File, environment and code are all checked before anything is raised, also where one hides another."""
    with pytest.raises(ConfigError) as caught:
        load({"dashboard": {"port": "x"}}, environ={VARIABLE: "abc"}, code={PORT: -1, "exporters": ["otpl"]})

    assert sorted(caught.value.problems) == [
        "argument config: dashboard.port: 'x' is not a whole number",
        "argument exporters: unknown exporter 'otpl' (did you mean 'otlp'? known: console, datadog, otlp, prometheus)",
        f"argument {PORT}: must be at least 0 and at most 65535; -1 was given",
        f"variable {VARIABLE}: {PORT}: 'abc' is not a whole number",
    ]


def test_lenient_loading_keeps_what_is_right() -> None:
    """With problems, the rest of the configuration is still there and the wrong setting has its default."""
    loaded = load_lenient({"dashboard": {"port": "x", "host": "::1"}, "loging": {}}, environ={})

    assert (loaded.config.dashboard.port, loaded.config.dashboard.host) == (8080, "::1")
    assert len(loaded.problems) == 2


def test_an_environment_is_merged_deeply() -> None:
    """The chosen block changes its own settings and keeps the rest, however it is chosen."""
    source = {
        "alerting": {"enabled": True, "aggregation_window": 600},
        "environments": {"production": {"alerting": {"aggregation_window": 60}}, "staging": {}},
    }
    chosen = load(source, environ={"CSG_OTEL_ENVIRONMENT": "production"}).config

    assert (chosen.alerting.enabled, chosen.alerting.aggregation_window) == (True, 60.0)
    assert chosen.service.environment == "production"
    assert load({**source, "service": {"environment": "staging"}}, environ={}).config.alerting.aggregation_window == 600


def test_other_environments_need_no_variables() -> None:
    """A block that isn't chosen is checked for mistakes, but its variables may be missing."""
    source = {
        "environments": {"production": {"notifications": {"slack": {"enabled": True, "webhook_url": "${NOT_HERE}"}}}}
    }

    assert load(source, environ={}).problems == ()
    assert "NOT_HERE is not set" in load_lenient(source, environ={}, code={"environment": "production"}).problems[0]


def test_a_misspelt_environment_is_warned_about() -> None:
    """An environment without a block is fine; a name similar to a block's results in a warning."""
    source: dict[str, Any] = {"environments": {"production": {}}}

    (warning,) = load(source, environ={"CSG_OTEL_ENVIRONMENT": "prodution"}).warnings
    assert "did you mean 'production'?" in warning
    assert load(source, environ={"CSG_OTEL_ENVIRONMENT": "test"}).warnings == ()


def test_a_key_without_effect_is_warned_about_once() -> None:
    """A key that can't have an effect is accepted with one warning that names an alternative."""
    loaded = load({"performance": {"memory_optimization": {"gc_frequency": 10}}}, environ={})

    (warning,) = loaded.warnings
    assert "gc.set_threshold()" in warning


def test_user_checks_keep_their_parameters_and_place(tmp_path: Path) -> None:
    """Keys a check of the user's own doesn't share are its parameters; credentials among them are secrets."""
    text = "health_monitoring:\n  checks:\n    api:\n      type: http\n      url: http://x\n      api_key: ${KEY}\n"
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    check = load("c.yaml", environ={"KEY": "k"}, cwd=tmp_path).config.health_monitoring.checks.custom["api"]

    assert (check.type, check.parameters["url"], check.location) == ("http", "http://x", "c.yaml:3:5")
    assert check.parameters["api_key"].reveal() == "k"


def test_a_config_is_taken_as_it_is() -> None:
    """A Config in code is a whole: the environment doesn't change it, arguments do, and it comes back equal."""
    made = load({"alerting": {"rules": [{"name": "a", "metric": "m", "condition": ">", "threshold": 1}]}}, environ={})
    again = load(made.config, environ={"PROMETHEUS_PORT": "9100"})

    assert again.config == made.config
    assert load(made.config, environ={}, code={PORT: 1}).config.system_monitoring.prometheus.port == 1


def test_text_is_taken_as_written(tmp_path: Path) -> None:
    """A version 1.10 stays 1.10 and an environment called no stays no: text settings take YAML's words as written."""
    (tmp_path / "c.yaml").write_text("service: {version: 1.10, name: no, environment: 2024-01-01}", encoding="utf-8")
    service = load("c.yaml", environ={}, cwd=tmp_path).config.service

    assert (service.version, service.name, service.environment) == ("1.10", "no", "2024-01-01")


def test_substituted_text_becomes_numbers_and_lists() -> None:
    """A variable may give a number, a boolean or a comma list."""
    source = {"dashboard": {"port": "${P}", "enabled": "${E}"}, "notifications": {"email": {"recipients": "${R}"}}}
    config = load(source, environ={"P": "81", "E": "on", "R": "a@b, c@d"}).config

    assert (config.dashboard.port, config.dashboard.enabled) == (81, True)
    assert config.notifications.email.recipients == ("a@b", "c@d")


def test_a_substituted_value_is_not_shown_in_a_problem() -> None:
    """A problem about a substituted value names the form, not what it held."""
    (problem,) = load_lenient({"dashboard": {"port": "${P}"}}, environ={"P": "hunter2"}).problems

    assert problem == "argument config: dashboard.port: the value of '${P}' is not a whole number"


def test_a_literal_secret_is_warned_of(tmp_path: Path) -> None:
    """Once, with its place and what to write instead; in mappings made by code it is no literal."""
    (tmp_path / "c.yaml").write_text("security: {api_auth: {tokens: [abc]}}", encoding="utf-8")
    loaded = load("c.yaml", environ={}, cwd=tmp_path)

    assert loaded.config.security.api_auth.tokens[0].reveal() == "abc"
    (warning,) = loaded.warnings
    assert warning.startswith("c.yaml:1:32: security.api_auth.tokens[0]: a secret stands in the file")
    assert "${TOKENS_0}" in warning
    assert load({"security": {"api_auth": {"tokens": ["abc"]}}}, environ={}).warnings == ()


def test_a_literal_secret_is_a_problem_in_production_and_where_it_is_part_of_a_url(tmp_path: Path) -> None:
    """An address is printed by all kinds of programs, with the password in it."""
    secret = "security: {api_auth: {tokens: [abc]}}\n"
    for text in (
        secret + "service: {environment: production}",
        "environments: {prod: {security: {api_auth: {tokens: [abc]}}}}\nservice: {environment: prod}",
        "health_monitoring: {checks: {dependencies: {databases: ['postgresql://app:abc@db/shop']}}}",
    ):
        (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
        (problem,) = load_lenient("c.yaml", environ={}, cwd=tmp_path).problems
        assert "a secret must not be written in the file" in problem
    (tmp_path / "c.yaml").write_text(secret + "service: {environment: staging}", encoding="utf-8")
    assert load_lenient("c.yaml", environ={}, cwd=tmp_path).problems == ()


def test_an_unknown_rule_of_the_scrubber_is_refused() -> None:
    """With a suggestion and the command that lists the rules; a known one is accepted."""
    with pytest.raises(
        ConfigError, match=r"disabled_rules\[1\]: 'emial' is no rule \(did you mean 'email'\?\); `csg-otel scrub"
    ):
        load({"scrubbing": {"disabled_rules": ["jwt", "emial"]}}, environ={})


def test_scrubbing_that_is_off_in_production_is_warned_of() -> None:
    """Not elsewhere, where a developer wants to see everything."""
    for name, warnings in (("production", 1), ("prod", 1), ("staging", 0)):
        source = {"scrubbing": {"enabled": False}, "service": {"environment": name}}
        assert sum("secrets leave as they are" in text for text in load(source, environ={}).warnings) == warnings


@pytest.mark.fast_path  # a variable of the environment switches it off, and would count
def test_the_configuration_is_frozen_and_has_the_guides_names() -> None:
    """A Config can't be changed, has the monitoring guide's `get_default` and `enable_monitoring`, and is comparable."""
    config = Config.get_default()

    with pytest.raises(dataclasses.FrozenInstanceError):
        config.disabled = True  # type: ignore[misc]
    assert config.enable_monitoring is True
    assert config == Config()
    assert pickle.loads(pickle.dumps(config)) == config


def test_a_config_is_loaded_from_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Config.load` reads the named file, with the process's environment over it."""
    (tmp_path / "c.yaml").write_text("dashboard: {port: 1, host: h}", encoding="utf-8")
    monkeypatch.setenv("MONITORING_DASHBOARD_PORT", "2")
    config = Config.load(tmp_path / "c.yaml")

    assert (config.dashboard.port, config.dashboard.host) == (2, "h")


def test_further_problems_can_be_located(tmp_path: Path) -> None:
    """Parts that check more than the configuration can report a problem at a setting's place."""
    (tmp_path / "c.yaml").write_text("dashboard:\n  port: 1\n", encoding="utf-8")
    loaded = load("c.yaml", environ={}, cwd=tmp_path)

    assert loaded.problem("dashboard.port", "is in use") == "c.yaml:2:3: dashboard.port: is in use"


@pytest.mark.parametrize("source", [3, [], b"x"])
def test_a_wrong_source_is_a_problem(source: Any) -> None:
    """What is neither path, mapping nor Config is named as the argument it is."""
    with pytest.raises(ConfigError, match="argument config"):
        load(source, environ={})


@pytest.mark.parametrize("key", ["a..b", "[", "a[x]", ".a"])
def test_a_broken_key_is_a_problem(key: str) -> None:
    """A dotted key that can't be read is a problem, not an exception of another kind."""
    with pytest.raises(ConfigError, match="not a key"):
        load({}, environ={}, code={key: 1})


def test_a_loaded_configuration_can_be_given_again(tmp_path: Path) -> None:
    """``instrument(config=Config.load(file))`` has every value of the file, with its secrets at every place."""
    (tmp_path / "c.yaml").write_text(
        """\
service: {name: "$${literal}"}
exporters:
  otlp: [{endpoint: "https://user:${TOKEN}@c.example:4318", headers: {Authorization: "Bearer ${TOKEN}", X-Team: ops}}]
  datadog: {api_key: "${TOKEN}"}
health_monitoring:
  checks:
    dependencies:
      apis: [{name: api, url: "https://u:${TOKEN}@a.example/", headers: {X-Key: "${TOKEN}"}, body: "t=${TOKEN}"}]
      databases: ["postgresql://u:${TOKEN}@db.example/x"]
    mine: {type: redis, host: h, password: "${TOKEN}"}
notifications:
  webhook: {enabled: true, url: "https://hook.example/${TOKEN}", headers: {Authorization: "${TOKEN}"}}
security: {api_auth: {enabled: true, tokens: ["${TOKEN}"]}}
alerting: {rules: [{name: a, metric: system_cpu_usage_percent, condition: ">", threshold: 1, severity: warning}]}
""",
        encoding="utf-8",
    )
    environ = {"TOKEN": "t0ken"}
    first = load("c.yaml", environ=environ, cwd=tmp_path)
    again = load(first.config, environ=environ)

    assert again.config == first.config
    assert again.warnings == ()


@pytest.mark.parametrize(
    ("url", "is_secret"),
    [
        ("https://hooks.example.com/alerts/v2/production", False),
        ("http://127.0.0.1:9095/some.channel-name", False),
        ("http://localhost:9000/hook", False),
        ("http://alerts.svc:8080", False),
        ("http://alerts.svc/api/v2/eu-west-1/on-call/", False),
        ("https://hooks.example.com/a?token=abc", True),
        ("https://discord.example.com/api/webhooks/123456789/Abcdefgh-12345678", True),
        ("https://hc.example.com/5f0d8a3c-1b2d-4b1c-9f00-000000000000", True),
        ("https://telegram.example.com/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage", True),
        ("https://maker.example.com/trigger/alert/with/key/cDeFgHiJkLmNoPqRsTuVw", True),
        ("https://hooks.example.com/hooks/catch/123456/abcdef/", True),
        ("https://topics.example.com/Shop", True),
        ("https://topics.example.com/shop7xq", True),
        ("https://topics.example.com/qwertyuiopasdfghjk", True),
        ("https://hooks.example.com/alerts#abc", True),
        ("https://hooks.example.com/alerts/%61bc", True),
        ("https://[hooks.example.com/abc", True),
    ],
)
def test_the_address_of_a_webhook_is_a_secret_by_its_form(tmp_path: Path, url: str, is_secret: bool) -> None:
    """Written in the file it is warned of; filled by a variable it is one in any form, and neither is shown."""
    text = f'notifications: {{webhook: {{enabled: true, url: "{url}"}}}}'
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    written = load("c.yaml", environ={}, cwd=tmp_path)
    (tmp_path / "c.yaml").write_text(text.replace(url, "${HOOK}"), encoding="utf-8")
    filled = load("c.yaml", environ={"HOOK": url}, cwd=tmp_path)

    assert isinstance(written.config.notifications.webhook.url, Secret) is is_secret
    assert len(written.warnings) == is_secret
    assert (url in repr(written.config)) is not is_secret
    assert isinstance(filled.config.notifications.webhook.url, Secret)
    assert (filled.warnings, url in repr(filled.config)) == ((), False)


def test_a_password_in_the_address_of_a_webhook_is_refused(tmp_path: Path) -> None:
    """Where it is written in the file, as every password in a URL."""
    text = 'notifications: {webhook: {enabled: true, url: "https://user:hunter2@h.example.com/x"}}'
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    (problem,) = load_lenient("c.yaml", environ={}, cwd=tmp_path).problems

    assert "notifications.webhook.url: a secret must not be written in the file; write ${URL}" in problem
    assert "hunter2" not in problem


def test_a_link_that_leads_nowhere_is_called_that(tmp_path: Path) -> None:
    """The file is there for whoever lists the folder."""
    (tmp_path / "c.yaml").symlink_to("gone.yaml")
    assert load_lenient("c.yaml", environ={}, cwd=tmp_path).problems == ("c.yaml: a link that leads nowhere",)


def test_halves_of_characters_are_repaired(tmp_path: Path) -> None:
    """In values and keys of the file and in arguments: no output can show them; both halves are one character."""
    text = 'service: {name: "\\ud800x", version: "\\ud83d\\ude00", attributes: {"a\\udfff": "b"}, "nam\\ud800": 1}'
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    read = load_lenient("c.yaml", environ={}, cwd=tmp_path)
    service = read.config.service
    given = load({"service": {"name": "\ud800x"}}, environ={}, cwd=tmp_path).config.service

    assert (service.name, given.name, service.version) == ("\ufffdx", "\ufffdx", "\U0001f600")
    assert service.attributes == {"a\ufffd": "b"}
    "".join((*read.problems, *read.warnings, repr(read.config))).encode()


@pytest.mark.parametrize(
    ("variables", "port", "origin"),
    [
        ({"ENVIRONMENT": "staging"}, 9001, "environment: ENVIRONMENT"),
        ({"ENV": "staging"}, 9001, "environment: ENV"),
        ({"ENVIRONMENT": "elsewhere", "ENV": "staging"}, 9001, "environment: ENV"),
        ({"ENV": "/etc/shinit"}, 9000, "default"),
        ({"ENVIRONMENT": "elsewhere"}, 9000, "default"),
        (
            {"ENVIRONMENT": "staging", "CSG_OTEL_SERVICE_ENVIRONMENT": "test"},
            9002,
            "environment: CSG_OTEL_SERVICE_ENVIRONMENT",
        ),
    ],
)
def test_common_variables_pick_an_environment_that_the_file_has(
    variables: dict[str, str], port: int, origin: str, tmp_path: Path
) -> None:
    """Where no setting of ours names one: other programs use these variables, too."""
    text = "system_monitoring: {prometheus: {port: 9000}}\nenvironments:\n"
    for name, number in (("staging", 9001), ("test", 9002)):
        text += f"  {name}: {{system_monitoring: {{prometheus: {{port: {number}}}}}}}\n"
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    loaded = load("c.yaml", environ=variables, cwd=tmp_path)

    assert loaded.config.system_monitoring.prometheus.port == port
    assert loaded.origins["service.environment"] == origin
    assert loaded.warnings == ()
