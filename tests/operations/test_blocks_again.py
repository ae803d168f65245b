"""A ``with`` statement that runs again shares what is constant with its earlier runs, and nothing else."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import csg_otel
from csg_otel.operations import decorator, observe
from csg_otel.operations.definition import OperationDefinition
from support.capture import Captured


def test_a_block_in_a_loop_is_defined_once(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run has its own span, with the name and the attributes of the statement."""
    definitions: list[str] = []

    class Counting(OperationDefinition):
        def __init__(self, name: str, *args: Any, **options: Any) -> None:
            definitions.append(name)
            super().__init__(name, *args, **options)

    monkeypatch.setattr(decorator, "OperationDefinition", Counting)
    for _ in range(5):
        with csg_otel.observe("block again", {"a": "x"}):
            pass

    assert definitions == ["block again"]
    assert [(span.name, (span.attributes or {})["a"]) for span in captured.spans] == [("block again", "x")] * 5


def test_values_of_another_type_are_other_attributes(captured: Captured) -> None:
    """True, 1 and 1.0 are equal, but not the same attribute; a changed dictionary counts as it is then."""
    attributes: dict[str, Any] = {}
    for value in (True, 1, 1.0, True):
        attributes["a"] = value
        with csg_otel.observe("typed block", attributes):
            pass

    values = [(span.attributes or {})["a"] for span in captured.spans]
    assert [(type(value), value) for value in values] == [(bool, True), (int, 1), (float, 1.0), (bool, True)]


def test_blocks_of_one_name_in_each_other_end_their_own_run(captured: Captured) -> None:
    """Objects of the same name and attributes do not share their runs."""
    outer, inner = csg_otel.observe("nested"), csg_otel.observe("nested")
    first = outer.__enter__()
    second = inner.__enter__()
    outer.__exit__(None, None, None)

    assert not first.span.is_recording()
    assert second.span.is_recording()
    inner.__exit__(None, None, None)
    assert len(captured.spans) == 2


def test_wrong_attributes_are_refused_each_time() -> None:
    """An argument that can't be looked up is checked as before."""
    for _ in range(2):
        with pytest.raises(csg_otel.InstrumentError, match="is no mapping"):
            csg_otel.observe("x", ["a"])  # type: ignore[call-overload]


def test_an_object_that_has_run_can_be_copied_and_pickled(captured: Captured) -> None:
    """A program may send objects with such an attribute to other processes, after their first run, too."""
    for used in (observe("with", kind="server"), observe("without", {"a": 1})):
        with used:
            pass
        for again in (copy.deepcopy(used), pickle.loads(pickle.dumps(used))):
            with again:
                pass

    assert sorted(span.name for span in captured.spans) == ["with"] * 3 + ["without"] * 3
