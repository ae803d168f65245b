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


@pytest.mark.parametrize("text", FIELDS)
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
