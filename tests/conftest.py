"""
What all tests share: real parts, golden files, a clean environment.

A test marked ``real("prometheus")`` runs against that very program. Where it is missing the test is skipped on a
developer's machine and fails in CI (``CI=true``), so that nothing which has to be shown goes unshown unnoticed.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from support.capture import Captured
    from support.otlp_sink import HttpSink

# A deadline per example measures the machine, not the code.
hypothesis.settings.register_profile("house", deadline=None)
# .ci/pythons chooses this one.
hypothesis.settings.register_profile("few-examples", deadline=None, max_examples=20)
hypothesis.settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--update-golden``, which ``make golden`` uses, and ``--fast-path-off``."""
    parser.addoption("--update-golden", action="store_true", help="write golden files instead of comparing with them")
    parser.addoption("--fast-path-off", action="store_true", help="let the self-test of the fast path fail everywhere")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test whose real parts (executables on the PATH) are missing, or that needs the fast path."""
    if item.config.getoption("--fast-path-off") and item.get_closest_marker("fast_path"):
        pytest.skip("it is about the fast path, which --fast-path-off switches off")
    parts = [part for marker in item.iter_markers("real") for part in marker.args]
    missing = [part for part in parts if not _present(part)]
    if not missing:
        return
    how = "`make real-parts` as root on Debian installs most; others: " + ", ".join(
        sorted({f"`{script}`" for script, *_ in _BUILT.values()})
    )
    reason = f"real parts missing: {', '.join(missing)} ({how})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


_BUILT = {
    "otelcol": ["collector-config/build"],
    "neighbours": [".ci/neighbours"],
    "uwsgi": [".ci/neighbours", "uwsgi"],
    "node-otel": [".ci/node-parts"],
    "gitleaks": [".ci/gitleaks"],
}
"""Scripts that build a part into the user's cache, and find it there."""


@functools.cache
def _present(part: str) -> bool:
    """Tell whether the executable *part* is there; Debian keeps PostgreSQL's server and Nagios' plugins off the PATH."""
    if part in _BUILT:
        script, *name = _BUILT[part]
        find = Path(__file__).resolve().parents[1] / script
        return subprocess.run([find, "--find", *name], capture_output=True).returncode == 0
    aside = {"postgresql": "postgresql/*/bin/postgres", "check_http": "nagios/plugins/check_http"}
    return shutil.which(part) is not None or (part in aside and any(Path("/usr/lib").glob(aside[part])))


@pytest.fixture(autouse=True)
def _unconfigured(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> None:
    """Hide the developer's own telemetry settings from the test and the programs it starts, and keep off their files."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    for name in tuple(os.environ):
        if name.startswith(("OTEL_", "CSG_OTEL_")):
            monkeypatch.delenv(name)
    if pytestconfig.getoption("--fast-path-off"):
        monkeypatch.setattr("csg_otel.pipeline.self_test.problem", lambda: "it was made to fail")
        monkeypatch.setenv("CSG_OTEL_PERFORMANCE_FAST_PATH", "false")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with ``golden/<name>`` beside the test file; with ``--update-golden`` write it."""

    def compare(name: str, actual: str) -> None:
        path = Path(request.path).parent / "golden" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(actual, encoding="utf-8")
        assert path.is_file(), f"no golden file {path.name}: write it with `make golden` and read it"

        assert path.read_text(encoding="utf-8") == actual

    return compare


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Everything the test emits, in memory."""
    from support.capture import capture

    with capture() as found:
        yield found


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    """An OTLP receiver over HTTP, which outlives the programs of the test."""
    from support.otlp_sink import HttpSink

    made = HttpSink()
    yield made
    made.close()
