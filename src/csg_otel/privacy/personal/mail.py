"""E-mail addresses, also with an encoded ``@``. Pure and linear: each ``@`` is looked at with the 64 characters before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from csg_otel.privacy.options import Hit
from csg_otel.privacy.separate import separate

_AT: Final = re.compile(r"(?:@|%40)(?=[\w\-]{1,63}\.)")
_DOMAIN: Final = re.compile(r"[\w\-]{1,63}(?:\.[\w\-]{1,63}){0,8}\.([^\W\d_]{2,24}|xn--[\w\-]{2,59})(?![\w])")
_EDGE: Final = ".'+!#$&*/=?^{|}~’"
_NO_MAIL: Final = frozenset(("git", "hg", "svn", "celery", "pkg", "npm"))
_NO_DOMAIN: Final = frozenset(
    separate(
        """
    png jpg jpeg gif svg webp js mjs css py local internal localhost localdomain lan svc cluster consul tgz whl service
    target socket timer mount slice scope
    """
    )
)
_USER: Final = re.compile(r"[^\s/?#\"'<>]*")
_MORE: Final = re.compile(r"[^\s/?#\"'<>@]{0,128}@")
RULE: Final = "email"


def hits(text: str) -> Iterator[Hit]:
    """Yield the addresses in *text*; logins of machines (``git@github.com``) are none."""
    for at in _AT.finditer(text):
        domain = _DOMAIN.match(text, at.end())
        if domain is None or domain[1].lower() in _NO_DOMAIN:
            continue
        reverse = text[max(0, at.start() - 64) : at.start()][::-1]
        local = _local(reverse)
        if _user_of_host(text, at.start() - len(local), domain.end()):
            continue
        if local and local.lower() not in _NO_MAIL:
            yield Hit(at.start() - len(local), domain.end(), RULE)


def _user_of_host(text: str, start: int, end: int) -> bool:
    """Return whether the text from *start* to *end* is the last part of ``scheme://user:password@host``."""
    before = text[max(0, start - 256) : start]
    scheme = before.rfind("://")
    return scheme >= 0 and _USER.fullmatch(before, scheme + 3) is not None and _MORE.match(text, end) is None


def _local(reverse: str) -> str:
    """Return the local part that ends where *reverse*, the text before the ``@`` backwards, begins."""
    match = re.match(r"[\w.+'’!#$&*^~%\-]*", reverse)
    local = (match[0] if match is not None else "")[::-1]
    for escape in ("%3D", "%3A", "%22", "%20", "%26", "%2C", "%3C", "%2F"):
        position = local.upper().rfind(escape)
        local = local[position + 3 :] if position >= 0 else local
    return local.lstrip("." + "'+!#$&*^~’%-")
