"""The body of an error as text, as JSON within text, as XML, and as members in any case (rule 44). Never raises."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, TypeVar

from azpoll.protocol.json_body import is_list, is_object, value_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from xml.etree.ElementTree import Element

_MAX_RAW = 64 * 1024
_MAX_MEMBERS = 1000
_DTD = "(?i)<!(?:doctype|entity)"

_T = TypeVar("_T")


def raw_text(body: bytes) -> str:
    """Return the first 64 KiB of a body as text, without its byte order mark: UTF-8 unless the mark is UTF-16's."""
    utf16 = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return body[:_MAX_RAW].decode("utf-16" if utf16 else "utf-8-sig", errors="replace")


def json_in(text: str) -> object | None:
    """Return the object or list of a JSON text, else None; text above 64 KiB is not read."""
    if len(text) > _MAX_RAW or not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return value_in(text)
    except (ValueError, RecursionError):
        return None


def xml_members(text: str) -> dict[str, object]:
    """Return the members of the first `Error` element, else of the root: name without namespace to text.

    An element without children has one member, `message`. Broken XML has none, and neither has XML with a DTD:
    without a DTD there are no entities to expand and nothing to fetch.
    """
    if re.search(_DTD, text):
        return {}
    from xml.etree import ElementTree as ET  # noqa: PLC0415 - few services send XML, and the import is slow

    try:
        root = ET.fromstring(text)  # noqa: S314 - see above
    except (ET.ParseError, ValueError):
        return {}
    element = next((each for each in root.iter() if _name(each).lower() == "error"), root)
    members: dict[str, object] = {_name(child): "".join(child.itertext()).strip() for child in element}
    return members or {"message": (element.text or "").strip()}


def member_in_any_case(document: object, name: str) -> object:
    """Return the member with this lower-case name, spelled in any case; None without one."""
    if not is_object(document):
        return None
    return next((value for key, value in document.items() if key.lower() == name), None)


class Members:
    """The members of an object, found by name in any case; `left` are those that were not taken.

    The first of several spellings counts.
    """

    def __init__(self, sent: Mapping[str, object]) -> None:
        self.left = dict(sent)
        self._keys = {key.lower(): key for key in reversed(self.left)}

    def has(self, name: str) -> bool:
        """Whether the object has this member, taken or not."""
        return name in self._keys

    def take(self, name: str, read: Callable[[object], _T | None]) -> _T | None:
        """Return a member as converted by `read`, and remove it, unless `read` cannot convert it."""
        key = self._keys.get(name)
        if key is None:
            return None
        value = read(self.left[key])
        if value is not None or self.left[key] in (None, "", [], {}):
            del self.left[key]
        return value


def problem_text(members: Members) -> str | None:
    """Return the text of problem details (RFC 9457); a `title` alone may be the name of a resource."""
    detail = members.take("detail", text_of)
    if detail is None and not (members.has("type") or members.has("errors")):
        return None
    title = members.take("title", text_of)
    return ": ".join(filter(None, (title, detail))) or None


def text_of(value: object) -> str | None:
    """Return text or a number as text; None for anything else, and for blank text."""
    if is_object(value):
        value = member_in_any_case(object_of(value), "value")  # OData: {"lang": "en-us", "value": "..."}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return string_of(value)


def joined(texts: object) -> str:
    """Return the texts of a list as one text."""
    return "; ".join(filter(None, map(text_of, texts if is_list(texts) else ())))


def string_of(value: object) -> str | None:
    """Return a string that is not blank, else None."""
    return value if isinstance(value, str) and value.strip() else None


def object_of(value: object) -> dict[str, object] | None:
    """Return an object with 1 to 1,000 members, else None."""
    return value if is_object(value) and 0 < len(value) <= _MAX_MEMBERS else None


def objects_of(value: object) -> tuple[dict[str, object], ...] | None:
    """Return the objects of a list, or one object alone; None if any value is not an object."""
    items = value if is_list(value) else [value]
    objects = tuple(filter(is_object, items))
    return objects if len(objects) == len(items) else None


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]
