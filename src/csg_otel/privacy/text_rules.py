"""
All rules for a text, in order, each behind a cheap test for the characters that it needs. Pure.

The one rule: a cheap test lets every text through that its rule would redact; a test over the corpus compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from csg_otel.privacy import keys, trie
from csg_otel.privacy.formats.finder import Formats
from csg_otel.privacy.known_values import KnownValues
from csg_otel.privacy.options import Hit, Options
from csg_otel.privacy.personal import mail, network, numbers
from csg_otel.privacy.screen import Background, Screen
from csg_otel.privacy.separate import separate
from csg_otel.privacy.structure import addresses, arguments, blocks, headers, marks, pairs
from csg_otel.privacy.views import DECODED, ENCODED, ESCAPES, NOISE, View, decoded

STEMS: Final = separate(
    """
    pass pw psw secret token key auth cred cook sess sid csrf xsrf jw otp mfa pin cv csc ssn dsn sas psk conn hook code
    phrase mnemonic netrc pfx pkcs identified bearer senha contras kennwort wachtwoord salasana parola hasło haslo
    пароль 密码 パスワード social link answer sig state nonce ticket invite magic verify hash hmac policy saml assertion
    heslo senord jelsz lozinka geslo slapta ifre community kode 密碼 口令 暗証 비밀 κωδικ סיסמה รหัส track magnetic
    googleaccessid basic negotiate ntlm dpop ssws digest hawk aws4 splunk bot shared mot setuser login rabbitmqctl
    """
)
"""A part of every sensitive key, parameter and scheme in lower case; a text without any of them has no such pair."""
PERSON_STEMS: Final = separate(
    """
    name street address zip postcode postal plz birth dob passport nino aadhaar curp cpf nhs bsn nif license licence tax
    insurance account routing national phone mobil fax msisdn pan iban bic card tel handy rufnummer geburt naissance
    nacimiento nascita nascimento geboorte apellido cognome prenom prénom naam strasse straße anschrift steuernummer
    ausweis reisepass versicherungsnummer kontonummer
    """
)
"""The same for the keys of personal data."""
LONGEST_PATTERN: Final = 16_384
"""Characters of a text that an expression of the user is applied to: it may be one that takes quadratic time, or worse."""
_NUMBERS: Final = re.compile(r"\d{2}")


class TextRules:
    """The rules that are on, for a text of any length."""

    def __init__(
        self,
        options: Options,
        values: KnownValues,
        off: frozenset[str],
        allowed: Callable[[str], bool],
        background: Background | None,
    ) -> None:
        self._off, self._allowed, self._known = off, allowed, values
        self._formats = Formats(off)
        self._personal = options.personal_data
        stems = STEMS + PERSON_STEMS if options.personal_data else STEMS
        self._stem = re.compile(trie.pattern(stems)).search
        # a key may separate the words in another way: of each, the longest part is looked for
        self._extra_words = tuple(max(keys.split(word) or [word.lower()], key=len) for word in options.extra_keys)
        self._extra = tuple(re.compile(pattern) for pattern in options.extra_patterns)
        self._extra_key = keys.extra_key_test(options.extra_keys)
        person_stems = PERSON_STEMS if options.personal_data else ()
        self._screen = Screen(self._formats, STEMS, person_stems, values, self._extra_words, background)

    def clean(self, *texts: str) -> bool:
        """Return whether none of *texts* has a match, as far as a quick look shows."""
        return not self._extra and self._screen.passes(*texts)

    def hits(self, text: str, query: bool = False) -> list[Hit]:
        """Return what the rules that are on would replace in *text*; *query* says that it begins with a query parameter."""
        hits = list(self._known.hits(text))
        if len(text) >= 5:
            noisy = "\x1b" in text or "\\" in text or not text.isascii()
            view = View(text, NOISE) if noisy else None
            if ENCODED.search(text) is not None:
                plain = View(text, DECODED, decoded)
                hits.extend(plain.hits(self._structure(plain.text, query)))
            hits.extend(self._shaped(text, query) if view is None else view.hits(self._shaped(view.text, query)))
        for pattern in self._extra:
            hits.extend(
                Hit(match.start(), match.end(), "extra-pattern")
                for match in pattern.finditer(text, 0, LONGEST_PATTERN)
                if match.end() > match.start()
            )
        return [hit for hit in hits if hit.rule not in self._off] if self._off else hits

    def _shaped(self, text: str, query: bool) -> Iterator[Hit]:
        """Yield the hits of formats, structure and personal data."""
        yield from self._formats.hits(text)
        yield from self._structure(text, query)
        if self._personal:
            yield from self._persons(text)

    def known_hits(self, text: str) -> list[Hit]:
        """Return the known secrets in *text*, for keys that are allowed to have any other value."""
        return list(self._known.hits(text))

    def _structure(self, text: str, query: bool) -> Iterator[Hit]:
        lower = text.lower()
        if self._stem(lower) is not None or any(word in lower for word in self._extra_words):
            yield from pairs.hits(text, self._allowed, query, self._level, keys.personal if self._personal else None)
            yield from headers.hits(text)
            yield from arguments.hits(text, self._allowed)
        elif marks.has_option(text):
            yield from arguments.hits(text, self._allowed)
        if "@" in text or "%40" in text:
            yield from addresses.hits(text)
        if "-----" in text or "PuTTY" in text or "Private-MAC" in text:
            yield from blocks.hits(text)

    def _level(self, key: str) -> int:
        return keys.ALL if self._extra_key is not None and self._extra_key(key) else keys.strength(key)

    def _persons(self, text: str) -> Iterator[Hit]:
        if "@" in text or "%40" in text:
            yield from mail.hits(text)
        if _NUMBERS.search(text) is not None and ("%" in text or "\\" in text or "+" in text):
            view = View(text, ESCAPES)
            if view.text is not text:
                yield from view.hits(self._numbers(view.text))
        yield from self._numbers(text)

    @staticmethod
    def _numbers(text: str) -> Iterator[Hit]:
        """Yield the numbers of a person, and network addresses."""
        if _NUMBERS.search(text) is not None:
            if len(text) >= 13:
                yield from numbers.cards(text)
                yield from numbers.ibans(text)
            if "-" in text or " " in text:
                yield from numbers.social_security(text)
            if "+" in text or "%2B" in text or "tel:" in text:
                yield from numbers.phones(text)
        yield from network.hits(text)
