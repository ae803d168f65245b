"""The newest Prometheus and Alertmanager, where ``.ci/go-parts`` has built them."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / ".ci" / "go-parts"


@cache
def find(name: str) -> str | None:
    """Return where the newest *name* is, or None."""
    done = subprocess.run([_SCRIPT, "--find", name], capture_output=True, text=True)
    return done.stdout.strip() or None


def need(name: str) -> str:
    """Return where the newest *name* is; skip the test, in CI fail it, if it has not been built."""
    found = find(name)
    if found is not None:
        return found
    reason = f"the newest {name} is not built (`make newest-parts` does, where Go is installed)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
