"""
The screen before the rules: whether a text can match any of them, decided by its words and its punctuation. Pure and linear.

Words repeat in telemetry, even where texts do not, so each word is looked up in a set of harmless words. A word stands for all
that differ from it in digits. The one rule: a text that a rule would change never passes; tests compare over the corpus.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from csg_otel.privacy import trie
from csg_otel.privacy.formats.finder import Formats
from csg_otel.privacy.separate import separate

MOST_WORDS: Final = 8192
"""Harmless words that are remembered, of `LONGEST_WORD` characters at most: 1 MB with the set; then all are forgotten."""
LONGEST_WORD: Final = 16
LONGEST_TEXT: Final = 65_536
"""Characters of a text that is screened; a longer one goes to the rules, because its words would fill the memory."""

_Search = Callable[[str], "re.Match[str] | None"]
_STEM, _PERSON, _KNOWN, _INNER, _PREFIX, _RANDOM, _SCHEME, _PROGRAM, _IBAN, _BLOCK = (1 << bit for bit in range(10))
_ALWAYS: Final = _KNOWN | _IBAN | _BLOCK
_DIGITS: Final = str.maketrans("123456789", "000000000")
_WORDS: Final = re.compile("[A-Za-z0-9]+")
_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}|\\(?:[nrtbf]|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})")
_SCHEMES: Final = frozenset(
    separate(
        """
    bearer basic negotiate ntlm dpop apikey token ssws digest hawk aws0 splunk genie geniekey bot sharedkey
    sharedaccesssignature
    """
    )
)
_PROGRAMS: Final = frozenset(
    separate(
        """
    curl wget http https xh mysql mysqldump mysqladmin mariadb mongo mongosh mongodump sshpass docker podman helm bcp
    sqlcmd ldapsearch az 0z unzip zip ipmitool psexec smbclient tsql nc expect redis valkey
    """
    )
)
_PAIRED: Final = re.compile("[=:%\\\\\"'`]|&(?:quot|#3)")
_PHRASED: Final = re.compile(r"</|(?<![\w\-.])-[A-Za-z\-]|\s(?:is|was|set)\s", re.IGNORECASE)
_GROUPED: Final = re.compile(r"0000(?:[ -]?0){8}")
_PHONE: Final = re.compile(r"(?:\+|%2B|tel:00)[1-9]")
_PUBLIC_V4: Final = re.compile(
    r"(?<![\d.])(?<![A-Za-z]/)(?!10\.|127\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)"
    r"\d{1,3}\.\d{1,3}\.\d{1,3}\.(?!0(?!\d))\d"
)
_PUBLIC_V6: Final = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]")


class Screen:
    """
    The test whether any rule can match a text.

    Args:
        formats: The token formats that are on.
        stems: Parts of the keys that announce a secret.
        person_stems: Parts of the keys that announce personal data.
        literals: Known secrets in each of their forms.
        extra: Words of keys that the user has named.
    """

    def __init__(
        self,
        formats: Formats,
        stems: Iterable[str],
        person_stems: Iterable[str],
        literals: Iterable[str],
        extra: Iterable[str],
    ) -> None:
        self._formats = formats
        parts = _Parts()
        parts.add(_STEM, [*stems, *extra])
        parts.add(_PERSON, person_stems)
        parts.add(_BLOCK, ("PuTTY", "Private-MAC"))
        parts.add(_KNOWN, literals)
        self._anchors = parts.add(_INNER, (inner.anchor for inner in formats.inner))
        self._odd = tuple(parts.odd)
        self._any, self._parts = parts.compiled()
        self._heads, self._starts = _heads(formats.prefixes)
        self._start = re.compile(trie.pattern(self._starts)).match
        self._harmless: set[str] = set()
        self._kinds: dict[str, int] = {}

    def passes(self, text: str) -> bool:
        """Return whether no rule can match *text*."""
        if len(text) > LONGEST_TEXT or not text.isascii() or "@" in text or "-----" in text:
            return False
        shape = text.translate(_DIGITS)
        words = set(_WORDS.findall(shape))
        if "%" in text or "\\" in text:
            if "%40" in text:
                return False
            words.update(_WORDS.findall(_ESCAPE.sub(" ", shape)))
        words -= self._harmless
        kinds = {word: self._kinds.get(word) or self._kind(word) for word in words} if words else {}
        if (kinds and not self._pass(kinds, text, shape)) or not self._numbers_pass(text, shape):
            return False
        for anchor in self._anchors:
            if anchor in text and any(self._formats.inner_in(text)):
                return False
        for literal in self._odd:
            if literal in text:
                return False
        if kinds:
            self._remember(kinds)
        return True

    def _numbers_pass(self, text: str, shape: str) -> bool:
        """Return whether *text* has no number of a person, and no public network address."""
        zeros = shape.count("0")
        if zeros >= 8:
            if "000-00-0000" in shape or "000 00 0000" in shape:
                return False
            if zeros >= 12 and "0000" in shape and _GROUPED.search(shape) is not None:
                return False
            if ("+" in text or "%2B" in text or "tel:" in text) and _PHONE.search(text) is not None:
                return False
        if shape.count("0.0") >= 2 and _PUBLIC_V4.search(text) is not None:
            return False
        return text.count(":") < 2 or _PUBLIC_V6.search(text) is None

    def _pass(self, words: dict[str, int], text: str, shape: str) -> bool:
        """Return whether none of *words*, with their kinds, lets a rule match *text*."""
        kinds = 0
        for word, kind in words.items():
            if not kind:
                continue
            if kind & _ALWAYS or (kind & _PREFIX and self._token(word, text)):
                return False
            if kind & _RANDOM and (f"_{word}" in shape or f"-{word}" in shape or f".{word}" in shape):
                return False
            kinds |= kind
        if kinds & _INNER and any(self._formats.inner_in(text)):
            return False
        if kinds & (_STEM | _PERSON):
            if _PAIRED.search(text) is not None:
                return False
            if kinds & _SCHEME and (" " in text or "+" in text or not text.isprintable()):
                return False
            if kinds & _STEM and _PHRASED.search(text) is not None:
                return False
        return not (kinds & _PROGRAM and " -" in text)

    def _kind(self, word: str) -> int:
        """Return what a word may be a part of; 0 for a harmless one."""
        lower, kind = word.lower(), 0
        if self._any(lower) is not None:
            for bit, search in self._parts:
                if search(lower) is not None:
                    kind |= bit
            if lower in _SCHEMES:
                kind |= _SCHEME
        if word in self._heads or self._start(word) is not None:
            kind |= _PREFIX
        if lower in _PROGRAMS:
            kind |= _PROGRAM
        if len(word) >= 20 and not word.isdigit() and not word.isalpha():
            kind |= _RANDOM
        if word[2:4] == "00" and word[:2].isupper():
            kind |= _IBAN
        return kind

    def _token(self, word: str, text: str) -> bool:
        """Return whether one of the prefixes that *word* begins stands in *text* with the rest of a token."""
        match = self._start(word)
        for prefix in (*self._heads.get(word, ()), *(self._starts[match[0]] if match is not None else ())):
            if prefix in text and self._formats.may_be(text, prefix):
                return True
        return False

    def _remember(self, kinds: dict[str, int]) -> None:
        """Remember the words of a text that is clean."""
        if len(self._harmless) + len(self._kinds) > MOST_WORDS:
            self._harmless, self._kinds = set(), {}
        for word, kind in kinds.items():
            if len(word) > LONGEST_WORD:
                continue
            if kind:
                self._kinds[word] = kind
            else:
                self._harmless.add(word)


class _Parts:
    """Parts of words by their kind: the longest run of letters and digits of each literal."""

    def __init__(self) -> None:
        self._runs: dict[int, set[str]] = {}
        self.odd: set[str] = set()

    def add(self, kind: int, literals: Iterable[str]) -> list[str]:
        """Add *literals*; return those without a long run, which are searched for as they are."""
        least = 4 if kind in (_KNOWN, _INNER) else 2
        short = []
        for literal in literals:
            run = max(_WORDS.findall(literal.translate(_DIGITS)), key=len, default="")
            if len(run) >= least:
                self._runs.setdefault(kind, set()).add(run.lower())
            elif literal.isascii():  # a text with other characters is not screened
                short.append(literal)
        if kind != _INNER:
            self.odd.update(short)
        return short

    def compiled(self) -> tuple[_Search, list[tuple[int, _Search]]]:
        """Return the search for any part, and that for each kind."""
        joined = set().union(*self._runs.values())
        searches = [(kind, re.compile(trie.pattern(runs)).search) for kind, runs in self._runs.items()]
        return re.compile(trie.pattern(joined)).search, searches


def _heads(prefixes: Iterable[str]) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Return the prefixes by the word that each begins with, if the word ends there, and by the beginning of a longer word."""
    whole: dict[str, tuple[str, ...]] = {}
    begun: dict[str, tuple[str, ...]] = {}
    for prefix in prefixes:
        first = _WORDS.search(prefix)
        run = first[0].translate(_DIGITS) if first is not None else ""
        table = begun if first is None or first.end() == len(prefix) else whole
        table[run] = (*table.get(run, ()), prefix)
    # The longest match stands for the shorter ones, too.
    longest = {run: tuple(p for other, row in begun.items() if run.startswith(other) for p in row) for run in begun}
    return whole, longest
