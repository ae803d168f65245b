"""A test that needs a real part says so: skipped for a developer, a failure in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TEST = '''
import pytest

@pytest.mark.real("{part}")
def test_with_a_real_part():
    """Needs a part."""
'''


@pytest.mark.parametrize(
    ("part", "ci", "expected"),
    [("no-such-server", "", "1 skipped"), ("no-such-server", "true", "1 error"), ("sh", "true", "1 passed")],
)
def test_a_missing_part_is_skipped_here_and_fails_in_ci(
    tmp_path: Path, root: Path, part: str, ci: str, expected: str
) -> None:
    """The same test is skipped, fails or runs, by the machine it finds itself on."""
    shutil.copy(root / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_part.py").write_text(TEST.format(part=part), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = real(part): needs it\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "."]
    environment = {**os.environ, "CI": ci}
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=False, stdout=subprocess.PIPE, text=True)

    assert done.stdout.splitlines()[-1].split(" in ")[0] == expected


@pytest.mark.parametrize(("ci", "expected"), [("", False), ("true", True)])
def test_make_installs_real_parts_in_ci_alone(root: Path, ci: str, expected: bool) -> None:
    """`make test` installs system packages when CI asks for it, never on a developer's machine."""
    command = ["make", "--dry-run", "test", f"CI={ci}"]
    plan = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)

    assert (".ci/real-parts" in plan.stdout) is expected
