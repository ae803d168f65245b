"""The lock files make installs repeatable: everything pinned, everything hashed, no place named."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LINE = re.compile(r"[a-z0-9-]+==[\w.!]+( ; [^/]+?)?( +--hash=sha256:[0-9a-f]{64})+")


def _lines(root: Path, lock: str) -> list[str]:
    text = (root / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    return text.replace("\\\n", " ").splitlines()


def _pins(root: Path, lock: str) -> set[str]:
    return {line.split("--hash", 1)[0].strip() for line in _lines(root, lock)}


@pytest.mark.parametrize("lock", ["runtime", "tui", "build", "dev", "neighbours"])
def test_every_line_is_a_pin_with_hashes(root: Path, lock: str) -> None:
    """A line is a name, one version, perhaps a marker, and SHA-256 hashes: no option, no host, no path."""
    lines = _lines(root, lock)

    assert lines
    assert [line for line in lines if not LINE.fullmatch(line)] == []


def test_the_development_lock_extends_the_others(root: Path) -> None:
    """What CI tests is what users install: the same pins, and more."""
    assert (_pins(root, "tui") | _pins(root, "build")) - _pins(root, "dev") == set()
    assert _pins(root, "runtime") - _pins(root, "tui") == set()


def test_the_demo_installs_what_it_tells_to_call(root: Path) -> None:
    """The dashboard in the terminal is an extra, and `make demo` prints its command."""
    commands = subprocess.run(["make", "-nB", "demo"], cwd=root, capture_output=True, text=True, check=True).stdout

    assert "-r requirements/tui.lock" in commands
    assert any(pin.startswith("textual==") for pin in _pins(root, "tui"))


def test_the_lock_serves_the_declared_dependencies(root: Path) -> None:
    """Every dependency the package declares is pinned, at a version it allows."""
    pins = [Requirement(pin) for pin in _pins(root, "runtime")]
    locked = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}
    declared = [Requirement(text) for text in importlib.metadata.requires("csg-otel") or []]
    base = [requirement for requirement in declared if "extra" not in str(requirement.marker)]

    unserved = [
        str(requirement)
        for requirement in base
        if not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"), prereleases=True)
    ]
    assert unserved == []
