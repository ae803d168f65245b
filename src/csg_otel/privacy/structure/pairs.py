"""
Pairs of key and value in a text: ``k=v``, ``k: v``, JSON, Python repr, YAML, escaped JSON, query parameters, XML. Pure.

The key layer decides about each pair. The one rule: the search starts at the beginning of a run of key characters only, so it is linear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from csg_otel.privacy import keys, randomness
from csg_otel.privacy.options import MASKED, Hit
from csg_otel.privacy.separate import separate
from csg_otel.privacy.structure import (
    apart,
    elements,
    marks,
    people,
    placeholders,
    plausible,
    positional,
    prompts,
    statements,
    tables,
    values,
)

_KEY: Final = r"(?<![\w.\-])([\w.\-]*[\w\-])"
_PAIR: Final = re.compile(
    rf"{_KEY}(?:((?:\[\w{{0,24}}\])?(?:\]|%5D)?{marks.QUOTE}?(?:(?::[\"']?[\w\\]{{1,64}}[\"']?)?:(?:protected|private)(?=\]))?\]?\s{{0,8}}{marks.SEPARATOR}(?:\s|%20|\+(?=%2[27])){{0,8}}|{marks.QUOTE};s:\d{{1,9}}:)|({marks.QUOTE}\s{{0,4}},\s{{0,4}}(?=[bu]?{marks.QUOTE}|\[)))"
)
_PHRASE: Final = re.compile(
    r"(?i)(?<![\w.\-])(password|passwd|pwd|passphrase|secret|token|api[ _-]?key|pin|pass ?code|otp|identified by|credentials?)"
    r"(?:(?: (?:is|was|of|to|set to|with|value|code|key|for (?:user )?\S{1,64}(?: is| =| to)?))? |\()(?=[nNeE]?[\"'`])"
)
_TUPLE: Final = re.compile(r"\(([\w.\-]{2,100}),\s{0,4}([^\s()\[\]\"',]{8,1024})\)")
_IN_BRACKETS: Final = re.compile(r"\[([A-Za-z_]\w+)\]")
_LABEL: Final = re.compile(
    r"(?<![\w.\-])((?:[A-Za-z]{2,12} ){1,3}(?:[Kk]ey|KEY|[Pp]hrase|[Cc]ode))[\"']?\s{0,4}[:=]\s{0,8}"
)
_LINE: Final = re.compile(r"([ \t]*)(?:- +)?(?:[\w.\-]{1,64}: +)?[\"']?([^\s\"']*)[^\n]*(?:\n|\Z)")
_ARROW: Final = re.compile(rf"{marks.QUOTE}?\s{{1,4}}(?:->|=>)\s{{1,4}}(?={marks.QUOTE})")
_SOMEONE: Final = "Ada Lovelace 12345678"
_LONGEST_BLOCK: Final = 4096
_PASSWORDS: Final = frozenset(("password", "passwd", "pwd", "passphrase", "identified by"))
_NEXT: Final = re.compile(
    r"(?<![\w.\-])(?i:(password|passwd|pwd|passphrase|secret|token|api[ _-]?key|[\w\-]{0,40}(?:access|secret|api)_key))[ \t]{1,8}([^\s\"'`,;:=(){}\[\]<>]{10,512})"
)
_SAYS: Final = re.compile(
    r"(?<![\w.\-])(?i:(password|passwd|pwd|passphrase|secret|(?:access |api |auth )?token|api[ _-]?key|pin|pass ?code|otp)) (?:is|was|set to) ([^\s\"'`,;(]{4,256})"
)
_LINE_KEYS: Final = frozenset(("authorization", "cookie", "cookies", "set-cookie", "proxy-authorization"))
_IN_ADDRESS: Final = frozenset(
    separate(
        """
    sig signature x-amz-signature x-amz-credential x-amz-security-token x-goog-signature x-goog-credential
    x-oss-signature ossaccesskeyid awsaccesskeyid googleaccessid policy key-pair-id access_token id_token refresh_token
    code auth session sid key apikey api_key pass pw pwd token hash hmac assertion saml samlresponse samlrequest ticket
    nonce invite magic verify otp sas se_sig client_secret state
    """
    )
)
"""Query parameters whose value is redacted if it looks like a token."""

_REFERENCE: Final = re.compile(r"[A-Z]{2,8}-\d{1,9}|[a-z]+(?:[-_][a-z]+)*[-_]?\d{1,4}")
_RESOURCE: Final = re.compile(r"\b(?:arn|urn|crn):[\w.\-:/]*:\Z")
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[A-Za-z_]+")
_VARIABLE: Final = re.compile(
    r"(?:self|cls|this|settings|config|conf|cfg|process|os|env|environ|request|req|args|opts|options|ctx|context|app|props|params|data|event|user)"
    r"(?:\.[A-Za-z_]\w*)+"
)

Allowed = Callable[[str], bool]
Level = Callable[[str], int]
Personal = Callable[[str, str], str]


def hits(
    text: str, allowed: Allowed, query: bool = False, level: Level = keys.strength, personal: Personal | None = None
) -> Iterator[Hit]:
    """
    Yield the values of sensitive keys in *text*.

    Args:
        text: The text.
        allowed: Returns whether a key is allowed to have any value.
        query: Whether *text* begins with a query parameter.
        level: Returns how surely a key names a secret.
        personal: Returns the rule of personal data that a key names; None where these rules are off.
    """
    position, arrows = 0, "->" in text or "=>" in text
    match = _PAIR.search(text)
    while match is not None:
        if text.startswith("[redacted:", max(0, match.start(1) - 10)):  # a marker is no key
            match = _PAIR.search(text, match.end(1))
            continue
        key = _name(text, match)
        hit = None if allowed(key) else _pair(text, match, key, query, level(key), personal)
        if arrows and (changed := _changed(text, match, key, level(key), hit)) is not None and not allowed(key):
            yield changed
        if hit is not None:
            yield hit
        elif match[2] is not None and "\n" in match[2] and not allowed(key):
            yield from _children(text, match, key, level(key))
        # the value of a header ends at a quote, which may belong to a pair within the rest of the line
        position = match.end() if hit is None or hit.rule == "header" else max(match.end(), hit.end)
        match = _PAIR.search(text, position)
    rule = _rule_of(allowed, level, personal)
    yield from apart.hits(text, rule)
    yield from statements.hits(text, rule)
    yield from placeholders.hits(text, rule)
    yield from positional.hits(text, rule)
    yield from prompts.hits(text, allowed)
    yield from tables.hits(text, rule)
    yield from _others(text, allowed)


def _rule_of(allowed: Allowed, level: Level, personal: Personal | None) -> apart.Rule:
    """Return the function that names the rule for a value under a key; for None, a rule if any value may have one."""

    def rule(key: str, value: str | None) -> str:
        if allowed(key):
            return ""
        if (of_key := level(key)) != keys.NONE:
            if of_key == keys.STRONG and "-" in key and key.islower():  # it may be the name of an object: secret-volume
                of_key = keys.WEAK
            secret = value is None or keys.holds_secret(of_key, key, value)
            return ("extra-key" if of_key == keys.ALL else "key-value") if secret else ""
        return personal(key, _SOMEONE if value is None else value) if personal is not None else ""

    return rule


def _name(text: str, match: re.Match[str]) -> str:
    """Return the key of a pair: without the digits of an escape before it."""
    start, key = match.start(1), match[1]
    inner = _IN_BRACKETS.match(match[2] or "")  # the key of a form: user[password]
    if inner is not None and keys.strength(key) == keys.NONE and keys.strength(inner[1]) != keys.NONE:
        return inner[1]
    before = text[start - 1 : start]
    if before == "%" and len(key) > 2:
        return key[2:]
    if before == "\\" and len(key) > 1 and key[0] in "nrt":
        return key[1:]
    return key


def _pair(text: str, match: re.Match[str], key: str, query: bool, level: int, personal: Personal | None) -> Hit | None:
    lower = key.lower().lstrip("-")
    begin = match.end()
    if lower.rpartition(".")[2] in _LINE_KEYS and match[3] is None:
        start, end = values.end_of(text, begin, to_line_end=True)
        return _line(text, start, end, key)
    in_address = level == keys.NONE and lower in _IN_ADDRESS and _in_address(text, match.start(1), query)
    if level == keys.NONE and not in_address:
        return _person(text, match, key, personal) if personal is not None else None
    start, end = values.end_of(text, values.unwrapped(text, begin))
    value = text[start:end]
    if "\n" in text[match.end(1) : begin] and (text[end : end + 1] in (":", "=") or value.endswith((":", "="))):
        return None  # the first key of a block
    if match[3] is not None and (level := min(level, _in_pair(text, match, end))) == keys.NONE:
        return None
    if in_address:
        rule = "url-parameter"
        return (
            Hit(start, end, rule, key=key)
            if plausible.token_like(value, 8) and not MASKED.fullmatch(value) and not _REFERENCE.fullmatch(value)
            else None
        )
    if (
        _code(text, match, end, value)
        or not keys.holds_secret(level, key, value)
        or _prose(text, match, start, end, value, level)
    ):
        return None
    return Hit(start, end, "extra-key" if level == keys.ALL else "key-value", key=key)


def _changed(text: str, match: re.Match[str], key: str, level: int, hit: Hit | None) -> Hit | None:
    """Return the hit of the new value, as in ``key = "old" -> "new"``."""
    if level == keys.NONE or match[3] is not None:
        return None
    end = hit.end if hit is not None else values.end_of(text, match.end())[1]
    arrow = _ARROW.match(text, end)
    if arrow is None:
        return None
    start, end = values.end_of(text, arrow.end())
    rule = "extra-key" if level == keys.ALL else "key-value"
    return Hit(start, end, rule, key=key) if keys.holds_secret(level, key, text[start:end]) else None


def _children(text: str, match: re.Match[str], key: str, level: int) -> Iterator[Hit]:
    """Yield the random values of the block of YAML below a sensitive *key*, whose own keys say nothing."""
    first = text.rfind("\n", match.end(1), match.end()) + 1
    for line in _LINE.finditer(text, first, first + _LONGEST_BLOCK) if level != keys.NONE else ():
        if line.start() > first and not line[1].startswith(text[first : match.end()]):
            return
        mixed = (
            not line[2].islower() and not line[2].isupper() and any(map(str.isdigit, line[2]))
        )  # no name of an object
        if (
            mixed
            and _random_word(line[2])
            and plausible.token_like(line[2], 8)
            and keys.holds_secret(level, key, line[2])
        ):
            yield Hit(line.start(2), line.end(2), "key-value", key=key)


def _in_pair(text: str, match: re.Match[str], end: int) -> int:
    """Return the highest level of ``('key', 'value')``: of a list of two texts less, of a longer one or of other items none."""
    before = text[max(0, match.start(1) - 12) : match.start(1)].rstrip("\\\"'`bu")[-1:]
    after = text[end : end + 12].lstrip("\\\"'`, \t")[:1]
    if after not in (")", "]", "") or before not in ("(", "["):
        return keys.NONE
    return keys.ALL if before == "(" else keys.WEAK


def _person(text: str, match: re.Match[str], key: str, personal: Personal) -> Hit | None:
    """Return the hit of personal data that *key*, or a label which it ends, names; a value without quotes must have its form."""
    if not personal(key, _SOMEONE):
        key = people.label(text, match.start(1), key)
        if not personal(key, _SOMEONE):
            return None
    start, end = values.end_of(text, match.end())
    if match[3] is not None and _in_pair(text, match, end) != keys.ALL:
        return None
    value = text[start:end]
    if _code(text, match, end, value) or keys.placeholder(value):
        return None
    if MASKED.fullmatch(value) or value[:1] in "{[":
        return None
    rule = personal(key, value)
    if start == match.end() and match[3] is None:  # without quotes
        rule, end = people.reach(text, start, end, key, personal)
    return Hit(start, end, rule, key=key) if rule else None


def _line(text: str, start: int, end: int, key: str) -> Hit | None:
    """Return the hit of a header whose value is the rest of the line."""
    value = text[start:end].rstrip(" \t,;")
    value = value.strip(" \t") if "{" in value or "[" in value or "(" in value else value.strip(" \t}])")
    level = keys.PASSWORD if "=" in value or " " in value else keys.WEAK
    scheme, _, rest = value.partition(" ")
    if (
        _VARIABLE.fullmatch(value) is not None
        or MASKED.fullmatch(rest.strip())
        or keys.placeholder(rest.strip())
        or not keys.holds_secret(level, key, value)
        or _sentence(value)
    ):
        return None
    return Hit(start, end, "header", key=key) if scheme else None


def _sentence(value: str) -> bool:
    """Return whether *value* is prose: words of letters only."""
    return len(value) < 200 and all(
        word.strip(".,:;!?()").isalpha() and word.strip(".,") != "Basic" for word in value.split()
    )


def _in_address(text: str, start: int, query: bool) -> bool:
    before = text[start - 1 : start]
    return before in ("?", "&", "#") or (query and not before) or before == "%"


def _prose(text: str, match: re.Match[str], start: int, end: int, value: str, level: int) -> bool:
    """Return whether ``key: word`` is a sentence: a word in lower case without quotes, with another word behind it."""
    separator = match[2] or ""
    if start != match.end() or not separator or ":" not in separator or not separator[-1:].isspace():
        return False
    quoted = separator.strip()[:1] in "\"'`\\%&]"
    if quoted or value[:1] in "[{(":
        return False
    word = value.rstrip(".,;:!?")
    follows = text[end : end + 2]
    lower_word = word.replace("-", "").isalpha() and (word.islower() or word.istitle())
    return lower_word and (level != keys.PASSWORD or (follows[:1] == " " and follows[1:].isalpha()) or value != word)


def _code(text: str, match: re.Match[str], end: int, value: str) -> bool:
    """Return whether the pair is source code with a call or an item (``key = self.keys.get(x)``), or a part of a resource's name."""
    if text[match.start(1) - 1 : match.start(1)] == ":":
        before = text[max(0, match.start(1) - 200) : match.start(1)].rpartition(" ")[2]
        return _RESOURCE.search(before) is not None
    if text[end : end + 2] == "()":
        return value.replace(".", "").isidentifier()
    if text[end : end + 1] in ("(", "[") and _DOTTED.fullmatch(value) is not None:
        return True
    return text[end : end + 1] not in ("'", '"') and _VARIABLE.fullmatch(value) is not None


