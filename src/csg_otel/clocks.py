"""
The clock of every wait: monotonic, and taken at import, so that a frozen or replaced ``time`` stops nothing.

Tests of programs freeze or replace the functions of the module ``time``, also where a module has imported them by name.
A wait by such a clock would never end. Measured times of the program's work still use the module ``time``, as the SDK does.
"""

from __future__ import annotations

import time
from functools import partial

if hasattr(time, "CLOCK_MONOTONIC"):
    # Libraries that replace `time.monotonic` leave the clocks of the operating system alone.
    monotonic = partial(time.clock_gettime, time.CLOCK_MONOTONIC)
    monotonic_ns = partial(time.clock_gettime_ns, time.CLOCK_MONOTONIC)
else:
    # A partial object: those libraries look for the function itself in the namespace of every module.
    monotonic = partial(time.monotonic)  # noqa: TID251 - the one place
    monotonic_ns = partial(time.monotonic_ns)  # noqa: TID251 - as above
