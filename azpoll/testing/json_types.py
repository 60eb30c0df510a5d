"""Type guards for parsed JSON, which is typed as `object` until one of them narrows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Mapping


def members(value: object) -> Mapping[str, object]:
    """Return the members of a JSON object; an empty mapping for any other JSON value."""
    return value if is_object(value) else {}


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[object]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)
