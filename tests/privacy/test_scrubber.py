"""The scrubber's interface: every type of value, every layer, the marker, the counts."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from csg_otel.config import Config
from csg_otel.pipeline.scrubbers import make_scrubber
from csg_otel.privacy import Match, Options, Scrubber, active, cuts, screen
from csg_otel.privacy.key_class import KeyClasses
from support.programs import eventually
from support.time_limits import at_each_point

SECRET = "".join(("Zq9", "x7Lm", "2Tv4"))


def test_clean_values_are_the_same_objects() -> None:
    """Nothing is copied where nothing is redacted."""
    scrubber = Scrubber()
    values = {
        "http.route": "/api/users",
        "count": 3,
        "tags": ("a", "b"),
        "body": {"a": [1, None, True]},
        "raw": b"\xff\x00",
    }

    assert scrubber.mapping(values) is values
    assert all(scrubber.value(key, value) is value for key, value in values.items())
    assert scrubber.redactions == {}


@pytest.mark.parametrize(
    "value",
    [
        f"password={SECRET}",
        (f"password={SECRET}",),
        {"a": {"password": SECRET}},
        f"password={SECRET}".encode(),
        [{"password": SECRET}],
    ],
)
def test_every_type_of_value_is_scrubbed(value: Any) -> None:
    """Texts, bytes, sequences and nested mappings keep their type and lose the secret."""
    clean = Scrubber().value("note", value)

    assert type(clean) is type(value)
    assert SECRET not in str(clean)
    assert "[redacted:" in str(clean)


def test_a_key_that_holds_a_secret_is_scrubbed() -> None:
    """A secret in the name of an attribute does not leave, either."""
    assert SECRET not in str(Scrubber(secrets=[SECRET]).mapping({f"header {SECRET}": 1}))


def test_redactions_are_counted_by_rule() -> None:
    """The counts of a metric: one for each hit."""
    scrubber = Scrubber()
    scrubber.text(f"password={SECRET} and pwd={SECRET}")

    assert scrubber.redactions == {"key-value": 2}


def test_a_callback_chooses_the_replacement() -> None:
    """`on_match` receives rule, text and key; None means the marker."""
    matches: list[Match] = []

    def replacement(match: Match) -> str | None:
        matches.append(match)
        return "gone" if match.key == "password" else None

    scrubber = Scrubber(Options(on_match=replacement))

    assert scrubber.value("password", SECRET) == "gone"
    assert scrubber.value("api_key", SECRET) == "[redacted:key]"
    assert [(match.rule, match.value, match.key) for match in matches] == [
        ("key", SECRET, "password"),
        ("key", SECRET, "api_key"),
    ]
    assert SECRET not in repr(matches)


def test_a_callback_that_raises_redacts_the_whole_value() -> None:
    """What fails is not sent."""

    def fails(match: Match) -> str:
        raise RuntimeError(match.value)

    scrubber = Scrubber(Options(on_match=fails))

    assert scrubber.text(f"a password={SECRET} b") == "[redacted:rule-error]"
    assert scrubber.value("password", SECRET) == "[redacted:rule-error]"


def test_an_object_that_has_no_text_is_redacted() -> None:
    """A value whose ``str()`` raises is replaced, and nothing is raised."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    assert Scrubber().value("x", Broken()) == "[redacted:rule-error]"


def test_nested_values_without_an_end_are_cut() -> None:
    """A list that contains itself does not hang the scrubber."""
    endless: list[Any] = []
    endless += endless, endless

    assert "[redacted:too-deep]" in str(Scrubber().value("x", endless))


def test_off_returns_everything_as_it_is() -> None:
    """`enabled=False` changes nothing, and cuts nothing."""
    scrubber = Scrubber(Options(enabled=False), secrets=[SECRET])

    assert scrubber.message("x" * 5000) == "x" * 5000
    assert scrubber.mapping({"password": SECRET}) == {"password": SECRET}


def test_messages_and_stacks_are_cut() -> None:
    """A message keeps its first 1 KiB, a stack trace its last 16 KiB, and both say that they were cut."""
    scrubber = Scrubber()
    message = scrubber.message("first " + "x y " * 5000)
    stack = scrubber.value("exception.stacktrace", "line\n" * 100_000 + "ValueError: last")

    assert len(message.encode()) <= 1024
    assert message.startswith("first x y")
    assert len(stack.encode()) <= 16_384
    assert stack.endswith("ValueError: last")
    assert "[cut]" in message
    assert "[cut]" in stack
    assert scrubber.message(message) == message
    assert scrubber.stack(stack) == stack


