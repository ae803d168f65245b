"""
What makes a value a credential: the name of its setting, and an address with a user or a password in it.

Pure. The one rule: a text that may hold a credential is printed in a message only through `printable_text`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from csg_otel.config.sections.fields import Setting

_SENSITIVE: Final = re.compile(
    r"auth|key|token|secret|passw|pwd|cookie|credential|bearer|dsn|session|^sig(nature)?$|honeycomb-team",
    re.IGNORECASE,
)
_HARMLESS: Final = re.compile(r"(file|path|name|ca|cert|_key_?file|author)$", re.IGNORECASE)
_URL_PASSWORD: Final = re.compile(r"(://[^/:@\s]*:)(?!\d{1,5}/)[^\s]+@")
"""A password may have ``/`` and ``@`` although a URL does not allow them; digits before a slash are a port."""

_URL_USER: Final = re.compile(r"\b(https?://)(?!\*\*\*@)[^/:?#\s]+@", re.IGNORECASE)
"""Web services accept a token as the user."""

_QUERY: Final = re.compile(r"(?<=[?&;])([^=&;#?\s]+)=([^&;#\s'\"]+)")


_PAIR: Final = re.compile(
    r"(?P<name>\b(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?token|authorization)[\"']?\s*[=:]\s*[\"']?"
    r"(?:(?:bearer|basic|token)\s+)?)(?!\*\*\*)[^\s\"',;&{}$]+",
    re.IGNORECASE,
)
"""A pair in a connection string of a driver, in JSON or in a form."""

_BARE_USER: Final = re.compile(r"^([^\s:/@]+):(?!\*\*\*@)([^\s/@]+)@(?=[\w\[])")
"""A user and a password before a host, without a scheme."""


def sensitive(name: str) -> bool:
    """Return whether a header, a parameter or a variable in a query called *name* holds a credential."""
    return bool(_SENSITIVE.search(name)) and not _HARMLESS.search(name)


def in_text(text: str) -> bool:
    """Return whether *text* has an address with a password or a web service's user, a key in a query, or a pair of one."""
    return printable_text(text) != text


def has_password(text: str) -> bool:
    """Return whether *text* has an address with a password."""
    return _URL_PASSWORD.search(text) is not None


def printable_text(text: str, mask: str = "***") -> str:
    """Return *text* with *mask* for the passwords, users of web services, keys in queries and pairs (``pwd=x``) in it."""
    hidden = _BARE_USER.sub(rf"\1:{mask}@", _PAIR.sub(rf"\g<name>{mask}", text))
    if "://" not in text:
        return hidden
    hidden = _URL_USER.sub(rf"\1{mask}@", _URL_PASSWORD.sub(rf"\1{mask}@", hidden))
    return _QUERY.sub(lambda match: f"{match[1]}={mask}" if sensitive(match[1]) else match[0], hidden)


def is_sendable(secret: str) -> bool:
    """Return whether *secret* has no control character; a key in PEM may have line breaks, and any secret tabs."""
    allowed = "\t\r\n" if secret.startswith("-----BEGIN ") else "\t"
    return not any((sign < " " and sign not in allowed) or sign == "\x7f" for sign in secret)


def better(path: str, declared: Setting) -> str:
    """Return what to write instead of a secret at the dotted key *path*."""
    last = re.sub(r"\W+", "_", path.rpartition(".")[2]).strip("_")
    name = declared.env[0] if declared.env else last.upper()
    return f"write ${{{name}}} and set that variable, or ${{file:/run/secrets/{last.lower()}}}"
