"""The lock files make installs repeatable: everything pinned, everything hashed, no place named, nothing beside them."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from supply import locks

NAMES = ["runtime", "tui", "extras", "build", "dev", "neighbours"]


def _pins(lock: str) -> set[tuple[str, str, str]]:
    return {(pin.name, pin.version, pin.marker) for pin in locks.read(lock)}


@pytest.mark.parametrize("lock", NAMES)
def test_every_line_is_a_pin_with_hashes(lock: str) -> None:
    """A line is a name, one version, perhaps a marker, and SHA-256 hashes: no option, no host, no path."""
    pins = locks.read(lock)

    assert pins
    assert [pin for pin in pins if not pin.hashes] == []


@pytest.mark.parametrize(
    "line", ["h11==0.16.0", "h11>=0.16 --hash=sha256:" + "0" * 64, "--index-url https://a.invalid"]
)
def test_a_line_without_a_hash_is_refused(line: str, tmp_path: Path) -> None:
    """What reads the locks for the audit and the SBOM passes over nothing."""
    (tmp_path / "dev.lock").write_text(f"{line}\n", encoding="utf-8")

    with pytest.raises(ValueError, match="run `make lock`"):
        locks.read("dev", tmp_path)


def test_the_development_lock_extends_the_others() -> None:
    """What CI tests is what users install: the same pins, perhaps on more Pythons, and more."""
    developed = _pins("dev")
    everywhere = {(name, version) for name, version, marker in developed if not marker}
    missing = (_pins("extras") | _pins("build")) - developed
    assert {pin for pin in missing if pin[:2] not in everywhere} == set()
    assert _pins("tui") - _pins("extras") == set()
    assert _pins("runtime") - _pins("tui") == set()


def test_every_lock_is_known_here(root: Path) -> None:
    """A new lock file is audited and tested like the others."""
    assert {path.stem for path in (root / "requirements").glob("*.lock")} == set(NAMES)


def test_the_demo_installs_what_it_tells_to_call(root: Path) -> None:
    """The dashboard in the terminal is an extra, and `make demo` prints its command."""
    commands = subprocess.run(["make", "-nB", "demo"], cwd=root, capture_output=True, text=True, check=True).stdout

    assert "-r requirements/tui.lock" in commands
    assert any(name == "textual" for name, _, _ in _pins("tui"))


@pytest.mark.parametrize("lock", ["runtime", "extras"])
def test_the_lock_serves_the_declared_dependencies(lock: str) -> None:
    """Every dependency the package declares is pinned, at a version it allows; those of the extras in their lock."""
    pinned = {canonicalize_name(pin.name): pin.version for pin in locks.read(lock)}
    declared = [Requirement(text) for text in importlib.metadata.requires("csg-otel") or []]
    wanted = [requirement for requirement in declared if lock == "extras" or "extra" not in str(requirement.marker)]

    unserved = [
        str(requirement)
        for requirement in wanted
        if not requirement.specifier.contains(pinned.get(canonicalize_name(requirement.name), "0"), prereleases=True)
    ]
    assert unserved == []


def test_every_installation_checks_hashes(tracked: dict[str, str]) -> None:
    """Each `pip install` of the Makefile, scripts and image takes a hashed lock, or the checkout without dependencies."""
    scripts = {
        path: text
        for path, text in tracked.items()
        if path == "Makefile" or path.startswith((".ci/", "collector-config/build", "examples/deploy/Dockerfile"))
    }
    calls = [
        (path, call)
        for path, text in scripts.items()
        for call in re.findall(r"(?:pip (?:--\S+ )*install\b|\$\(PIP\))[^\n|&]*", text)
        if not call.endswith("install --quiet")  # the Makefile's variable, whose uses are looked at
    ]

    assert len(calls) > 8
    assert [
        call
        for call in calls
        if "--require-hashes -r" not in call[1] and "--no-deps --no-build-isolation" not in call[1]
    ] == []


def test_the_parts_for_node_have_hashes(root: Path) -> None:
    """Every package of the Node.js program has a SHA-512 in the lock, and `npm ci` installs exactly these, without scripts."""
    lock = json.loads((root / "tests/dashboard/node/package-lock.json").read_text(encoding="utf-8"))
    packages = {path: entry for path, entry in lock["packages"].items() if path}

    assert len(packages) > 50
    assert [path for path, entry in packages.items() if not entry["integrity"].startswith("sha512-")] == []
    assert re.findall(r"npm (\w+) .*(--ignore-scripts)", (root / ".ci/node-parts").read_text(encoding="utf-8")) == [
        ("ci", "--ignore-scripts")
    ]


def test_the_parts_from_go_have_versions_that_the_checksum_database_holds(tracked: dict[str, str]) -> None:
    """Every Go module is asked for by one version, and no script switches off the database that holds the modules' hashes."""
    scripts = tracked[".ci/go-parts"], tracked["collector-config/build"]
    manifest = yaml.safe_load(tracked["collector-config/builder-config.yaml"])
    modules = [entry["gomod"] for entries in manifest.values() if isinstance(entries, list) for entry in entries]

    assert len(modules) > 10
    assert [module for module in modules if not re.fullmatch(r"\S+ v\d+\.\d+\.\d+", module)] == []
    assert [
        call
        for text in scripts
        for call in re.findall(r"go (?:get|install) (\S+)", text)
        if not call.strip('"').endswith("@$version")
    ] == []
    switches = re.compile(r"GOSUMDB|GONOSUMDB|GONOSUMCHECK|GOINSECURE|GOPRIVATE|-insecure")
    assert [
        path
        for path, text in tracked.items()
        if path.startswith((".ci/", "collector-config/")) and switches.search(text)
    ] == []
