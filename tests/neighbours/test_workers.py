"""
The table of docs/processes.md: each kind of program with several processes, by itself and under ``csg-otel run``.

Every row is measured by running the program; ``--update-golden`` writes it into the page.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from support.worker_programs import ASGI, ASGI_ENDING, CELERY, JOBS, WSGI, Kind, Result, measure

pytestmark = pytest.mark.real("neighbours")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "processes.md"

GUNICORN = "gunicorn -w 2 -b 127.0.0.1:PORT"
UWSGI = "uwsgi --http-socket 127.0.0.1:PORT --master --processes 2 --wsgi-file shop.py --callable app --enable-threads"
THREADS, GREENLETS, LOOPS = "-k gthread --threads 2", "-k gevent", "-k uvicorn_worker.UvicornWorker"

KINDS = (
    Kind("gunicorn, sync workers", WSGI, f"{GUNICORN} shop:app"),
    Kind("gunicorn, sync workers, `--preload`", WSGI, f"{GUNICORN} --preload shop:app"),
    Kind("gunicorn, `gthread`", WSGI, f"{GUNICORN} {THREADS} shop:app"),
    Kind("gunicorn, `gthread`, `--preload`", WSGI, f"{GUNICORN} {THREADS} --preload shop:app"),
    Kind("gunicorn, `gevent`", WSGI, f"{GUNICORN} {GREENLETS} shop:app"),
    Kind("gunicorn, `gevent`, `--preload`", WSGI, f"{GUNICORN} {GREENLETS} --preload shop:app"),
    Kind("gunicorn, `uvicorn_worker`", ASGI, f"{GUNICORN} {LOOPS} shop:app"),
    Kind(
        "gunicorn, `uvicorn_worker`, `--preload`, `shutdown()` in the lifespan",
        ASGI_ENDING,
        f"{GUNICORN} {LOOPS} --preload shop:app",
    ),
    Kind("`uvicorn --workers`", ASGI, "uvicorn --workers 2 --port PORT shop:app"),
    Kind("uWSGI", WSGI, UWSGI, signal.SIGINT),
    Kind("uWSGI with `--lazy-apps`", WSGI, f"{UWSGI} --lazy-apps", signal.SIGINT),
    Kind("uWSGI with `--py-call-uwsgi-fork-hooks`", WSGI, f"{UWSGI} --py-call-uwsgi-fork-hooks", signal.SIGINT),
    Kind("Celery, prefork", CELERY, "celery -A shop worker -c 2", prepare="python shop.py"),
    Kind("`multiprocessing`, fork", JOBS, "python shop.py fork"),
    Kind("`multiprocessing`, spawn", JOBS, "python shop.py spawn"),
    Kind("`multiprocessing`, forkserver", JOBS, "python shop.py forkserver"),
)

QUICK = {"gunicorn, sync workers, `--preload`", "uWSGI", "Celery, prefork", "`multiprocessing`, forkserver"}
"""Kinds that run in every test run; the others are as slow together as all other tests of this folder."""

BOUND_S = 20.0
"""Seconds within which each program must have ended: twice the usual budgets of its server and of telemetry together."""


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if kind.name in QUICK else pytest.mark.slow, id=kind.name) for kind in KINDS],
)
def test_the_table_of_programs(kind: Kind, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """What the page says of this kind of program is what it does."""
    results = []
    for name, wrapped in (("alone", False), ("run", True)):
        (tmp_path / name).mkdir()
        results.append(measure(kind, tmp_path / name, wrapped=wrapped))
    line = f"| {kind.name} | {' | '.join(cell for result in results for cell in _cells(result))} |"
    if request.config.getoption("--update-golden"):
        _write(kind, line)

    assert line in PAGE.read_text(encoding="utf-8").splitlines(), "\n".join(result.log for result in results)


def _cells(result: Result) -> tuple[str, str, str, str]:
    """Return the count in a scrape, the spans, the end, and the warnings, as the table shows them."""
    counted = "exact" if result.counted == {result.done} else f"{sorted(result.counted)} of {result.done}"
    spans = "all" if result.spans == result.done else f"{result.spans} of {result.done}"
    return counted, spans, "ends" if result.ended_s < BOUND_S else "hangs", f"{len(result.complaints) or 'none'}"


def _write(kind: Kind, line: str) -> None:
    """Replace the row of *kind* in the page."""
    lines = PAGE.read_text(encoding="utf-8").splitlines(keepends=True)
    (at,) = [number for number, present in enumerate(lines) if present.startswith(f"| {kind.name} | ")]
    lines[at] = f"{line}\n"
    PAGE.write_text("".join(lines), encoding="utf-8")
