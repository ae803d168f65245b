"""Objects of frameworks that are called: ``observe`` keeps what the framework needs of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support import neighbours

PROGRAM = """\
import asyncio, csg_otel
from celery import Celery, shared_task
import click
from fastapi import Depends, FastAPI
from flask import Flask
from flask.views import View

telemetry = csg_otel.instrument("s", exporters=[], health_monitoring__enabled=False)
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry import trace
spans = InMemorySpanExporter()
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))

def seen(what, *names):
    found = [span.name for span in spans.get_finished_spans()]
    spans.clear()
    print(what, "OK" if found == list(names) else found)

celery = Celery("jobs", broker="memory://", backend="cache+memory://")
celery.conf.task_always_eager = True

@csg_otel.observe
@celery.task
def add(a, b): return a + b

@csg_otel.observe("shared")
@shared_task(bind=True)
def bound(self, a): return (self.name, a)

assert (add(1, 2), add.delay(1, 2).get(), add.s(1).apply((3,)).get(), add.apply_async((5, 5)).get()) == (3, 3, 4, 10)
assert celery.tasks[add.name].run(1, 1) == 2
seen("celery", *["add"] * 5)
assert bound.delay(7).get() == (bound.name, 7)
seen("shared task", "shared")

@csg_otel.observe
@click.command()
@click.option("--count", default=1)
def command(count): return count

@click.group()
def group(): ...

@csg_otel.observe
@group.command()
def sub(): return "sub"

assert command.main(["--count", "3"], standalone_mode=False) == 3 and command.params
assert group.main(["sub"], standalone_mode=False) == "sub"
seen("click", "command", "sub")

flask = Flask("shop")

class Page(View):
    methods = ["GET"]
    def dispatch_request(self): return "page"

@csg_otel.observe
def view(): return "view"
view.methods = ["POST"]

flask.add_url_rule("/page", view_func=csg_otel.observe("page")(Page.as_view("page")))
flask.add_url_rule("/view", view_func=view)
client = flask.test_client()
assert client.get("/page").data == b"page" and client.post("/view").data == b"view" and client.get("/view").status_code == 405
seen("flask", "page", "view")

api = FastAPI()

class Checker:
    def __call__(self, q: int = 4): return q

check = csg_otel.observe("check")(Checker())

@csg_otel.observe
def limit(limit: int = 10): return limit

@csg_otel.observe("opened")
async def opened():
    yield "open"

@api.get("/items/{item}")
@csg_otel.observe("items")
async def items(item: int, limit: int = Depends(limit), q: int = Depends(check), o: str = Depends(opened)):
    return [item, limit, q, o]

async def call(app, path, query=b""):
    sent = []
    async def receive(): return {"type": "http.request", "body": b""}
    async def send(message): sent.append(message)
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": [], "http_version": "1.1"}
    scope |= {"scheme": "http", "server": ("x", 80), "client": ("x", 1), "root_path": "", "raw_path": path.encode()}
    await app(scope, receive, send)
    return b"".join(m.get("body", b"") for m in sent)

assert asyncio.run(call(api, "/items/3", b"limit=5&q=6")) == b'[3,5,6,"open"]'
found = sorted(span.name for span in spans.get_finished_spans() if " " not in span.name and "." not in span.name)
print("fastapi", "OK" if found == ["check", "items", "limit", "opened"] else found)

for refused in (api, flask):
    try: csg_otel.observe("x")(refused)
    except csg_otel.InstrumentError as error: print("refused", "OK" if "below the decorator" in str(error) else error)
"""


@pytest.mark.real("neighbours")
def test_objects_of_frameworks_keep_what_they_have(tmp_path: Path) -> None:
    """Tasks, commands, views and dependencies work as without it, and each run makes one span."""
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")

    done = subprocess.run(
        [neighbours.python(), "program.py"],
        cwd=tmp_path,
        env={**neighbours.VARIABLES, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        *("celery OK", "shared task OK", "click OK", "flask OK", "fastapi OK", "refused OK", "refused OK")
    ]
