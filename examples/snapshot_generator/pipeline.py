"""
From a transcript file to a published snapshot, and the watching of folders for new ones.

What can be observed about it is observed through csg_otel's public API: operations, files, events and health.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import insights
import snapshot
import transcript

import csg_otel

POLL_S = 0.5
_FAIL = "FAIL"


class Generator:
    """Turns transcripts into snapshots below *output*."""

    def __init__(self, sources: Iterable[Path], output: Path) -> None:
        self.sources = tuple(sources)
        self.output = output
        self.done = 0
        self.failed = 0
        self.last_error = ""
        self._seen: dict[Path, tuple[int, int]] = {}
        self._watcher = csg_otel.component("watcher", beat_within_s=30)

    def process(self, path: Path) -> bool:
        """Process one transcript; False if it is none, which is logged, counted and no reason to stop."""
        try:
            size = path.stat().st_size
        except OSError:
            return False  # it was moved away again
        try:
            self._process(path)
        except (transcript.TranscriptError, OSError) as error:
            self.failed += 1
            self.last_error = f"{path.name}: {error}"
            csg_otel.file_processed("vtt", size_bytes=size, outcome="error")
            return False
        self.done += 1
        self.last_error = ""
        csg_otel.file_processed("vtt", size_bytes=size)
        return True

    @csg_otel.observe("process_file", {"file.type": "vtt"}, args=("path",))
    def _process(self, path: Path) -> None:
        meeting = transcript.read(path)
        found = insights.analyse(meeting)
        target = self.output / f"{path.stem}.md"
        snapshot.write(snapshot.render(meeting, found), target)
        csg_otel.event(
            "snapshot.published",
            {
                "meeting": meeting.title,
                "decisions": len(found.decisions),
                "actions": len(found.actions),
                "questions": len(found.questions),
            },
        )

    def sweep(self) -> None:
        """Process every transcript that is new or has changed."""
        for path in self._files():
            try:
                found = path.stat()
            except OSError:
                continue
            state = (found.st_mtime_ns, found.st_size)
            if self._seen.get(path) == state:
                continue
            if time.time() - found.st_mtime < POLL_S / 2:
                continue  # perhaps still being written; the next sweep sees
            self._seen[path] = state
            self.process(path)

    def _files(self) -> Iterator[Path]:
        for source in self.sources:
            yield from sorted(source.glob("*.vtt")) if source.is_dir() else (source,)

    def watch(self, stop: threading.Event) -> None:
        """Sweep until *stop* is set."""
        while not stop.wait(POLL_S):
            self._watcher.beat()
            self.sweep()

    def register_checks(self) -> None:
        """Let the probes know how it is."""

        @csg_otel.health_check("snapshot-output", groups=("readiness", "startup"), interval_s=5)
        def output_is_writable() -> None:
            snapshot.write("", self.output / ".probe")
            (self.output / ".probe").unlink()

        @csg_otel.health_check("transcript-inbox", category="dependency", groups=("readiness",), interval_s=1)
        def inbox() -> None:
            for source in self.sources:
                if not source.exists():
                    raise csg_otel.Critical(f"{source.name} is not there")
                if source.is_dir() and (source / _FAIL).exists():
                    raise csg_otel.Critical(f"there is a file {_FAIL} in {source.name}")

        @csg_otel.health_check("last-transcript", groups=("readiness",), interval_s=1, depends_on=("snapshot-output",))
        def last_transcript() -> None:
            if self.last_error:
                raise csg_otel.Warn(self.last_error)
