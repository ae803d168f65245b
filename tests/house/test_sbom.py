"""The bill of materials in the wheel: whole, valid, and the same for the same locks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from supply import locks, sbom


@pytest.fixture(scope="module")
def document(root: Path) -> dict[str, Any]:
    """Return the bill of materials as it is committed."""
    content: dict[str, Any] = json.loads((root / "requirements/csg-otel.cdx.json").read_text(encoding="utf-8"))
    return content


def test_the_bill_is_that_of_the_locks_and_the_version() -> None:
    """A change of the locks, the extras or the version without `make sbom` fails here."""
    assert sbom.PATH.read_text(encoding="utf-8") == sbom.text(), "run `make sbom`"


def test_the_bill_is_valid() -> None:
    """It holds to the JSON schema of CycloneDX 1.6, strictly."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(sbom.PATH.read_text(encoding="utf-8")) is None


def test_the_bill_lists_every_pin_with_its_hashes(document: dict[str, Any]) -> None:
    """Each pinned version is a component with a package URL and the hashes of all its files; nothing else is one."""
    listed = {
        (item["purl"], tuple(sorted(value["content"] for value in item["externalReferences"][0]["hashes"])))
        for item in document["components"]
    }

    assert listed == {(f"pkg:pypi/{pin.name}@{pin.version}", pin.hashes) for pin in locks.read("extras")}


def test_what_only_an_extra_needs_is_optional(document: dict[str, Any]) -> None:
    """What everyone gets is required; the rest is optional and names its extras."""
    runtime = {(pin.name, pin.version) for pin in locks.read("runtime")}
    scopes = {(item["name"], item["version"]): item["scope"] for item in document["components"]}
    extras = {
        item["name"]: [entry["value"] for entry in item.get("properties", []) if entry["name"] == "csg-otel:extra"]
        for item in document["components"]
    }

    assert {key for key, scope in scopes.items() if scope == "required"} == runtime
    assert [
        item["name"] for item in document["components"] if (item["scope"] == "optional") != bool(extras[item["name"]])
    ] == []
    assert (extras["textual"], extras["rich"], extras["mcp"]) == (["tui"], ["tui"], ["mcp"])


def test_the_bill_says_what_needs_what(document: dict[str, Any]) -> None:
    """From the package every component can be reached over the dependencies."""
    needs = {item["ref"]: item.get("dependsOn", []) for item in document["dependencies"]}
    reached: set[str] = set()
    pending = {document["metadata"]["component"]["bom-ref"]}
    while pending:
        reached.add(ref := pending.pop())
        pending |= set(needs[ref]) - reached

    assert reached == set(needs)
    assert set(needs) - {document["metadata"]["component"]["bom-ref"]} == {
        item["bom-ref"] for item in document["components"]
    }


def test_the_bill_does_not_depend_on_time_or_process(root: Path) -> None:
    """Two processes with other hash seeds, time zones and locales make the same bytes; no time is in them."""
    command = [sys.executable, "-c", "from supply import sbom; print(sbom.text(), end='')"]
    outputs = set()
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "TZ": zone,
            "PYTHONPATH": f"{root / 'tests'}:{root / 'src'}",
        }
        outputs.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)

    assert outputs == {sbom.PATH.read_text(encoding="utf-8")}
    assert "timestamp" not in sbom.PATH.read_text(encoding="utf-8")
