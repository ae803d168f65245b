"""Credentials behind the name of an authentication scheme: ``Bearer x``, ``Basic x``, signatures of requests. Pure and linear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from csg_otel.privacy.options import MASKED, Hit
from csg_otel.privacy.structure import marks, plausible

_NAMES: Final = "|".join(name.replace("-", "[ -]") for name in marks.SCHEMES)
_SCHEME: Final = re.compile(rf"(?<![\w-])(?i:({_NAMES}))(?:\s|%20|\+){{1,4}}(?=[^\s\"',;]{{6}}|\w+=)")
_SIGNATURE: Final = re.compile(
    r"(?:response|nonce|cnonce|opaque|mac|Signature|Credential|oauth_signature|oauth_token|token)=\"?([\w+/=%.\-]{8,512})"
)
_CREDENTIALS: Final = re.compile(r"[\w.~+/=:%\-]{6,16384}")
_SIGNED: Final = frozenset(("digest", "hawk", "aws4-hmac-sha256", "oauth"))
_LEAST: Final = {"basic": 8, "bearer": 8}
RULE: Final = "auth-scheme"


def hits(text: str) -> Iterator[Hit]:
    """Yield the credentials behind each scheme's name, unless they are words."""
    signed: list[tuple[int, int]] = []
    for match in _SCHEME.finditer(text):
        scheme = match[1].lower()
        if scheme in _SIGNED:
            follows = signed and match.end() <= signed[-1][1]
            begin = signed.pop()[0] if follows else match.end()
            signed.append((begin, match.end() + 2048))
            continue
        value = _CREDENTIALS.match(text, match.end())
        if (
            value is None
            or MASKED.match(value[0])
            or "=" in value[0].rstrip("=.:,")
            or not _credential(value[0], scheme)
        ):
            continue
        yield Hit(value.start(), value.end(), RULE)
    for begin, end in signed:
        for part in _SIGNATURE.finditer(text, begin, end):
            yield Hit(part.start(1), part.end(1), RULE)


def _credential(value: str, scheme: str) -> bool:
    word = value.rstrip(".:,=")
    if scheme in ("basic", "bearer"):
        mixed = not word.islower() and not word.istitle() and not word.isupper() and word.isalpha() and len(word) >= 8
        return mixed or plausible.token_like(word, 8) or (value.endswith("=") and len(value) >= 8)
    return (
        plausible.token_like(word, 16)
        and any(c.isdigit() for c in word)
        and "=" not in word[:-2]
        and "/" not in word[:2]
    )
