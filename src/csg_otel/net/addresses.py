"""
Addresses as texts: which of them are secrets, the form in which they are printed, and the address of a path below another one.

Pure. A user, a password and a query in a URL are credentials. Chat services and dead man's switches put a token into the path,
each in its own form; so the rule names the paths that certainly have no token. The one rule: every module prints an address
with `shown`.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_MASK: Final = "***"
_PLAIN_PATH: Final = re.compile(r"(?:[/._-]|(?<![a-z0-9])(?:[a-z]{1,15}|v?\d{1,2})(?![a-z0-9]))*")
"""Words and small numbers, such as ``/api/v2/alerts`` and ``/hooks/eu-west-1``."""

_WEB: Final = ("", "http", "https")
"""Schemes whose path may have a token; the path of a socket or of a database has none."""

_NO_URL: Final = "an address that is not a URL"


def is_web(text: str) -> bool:
    """Return whether *text* is a URL of HTTP."""
    return text.lower().startswith(("http://", "https://"))


def holds_secret(url: str) -> bool:
    """Return whether *url* has a user, a query, a fragment, or more than lower-case words and numbers below 100 in its path."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
    except ValueError:  # no URL; what it is for says so, without its text
        return True
    if "@" in parts.netloc or parts.query or parts.fragment:
        return True
    return parts.scheme in _WEB and not _PLAIN_PATH.fullmatch(parts.path)


def shown(url: str, *, marked: bool = False) -> str:
    """
    Return *url* as people may read it.

    User, password, query and fragment are left out, or ``***`` if *marked* (default: left out). A part of the path that may be
    a token is ``***``. An address without a scheme stays without one.
    """
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return _NO_URL
    if "@" in parts.fragment:  # a password with # in it
        return _NO_URL
    if host is None:
        netloc = ""
    else:
        netloc = f"[{host}]" if ":" in host else host
        netloc += "" if port is None else f":{port}"
    path = parts.path
    if parts.scheme in _WEB:
        path = "/".join(part if _PLAIN_PATH.fullmatch(part) else _MASK for part in path.split("/"))
    if marked:
        netloc = f"{_MASK}@{netloc}" if "@" in parts.netloc else netloc
        path += f"?{_MASK}" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{netloc}{path}" if parts.scheme else f"{netloc}{path}"


def below(url: str, path: str) -> str:
    """Return the address of *path* below *url*; a user and a query in *url* stay in their places."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + path, parts.query, ""))
