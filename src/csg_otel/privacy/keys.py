"""
The key layer: whether the name of an attribute, a parameter or a field announces a secret or personal data. Pure.

A key is split at ``._-``, spaces, digits and capital letters, and its words are compared with the tables of `words` and `names_of_people`.
The one rule: a key decides with its value; ``token=17`` and ``auth=oidc`` are harmless.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from csg_otel.privacy import persons, words
from csg_otel.privacy.options import MASKED
from csg_otel.privacy.separate import separate

NONE: Final = 0
WEAK: Final = 1
"""Secret unless the value is a number, a boolean, a short word, or a plain word in lower case."""
STRONG: Final = 2
"""Secret unless the value is a number, a boolean or a short word."""
PASSWORD: Final = 3
"""Secret unless the value is a boolean, a short word or a placeholder."""
ALL: Final = 4
"""A key that the user has named: any value is secret."""

_WORDS: Final = re.compile(r"[A-Z]+(?![^\W\d_A-Z])|[A-Z]?[^\W\d_A-Z]+|[0-9]+")
_MARKER: Final = re.compile(r"\[redacted(?::[\w.-]{1,80})?\]")
_TO_LAST_OTHER: Final = re.compile(r"(?s).*[^\x00-\x7f]")
_GLUED: Final = re.compile(rf"(?s)(.*?)({'|'.join(sorted(words.GLUED, key=len, reverse=True))})s?([0-9]*)")
_INFIX: Final = re.compile(r"(?:password|passwd|passphrase|secret|apikey|credential)s?")
_WEAK: Final = frozenset(
    separate(
        """
    auth cookie cookies token tokens credential credentials creds bearer authentication dsn connectionstring connstr
    connstring netrc keytab htpasswd pgpass sas psk pfx
    """
    )
)
_SENSITIVE: Final = words.ALWAYS | words.STRONG | words.DIGITS
_BRACKETS: Final = {"(": ")", "[": "]", "<": ">", "{": "}"}
_PLANNED: Final = frozenset(("(known after apply)", "(sensitive value)", "(sensitive)"))
_AFTER_ID: Final = frozenset(("session", "sess", "sid"))
_PLACEHOLDER: Final = re.compile(
    r"\?|%s|%\([\w.-]*\)s|:\w+|\$\d+|@\w+|\$\{[^{}]*\}|\$\w+|\{\{[^{}]*\}\}|\{[\w.]*\}|<[\w .-]*>|-+|=+|~|@|\*+|\$"
)
_PLAIN_WORD: Final = re.compile(r"[a-z]+(?:[-_ ][a-z]+)*|[A-Z]?[a-z]+|[A-Z_]+")
_PATH: Final = re.compile(r"(?:~|\.{1,2})?(?:/[a-z0-9_.@-]{1,40}){2,}/?|/[a-z0-9_@-]{1,40}\.[a-z]{2,5}")
_RESOURCE: Final = re.compile(r"[a-z][a-z0-9_.-]{0,40}(?:/[a-z0-9_.-]{1,40})+")
_NAME: Final = re.compile(r"(?!.*(?:secret|pass|key|value|change))[a-z]+(?:-[a-z]+)+")
_SCHEMA: Final = re.compile(r"""\{\s*[\\"']*(?:type|\$ref|schema|description|title|format|anyOf|allOf)[\\"']*\s*:""")
_CLASS: Final = re.compile(
    r"_?[A-Za-z][a-z]{2,}(?:[A-Z][a-z]{2,}){0,6}[A-Z]{0,3}|[A-Za-z]{3,}(?:_[A-Za-z]{2,})+|[a-z]{3,}(?:\.[a-z]{2,})+"
)
_QUOTED: Final = " \t\r\n\"'`"
_FORMATTED: Final = re.compile(r"(?:\{[A-Za-z_][\w.]*(?:![rsa])?(?::[^{}\"' ]{0,12})?\}|[^\w{}])+")
_NUMBERS: Final = re.compile(r"[\d\s,./:e+-]+")
_NUMBER: Final = re.compile(
    r"[+-]?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?\s?(?:%|ms|s|us|ns|m|h|d|kb|mb|gb|kib|mib|gib|b)?", re.IGNORECASE
)


def split(key: str) -> list[str]:
    """Return the words of *key* in lower case: ``X-APIKey2`` are ``x``, ``api``, ``key`` and ``2``."""
    if "[redacted" in key:  # the name of a rule is no word of a key
        key = _MARKER.sub(" ", key)
    return [word.lower() for word in _WORDS.findall(key)]


@lru_cache(maxsize=4096)
def strength(key: str) -> int:
    """Return how surely *key* names a secret: `NONE`, `WEAK`, `STRONG` or `PASSWORD`."""
    parts = split(key[-200:])
    best = NONE
    for index, word in enumerate(parts):
        level, following = _level(parts, index, word)
        if level > best and not _benign(parts, index, following, word):
            best = min(level, WEAK) if index and parts[index - 1] in words.ACTIONS else level
    if best == NONE and not key.isascii() and len(tail := _TO_LAST_OTHER.sub("", key)) >= 6:
        return strength(tail)  # a word in another language stands before it
    return best


def _level(parts: list[str], index: int, word: str) -> tuple[int, int]:
    """Return the level of the word at *index*, alone or with the next ones, and the index of the first word after it."""
    for phrase in words.PHRASES:
        if phrase[0] == word and _same(parts[index : index + len(phrase)], phrase):
            level = PASSWORD if phrase[-1] in ("pass", "password", "phrase", "pin", "passe", "wd") else STRONG
            return (NONE if phrase in words.URLS else level), index + len(phrase)
    word = _single(word)
    if word in words.ALWAYS:
        return PASSWORD, index + 1
    if word in words.STRONG:
        return (WEAK if word in _WEAK else STRONG), index + 1
    if word == "auth":
        return (WEAK if index == len(parts) - 1 else NONE), index + 1
    if word in ("pass", "pw", "sid") and index == len(parts) - 1:
        return (STRONG if len(parts) == 1 or word == "pw" else NONE if word == "sid" else WEAK), index + 1
    return _glued(word), index + 1


def _same(parts: list[str], phrase: tuple[str, ...]) -> bool:
    """Return whether *parts* are *phrase*, or its plural."""
    return parts[:-1] == list(phrase[:-1]) and parts[-1] in (phrase[-1], f"{phrase[-1]}s")


def _single(word: str) -> str:
    """Return the singular of a sensitive word."""
    return word[:-1] if word[-1:] == "s" and word not in _SENSITIVE and word[:-1] in _SENSITIVE else word


def _glued(word: str) -> int:
    """Return the level of a word that ends with, or holds, a sensitive one: ``dbpassword``, ``clientsecretvalue``."""
    if not word.isascii():
        if any(foreign in word for foreign in words.FOREIGN):
            return PASSWORD
        word = _TO_LAST_OTHER.sub("", word)  # what follows the last other letter
    if len(word) < 5:
        return NONE
    if (match := _GLUED.fullmatch(word)) is not None:
        head, core = match[1], match[2]
        if core == "token" and (head in words.PAGES or head in words.BENIGN_BEFORE):
            return NONE
        if head in words.BENIGN_BEFORE:
            return NONE
        return PASSWORD if core.startswith(("pass", "pwd")) or core.endswith(("pass", "pin")) else STRONG
    if (match := _INFIX.search(word)) is not None:
        rest = word[match.end() :]
        if rest.startswith(("less", "ary", "ari", "iz", "er")) or _starts_benign(rest):
            return NONE
        return PASSWORD if match[0].startswith("pass") else STRONG
    return NONE


def _starts_benign(rest: str) -> bool:
    return any(rest.startswith(word) for word in words.BENIGN_AFTER if len(word) > 3) or rest in words.BENIGN_AFTER


def _benign(parts: list[str], index: int, following: int, word: str) -> bool:
    """Return whether the words around a sensitive one make the key harmless."""
    rest = parts[following:]
    if any(other in words.BENIGN_AFTER for other in rest):
        return True
    if rest and rest[-1] in ("id", "ids") and word not in _AFTER_ID and word not in ("cookie", "secret", "jwt"):
        return True
    if index and word in ("token", "tokens"):
        before = parts[index - 1]
        if before in words.PAGES or (word == "tokens" and before in words.COUNTED_TOKENS):
            return True
    return index > 0 and parts[index - 1] in words.BENIGN_BEFORE


def secret(key: str, value: str) -> bool:
    """Return whether *value* under *key* is a secret."""
    level = strength(key)
    return level != NONE and holds_secret(level, key, value)


def holds_secret(level: int, key: str, value: str) -> bool:
    """Return whether *value* under a key of *level* is a secret: no number, boolean, short word, placeholder or mask."""
    text = value[:220].strip(_QUOTED)
    if text[:1] == "{" and (_SCHEMA.match(text) is not None or placeholder(text)):
        return False
    if text in _PLANNED:
        return False
    if text[:1] in _BRACKETS and text[-1:] == _BRACKETS[text[0]]:
        text = text[1:-1].strip()
        if "," in text:  # a list is a secret if one of its items is
            items = (item.strip(_QUOTED) for item in text.split(","))
            return any(holds_secret(level, key, item) for item in items if item)
    if not text or len(text) > 200:
        return bool(text)
    if level == ALL:
        return MASKED.fullmatch(text) is None
    if not any(map(str.isalnum, text if len(text) < 4 else "0")) or _same_name(key, text):
        return False
    if text.lower() in words.SHORT_WORDS or MASKED.fullmatch(text) or placeholder(text):
        return False
    if text[0] in "+-0123456789." and (_NUMBER.fullmatch(text) or _NUMBERS.fullmatch(text)):
        return _long_number(key, text)
    if _PATH.fullmatch(text) is not None or (level != PASSWORD and _RESOURCE.fullmatch(text) is not None):
        return False
    if level == WEAK:
        return not _plain(text)
    return key.lstrip("-").lower() not in ("secret", "secrets") or _NAME.fullmatch(text) is None


def _same_name(key: str, text: str) -> bool:
    """Return whether *text* is the key itself, or its end, as in ``headers["X-Api-Key"] = api_key``."""
    name = re.sub(r"[\W_]", "", text).lower()
    return len(name) >= 4 and len(text) <= len(key) + 2 and re.sub(r"[\W_]", "", key).lower().endswith(name)


def _plain(text: str) -> bool:
    """Return whether *text* is a word, or a few of them, or a class's name: no digits and few turns of capital and small letters."""
    if _PLAIN_WORD.fullmatch(text) is not None:
        return len(text) <= 24
    return len(text) <= 60 and _CLASS.fullmatch(text) is not None


def _long_number(key: str, text: str) -> bool:
    """Return whether *text*, of digits and marks, is a secret under *key*: none of its parts may be one."""
    parts = re.findall(r"\d+", text) if "," in text or " " in text else [re.sub(r"\D", "", text)]
    digits = max(map(len, parts), default=0)
    return digits >= 3 and (text.isdigit() or digits >= 6 or len(parts) > 1) and _takes_digits(key, digits)


def placeholder(text: str) -> bool:
    """Return whether *text* stands for a value that comes later: ``%s``, ``{token}``, ``$TOKEN``."""
    return _PLACEHOLDER.fullmatch(text) is not None or ("{" in text and _FORMATTED.fullmatch(text) is not None)


@lru_cache(maxsize=1024)
def _digit_words(key: str) -> frozenset[str]:
    parts = split(key)
    codes = frozenset(words.DIGIT_CODES).intersection(
        " ".join(pair) for pair in itertools.pairwise(map(_single, parts))
    )
    return (
        codes
        or words.DIGITS.intersection(map(_single, parts))
        or frozenset(core for word in parts for core in ("password", "passwd", "pwd", "passcode") if core in word)
    )


def _takes_digits(key: str, length: int) -> bool:
    """Return whether a number of *length* digits is a secret under *key*: a PIN, a one-time code, a password, a long id."""
    return bool(_digit_words(key)) or length >= 12


def number_is_secret(key: str, value: float) -> bool:
    """Return whether a typed number is a secret or personal under *key*: a PIN of 4 digits, not the number of PINs."""
    if isinstance(value, bool) or not isinstance(value, int) or strength(key) == NONE:
        return False
    return 3 <= len(str(abs(value))) <= 12 and bool(_digit_words(key))


def personal(key: str, value: str) -> str:
    """Return the rule of personal data that *key* names, or an empty text."""
    return persons.rule(split(key[-200:]), value)


def extra_key_test(extra: tuple[str, ...]) -> Callable[[str], bool] | None:
    """Return the test whether a key contains a word of *extra* (as its words, or from 5 letters on as any part), or None."""
    phrases = [split(word) or [word.lower()] for word in extra]
    if not phrases:
        return None

    def contains(key: str) -> bool:
        parts = split(key)
        joined = "".join(parts)
        return any(
            any(parts[index : index + len(phrase)] == phrase for index in range(len(parts)))
            or (len("".join(phrase)) >= 5 and "".join(phrase) in joined)
            for phrase in phrases
        )

    return contains
