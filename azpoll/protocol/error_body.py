"""The body of an error opened with care: as text, as JSON within text, as XML (rule 44). Never raises."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, TypeGuard

from azpoll.protocol.answer import is_object
from azpoll.protocol.json_body import value_in

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MAX_RAW = 64 * 1024
_DTD = re.compile("<!(?:doctype|entity)", re.IGNORECASE)


def raw_text(body: bytes) -> str:
    """Return the first 64 KiB of a body as text, without its BOM; UTF-8 unless the BOM says UTF-16."""
    utf16 = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return body[:_MAX_RAW].decode("utf-16" if utf16 else "utf-8-sig", errors="replace")


def json_in(text: str) -> object | None:
    """Return the object or list whose JSON text this is, else None; one of more than 64 KiB is not read."""
    if len(text) > _MAX_RAW or not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return value_in(text)
    except (ValueError, RecursionError):
        return None


def xml_members(text: str) -> dict[str, object]:
    """Return the members of the first `Error` element, else of the root: name without namespace to text.

    An element without children has one member, `message`. Broken XML, and any with a DTD, has none: with no
    DTD there are no entities to expand and nothing to fetch.
    """
    if _DTD.search(text):
        return {}
    from xml.etree import ElementTree as ET  # noqa: PLC0415 - few services need it, and it is slow to import

    try:
        root = ET.fromstring(text)  # noqa: S314 - see above
    except (ET.ParseError, ValueError):
        return {}
    element = next((each for each in root.iter() if _name(each).lower() == "error"), root)
    members: dict[str, object] = {_name(child): "".join(child.itertext()).strip() for child in element}
    return members or {"message": (element.text or "").strip()}


def member(document: object, name: str) -> object:
    """Return the member with this lower-case name, written in any case; None where there is none."""
    if not is_object(document):
        return None
    return next((value for key, value in document.items() if key.lower() == name), None)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether a JSON value is a list."""
    return isinstance(value, list)


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]
