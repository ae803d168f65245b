"""
Instrument the program Python is about to run; put on the path by ``csg-otel run``.

Takes itself off the path first, so that the machine's own ``sitecustomize`` still runs and processes the program starts
are not instrumented behind its back. A Python without this package runs the program as it is, and says so.
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
    print(f"csg-otel run: {sys.executable} has no csg_otel, so the program runs unobserved", file=sys.stderr)  # noqa: T201
else:
    import csg_otel
    from csg_otel import environment

    environment.drop_from_python_path(_HERE)
    csg_otel.instrument(on_error="warn", auto=True)
