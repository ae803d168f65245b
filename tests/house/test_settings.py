"""No setting without effect: every one is read outside `config/`, or warns when it is given."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from csg_otel.alerts import spec
from csg_otel.alerts.alertmanager import config as alertmanager
from csg_otel.alerts.compilers import Options, compile_all
from csg_otel.alerts.grafana import notify as grafana
from csg_otel.config import load
from csg_otel.config.walk import Leaf, leaves
from csg_otel.health import builtin, definition
from support import alert_specs, channels
from support.setting_reads import recorded, resolved

# Vendors are presets of an OTLP destination: this is the only module of `config/` that uses settings itself.
PRESETS = "csg_otel/config/presets.py"
SYNTHETIC = {
    "sections.py": """\
from dataclasses import dataclass
from csg_otel.config.sections.fields import setting

@dataclass(frozen=True)
class Item:
    size: int = setting(1, "Read in a loop.")
    host: str = setting("", "Never read here; another class has a field of this name.")

@dataclass(frozen=True)
class Later:
    port: int = setting(1, "Warns, with its section.")

@dataclass(frozen=True)
class Root:
    items: tuple[Item, ...] = setting((), "Items.")
    host: str = setting("", "Read by way of a local name.")
    port: int = setting(1, "Only written about: root.port.")
    useless: int = setting(1, "Warns.", warn="use another")
    later: Later = setting(Later, "A section for later.", not_yet="wait")
""",
    "reader.py": """\
from synthetic.sections import Root

class Holder:
    port = 0

def use(given: Root, holder: Holder) -> tuple[str, list[int], int]:
    "Uses root.port in words only."
    alias = given
    return alias.host, [item.size for item in given.items], holder.port
""",
    "__init__.py": "",
}


def _field(leaf: Leaf) -> str:
    return f"{leaf.owner.__module__}.{leaf.owner.__qualname__}.{leaf.name}"


def _unread(settings: Iterable[Leaf], reads: set[str]) -> set[str]:
    """Return the keys of *settings* that are not among *reads* and give no warning."""
    return {leaf.key for leaf in settings if _field(leaf) not in reads and not leaf.no_effect}


@pytest.fixture(scope="module")
def read_by_name(root: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The fields that the package reads by their names, as mypy resolves them."""
    found = resolved(root / "src", "csg_otel", "csg_otel.config.", tmp_path_factory.mktemp("reads"))
    return {field for field, path in found if "csg_otel/config/" not in path or path.endswith(PRESETS)}


@pytest.fixture(scope="module")
def read_in_a_run(root: Path) -> set[str]:
    """The fields that building all health checks and compiling all alerts reads, by computed names, too."""
    package, inside = str(root / "src" / "csg_otel"), str(root / "src" / "csg_otel" / "config")
    good = {
        "name": "orders",
        "objective": 99,
        "good": "csg.cache.requests",
        "total": "csg.cache.requests",
        "description": "Orders",
    }
    posted = {"webhook": {"enabled": True, "url": "https://hook.example/in", "method": "POST", "timeout": 3}}
    named = {"channels": list(channels.EVERY.values()), "routes": [{"to": ["chat"]}], "watchdog": "email"}
    sections = {
        **alert_specs.EVERYTHING,
        "notifications": {**alert_specs.EVERYTHING["notifications"], **posted, **named},
        "slos": [*alert_specs.EVERYTHING["slos"], good],
    }
    hours = {"days": ["mon"], "start": "08:00"}
    settings = load(
        {"alerting": {"rules": [alert_specs.rule(active=hours)]}, **sections}, environ=channels.ENVIRON
    ).config
    newest = Options(alertmanager_version=(1, 0))
    owners = {leaf.owner for leaf in leaves()}
    with recorded(owners, lambda file: file.startswith(package) and not file.startswith(inside)) as reads:
        definition.validate(builtin.build(settings.health_monitoring), settings.health_monitoring)
        compiled = spec.load(settings, alert_specs.CATALOG)
        compile_all(compiled, alert_specs.CATALOG, newest)
        alertmanager.secret_files(compiled, newest)
        grafana.secrets(compiled)
    return reads


def test_every_setting_is_read_or_warns(read_by_name: set[str], read_in_a_run: set[str]) -> None:
    """No setting is accepted in silence: code outside `config/` reads it, or a warning says that it has no effect."""
    assert sorted(_unread(leaves(), read_by_name | read_in_a_run)) == []


def test_a_setting_without_effect_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field counts as read by its class: not by a field of the same name elsewhere, and not by text."""
    folder = tmp_path / "synthetic"
    folder.mkdir()
    for name, text in SYNTHETIC.items():
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    section = importlib.import_module("synthetic.sections").Root

    found = resolved(tmp_path, "synthetic", "synthetic.sections.", tmp_path)
    reads = {field for field, path in found if path.endswith("reader.py")}

    assert _unread(leaves(section), reads) == {"items[].host", "port"}
