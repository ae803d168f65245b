"""The hooks in ``logging.Logger`` beside other libraries that wrap the same method: every record, exactly once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support import log_journey


@pytest.mark.parametrize("handlers", [True, False], ids=["handlers", "last-resort"])
@pytest.mark.parametrize("vendor_first", [True, False], ids=["vendor-first", "csg-otel-first"])
@pytest.mark.parametrize("vendor", [log_journey.FUNCTION, log_journey.DESCRIPTOR], ids=["function", "descriptor"])
def test_every_record_reaches_both_once(vendor: str, vendor_first: bool, handlers: bool, tmp_path: Path) -> None:
    """Through other settings, shutdown and a new start, fork, a second wrapper, and unwinding in any order."""
    log_journey.run(sys.executable, vendor, tmp_path, vendor_first=vendor_first, handlers=handlers)
