"""A setting that changes nothing is never accepted in silence: loading it warns, and `config show` has the reason beside it."""

from __future__ import annotations

from typing import Any

import pytest

from csg_otel.config import Config, load
from csg_otel.config.show import lines
from csg_otel.config.walk import leaves


def _nested(key: str, value: Any) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


WITHOUT_EFFECT = {leaf.key: leaf for leaf in leaves() if leaf.no_effect}
VALUES: dict[str, Any] = {"on_match": "shop.privacy:replace", "host": "h", "extra_keys": ["pin"], "allow_keys": ["id"]}


@pytest.mark.parametrize("key", WITHOUT_EFFECT)
def test_a_given_setting_without_effect_warns_once(key: str) -> None:
    """One warning names the setting or its section, and the reason why it has no effect."""
    value = VALUES.get(key.rpartition(".")[2], ["x+"] if key.endswith("patterns") else 7)
    if WITHOUT_EFFECT[key].kind is bool:
        value = True

    (warning,) = load(_nested(key, value), environ={}).warnings

    named, _, reason = warning.removeprefix("argument config: ").partition(": has ")
    assert key == named or key.startswith(f"{named}.")
    assert reason == WITHOUT_EFFECT[key].no_effect


def test_show_marks_every_setting_without_effect() -> None:
    """Each setting without effect has the reason beside it."""
    shown = lines(Config())

    marked = {line.partition(" = ")[0] for line in shown if "   # no effect" in line}
    assert marked == set(WITHOUT_EFFECT)
