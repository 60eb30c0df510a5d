"""JSON bodies, read in any encoding and in a time that their length bounds, and narrowed to objects, lists and text."""

from __future__ import annotations

import json
import re
import sys
from enum import Enum
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.protocol.answer import Answer

CONTENT_TYPE = "content-type"
HEADERS = (CONTENT_TYPE,)
"""The headers that this module reads."""

LARGE = 64 * 1024
"""Bytes up to which any body is parsed."""

_MAX_MEMORY = 30 * 2**20
_MAX_MEMORY_RATIO = 21
_MAX_TIME_NS = 400_000_000
_PERCENT = "percentComplete"
_BLANKS = " \t\n\r"
_BLANK_BYTES = b" \t\r\n\x00\xef\xbb\xbf\xff\xfe"
_BOM = b"\xef\xbb\xbf"

# `re` compiles each pattern when a body first needs it, which most bodies do not.
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_HTML = rb"(?i)(?:<\?xml[^>]*>\s*)?<(?:!doctype html|html|head|body|title|h1|center|script|meta)\b|<!--"
_BEGINNING = (
    rb'["{\[]|(?:t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?|-?[0-9]*\.?[0-9]*(?:[eE][+-]?[0-9]*)?)\Z'
)
"""The first characters of JSON, and a word or a number that ends too early."""

_decode = json.JSONDecoder().raw_decode
_decode_without_floats = json.JSONDecoder(parse_float=str).raw_decode


class BodyProblem(Enum):
    """Why a body has no JSON value."""

    EMPTY = "the body is empty"
    CUT = "the body may have been cut"
    BROKEN = "the body is not the JSON it should be"
    HTML = "the body is an HTML page"
    COSTLY = "the body has too many JSON values to be read"
    OPAQUE = "the body is of another type"


_COSTLY_KINDS = {"{": ("}", BodyProblem.COSTLY), "[": ("]", BodyProblem.OPAQUE)}
"""The first character of a costly body to its last character, unless it was cut, and to the problem."""


def read_json(answer: Answer) -> object | BodyProblem:
    """Return the JSON value of a body, or the reason why it has none. Never raises.

    `Content-Type` is advice only (rule 17), and a byte order mark is accepted. A body is `BROKEN` if its type or its
    first character announces JSON and it cannot be read. A page of a gateway is `HTML`. Any other body (XML, text, an
    image) is `OPAQUE`: legal as a result, never as a status. A list that is too costly to read is `OPAQUE` as well, and
    such an object is `COSTLY`: it may be a result, if only a result can come. In a body of more than `LARGE` bytes,
    numbers with a fraction are text.
    """
    if not answer.body:
        return BodyProblem.EMPTY if answer.is_complete else BodyProblem.CUT
    try:
        text = text_of(answer.body).strip(_BLANKS)
        if len(answer.body) <= LARGE:
            return _whole(text, _decode)
        if (kind := _COSTLY_KINDS.get(text[:1])) and is_costly(text, len(answer.body)):
            end, problem = kind
            return problem if text.endswith(end) else BodyProblem.BROKEN
        return _large_value_in(text)
    except (ValueError, RecursionError):
        return _problem_of(answer)


def is_costly(text: str, body_size: int) -> bool:
    """Whether parsing a JSON text may take more memory or time than R5 allows (threat T10).

    Python's parser holds the interpreter until it has ended, even in another thread. So its cost is estimated before,
    from the punctuation marks: two bytes may be a list of 72 bytes.

    Memory as in CPython 3.11: 192 bytes for an object or a list of lists, up to 64 for a value or a name, and the text
    itself. It may be 30 MiB, or 21 times the body. The time, in a large body, includes the garbage collector and the
    cache misses of unequal names. It may be 0.4 s.

    Args:
        text: the body, decoded.
        body_size: in bytes.
    """
    containers, values, names = text.count("[") + text.count("{"), text.count(","), text.count(":")
    memory = sys.getsizeof(text) + 192 * containers + 24 * values + 40 * names
    time_ns = 350 * containers + 50 * values + 700 * names
    return memory > max(_MAX_MEMORY, _MAX_MEMORY_RATIO * body_size) or time_ns > _MAX_TIME_NS


def value_in(text: str) -> object:
    """Return the value of a JSON text; a ValueError or a RecursionError (too deeply nested) if it cannot be read."""
    return _whole(text.strip(_BLANKS), _decode)


def _whole(text: str, decode: Callable[[str], tuple[object, int]]) -> object:
    """Return the value of a text without blanks around it, which must be all of the text."""
    value, end = decode(text)
    if end != len(text):
        raise ValueError("there is more than one value")
    return value


def _large_value_in(text: str) -> object:
    """Return the value of a large JSON text, as `value_in` does, but with the text of each number with a fraction.

    Python's parser takes twice as long to convert it: 45 ms for 1 MiB of them. `percentComplete` is converted.
    """
    value = _whole(text, _decode_without_floats)
    if is_object(value) and isinstance(sent := value.get(_PERCENT), str) and re.fullmatch(_NUMBER, sent):
        value[_PERCENT] = float(sent)
    return value


def text_of(body: bytes) -> str:
    """Return the text of bytes that may be JSON: UTF-8, UTF-16 or UTF-32, with or without a byte order mark."""
    encoding = "utf-8" if body.startswith(b'{"') else json.detect_encoding(body)
    return body.decode(encoding, "surrogatepass")


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a JSON value is an object; the names of its members are always text."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether a JSON value is a list."""
    return isinstance(value, list)


def object_in(value: object) -> dict[str, object] | None:
    """Return a JSON value if it is an object, else None."""
    return value if is_object(value) else None


def text_member(document: Mapping[str, object] | None, name: str) -> str | None:
    """Return a member without the blanks around it if it is a non-blank string, else None."""
    if document is None or name not in document:
        return None
    value = document[name]
    return (value.strip() or None) if isinstance(value, str) else None


def _problem_of(answer: Answer) -> BodyProblem:
    """Return the reason why a body that is not JSON is none."""
    start = answer.body.removeprefix(_BOM).lstrip()[:256]
    if not start:
        return BodyProblem.EMPTY
    content_type = answer.headers.get(CONTENT_TYPE, "").lower()
    if "html" in content_type or re.match(_HTML, start):
        return BodyProblem.HTML
    if "json" in content_type or start[:1] in (b"{", b"["):
        return BodyProblem.BROKEN
    may_be_cut = not answer.is_complete and not content_type and _begins_as_json(answer.body)
    return BodyProblem.CUT if may_be_cut else BodyProblem.OPAQUE


def _begins_as_json(body: bytes) -> bool:
    """Whether bytes may be the beginning of a JSON text; in each encoding, its marks are ASCII without zero bytes."""
    return re.match(_BEGINNING, body[:256].lstrip(_BLANK_BYTES).replace(b"\0", b"")) is not None
