"""The snapshot generator: meeting transcripts in, Markdown snapshots out, observable all the way."""

from __future__ import annotations

import argparse
import itertools
import signal
import sys
import tempfile
import threading
from pathlib import Path

from pipeline import Generator

import csg_otel

SAMPLES = Path(__file__).resolve().parent / "samples"
_NEW_FILE_S = 2.0
_BROKEN_EVERY = 7


def main() -> int:
    """Run the command line; 0, or 1 if a file given by name could not be processed."""
    options = _options()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if options.seconds is not None:
        timer = threading.Timer(options.seconds, stop.set)
        timer.daemon = True
        timer.start()
    if options.demo:
        return _demo(stop)
    generator = Generator(options.paths, options.output)
    generator.register_checks()
    with csg_otel.instrument("snapshot-generator") as telemetry:
        _say_where(telemetry)
        generator.sweep()
        if options.watch:
            generator.watch(stop)
    _sum_up(generator)
    return 1 if generator.failed and not options.watch else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="snapshot_generator",
        description="Turn WebVTT meeting transcripts into Markdown snapshots: speakers, topics, decisions, action items and "
        "open questions.",
        epilog="example: python examples/snapshot_generator meeting.vtt --output snapshots",
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="transcripts, or folders of them")
    parser.add_argument(
        "--output", type=Path, default=Path("snapshots"), help="folder of the snapshots (default: snapshots)"
    )
    parser.add_argument("--watch", action="store_true", help="go on with files that appear or change, until Ctrl-C")
    parser.add_argument("--seconds", type=float, help="end after this many seconds")
    parser.add_argument("--demo", action="store_true", help="watch a folder into which samples are copied")
    options = parser.parse_args()
    if not options.paths and not options.demo:
        parser.error("which transcripts? (a file, a folder, or --demo)")
    missing = [str(path) for path in options.paths if not path.exists()]
    if missing:
        parser.error(f"not there: {', '.join(missing)}")
    return options


def _demo(stop: threading.Event) -> int:
    folder = Path(tempfile.mkdtemp(prefix="snapshot-generator-"))
    inbox, output = folder / "inbox", folder / "snapshots"
    inbox.mkdir()
    output.mkdir()
    generator = Generator([inbox], output)
    generator.register_checks()
    # A mapping stands where a file would, so that the environment still goes over it.
    settings = {"system_monitoring": {"collection_interval": 5}, "health_monitoring": {"check_interval": 5}}
    with csg_otel.instrument("snapshot-generator", config=settings, exporters=["console", "prometheus"]) as telemetry:
        _say_where(telemetry)
        print(f"  make a check fail   touch {inbox}/FAIL   (and remove it again)")
        print("  end                 Ctrl-C\n", flush=True)
        feeder = threading.Thread(target=_feed, args=(inbox, stop), daemon=True)
        feeder.start()
        generator.watch(stop)
        feeder.join(1.0)
        generator.sweep()
    _sum_up(generator)
    return 0


def _feed(inbox: Path, stop: threading.Event) -> None:
    """Copy a sample into *inbox* every two seconds; one in seven is broken, as in life."""
    samples = sorted(SAMPLES.glob("*.vtt"))
    for number, sample in enumerate(itertools.cycle(samples), start=1):
        text = sample.read_text(encoding="utf-8")
        if number % _BROKEN_EVERY == 0:
            text = text.replace("-->", "->", 1)
        unfinished = inbox / f".{sample.name}"
        unfinished.write_text(text, encoding="utf-8")
        unfinished.rename(inbox / f"{sample.stem}-{number:03}.vtt")
        if stop.wait(_NEW_FILE_S):
            return


def _say_where(telemetry: csg_otel.Telemetry) -> None:
    if telemetry.url:
        print(f"  metrics             curl {telemetry.url}/metrics")
        print(f"  health              curl '{telemetry.url}/readyz?verbose'")
        print(f"  exit code           csg-otel healthcheck --url {telemetry.url}; echo $?", flush=True)


def _sum_up(generator: Generator) -> None:
    total = generator.done + generator.failed
    files = "file" if total == 1 else "files"
    print(f"{total} {files} processed ({generator.failed} failed), snapshots in {generator.output}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
