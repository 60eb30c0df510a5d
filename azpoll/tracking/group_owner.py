"""The owner of a group's operations, by which groups take turns where reads are scarce."""

from __future__ import annotations


class GroupOwner:
    """A key for fair scheduling that equals itself alone; `label` is that of the group."""

    __slots__ = ("label",)

    def __init__(self, label: str | None) -> None:
        self.label = label
