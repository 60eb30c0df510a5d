"""Polls go to the transport directly only if no step of sending is replaced."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from azpoll.testing import FakeARM
from azpoll.transport.shortcuts.transport_choice import STEPS, transport_choice
from tests.support.clients import ORIGIN, Library, client_of, new_client
from tests.support.deletion_service import RUNNING, polled, service
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import Callable


class Imitation:
    """A wrapper that has all attributes of the wrapped function, as those of wrapt do."""

    def __init__(self, wrapped: Any, note: Callable[[], object]) -> None:
        self._wrapped = wrapped
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self._note()
        return self._wrapped(*arguments, **named)


@EACH_LIBRARY
def test_the_transport_of_a_client_is_chosen(library: Library) -> None:
    arm = FakeARM()
    made = import_module(library)
    own, mounted = arm.transport(library), arm.transport(library)
    client = new_client(library, transport=own, mounts={"https://other.example": mounted})
    choose = transport_choice(client, library)
    assert choose is not None
    assert choose(made.URL(ORIGIN)) is own
    assert choose(made.URL("https://other.example/x")) is mounted


@EACH_LIBRARY
@pytest.mark.parametrize("step", STEPS)
def test_a_replaced_step_is_found(step: str, library: Library) -> None:
    client = client_of(FakeARM(), library)

    def replaced(*_: object) -> None: ...

    setattr(client, step, replaced)
    assert transport_choice(client, library) is None


@EACH_LIBRARY
@pytest.mark.parametrize("step", STEPS)
def test_an_overridden_step_is_found(step: str, library: Library) -> None:
    base: Any = import_module(library).AsyncClient

    def overridden(*_: object) -> None: ...

    derived = type("Derived", (base,), {step: overridden})
    assert transport_choice(derived(), library) is None


@EACH_LIBRARY
def test_a_client_without_one_of_the_steps_has_no_choice(library: Library) -> None:
    assert transport_choice(object(), library) is None


@pytest.mark.anyio
@EACH_LIBRARY
@pytest.mark.parametrize("step", ["send", "_send_single_request"])
async def test_a_wrapper_that_imitates_a_step_receives_each_poll(library: Library, step: str) -> None:
    client, calls = client_of(service(RUNNING), library), list[str]()
    setattr(client, step, Imitation(getattr(client, step), lambda: calls.append(step)))
    await polled(client)
    assert calls == [step] * 3, "the initial request and two polls"
