"""
Passwords that only their place in a command, a protocol or a message gives away: ``vault login x``, ``LOGIN ann x``. Pure and linear.

The one rule: a word of prose is no password; behind a command that may be prose, it has a digit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from csg_otel.privacy import keys
from csg_otel.privacy.options import MASKED, Hit
from csg_otel.privacy.structure import apart, arguments, plausible, values

_GAP: Final = r"(?:[ \t]{1,4}|[\"'],?[ \t]{0,4}[bB]?[\"'])"
"""What stands between two words of a command, also in the `repr` of a list."""
_WORD: Final = r"[^\s\"'|<>]{1,64}"
_VALUE: Final = r"[\"']?(?P<value>(?![-/$<{])[^\s\"'|]{3,256})"
_COMMANDS: Final = (
    ("-stdin", re.compile(rf"\becho\s{{1,4}}(?:-\w\s{{1,4}})?{_VALUE}[\"']?\s{{0,4}}\|[^\n|]{{1,200}}-stdin\b")),
    (
        "chpasswd",
        re.compile(
            r"\becho\s{1,4}(?:-\w\s{1,4})?[\"']?[\w.\-]{1,64}:(?P<value>[^\s\"'|]{3,256})[\"']?\s{0,4}\|[^\n|]{0,200}\bchpasswd\b"
        ),
    ),
    (
        "htpasswd",
        re.compile(
            rf"\bhtpasswd{_GAP}-[A-Za-z]{{0,8}}b[A-Za-z]{{0,8}}(?:{_GAP}{_WORD}){{2,4}}{_GAP}{_VALUE}(?=[\"'\])]{{0,4}}\s{{0,4}}(?:\Z|[\n|;&]))"
        ),
    ),
    (
        "rabbitmqctl",
        re.compile(
            rf"\brabbitmqctl{_GAP}(?:{_WORD}{_GAP}){{0,4}}?(?:add_user|change_password){_GAP}{_WORD}{_GAP}{_VALUE}"
        ),
    ),
    ("setx", re.compile(rf"\bsetx{_GAP}(?P<key>[\w.\-]{{2,64}}){_GAP}{_VALUE}")),
    ("ENV", re.compile(rf"(?<![^\n])\s{{0,8}}ENV\s{{1,4}}(?P<key>\w{{2,64}})\s{{1,4}}{_VALUE}")),
    ("config", re.compile(rf"\bconfig{_GAP}(?:set|add){_GAP}(?P<key>[\w.:/\-]{{2,128}}){_GAP}{_VALUE}")),
)
_PLAUSIBLE: Final = (
    ("vault", re.compile(rf"\bvault{_GAP}login{_GAP}(?:-{_WORD}{_GAP}){{0,4}}{_VALUE}")),
    ("PASS", re.compile(rf"(?:[\"'>]|\bC:) ?PASS {_VALUE}(?=[\"'\s\\]|\Z)")),
    (
        "LOGIN",
        re.compile(
            rf"(?:(?:(?<![^\n])|[\"'>:] ?)[A-Za-z0-9.]{{1,16}}|(?<=\s)[A-Za-z]{{1,8}}\d{{1,6}}) LOGIN {_WORD} {_VALUE}(?=[\"'\s\\]|\Z)"
        ),
    ),
)
_INVALID: Final = re.compile(r"(?<![^\n])(?P<key>[A-Za-z_][\w.\-]{0,200})\n  [^\n]{1,500}?\binput_value=(?=[bB]?[\"'])")
"""An error of pydantic: the place of a field, and the line below with its value."""


def hits(text: str, rule: apart.Rule) -> Iterator[Hit]:
    """Yield the passwords at their places; *rule* decides about those that a key names."""
    for needle, expression in _COMMANDS:
        for match in expression.finditer(text) if needle in text else ():
            yield from _secret(match, rule)
    for needle, expression in _PLAUSIBLE:
        for match in expression.finditer(text) if needle in text else ():
            if plausible.token_like(match["value"], 6) and "/" not in match["value"]:
                yield from _secret(match, rule)
    for match in _INVALID.finditer(text) if "input_value=" in text else ():
        start, end = values.end_of(text, match.end())
        name = rule(match["key"], text[start:end])
        if name and MASKED.fullmatch(text[start:end]) is None:
            yield Hit(start, end, name, key=match["key"])


def _secret(match: re.Match[str], rule: apart.Rule) -> Iterator[Hit]:
    key, value = match.groupdict().get("key"), match["value"]
    name = rule(key, value) if key else arguments.RULE if keys.holds_secret(keys.PASSWORD, "password", value) else ""
    if name and MASKED.fullmatch(value) is None:
        yield Hit(match.start("value"), match.end("value"), name, key=key or "")
