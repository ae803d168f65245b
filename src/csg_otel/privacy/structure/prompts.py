"""
Secrets behind prompts, in calls and in messages: ``password for bob: x``, ``setPassword("x")``, ``verification code is 482913``. Pure and linear.

The one rule: a word of prose is no secret; behind a prompt, the secret ends the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from csg_otel.privacy import keys
from csg_otel.privacy.options import Hit
from csg_otel.privacy.structure import marks, plausible, values

_WORDS: Final = r"(password|passwd|pwd|passphrase|pass ?code|pin|otp|secret|token|api[ _-]?key)"
_PROMPT: Final = re.compile(
    rf"(?i)(?P<ask>(?:\[sudo\] |\benter |(?<![^\n])))?(?<![\w.\-]){_WORDS} (?:for|of|from) (?:user )?"
    r"(?P<who>\"[^\"\n]{1,200}\"|'[^'\n]{1,200}'|[^\s\"':=]{1,64})(?P<separator>\s{0,2}[:=] {0,4}| (?:is|was) )(?=\S)"
)
_THINGS: Final = frozenset(
    ("user", "host", "account", "database", "role", "service", "client", "server", "email", "login")
)
_CHANGED: Final = re.compile(
    rf"(?i)(?<![\w.\-]){_WORDS} (?:was )?(?:changed|updated|rotated|reset|set)(?P<old> from (?=[\"']))?(?: to (?=[\"']))?"
)
_TO: Final = re.compile(r"[\"']? to (?=[\"'])")
_LITERAL: Final = rf"\s{{0,4}}(?=[bBuUrRnN]?{marks.QUOTE})"
_CALL: Final = re.compile(
    rf"(?<![A-Za-z0-9])((?i:set|with|update|change|put|add|use|encrypt|hash|check|verify|validate)_?[A-Za-z_]\w{{1,40}})\({_LITERAL}"
)
_LOGIN: Final = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?P<sure>\w{{0,24}}?(?:[Bb]asic|[Dd]igest|N[Tt][Ll][Mm]|[Pp]lain|[Pp]roxy)_?[Aa]uth(?:entication)?|UsernamePassword\w{{0,24}})"
    rf"|[Ll]ogin|authenticate)\({_LITERAL}"
)
_NEXT: Final = re.compile(rf"(?:\\*[\"'`])?\s{{0,4}},{_LITERAL}")
_REFERENCE: Final = re.compile(r"[a-z]+(?:[-_][a-z]+)*[-_]?\d{1,4}")
_LINE_END: Final = re.compile(r"[\"')\]]{0,2}[.!]?\s{0,8}(?:\Z|[\r\n\\\"'])")
_DIGITS: Final = r"(?:G-)?(?:\d{3}[ -]\d{3}|\d{4}[ -]\d{4}|\d{4,10})"
_CODE: Final = re.compile(
    r"(?i)(?<![\w.\-/])((?:verification|security|confirmation|one[ -]time|log[ -]?in|sign[ -]?in|2fa|mfa|sms|two[ -]factor"
    r"|backup|recovery|authentication|access|pass)[ -]?(?:code|password|passcode|pin)|otp|totp|passcode)"
    rf"(?:(?: code)?(?: (?:is|was))?:? |(?: (?:is|was))?\s?[:=]\s{{0,4}})[\"']?({_DIGITS})"
    r"(?![\w.:%/]|-\d| ?(?:ms|s|sec|seconds?|min|minutes?|hours?|days?|digits?|times?|char\w*|bytes|users?|requests|attempts|codes)\b)"
)
_YOURS: Final = re.compile(
    rf"(?i)(?<![\w.\-/])({_DIGITS}) is your (?:[\w\-]{{1,30}} ){{0,4}}(?:code|otp|passcode|pin|password)\b"
)
_LONG: Final = ("log", "sign", "auth", "access")
"""Beginnings of codes that have six digits at least, because shorter ones are codes of errors."""

Allowed = Callable[[str], bool]


def hits(text: str, allowed: Allowed) -> Iterator[Hit]:
    """Yield the secrets that a prompt, a call or a message names."""
    for match in _PROMPT.finditer(text) if " " in text else ():
        if not allowed(match[2]):
            yield from _asked(text, match)
    for match in _CHANGED.finditer(text) if " to " in text else ():
        if not allowed(match[1]):
            yield from _changed(text, match)
    if "(" in text:
        for match in _CALL.finditer(text):
            yield from _set(text, match, allowed)
        for match in _LOGIN.finditer(text):
            level = keys.PASSWORD if match["sure"] else keys.WEAK
            for start, end in _literals(text, match.end())[1:2]:
                yield from _literal("password", level, text, start, end)
    for match in _CODE.finditer(text):
        digits = sum(map(str.isdigit, match[2]))
        key = match[1].replace(" ", "_").replace("-", "_")
        if (digits >= 6 or not match[1].lower().startswith(_LONG)) and not allowed(key):
            yield Hit(*match.span(2), "key-value", key=key)
    for match in _YOURS.finditer(text) if "is your " in text.lower() else ():
        yield Hit(*match.span(1), "key-value", key="code")


def _asked(text: str, match: re.Match[str]) -> Iterator[Hit]:
    """Yield the answer to a prompt: a random word, or the last of a line, which may be a plain one if the line is nothing but a prompt."""
    key, sentence = match[2], match["separator"].strip().isalpha()
    if not sentence and match["who"].lower() in _THINGS:
        return
    start, end = values.end_of(text, match.end())
    end = start + len(text[start:end].rstrip(".:!?)" if sentence else ":"))
    value = text[start:end]
    level = keys.PASSWORD if key.lower().startswith(("pass", "pwd", "pin")) else keys.WEAK
    random = len(value) >= 8 and any(map(str.isalpha, value)) and _REFERENCE.fullmatch(value) is None
    if not (sentence or random or _LINE_END.match(text, end)):
        return
    word = (
        match["ask"] is not None
        and _LINE_END.match(text, end) is not None
        and level == keys.PASSWORD
        and len(value) >= 4
        and not sentence
    )
    if (word or plausible.token_like(value, 4)) and keys.holds_secret(level, key, value):
        yield Hit(start, end, "key-value", key=key)


def _changed(text: str, match: re.Match[str]) -> Iterator[Hit]:
    """Yield the values of ``password changed from "x" to "y"``."""
    position = match.end()
    for _ in range(2 if match["old"] else 1):
        start, end = values.end_of(text, position)
        if start > position:
            yield from _literal(match[1], keys.PASSWORD, text, start, end)
        if (following := _TO.match(text, end)) is None:
            return
        position = following.end()


def _set(text: str, match: re.Match[str], allowed: Allowed) -> Iterator[Hit]:
    """Yield the literals that a call sets: the only one, or those behind the first, which is a name."""
    key = match[1]
    level = keys.strength(key)
    if level == keys.NONE or allowed(key) or "cookie" in key.lower():
        return
    literals = _literals(text, match.end())
    for start, end in literals[1:] or literals:
        if "pass" in key.lower():
            yield from _literal(key, level, text, start, end)
        elif _REFERENCE.fullmatch(text[start:end]) is None:
            yield from _literal(key, keys.WEAK, text, start, end)


def _literals(text: str, position: int) -> list[tuple[int, int]]:
    """Return the first texts in quotes among the arguments at *position*, three at most."""
    result: list[tuple[int, int]] = []
    while len(result) < 3:
        start, end = values.end_of(text, position)
        result.append((start, end))
        following = _NEXT.match(text, end)
        if following is None:
            break
        position = following.end()
    return result


def _literal(key: str, level: int, text: str, start: int, end: int) -> Iterator[Hit]:
    if end - start >= 4 and "\n" not in text[start:end] and keys.holds_secret(level, key, text[start:end]):
        yield Hit(start, end, "key-value", key=key)
