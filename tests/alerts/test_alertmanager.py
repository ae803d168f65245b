"""The configuration of Alertmanager, checked by amtool: the oldest supported version and the newest."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts.alertmanager import config as alertmanager
from csg_otel.alerts.alertmanager import relay
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import Options, compile_all
from csg_otel.alerts.datadog import notify as datadog
from csg_otel.alerts.direct.outgoing import plain
from csg_otel.alerts.grafana import notify as grafana
from csg_otel.alerts.model import AlertSpec
from csg_otel.config import load_lenient
from csg_otel.errors import AlertError
from support import newest

Specified = Callable[..., AlertSpec]

OLD, NEW = (0, 25), (0, 34)


def compiled(spec: AlertSpec, catalog: Catalog, version: tuple[int, int] = OLD) -> str:
    """Return the configuration of Alertmanager."""
    options = Options(alertmanager_version=version)
    return compile_all(spec, catalog, options, ("alertmanager",))[alertmanager.FILE]


def notifying(**sections: Any) -> dict[str, Any]:
    """Return a configuration with one rule and these sections."""
    rule = {"name": "r", "metric": "system_cpu_usage_percent", "condition": ">", "threshold": 1}
    return {"alerting": {"rules": [rule]}, **sections}


def webhook(**settings: Any) -> dict[str, Any]:
    """Return a configuration with a webhook."""
    return notifying(notifications={"webhook": {"enabled": True, "url": "http://hooks.example.com/a", **settings}})


def receiver_config(text: str, receiver: str) -> dict[str, Any]:
    """Return the one section of a *receiver* in a configuration."""
    section = next(one for one in yaml.safe_load(text)["receivers"] if one["name"] == receiver)
    (configs,) = (value for key, value in section.items() if key != "name")
    return dict(configs[0])


@pytest.fixture(params=["seed_file", "channels"])
def which(request: pytest.FixtureRequest) -> str:
    """The name of a fixture: the example's channels, or every channel that exists."""
    return str(request.param)


@pytest.fixture
def spec(which: str, specified: Specified, request: pytest.FixtureRequest) -> AlertSpec:
    """The specification of *which*."""
    return specified(request.getfixturevalue(which), shipped=True)


@pytest.mark.parametrize("version", [OLD, NEW])
def test_the_files_equal_the_golden_files(
    spec: AlertSpec, catalog: Catalog, golden: Callable[[str, str], None], which: str, version: tuple[int, int]
) -> None:
    """Each configuration equals its golden file to the byte."""
    golden(f"{which}.alertmanager-{version[0]}.{version[1]}.yaml", compiled(spec, catalog, version))


