"""The section `logging`: the program's log."""

from typing import Literal

from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.section import section


@section(frozen=True, kw_only=True)
class LogFile(Printed):
    """The log file and its rotation."""

    filename: str = setting("monitoring.log", "The file.")
    max_bytes: int = setting(10 * 1024 * 1024, "Size at which the file is rotated; 0 for never.", unit="By", low=0)
    backup_count: int = setting(5, "Number of old files that are kept.", low=0)


@section(frozen=True, kw_only=True)
class Logging(Printed):
    """The program's log."""

    level: Literal["debug", "info", "warning", "error", "critical"] = setting(
        "info",
        "The lowest level that is logged; also a number as in Python's `logging`.",
        noun="level",
        env=("LOG_LEVEL",),
        aliases={"trace": "debug", "verbose": "debug", "warn": "warning", "fatal": "critical"},
        ranks={10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"},
    )
    format: str = setting("text", "`text`, `json`, or a format of Python's logging (`%(levelname)s %(message)s`).")
    handlers: tuple[Literal["console", "file"], ...] = setting(
        (), "Handlers to add to the root logger.", noun="handler"
    )
    file_config: LogFile = setting(LogFile, "The log file.")
