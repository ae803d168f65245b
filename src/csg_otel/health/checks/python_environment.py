"""The check ``python_environment``: the Python version and the installed packages are as required."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from csg_otel.check_result import CheckResult, Critical, Warn
from csg_otel.status import HealthStatus

_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(.*)")
_CLAUSE: Final = re.compile(r"\s*(==|!=|>=|<=|~=|>|<)\s*([0-9][0-9A-Za-z.+!*-]*)\s*")


@dataclass(frozen=True, slots=True)
class PythonEnvironment:
    """
    HEALTHY if Python is *minimum* or newer and each of *packages* is installed in a version its specifier allows.

    Specifiers are those of PEP 440 for release numbers (``PyYAML>=6,<7``); a suffix of the version such as ``rc1`` is
    ignored. With *conflicts* a missing requirement of any installed package is a WARNING, as ``pip check`` reports it; this
    needs the package ``packaging``. Raises ValueError for an invalid specifier.
    """

    minimum: str = "3.10"
    packages: Sequence[str] = ()
    conflicts: bool = False

    def __post_init__(self) -> None:
        for package in self.packages:
            _parsed(package)

    def __call__(self) -> CheckResult:
        running = platform.python_version()
        if sys.version_info[: len(_release(self.minimum))] < _release(self.minimum):
            raise Critical(f"Python {running} is older than {self.minimum}; run the program with a newer one")
        wrong = [problem for package in self.packages if (problem := _problem(package))]
        if wrong:
            raise Critical("; ".join(wrong))
        if self.conflicts and (conflicts := _conflicts()):
            more = f" and {len(conflicts) - 3} more; pip check lists all" if len(conflicts) > 3 else ""
            raise Warn("; ".join(conflicts[:3]) + more)
        return CheckResult(HealthStatus.HEALTHY, f"Python {running}", {"packages": len(self.packages)})


def _conflicts() -> list[str]:
    """Return one line per requirement of an installed package that is missing or has another version."""
    from importlib.metadata import PackageNotFoundError, distributions, version  # late: it reads mail, as metadata is

    try:
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        raise Warn("conflicts between packages can't be checked (pip install packaging)") from None
    conflicts = []
    for installed in distributions():
        for line in installed.requires or ():
            try:
                required = Requirement(line)
                if required.marker is not None and not required.marker.evaluate({"extra": ""}):
                    continue
                present = version(required.name)
                if not required.specifier.contains(present, prereleases=True):
                    conflicts.append(f"{installed.name} needs {required.name}{required.specifier}, not {present}")
            except PackageNotFoundError:
                conflicts.append(f"{installed.name} needs {required.name}, which is not installed")
            except InvalidRequirement:
                continue
    return sorted(conflicts)


def _problem(package: str) -> str:
    """Return the problem with the requirement *package*; empty if it is met."""
    from importlib.metadata import PackageNotFoundError, version

    name, clauses = _parsed(package)
    try:
        installed = version(name)
    except PackageNotFoundError:
        return f"{name} is not installed (pip install '{package.strip()}')"
    unmet = [f"{operator}{limit}" for operator, limit in clauses if not _is_met(installed, operator, limit)]
    return f"{name} {installed} is not {','.join(unmet)}" if unmet else ""


def _parsed(package: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the name and the clauses, operator and version, of a requirement. Raises ValueError if it is not valid."""
    requirement = _REQUIREMENT.fullmatch(package)
    parts = requirement.group(2).split(",") if requirement is not None and requirement.group(2) else []
    clauses = [_CLAUSE.fullmatch(part) for part in parts]
    if requirement is None or None in clauses:
        raise ValueError(f"{package!r} is not a requirement such as 'PyYAML>=6'")
    return requirement.group(1), [(clause.group(1), clause.group(2)) for clause in clauses if clause is not None]


def _is_met(installed: str, operator: str, limit: str) -> bool:
    """Return whether the version *installed* satisfies the clause of *operator* and *limit*."""
    have, want = _release(installed), _release(limit)
    if limit.endswith(".*"):
        equal = have[: len(want)] == want
        return equal if operator == "==" else not equal
    if operator == "~=":
        return _compare(have, want) >= 0 and have[: len(want) - 1] == want[:-1]
    return _OPERATORS[operator](_compare(have, want))


_OPERATORS: Final[dict[str, Callable[[int], bool]]] = {
    "==": lambda sign: sign == 0,
    "!=": lambda sign: sign != 0,
    ">=": lambda sign: sign >= 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    "<": lambda sign: sign < 0,
}


def _release(text: str) -> tuple[int, ...]:
    """Return the release numbers of a version: ``1!2.0.1rc2`` is (2, 0, 1)."""
    release = re.match(r"(?:\d+!)?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in release.group(1).split(".")) if release else ()


def _compare(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """Return 1 if *first* is the newer release, -1 if it is the older one, 0 if they are equal."""
    for a, b in zip_longest(first, second, fillvalue=0):
        if a != b:
            return 1 if a > b else -1
    return 0