@pytest.mark.real("amtool")
def test_the_oldest_accepts_what_is_written_for_it(spec: AlertSpec, catalog: Catalog, tmp_path: Path) -> None:
    """amtool 0.25 accepts each configuration compiled for it."""
    file = tmp_path / alertmanager.FILE
    file.write_text(compiled(spec, catalog))
    done = subprocess.run(["amtool", "check-config", file], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", [OLD, NEW])
def test_the_newest_accepts_what_is_written_for_both(
    spec: AlertSpec, catalog: Catalog, tmp_path: Path, version: tuple[int, int]
) -> None:
    """The newest amtool accepts the configurations of both versions."""
    file = tmp_path / alertmanager.FILE
    file.write_text(compiled(spec, catalog, version))
    done = subprocess.run([newest.need("amtool"), "check-config", file], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", [OLD, NEW])
def test_no_secret_is_in_the_configuration_and_each_has_its_own_file(
    specified: Specified, catalog: Catalog, channels: Path, version: tuple[int, int]
) -> None:
    """The configuration names exactly the listed secret files, whose contents have no newline, and contains no secret."""
    spec, options = specified(channels), Options(alertmanager_version=version)
    text, files = compiled(spec, catalog, version), alertmanager.secret_files(spec, options)

    assert "canary" not in text
    assert "b3BzOm" not in text
    named = {word for word in text.split() if word.startswith(options.secrets_dir)}
    assert {f"{options.secrets_dir}/{file.name}" for file in files} == named
    assert all(file.content() and file.content() == file.content().strip() for file in files)
    assert "canary" not in repr(files)


def test_the_configuration_is_the_same_without_secrets(specified: Specified, catalog: Catalog, channels: Path) -> None:
    """A machine without the secrets compiles the same configuration as a machine with them."""
    from csg_otel.alerts import spec

    for version in (OLD, NEW):
        unset = load_lenient(channels, environ={}, unset_secrets=True)
        assert not unset.problems
        assert compiled(spec.load(unset.config, catalog), catalog, version) == compiled(
            specified(channels), catalog, version
        )


def test_a_basic_login_becomes_user_and_password(specified: Specified, catalog: Catalog, channels: Path) -> None:
    """The base64 of a Basic header becomes a user and a password, which the newest version reads from files."""
    files = alertmanager.secret_files(specified(channels), Options(alertmanager_version=NEW))
    contents = {file.name: file.content() for file in files if "emergency.webhook_authorization" in file.name}

    assert contents == {
        "emergency.webhook_authorization_user": "ops",
        "emergency.webhook_authorization_password": "canary-login",
    }


@pytest.mark.parametrize(
    ("settings", "versions"),
    [
        ({"headers": {"Content-Type": "application/json; charset=utf-8"}}, []),
        ({"headers": {"Authorization": "Bearer ${WEBHOOK_TOKEN}"}}, []),
        ({"headers": {"Authorization": "Basic ${WEBHOOK_LOGIN}"}}, [OLD]),
        ({"headers": {"Authorization": "${WEBHOOK_TOKEN}"}}, [OLD, NEW]),
        ({"headers": {"X-Team": "ops"}}, [OLD]),
        ({"headers": {"Content-Type": "text/plain"}}, [OLD, NEW]),
        ({"headers": {"User-Agent": "mine"}}, [OLD, NEW]),
        ({"timeout": 3}, [OLD]),
        ({"method": "PUT"}, [OLD, NEW]),
    ],
)
def test_the_relay_calls_what_alertmanager_cannot(
    specified: Specified, catalog: Catalog, settings: dict[str, Any], versions: list[tuple[int, int]]
) -> None:
    """The relay gets other methods always, custom headers and timeouts before 0.28, and headers that Alertmanager reserves."""
    spec = specified(webhook(**settings))
    urls = {version: receiver_config(compiled(spec, catalog, version), "webhook")["url"] for version in (OLD, NEW)}

    assert [version for version, url in urls.items() if url == "http://127.0.0.1:9095/webhook"] == versions


def test_alertmanager_reads_the_token_of_the_relay_from_a_file(specified: Specified, catalog: Catalog) -> None:
    """Only for webhooks that go through the relay."""
    options = Options(relay_url="http://relay.internal:9095", relay_token_file="/run/secrets/relay")
    spec = specified(webhook(method="PUT"))
    text = compile_all(spec, catalog, options, ("alertmanager",))[alertmanager.FILE]
    settings = receiver_config(text, "webhook")

    assert settings["url"] == "http://relay.internal:9095/webhook"
    assert settings["http_config"] == {"authorization": {"credentials_file": "/run/secrets/relay"}}


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/alerts?token=canary-1",
        "https://discord.example.com/api/webhooks/123/Abc-canary-12345678",
        "https://hc.example.com/5f0d8a3c-canary-4b1c",
        "https://ops:canary@hooks.example.com/alerts",
    ],
)
def test_a_webhook_whose_address_is_a_secret_is_read_from_a_file(
    specified: Specified, catalog: Catalog, url: str
) -> None:
    """The newest Alertmanager reads it; for one before 0.26 the relay has it; no compiled file of any backend."""
    spec = specified(webhook(url=url))
    configs = {version: receiver_config(compiled(spec, catalog, version), "webhook") for version in (OLD, NEW)}
    files = alertmanager.secret_files(spec, Options(alertmanager_version=NEW))

    assert configs[OLD]["url"] == "http://127.0.0.1:9095/webhook"
    assert configs[NEW]["url_file"] == "/etc/alertmanager/secrets/webhook_url"
    assert "url" not in configs[NEW]
    assert [file.content() for file in files if file.name == "webhook_url"] == [url]
    assert [plain(forward.settings.url) for forward in relay.forwards(spec).values()] == [url]
    assert "canary" not in repr((files, relay.forwards(spec)))
    for version in (OLD, NEW):
        for text in compile_all(spec, catalog, Options(alertmanager_version=version)).values():
            assert url not in text
    assert url in grafana.secrets(spec).values()
    assert url in datadog.secrets(spec).values()


