"""Secrets that the program holds are found within larger values, and in the forms in which programs write them."""

from __future__ import annotations

import base64
import html
import json
import urllib.parse
from pathlib import Path

import pytest

from csg_otel.config.load import load
from csg_otel.pipeline.scrubbers import make_scrubber
from csg_otel.privacy import Scrubber, secret_parts

TOKEN = "".join(("bearer", "Val9", "Q2x"))
PASSWORD = "".join(("coll", "pwK", "77s"))
PAIR = base64.b64encode(f"prom:{PASSWORD}".encode()).decode()
HOOK = "".join(("a1B2c3D4", "e5F6g7H8", "i9J0k1L2"))


def _is_known(scrubber: Scrubber, secret: str) -> bool:
    return scrubber.text(f"it was {secret} again") == "it was [redacted:known-secret] again"


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (f"Bearer {TOKEN}", {TOKEN}),
        (f"bearer  {TOKEN}\n", {TOKEN}),
        (f"Token {TOKEN}", {TOKEN}),
        (f"prom:{PASSWORD}", {PASSWORD}),
        (f"Basic {PAIR}", {PAIR, PASSWORD, f"prom:{PASSWORD}"}),
        (f"http://user:{PASSWORD}@host:4318/v1", {PASSWORD, f"user:{PASSWORD}"}),
        (f"redis://:{PASSWORD}@cache:6379/0", {PASSWORD, f":{PASSWORD}"}),
        (f"amqp://a:{PASSWORD}@one;amqp://a:{PASSWORD}@two", {PASSWORD, f"a:{PASSWORD}"}),
        (
            "http://us%40er:p%40ss%2Fw0rd@host",
            {"p%40ss%2Fw0rd", "p@ss/w0rd", "us%40er:p%40ss%2Fw0rd", "us@er:p@ss/w0rd"},
        ),
        (f"https://api.example.org/health/deep?token={TOKEN}&verbose=yes", {TOKEN}),
        (f"Server=db.internal;User Id=reports;Password={PASSWORD}", {PASSWORD}),
        (f"https://hooks.slack.com/services/T00000000/B00000000/{HOOK}", {HOOK}),
        (f"https://discord.com/api/webhooks/123456789012345678/{HOOK}", {HOOK}),
    ],
)
def test_the_secret_parts_of_a_value(value: str, parts: set[str]) -> None:
    """A token after a scheme, a password with and without its user, a parameter, the token in a webhook's path."""
    assert secret_parts.of_secret(value) == parts


@pytest.mark.parametrize(
    "value",
    [
        "http://collector.monitoring.internal:4318/v1/traces",
        "postgres://postgres:postgres@postgres:5432/postgres",
        "postgres://application:development@database.internal/customers",
        "postgres://billing2024:billing2024@billing2024/orders",
        "https://api.example.org/customers-by-region-2024/status?format=complete&page=next-page",
        "https://hooks.example.org/hooks/customer-events-of-2024/incoming",
        "https://github.com/example/project/commit/0123456789abcdef0123456789abcdef01234567",
        "https://service-account-01@example.org/repository",
        "collector.internal:4318/v1/traces",
        "redis://cache:6379/0?socket_timeout=12345678",
        "vault:secret/data/application",
        "file:/run/secrets/collector-token",
        "http://user:${COLLECTOR_PASSWORD}@host",
        "http://user:12345678@host",
        "Bearer development",
        "/usr/local/bin:/usr/bin:/sbin",
    ],
)
def test_harmless_parts_are_never_searched_for(value: str) -> None:
    """Hosts, ports, users, paths, ordinary words, short numbers, placeholders: a false one would be redacted in every text."""
    assert secret_parts.of_secret(value) == set()
    assert secret_parts.of_address(value) == set()


def test_a_text_that_is_no_address_has_no_parts() -> None:
    """Variables with innocent names, such as lists of folders, hold nothing to search for."""
    assert secret_parts.of_address(f"prom:{PASSWORD}") == set()
    assert secret_parts.of_address(f"see http://user:{PASSWORD}@host and more") == set()


def test_parts_of_the_configuration_are_redacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Header, endpoint, file, webhook and basic authentication: the part alone, and its pair in base64."""
    (tmp_path / "token").write_text("fileTokenR5t8\n")
    monkeypatch.setenv("COLLECTOR", "http://user:p%40ssK77s%2Fx@collector.internal:4318")
    config = load(
        {
            "exporters": {
                "otlp": [
                    {
                        "endpoint": "${COLLECTOR}",
                        "headers": {
                            "authorization": f"Bearer {TOKEN}",
                            "x-api-key": f"Bearer ${{file:{tmp_path / 'token'}}}",
                        },
                    }
                ]
            },
            "notifications": {"slack": {"webhook_url": f"https://hooks.slack.com/services/T0/B0/{HOOK}"}},
        }
    ).config
    scrubber = make_scrubber(config)

    for secret in (TOKEN, "p@ssK77s/x", "p%40ssK77s%2Fx", "fileTokenR5t8", HOOK):
        assert _is_known(scrubber, secret)
    assert _is_known(scrubber, base64.b64encode(b"user:p@ssK77s/x").decode())
    assert scrubber.text("collector.internal and user and services") == "collector.internal and user and services"


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "AMQP_URL", "BROKER"])
def test_passwords_in_variables_are_redacted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address in the environment has a password whatever its variable's name; host and path stay."""
    monkeypatch.setenv(name, f"postgres://app:{PASSWORD}@db.internal:5432/orders")
    scrubber = make_scrubber(load({}).config)

    assert _is_known(scrubber, PASSWORD)
    assert _is_known(scrubber, base64.b64encode(f"app:{PASSWORD}".encode()).decode())
    assert scrubber.text("db.internal:5432/orders as app") == "db.internal:5432/orders as app"


SECRET = "kä/9\"q\\Z&<7>'x\n8+ü"


@pytest.mark.parametrize(
    "form",
    [
        json.dumps(SECRET)[1:-1].replace("/", "\\/"),
        json.dumps(SECRET, ensure_ascii=False)[1:-1].replace("/", "\\/"),
        json.dumps(SECRET, ensure_ascii=False)[1:-1]
        .replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e"),
        json.dumps(json.dumps(SECRET))[3:-3],
        json.dumps(json.dumps(SECRET, ensure_ascii=False), ensure_ascii=False)[3:-3],
        json.dumps(json.dumps(SECRET, ensure_ascii=False))[3:-3],
        repr(SECRET)[1:-1],
        repr(SECRET.encode())[2:-1],
        html.escape(SECRET),
        html.escape(SECRET, quote=False),
        SECRET.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&#34;")
        .replace("'", "&#39;"),
    ],
)
def test_forms_of_other_programs_are_redacted(form: str) -> None:
    """JSON of PHP and Go, JSON within JSON, `repr` of bytes, HTML: nothing of the secret stays."""
    assert Scrubber(secrets=[SECRET]).text(f"it was [{form}] again") == "it was [[redacted:known-secret]] again"


def test_base64_in_an_address_is_redacted() -> None:
    """`quote` keeps the slash and writes the plus as ``%2B``."""
    secret = "~~~>>>???abc>>>9"
    form = urllib.parse.quote(base64.b64encode(secret.encode()).decode().rstrip("="))

    assert "%2B" in form
    assert "/" in form
    assert "[redacted:known-secret]" in Scrubber(secrets=[secret]).text(f"it was {form} again")
    assert form[:8] not in Scrubber(secrets=[secret]).text(f"it was {form} again")
