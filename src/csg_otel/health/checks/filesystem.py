"""The check ``filesystem``: a directory can be written."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from csg_otel.check_result import CheckResult, Critical
from csg_otel.status import HealthStatus


@dataclass(frozen=True, slots=True)
class Filesystem:
    """
    HEALTHY if a file can be written, synced to the disk, read back and removed in the directory *path*.

    A real file is written, because ``access()`` reports every directory as writable to root, and because an empty file can
    be created on a full disk.
    """

    path: str

    def __call__(self) -> CheckResult:
        directory = Path(self.path)
        if not directory.is_dir():
            raise Critical(f"{self.path} {'is not a directory' if directory.exists() else 'does not exist; create it'}")
        name = directory / f".csg_otel-{os.getpid()}-{secrets.token_hex(8)}"
        content = secrets.token_bytes(4096)
        try:
            try:
                self._write(name, content)
                if name.read_bytes() != content:
                    raise Critical(f"{self.path} returns other data than were written; the disk may be failing")
            finally:
                with suppress(FileNotFoundError):
                    name.unlink()
        except OSError as error:
            code = errno.errorcode.get(error.errno or 0, "error")
            raise Critical(f"{self.path} can't be written: {code} ({error.strerror})") from None
        return CheckResult(HealthStatus.HEALTHY, f"{self.path} can be written")

    @staticmethod
    def _write(name: Path, data: bytes) -> None:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
