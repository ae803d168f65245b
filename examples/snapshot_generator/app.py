"""
From a transcript file to a published snapshot, the watching of folders for new ones, and how to tell that it works.

What can be observed about it is observed through csg_otel's public API: operations, files, events and health.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import csg_otel
from snapshot_generator import analyse, snapshot, vtt

POLL_S = 0.5
FAIL = "FAIL"
_log = logging.getLogger("snapshot_generator")
_Version = tuple[int, int]  # modification time in nanoseconds, size in bytes


class Generator:
    """Turns the transcripts among *sources*, files and folders, into snapshots in the folder *output*."""

    def __init__(self, sources: Iterable[Path], output: Path) -> None:
        self.sources = tuple(sources)
        self.output = output
        self.done = 0
        self.failed = 0
        self.last_error = ""
        self._seen: dict[Path, _Version] = {}
        self._processed: dict[Path, _Version] = {}

    def process(self, path: Path) -> None:
        """Process the transcript at *path*; one that is broken is logged and counted, and no reason to stop."""
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return  # taken away again before its turn came
        try:
            publish(path, self.output / f"{path.stem}.md")
        except (vtt.TranscriptError, OSError) as error:
            self.failed += 1
            self.last_error = f"{path.name}: {error}"
            _log.warning("no snapshot of %s: %s", path.name, error)
            csg_otel.file_processed("vtt", size_bytes=size, outcome="error")
        else:
            self.done += 1
            self.last_error = ""
            csg_otel.file_processed("vtt", size_bytes=size)

    def process_all(self, stop: threading.Event) -> None:
        """Process every transcript there is, until *stop* is set."""
        for path, version in self._files():
            if stop.is_set():
                return
            self._processed[path] = version
            self.process(path)

    def watch(self, stop: threading.Event) -> None:
        """Process what appears or changes, until *stop* is set."""
        watcher = csg_otel.component("watcher", beat_within_s=30)  # not alive when it has not looked for so long
        while not stop.wait(POLL_S):
            for path, version in self._files():
                watcher.beat()
                # Two looks must agree; otherwise the file is still being written.
                if self._seen.get(path) == version != self._processed.get(path) and not stop.is_set():
                    self._processed[path] = version
                    self.process(path)
                self._seen[path] = version
            watcher.beat()

    def _files(self) -> Iterator[tuple[Path, _Version]]:
        for source in self.sources:
            for path in sorted(source.glob("[!.]*.vtt")) if source.is_dir() else [source]:
                try:
                    found = path.stat()
                except OSError:
                    continue  # gone, or not ours to see
                yield path, (found.st_mtime_ns, found.st_size)

    def register_checks(self) -> None:
        """Let the probes know how it is."""

        @csg_otel.health_check("output-writable", groups=("readiness", "startup"), interval_s=5)
        def output_writable() -> None:
            try:
                tempfile.TemporaryFile(dir=self.output).close()
            except OSError as error:
                raise csg_otel.Critical(f"no snapshot can be written: {error.strerror}") from error

        @csg_otel.health_check("inbox", category="dependency", groups=("readiness",), interval_s=1)
        def inbox() -> None:
            for source in self.sources:
                if not source.exists():
                    raise csg_otel.Critical(f"{source.name} is not there")
                if (source / FAIL).exists():
                    raise csg_otel.Critical(f"there is a file {FAIL} in {source.name}")

        @csg_otel.health_check("last-transcript", groups=("readiness",), interval_s=1, depends_on=("output-writable",))
        def last_transcript() -> None:
            if self.last_error:
                raise csg_otel.Warn(self.last_error)


@csg_otel.observe("process_file", {"file.type": "vtt"}, objective=2.0)
def publish(path: Path, target: Path) -> None:
    """Write the snapshot of the transcript at *path* to *target*. Raises TranscriptError and OSError."""
    meeting = vtt.read(path)
    found = analyse.analyse(meeting)
    snapshot.write(snapshot.render(meeting, found), target)
    csg_otel.event(
        "snapshot.published",
        {
            "snapshot.file": target.name,
            "snapshot.decisions": len(found.decisions),
            "snapshot.actions": len(found.actions),
            "snapshot.questions": len(found.questions),
        },
    )
