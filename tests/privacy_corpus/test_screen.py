"""The screen before the rules, by words or by an automaton: it lets through only what no rule would change, at a small cost."""

from __future__ import annotations

import random
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csg_otel.privacy import Scrubber, screen, shapes
from csg_otel.privacy.separate import separate
from privacy_corpus.corpus import SEEDS, corpus
from privacy_corpus.cost import fresh, span
from privacy_corpus.known import SECRETS

ROUNDS = 15


def _scrubber(*, native: bool) -> Scrubber:
    """Return a scrubber that screens by words alone, or by the automaton first."""
    scrubber = Scrubber(secrets=SECRETS)
    screened = scrubber._rules._screen
    screened._until_native = 0
    assert not native or screened.use_native(), "the extra is not installed"
    return scrubber


@cache
def _engines() -> tuple[Scrubber, Scrubber]:
    return _scrubber(native=False), _scrubber(native=True)


@pytest.fixture(scope="module")
def by_words() -> Scrubber:
    """Return a scrubber without the extra."""
    return _engines()[0]


@pytest.fixture(scope="module")
def by_automaton() -> Scrubber:
    """Return a scrubber with the extra."""
    return _engines()[1]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
    elif isinstance(value, Mapping):
        yield from _texts([*value.keys(), *value.values()])
    elif isinstance(value, Sequence):
        for item in value:
            yield from _texts(item)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_text_with_a_match_passes(seed: int, by_words: Scrubber, by_automaton: Scrubber) -> None:
    """Over the whole corpus: what a rule would change goes to the rules, whichever engine screens."""
    texts = {text for item in corpus(seed) for text in _texts(item.value)}
    rules = by_words._rules

    passed = [text for text in texts if by_words._rules.clean(text) or by_automaton._rules.clean(text)]

    assert len(passed) > 1000, "the screen lets nothing through"
    assert [text for text in passed if rules.hits(text, True)] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_no_part_of_a_text_passes_with_a_match(seed: int, by_words: Scrubber, by_automaton: Scrubber) -> None:
    """What is left of a secret that was cut, or stands in other words, passes only if no rule would change it."""
    rng = random.Random(seed)
    parts = []
    for text in sorted({text for item in corpus(seed) for text in _texts(item.value)}):
        start = rng.randrange(len(text) + 1)
        parts.append(
            rng.choice(("", "x ")) + text[start : rng.randrange(start, len(text) + 1)] + rng.choice(("", " 1", "-2"))
        )

    passed = [text for text in parts if by_words._rules.clean(text) or by_automaton._rules.clean(text)]

    assert [text for text in passed if by_words._rules.hits(text, True)] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_both_engines_have_the_same_result(seed: int, by_words: Scrubber, by_automaton: Scrubber) -> None:
    """The extra changes the cost and nothing else, also where many attributes are looked at as one text."""
    attributes = [{item.key or "key": item.value, "url.path": "/a/b"} for item in corpus(seed)]
    for one, other in zip(map(by_words.mapping, attributes), map(by_automaton.mapping, attributes), strict=True):
        assert one == other


_PIECES = st.sampled_from(
    separate(
        r"""
        password token key= : = ' " ` \n \u003d %3D %20 %40 @ -----BEGIN AKIA ghp_ sk- sk_live_ eyJ 00 1/ v1. Bearer Basic is
        was --token -u curl mysql DE89 3704 0044 0532 0130 00 4111 1111-1111 123-45-6789 8.8.8.8 10.0.0.1 +49 2001:db8:: 2a00:
        Q~ | -us name: email= customer_name= </ <token> value key hunter2hunter2 / . _ - ü -> [0] ( )
        ssh-keygen -N for bob pwd pin value: name= DB_PASSWORD { } AUTH
        identified by code otp phone number: birth token,b b,Zq9x7Lm2Tv4W 482913 for is your &#x70; %70
        '-p', '-u', "-a", sshpass redis-cli docker login , b'
        """
    )
) | st.sampled_from("\x1c\t\u212a ")
_RUNS = st.text("0123456789abcdefABCDEFxyzXYZ_-", min_size=1, max_size=40)


@settings(max_examples=400, deadline=None)
@given(st.lists(_PIECES | _RUNS | st.text(max_size=3), max_size=12), st.sampled_from(("", " ", "\n", "_")))
def test_no_text_of_pieces_of_secrets_passes_with_a_match(pieces: list[str], between: str) -> None:
    """Half tokens, separators, escapes and numbers in any order: the screens are no narrower than the rules."""
    text = between.join(pieces)
    words, automaton = _engines()

    if words._rules.clean(text) or automaton._rules.clean(text):
        assert words._rules.hits(text, True) == []


