"""
What a health check is: a callable and, as data, everything that is decided about it. Nothing runs here.

The rule: contradictions between checks are found before any of them runs, and all of them are reported together.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.errors import HealthDefinitionError, suggestion

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from csg_otel.config.sections.health_monitoring import HealthMonitoring

Function = Callable[[], Any] | Callable[[], Awaitable[Any]]
Loop = Literal["private", "app"]

GROUPS: Final = ("liveness", "readiness", "startup")
OVERALL: Final = "overall"

_NAME: Final = re.compile(r"[a-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """
    One check and its policy, times in seconds; None takes what the settings say for all checks.

    Attributes:
        name: 1 to 64 of ``a-z``, ``0-9``, ``_``, ``.``, ``-``; unique.
        function: Takes nothing; sync or async.
        category: ``system``, ``application``, ``dependency``, ``performance`` or your own.
        groups: Probes it counts in besides overall: ``liveness``, ``readiness``, ``startup``.
        critical: False caps what it contributes to its groups at WARNING.
        interval_s: Time between runs.
        timeout_s: Deadline of one run; one that misses it is CRITICAL, and a late success does not count.
        failure_threshold: Failures in a row before it counts as failed.
        success_threshold: Successes in a row before it counts as well again.
        failure_status: What False or an exception means.
        depends_on: Checks whose CRITICAL state makes this one UNKNOWN ("skipped") and keeps it from running.
        jitter: Share of the interval by which runs are spread.
        stale_after_s: Age at which a result is UNKNOWN; by default twice the interval plus the deadline.
        loop: Where an async function runs: on a loop of its own, or on the program's (``app``), for pools bound to it.
        app_loop: The program's loop; taken from where the check is defined.
        own: Whether the settings made it and may make it anew.
        inline: Whether the function returns at once and needs no thread.
    """

    name: str
    function: Function
    category: str = "application"
    groups: tuple[str, ...] = ("readiness",)
    critical: bool = True
    interval_s: float | None = None
    timeout_s: float | None = None
    failure_threshold: int | None = None
    success_threshold: int | None = None
    failure_status: Literal["warning", "critical"] = "critical"
    depends_on: tuple[str, ...] = ()
    jitter: float = 0.1
    stale_after_s: float | None = None
    loop: Loop = "private"
    app_loop: AbstractEventLoop | None = None
    own: bool = False
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for a check after the settings have filled in what its definition left open; times in seconds."""

    interval_s: float
    timeout_s: float
    failure_threshold: int
    success_threshold: int
    stale_after_s: float


def policy(check: Check, settings: HealthMonitoring) -> Policy:
    """Return the policy of *check* under *settings*; a result is stale after two intervals and a deadline."""
    interval_s = check.interval_s or settings.check_interval
    timeout_s = check.timeout_s or settings.timeout
    stale_after_s = check.stale_after_s or settings.stale_after or 2 * interval_s + timeout_s
    return Policy(
        interval_s,
        timeout_s,
        check.failure_threshold or settings.failure_threshold,
        check.success_threshold or settings.success_threshold,
        stale_after_s,
    )


def groups_of(check: Check, settings: HealthMonitoring) -> tuple[str, ...]:
    """Return the probes' groups *check* counts in: those it names, as the settings add to and take from them."""
    found = []
    for name in GROUPS:
        group = getattr(settings.groups, name)
        if (name in check.groups or check.name in group.include) and check.name not in group.exclude:
            found.append(name)
    return tuple(found)


def validate(checks: Iterable[Check], settings: HealthMonitoring) -> None:
    """Raise HealthDefinitionError with every contradiction between *checks* and with *settings*."""
    checks = tuple(checks)
    problems = [*contradictions(checks), *unknown_names(checks, settings)]
    if problems:
        raise HealthDefinitionError(tuple(dict.fromkeys(problems)))


def contradictions(checks: Sequence[Check]) -> list[str]:
    """Return what is wrong with *checks* whatever others there are."""
    by_name = {check.name: check for check in checks}
    problems = [problem for check in checks for problem in _problems(check)]
    problems.extend(f"two checks are called {name!r}" for name in _twice(check.name for check in checks))
    problems.extend(_cycles(by_name))
    return problems


def unknown_names(checks: Sequence[Check], settings: HealthMonitoring) -> list[str]:
    """Return where *checks* and *settings* name checks that are not among *checks*."""
    by_name = {check.name: check for check in checks}
    problems = [
        f"check {check.name!r}: depends on {parent!r}, which is no check{suggestion(parent, by_name)}"
        for check in checks
        for parent in check.depends_on
        if parent not in by_name
    ]
    return [*problems, *_unknown_members(by_name, settings)]


def _problems(check: Check) -> Iterable[str]:
    where = f"check {check.name!r}"
    if not _NAME.fullmatch(check.name):
        yield f"{where}: a name is 1 to 64 of a-z, 0-9, '_', '.' and '-'"
    for group in check.groups:
        if group not in GROUPS:
            yield f"{where}: unknown group {group!r}{suggestion(group, GROUPS)} (known: {', '.join(GROUPS)})"
    for key in ("interval_s", "timeout_s", "stale_after_s"):
        seconds = getattr(check, key)
        if seconds is not None and not seconds > 0:
            yield f"{where}: {key} must be above 0, not {seconds!r}"
    for key in ("failure_threshold", "success_threshold"):
        count = getattr(check, key)
        if count is not None and count < 1:
            yield f"{where}: {key} must be at least 1, not {count!r}"


def _twice(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]


def _unknown_members(by_name: Mapping[str, Check], settings: HealthMonitoring) -> Iterable[str]:
    for group in GROUPS:
        members = getattr(settings.groups, group)
        for name in (*members.include, *members.exclude):
            if name not in by_name:
                yield f"group {group!r} names {name!r}, which is no check{suggestion(name, by_name)}"


def _cycles(by_name: Mapping[str, Check]) -> Iterable[str]:
    done: set[str] = set()
    for name in by_name:
        path: list[str] = []
        _walk(name, by_name, path, done)
        if path:
            done.update(path)  # it is told once, wherever one comes to it from
            yield f"checks depend on each other in a circle: {' > '.join(path)}"


def _walk(name: str, by_name: Mapping[str, Check], path: list[str], done: set[str]) -> bool:
    """Follow what *name* depends on; leave a circle in *path* and return True if there is one."""
    if name in path:
        path.append(name)
        del path[: path.index(name)]
        return True
    if name in done or name not in by_name:
        return False
    path.append(name)
    for parent in by_name[name].depends_on:
        if _walk(parent, by_name, path, done):
            return True
    path.pop()
    done.add(name)
    return False


def levels(checks: Iterable[Check]) -> list[list[Check]]:
    """Return *checks* (without circles) in order of dependency: each level depends on earlier ones only."""
    left = list(checks)
    placed: set[str] = set()
    known = {check.name for check in left}
    found: list[list[Check]] = []
    while left:
        ready = [check for check in left if placed.issuperset(known.intersection(check.depends_on))]
        found.append(ready)
        placed.update(check.name for check in ready)
        left = [check for check in left if check.name not in placed]
    return found
