"""A secret never shows itself."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.config import Secret, load_lenient

texts = st.text(min_size=4).filter(lambda text: text not in "***")


@given(texts)
def test_printing_shows_stars(value: str) -> None:
    """Every way of printing a secret, alone or inside something, gives the stars."""
    secret = Secret(value)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", format(secret, ""), "%s" % secret]  # noqa: UP031

    assert set(shown) == {"***"}
    assert repr([secret, {"k": secret}]) == "[***, {'k': ***}]"


@given(st.uuids().map(str))
def test_a_traceback_shows_no_secret(value: str) -> None:
    """A traceback with locals, as debuggers and error trackers print it, doesn't have the value."""

    def fail(secret: Secret) -> None:
        raise ValueError(f"no {secret}")

    try:
        fail(Secret(value))
    except ValueError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).stack.format()[1:])
        shown += str(error)

    assert value not in shown


def test_a_secret_is_revealed_on_purpose() -> None:
    """Only `reveal` returns the value."""
    assert Secret("hunter2").reveal() == "hunter2"


def test_a_secret_is_not_pickled() -> None:
    """Pickling refuses, so a secret can't travel to a disk or another process."""
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps({"password": Secret("hunter2")})


def test_a_secret_is_not_changed() -> None:
    """A secret is a value: no attribute can be set or deleted, and a copy is itself."""
    secret = Secret("hunter2")

    with pytest.raises(AttributeError):
        secret.other = 1
    with pytest.raises(AttributeError):
        del secret._Secret__value  # type: ignore[attr-defined]
    assert copy.deepcopy([secret])[0] is secret
    assert copy.copy(secret) is secret


def test_secrets_compare_by_value() -> None:
    """Equal secrets are equal and hash alike; a secret never equals plain text."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_an_empty_secret_is_false() -> None:
    """A secret is true if it has a text."""
    assert [bool(Secret("")), bool(Secret("x"))] == [False, True]


def test_logging_a_secret_shows_stars(caplog: pytest.LogCaptureFixture) -> None:
    """A log call formats a secret as stars."""
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("token %s", Secret("hunter2"))

    assert caplog.messages == ["token ***"]


def test_an_unset_secret_stays_a_form_for_callers_that_need_none() -> None:
    """A compiler of alert rules runs where no secret is; only a secret is excused, and one that is set is itself."""
    source = {
        "notifications": {
            "slack": {"enabled": True, "webhook_url": "${UNSET}"},
            "email": {"password": "${SET}"},
        },
        "service": {"name": "${ALSO_UNSET}"},
    }
    loaded = load_lenient(source, environ={"SET": "s"}, unset_secrets=True)
    slack, email = loaded.config.notifications.slack, loaded.config.notifications.email

    assert slack.webhook_url == Secret("${UNSET}")
    assert email.password == Secret("s")
    (problem,) = loaded.problems
    assert "ALSO_UNSET" in problem


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_a_line_break_at_the_end_of_a_secret_is_taken_off(end: str) -> None:
    """`echo TOKEN | base64` and editors append one, which no server accepts."""
    source = {"security": {"api_auth": {"tokens": ["${TOKEN}"]}}}

    assert load_lenient(source, environ={"TOKEN": f"t0ken{end}"}).config.security.api_auth.tokens == (Secret("t0ken"),)


@pytest.mark.parametrize("sign", ["\n", "\r", "\0", "\x1b", "\x7f"])
@pytest.mark.parametrize(
    ("source", "key"),
    [
        ({"notifications": {"pagerduty": {"integration_key": "${TOKEN}"}}}, "notifications.pagerduty.integration_key"),
        (
            {"exporters": {"otlp": [{"headers": {"Authorization": "Bearer ${TOKEN}"}}]}},
            "exporters.otlp[0].headers.Authorization",
        ),
    ],
)
def test_a_control_character_in_a_secret_is_a_problem(source: dict[str, object], key: str, sign: str) -> None:
    """The message names the key, and has no part of the secret."""
    (problem,) = load_lenient(source, environ={"TOKEN": f"hunter2{sign}hunter3"}).problems

    assert key in problem
    assert "control character" in problem
    assert "hunter" not in problem
