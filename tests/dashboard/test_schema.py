"""The JSON Schema and the OpenAPI document: they are valid, real documents match them, and they describe what is served."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from csg_otel.dashboard import model, openapi, schema
from csg_otel.dashboard.http.events import TOPICS
from csg_otel.dashboard.model.report import Report
from support.dashboard_source import SetSource
from support.report_documents import report
from support.web_client import ServedWeb


def problems(kind: type, document: Any) -> list[str]:
    """Return what is wrong with *document*, keys that the schema does not know included."""
    closed = copy.deepcopy(schema.of(kind))
    for definition in closed["$defs"].values():
        definition["additionalProperties"] = False
    return [f"{error.json_path}: {error.message[:200]}" for error in Draft202012Validator(closed).iter_errors(document)]


def test_every_schema_is_one() -> None:
    """Of JSON Schema 2020-12; each type has a description."""
    for content in (schema.all_documents(), *(schema.of(kind) for kind in schema.DOCUMENTS.values())):
        Draft202012Validator.check_schema(content)
    assert all(content["description"] for content in schema.definitions("#/").values())


def test_documents_match_their_schema() -> None:
    """A whole report has every document but the list of instruments; each is a document of the API by itself, too."""
    document: Any = report()
    any_document = Draft202012Validator(schema.all_documents())

    assert problems(Report, document) == []
    for kind, part in (
        (model.Status, document["status"]),
        (model.HealthPage, document["health"]),
        (model.TracePage, document["traces"][0]),
        (model.Chart, document["metrics"][0]),
        (model.AlertsPage, document["alerts"]),
        (model.ChangedPage, document["changed"]),
        (model.SystemPage, document["system"]),
    ):
        assert problems(kind, part) == []
        assert any_document.is_valid(part)


def remove_a_key(status: Any) -> None:
    """A reader relies on every key."""
    del status["overall"]


def take_another_word(status: Any) -> None:
    """The words are those of the model."""
    status["overall"] = "fine"


def take_text_for_a_number(status: Any) -> None:
    """A number is no text, although it looks like one."""
    status["time"] = "1"


def take_a_switch_for_a_number(status: Any) -> None:
    """Python counts with booleans, JSON does not."""
    status["workers"] = True


def break_a_nested_row(status: Any) -> None:
    """At any depth."""
    status["checks"][0]["measurements"] = [{"name": "x"}]


@pytest.mark.parametrize(
    "change", [remove_a_key, take_another_word, take_text_for_a_number, take_a_switch_for_a_number, break_a_nested_row]
)
def test_another_document_does_not_match(change: Callable[[Any], None]) -> None:
    """One that lacks a key, or has a wrong value."""
    status: Any = copy.deepcopy(report()["status"])
    change(status)

    assert not Draft202012Validator(schema.of(model.Status)).is_valid(status)


def test_a_value_may_be_missing_only_where_the_model_says_so() -> None:
    """None is a value of some keys; a later version may add keys."""
    status: Any = copy.deepcopy(report()["status"])
    status.update(uptime_s=None, added_later=1)
    validator = Draft202012Validator(schema.of(model.Status))

    assert validator.is_valid(status)
    status["session"] = None
    assert not validator.is_valid(status)


def references(content: Any) -> Iterator[str]:
    """Yield every reference in *content*."""
    if isinstance(content, dict):
        yield from (value for key, value in content.items() if key == "$ref")
        content = list(content.values())
    if isinstance(content, list):
        for item in content:
            yield from references(item)


@pytest.mark.parametrize("document", [openapi.document(), schema.all_documents()], ids=["openapi", "schema"])
def test_every_reference_leads_somewhere(document: Any) -> None:
    """Within its own document."""
    for reference in set(references(document)):
        target = document
        for name in reference.removeprefix("#/").split("/"):
            target = target[name]
        assert target


def test_the_openapi_document_has_every_path_that_is_served(web: ServedWeb, source: SetSource) -> None:
    """Each of its paths is served by its method, and by that alone."""
    source.documents.update({path: {} for path in (*schema.DOCUMENTS, "export")})
    web.headers["Authorization"] = f"Bearer {web.dashboard._access._token}"
    paths = web.get("openapi.json").json["paths"]

    assert paths == openapi.document()["paths"]
    assert set(paths) >= {f"/{path}" for path in schema.DOCUMENTS}
    for path, methods in paths.items():
        for method, other in (("GET", "post"), ("POST", "get")):
            if method.lower() not in methods:
                assert other in methods
                assert web.ask(f"/api/v1{path}", method, b"{}").status == 405
            elif path != "/events":
                assert web.post(path[1:], {}).status == 200 if method == "POST" else web.get(path[1:]).status == 200
    assert web.get("schema.json").json == schema.all_documents()


def test_the_openapi_document_lists_the_topics() -> None:
    """Of the events."""
    (parameter,) = openapi.document()["paths"]["/events"]["get"]["parameters"]

    assert re.findall(r"`(.*)`", parameter["description"]) == [",".join(TOPICS)]
