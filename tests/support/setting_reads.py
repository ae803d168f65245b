"""
The settings a package reads, by class and field: as mypy resolves each attribute access, and as a run records them.

mypy loads this file as a plugin (`plugin`), so a read counts however the section is called where it is read: an
argument, a local name, an item of a loop. Accesses by computed name, or through `Any`, are seen by `recorded`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mypy.plugin import AttributeContext, Plugin
from mypy.types import Type

LOG, OWNERS = "SETTING_READS_LOG", "SETTING_READS_OWNERS"
CONFIGURATION = """\
[mypy]
plugins = {plugin}
follow_imports = skip
ignore_missing_imports = True
explicit_package_bases = True
check_untyped_defs = True
"""


class Reads(Plugin):
    """Writes each access to an attribute of the classes in question to a file: class, field and reader."""

    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        """Return a hook that notes the access to *fullname*, for the classes of the modules in question."""
        if not fullname.startswith(os.environ[OWNERS]):
            return None

        def note(context: AttributeContext) -> Type:
            path = context.api.path
            with Path(os.environ[LOG]).open("a", encoding="utf-8") as log:
                log.write(f"{fullname} {path}\n")
            return context.default_attr_type

        return note


def plugin(version: str) -> type[Plugin]:
    """Return the plugin; mypy's entry point."""
    return Reads


def resolved(source: Path, package: str, owners: str, scratch: Path) -> set[tuple[str, str]]:
    """
    Return every read below the folder *source* of *package* as (dotted field, path of the reader).

    Args:
        source: The folder that holds the package.
        package: The package's name.
        owners: The dotted prefix of the classes whose attributes count.
        scratch: A folder for mypy's settings and the result.
    """
    settings, log = scratch / "mypy.ini", scratch / "reads"
    settings.write_text(CONFIGURATION.format(plugin=Path(__file__).resolve()), encoding="utf-8")
    log.touch()
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings), "--cache-dir", os.devnull, package]
    environ = {**os.environ, "MYPYPATH": str(source), LOG: str(log), OWNERS: owners}
    done = subprocess.run(command, cwd=source, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return {(field, path) for field, _, path in (line.partition(" ") for line in log.read_text().splitlines())}


@contextmanager
def recorded(classes: set[type], counts: Callable[[str], bool]) -> Iterator[set[str]]:
    """Yield a set that receives the dotted field of every read of *classes* by a file for which *counts* is true."""
    reads: set[str] = set()

    def watch(owner: type) -> Callable[[Any, str], Any]:
        def read(section: Any, name: str) -> Any:
            if counts(sys._getframe(1).f_code.co_filename):
                reads.add(f"{owner.__module__}.{owner.__qualname__}.{name}")
            return object.__getattribute__(section, name)

        return read

    for owner in classes:
        owner.__getattribute__ = watch(owner)  # type: ignore[method-assign,assignment]
    try:
        yield reads
    finally:
        for owner in classes:
            del owner.__getattribute__
