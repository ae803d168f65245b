"""Texts of configurations, databases, prompts and dumps: what is secret in them goes, and what only looks like it stays."""

from __future__ import annotations

import pytest

from csg_otel.privacy import Scrubber

SECRET = "".join(("hunter", "22x"))
SCRUBBER = Scrubber()

FIELDS = [
    '{"name":"DB_PASSWORD","value":"SECRET"}',
    '{"name": "DB_PASSWORD", "type": "plain", "value": "SECRET"}',
    '{"value":"SECRET","name":"DB_PASSWORD"}',
    "{'value': 'SECRET', 'a': 1, 'name': 'DB_PASSWORD'}",
    "{'name': 'DB_PASSWORD',\n 'value_from': None,\n 'value': 'SECRET'}",
    '{"name":"DB_PASSWORD","description":"the {password}, of it","value":"SECRET"}',
    '{"name":"DB_PASSWORD","meta":{"a":[1]},"value":"SECRET"}',
    '[{"name":"HOST","value":"it\'s"},{"name":"DB_PASSWORD","value":"SECRET"},{"name":"PORT","value":"80"}]',
    '{"value":"db","name":"HOST"},{"value":"SECRET","name":"DB_PASSWORD"}',
    r"{\"name\":\"DB_PASSWORD\",\"type\":\"plain\",\"value\":\"SECRET\"}",
    r'{"log": "- name: DB_PASSWORD\n  value: SECRET\n"}',
    "- name: DB_PASSWORD\n  value: SECRET",
    "env:\n- value: SECRET\n  name: DB_PASSWORD\n",
    "env:\n  - name: A\n    value: b\n  - name: DB_PASSWORD\n    type: x\n    value: 'SECRET'\n",
    '{"ParameterKey":"DbPassword","ParameterValue":"SECRET"}',
    '{"Name":"DB_PASSWORD","Type":"SecureString","Value":"SECRET"}',
    '{"key":"password","value":{"stringValue":"SECRET"}}',
    "[V1EnvVar(name='DB_PASSWORD', value='SECRET', value_from=None)]",
    'struct { name: "DB_PASSWORD", value: Some("SECRET") }',
    "map[type:x name:DB_PASSWORD value:SECRET]",
    'level=info name=DB_PASSWORD type=plain value=SECRET msg="a b"',
    '<add value="SECRET" key="ApiKey"/>',
    '{"field":"password","old":"SECRET","new":"SECRET"}',
]
"""Names and values in fields of their own."""

STATEMENTS = [
    "CREATE USER bob IDENTIFIED BY SECRET",
    "CREATE USER 'bob'@'%' IDENTIFIED WITH mysql_native_password BY 'SECRET'",
    'create user bob identified by "SECRET"',
    "ALTER USER bob IDENTIFIED BY SECRET REPLACE SECRET;",
    "CREATE DATABASE LINK x CONNECT TO bob IDENTIFIED BY SECRET USING 'db'",
    "CREATE USER bob WITH ENCRYPTED PASSWORD 'SECRET'",
    "ALTER ROLE bob WITH PASSWORD $$SECRET$$",
    "ALTER ROLE bob WITH PASSWORD $q$SECRET$q$ VALID UNTIL 'infinity'",
    "INSERT INTO users (name, password) VALUES ('ann','SECRET'), ('it''s, (b)', 'SECRET')",
    "insert into users(password,name) values ('SECRET', 'a, b')",
    "INSERT INTO `users` (`name`, `password`) VALUES ('ann', 'SECRET')",
    "INSERT INTO [dbo].[users] ([name], [password]) VALUES (N'ann', N'SECRET')",
    "REPLACE INTO users (id, api_token, at) VALUES (7, 'SECRET', now()) RETURNING id",
    "INSERT INTO users (name, password) VALUES (upper('ann'), crypt('SECRET', gen_salt('bf')))",
    r'{"sql": "INSERT INTO \"users\" (\"name\", \"password\") VALUES (\'ann\', \'SECRET\')"}',
    "PRAGMA key = 'SECRET'",
    "ATTACH DATABASE 'x.db' AS y KEY 'SECRET'",
    *["AUTH SECRET", "AUTH default SECRET", "redis: AUTH SECRET -> OK", "HELLO 3 AUTH default SECRET SETNAME x"],
    *[
        '1339518083.1 [0 127.0.0.1:60866] "AUTH" "SECRET"',
        '"AUTH" "default" "SECRET"',
        "MIGRATE h 1 k 0 5 AUTH2 bob SECRET",
    ],
    *[
        "CONFIG SET requirepass SECRET",
        "requirepass SECRET",
        "masterauth SECRET",
        "ACL SETUSER bob on >SECRET ~* +@all",
    ],
    "SMTP> AUTH PLAIN AGFubgBSECRET",
]
"""Commands of databases."""


