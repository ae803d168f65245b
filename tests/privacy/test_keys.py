"""Keys: which names announce a secret, which values they may have nonetheless, and the words that make them harmless."""

from __future__ import annotations

from typing import Any

import pytest

from csg_otel.privacy import Options, Scrubber, text_rules, words

SECRET = "".join(("Zq9", "x7Lm", "2Tv4"))
SCRUBBER = Scrubber()


@pytest.mark.parametrize(
    "key",
    [
        *(
            "password",
            "Passwort",
            "contraseña",
            "пароль",
            "用户密码",
            "db_passwd",
            "userPwd",
            "PGPASSWORD",
            "MYSQL_PWD",
        ),
        *(
            "truststore_pass",
            "kennwort1",
            "passwords",
            "pwds",
            "secret",
            "clientSecret",
            "SECRET_KEY_BASE",
            "webhook-secrets",
        ),
        *(
            "token",
            "newToken",
            "accesstoken",
            "AUTH_TOKENS",
            "gitlab.token",
            "idToken",
            "api_key",
            "apiKeys",
            "x-api-key",
        ),
        *("APIKEY", "stripeApiKeyValue", "ocp-apim-subscription-key", "DD_APP_KEY", "access.key", "secretAccessKey"),
        *(
            "encryption_keys",
            "account_keys",
            "fernet_key",
            "private_key",
            "authorization",
            "http.request.header.proxy_authorization",
        ),
        *(
            "bearer",
            "credentials",
            "user.password[0]",
            "cookie",
            "set-cookie",
            "session_id",
            "connect.sid",
            "JSESSIONID",
        ),
        *("sess_id", "csrf_token", "XSRF-TOKEN", "jwt", "otp", "totp_secret", "mfa_code", "recovery_code", "dsn"),
        *("connectionString", "webhook_url", "saml_assertion", "snmp_community", "license_key"),
    ],
)
def test_the_value_of_a_sensitive_key_goes(key: str) -> None:
    """A value without a shape of its own goes because of its key alone, as an attribute and in a text."""
    assert SCRUBBER.value(key, SECRET) == "[redacted:key]"
    assert SECRET not in SCRUBBER.text(f"failed: {key}={SECRET} x=1")
    assert Scrubber(Options(disabled_rules=("key",))).value(key, SECRET) == SECRET


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("token_count", SECRET), ("secret.name", SECRET), ("api_key_prefix", SECRET), ("password_policy", SECRET)],
        *[("jwt.kid", SECRET), ("page_token", SECRET), ("prompt_tokens", SECRET), ("has_password", SECRET)],
        *[
            ("public_key", SECRET),
            ("keyboard", SECRET),
            ("secretary", SECRET),
            ("compass", SECRET),
            ("spinner", SECRET),
        ],
        *[("token", "17"), ("token", "512/4096"), ("token", "bearer"), ("password", "true"), ("secret", "[hidden]")],
        *[("secret", "db-credentials"), ("dsn", "postgresql"), ("reset_password", "requested"), ("auth", "oidc")],
        *[("private_key", "/etc/tls/tls.key"), ("secret_id", "prod/db/main"), ("api_key", "${API_KEY}"), ("pin", "4")],
        *[("token", "%(token)s"), ("password", "(hidden)"), ("credentials", "InstanceMetadata"), ("tokens", "[1, 2]")],
        *[
            ("api_key", "api_key"),
            ("password", '{"type": "string"}'),
            ("auth", "['ApiKeyAuth', 'AppKeyAuth']"),
            ("pwd", ":"),
        ],
    ],
)
def test_a_harmless_key_or_value_stays(key: str, value: str) -> None:
    """Words after and before a sensitive one make a key harmless; so do numbers, states, paths and names."""
    assert SCRUBBER.value(key, value) is value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pin", 1234),
        ("otp", "123456"),
        ("cvv", "123"),
        ("security_code", "924"),
        ("password", "12345"),
        ("pins", ["1234", "5678"]),
    ],
)
def test_codes_of_digits_go(key: str, value: Any) -> None:
    """A number under the key of a code is the code."""
    assert str(value).strip("['") not in str(SCRUBBER.value(key, value))
    assert "[redacted:key]" in str(SCRUBBER.value(key, value))


def test_every_sensitive_word_passes_the_cheap_test() -> None:
    """A text is searched for pairs only if it has one of the stems: each word of the tables has one."""
    phrases = [" ".join(phrase) for phrase in words.PHRASES if phrase not in words.URLS]
    stems = text_rules.STEMS + text_rules.PERSON_STEMS

    assert [
        word
        for word in [*words.ALWAYS, *words.STRONG, *words.DIGITS, *words.GLUED, *words.FOREIGN, *phrases]
        if not any(stem in word.lower() for stem in stems)
    ] == []


def test_keys_of_the_user_and_allowed_keys() -> None:
    """`extra_keys` makes any value a secret, `allow_keys` none."""
    scrubber = Scrubber(Options(extra_keys=("badge",), allow_keys=("lab.token", "ci.*")))

    assert scrubber.value("visitor_badge", "yes") == "[redacted:extra-key]"
    assert "yes" not in scrubber.text("visitor_badge=yes")
    assert scrubber.value("lab.token", SECRET) is not None
    assert scrubber.value("lab.token", SECRET) == SECRET
    assert scrubber.value("ci.secret", SECRET) == SECRET


@pytest.mark.parametrize(
    ("allowed", "key", "value", "is_kept"),
    [
        ("db.password", "db.password", SECRET, True),
        ("db.password", "db", {"password": SECRET}, False),
        ("db.*", "db", {"password": SECRET}, False),
        ("db", "db", {"password": SECRET}, False),
        ("password", "db", {"password": SECRET}, True),
        ("password", "body", f'{{"db": {{"password": "{SECRET}"}}}}', True),
        ("password", "body", f"password={SECRET}", True),
        ("password", "Password", SECRET, False),
        ("password", "db.password", SECRET, False),
        ("password", "argv", f"run --password {SECRET}", False),
        ("--password", "argv", f"run --password {SECRET}", True),
        ("body", "body", f"password={SECRET}", True),
        ("body", "body", {"password": SECRET}, False),
    ],
)
def test_an_allowed_key_is_one_of_its_level(allowed: str, key: str, value: object, is_kept: bool) -> None:
    """As docs/scrubbing.md says: the whole key with its case and without a path; a text below it is kept, a mapping is not."""
    assert (Scrubber(Options(allow_keys=(allowed,))).value(key, value) == value) is is_kept
