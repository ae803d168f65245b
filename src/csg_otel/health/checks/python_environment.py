"""Whether the Python version and the installed packages are those the program needs."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distributions, version
from itertools import zip_longest
from typing import Final

from csg_otel.status import CheckResult, Critical, HealthStatus, Warn

_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(.*)")
_CLAUSE: Final = re.compile(r"\s*(==|!=|>=|<=|~=|>|<)\s*([0-9][0-9A-Za-z.+!*-]*)\s*")


@dataclass(frozen=True, slots=True)
class PythonEnvironment:
    """
    Healthy if Python is *minimum* or newer and each of *packages* is installed in a version its specifier allows.

    Specifiers are those of PEP 440 on release numbers (``PyYAML>=6,<7``); what follows the numbers, such as ``rc1``, is
    ignored. With *conflicts* it is a warning if any installed package lacks what it requires, as ``pip check`` says; that
    needs the package ``packaging``. Raises ValueError for a specifier that can't be read.
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
            raise Critical(f"Python {running} is older than {self.minimum}")
        wrong = [problem for package in self.packages if (problem := _problem(package))]
        if wrong:
            raise Critical("; ".join(wrong))
        if self.conflicts and (found := _conflicts()):
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            raise Warn("; ".join(found[:3]) + more)
        return CheckResult(HealthStatus.HEALTHY, f"Python {running}", {"packages": len(self.packages)})


def _conflicts() -> list[str]:
    """Return what installed packages require and do not find."""
    try:
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        raise Warn("conflicts can't be looked for (pip install packaging)") from None
    found = []
    for installed in distributions():
        for line in installed.requires or ():
            try:
                needed = Requirement(line)
                if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
                    continue
                present = version(needed.name)
                if not needed.specifier.contains(present, prereleases=True):
                    found.append(f"{installed.name} needs {needed.name}{needed.specifier}, not {present}")
            except PackageNotFoundError:
                found.append(f"{installed.name} needs {needed.name}, which is not installed")
            except InvalidRequirement:
                continue
    return sorted(found)


def _problem(package: str) -> str:
    name, clauses = _parsed(package)
    try:
        installed = version(name)
    except PackageNotFoundError:
        return f"{name} is not installed"
    unmet = [f"{operator}{wanted}" for operator, wanted in clauses if not _met(installed, operator, wanted)]
    return f"{name} {installed} is not {','.join(unmet)}" if unmet else ""


def _parsed(package: str) -> tuple[str, list[tuple[str, str]]]:
    found = _REQUIREMENT.fullmatch(package)
    parts = found.group(2).split(",") if found is not None and found.group(2) else []
    clauses = [_CLAUSE.fullmatch(part) for part in parts]
    if found is None or None in clauses:
        raise ValueError(f"{package!r} is not a requirement such as 'PyYAML>=6'")
    return found.group(1), [(clause.group(1), clause.group(2)) for clause in clauses if clause is not None]


def _met(installed: str, operator: str, wanted: str) -> bool:
    have, want = _release(installed), _release(wanted)
    if wanted.endswith(".*"):
        equal = have[: len(want)] == want
        return equal if operator == "==" else not equal
    if operator == "~=":
        return _compared(have, want) >= 0 and have[: len(want) - 1] == want[:-1]
    return _OPERATORS[operator](_compared(have, want))


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
    found = re.match(r"(?:\d+!)?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in found.group(1).split(".")) if found else ()


def _compared(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    for a, b in zip_longest(one, other, fillvalue=0):
        if a != b:
            return 1 if a > b else -1
    return 0
