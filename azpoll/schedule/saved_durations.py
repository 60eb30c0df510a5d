"""The form in which learned durations are saved, and its strict check."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeGuard

from azpoll.schedule.operation_kind import LONGEST_KIND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VERSION = 1

KINDS_KEPT = 1_000
"""The most kinds that `Durations` keeps and saves."""

_LAST_BUCKET = 400
_LARGEST_COUNT = 1_000_000_000


def saved(kinds: Iterable[tuple[str, list[tuple[int, int]]]]) -> dict[str, object]:
    """Return the buckets of each kind as a value for `json.dumps`."""
    return {"version": VERSION, "kinds": {kind: [list(pair) for pair in pairs] for kind, pairs in kinds}}


def checked_kinds(value: object) -> dict[str, list[tuple[int, int]]]:
    """Return the buckets of each kind, from a value that `saved` returned.

    Raises:
        ValueError: it is another value; the message says where.
    """
    if not _is_mapping(value) or set(value) != {"version", "kinds"}:
        raise ValueError("saved durations are an object with the members 'version' and 'kinds'")
    version, kinds = value["version"], value["kinds"]
    if not _is_whole(version, VERSION, VERSION):
        raise ValueError(f"saved durations have version {VERSION}, not {str(version)[:32]!r}")
    if not _is_mapping(kinds) or len(kinds) > KINDS_KEPT:
        raise ValueError(f"the member 'kinds' of saved durations is an object of at most {KINDS_KEPT:,} kinds")
    checked: dict[str, list[tuple[int, int]]] = {}
    for kind, pairs in kinds.items():
        if not isinstance(kind, str) or not re.fullmatch(r"[A-Z]+ .*", kind, re.DOTALL) or len(kind) > LONGEST_KIND:
            raise ValueError(f"saved durations have an invalid kind: {str(kind)[:64]!r}")
        checked[kind] = _checked_pairs(kind, pairs)
    return checked


def _checked_pairs(kind: str, pairs: object) -> list[tuple[int, int]]:
    checked: dict[int, int] = {}
    for pair in pairs if _is_list(pairs) else [pairs]:
        bucket, count = pair if _is_list(pair) and len(pair) == 2 else (None, None)  # noqa: PLR2004 - a pair
        if not _is_whole(bucket, 0, _LAST_BUCKET) or not _is_whole(count, 1, _LARGEST_COUNT) or bucket in checked:
            raise ValueError(f"saved durations of {kind[:64]!r} are not a list of different [bucket, count]")
        checked[bucket] = count
    return list(checked.items())


def _is_whole(value: object, least: int, most: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