@pytest.mark.parametrize("position", [0, 900, 1000, 1020, 1030, 20_000, 20_470, 20_480, 20_490])
def test_a_cut_never_halves_a_secret(position: int) -> None:
    """A secret at any place relative to the cut leaves nothing behind."""
    token = "ghp_" + "a1B2" * 9
    text = "x " * (position // 2) + token + " y" * 20_000
    clean = Scrubber().message(text)

    assert "ghp_" not in clean
    assert "1B2a" not in clean
    assert "ghp_" not in Scrubber().stack(" ".join(reversed(text.split(" "))))


@pytest.mark.parametrize("limit", [1024, 16_384])
@pytest.mark.parametrize(
    ("introduction", "secret"),
    [("", "ghp_" + "a1B2" * 9), ("postgres://ann:", "Winter2026Sky"), ("", "eyJhbGciOiJIUzI1NiJ9.eyJz" + "a1" * 90)],
)
def test_half_a_secret_at_the_end_of_a_cut_text_does_not_stay(limit: int, introduction: str, secret: str) -> None:
    """A text that was cut in front of the scrubber loses its last word; one that was not, or that has no words, stays."""
    scrubber = Scrubber()
    for kept in range(4, len(secret), 5):
        end = " " + introduction + secret[:kept]
        text = ("x " * limit)[: limit - len(end)] + end
        clean = scrubber.mapping({"http.route": text, "other": "y"})["http.route"]

        assert clean == text.removesuffix(secret[:kept])
        assert scrubber.text(clean) == clean
    for whole in ("x" * limit, ("x " * limit)[: limit - 5] + "last"):
        assert scrubber.text(whole) == whole


@pytest.mark.parametrize("before_the_end", [0, 20, 8180, 8192, 8200])
def test_the_cut_of_a_huge_text_never_halves_a_secret(before_the_end: int) -> None:
    """Nothing of a token at either edge of what is scrubbed stays, and the marker says that there was more."""
    token = "ghp_" + "a1B2" * 9
    text = "x " * ((cuts.TEXT - before_the_end) // 2 - 5) + token + " y" * 20_000
    clean = Scrubber().text(text)

    assert "ghp_" not in clean
    assert "1B2a" not in clean
    assert clean.endswith("x [redacted:too-long]")
    assert len(clean) > cuts.TEXT - 20_000
    assert Scrubber().text(clean) == clean


def test_what_is_remembered_is_bounded_for_all_keys_together() -> None:
    """Two thousand keys of every kind keep no more texts than a few keys do, and each judges for itself what depends on it."""
    classes = KeyClasses(Options(allow_keys=("free*",)))
    pairs = [
        (f"{key[0]}{number}{key[1]}", f"text {number} {text}")
        for key in (("a", ".version"), ("free", ""), ("password", ".name"), ("user", ".name"), ("plain", ""))
        for number in range(400)
        for text in range(20)
    ]
    for key, text in pairs:
        classes.of(key).clean.add(text)

    assert sum(text in classes.of(key).clean for key, text in pairs) <= 7000
    classes.of("first.user.name").clean.add("Lovelace")
    assert "Lovelace" in classes.of("first.user.name").clean
    assert "Lovelace" not in classes.of("second.user.name").clean


def test_threads_share_a_scrubber() -> None:
    """Several threads get the right result from one scrubber with its caches."""
    scrubber, wrong = Scrubber(), []

    def work(number: int) -> None:
        for index in range(200):
            key, text = f"k{index % 50}", f"value {number} {index}"
            if scrubber.value(key, text) != text or SECRET in scrubber.value("note", f"pwd={SECRET}{index}"):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    [thread.start() for thread in threads]  # type: ignore[func-returns-value]
    [thread.join() for thread in threads]  # type: ignore[func-returns-value]

    assert wrong == []


def test_the_process_has_one_scrubber() -> None:
    """Without an installed scrubber everything is on; an installed one replaces it."""
    before = active.scrubber()
    assert "[redacted:" in before.text(f"password={SECRET}")
    try:
        mine = Scrubber(Options(enabled=False))
        active.install(mine)
        assert active.scrubber() is mine
    finally:
        active.install(before)


def test_a_time_limit_of_the_program_passes_at_every_point() -> None:
    """What a signal handler raises while a line is scrubbed on the program's thread is no fault of a rule."""
    scrubber = Scrubber()
    values = {"note": f"password={SECRET}", "pin": 1234, "nested": {"token": (SECRET, "mail a.person@example.org")}}

    assert SECRET not in str(scrubber.mapping(values))  # builds the rules, which has too many points
    assert all(at_each_point(lambda: scrubber.mapping(values)))


def test_every_end_of_a_key_without_its_beginning_is_redacted() -> None:
    """A log that was cut before the key, several times: in one pass, with the lines of the key, and no other."""
    end = "-----END PRIVATE KEY-----"
    lines = "started.\nMIIBVgIBADAN\nBgkqhkiG9w0B\n"

    assert Scrubber().text(f"{lines}{end} and {end}" * 6).count("[redacted:private-key]") == 12
    assert Scrubber().text(f"{lines}{end}") == "started.\n[redacted:private-key]"
    assert Scrubber().text(f"MIIBVgIBADAN\\nBgkqhkiG9w0B\\n{end}") == "[redacted:private-key]"


def test_a_start_builds_no_rules() -> None:
    """Tables and expressions are loaded at the first text: a program starts without them."""
    source = (
        "import sys; from csg_otel.privacy import Scrubber; Scrubber(); print('csg_otel.privacy.screen' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


def test_secrets_of_a_function_are_found() -> None:
    """The function is called at the first text."""
    assert SECRET not in Scrubber(secrets=lambda: [SECRET]).text(f"it is {SECRET} now")


def test_the_extra_is_used_after_some_texts() -> None:
    """A program with the extra `redact` screens by the automaton, which a thread of its own has built."""
    scrubber = make_scrubber(Config())
    for number in range(screen.BEFORE_NATIVE + 1):
        scrubber.text(f"text {number:b}".replace("0", "a").replace("1", "b"))

    assert eventually(lambda: scrubber._rules._screen._native is not None)
    assert scrubber.text(f"password={SECRET}") == "password=[redacted:key-value]"


def test_phones_in_a_chain_are_one_hit_each() -> None:
    """Without anything between them, in one pass: later passes would not suffice for a long chain."""
    assert Scrubber().text("+39 02 1234567" * 9) == "[redacted:phone]" * 9
