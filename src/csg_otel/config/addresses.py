"""
Addresses that are secrets by their form: who knows them can use what they lead to.

Pure. Chat services and dead man's switches put the token into the path or the query of a webhook's URL.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_TOKEN: Final = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w.~-]{16,}")
"""A part of a path with letters and digits that is longer than the words and version numbers of addresses."""


def holds_secret(url: str) -> bool:
    """Return whether *url* has a user, a query, or a part of its path that looks like a token."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no URL; what it is for says so
        return False
    return "@" in parts.netloc or bool(parts.query) or any(map(_TOKEN.fullmatch, parts.path.split("/")))
