"""Statements of SQL whose parameters stand apart: each has the name of its column."""

from __future__ import annotations

import sqlite3
import time

import pytest
import sqlalchemy

from csg_otel.privacy import Scrubber

SECRET = "".join(("hunter", "22x"))
SCRUBBER = Scrubber()

APART = [
    "[SQL: INSERT INTO users (name, password) VALUES (?, ?)]\n[parameters: ('ann', 'SECRET')]",
    "[SQL: INSERT INTO users (name, password) VALUES (?, ?)]\n[parameters: [('ann', 'SECRET'), ('bob', 'SECRET')]]",
    "[SQL: INSERT INTO users (name, password) VALUES ($1::VARCHAR, $2::VARCHAR)]\n[parameters: ('ann', 'SECRET')]",
    "[SQL: INSERT INTO users (at, password) VALUES (now(), crypt(?, gen_salt('bf')))]\n[parameters: ('SECRET',)]",
    "[SQL: UPDATE users SET password=? WHERE id = ?]\n[parameters: ('SECRET', 7)]",
    "what happened?\n[SQL: UPDATE users SET name=?, password=? WHERE id = ?]\n[parameters: ('ann', 'SECRET', 7)]",
    "[SQL: UPDATE users SET password=%(pw)s WHERE id = %(id_1)s]\n[parameters: {'pw': 'SECRET', 'id_1': 7}]",
    "[SQL: UPDATE users SET password=:pw WHERE id = :id]\n[parameters: [{'pw': 'SECRET', 'id': 7}, {'pw': 'SECRET', 'id': 8}]]",
    "UPDATE users SET tag = @main, password=? WHERE id = ? args=('SECRET', 7)",
    "[SQL: UPDATE users SET name=:1, password=:2 WHERE id = :3]\n[parameters: ('ann', 'SECRET', 7)]",
    "EXEC: UPDATE users SET password = @p2 WHERE name = @p1; params=['ann', 'SECRET']",
    (
        "execute <unnamed>: INSERT INTO users (name, password) VALUES ($1, crypt($2, gen_salt('bf')))\n"
        "DETAIL:  parameters: $1 = 'ann', $2 = 'SECRET'"
    ),
    "execute <unnamed>: UPDATE users SET password = $2 WHERE name = $1\nDETAIL:  Parameters: $1 = 'ann', $2 = 'SECRET'",
    '{"sql": "UPDATE users SET password = ? WHERE id = ?", "params": ["SECRET", 7]}',
    r'{"sql": "UPDATE \"users\" SET \"password\" = ? WHERE id = ?", "params": ["SECRET", 7]}',
    "cur.execute('UPDATE users SET password = %s WHERE name = %s', ('SECRET', 'ann'))",
    "(0.001) UPDATE auth_user SET password = %s WHERE id = %s; args=('SECRET', 3); alias=default",
    '(0.001) SELECT 1 FROM "users" WHERE ("users"."name" = %s AND "users"."api_token" = %s); args=(\'ann\', \'SECRET\')',
    "SELECT 1 WHERE lower(name) = lower(?) AND password LIKE ? -- binds: ['ann', 'SECRET']",
]
"""A statement, and its parameters behind it."""


@pytest.mark.parametrize("text", APART)
def test_a_secret_parameter_goes(text: str) -> None:
    """Each form loses its secret, alone and behind another statement, and keeps the other parameters."""
    other = "[SQL: UPDATE t SET a=? WHERE b=?]\n[parameters: ('first', 'second')]\n"
    for raw in (text.replace("SECRET", SECRET), other + text.replace("SECRET", SECRET)):
        clean = SCRUBBER.text(raw)

        assert SECRET not in clean
        assert clean.count("redacted") == text.count("SECRET")
        assert ("'ann'" in clean) is ("'ann'" in text)
        assert SCRUBBER.text(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "[SQL: INSERT INTO users (name, password) VALUES (?, ?)]\n[parameters: ('hunter22x', None)]",
        "[SQL: UPDATE users SET password=? WHERE id = ?]\n[parameters: (None, 'hunter22x')]",
        "[SQL: UPDATE users SET name=$2 WHERE password = $1]\n[parameters: (NULL, 'hunter22x')]",
        "UPDATE users SET password=$1 WHERE name=$2 DETAIL:  parameters: $1 = NULL, $2 = 'hunter22x'",
        "[SQL: SELECT password FROM users WHERE name = ?]\n[parameters: ('hunter22x',)]",
        "is the password right? args=('hunter22x', 1)",
        "forgot password %s, args: ('hunter22x',)",
    ],
)
def test_other_parameters_stay(text: str) -> None:
    """Parameters of other columns, and lists behind prose, are kept."""
    assert SCRUBBER.text(text) is text


def test_an_error_of_sqlalchemy_loses_its_secret() -> None:
    """Its real message, with one row of parameters and with several."""
    engine = sqlalchemy.create_engine("sqlite://")
    table = sqlalchemy.Table(
        "users",
        sqlalchemy.MetaData(),
        sqlalchemy.Column("name", sqlalchemy.String, primary_key=True),
        sqlalchemy.Column("password", sqlalchemy.String),
    )
    row = {"name": "ann", "password": SECRET}
    with engine.connect() as connection:
        table.create(connection)
        connection.execute(table.insert(), row)
        for rows in (row, [row, row]):
            with pytest.raises(sqlalchemy.exc.IntegrityError) as caught:
                connection.execute(table.insert(), rows)
            clean = SCRUBBER.text(str(caught.value))

            assert SECRET in str(caught.value)
            assert SECRET not in clean
            assert "'ann'" in clean
    engine.dispose()


def test_a_statement_that_sqlite_expands_loses_its_secret() -> None:
    """The trace of sqlite3 has the values in their places."""
    traced: list[str] = []
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE users (name TEXT, password TEXT)")
    connection.set_trace_callback(traced.append)
    connection.execute("INSERT INTO users (name, password) VALUES (?, ?)", ("ann", SECRET))
    connection.close()

    assert any(SECRET in line for line in traced)
    assert not any(SECRET in SCRUBBER.text(line) for line in traced)


@pytest.mark.parametrize(
    "part",
    [
        "',(",
        "password=?',(",
        "password=%s ",
        "password=? [parameters: (",
        "parameters: $1 = '",
        "password=? args={'a':'b',",
    ],
)
def test_the_time_grows_with_the_length(part: str) -> None:
    """Four times the text takes at most eight times as long: no list is compared with all places before it."""

    def seconds(length: int) -> float:
        text = "password=? " + part * (length // len(part))
        began = time.thread_time()
        Scrubber().text(text)
        return time.thread_time() - began

    assert min(seconds(32_000) for _ in range(2)) < 8 * min(seconds(8_000) for _ in range(3)) + 0.05
