"""
Secrets of command lines: ``--password X``, ``-u user:pass`` of curl, ``-pX`` of mysql; in a text and in a list of arguments. Pure.

A short option is secret only behind the name of a program for which it is a password.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from csg_otel.privacy import keys, randomness
from csg_otel.privacy.options import MASKED, Hit
from csg_otel.privacy.structure import marks, values

_OPTION: Final = re.compile(r"(?<![\w\-.])(--?[A-Za-z][\w.\-]{1,63})(?:\s{1,4}|[\"'],?\s{1,4}(?=[\"']))(?![-\s])")


@dataclass(frozen=True)
class _Kind:
    """
    Programs with the same short option for a password.

    Args:
        programs: Their names.
        option: The option with its value, which is the group.
        with_user: Whether the value is ``user:password``.
    """

    programs: re.Pattern[str]
    option: re.Pattern[str]
    with_user: bool = False


def _names(programs: Iterable[str], behind: str = "") -> re.Pattern[str]:
    """Return an expression of the names of *programs*, with what must stand *behind* them; ``docker-compose`` is not ``docker``."""
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, programs))})\b(?!-){behind}")


_QUOTE: Final = r"\\{0,3}[\"']"
_BEFORE: Final = r"(?<=[\s\"'])"
_APART: Final = rf"(?:\s{{1,4}}(?:[bB]?{_QUOTE})?|{_QUOTE}(?:,\s{{0,32}}|\s{{1,4}})[bB]?{_QUOTE})"
"""What stands between an option and its value: spaces, or the quotes and comma of a list."""
_GLUED: Final = rf"=?(?:{_QUOTE}(?=[^\s,;:.)\]}}]))?"


def _value(least: int, head: str = "", first: str = "", most: int = 256) -> str:
    """Return the source of a group: *head*, and a value up to the quote before it, or else a space; it begins as *first* asserts."""
    quoted = (rf"(?<={quote})(?:{head})[^{quote}\n]{{{least},{most}}}?(?=\\{{0,3}}{quote})" for quote in "\"'")
    return rf"{first}({'|'.join(quoted)}|(?:{head})[^\s\"']{{{least},{most}}})"


_PASSWORD: Final = _value(3, first=r"(?![\d/-]{1,5}(?:[\s:\"']|$))(?!/)")
_USER: Final = _value(1, head=r"[^\s:\"']{0,128}:")
_COOKIE: Final = _value(1, head=r"[\w.\-]{1,128}=", most=4096)
_KINDS: Final = (
    _Kind(
        _names(marks.CURL),
        re.compile(rf"{_BEFORE}(?:-u|--user|-U|--proxy-user)(?:{_APART}|{_GLUED}){_USER}"),
        with_user=True,
    ),
    _Kind(
        _names(marks.HTTPIE, "(?![:/])"),
        re.compile(rf"{_BEFORE}(?:-a|--auth)(?:{_APART}|{_GLUED}){_USER}"),
        with_user=True,
    ),
    _Kind(_names(marks.SMALL_P), re.compile(rf"{_BEFORE}-p(?:{_APART}|{_GLUED}){_PASSWORD}")),
    _Kind(_names(marks.LARGE_P), re.compile(rf"{_BEFORE}-P(?:{_APART}|{_GLUED}){_PASSWORD}")),
    _Kind(_names(marks.LDAP), re.compile(rf"{_BEFORE}-w(?:{_APART}|{_GLUED}){_PASSWORD}")),
    _Kind(_names(marks.LOGIN, r"(?s:.{1,200}?)\blogin\b"), re.compile(rf"{_BEFORE}-p(?:{_APART}|{_GLUED}){_PASSWORD}")),
    _Kind(_names(marks.SAMBA), re.compile(rf"{_BEFORE}-U(?:{_APART}|{_GLUED})[^\s%\"']{{1,128}}%{_value(1)}")),
    _Kind(_names(marks.MYSQL), re.compile(rf"{_BEFORE}-p{_GLUED}{_value(3, first='(?!/)')}")),
    _Kind(_names(["curl"]), re.compile(rf"{_BEFORE}(?:-b|--cookie)(?:{_APART}|=(?:{_QUOTE})?){_COOKIE}")),
    _Kind(_names(marks.KEYGEN), re.compile(rf"{_BEFORE}-[NP]{_APART}{_value(3)}")),
    _Kind(_names(marks.REDIS), re.compile(rf"{_BEFORE}-a(?:{_APART}|{_GLUED}){_value(3)}")),
)
_PROGRAMS: Final = _names(marks.PROGRAMS)
_COMMAND_END: Final = re.compile(r"(?<![,\[\\])\n|\s[|;&]{1,2}|(?!;\s[\w.\-]{1,64}=)[|;&]{1,2}\s")
"""The end of a command; a line ends none behind the comma of a list or a backslash, nor does a semicolon between cookies."""
_NO_WORD: Final = re.compile(r"[\s\"'\\]")
RULE: Final = "argument"


def hits(text: str, allowed: Callable[[str], bool]) -> Iterator[Hit]:
    """Yield the values of secret options in the command line *text*."""
    for match in _OPTION.finditer(text):
        option = match[1]
        if keys.strength(option) == keys.NONE or allowed(option):
            continue
        start, end = values.end_of(text, match.end())
        value = text[start:end]
        if keys.secret(option, value) and not value.startswith(("/", "./", "~/")):
            yield Hit(start, end, RULE, key=option)
    if not marks.has_option(text):
        return
    for start, end in _commands(text):
        if _PROGRAMS.search(text, start, end) is not None:
            yield from _short(text, start, end)


def _commands(text: str) -> Iterator[tuple[int, int]]:
    """Yield the limits of each command: of a line, and of what a shell would run on its own."""
    start = 0
    for match in _COMMAND_END.finditer(text):
        yield start, match.start()
        start = match.end() - 1  # a space may begin an option
    yield start, len(text)


def _short(text: str, start: int, end: int) -> Iterator[Hit]:
    """Yield the passwords of short options in a command, behind the name of a program that has such options."""
    for kind in _KINDS:
        program = kind.programs.search(text, start, end)
        for match in () if program is None else kind.option.finditer(text, program.end(), end):
            value = match[1]
            password = value.partition(":")[2] if kind.with_user else value
            if value[:1] not in "$<{" and password and MASKED.fullmatch(password) is None:
                yield Hit(match.end(1) - len(password), match.end(1), RULE)


def secret_items(items: Sequence[object], allowed: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """Yield ``(index, offset)`` of the arguments in *items* that are the value of the argument before them, or hold a password."""
    if not any(isinstance(item, str) and item.startswith("-") for item in items):
        return
    yield from _of_programs(items)
    for index in range(1, len(items)):
        option, value = items[index - 1], items[index]
        if not isinstance(option, str) or not isinstance(value, str) or not option.startswith("-") or len(option) > 64:
            continue
        if value.startswith("-") and not value.startswith("-----") and not _random(value):
            continue
        if "=" not in option and _secret_option(option, value, allowed):
            yield index, 0


def _of_programs(items: Sequence[object]) -> Iterator[tuple[int, int]]:
    """Yield the same for short options of programs: the arguments are looked at as a command line with a word for each."""
    words = [_NO_WORD.sub("\0", item) if isinstance(item, str) else "" for item in items]
    line = " ".join(words)
    if _PROGRAMS.search(line) is None:
        return
    starts = list(itertools.accumulate((len(word) + 1 for word in words), initial=0))
    for hit in _short(line, 0, len(line)):
        index = bisect.bisect_right(starts, hit.start) - 1
        yield index, hit.start - starts[index]


def _random(value: str) -> bool:
    """Return whether *value*, which begins like an option, is rather a password."""
    return len(value) >= 8 and "=" not in value and randomness.random(value)


def _secret_option(option: str, value: str, allowed: Callable[[str], bool]) -> bool:
    return not allowed(option) and keys.secret(option, value) and not value.startswith(("/", "./", "~/"))