@pytest.mark.parametrize(("window", "wait", "interval"), [(600, "30s", "10m"), (60, "6s", "1m"), (5, "500ms", "10s")])
def test_the_aggregation_window_groups(
    specified: Specified, catalog: Catalog, window: float, wait: str, interval: str
) -> None:
    """A group waits a tenth of the window, at most 30 s, and its interval is at least the 10 s below which mails come twice."""
    config = webhook()
    config["alerting"]["aggregation_window"] = window
    route = yaml.safe_load(compiled(specified(config), catalog))["route"]

    assert (route["group_wait"], route["group_interval"], route["repeat_interval"]) == (wait, interval, "4h")


def test_settings_that_alertmanager_reads_as_templates_stay_text(specified: Specified, catalog: Catalog) -> None:
    """Braces in a channel, an icon or a sender stay braces."""
    slack = {"enabled": True, "webhook_url": "${SLACK_WEBHOOK_URL}", "channel": "#{{ .Status }}", "username": "{{"}
    section = receiver_config(compiled(specified(notifying(notifications={"slack": slack})), catalog), "slack")

    assert section["channel"] == '#{{ "{{" }} .Status }}'
    assert section["username"] == '{{ "{{" }}'


def test_a_mail_has_a_sender_even_if_the_account_is_not_an_address(specified: Specified, catalog: Catalog) -> None:
    """The sender is `from_email`, else the account if it is an address, else the first recipient."""
    mail = {"enabled": True, "smtp_server": "::1", "recipients": ["a@example.com", "b@example.com"]}
    for settings, sender in (
        ({"username": "apikey"}, "a@example.com"),
        ({"username": "u@example.com"}, "u@example.com"),
        ({"username": "u@example.com", "from_email": "f@example.com"}, "f@example.com"),
    ):
        section = receiver_config(
            compiled(specified(notifying(notifications={"email": {**mail, **settings}})), catalog), "email"
        )
        assert (section["from"], section["smarthost"]) == (sender, "[::1]:587")
        assert section["to"] == "a@example.com, b@example.com"


@pytest.mark.parametrize(("port", "use_tls", "required"), [(465, True, False), (587, True, True), (25, False, False)])
def test_starttls_is_not_required_where_tls_begins_at_once(
    specified: Specified, catalog: Catalog, port: int, *, use_tls: bool, required: bool
) -> None:
    """A server at port 465 offers no STARTTLS, and Alertmanager sends no mail where a required one is not offered."""
    mail = {"enabled": True, "smtp_server": "mail.example.com", "smtp_port": port, "use_tls": use_tls}
    notifications = {"email": {**mail, "recipients": ["a@example.com"]}}
    section = receiver_config(compiled(specified(notifying(notifications=notifications)), catalog), "email")

    assert (section["smarthost"], section["require_tls"]) == (f"mail.example.com:{port}", required)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (Options(alertmanager_version=(0, 24)), "0.24 is too old"),
        (Options(secrets_dir="secrets"), "give an absolute path"),
    ],
)
def test_invalid_options_are_refused(
    specified: Specified, catalog: Catalog, channels: Path, options: Options, what: str
) -> None:
    """An Alertmanager that is too old and a relative directory of secrets are errors."""
    with pytest.raises(AlertError, match=what):
        compile_all(specified(channels), catalog, options, ("alertmanager",))
