"""``@csg_otel.health_check`` and ``component``: bare and with options, and one name where several may be given."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import csg_otel
from csg_otel.check_result import CheckResult, Critical
from csg_otel.errors import HealthDefinitionError
from csg_otel.health import default_registry
from csg_otel.health.definition import Check
from csg_otel.status import HealthStatus


def _results() -> dict[str, CheckResult]:
    return default_registry().run_all()


def test_the_bare_decorator_registers_under_the_functions_name() -> None:
    """Sync and async functions stay what they are; a name has the letters of checks."""

    @csg_otel.health_check
    def database() -> None:
        raise Critical("db down")

    @csg_otel.health_check
    async def Queue2() -> bool:
        return True

    @csg_otel.health_check(groups="liveness", failure_status="warning")
    def nameless() -> bool:
        return False

    assert {name: result.status for name, result in _results().items()} == {
        "database": HealthStatus.CRITICAL,
        "queue2": HealthStatus.HEALTHY,
        "nameless": HealthStatus.WARNING,
    }
    with pytest.raises(Critical):
        database()
    assert asyncio.run(Queue2())


def test_one_name_may_be_a_text() -> None:
    """Groups, dependencies, and names of checks to run."""

    @csg_otel.health_check("first", groups="readiness")
    def _() -> None: ...

    @csg_otel.health_check("second", groups=["liveness", "readiness"], depends_on="first")
    def _() -> None: ...

    csg_otel.component("loop", groups="liveness")

    assert list(default_registry().run_all("second")) == ["second"]
    assert {view.name: view.groups for view in default_registry().snapshot().checks} == {
        "first": ("readiness",),
        "second": ("liveness", "readiness"),
        "loop": ("liveness",),
    }
    assert _results()["second"].status is HealthStatus.HEALTHY


def test_a_mistake_is_named() -> None:
    """An option that does not exist has a suggestion, and what can't be called is refused."""
    with pytest.raises(HealthDefinitionError, match=r"unknown option 'intervall_s' \(did you mean 'interval_s'\?\)"):
        csg_otel.health_check("x", intervall_s=3)  # type: ignore[call-overload]
    with pytest.raises(HealthDefinitionError, match="not callable"):
        csg_otel.health_check(3)  # type: ignore[call-overload]
    with pytest.raises(HealthDefinitionError, match="not callable"):
        csg_otel.health_check("x")("y")  # type: ignore[type-var]


@pytest.mark.parametrize("option", ["groups", "depends_on"])
@pytest.mark.parametrize(
    ("names", "advice"),
    [
        (None, "=None is no list of names: write .. for none"),
        (5, '=5 is no list of names: write "name"'),
        ([len], " contains .*len.*, which is no name"),
        ("a, b", r" contains 'a, b', which is not one name: write \['a', 'b'\]"),
    ],
)
def test_names_that_are_no_names_are_refused_with_the_check(option: str, names: Any, advice: str) -> None:
    """The message names the check and shows what to write."""
    options = {option: names}
    with pytest.raises(HealthDefinitionError, match=f"^check 'orders': {option}{advice}"):
        csg_otel.health_check("orders", **options)(lambda: True)
    with pytest.raises(HealthDefinitionError, match="check 'loop': groups=None"):
        csg_otel.component("loop", groups=None)  # type: ignore[arg-type] # as a program may do


def test_any_iterable_of_groups_is_a_list() -> None:
    """A generator and a set are as good as a tuple."""
    check = Check(name="orders", function=lambda: True, groups=iter(["startup"]), depends_on={"db"})  # type: ignore[arg-type]

    assert (check.groups, check.depends_on) == (("startup",), ("db",))
