"""
Tokens of services that the tables do not name: a prefix, a mark, and a long run that is random. Pure and linear.

The one rule: the run is random in its letters' case and digits, so identifiers, words and digests, which have one case, are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from csg_otel.privacy.options import Hit
from csg_otel.privacy.randomness import random, turns

RULE: Final = "vendor-token"
WHAT: Final = "A token of an unknown service: a prefix, and 30 or more random letters and digits"
_RUN: Final = re.compile(r"[_\-.][A-Za-z0-9]{20,}")
_PREFIX: Final = re.compile(
    r"(?:^|[^A-Za-z0-9_\-])((?:[a-z][a-z0-9]{0,15}|[A-Z][A-Z0-9]{1,15}|v\d)(?:[_\-.](?:[a-z0-9]{1,12}|[A-Z0-9]{1,12})){0,3})\Z"
)
_LEAST: Final = re.compile(r"[A-Za-z0-9_\-]{23}")
_WORD: Final = re.compile(r"[A-Za-z0-9_\-]{40,512}")
SIGNED: Final = r"[_\-][A-Za-z0-9_\-]{34}"
"""What a text with several random parts has, for the screens."""
_PARTS: Final = re.compile(r"([a-z][a-z0-9]{1,11})[_\-]([A-Za-z0-9_\-]{34,})")
_TWO: Final = re.compile(r"([A-Za-z0-9]{26,28})_([A-Za-z0-9]{20,22})")
_TAIL: Final = re.compile(r"[A-Za-z0-9_=\-]*")
_SECRET: Final = re.compile(
    r"(?:^|[_\-])(?:sk|pat|tok|token|key|apikey|secret|sec|oat|api[_\-](?:key|token)|(?<=[_\-])(?:live|prod|test|sandbox|dev|api|pk|at|rt))\Z"
)
_DIGEST: Final = re.compile(r"(?:sha|md|crc|blake|xxh|h)\d|nonce|etag|digest|hash|cmpl|integrity|commit|rev")
_LONG: Final = 30


def hits(text: str) -> Iterator[Hit]:
    """Yield the tokens in *text*."""
    if _LEAST.search(text) is None:
        return
    for match in _RUN.finditer(text):
        head = _PREFIX.search(text[max(0, match.start() - 64) : match.start()])
        if head is not None and _token(head[1], match[0][1:], match[0][0]):
            tail = _TAIL.match(text, match.end())
            yield Hit(match.start() - len(head[1]), tail.end() if tail is not None else match.end(), RULE)

    for match in _WORD.finditer(text):
        two = _TWO.fullmatch(match[0])
        parts = _PARTS.fullmatch(match[0])
        if (two is not None and random(two[1]) and random(two[2])) or (parts is not None and _signed(*parts.groups())):
            yield Hit(match.start(), match.end(), RULE)


def _signed(prefix: str, body: str) -> bool:
    """Return whether *body*, with hyphens and underscores, is a random text in base64."""
    letters = body.replace("-", "").replace("_", "")
    return (
        _DIGEST.search(prefix) is None and len(letters) >= 0.8 * len(body) and len(letters) >= _LONG and random(letters)
    )


def _token(prefix: str, body: str, mark: str) -> bool:
    lower = prefix.lower()
    if _DIGEST.search(lower) is not None:
        return False
    secret = mark != "." and _SECRET.search(lower) is not None
    if random(body):
        return len(body) >= (20 if secret else _LONG) and (mark == "_" or secret or len(body) >= 40)
    mixed = any(c.isdigit() for c in body) and any(c.isalpha() for c in body)
    return secret and mark == "_" and len(body) >= 32 and mixed and turns(body) >= 0.2 * len(body)
