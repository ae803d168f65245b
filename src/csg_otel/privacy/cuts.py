"""Long texts: how much of one is scrubbed, and where the result is cut, so that no half of a secret or marker remains. Pure."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_letters, digits
from typing import Final

from csg_otel.names import LONGEST_VALUE, MAX_ATTRIBUTE_LENGTH

MESSAGE: Final = 1024
"""Bytes of an exception's message."""
STACK: Final = 16_384
"""Bytes of a stack trace."""
TEXT: Final = 1_048_576
"""Characters of any other text; the rest of a longer one is replaced by a marker."""
_WINDOW: Final = 4
"""How many times its limit of a text is scrubbed."""
_MARGIN: Final = 8192
"""Characters at the edge of the scrubbed window that are dropped: the window may have cut a secret in two."""
_CUT: Final = "... [cut]"
LIMITS: Final = frozenset((MAX_ATTRIBUTE_LENGTH, LONGEST_VALUE))
"""Lengths of texts that were cut before they are scrubbed."""
_LONGEST_WORD: Final = 512
_OF_WORDS: Final = ascii_letters + digits + "_-+/=.~%!#$*"
"""Characters of tokens and of most passwords."""
_LONGEST_MARKER: Final = 100


def edge(clean: str) -> str:
    """Return *clean*, the scrubbed first `TEXT` characters of a text, without the margin and the word at its end."""
    kept = _before_marker(clean[: max(0, min(len(clean), TEXT) - _MARGIN)])
    space = max(kept.rfind(" "), kept.rfind("\n"))
    return kept[: space + 1] if space >= len(kept) - _MARGIN else kept


def without_last_word(text: str) -> str:
    """Return *text*, which was cut, without its last word, because half of a secret has no shape; a longer word than 512 stays."""
    kept = text.rstrip(_OF_WORDS)
    return kept if len(text) - len(kept) <= _LONGEST_WORD else text


def window(limit: int) -> int:
    """Return how many characters of a text are scrubbed, of which at most *limit* bytes remain."""
    return limit * _WINDOW + 2 * _MARGIN


def head(text: str, limit: int, scrub: Callable[[str], str]) -> str:
    """Return the first *limit* bytes of the scrubbed *text*."""
    most = window(limit)
    clean = scrub(text if len(text) <= most else text[:most])
    if len(text) > most:
        clean = clean[: max(limit // 4, len(clean) - _MARGIN)] + _CUT if len(clean) > _MARGIN else "[redacted:too-long]"
    if len(clean) * 4 <= limit or len(clean.encode("utf-8", "surrogatepass")) <= limit:
        return clean
    room = limit - len(_CUT)
    kept = clean.encode("utf-8", "surrogatepass")[:room].decode("utf-8", "ignore")
    return _before_marker(kept) + _CUT


def tail(text: str, limit: int, scrub: Callable[[str], str]) -> str:
    """Return the last lines of the scrubbed *text*, at most *limit* bytes of them."""
    most = window(limit)
    clean = scrub(text if len(text) <= most else text[-most:])
    if len(text) > most:
        clean = _CUT + clean[_MARGIN:] if len(clean) > _MARGIN else "[redacted:too-long]"
    encoded = clean.encode("utf-8", "surrogatepass")
    if len(encoded) <= limit:
        return clean
    kept = encoded[-(limit - len(_CUT) - 1) :].decode("utf-8", "ignore")
    line_end = kept.find("\n", 0, len(kept) // 2)
    return f"{_CUT}\n{kept[line_end + 1 :] if line_end >= 0 else _after_marker(kept)}"


def _before_marker(text: str) -> str:
    start = text.rfind("[", max(0, len(text) - _LONGEST_MARKER))
    return text[:start] if start >= 0 and "]" not in text[start:] else text


def _after_marker(text: str) -> str:
    end = text.find("]", 0, _LONGEST_MARKER)
    return text[end + 1 :] if end >= 0 and "[" not in text[:end] else text
