"""Tokens of ``security.api_auth``: compared as bytes, in a time that shows nothing; refused at load if none can send them."""

from __future__ import annotations

import hmac
import statistics
import time
from base64 import b64encode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.config import load
from csg_otel.errors import ConfigError
from csg_otel.server import Server
from csg_otel.server.tokens import Tokens
from support.endpoints import ask, exchange

Serve = Callable[..., Server]

UTF8, BYTE = "tök-für-alle", "t\udcf6k"
"""A token beyond ASCII, and one from a variable whose byte F6 is no UTF-8."""


def configured(*accepted: str, method: str = "token") -> dict[str, object]:
    """Return the section ``security`` with these tokens."""
    return {"api_auth": {"enabled": True, "method": method, "tokens": list(accepted)}}


def scrape(server: Server, value: bytes | None, target: bytes = b"/metrics") -> bytes:
    """Return the response to a scrape with *value* as ``Authorization``, sent as these bytes; without its date."""
    header = b"" if value is None else b"Authorization: " + value + b"\r\n"
    response = exchange(server, b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + header + b"\r\n")
    return b"\r\n".join(line for line in response.split(b"\r\n") if not line.lower().startswith(b"date:"))


ACCEPTED = [
    b"Bearer ascii-1",
    b"bearer ascii-1",
    b"BEARER   ascii-1  ",
    b"Bearer " + UTF8.encode(),
    b"Bearer t\xf6k",
]
REFUSED = [
    b"",
    b"Bearer",
    b"Bearer ",
    b"ascii-1",
    b"Basic ascii-1",
    b"Bearer ASCII-1",
    b"Bearer ascii-1 ascii-1",
    b"Bearer " + UTF8.encode("latin-1"),
    b"Bearer \xff\xfe",
    b"Bearer \xed\xb3\xb6",
    b"Bearer " + b"a" * 10_000,
]


def test_a_header_is_compared_as_bytes(serve: Serve) -> None:
    """As curl sends them; the scheme in any case, blanks around the token, and never an error of the server."""
    server = serve(security=configured("ascii-1", UTF8, BYTE))

    assert {scrape(server, value)[:12] for value in ACCEPTED} == {b"HTTP/1.1 200"}
    assert {scrape(server, value)[:12] for value in REFUSED} == {b"HTTP/1.1 401"}


def test_user_and_password_are_compared_as_bytes(serve: Serve) -> None:
    """In UTF-8 (RFC 7617); a password may hold colons."""
    server = serve(security=configured("jörg:p:ä", method="basic"))
    right = b64encode("jörg:p:ä".encode())

    assert {scrape(server, scheme + right)[:12] for scheme in (b"Basic ", b"basic  ")} == {b"HTTP/1.1 200"}
    refused = [b"Bearer " + right, b"Basic !", b"Basic " + right + b"=", b"Basic " + "jörg:p:ä".encode(), b"Basic"]
    assert {scrape(server, value)[:12] for value in refused} == {b"HTTP/1.1 401"}


def test_a_refusal_is_the_same_for_a_missing_and_a_wrong_token(serve: Serve) -> None:
    """In every byte; and a token in the query string is no token."""
    server = serve(security=configured("ascii-1", UTF8))
    missing = scrape(server, None)

    assert missing.startswith(b"HTTP/1.1 401 ")
    assert {scrape(server, value) for value in REFUSED} == {missing}
    for name in (b"token", b"access_token", b"authorization"):
        assert scrape(server, None, b"/metrics?" + name + b"=ascii-1") == missing
    assert ask(server, "/metrics?token=wrong", Authorization="Bearer ascii-1")[0] == 200


@given(st.text(), st.text(st.characters(max_codepoint=255)))
def test_no_header_is_an_error(token: str, header: str) -> None:
    """Whatever the token and the header are; the token itself is accepted in UTF-8."""
    accepted = Tokens([token])
    accepted.accept(header)
    sent = token.encode("utf-8", "surrogatepass")

    assert not Tokens([]).accept(header)
    assert accepted.accept("Bearer " + sent.decode("latin-1")) or not sent or sent != sent.strip(b" \t")


def test_an_empty_token_lets_no_client_in() -> None:
    """Not even a client that sends the scheme alone."""
    for scheme in ("bearer", "basic"):
        assert not any(
            Tokens(["", ""], scheme).accept(header) for header in ("", "Bearer", "Bearer ", "Basic", "Basic ")
        )


@pytest.mark.parametrize(
    ("accepted", "reason"),
    [
        ([], "holds no token"),
        ([""], "holds no token"),
        (["", ""], "holds no token"),
        (["a\nb"], "has a line break or another control character"),
        (["canary "], "no client can send"),
        (["canary\x7f"], "has a line break or another control character"),
    ],
)
def test_a_token_that_no_client_can_send_is_refused_at_load(accepted: list[str], reason: str) -> None:
    """The message says what to do, without the token."""
    with pytest.raises(ConfigError, match=reason) as refused:
        load({"security": configured(*accepted)}, environ={})

    assert "security.api_auth.tokens" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_authentication_without_tokens_is_refused_at_load() -> None:
    """It would refuse every client; with a variable, too."""
    with pytest.raises(ConfigError, match="no 'tokens'"):
        load({"security": {"api_auth": {"enabled": True}}}, environ={})
    environ = {"CSG_OTEL_SECURITY_API_AUTH_ENABLED": "true", "CSG_OTEL_SECURITY_API_AUTH_TOKENS": ","}
    with pytest.raises(ConfigError, match="holds no token"):
        load({}, environ=environ)


# -- the time of a comparison -----------------------------------------------------------------------------------------------


def test_all_tokens_are_compared_by_digests_of_one_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a comparison does the same work for every token, however long it is, and whether another one matches before it."""
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def compare(sent: bytes, expected: bytes) -> bool:
        compared.append((len(sent), len(expected)))
        return real(sent, expected)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    accepted = Tokens(["a", "b" * 5000, "c" * 40])

    for header in ("", "Bearer a", "Bearer " + "c" * 40, "Basic a", "Bearer " + "b" * 4999):
        compared.clear()
        accepted.accept(header)
        assert compared == [(32, 32)] * 3


def time_ratio(accept: Callable[[str], bool], token: str) -> float:
    """Return how much longer *accept* takes with all but one byte of *token* right than with none, by medians of rounds."""
    headers = (f"Bearer {'x' * len(token)}", f"Bearer {token[:-1]}x")
    times: tuple[list[int], list[int]] = ([], [])
    for round_number in range(600):
        for which in (0, 1) if round_number % 2 else (1, 0):  # neighbours in time, so that a busy machine slows both
            began = time.perf_counter_ns()
            for _ in range(10):
                accept(headers[which])
            times[which].append(time.perf_counter_ns() - began)
    return statistics.median(times[1]) / statistics.median(times[0])


def test_the_time_of_a_refusal_says_nothing_of_the_token() -> None:
    """Wrong tokens with no byte and with all but one byte right take the same time; the measurement sees a comparison that
    stops at the first difference."""
    token = "s3cret-" * 30

    def leaking(header: str) -> bool:
        return all(sent == expected for sent, expected in zip(header, f"Bearer {token}", strict=True))

    assert time_ratio(leaking, token) > 2
    assert min(abs(time_ratio(Tokens([token]).accept, token) - 1) for _ in range(3)) < 0.1
