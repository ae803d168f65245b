"""
Secrets of command lines: ``--password X``, ``-u user:pass`` of curl, ``-pX`` of mysql; in a text and in a list of arguments. Pure.

A short option is secret only behind the name of a program for which it is a password.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from csg_otel.privacy import keys
from csg_otel.privacy.options import MASKED, Hit
from csg_otel.privacy.structure import values

_OPTION: Final = re.compile(r"(?<![\w\-.])(--?[A-Za-z][\w.\-]{1,63})(?:\s{1,4}|[\"'],?\s{1,4}(?=[\"']))(?![-\s])")
_SHORT: Final = (
    (
        re.compile(
            r"\b(?:curl|wget|http|https|xh)\b[^\n|;]{0,2000}?\s(?:-u|--user|-U|--proxy-user)(?:\s{1,4}|=)?[\"']?([^\s:\"']{0,128}:[^\s\"']{1,256})"
        ),
        True,
    ),
    (
        re.compile(
            r"\b(?:mongo|mongosh|mongodump|sshpass|docker|podman|helm|bcp|sqlcmd|ldapsearch|az|7z|unzip|zip|ipmitool|psexec|smbclient|tsql|nc|expect|twine)\b[^\n|;]{0,2000}?\s-(?:p|P|w)(?:\s{1,4})?[\"']?((?![\d/-]{1,5}(?:\s|$|:))[^\s\"'/]{3,256})"
        ),
        False,
    ),
    (
        re.compile(
            r"\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump)\b[^\n|;]{0,2000}?\s-p[\"']?([^\s\"'/]{3,256})"
        ),
        False,
    ),
    (
        re.compile(r"\bcurl\b[^\n|;]{0,2000}?\s(?:-b|--cookie)(?:\s{1,4}|=)[\"']?([\w.\-]{1,128}=[^\s\"']{1,4096})"),
        False,
    ),
    (
        re.compile(r"\bssh-keygen\b[^\n|;]{0,2000}?\s-[NP]\s{1,4}[\"']?([^\s\"']{3,256})"),
        False,
    ),
    (
        re.compile(r"\b(?:redis-cli|redis-benchmark|valkey-cli)\b[^\n|;]{0,2000}?\s-a\s{1,4}[\"']?([^\s\"']{3,256})"),
        False,
    ),
)
_PROGRAMS: Final = re.compile(
    r"\b(?:curl|wget|https?|xh|mysql|mysqldump|mysqladmin|mariadb|mongo|mongosh|mongodump|sshpass|docker|podman|helm|bcp|sqlcmd|ldapsearch|az|7z|unzip|zip|ipmitool|smbclient|tsql|redis-cli|redis-benchmark|valkey-cli|ssh-keygen|twine)\b"
)
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
    for line in _lines(text):
        program = _PROGRAMS.search(text, *line)
        if program is not None:
            for pattern, user in _SHORT:
                yield from _short(pattern, user, text, program.start(), line[1])


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Yield the limits of each line; of a long one, of its first 4096 characters."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, min(end, start + 4096)
        start = end + 1


def _short(pattern: re.Pattern[str], with_user: bool, text: str, start: int, end: int) -> Iterator[Hit]:
    match = pattern.search(text, start, end)
    if match is None or MASKED.fullmatch(match[1]) or match[1][:1] in "$<{":
        return
    low = match.start(1)
    user, _, password = match[1].partition(":")
    if not with_user:
        yield Hit(low, match.end(1), RULE)
    elif password and not MASKED.fullmatch(password):
        yield Hit(low + len(user) + 1, match.end(1), RULE)


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
