"""The room holds values and functions of them: no state changes once it is made."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import FrozenInstanceError, fields, is_dataclass
from typing import TYPE_CHECKING

import pytest

import azpoll.protocol

if TYPE_CHECKING:
    from types import ModuleType

ROOM = pkgutil.iter_modules(azpoll.protocol.__path__, "azpoll.protocol.")


def dataclasses_of(module: ModuleType) -> list[type[object]]:
    members: list[object] = list(vars(module).values())
    kinds = [member for member in members if isinstance(member, type) and member.__module__ == module.__name__]
    return [kind for kind in kinds if is_dataclass(kind)]


VALUES = [kind for found in ROOM for kind in dataclasses_of(importlib.import_module(found.name))]


@pytest.mark.parametrize("kind", VALUES)
def test_every_dataclass_is_frozen_and_slotted(kind: type[object]) -> None:
    """So what was published stays as it was, and thousands of states fit into memory."""
    value: object = object.__new__(kind)
    assert is_dataclass(value)
    assert not hasattr(value, "__dict__")
    for each in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, each.name, None)


def test_the_states_are_among_them() -> None:
    """The list is not empty by accident."""
    names = {kind.__name__ for kind in VALUES}
    assert names >= {"Plan", "Polling", "Confirming", "Fetching", "Succeeded", "Failed", "Canceled", "Lost"}
