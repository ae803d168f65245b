"""
The scrubber: every layer, for a text, an attribute of any type, or a mapping of attributes.

Clean values come back as the same object, and are remembered in a bounded cache. The one rule: no method raises, and what
fails is redacted as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from csg_otel import interruptions
from csg_otel.privacy import cuts, keys, replacing
from csg_otel.privacy.cache import CleanTexts
from csg_otel.privacy.key_class import KeyClass, KeyClasses
from csg_otel.privacy.nested import Nested
from csg_otel.privacy.options import Finding, Hit, Options, marker
from csg_otel.privacy.rules import PERSONAL

if TYPE_CHECKING:
    from csg_otel.privacy.screen import Background
    from csg_otel.privacy.text_rules import TextRules

_PASSES: Final = 4
"""Times that a text is scrubbed until nothing changes; the second pass sees what the first one has uncovered."""
_UNCHANGED: Final[dict[str, tuple[str, Any]]] = {}
"""Stands for no change in a mapping; nothing is added to it."""
_LONGEST_TOGETHER: Final = min(cuts.LIMITS) - 1
_MOST_TOGETHER: Final = 64
"""Texts, and the characters of each, that are looked at as one: a span has 128 attributes at most, mostly short ones."""
_NUMBERS: Final = frozenset((int, float, bool, type(None)))


class Scrubber:
    """
    Remove secrets and personal data from telemetry.

    Args:
        options: What is redacted.
        secrets: Secrets that the program holds, each of 8 characters or more; a function is called at the first text.
        background: Runs a function of a second without keeping its caller waiting; without it the extra ``redact`` has no effect.
    """

    def __init__(
        self,
        options: Options = Options(),  # noqa: B008 - it is frozen
        secrets: Iterable[str] | Callable[[], Iterable[str]] = (),
        background: Background | None = None,
    ) -> None:
        self._options = options
        off = frozenset(options.disabled_rules) | (frozenset() if options.personal_data else PERSONAL)
        self._off = off
        self._on = options.enabled
        self._classes = KeyClasses(options)
        self._secrets, self._background = secrets, background
        self._built: TextRules | None = None
        self._counts: dict[str, int] = {}

    @property
    def _rules(self) -> TextRules:
        """The rules; they are built at the first text, or before by :meth:`prepare`. Two threads may both build them."""
        if self._built is None:
            from csg_otel.privacy.known_values import KnownValues
            from csg_otel.privacy.text_rules import TextRules

            secrets = self._secrets() if callable(self._secrets) else self._secrets
            values = KnownValues(() if "known-secret" in self._off else secrets)
            self._built = TextRules(self._options, values, self._off, self._classes.allowed, self._background)
        return self._built

    def prepare(self) -> None:
        """Build the rules now: what builds them at its first text may be a call of the program, in which a signal handler raises."""
        if self._on:
            _ = self._rules

    @property
    def calls_program(self) -> bool:
        """Whether a match is passed to a function of the program."""
        return self._on and self._options.on_match is not None

    @property
    def redactions(self) -> Mapping[str, int]:
        """Return the number of hits of each rule since the start."""
        return dict(self._counts)

    def text(self, value: str) -> str:
        """Return *value*, a message, a name or an address, without secrets; the same object if it has none."""
        plain = self._classes.text
        if not self._on or value in plain.clean.recent or value in plain.clean:
            return value
        return self._scrubbed(value, plain)

    def message(self, value: str) -> str:
        """Return an exception's message without secrets, cut to 1 KiB."""
        return cuts.head(value, cuts.MESSAGE, self.text) if self._on else value

    def stack(self, value: str) -> str:
        """Return the last 16 KiB of a stack trace without secrets."""
        return cuts.tail(value, cuts.STACK, self.text) if self._on else value

    def value(self, key: str, value: Any) -> Any:
        """Return an attribute's value without secrets; the same object if it has none."""
        if not self._on:
            return value
        key_class = self._classes.of(key)
        if type(value) is str:
            return value if value in key_class.clean else self._string(key_class, value, key)
        if type(value) in _NUMBERS and not key_class.numbers:
            return self._number(key_class, value, key) if type(value) is int and value > 10**13 else value
        try:
            return self._any(key_class, value, key)
        except Exception:  # noqa: BLE001 - a value that cannot be read is redacted
            interruptions.let_through()
            return self._failed()

    def mapping(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the attributes *values* without secrets in keys and values; the same object if there are none."""
        if not self._on:
            return values
        classes, changed = self._classes.classes, _UNCHANGED
        new: list[tuple[str, str, CleanTexts]] = []
        for key, value in values.items():
            key_class = classes.get(key)
            if key_class is not None and key_class.renamed == "":
                kind = type(value)
                if kind is str:
                    texts = key_class.clean
                    if value in texts.recent:
                        continue
                    if key_class.screened and len(value) <= _LONGEST_TOGETHER:
                        new.append((key, value, texts))
                        continue
                elif kind in _NUMBERS and not key_class.numbers and (kind is not int or value < 10**13):
                    continue
            clean, name = self.value(key, value), self._name(key)
            if clean is not value or name is not key:
                changed = {} if changed is _UNCHANGED else changed
                changed[key] = (name, clean)
        if new and not self._clean_together(new):
            for key, value, _ in new:
                if (clean := self.value(key, value)) is not value:
                    changed = {} if changed is _UNCHANGED else changed
                    changed[key] = (key, clean)
        if changed is _UNCHANGED:
            return values
        return dict(changed.get(key, (key, value)) for key, value in values.items())

    def _clean_together(self, new: list[tuple[str, str, CleanTexts]]) -> bool:
        """Return whether the texts *new* are clean, looked at as one text; they are remembered."""
        try:
            if len(new) > _MOST_TOGETHER or not self._rules.clean(*[text for _, text, _ in new]):
                return False
        except Exception:  # noqa: BLE001 - each text is looked at for itself
            interruptions.let_through()
            return False
        for _, text, texts in new:
            texts.add(text)
        return True

    def findings(self, value: Any, path: str = "", key: str = "") -> list[Finding]:
        """Return the hits in *value*, which has *key*, each with its path below *path*; never the matched text."""
        from csg_otel.privacy import findings

        return findings.of(self, value, path, key)

    def text_findings(self, value: str, key: str = "") -> list[Finding]:
        """Return the hits in one text, or in the text of attribute *key*, with their offsets."""
        if not self._on:
            return []
        hits: list[Finding] = []
        self._scrubbed(value, self._classes.of(key) if key else self._classes.text, key, hits)
        return hits

    def _name(self, key: str) -> str:
        """Return a key without secrets; it is remembered with the key's class."""
        key_class = self._classes.of(key)
        if key_class.renamed is None:
            name = self.text(key)
            key_class.renamed = name if name != key else ""
        return key_class.renamed or key

    def _string(self, key_class: KeyClass, value: str, key: str) -> str:
        if key_class.cut is not None:
            return key_class.cut(value, self.text)
        return self._scrubbed(value, key_class, key)

    def _scrubbed(self, text: str, key_class: KeyClass, key: str = "", findings: list[Finding] | None = None) -> str:
        """Return *text* scrubbed until nothing changes, and remember it if it is clean."""
        if len(text) in cuts.LIMITS:
            text = cuts.without_last_word(text)
        try:
            if key_class.screened and findings is None and self._rules.clean(text):
                key_class.clean.add(text)
                return text
            clean, hits = self._scrub(text, key_class, key)
        except Exception:  # noqa: BLE001 - a rule or a callback failed: nothing is known about the text
            interruptions.let_through()
            clean, hits = marker("rule-error", text), [Finding("rule-error", "", marker("rule-error", text))]
        if not hits:
            key_class.clean.add(text)
            return text
        for hit in hits:
            self._counts[hit.rule] = self._counts.get(hit.rule, 0) + 1
        if findings is not None:
            findings.extend(hits)
        return clean

    def _scrub(self, text: str, key_class: KeyClass, key: str) -> tuple[str, list[Finding]]:
        on_match = self._options.on_match
        findings: list[Finding] = []
        whole = self._whole(key_class, key, text)
        if whole:
            return replacing.replace(text, [Hit(0, len(text), whole, key=key)], on_match, key)
        rest = ""
        if len(text) > cuts.TEXT:
            text, rest = text[: cuts.TEXT], marker("too-long")
            findings.append(Finding("too-long", "", rest, len(text)))
        passes: list[list[Finding]] = []
        for _ in range(_PASSES):
            hits = self._rules.known_hits(text) if key_class.allowed else self._rules.hits(text, key_class.query)
            if key_class.version and hits:
                hits = [hit for hit in hits if hit.rule != "ip"]
            clean, new = replacing.replace(text, hits, on_match, key) if hits else (text, [])
            findings.extend(replacing.placed(new, passes) if passes else new)
            passes.append(new)
            if not new or on_match is not None:
                return cuts.edge(clean) + rest if rest else clean, findings
            text = clean
        return marker("rule-error"), [*findings, Finding("rule-error", "", marker("rule-error"))]

    def _whole(self, key_class: KeyClass, key: str, text: str) -> str:
        """Return the rule that redacts all of *text* because of its key, or an empty text."""
        if key_class.allowed:
            return ""
        if key_class.level and keys.holds_secret(key_class.level, key, text):
            rule = "extra-key" if key_class.level == keys.ALL else "key"
            return "" if rule in self._off else rule
        rule = keys.personal(key, text) if key_class.personal else ""
        return "" if rule in self._off or text.startswith("[redacted:") else rule

    def _number(self, key_class: KeyClass, value: float, key: str) -> Any:
        """Return a number, or the marker where it is a payment card's or, under its key, a PIN."""
        card = "card" not in self._off and not key_class.allowed and type(value) is int and _is_card(value)
        rule = "card" if card else "key" if key_class.numbers and keys.number_is_secret(key, value) else ""
        if key_class.level == keys.ALL and not key_class.allowed and type(value) in (int, float):
            rule = "extra-key"
        if not rule or rule in self._off:
            return value
        return self._replaced(rule, str(value), key)

    def _replaced(self, rule: str, text: str, key: str) -> str:
        try:
            clean, _ = replacing.replace(text, [Hit(0, len(text), rule, key=key)], self._options.on_match, key)
        except Exception:  # noqa: BLE001 - the callback failed
            interruptions.let_through()
            return self._failed()
        self._counts[rule] = self._counts.get(rule, 0) + 1
        return clean

    def _failed(self) -> str:
        self._counts["rule-error"] = self._counts.get("rule-error", 0) + 1
        return marker("rule-error")

    def _any(self, key_class: KeyClass, value: Any, key: str) -> Any:
        if isinstance(value, (int, float)) or value is None:
            return value if value is None else self._number(key_class, value, key) if key_class.numbers else value
        return Nested(self.value, self._classes).value(key, value)


def _is_card(value: int) -> bool:
    from csg_otel.privacy.personal import numbers  # late, like the rules for texts: a start needs none of them

    return numbers.card_number(value)
