"""
The screen before the rules: whether a text can match any of them, decided by its words and its punctuation. Pure and linear.

Words repeat in telemetry, even where texts do not, so each word is looked up in a set of harmless words. A word stands for all
that differ from it in digits. The one rule: a text that a rule would change never passes; tests compare over the corpus.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Final

from csg_otel import interruptions
from csg_otel.privacy import shapes, trie
from csg_otel.privacy.formats import generic
from csg_otel.privacy.formats.finder import SHORTEST, Formats
from csg_otel.privacy.known_values import KnownValues
from csg_otel.privacy.native import Native
from csg_otel.privacy.structure import marks
from csg_otel.privacy.views import ENCODED, ESCAPES, NOISE

MOST_WORDS: Final = 8192
"""Harmless words that are remembered, of `LONGEST_WORD` characters at most: 1 MB with the set; then all are forgotten."""
LONGEST_WORD: Final = 16
LONGEST_ID: Final = 7
"""Characters of a longer word than this in hexadecimal are those of an id, which hardly occurs again."""
_HEXADECIMAL: Final = "0abcdef"
"""Digits of shapes: 0 stands for all of ten."""
_SHORTEST_RANDOM: Final = 20
_MOST_PLACES: Final = 16
BEFORE_NATIVE: Final = 1000
"""Texts that are screened by words first, since a program that ends soon gains nothing from the automaton."""
LONGEST_TEXT: Final = 65_536
"""Characters of a text that is screened; a longer one goes to the rules, because its words would fill the memory."""

_Search = Callable[[str], "re.Match[str] | None"]
Background = Callable[[Callable[[], object]], object]
"""Runs a function without keeping its caller waiting."""
_STEM, _PERSON, _KNOWN, _INNER, _PREFIX, _RANDOM, _SCHEME, _PROGRAM, _FIELD, *_OTHERS = (1 << bit for bit in range(11))
_IBAN, _BLOCK = _OTHERS
_ALWAYS: Final = _IBAN | _BLOCK
_BY_DIGITS: Final = _KNOWN | _INNER | _ALWAYS
"""Kinds of words for which the digits of the text decide."""
_DIGITS_COUNT: Final = re.compile(r"[%\\+]|&#|tel:|:[^:]*:|\.\d{1,3}\.\d{1,3}\.\d")
"""Escapes, phones and addresses of a network, which are looked at with their digits."""
_WORDS: Final = re.compile("[A-Za-z0-9]+[^A-Za-z0-9]?")
"""Words with the character behind them: ``ghp_`` may begin a token, ``ghp/`` does not."""
_RUN: Final = re.compile("[A-Za-z0-9]+")
_PAIRED: Final = re.compile(
    rf"[\w.\-]*(?:\[\w{{0,24}})?(?:(?:\]|%5D|{marks.QUOTE}){{0,3}}\s{{0,8}}{marks.SEPARATOR}|{marks.QUOTE}?\s{{0,4}},?\s{{0,16}}{marks.QUOTE}|{marks.LABEL})"
)
"""What follows a part of a key: the rest of the key and a separator, or a quote."""
_NEXT: Final = re.compile(r"[\w.\-]*(?:[(\[{]|[,\s]\s{0,8}[^\s,;:=(){}\[\]<>]{8})")
"""What follows a part of a key that has a secret as the next word, or in brackets; texts with quotes do not get here."""
_SAID: Final = re.compile(
    r"(?: by)? (?:(?:is|was|of|to|set to|with|value|code|key|for user \S{1,64} is)? ?[\"'`$]|is|was|set to|(?:G-)?\d{3}[\d -]|(?:for|of|from) .{1,200}?(?:[:=]| is | was ))",
    re.IGNORECASE,
)
_OPTION: Final = re.compile(r"-(?<![\w\-.]-)[\w.\-]{2,64}")
_CARD: Final = re.compile(
    r"0000(?<![\w.]0000)(?<!0-0000)"
    r"(?:0{8,15}|(?P<mark>[ -])(?:0000(?P=mark)0000(?P=mark)0{1,7}|0{6}(?P=mark)0{4,5}))(?![\w-])"
)
_PHONE: Final = re.compile(r"(?:\+|%2B|tel:00)[1-9]")
_SIGNED: Final = re.compile(generic.SIGNED)
_V4: Final = re.compile(r"\.0{1,3}\.0{1,3}\.0{1,3}")
"""An address without its first number: an expression that begins with a literal is searched for faster."""
_V6: Final = re.compile(r":(?<=[23][0-9A-Fa-f]{3}:)[0-9A-Fa-f:]")
_GROUPS: Final = ("000000000000", "0000-0000-0000", "0000 0000 0000", "0000-000000-0000", "0000 000000 0000")
"""How the digits of a card are grouped."""
_PRIVATE: Final = ("10.", "127.", "192.168.", *(f"172.{second}." for second in range(16, 32)))


_SCHEMES: Final = frozenset(map(shapes.of, marks.first_words(marks.SCHEMES)))
_PROGRAMS: Final = frozenset(map(shapes.of, marks.first_words(marks.PROGRAMS)))


class Screen:
    """
    The test whether any rule can match a text.

    Args:
        formats: The token formats that are on.
        stems: Parts of the keys that announce a secret.
        person_stems: Parts of the keys that announce personal data.
        values: Known secrets.
        extra: Words of keys that the user has named.
        background: Runs the building of the automaton, which takes a second; None for no automaton.
    """

    def __init__(
        self,
        formats: Formats,
        stems: Sequence[str],
        person_stems: Sequence[str],
        values: KnownValues,
        extra: Sequence[str],
        background: Background | None,
    ) -> None:
        self._formats, self._known = formats, values
        parts = _Substrings()
        parts.add(_STEM, [*stems, *extra])
        parts.add(_PERSON, person_stems)
        parts.add(_FIELD, marks.VALUE_PARTS)
        parts.add(_BLOCK, ("PuTTY", "Private-MAC"))
        parts.add(_KNOWN, values.literals)
        anchors = parts.add(_INNER, (inner.anchor for inner in formats.inner))
        rarest = {anchor: min(anchor, key=str.isalnum) for anchor in anchors}
        self._anchors = [(mark, [a for a in anchors if rarest[a] == mark]) for mark in sorted(set(rarest.values()))]
        self._odd = tuple(parts.odd)
        self._any, self._parts = parts.compiled()
        self._hex = parts.hexadecimal()
        self._heads, self._starts = _heads(formats)
        self._start = re.compile(trie.pattern(self._starts)).match
        self._native: Native | None = None
        self._background = background
        self._make_native = partial(Native, formats, (*stems, *extra), person_stems, values)
        self._until_native = BEFORE_NATIVE
        self._harmless: set[str] = set()
        self._kinds: dict[str, int] = {}
        self._begun: dict[str, tuple[str, ...]] = {}  # of words that may begin a token
        self._shapes = shapes.CleanShapes(self._passes_with_any_digits)

    def passes(self, *texts: str) -> bool:
        """Return whether no rule can match any of *texts*; those with new shapes are looked at as one."""
        others = self._shapes.others(texts)
        if others and not self._passes("\n".join(others)):
            return False
        self._shapes.add(others)
        return True

    def _passes(self, text: str) -> bool:
        if len(text) > LONGEST_TEXT or not text.isascii():
            return False
        if self._native is not None:
            if self._native.passes(text):
                return True
        elif self._until_native > 0:
            self._until_native -= 1
            if self._until_native == 0:
                self._build_native()
        return self._words_pass(text)

    def _build_native(self) -> None:
        """Build the automaton in the background, where it is installed."""
        if self._background is not None and find_spec("hyperscan") is not None:
            self._background(self.use_native)

    def use_native(self) -> bool:
        """Use the automaton from now on; return whether it can be used."""
        try:
            self._native = self._make_native()
        except Exception:  # noqa: BLE001 - not installed, or not for this processor: words decide, with the same result
            interruptions.let_through()
            self._native = None
        return self._native is not None

    def _words_pass(self, text: str) -> bool:
        """Return whether no rule can match *text*, by its words, numbers and punctuation."""
        if "@" in text or "-----" in text or "\x1b" in text or ("&" in text and ENCODED.search(text) is not None):
            return False
        shape = shapes.of(text)
        words = set(_WORDS.findall(shape))
        if "%" in text or "\\" in text:
            if "%40" in text or NOISE.search(text) is not None or ENCODED.search(text) is not None:
                return False
            words.update(_WORDS.findall(ESCAPES.sub(" ", shape)))
        words -= self._harmless
        kinds = {word: self._kinds.get(word) or self._kind(word) for word in words} if words else {}
        if (kinds and not self._pass(kinds, text, shape)) or not self._numbers_pass(text, shape):
            return False
        if _SIGNED.search(shape) is not None and any(generic.hits(text)):
            return False
        for mark, anchors in self._anchors:
            if mark in text:
                for anchor in anchors:
                    if anchor in text and any(self._formats.inner_in(text)):
                        return False
        for literal in self._odd:
            if literal in text:
                return False
        if kinds:
            self._remember(kinds)
        return True

    def _passes_with_any_digits(self, text: str) -> bool:
        """Return whether no rule can match *text*, nor any text that differs from it in its digits."""
        if len(text) > LONGEST_TEXT or _DIGITS_COUNT.search(text) is not None:
            return False
        shape = shapes.of(text)
        if _SIGNED.search(shape) is not None:
            return False
        literals = (*self._odd, *(anchor for _, anchors in self._anchors for anchor in anchors))
        if any(shapes.of(literal) in shape for literal in literals):
            return False
        kinds = {word: self._kind(word) for word in _WORDS.findall(shape)}
        if any(kind & _BY_DIGITS or (kind & _PREFIX and self._begins(word, shape)) for word, kind in kinds.items()):
            return False
        return self._words_pass(text)

    def _begins(self, word: str, shape: str) -> bool:
        """Return whether a prefix that *word* begins with, whatever its digits, has room for a token behind it in *shape*."""
        prefixes = {re.escape(shapes.of(prefix)) for prefix in self._prefixes(word)}
        return any(re.search(rf"(?=\S{{{SHORTEST}}}){prefix}", shape) is not None for prefix in prefixes)

    def _numbers_pass(self, text: str, shape: str) -> bool:
        """Return whether *text* has no number of a person, and no public network address."""
        if "%" in text or "\\" in text or "+" in text:
            plain = ESCAPES.sub(" ", text)
            if plain != text and not self._numbers_pass(plain, shapes.of(plain)):
                return False
        zeros = shape.count("0")
        if zeros >= 8:
            if "000-00-0000" in shape or "000 00 0000" in shape:
                return False
            for group in _GROUPS:
                if group in shape and _CARD.search(shape) is not None:
                    return False
            if ("+" in text or "%2B" in text or "tel:" in text) and _PHONE.search(text) is not None:
                return False
        if shape.count("0.0") >= 2:
            for match in _V4.finditer(shape):
                if _public(text, *match.span()):
                    return False
        return text.count(":") < 2 or _V6.search(text) is None

    def _pass(self, words: dict[str, int], text: str, shape: str) -> bool:
        """Return whether none of *words*, with their kinds, lets a rule match *text*."""
        kinds = 0
        prefixes: set[str] = set()
        for word, kind in words.items():
            if not kind:
                continue
            if kind & _ALWAYS:
                return False
            if kind & _PREFIX:
                prefixes.update(self._begun.get(word) or self._prefixes(word))
            if kind & _RANDOM and ("_" + word in shape or "-" + word in shape or "." + word in shape):
                return False
            kinds |= kind
        for prefix in prefixes:
            if prefix in text and self._formats.may_be(text, prefix):
                return False
        if (kinds & _INNER and any(self._formats.inner_in(text))) or (kinds & _KNOWN and any(self._known.hits(text))):
            return False
        fields = kinds & _FIELD and marks.has_value(text)
        if kinds & (_STEM | _PERSON) and (fields or not self._names_pass(words, text)):
            return False
        return not (kinds & _PROGRAM and marks.has_option(text))

    def _names_pass(self, words: dict[str, int], text: str) -> bool:
        """Return whether no word that may be a part of a key has a value behind it."""
        lower = shapes.of(text.lower())
        stems = 0
        quoted = '"' in text or "'" in text or "`" in text
        for word, kind in words.items():
            if not kind & (_STEM | _PERSON):
                continue
            if quoted and kind & _STEM:
                return False
            stems |= kind
            run = word if word[-1].isalnum() else word[:-1]
            position, times = lower.find(run.lower()), 0
            while position >= 0:
                end, times = position + len(run), times + 1
                if times > _MOST_PLACES or _PAIRED.match(text, end) is not None or marks.in_header(text, end):
                    return False
                if kind & _STEM and (_SAID.match(text, end) is not None or _NEXT.match(text, end) is not None):
                    return False
                if kind & _SCHEME and (text[end : end + 1] in "+%-" or text[end : end + 1].isspace()):
                    return False
                position = lower.find(run.lower(), end)
        if not stems & _STEM:
            return True
        return (
            marks.COMMANDS.search(text) is None
            and "</" not in text
            and ("-" not in text or all(self._any(option) is None for option in _OPTION.findall(lower)))
        )

    def _kind(self, word: str) -> int:
        """Return what a word, with the character behind it, may be a part of; 0 for a harmless one."""
        run = word if word[-1].isalnum() else word[:-1]
        kind = 0
        if (word in self._heads or self._start(run) is not None) and (prefixes := self._prefixes(word)):
            kind = _PREFIX
            if len(word) <= LONGEST_WORD and len(self._begun) < MOST_WORDS:
                self._begun[word] = prefixes
        if len(run) >= _SHORTEST_RANDOM and not run.isdigit() and not run.isalpha():
            kind |= _RANDOM
        if not run.strip(_HEXADECIMAL) and self._hex(run) is None:
            return kind
        lower = run.lower()
        if self._any(lower) is not None:
            for bit, search in self._parts:
                if search(lower) is not None:
                    kind |= bit
            if lower in _SCHEMES:
                kind |= _SCHEME
        if lower in _PROGRAMS:
            kind |= _PROGRAM
        if run[2:4] == "00" and run[:2].isupper():
            kind |= _IBAN
        return kind

    def _prefixes(self, word: str) -> tuple[str, ...]:
        """Return the prefixes that *word* may begin a token with, by the character behind it."""
        run = word if word[-1].isalnum() else word[:-1]
        prefixes = self._heads.get(word, ())
        if (match := self._start(run)) is not None:
            by_mark = self._starts[match[0]]
            prefixes += by_mark.get("" if len(run) >= SHORTEST else word[-1], ())
        return prefixes

    def _remember(self, kinds: dict[str, int]) -> None:
        """Remember the words of a text that is clean."""
        if len(kinds) > MOST_WORDS // 4:  # a text of words that hardly occur again
            return
        if len(self._harmless) + len(self._kinds) + len(kinds) > MOST_WORDS:
            self._harmless, self._kinds, self._begun = set(), {}, {}
        for word, kind in kinds.items():
            if len(word) > LONGEST_WORD or (len(word) > LONGEST_ID and not word[:-1].strip(_HEXADECIMAL)):
                continue
            if kind:
                self._kinds[word] = kind
            else:
                self._harmless.add(word)


def _public(text: str, start: int, end: int) -> bool:
    """Return whether the address without its first number at *start* may be a public one, and no version of a product."""
    begin = start
    while begin > max(0, start - 3) and text[begin - 1].isdigit():
        begin -= 1
    if begin == start or text.startswith(_PRIVATE, begin) or text.endswith(".0", begin, end):
        return False
    return not (begin > 1 and text[begin - 1] == "/" and text[begin - 2].isalpha())


class _Substrings:
    """Parts of words by their kind: the longest run of letters and digits of each literal."""

    def __init__(self) -> None:
        self._runs: dict[int, set[str]] = {}
        self.odd: set[str] = set()

    def add(self, kind: int, literals: Iterable[str]) -> list[str]:
        """Add *literals*; return those without a long run, which are searched for as they are."""
        least = 4 if kind in (_KNOWN, _INNER) else 2
        short = []
        for literal in literals:
            run = shapes.of(max(_RUN.findall(literal), key=len, default=""))
            if len(run) >= least:
                self._runs.setdefault(kind, set()).add(run.lower())
            elif literal.isascii():  # a text with other characters is not screened
                short.append(literal)
        if kind != _INNER:
            self.odd.update(short)
        return short

    def hexadecimal(self) -> _Search:
        """Return the search for the parts in hexadecimal: numbers and ids hold no other ones."""
        runs = [run for runs in self._runs.values() for run in runs if not run.strip("0abcdef")]
        return re.compile(trie.pattern(runs)).search

    def compiled(self) -> tuple[_Search, list[tuple[int, _Search]]]:
        """Return the search for any part, and that for each kind."""
        joined = set().union(*self._runs.values())
        searches: list[tuple[int, _Search]] = [
            (kind, re.compile(trie.pattern(runs)).search) for kind, runs in self._runs.items()
        ]
        return re.compile(trie.pattern(joined)).search, searches


def _heads(formats: Formats) -> tuple[dict[str, tuple[str, ...]], dict[str, dict[str, tuple[str, ...]]]]:
    """
    Return the prefixes by the word that each begins with and the character behind it, and by the beginning of a longer word.

    In the second table, each beginning has its prefixes by the mark that stands behind the word, and all of them without one.
    """
    whole: dict[str, tuple[str, ...]] = {}
    begun: dict[str, list[str]] = {}
    for prefix in formats.prefixes:
        first = _WORDS.search(prefix)
        head = shapes.of(first[0]) if first is not None else ""
        if head and not head[-1].isalnum():
            whole[head] = (*whole.get(head, ()), prefix)
        else:
            begun.setdefault(head, []).append(prefix)
    starts: dict[str, dict[str, tuple[str, ...]]] = {}
    for head in begun:
        row = starts[head] = {}
        for prefix in (prefix for other in begun if head.startswith(other) for prefix in begun[other]):
            for mark in ("", *formats.marks(prefix)):
                row[mark] = (*row.get(mark, ()), prefix)
    return whole, starts
