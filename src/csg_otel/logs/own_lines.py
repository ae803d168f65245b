"""
The own lines of telemetry without secrets: a record's message, exception, stack and extra become scrubbed texts.

The rule: a record is changed before the first handler gets it, because the program's handlers get the same record. Records of
the program are not changed; their copies are scrubbed where they leave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from csg_otel.logs.bridge import extra, message, stacktrace
from csg_otel.privacy import active

if TYPE_CHECKING:
    import logging


def scrub(record: logging.LogRecord) -> None:
    """Replace what has a secret in *record*; anything else stays, such as the arguments of a message without one."""
    scrubber = active.scrubber()
    text = message(record)
    if (changed := scrubber.text(text)) is not text:
        record.msg, record.args = changed, ()
    trace = stacktrace(record) if record.exc_info and record.exc_info[1] is not None else record.exc_text
    if trace and (changed := scrubber.stack(trace)) is not trace:
        record.exc_info, record.exc_text = None, changed.rstrip("\n")
    if record.stack_info:
        record.stack_info = scrubber.stack(record.stack_info)
    values = extra(record)
    if values and (kept := scrubber.mapping(values)) is not values:
        vars(record).update({key: value for key, value in kept.items() if key in values and value is not values[key]})