@pytest.mark.parametrize("text", [*FIELDS, *STATEMENTS])
def test_a_secret_goes(text: str) -> None:
    """Each form loses its secret, alone and among other lines, and a second look changes nothing."""
    for raw in (text.replace("SECRET", SECRET), f"it's 3 (of 4)\n{text.replace('SECRET', SECRET)}\ndone"):
        clean = SCRUBBER.text(raw)

        assert SECRET not in clean
        assert SCRUBBER.text(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        *['{"name":"token_count","value":"12"}', '{"name":"auth.tokens","unit":"1","value":"12"}', "value: 5"],
        *['{"name":"auth","mode":"static","value":"oidc"}', '{"name":"password_reset","to":"ann","value":"sent"}'],
        '{"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"name":"db-credentials","key":"password"}}}',
        "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: db\n- name: HOST\n  value: db7.internal",
        *['[{"name":"DB_PASSWORD"},{"value":"db7.internal"}]', '{"value":"db7.internal"},{"name":"DB_PASSWORD"}'],
        *['{"value":"abc123def","meta":{"name":"token"}}', '{"labels":{"name":"token"},"value":"abc123def"}'],
        *["name: token refresh job\nvalue: abc123def", "name=token_cache level=info\nother line value=abc123def"],
        *["- name: secret-volume\n  value: tmpfs", '{"key":"auth_method","old":"password","new":"oidc"}'],
        '{"field":"password","error":"must not be empty","value":"***"}',
        "- name: token\n  items:\n    - a\nvalue: abc123def",
    ],
)
def test_names_and_values_that_do_not_belong_together_stay(text: str) -> None:
    """Numbers, states and references under sensitive names, and values of another object, are kept."""
    assert SCRUBBER.text(text) is text


@pytest.mark.parametrize(
    "text",
    [
        *[
            "AUTH failed",
            "NOAUTH Authentication required.",
            "AUTH PLAIN LOGIN CRAM-MD5",
            "AUTH TLS",
            "AUTH SCRAM-SHA-256",
        ],
        *[
            "AUTH OK",
            "AUTH: failed for user bob",
            "AUTH service2 started",
            "AUTH 2.0 flow",
            "AUTH-SERVICE listening on 80",
        ],
        *["requirepass is not set", "no requirepass configured", "masterauth not set", "ACL SETUSER bob on nopass ~*"],
        *["user identified by email", "device identified by 8a7b6c5d", "each is identified by order_id."],
        *["failed to create user identified by 8a7b6c5d", "CREATE USER app IDENTIFIED BY ?", "grant identified"],
        *["CREATE USER app IDENTIFIED EXTERNALLY", "CREATE USER app IDENTIFIED WITH auth_socket"],
        *["ALTER USER bob PASSWORD EXPIRE", "ALTER ROLE bob WITH PASSWORD $1", "CREATE TABLE u (password varchar(40))"],
        "INSERT INTO users (name, password) VALUES (?, ?)",
        "INSERT INTO users (name, password) VALUES (%(name)s, %(password)s), ($1, NULL)",
        "INSERT INTO users (name, password) VALUES ('ann', crypt($1, gen_salt('bf')))",
        "INSERT INTO tokens (id, user_id, expires) VALUES (7, 'abc123def', now())",
        "INSERT INTO users (password, name) VALUES (NULL, 'hunter22x')",
        "INSERT INTO t (name, password) SELECT name, '8a7b6c5d' FROM u",
        "SELECT name, password FROM users WHERE id IN (7, '8a7b')",
    ],
)
def test_commands_without_a_secret_stay(text: str) -> None:
    """Answers, names of methods, prose, placeholders and other columns are kept."""
    assert SCRUBBER.text(text) is text
