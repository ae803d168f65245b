"""
Instrument the program that Python is about to run; ``csg-otel run`` puts this directory on the path.

It first removes the directory from the path. So the machine's own ``sitecustomize`` still runs, and processes that the program
starts are not instrumented. A Python without this package runs the program without telemetry, with one line on stderr.
"""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

_HERE = str(Path(__file__).parent)

sys.path[:] = [entry for entry in sys.path if entry != _HERE]
_hidden = PathFinder.find_spec("sitecustomize", sys.path)
if _hidden is not None and _hidden.loader is not None:
    _hidden.loader.exec_module(importlib.util.module_from_spec(_hidden))

if importlib.util.find_spec("csg_otel") is None:
    print(  # noqa: T201 - there is no logging yet
        f"csg-otel run: {sys.executable} has no package csg_otel, so the program runs unobserved; install csg-otel there",
        file=sys.stderr,
    )
else:
    from csg_otel import environment
    from csg_otel.sdk.early import instrument_early

    environment.drop_from_python_path(_HERE)
    instrument_early()
