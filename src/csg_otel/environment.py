"""
The process environment, read in one place.

Nothing else in the package touches ``os.environ`` (a lint rule holds that), so every setting's origin can be named and
tests pass a mapping instead of patching the process. An empty variable counts as unset.
"""

from __future__ import annotations

import os


def snapshot() -> dict[str, str]:
    """Return a copy of the environment without its empty variables."""
    return {name: value for name, value in os.environ.items() if value}  # noqa: TID251 - this is the one place
