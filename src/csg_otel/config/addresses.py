"""
Addresses that are secrets by their form: who knows them can use what they lead to.

Pure. Chat services and dead man's switches put the token into the path or the query of a webhook's URL, each in its own form.
So the rule names what is certainly no token; every other address is a secret.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_PLAIN_PATH: Final = re.compile(r"(?:[/._-]|(?<![a-z0-9])(?:[a-z]{1,15}|v?\d{1,2})(?![a-z0-9]))*")
"""Words and small numbers, such as ``/api/v2/alerts`` and ``/hooks/eu-west-1``."""


def holds_secret(url: str) -> bool:
    """Return whether *url* has a user, a query, a fragment, or more than lower-case words and numbers below 100 in its path."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no URL; what it is for says so, without its text
        return True
    return "@" in parts.netloc or bool(parts.query or parts.fragment) or not _PLAIN_PATH.fullmatch(parts.path)
