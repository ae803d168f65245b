"""A setting that changes nothing is never accepted in silence: loading it warns, and `config show` has the reason beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from csg_otel.config import Config, load
from csg_otel.config.sections.scrubbing import Scrubbing
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


@pytest.mark.parametrize("variable", ["CSG_OTEL_SCRUBBING_ENABLED"])
def test_a_variable_of_such_a_setting_warns(variable: str) -> None:
    """The warning names the variable."""
    (warning,) = load({}, environ={variable: "1"}).warnings

    assert warning.startswith(f"variable {variable}: ")
    assert "has no effect yet" in warning


def test_a_config_object_warns_about_what_it_changes() -> None:
    """A `Config` in code has every setting, so a value counts as given only if it differs from the default."""
    assert load(Config(), environ={}).warnings == ()
    (warning,) = load(Config(scrubbing=Scrubbing(enabled=True)), environ={}).warnings
    assert warning.startswith("argument config: scrubbing: has no effect yet")


def test_show_marks_every_setting_without_effect() -> None:
    """Scrubbing is shown as off, and each setting without effect has the reason beside it."""
    shown = lines(Config())

    assert any(line.startswith("scrubbing.enabled = false   # no effect yet: ") for line in shown)
    marked = {line.partition(" = ")[0] for line in shown if "   # no effect" in line}
    assert marked == set(WITHOUT_EFFECT)


def test_instrument_warns(tmp_path: Path) -> None:
    """A program that switches scrubbing on has a warning in its log that nothing is scrubbed."""
    (tmp_path / "monitoring_config.yaml").write_text("scrubbing: {enabled: true}", encoding="utf-8")
    program = "import csg_otel; csg_otel.instrument(exporters=[], health_monitoring__enabled=False).shutdown()"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True)

    assert "monitoring_config.yaml:1:1: scrubbing: has no effect yet: this version removes nothing" in done.stderr
