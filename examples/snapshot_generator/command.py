"""The command line of the snapshot generator: what to process, for how long, and how the demo feeds it."""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import csg_otel
from snapshot_generator.app import FAIL, Generator

_SAMPLES = Path(__file__).resolve().parent / "samples"
_NEXT_FILE_S = 2.0
_AFTER_BROKEN_S = 6.0  # long enough to see the warning
_BROKEN_EVERY = 4


def main(arguments: Sequence[str], stop: threading.Event) -> int:
    """Run the command line until all is done or *stop* is set; 0, broken transcripts or not."""
    options = _options(arguments)
    if options.seconds is not None:
        timer = threading.Timer(options.seconds, stop.set)
        timer.daemon = True
        timer.start()
    if options.demo:
        with tempfile.TemporaryDirectory(prefix="snapshot-generator-") as folder:  # nothing of a demo is left behind
            inbox = Path(folder) / "inbox"
            inbox.mkdir()
            return _process(Generator([inbox], options.output or Path(folder) / "snapshots"), stop, options)
    return _process(Generator(options.paths, options.output), stop, options)


def _process(generator: Generator, stop: threading.Event, options: argparse.Namespace) -> int:
    watch = options.watch or options.demo
    try:
        generator.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"snapshot_generator: {generator.output} can't be the folder of the snapshots: {error.strerror}")
        return 2
    generator.register_checks()
    with _instrumented(options.demo) as telemetry:
        if watch:
            _say_where(telemetry, generator, demo=options.demo)
        if options.demo:
            threading.Thread(target=_feed, args=(*generator.sources, stop), daemon=True).start()
        generator.process_all(stop)
        if watch:
            generator.watch(stop)
    total = generator.done + generator.failed
    files = "file" if total == 1 else "files"
    where = "" if options.demo and options.output is None else f", snapshots in {generator.output}"
    print(f"{total} {files} processed ({generator.failed} failed){where}", flush=True)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="snapshot_generator",
        description="Turn WebVTT meeting transcripts into Markdown snapshots: speakers, topics, decisions, action items and "
        "open questions.",
        epilog="example: python -m snapshot_generator meetings/ --output snapshots --watch",
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="transcripts, or folders of them")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder of the snapshots (default: snapshots)")
    parser.add_argument("--watch", action="store_true", help="go on with files that appear or change, until Ctrl-C")
    parser.add_argument("--seconds", type=float, metavar="N", help="end after this many seconds")
    parser.add_argument("--demo", action="store_true", help="watch a temporary folder into which samples are copied")
    options = parser.parse_args(arguments)
    if options.demo == bool(options.paths):
        parser.error("which transcripts? (files, folders, or --demo)")
    if missing := [str(path) for path in options.paths if not path.exists()]:
        parser.error(f"not there: {', '.join(missing)}")
    if not options.demo and options.output is None:
        options.output = Path("snapshots")
    return options


def _instrumented(demo: bool) -> csg_otel.Telemetry:
    if not demo:
        return csg_otel.instrument("snapshot-generator")
    # A mapping stands where a file would, so that the environment still goes over it.
    settings = {
        "dashboard": {"enabled": True},  # with the console on, it writes a link to its page
        "system_monitoring": {"collection_interval": 5},
        "health_monitoring": {"check_interval": 5},
    }
    return csg_otel.instrument("snapshot-generator", config=settings, exporters=["console", "prometheus"])


def _say_where(telemetry: csg_otel.Telemetry, generator: Generator, *, demo: bool) -> None:
    page = telemetry.dashboard_url.partition("/login")[0]
    if page:
        print(f"  in the terminal     {_csg_otel()} dashboard --url {page}")
        print(f"  as a report         {_csg_otel()} dashboard --mode report --output report.html --url {page}")
    url = telemetry.url
    if url:
        print(f"  metrics             curl {url}/metrics")
        print(f"  health              curl '{url}/readyz?verbose'")
        print(f"  as an exit code     {_csg_otel()} healthcheck --url {url}; echo $?")
    print(f"  transcripts from    {', '.join(map(str, generator.sources))}")
    print(f"  snapshots in        {generator.output}")
    for folder in generator.sources:
        if folder.is_dir():
            print(f"  fail a check        touch {folder / FAIL}")
    if demo:
        print(f"  what to expect      every {_BROKEN_EVERY}th transcript is broken on purpose")
    print("  end                 Ctrl-C\n", flush=True)


def _csg_otel() -> str:
    """Return how the command is called from here; in an environment that is not activated, it is not on the PATH."""
    beside = Path(sys.executable).parent / "csg-otel"
    return "csg-otel" if shutil.which("csg-otel") or not beside.exists() else os.path.relpath(beside)


def _feed(inbox: Path, stop: threading.Event) -> None:
    """Put a sample into *inbox* every two seconds, and a broken one from time to time, as happens in life."""
    ways = itertools.cycle(_BREAKAGES)
    for number, sample in enumerate(itertools.cycle(sorted(_SAMPLES.glob("*.vtt"))), start=1):
        content = sample.read_bytes()
        broken = number % _BROKEN_EVERY == 0
        (inbox / f"{number:03}-{sample.stem}.vtt").write_bytes(next(ways)(content) if broken else content)
        if stop.wait(_AFTER_BROKEN_S if broken else _NEXT_FILE_S):
            return


_BREAKAGES: tuple[Callable[[bytes], bytes], ...] = (
    lambda content: content.replace(b"-->", b"->", 1),  # an arrow is missing
    lambda content: content.removeprefix(b"WEBVTT"),  # no header
    lambda content: content[:2000].rsplit(b"-->", 1)[0],  # the upload stopped
    lambda _: b"\x00\xff\xfe" * 200,  # not a text at all
)
