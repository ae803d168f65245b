"""What stands around secrets: quotes, separators, schemes of authentication, programs with options; for rules and screens. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from csg_otel.privacy.separate import separate

QUOTE: Final = r"(?:\\*[\"'`]|\\u002[27]|%2[27]|&(?:quot|apos|#3[49]);)"
"""A quote, with the escapes of JSON in JSON, of addresses and of XML."""
SEPARATOR: Final = r"(?:=>|:=|(?<=\s)->(?=\s)|={1,3}|:(?!//|:)|%3[DA]|\\u003[da])"
"""What separates a key from its value; a colon of an address does not."""
LABEL: Final = r" (?:of )?(?i:number|no|nr|num|birth|code|phone)\b"
"""What makes the word before it the name of a number: ``account number``, ``zip code``."""
FIELD: Final = rf"{QUOTE}?\]?\s{{0,8}}(?:=>?|:)\s{{0,8}}(?:string\(\d{{1,9}}\) )?"
"""What stands between the word ``name`` or ``value`` and what it says."""
VALUE: Final = "(?:string)?[Vv]alue|VALUE|[Vv]al|[Oo]ld|[Nn]ew|[Bb]efore|[Aa]fter"
VALUE_PARTS: Final = ("val", "old", "new", "before", "after")
"""Words of fields that hold the value of a name in another field, and a part of each in lower case."""
SCHEMES: Final = separate(
    """
    bearer basic negotiate ntlm dpop apikey token ssws digest hawk aws4-hmac-sha256 splunk genie-key geniekey bot oauth
    sharedkey sharedaccesssignature
    """
)
"""Schemes of authentication, in lower case; a hyphen may also be a space."""
CURL: Final = separate("curl wget http https xh")
HTTPIE: Final = ("http", "https", "xh")
MYSQL: Final = separate("mysql mysqldump mysqladmin mariadb mariadb-dump 7z 7za")
REDIS: Final = separate("redis-cli redis-benchmark valkey-cli")
KEYGEN: Final = ("ssh-keygen",)
SMALL_P: Final = separate("mongo mongosh mongodump sshpass psexec twine")
LARGE_P: Final = separate("bcp sqlcmd tsql unzip zip ipmitool")
LDAP: Final = separate("ldapsearch ldapmodify ldapadd ldapwhoami")
SAMBA: Final = ("smbclient",)
LOGIN: Final = separate("docker podman helm az")
"""Programs with a password behind ``-p`` only where they log in; else it is a port, a project or a plan."""
PROGRAMS: Final = (*CURL, *MYSQL, *REDIS, *KEYGEN, *SMALL_P, *LARGE_P, *LDAP, *SAMBA, *LOGIN)
"""Programs with a short option for a password, by the kind of option."""
HEADER: Final = re.compile(
    r"(?:(?<![^\n])|(?<=: ))[ |]*\"?[\w.\-]{1,40}\"?(?: {0,40}[,;\t|] {0,40}\"?[\w.\-]{1,40}\"?){1,60} {0,40}\|?\r?\n"
)
"""The header of a table: a line, or the rest of one behind a colon, of names with marks between them."""
_LAST: Final = re.compile(r"[\w.\-]{0,40}\"? {0,40}(?:\|?\r?\n|[,;\t|])")
COMMANDS: Final = re.compile(
    "AUTH|PASS|LOGIN|vault|chpasswd|htpasswd|-stdin|rabbitmqctl|input_value|(?i:identified|requirepass|masterauth|auth-pass|setuser|is your )"
)
"""Commands of databases, shells and protocols with a password that has neither a separator nor a quote."""
_WORD: Final = re.compile("[a-z0-9]+")
_VALUE: Final = re.compile(f"(?:{VALUE}){FIELD}")


def first_words(names: Iterable[str]) -> tuple[str, ...]:
    """Return what each of *names* begins with, up to a hyphen, in order and once."""
    return tuple(dict.fromkeys(word[0] for name in names if (word := _WORD.match(name)) is not None))


def has_option(text: str) -> bool:
    """Return whether an option may begin in *text*: behind a space, or a quote where the text shows a list."""
    return " -" in text or "'-" in text or '"-' in text or "\t-" in text


def in_header(text: str, end: int) -> bool:
    """Return whether the part of a key before *end* is in the header of a table."""
    if _LAST.match(text, end) is None:
        return False
    return HEADER.search(text, text.rfind("\n", max(0, end - 8192), end) + 1, text.find("\n", end) + 1) is not None


def has_value(text: str) -> bool:
    """Return whether *text* has a field, or a row of SQL, with the value of a name that stands elsewhere."""
    row = ("'" in text or '"' in text) and "values" in text.lower()
    return row or _VALUE.search(text) is not None