_PLACES = separate(
    r"""
    password("SECRET") password·for·bob·'SECRET' token·for·user·bob·is·"SECRET" x.password[0]=SECRET pwd·->·SECRET
    (api_key,·SECRET)
    [('token',·['SECRET'])] login·u·password·SECRET set·aws_secret_access_key·SECRET pin·was·SECRET otp·set·to·SECRET
    --api-key·SECRET
    user[password]=SECRET user%5Bpassword%5D=SECRET AWS·Secret·Access·Key:·SECRET \x1b[31mtoken=\x1b[0mSECRET
    <password>SECRET</password> e-mail:·<api_key>SECRET</api_key> <token>\nSECRET\n</token>
    ssh-keygen·-N·SECRET·-f·x curl·-b·sid=SECRET·x twine·upload·-p·SECRET <pin>SECRET</pin>
    ['curl',·'-u',·'ann:SECRET'] ["docker","login","-p","SECRET"] [b'redis-cli',·b'-a',·b'SECRET'] ('mysql',·'-pSECRET')
    7z·x·-pSECRET·a.7z ['ldapsearch','-w','SECRET'] ['smbclient','-U','bob%SECRET'] ['curl','--cookie','a=SECRET']
    set·password·for·'x'@'h'·=·'SECRET'
    (value=SECRET,·name=DB_PASSWORD) {Value:SECRET·Name:api_key}
    alter·user·x·identified·by·SECRET password·$$SECRET$$ HELLO·3·AUTH·me·SECRET requirepass·SECRET setuser·b·on·>SECRET
    insert·into·t·(a,·phone)·values·('a','01701234567') insert·into·t·(pin)·values·('SECRET')
    password·for·bob·is·SECRET password·of·bob:·SECRET OTP·482913 verification·code·482·913 482913·is·your·code
    &#x70;assword=SECRET &lt;pin&gt;SECRET&lt;/pin&gt; %70assword=SECRET \\u0070assword=SECRET set_pin("SECRET")
    login('a','SECRET') http·-a·bob:SECRET token="a"·->·"SECRET" s:3:"pwd";s:9:"SECRET"; [token:protected]·=>·SECRET
    account·number:·12345678 date·of·birth:·1981-03-12 phone·no=01701234567 zip·code:·53111 telefon:·0170·1234567
    {name:phone,·value:01701234567} {value:01701234567,·name:phone}
    """
)


@pytest.mark.parametrize("place", _PLACES)
def test_no_place_of_a_secret_passes(place: str, by_words: Scrubber, by_automaton: Scrubber) -> None:
    """Each form that a rule knows goes to the rules, whichever engine screens, also among other words."""
    for before, after in (("", ""), ("failed: ", " in 3 ms"), ("a\n", "\nb")):
        text = before + place.replace("·", " ").replace("SECRET", "Zq9x7Lm2Tv4W") + after
        assert by_words._rules.hits(text), text
        assert not by_words._rules.clean(text), text
        assert not by_automaton._rules.clean(text), text


@pytest.mark.parametrize("header", ["a,token", "token;b", "x|api_key|b", "| a | pwd |", '"a","otp"', "db.password\ta"])
def test_no_table_with_a_secret_passes(header: str, by_words: Scrubber, by_automaton: Scrubber) -> None:
    """A header of names goes to the rules if a column names a secret, wherever it stands, whichever engine screens."""
    row = re.sub(r"[a-z_.]+", "Zq9x7Lm2Tv4W", header)
    for text in (f"{header}\n{row}", f"rows\r\n{header}\r\n{row}\r\n", f"\n{header}\n{row}\nof 2"):
        assert by_words._rules.hits(text), text
        assert not by_words._rules.clean(text), text
        assert not by_automaton._rules.clean(text), text


def test_attributes_looked_at_together_do_not_hide_each_other(by_words: Scrubber) -> None:
    """A secret among eleven clean attributes is replaced, and the others stay the same objects."""
    attributes: dict[str, Any] = {f"a{index}": f"clean value {index}" for index in range(11)}
    for text in attributes.values():
        by_words.mapping(dict.fromkeys(attributes, text))  # the keys are known
    token = "ghp_" + "a1B2" * 9
    attributes["a5"] = f"with {token}"

    changed = by_words.mapping(attributes)

    assert token not in str(changed)
    assert [key for key in attributes if changed[key] is not attributes[key]] == ["a5"]


def test_a_part_of_a_key_that_was_classified_for_a_value_is_scrubbed() -> None:
    """A key with a secret in it is scrubbed, although its class is there since a value of its own was scrubbed."""
    scrubber = Scrubber()
    key = "x ghp_" + "a1B2" * 9
    scrubber.value(key, "clean")

    assert "ghp_" not in str(scrubber.mapping({key: "clean"}))


def _other_digits(text: str, rng: random.Random) -> str:
    return "".join(rng.choice("0123456789") if "0" <= character <= "9" else character for character in text)


