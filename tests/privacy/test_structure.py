"""Structure: secrets that only what stands around them shows, and the same places with something harmless."""

from __future__ import annotations

from typing import Any

import pytest

from csg_otel.privacy import Scrubber

SECRET = "".join(("Zq9", "x7Lm", "2Tv4"))
SCRUBBER = Scrubber()


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("url-credentials", "postgresql://app:SECRET@db:5432/shop"),
        ("url-credentials", "https://SECRET:x-oauth-basic@git.example.com/acme/shop"),
        ("url-credentials", "https://SECRET@o4504.ingest.sentry.io/4505"),
        ("url-credentials", "mysql -> app:SECRET@tcp(10.0.0.9:3306)/shop"),
        ("url-credentials", "jdbc:oracle:thin:app/SECRET@ora:1521:x"),
        ("url-parameter", "https://example.com/cb?a=1&code=SECRET"),
        ("header", "> Authorization: Bearer SECRET\n> Accept: */*"),
        ("header", "GET / HTTP/1.1\r\nCookie: id=SECRET\r\n"),
        ("auth-scheme", "sent with Bearer SECRET to the API"),
        ("argument", "curl -u ann:SECRET https://example.com"),
        ("argument", "curl -b 'theme=SECRET' https://example.com"),
        ("argument", "mysql -uroot -pSECRET shop"),
        ("argument", "redis-cli -a SECRET ping"),
        ("argument", "ssh-keygen -N SECRET -f key"),
        ("argument", "app --api-key SECRET --port 80"),
        ("key-value", "login failed: pwd=SECRET"),
        ("key-value", "{'password': 'SECRET', 'port': 5432}"),
        ("key-value", r"{\"body\": \"{\\\"token\\\": \\\"SECRET\\\"}\"}"),
        ("key-value", "password%22%3A%22SECRET%22"),
        ("key-value", "&quot;password&quot;:&quot;SECRET&quot;"),
        ("key-value", "<password>SECRET</password>"),
        ("key-value", '<add key="ApiKey" value="SECRET"/>'),
        ("key-value", "database:\n  password: |\n    SECRET\n"),
        ("key-value", "user.password[0]=SECRET"),
        ("key-value", "password -> SECRET"),
        ("key-value", "[('host', 'a'), ('x-api-key', 'SECRET')]"),
        ("key-value", "[(b'x-api-key', b'SECRET')]"),
        ("key-value", "Invalid key/value pair (private_key, SECRET) found."),
        ("key-value", "map[password:SECRET user:a]"),
        ("key-value", "machine h login u password SECRET"),
        ("key-value", "ALTER USER app WITH PASSWORD 'SECRET'"),
        ("key-value", "SET PASSWORD FOR 'x'@'h' = 'SECRET'"),
        ("key-value", "aws configure set aws_secret_access_key SECRET"),
        ("key-value", "the token is SECRET"),
        ("private-key", "-----BEGIN RSA PRIVATE KEY-----\nSECRET\n-----END RSA PRIVATE KEY-----"),
    ],
)
def test_a_secret_goes_because_of_its_place(rule: str, text: str) -> None:
    """The rule that is named finds it in its place, which is what `scrub explain` says."""
    raw = text.replace("SECRET", SECRET)

    assert SECRET not in SCRUBBER.text(raw)
    assert rule in {finding.rule for finding in SCRUBBER.findings(raw)}


@pytest.mark.parametrize(
    "text",
    [
        *[
            'WWW-Authenticate: Bearer realm="example", error="invalid_token"',
            "Authorization: Bearer {token}",
            "Basic auth",
        ],
        *["token = self.tokens.refresh(session)", "password=settings.DB_PASSWORD,", 'token = request.form["token"]'],
        *["f(Ed25519PrivateKey, Ed448PrivateKey)", '["token", "password", "x"]', '{"a": "token", "b": "Zq9x7Lm2Tv4"}'],
        *['secret "db-credentials" not found in namespace "payments"', "Password: (hidden)", "secret=[hidden]"],
        *[
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:Name-6RandomCharacters",
            "<app.Session object at 0x7f0be4>",
        ],
        *[
            '{"properties": {"password": {"type": "string"}}}',
            "SELECT * FROM t WHERE token = %(token)s",
            "tokens: 512/4096",
        ],
        *[
            "https://user@git.example.com/acme/shop.git",
            "https://example.com/tickets?ticket=OPS-1234",
            "token bucket refilled",
        ],
        *["mysql -h db -P 3306 -u app -p shop", "docker login -u deploy --password-stdin registry.example.com"],
    ],
)
def test_what_looks_like_a_pair_and_is_none_stays(text: str) -> None:
    """Challenges, source code, placeholders, schemas, names of resources and prose are no secrets."""
    assert SCRUBBER.text(text) is text


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        (["curl", "-u", f"ann:{SECRET}"], ["curl", "-u", "ann:[redacted:key]"]),
        (["app", "--token", SECRET], ["app", "--token", "[redacted:key]"]),
        ([("x-api-key", SECRET), ("host", "a")], [("x-api-key", "[redacted:key]"), ("host", "a")]),
        ({"name": "password", "value": SECRET}, {"name": "password", "value": "[redacted:key]"}),
        ({"credentials": {"a": [SECRET]}}, {"credentials": {"a": ["[redacted:key]"]}}),
    ],
)
def test_values_of_several_parts(value: Any, clean: Any) -> None:
    """Arguments, headers, and mappings of names and values lose the secret alone; again, nothing changes."""
    assert SCRUBBER.value("note", value) == clean
    assert SCRUBBER.value("note", clean) is clean
