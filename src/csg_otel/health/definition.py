"""
The definition of a health check: a callable, and its policy as data. Nothing runs here.

Contradictions between checks are found before any check runs, and all of them are reported together.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel import name_lists
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
    One check and its policy. Times are in seconds; None takes the settings' value for all checks.

    Attributes:
        name: 1 to 64 of ``a-z``, ``0-9``, ``_``, ``.``, ``-``; unique.
        function: The function to run, sync or async, without parameters.
        category: ``system``, ``application``, ``dependency``, ``performance`` or a name of your own.
        groups: The probes it counts in besides overall: ``liveness``, ``readiness``, ``startup``.
        critical: False caps its contribution to its groups at WARNING.
        interval_s: Time between runs.
        timeout_s: Deadline of one run; a run that misses it is CRITICAL, and its late success does not count.
        failure_threshold: Failures in a row before it counts as failed.
        success_threshold: Successes in a row before it counts as recovered.
        failure_status: Status for False and for an exception.
        depends_on: Checks whose CRITICAL status makes this one UNKNOWN ("skipped") and keeps it from running.
        jitter: Share of the interval by which runs are spread.
        stale_after_s: Age at which a result counts as UNKNOWN; by default twice the interval plus the deadline.
        loop: Event loop of an async function: its own (``private``), or the program's (``app``), for pools bound to that.
        app_loop: The program's loop; by default the loop that runs where the check is registered.
        own: Whether the settings created it; new settings replace it.
        inline: Whether the function returns at once and runs without a thread.
    """

    name: str
    function: Function
    category: str = "application"
    groups: Sequence[str] = ("readiness",)
    critical: bool = True
    interval_s: float | None = None
    timeout_s: float | None = None
    failure_threshold: int | None = None
    success_threshold: int | None = None
    failure_status: Literal["warning", "critical"] = "critical"
    depends_on: Sequence[str] = ()
    jitter: float = 0.1
    stale_after_s: float | None = None
    loop: Loop = "private"
    app_loop: AbstractEventLoop | None = None
    own: bool = False
    inline: bool = False

    def __post_init__(self) -> None:
        """Take a text as one name; raise HealthDefinitionError where names are no names."""
        for field in ("groups", "depends_on"):
            object.__setattr__(self, field, check_names(getattr(self, field), f"check {self.name!r}: {field}"))


def check_names(raw: Any, what: str) -> tuple[str, ...]:
    """Return the names in *raw*; raise HealthDefinitionError, with *what*, if it is no list of names."""
    return name_lists.names(raw, what, lambda problem: HealthDefinitionError([problem]))


@dataclass(frozen=True, slots=True)
class Policy:
    """The times and thresholds of a check, completed from the settings; times in seconds."""

    interval_s: float
    timeout_s: float
    failure_threshold: int
    success_threshold: int
    stale_after_s: float


def policy(check: Check, settings: HealthMonitoring) -> Policy:
    """Return the policy of *check* with *settings*; by default results are stale after two intervals and a timeout."""
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
    """Return the groups *check* counts in: the groups it names, with the settings' ``include`` and ``exclude`` applied."""
    groups = []
    for name in GROUPS:
        group = getattr(settings.groups, name)
        if (name in check.groups or check.name in group.include) and check.name not in group.exclude:
            groups.append(name)
    return tuple(groups)


def validate(checks: Iterable[Check], settings: HealthMonitoring) -> None:
    """Raise HealthDefinitionError with every contradiction between *checks* and with *settings*."""
    checks = tuple(checks)
    problems = [*contradictions(checks), *unknown_names(checks, settings)]
    if problems:
        raise HealthDefinitionError(tuple(dict.fromkeys(problems)))


def contradictions(checks: Sequence[Check]) -> list[str]:
    """Return the problems of *checks* that no further check can solve: bad values, duplicate names, circles."""
    by_name = {check.name: check for check in checks}
    problems = [problem for check in checks for problem in _problems(check)]
    problems.extend(
        f"two checks are called {name!r}; rename one" for name in _duplicates(check.name for check in checks)
    )
    problems.extend(dict.fromkeys(circles(by_name).values()))
    return problems


def unknown_names(checks: Sequence[Check], settings: HealthMonitoring) -> list[str]:
    """Return a problem for each name in *checks* and *settings* that is not the name of a check."""
    by_name = {check.name: check for check in checks}
    problems = [
        f"check {check.name!r}: depends on {parent!r}, but no check has that name{suggestion(parent, by_name)}"
        for check in checks
        for parent in check.depends_on
        if parent not in by_name
    ]
    return [*problems, *_unknown_members(by_name, settings)]


def _problems(check: Check) -> Iterable[str]:
    where = f"check {check.name!r}"
    if not _NAME.fullmatch(check.name):
        yield f"{where}: the name must be 1 to 64 of a-z, 0-9, '_', '.' and '-'"
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


def _duplicates(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]


def _unknown_members(by_name: Mapping[str, Check], settings: HealthMonitoring) -> Iterable[str]:
    for group in GROUPS:
        members = getattr(settings.groups, group)
        for name in (*members.include, *members.exclude):
            if name not in by_name:
                yield f"group {group!r} names {name!r}, but no check has that name{suggestion(name, by_name)}"


def circles(by_name: Mapping[str, Check]) -> dict[str, str]:
    """Return the checks that depend on each other in a circle, each with the circle as text."""
    done: set[str] = set()
    members: dict[str, str] = {}
    for name in by_name:
        path: list[str] = []
        _walk(name, by_name, path, done)
        if path:
            done.update(path)  # so that each circle is reported once
            members.update(dict.fromkeys(path, f"checks depend on each other in a circle: {' > '.join(path)}"))
    return members


def _walk(name: str, by_name: Mapping[str, Check], path: list[str], done: set[str]) -> bool:
    """Follow the dependencies of *name*; return True if they form a circle, which is then in *path*."""
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
    """Return *checks* in order of dependency: each level depends on earlier levels only; circles are the last level."""
    remaining = list(checks)
    names = {check.name for check in remaining}
    placed: set[str] = set()
    ordered: list[list[Check]] = []
    while remaining:
        level = [check for check in remaining if placed.issuperset(names.intersection(check.depends_on))]
        level = level or remaining
        ordered.append(level)
        placed.update(check.name for check in level)
        remaining = [check for check in remaining if check.name not in placed]
    return ordered
