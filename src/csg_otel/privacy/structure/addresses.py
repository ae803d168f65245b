"""Credentials in addresses and data source names: ``scheme://user:password@host`` and its relatives. Pure and linear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from csg_otel.privacy.options import MASKED, Hit
from csg_otel.privacy.separate import separate
from csg_otel.privacy.structure import plausible

_BEGIN: Final = r"(?:://|%3A%2F%2F|:\\/\\/)"
_AUTHORITIES: Final = re.compile(_BEGIN + r"([^\s\"'<>`|{}]+)")
_NEXT: Final = re.compile(_BEGIN)
_NO_PASSWORD_BEFORE: Final = re.compile(r"@|/|%40|%2F|[,;&][\w.+\-=]*\Z")
_COLON: Final = re.compile(r":|%3A")
_HOST: Final = re.compile(r"\[?[\w.\-:$*%]*|\(")
_SCHEMELESS: Final = re.compile(
    r"(?<![\w.\-/@:+])([\w.\-]{1,64}):([^\s:@/\"'<>(){},]{3,128})@(?:tcp|udp|unix)?(?:\(|[\w\-.]{1,255}(?::\d{2,5}|/))"
)
_ORACLE: Final = re.compile(r"(?:thin|oci8?):([\w$#]{1,64})/([^\s@\"']{1,128})@")
_NO_PASSWORD: Final = frozenset(
    separate(
        """
    mailto sip sips xmpp acct from to cc bcc by user email e-mail
    """
    )
)
_TOKEN_IS_USER: Final = frozenset(("x-oauth-basic", "x-oauth", "x", "X", "api_token"))
"""Passwords that say that the user is a token."""
_NO_USER: Final = re.compile(r"\d+(?:[/?#]|\Z)")
_NO_NAME: Final = re.compile(r"[/?#]")
RULE: Final = "url-credentials"


def hits(text: str) -> Iterator[Hit]:
    """Yield the credentials of addresses in *text*."""
    for match in _AUTHORITIES.finditer(text):
        for start, end in _split(text, *match.span(1)):
            yield from _user_info(text, start, text[start:end])
    for match in _SCHEMELESS.finditer(text):
        if match[1].lower() not in _NO_PASSWORD and "sha256" not in match[0] and not _masked(match[2]):
            yield Hit(match.start(2), match.end(2), RULE)
    if "thin:" in text or "oci" in text:
        for match in _ORACLE.finditer(text):
            if not _masked(match[2]):
                yield Hit(match.start(2), match.end(2), RULE)


def _split(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of each address of a list without spaces; a password may contain ``://``."""
    part, in_password = start, False
    for begin in _NEXT.finditer(text, start, end):
        segment = text[part : begin.start()]
        in_password = not _NO_PASSWORD_BEFORE.search(segment) and (in_password or _COLON.search(segment) is not None)
        part = begin.end()
        if not in_password:
            yield start, begin.start()
            start = part
    yield start, end


def _user_info(text: str, start: int, rest: str) -> Iterator[Hit]:
    """Yield the secrets before the last ``@`` of an authority: the password, or a token that stands as the user."""
    at, width = _last_at(rest, "http" in text[max(0, start - 10) : start].lower())
    if at <= 0:
        return
    mask = MASKED.match(rest, 0, at)
    head = mask.end() if mask is not None else 0
    separator = _COLON.search(rest, head, at)
    colon = "" if separator is None else separator[0]
    user, password = (rest[:at], "") if separator is None else (rest[: separator.start()], rest[separator.end() : at])
    if _NO_NAME.search(user) is not None or _HOST.match(rest, at + width) is None:
        return
    if colon and (password in _TOKEN_IS_USER or not password):
        if not _masked(user) and (password or plausible.token_like(user, 12)):
            yield Hit(start, start + len(user), RULE)
        return
    if colon and password:
        if _NO_USER.match(password) is not None and not password.isdigit():
            return  # a port, and an @ in the path
        if plausible.token_like(user, 20):
            yield Hit(start, start + at, RULE)
        elif not _masked(password):
            yield Hit(start + len(user) + len(colon), start + at, RULE)
    elif (plausible.token_like(user, 12) or "sentry" in rest[at:]) and not _masked(user):
        scheme = text[max(0, start - 12) : start]
        if "http" in scheme or "git" not in user:
            yield Hit(start, start + len(user), RULE)


def _last_at(rest: str, web: bool) -> tuple[int, int]:
    """Return the index and the width of the ``@`` that ends the user info; one in the path of a *web* address does not count."""
    slash = rest.find("/")
    if not web and ":" in rest[: max(slash, 0)]:
        path_end = rest.find("?", slash)
        at = rest.rfind("@", slash, path_end if path_end >= 0 else len(rest))
        if at >= 0:
            return at, 1
    in_authority = slash < 0 or ("@" not in rest[:slash] and ":" in rest[:slash])  # else a password with a slash in it
    authority = rest if in_authority else rest[:slash]
    at = authority.rfind("@")
    return (at, 1) if at >= 0 else (authority.rfind("%40"), 3)


def _masked(value: str) -> bool:
    return MASKED.fullmatch(value) is not None or (value[:1] in "${<" and value[-1:] in "}>")
