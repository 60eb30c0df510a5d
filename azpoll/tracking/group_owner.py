"""The owner of a group's operations, by which groups take turns where reads are scarce."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


class GroupOwner:
    """A key for fair scheduling that equals itself alone; `label` is that of the group."""

    __slots__ = ("label",)

    def __init__(self, label: str | None) -> None:
        self.label = label


def label_of(owner: Hashable) -> str | None:
    """Return the label of the group that owns an operation; None for none."""
    return owner.label if isinstance(owner, GroupOwner) else None
