"""
The parts of a configured value that are secrets themselves: the token after ``Bearer``, the password of an address.

Pure. The one rule: a harmless part is never returned (a host, a user, a path, an ordinary word), because it would be redacted
in every text.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Final

from csg_otel.privacy import keys, randomness, words
from csg_otel.privacy.separate import separate
from csg_otel.privacy.structure import addresses, plausible

SHORTEST: Final = 8
"""Characters of the shortest secret that is searched for; a shorter one would match innocent text."""
_SHORTEST_IN_PATH: Final = 16
_SHORTEST_NUMBER: Final = 10
_SCHEME: Final = re.compile(
    r"\s*(bearer|basic|token|apikey|api-key|bot|key|geniekey|splunk|ssws)\s+(?:token=)?[\"']?([^\s\"']+)[\"']?\s*",
    re.IGNORECASE,
)
_ADDRESS: Final = re.compile(r"\s*[A-Za-z][\w+.\-]*://\S+\s*")
_USER_BEFORE: Final = re.compile(r"[^\s:/@?#]*:\Z")
_PAIR: Final = re.compile(r"\s*([^\s:/@=?&]{2,64}):([^\s/]\S*)\s*")
_PORT: Final = re.compile(r"\d{1,5}(?:[/,;?#]|\Z)")
_NO_USER: Final = frozenset(separate("arn data env file mailto ref secret sha256 sha512 ssm unix urn vault"))
"""Words before a colon that say where a secret is, or what kind of text follows."""
_PARAMETER: Final = re.compile(r"(?:\A|(?<=[?&;#]))\s*([^=&;#?]{1,64})=([^&;#\s]+)")
_IN_QUERY: Final = frozenset(("key", "sig", "signature"))
_HOOK: Final = re.compile(r"https?://(?:[^?#]*?(?:hook|/services/T)|hc-ping\.|nosnch\.)", re.IGNORECASE)
_PATH_PART: Final = re.compile(r"(?<=/)[\w.~:=+%\-]{16,}(?=[/?#\s]|\Z)")
_WORD: Final = re.compile(r"[A-Za-z]?[a-z]{1,16}|[A-Z]{1,17}")
_BETWEEN: Final = re.compile(r"[/:@?&=;,.\s]+")
_PERCENT: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_TURNS: Final = 0.2
"""Turns between letters and digits, by character, of a token in a path; ``release2024`` has fewer."""


def of_secret(value: str) -> set[str]:
    """Return the parts of *value*, a secret as a whole, that are secrets themselves."""
    spans = set(_spans(value))
    texts = {value[start:end] for start, end in spans}
    scheme = _SCHEME.fullmatch(value)
    if scheme is not None:
        texts |= {scheme[2], *(_decoded_pair(scheme[2]) if scheme[1].lower() == "basic" else ())}
    pair = _PAIR.fullmatch(value)
    if pair is not None and "://" not in value and pair[1].lower() not in _NO_USER and not _PORT.match(pair[2]):
        texts.add(pair[2])
    return _secret_texts(value, spans, texts)


def of_address(value: str) -> set[str]:
    """Return the parts of *value* that are secrets if it is an address, none if it is another text."""
    if "://" not in value or _ADDRESS.fullmatch(value) is None:
        return set()
    spans = set(_spans(value))
    return _secret_texts(value, spans, {value[start:end] for start, end in spans})


def _secret_texts(value: str, spans: set[tuple[int, int]], texts: set[str]) -> set[str]:
    """Return those of *texts*, and of their unquoted forms, that no harmless part of *value* has; with pairs of user and password."""
    rest, last = [], 0
    for start, end in sorted(spans):
        rest.append(value[last:start])
        last = max(last, end)
    harmless = set(_BETWEEN.split(" ".join((*rest, value[last:])).lower())) if spans else set()
    secret = {text for text in texts | set(map(unquoted, texts)) if text.lower() not in harmless and _secret(text)}
    for start, end in spans:
        user = _USER_BEFORE.search(value[:start])
        if user is not None and value[start:end] in secret:
            pair = user[0] + value[start:end]
            secret |= {pair, unquoted(pair)}
    return secret


def _spans(value: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each part of addresses and connection strings in *value* that may be a secret."""
    for hit in addresses.hits(value):
        user, colon, password = value[hit.start : hit.end].partition(":")
        if value[hit.start - 1 : hit.start] == ":":  # behind the user
            yield hit.start, hit.end
        elif colon and password:
            yield hit.end - len(password), hit.end
        elif _token(user):
            yield hit.start, hit.end
    for match in _PARAMETER.finditer(value):
        name, text = match[1], unquoted(match[2])
        if keys.secret(name, text) or (name.lower() in _IN_QUERY and plausible.token_like(text, 12)):
            yield match.span(2)
    if _HOOK.match(value.lstrip()) is not None:
        end = min(index for index in (value.find("?"), value.find("#"), len(value)) if index >= 0)
        for match in _PATH_PART.finditer(value, value.find("://") + 3, end):
            if _token(match[0]):
                yield match.span()


def _secret(text: str) -> bool:
    """Return whether *text* may be searched for: no ordinary word, no short number, no path and no placeholder."""
    least = _SHORTEST_NUMBER if text.isdigit() else SHORTEST
    return (
        len(text) >= least
        and text.lower() not in words.SHORT_WORDS
        and _WORD.fullmatch(text) is None
        and keys.secret("password", text)
    )


def _token(text: str) -> bool:
    """Return whether a part of a path, or a user without a password, looks like a token: letters and digits without an order."""
    packed = re.sub(r"[\W_]", "", text)
    if len(text) < _SHORTEST_IN_PATH or not packed or packed.isdigit():
        return False
    digits = any(map(str.isdigit, packed))
    return randomness.mixed(packed) or (digits and randomness.turns(packed) >= _TURNS * len(packed))


def _decoded_pair(text: str) -> set[str]:
    """Return ``user:password`` and the password of basic authentication; nothing if *text* is not in base64."""
    try:
        pair = base64.b64decode(text, validate=True).decode()
    except ValueError:
        return set()
    user, colon, password = pair.partition(":")
    return {pair, password} if colon and user and _secret(password) else set()


def unquoted(text: str) -> str:
    """Return *text* with its percent signs decoded; unchanged if that is no text."""
    if "%" not in text:
        return text
    try:
        return _PERCENT.sub(lambda match: bytes((int(match[1], 16),)), text.encode("utf-8", "surrogatepass")).decode()
    except UnicodeDecodeError:
        return text
