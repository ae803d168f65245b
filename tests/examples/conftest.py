"""Where the examples are."""

from __future__ import annotations

from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def examples() -> Path:
    """Return the folder of the examples."""
    return EXAMPLES


@pytest.fixture
def samples() -> Path:
    """Return the folder of the sample transcripts."""
    return EXAMPLES / "snapshot_generator" / "samples"
