"""Every file of collector-config/: the collector takes it, and it keeps the house's rules for pipelines."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.collector import FOLDER, SECRETS, binary

NOT_RUN = {"datadog-exporter.yaml"}
FILES = sorted(path.name for path in FOLDER.glob("*.yaml") if path.name != "builder-config.yaml")
PULLED_OR_LOCAL = ("prometheus", "debug", "file", "load_balancing", "prometheus_remote_write")


def parsed(file: str) -> Any:
    """Return the configuration in *file*."""
    return yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))


def kinds(section: dict[str, Any]) -> dict[str, str]:
    """Return the component behind each id: ``otlp_http`` for ``otlp_http/logs``."""
    return {name: name.split("/")[0] for name in section}


@pytest.mark.real("otelcol")
@pytest.mark.parametrize("file", [name for name in FILES if name not in NOT_RUN])
def test_the_collector_takes_the_file(file: str, tmp_path: Path) -> None:
    """With nothing set but what has no default: secrets, certificates; and under present names, not deprecated ones."""
    env = {**os.environ, **SECRETS, "TLS_CERT_FILE": "cert.pem", "TLS_KEY_FILE": "key.pem"}
    command = [binary(), "validate", "--config", str(FOLDER / file)]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("file", FILES)
def test_pipelines_are_built_from_what_is_defined(file: str) -> None:
    """No component is named that is not defined, and none is defined for nothing."""
    config = parsed(file)
    named = {
        name
        for pipeline in config["service"]["pipelines"].values()
        for names in pipeline.values()
        for name in (re.findall(r"[a-z_]+", names.split(":-")[1]) if isinstance(names, str) else names)
    } | set(config["service"]["extensions"])
    sections = ("receivers", "processors", "exporters", "connectors", "extensions")
    defined = {name for section in sections for name in config.get(section) or {}}

    assert defined - named <= ({"prometheus"} if file == "gateway.yaml" else set())
    assert named - defined == set()


@pytest.mark.parametrize("file", FILES)
def test_memory_is_limited_first_and_batches_are_made_last(file: str) -> None:
    """`memory_limiter` heads every pipeline that takes from outside; batches belong to each exporter's own queue."""
    config = parsed(file)
    inner = set(config.get("connectors") or {})
    for pipeline in config["service"]["pipelines"].values():
        if not set(pipeline["receivers"]) <= inner:
            assert pipeline["processors"][0] == "memory_limiter"
    pushing = {
        name: config["exporters"][name]
        for name, kind in kinds(config["exporters"]).items()
        if kind not in PULLED_OR_LOCAL
    }
    assert "batch" not in kinds(config["processors"]).values()
    assert [name for name, settings in pushing.items() if "batch" not in settings["sending_queue"]] == []
    assert {settings["retry_on_failure"]["max_elapsed_time"] for settings in pushing.values()} <= {0}


@pytest.mark.parametrize("file", FILES)
def test_addresses_and_secrets_come_from_the_environment(file: str) -> None:
    """So that one file serves every place, and no secret has a default."""
    text = (FOLDER / file).read_text(encoding="utf-8")
    endpoints = re.findall(r"endpoint: (\S+)", text)

    assert [one for one in endpoints if "${env:" not in one] == []
    assert re.findall(r"\$\{env:\w*(?:TOKEN|KEY)\w*:-", text) == []


def test_the_page_names_every_file() -> None:
    """With what it is for and where it runs; and says of the one that is not run here that it is not."""
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+\.yaml)` \| (.*)$", page, re.MULTILINE))

    assert sorted(rows) == sorted([*FILES, "builder-config.yaml"])
    assert [name for name in rows if "not run here" in rows[name]] == sorted(NOT_RUN)


def test_the_page_explains_every_variable() -> None:
    """What a file takes from the environment stands in the tables, and nothing else does."""
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|(.*)\|$", page.split("## How it grows")[0], re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`([A-Z][A-Z_]+)`", row)} - {"GOMEMLIMIT"}
    taken = {
        name for file in FILES for name in re.findall(r"\$\{env:(\w+)", (FOLDER / file).read_text(encoding="utf-8"))
    }

    assert taken - {"HOSTNAME"} == explained


@pytest.mark.real("otelcol")
def test_the_manifest_has_every_component() -> None:
    """What the files use is what the collector that was built has."""
    done = subprocess.run([binary(), "components"], check=True, capture_output=True, text=True, timeout=60)
    has = set(re.findall(r"name: (\w+)$", done.stdout, re.MULTILINE))
    sections = ("receivers", "processors", "exporters", "connectors", "extensions")
    files = [parsed(file) for file in FILES if file not in NOT_RUN]
    uses = {kind for config in files for section in sections for kind in kinds(config.get(section) or {}).values()}

    assert uses - has == set()
