"""The protocol package holds frozen values and functions of them."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

import pytest

import azpoll.protocol

if TYPE_CHECKING:
    from types import ModuleType

MODULES = pkgutil.iter_modules(azpoll.protocol.__path__, "azpoll.protocol.")


def values_of(module: ModuleType) -> list[type[object]]:
    members: list[object] = list(vars(module).values())
    kinds = [member for member in members if isinstance(member, type) and member.__module__ == module.__name__]
    return [kind for kind in kinds if names_of(kind)]


def names_of(kind: type[object]) -> list[str]:
    """Return the fields of a named tuple; none of other classes."""
    return list(getattr(kind, "_fields", ()))


VALUES = [kind for module in MODULES for kind in values_of(importlib.import_module(module.name))]


@pytest.mark.parametrize("kind", VALUES)
def test_every_value_is_frozen(kind: type[object]) -> None:
    """A published value stays as it was, and thousands of states fit into memory."""
    names = names_of(kind)
    without_checks: Any = tuple  # of the classes that have a constructor of their own
    value: object = without_checks.__new__(kind, names)
    assert not hasattr(value, "__dict__")
    for name in names:
        with pytest.raises(AttributeError):
            setattr(value, name, None)


def test_the_states_are_among_the_checked_values() -> None:
    """The list of values is complete."""
    names = {kind.__name__ for kind in VALUES}
    assert names >= {"Plan", "Polling", "Confirming", "Fetching", "Succeeded", "Failed", "Canceled", "Unknown"}
