"""Whether a word in a text looks like a secret rather than like prose. Pure."""

from __future__ import annotations

import re
from typing import Final

_MARKS: Final = re.compile(r"[0-9_+/=~!@#$%^*\\-]")
_CAMEL: Final = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")


def token_like(value: str, least: int = 8) -> bool:
    """Return whether *value* has *least* characters and a digit, or capital letters within: what prose has not."""
    if len(value) < least:
        return False
    if any(c.isdigit() for c in value):
        return True
    return len(value) >= 16 and (
        _CAMEL.search(value) is not None or _MARKS.search(value) is not None or value.isupper()
    )
