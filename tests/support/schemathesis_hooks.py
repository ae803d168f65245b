"""
What schemathesis loads before a run: how lines of JSON are sent, and a check of our own that keeps the count.

``CASES`` names the file that gets one line for each case: the status, the method and the path.
``LOCKED`` is set where no request has a credential: then each response must be the same 401.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import schemathesis

schemathesis.serializer.alias("application/x-ndjson", "text/plain")


@schemathesis.check
def counted(_context: Any, response: Any, case: Any) -> None:
    """Write the case down; without a credential, a response other than 401 is a failure."""
    with Path(os.environ["CASES"]).open("a", encoding="utf-8") as lines:
        lines.write(f"{response.status_code} {case.method} {case.path}\n")
    if os.environ.get("LOCKED"):
        assert response.status_code == 401, f"{response.status_code} without a credential"
        assert response.headers.get("www-authenticate"), "a 401 without a challenge"
