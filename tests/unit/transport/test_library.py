"""The library of a client is found by the class of the client."""

from __future__ import annotations

import subprocess
import sys

import httpx
import httpx2
import pytest

from azpoll.transport.library import library_of
from tests.support.credentials import InfoCredential


class Derived(httpx.AsyncClient):
    """A client of a derived class, as SDKs have."""


@pytest.mark.parametrize(
    ("kind", "module"), [(httpx.AsyncClient, httpx), (httpx2.AsyncClient, httpx2), (Derived, httpx)]
)
def test_the_library_of_a_client_is_that_of_its_class(kind: type, module: object) -> None:
    assert library_of(kind()) is module


@pytest.mark.parametrize(
    "client", [httpx.Client(), httpx2.Client(), httpx, httpx.AsyncClient, None, "httpx", object(), httpx.Response(200)]
)
def test_any_other_object_is_rejected(client: object) -> None:
    with pytest.raises(TypeError, match=r"httpx\.AsyncClient or httpx2\.AsyncClient is needed"):
        library_of(client)


@pytest.mark.parametrize(
    ("client", "advice"),
    [
        (httpx.AsyncClient, "not the class AsyncClient. Call the class"),
        (InfoCredential, "not the class InfoCredential. It is a credential"),
        (httpx.Client, "not the class Client"),
        (httpx.Client(), "not Client. It is synchronous"),
        (httpx2.Client(), "not Client. It is synchronous"),
        (httpx.BasicAuth("name", "password"), "not BasicAuth. It is an auth: make the client with auth="),
    ],
)
def test_a_value_that_newcomers_take_for_a_client_gets_advice(client: object, advice: str) -> None:
    with pytest.raises(TypeError) as caught:
        library_of(client)
    assert advice in str(caught.value)


def test_a_class_with_the_name_of_httpx_alone_is_rejected() -> None:
    fake = type("AsyncClient", (), {"__module__": "httpx"})
    with pytest.raises(TypeError):
        library_of(fake())
    with pytest.raises(TypeError):
        library_of(type("AsyncClient", (), {"__module__": "httpx3"})())


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_neither_library_needs_the_other(name: str) -> None:
    other = {"httpx": "httpx2", "httpx2": "httpx"}[name]
    script = f"""
import sys
sys.modules[{other!r}] = None
import {name}
from azpoll.transport.library import library_of
from tests.support.credentials import InfoCredential
assert library_of({name}.AsyncClient()) is {name}
"""
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603 - its own
