"""
Regular expressions that Python and RE2 read alike: Prometheus, Alertmanager and Grafana have RE2, previews have Python.

The one rule: what only one of them reads, or reads in another way, is a mistake, and the message says what to write.
"""

from __future__ import annotations

import re
from typing import Final

from csg_otel.config.expressions.pattern import Atomic, Choice, Part, Reader, Repeat, Sequence, UnreadableError

_MOST: Final = 1000
"""The largest count of a repetition in RE2, and the largest product of counts inside each other."""

_TOKEN: Final = re.compile(
    r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\\.|\((?:\?(?:P[=<]|<?[=!]|[\w-]+[:)]|.)?)?|(?:[*+?]|\{\d*,?\d*\})[+?]?|.",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\.", re.DOTALL)
_POSIX: Final = re.compile(r"\[:\^?\w+:\]")
_DIFFERENT: Final = (
    (re.compile(r"\\[1-9]|\(\?(?:P=|<?[=!])"), "a lookaround or a back reference, which RE2 does not have; write it without"),
    (re.compile(r"\\[uUN]"), "an escape that RE2 does not have; write the character itself"),
    (re.compile(r"\\[^\x00-\x7f]"), "an escape that RE2 does not have; write the character without the backslash"),
    (re.compile(r"\\[Zz]"), "an end that is not that of both RE2 and Python; remove it, the whole value is matched"),
    (re.compile(r"\\[pP]"), "a class of Unicode, which previews do not have; write the characters, such as [a-zA-Z]"),
    (re.compile(r"\\[QEC]"), "an escape that previews do not have; write a backslash in front of each sign"),
    (re.compile(r"\(\?>|(?:[*+?]|\{\d*,?\d*\})\+"), "which RE2 does not have; write (?:...), or one sign"),
    (re.compile(r"\(\?\("), "a condition on a group, which RE2 does not have; write alternatives, as (?:ab|c)"),
    (re.compile(r"\(\?#"), "a comment, which RE2 does not have; remove it"),
    (re.compile(r"\(\?[a-zA-Z]*[^ims:)P-][a-zA-Z-]*[:)]"), "a flag that is not one of i, m and s; write it without"),
    (re.compile(r"\{,\d*\}"), "a count without its least one, which RE2 reads as text; write {0,n}"),
)  # fmt: skip


def mistake(pattern: str) -> str:
    """Return what *pattern* has that RE2 and Python do not read alike, and the cure; empty if there is nothing."""
    for token in _TOKEN.findall(pattern):
        if token[0] == "[" and len(token) > 1:
            if problem := _in_set(token):
                return problem
            continue
        for form, message in _DIFFERENT:
            if form.match(token):
                return f"uses {token!r}, {message}"
    try:
        tree = Reader(pattern).read()
    except (UnreadableError, re.error, RecursionError, OverflowError):
        return ""  # `re` says what is wrong with it
    return "" if _repeats(tree, _MOST) else f"repeats more than {_MOST} times, which RE2 refuses; write a smaller count"


def _in_set(written: str) -> str:
    """Return why the set *written* is not the same in both."""
    if posix := _POSIX.search(written):
        return f"uses {posix[0]!r}, a class that previews do not have; write its characters, such as [a-zA-Z]"
    for escape in _ESCAPE.findall(written):
        if escape == r"\b":
            return r"uses '\\b' in a set, which RE2 does not have; write \x08"
        for form, message in _DIFFERENT:
            if form.match(escape):
                return f"uses {escape!r}, {message}"
    plain = _ESCAPE.sub("", written[1:-1]).removeprefix("^")
    if plain.startswith("[") or any(sign * 2 in plain for sign in "-&~|"):
        return "has a set with a sign that may once mean an operation on sets; write a backslash in front of [ - & ~ |"
    return ""


def _repeats(part: Part, most: int) -> bool:
    """Return whether RE2 takes the counts in *part*, whose product may be up to *most*."""
    if isinstance(part, Repeat):
        count = part.least if part.most is None else part.most
        return count == 0 or (count <= most and _repeats(part.part, most // count))
    if isinstance(part, Atomic):
        return _repeats(part.part, most)
    return not isinstance(part, (Sequence, Choice)) or all(_repeats(one, most) for one in part.parts)
