"""
OTLP's JSON to protobuf messages, so that one decoder reads both.

OTLP's JSON is protobuf's with three differences (ids are hexadecimal, enumerations are numbers, unknown keys are ignored), so
protobuf's own parser cannot read it. The rule: no text makes this module raise anything but InvalidRequestError.
"""

from __future__ import annotations

import functools
import json
import math
from base64 import b64decode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor

from csg_otel.dashboard.otlp.errors import InvalidRequestError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

_MAX_DEPTH: Final = 100
"""Levels of messages, as in protobuf's own decoder."""

_TOO_DEEP: Final = "the JSON is nested too deep"

_IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
_NOT_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Convert = Callable[[Any, int], Any]
"""A function of a JSON value and its depth."""


def parse(text: bytes) -> Any:
    """Return the JSON value in *text*. Raises InvalidRequestError."""
    try:
        return json.loads(text)
    except RecursionError:
        raise InvalidRequestError(_TOO_DEEP) from None
    except ValueError as error:
        raise InvalidRequestError(f"not JSON: {error}") from None


def message(document: Any, message_type: type[Any]) -> Any:
    """Return the JSON value *document* as a message of *message_type*. Raises InvalidRequestError."""
    try:
        return message_type(**_reader(message_type.DESCRIPTOR)(document, 0))
    except (ValueError, TypeError, OverflowError) as error:  # of the message's class, such as a number out of range
        raise InvalidRequestError(f"not OTLP's JSON: {error}") from None


@functools.cache
def _reader(descriptor: Descriptor) -> Convert:
    """Return the function that returns the fields of one message, by their names in protobuf."""
    table: dict[str, tuple[str, Convert]] = {}
    """The name in protobuf and the converter of each field, by its name in JSON."""

    def read(value: Any, depth: int) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise InvalidRequestError(f"{descriptor.name} is not a JSON object")
        if depth > _MAX_DEPTH:
            raise InvalidRequestError(_TOO_DEEP)
        if not table:  # filled here, because messages contain each other
            table.update({field.json_name: (field.name, _converter(field)) for field in descriptor.fields})
        fields, key = {}, ""
        try:
            for key, item in value.items():
                if key in table and item is not None:
                    name, convert = table[key]
                    fields[name] = convert(item, depth + 1)
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidRequestError(f"{descriptor.name}.{key[:50]}: {error}") from None
        return fields

    return read


def _converter(field: FieldDescriptor) -> Convert:
    convert = _single(field)
    if not _is_repeated(field):
        return convert

    def convert_list(value: Any, depth: int) -> list[Any]:
        if not isinstance(value, list):
            raise ValueError("not a list")
        return [convert(item, depth) for item in value]

    return convert_list


def _is_repeated(field: FieldDescriptor) -> bool:
    # Protobuf before 6.31 has the label only, which is deprecated since.
    return bool(field.is_repeated if hasattr(field, "is_repeated") else field.label == FieldDescriptor.LABEL_REPEATED)


def _single(field: FieldDescriptor) -> Convert:
    if field.message_type is not None:
        return _reader(field.message_type)
    if field.enum_type is not None:
        return _enumeration(field)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _id if field.name in _IDS else _bytes
    return _OF_TYPES.get(field.type, _integer)


def _enumeration(field: FieldDescriptor) -> Convert:
    numbers = {value.name: value.number for value in field.enum_type.values}

    def convert(value: Any, depth: int) -> int:
        # The specification has numbers only; some programs write protobuf's names all the same.
        return numbers[value] if isinstance(value, str) and value in numbers else _integer(value, depth)

    return convert


def _text(value: Any, _: int) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    # JSON can hold halves of characters, which protobuf cannot.
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def _id(value: Any, _: int) -> bytes:
    return bytes.fromhex(value)


def _bytes(value: Any, _: int) -> bytes:
    return b64decode(value, validate=True)


def _integer(value: Any, _: int) -> int:
    if type(value) is int:
        return value
    if isinstance(value, bool) or not isinstance(value, (int, str, float)):
        raise ValueError("not a whole number")
    if isinstance(value, str) and len(value) > 20:
        raise ValueError("more than 64 bits")
    number = int(value)
    if isinstance(value, float) and number != value:
        raise ValueError("not a whole number")
    return number


def _float(value: Any, _: int) -> float:
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if isinstance(value, bool):
        raise ValueError("not a number")
    return float(value)


def _bool(value: Any, _: int) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


_OF_TYPES: Final[dict[int, Convert]] = {
    FieldDescriptor.TYPE_STRING: _text,
    FieldDescriptor.TYPE_DOUBLE: _float,
    FieldDescriptor.TYPE_FLOAT: _float,
    FieldDescriptor.TYPE_BOOL: _bool,
}
"""The converters by the field's type; all other types are whole numbers."""
