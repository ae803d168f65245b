"""Whether the program's modules can be imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from csg_otel.status import CheckResult, Critical, HealthStatus

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
    Healthy if every one of *modules* can be imported, in a process of its own, within *timeout_s* seconds in all.

    Really imports them: a module that is found may still raise, exit or hang. In this process that would run its side
    effects again, or not at all. Names the module and the class of the exception, never its message.
    """

    modules: Sequence[str]
    timeout_s: float = 10.0

    def __call__(self) -> CheckResult:
        command = [sys.executable, "-c", _PROGRAM, json.dumps(sys.path), *self.modules]
        try:
            done = subprocess.run(  # noqa: S603 - our own program, the interpreter we run on
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=self.timeout_s, check=False
            )
            output, ended = done.stdout, True
        except subprocess.TimeoutExpired as late:
            output, ended = late.stdout or b"", False
        said = [
            line.split()[1:] for line in output.decode("utf-8", "replace").splitlines() if line.startswith("csg_otel")
        ]
        if said and said[-1] == []:
            return CheckResult(HealthStatus.HEALTHY, f"{len(self.modules)} modules can be imported")
        failed = next((words for words in said if len(words) == 2), None)
        if failed is not None:
            raise Critical(f"{failed[0]} can't be imported: {failed[1]}")
        at = self.modules[len(said)] if len(said) < len(self.modules) else self.modules[-1]
        raise Critical(f"{at} {'ended the interpreter' if ended else f'was not imported within {self.timeout_s:g} s'}")
