"""
Secrets of command lines: ``--password X``, ``-u user:pass`` of curl, ``-pX`` of mysql; in a text and in a list of arguments. Pure.

A short option is secret only behind the name of a program for which it is a password.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from csg_otel.privacy import keys
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


def _names(programs: Iterable[str]) -> re.Pattern[str]:
    """Return an expression of the names of *programs*."""
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, programs))})\b")


_KINDS: Final = (
    _Kind(
        _names(marks.CURL),
        re.compile(r"\s(?:-u|--user|-U|--proxy-user)(?:\s{1,4}|=)?[\"']?([^\s:\"']{0,128}:[^\s\"']{1,256})"),
        with_user=True,
    ),
    _Kind(
        _names(marks.OTHERS),
        re.compile(r"\s-[pPw](?:\s{1,4})?[\"']?((?![\d/-]{1,5}(?:\s|$|:))[^\s\"'/]{3,256})"),
    ),
    _Kind(_names(marks.MYSQL), re.compile(r"\s-p[\"']?([^\s\"'/]{3,256})")),
    _Kind(_names(["curl"]), re.compile(r"\s(?:-b|--cookie)(?:\s{1,4}|=)[\"']?([\w.\-]{1,128}=[^\s\"']{1,4096})")),
    _Kind(_names(marks.KEYGEN), re.compile(r"\s-[NP]\s{1,4}[\"']?([^\s\"']{3,256})")),
    _Kind(_names(marks.REDIS), re.compile(r"\s-a\s{1,4}[\"']?([^\s\"']{3,256})")),
)
_PROGRAMS: Final = _names(marks.PROGRAMS)
_COMMAND_END: Final = re.compile(r"\n|\s[|;&]{1,2}|[|;&]{1,2}\s")
_USER_OPTIONS: Final = frozenset(("-u", "--user", "-U", "--proxy-user"))
_PASSWORD_OPTIONS: Final = frozenset(("-p", "-P", "-a", "-w"))
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
    if " -" not in text:
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
    program = next(map(str, filter(_is_text, items)), "").rpartition("/")[2]
    special = _PROGRAMS.fullmatch(program) is not None
    for index in range(1, len(items)):
        option, value = items[index - 1], items[index]
        if not isinstance(option, str) or not isinstance(value, str) or not option.startswith("-") or len(option) > 64:
            continue
        if value.startswith("-") and not value.startswith("-----"):
            continue
        if special and option in _USER_OPTIONS and ":" in value:
            yield index, value.index(":") + 1
        elif (special and option in _PASSWORD_OPTIONS and len(value) > 5) or (
            "=" not in option and _secret_option(option, value, allowed)
        ):
            yield index, 0


def _secret_option(option: str, value: str, allowed: Callable[[str], bool]) -> bool:
    return not allowed(option) and keys.secret(option, value) and not value.startswith(("/", "./", "~/"))


def _is_text(item: object) -> bool:
    return isinstance(item, str)
