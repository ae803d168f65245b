"""A section behaves as a frozen dataclass of Python with keyword arguments; it is only made faster."""

from __future__ import annotations

import copy
import dataclasses
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.config.sections.section import section

Fields = dict[str, Callable[[], Any]]

REQUIRED: Fields = {"required": dataclasses.field}
OTHERS: Fields = {
    "plain": lambda: 3,
    "given": lambda: dataclasses.field(default="x"),
    "unseen": lambda: dataclasses.field(default=1, repr=False),
    "uncompared": lambda: dataclasses.field(default=2, compare=False),
    "fresh": lambda: dataclasses.field(default_factory=tuple),
}
names = st.sets(st.sampled_from([*REQUIRED, *OTHERS]))
arguments = st.dictionaries(st.sampled_from([*REQUIRED, *OTHERS, "unknown"]), st.integers(0, 2))


def _pair(fields: set[str], *, hides: bool, changes: bool) -> tuple[Any, Any]:
    """Return the same class, made by `section` and by Python; it may have a repr of its own, and change itself."""

    def made(decorator: Callable[[type], type]) -> type:
        body: dict[str, Any] = {name: make() for name, make in {**REQUIRED, **OTHERS}.items() if name in fields}
        body["__annotations__"] = dict.fromkeys(body, "object")
        body["__doc__"] = "A class."
        if hides:
            body["__repr__"] = lambda self: "hidden"
        if changes:
            body["__post_init__"] = lambda self: object.__setattr__(self, "changed", len(vars(self)))
        return decorator(type("Made", (), body))

    return made(section(frozen=True, kw_only=True)), made(dataclasses.dataclass(frozen=True, kw_only=True))


def _result(call: Callable[[], Any]) -> Any:
    """Return what *call* returns, or the class of what it raises."""
    try:
        return call()
    except Exception as error:
        return type(error)


@given(names, arguments, arguments, st.booleans(), st.booleans())
def test_a_section_is_a_frozen_dataclass(
    fields: set[str], first: dict[str, int], second: dict[str, int], hides: bool, changes: bool
) -> None:
    """Arguments, defaults, texts, equality, hashes, changes, copies and errors are those of Python's own decorator."""
    ours, pythons = _pair(fields, hides=hides, changes=changes)

    assert _behaviour(ours, fields, first, second) == _behaviour(pythons, fields, first, second)


def _behaviour(cls: Any, fields: set[str], first: dict[str, int], second: dict[str, int]) -> list[Any]:
    """Return what instances of *cls* with the arguments *first* and *second* do."""
    results = [_result(partial(cls, **values)) for values in (first, second)]
    made = [item for item in results if isinstance(item, cls)]
    changes = [(item, name) for item in made for name in (*fields, "new")]
    return [
        [vars(item) if item in made else item for item in results],
        [repr(item) for item in made],
        [(one == other, one != other) for one in results for other in (*results, first, 1)],
        [hash(one) == hash(other) for one in made for other in made if one == other],
        [_result(partial(setattr, item, name, 1)) for item, name in changes],
        [_result(partial(delattr, item, name)) for item, name in changes],
        [vars(dataclasses.replace(item, **second)) for item in made if second.keys() <= fields],
        [copy.deepcopy(item) == item for item in made],
        [dataclasses.asdict(item) for item in made],
        [(item.name, item.default, item.kw_only, item.compare) for item in dataclasses.fields(cls)],
    ]


@pytest.mark.parametrize("decorator", [section, dataclasses.dataclass])
def test_a_class_below_a_section_keeps_its_settings(decorator: Any) -> None:
    """It may have attributes of its own, and change only these."""
    base: type[Any] = decorator(frozen=True, kw_only=True)(
        type("Base", (), {"__annotations__": {"a": "int"}, "a": 1, "__doc__": ""})
    )
    cls: Any = type("Below", (base,), {})
    below = cls()
    below.more = 2

    assert below.more == 2
    del below.more
    for change in (partial(setattr, below, "a", 2), partial(delattr, below, "a")):
        with pytest.raises(dataclasses.FrozenInstanceError, match="field 'a'"):
            change()


def test_a_missing_and_an_unknown_argument_are_named() -> None:
    """The errors name the class and the argument, as those of Python do."""
    made, _ = _pair({"required", "plain"}, hides=False, changes=False)

    with pytest.raises(TypeError, match=r"Made.__init__\(\) .*'required'"):
        made(plain=1)
    with pytest.raises(TypeError, match=r"Made.__init__\(\) got an unexpected keyword argument 'nope'"):
        made(required=1, nope=2)


def test_no_section_is_compiled() -> None:
    """Python's decorator compiles `__setattr__` for each frozen class; of the sixty sections none needs it."""
    source = """
import sys, types
import csg_otel.net, csg_otel.privacy.scrubber

def inside(code):
    return [code.co_name, *(name for part in code.co_consts if isinstance(part, types.CodeType) for name in inside(part))]

names = []
watch = lambda event, args: event == "exec" and args[0].co_filename == "<string>" and names.extend(inside(args[0]))
sys.addaudithook(watch)
import csg_otel.config, dataclasses
from csg_otel.config.sections.fields import is_section
modules = [module for name, module in sys.modules.items() if name.startswith("csg_otel.config.")]
sections = {item for module in modules for item in vars(module).values() if is_section(item)}
print(len(sections), names.count("__setattr__"))
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    classes, compiled = map(int, done.stdout.split())

    assert classes > 60
    assert compiled < classes - 50
