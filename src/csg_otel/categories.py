"""The categories of the built-in checks, and the names of their sections in the configuration and in summaries. Pure."""

from __future__ import annotations

from typing import Final

SECTIONS: Final = {
    "system_resources": "system",
    "application": "application",
    "dependencies": "dependency",
    "performance": "performance",
}
"""The category of the checks of each section."""


def matches(name: str, check: str, category: str) -> bool:
    """Return whether *name* is that of the check *check*, of its *category*, or of the category's section."""
    return name in (check, category) or SECTIONS.get(name) == category