def _random_word(value: str) -> bool:
    """Return whether *value*, which only a space separates from a key, has letters and digits without an order."""
    letters, digits = any(c.isalpha() for c in value), any(c.isdigit() for c in value)
    return letters and ((digits and randomness.turns(value) >= 3) or randomness.mixed(value, 0.35))


def _others(text: str, allowed: Allowed) -> Iterator[Hit]:
    """Yield the values of XML elements, and of phrases with a value."""
    yield from elements.hits(text, allowed)
    for match in _LABEL.finditer(text):
        start, end = values.end_of(text, match.end())
        key = match[1].replace(" ", "_")
        if not allowed(key) and keys.secret(key, text[start:end]) and plausible.token_like(text[start:end], 8):
            yield Hit(start, end, "key-value", key=key)
    for match in _TUPLE.finditer(text) if "(" in text else ():
        names = allowed(match[1]) or keys.strength(match[2]) != keys.NONE
        if not names and plausible.token_like(match[2], 8) and keys.secret(match[1], match[2]):
            yield Hit(match.start(2), match.end(2), "key-value", key=match[1])
    for match in _PHRASE.finditer(text):
        start, end = values.end_of(text, match.end())
        if (
            end - start >= 4
            and keys.holds_secret(keys.PASSWORD, match[1], text[start:end])
            and (match[1].lower() in _PASSWORDS or plausible.token_like(text[start:end], 8))
            and "\n" not in text[start:end]
        ):
            yield Hit(start, end, "key-value", key=match[1])
    for match in _NEXT.finditer(text):
        if _random_word(match[2]) and not _REFERENCE.fullmatch(match[2]) and keys.secret(match[1], match[2]):
            yield Hit(match.start(2), match.end(2), "key-value", key=match[1])
    for match in _SAYS.finditer(text):
        value = match[2].rstrip(".!?)")
        if plausible.token_like(value, 4) and keys.holds_secret(keys.WEAK, match[1], value):
            yield Hit(match.start(2), match.start(2) + len(value), "key-value", key=match[1])
