"""The rule files that other projects publish, as ``.ci/rule-files`` collects them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / ".ci" / "rule-files"


def need() -> list[Path]:
    """Return the files; skip the test where they have not been collected."""
    done = subprocess.run([_SCRIPT, "--find"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("the rule files of other projects are not collected; run .ci/rule-files")
    return sorted(Path(done.stdout.strip()).iterdir())
