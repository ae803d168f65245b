"""The check ``imports``: modules can be imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from csg_otel.check_result import CheckResult, Critical
from csg_otel.status import HealthStatus

_PROGRAM = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[1])
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        print("\\ncsg_otel", name, type(error).__name__, flush=True)
        raise SystemExit(1)
    print("\\ncsg_otel", name, flush=True)
print("\\ncsg_otel", flush=True)
import os
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Imports:
    """
    HEALTHY if all of *modules* can be imported, in a separate process, within *timeout_s* seconds in total.

    The modules are really imported, because a module that exists may still raise, exit or hang. The separate process keeps
    the side effects of an import out of this one. Messages have the module and the exception's class, never its text.
    """

    modules: Sequence[str]
    timeout_s: float = 10.0

    def __call__(self) -> CheckResult:
        command = [sys.executable, "-c", _PROGRAM, json.dumps(sys.path), *self.modules]
        try:
            done = subprocess.run(  # noqa: S603 - a constant program, run by this interpreter
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=self.timeout_s, check=False
            )
            output, exited = done.stdout, True
        except subprocess.TimeoutExpired as error:
            output, exited = error.stdout or b"", False
        lines = output.decode("utf-8", "replace").splitlines()
        reports = [line.split()[1:] for line in lines if line.startswith("csg_otel")]
        if reports and reports[-1] == []:
            return CheckResult(HealthStatus.HEALTHY, f"{len(self.modules)} modules can be imported")
        failed = next((report for report in reports if len(report) == 2), None)
        if failed is not None:
            raise Critical(f"{failed[0]} can't be imported: {failed[1]}")
        module = self.modules[len(reports)] if len(reports) < len(self.modules) else self.modules[-1]
        problem = "ended the interpreter" if exited else f"was not imported within {self.timeout_s:g} s"
        raise Critical(f"{module} {problem}")