def _clean_by_shape(scrubber: Scrubber, text: str) -> bool:
    """Return whether *text* is clean whatever its digits are; a shape is judged when it comes for the second time."""
    scrubber._rules.clean(text)
    return not scrubber._rules._screen._shapes.others([text])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_shape_is_clean_only_if_no_digits_make_a_match(seed: int, by_words: Scrubber) -> None:
    """Over the whole corpus: where a text is clean because of its shape, no other digits in it make a rule match."""
    rng = random.Random(seed)
    texts = {text for item in corpus(seed) for text in _texts(item.value)}
    zeros = {shapes.of(text) for text in texts if text.isascii()}  # a secret with other digits may be harmless
    clean = [text for text in sorted(texts | zeros) if _clean_by_shape(by_words, text)]

    assert len(clean) > 500, "no shape is remembered"
    for text in clean:
        for changed in (_other_digits(text, rng) for _ in range(3)):
            assert by_words._rules.hits(changed, True) == [], changed
    known = [text for text in sorted(texts) if not by_words._rules._screen._shapes.others([text])]
    assert [text for text in known if by_words._rules.hits(text, True)] == []


@settings(max_examples=300, deadline=None)
@given(
    st.lists(_PIECES | _RUNS | st.text("0123456789.:- ", max_size=16), max_size=6), st.sampled_from(("", " ", "-", "_"))
)
def test_no_shape_of_pieces_is_clean_if_digits_make_a_match(pieces: list[str], between: str) -> None:
    """The same for parts of secrets, numbers and marks in any order."""
    text = between.join(pieces)
    words, _ = _engines()
    rng = random.Random(text)
    if _clean_by_shape(words, text):
        for changed in (text, *(_other_digits(text, rng) for _ in range(5))):
            assert words._rules.hits(changed, True) == [], changed


def test_the_words_of_secrets_are_not_remembered() -> None:
    """Only words and shapes of clean texts are kept, no long ones, and not without an end."""
    scrubber = _scrubber(native=False)
    scrubber.text("password=orchidvelvet")
    for number in range(3 * screen.MOST_WORDS):
        scrubber.text("run " + "".join(chr(97 + int(digit)) for digit in f"{number:08d}"))
    screened = scrubber._rules._screen

    assert not any("orchid" in word for word in screened._harmless | screened._kinds.keys())
    assert not any(b"orchid" in shape for shape in screened._shapes._clean)
    assert 0 < len(screened._shapes._clean) <= shapes.MOST_SHAPES
    assert 0 < len(screened._harmless) + len(screened._kinds) <= screen.MOST_WORDS
    assert max(map(len, screened._harmless)) <= screen.LONGEST_WORD


def _us(action: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Return the processor time of *action*, in microseconds for each item."""
    started = time.thread_time()
    for item in items:
        action(item)
    return (time.thread_time() - started) / len(items) * 1e6


def test_the_screen_makes_new_and_repeated_values_cheap(by_words: Scrubber, by_automaton: Scrubber) -> None:
    """New values cost a third of the rules by words and a sixth by the automaton; values that repeat a thirtieth."""
    rng = random.Random(11)
    cost: dict[str, list[float]] = {"rules": [], "words": [], "automaton": [], "again": []}
    for _ in range(ROUNDS):
        spans = [fresh(rng) for _ in range(40)]
        texts = [[value for value in row.values() if isinstance(value, str)] for row in spans]
        cost["words"].append(_us(by_words.mapping, spans))
        cost["automaton"].append(_us(by_automaton.mapping, spans))
        cost["rules"].append(_us(lambda row: [by_words._rules.hits(text) for text in row], texts))
        cost["again"].append(_us(by_words.mapping, [span(random.Random(1))] * 40))
    typical = {name: statistics.median(times) for name, times in cost.items()}

    assert typical["words"] < typical["rules"] / 3, typical
    assert typical["automaton"] < typical["rules"] / 6, typical
    assert typical["again"] < typical["rules"] / 30, typical


def test_a_stack_trace_costs_in_proportion_to_its_length(by_words: Scrubber) -> None:
    """16 KiB of stack trace cost about four times 4 KiB: nothing looks at a text again and again."""
    line = (
        '  File "/srv/app/service.py", line {n}, in place_order\n    return self._repository.save(order, retries={n})\n'
    )

    def trace(length: int, seed: int) -> str:
        return "".join(line.format(n=seed * 1000 + number) for number in range(length // len(line) + 1))[:length]

    # In turns, so that what slows the machine down for a while slows down both.
    costs = [[_us(by_words.stack, [trace(size, size + seed)]) for size in (4096, 16_384)] for seed in range(1, ROUNDS)]
    short, long = (statistics.median(each) for each in zip(*costs, strict=True))

    assert long < 8 * short, (short, long)
