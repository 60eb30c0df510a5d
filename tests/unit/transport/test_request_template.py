"""Requests built from a template equal those that the client builds."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from azpoll.transport.headers import CLIENT_REQUEST_ID
from azpoll.transport.library import library_of
from azpoll.transport.request_template import ORIGINS_KEPT, RequestFactory, with_connect_limit
from azpoll.transport.shortcuts.url_cache import URLCache
from tests.support.clients import ORIGIN, Library, new_client
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.anyio

URL = f"{ORIGIN}/subscriptions/s/operations/o?api-version=1"


def factory_of(client: httpx.AsyncClient) -> RequestFactory:
    library = library_of(client)
    return RequestFactory(client, library, URLCache(library.URL).of, 30.0)


def built(requests: RequestFactory, method: str) -> Any:
    return requests.build(requests.template_for(method, URL), method, URL, ())


@EACH_LIBRARY
async def test_a_request_from_a_template_equals_one_of_the_client(library: Library) -> None:
    headers = [("Authorization", "Bearer x"), ("X-Team", "a"), ("X-Team", "b")]
    async with new_client(library, headers=headers, params={"ignored": "1"}, timeout=7) as client:
        requests = factory_of(client)
        template = requests.template_for("GET", URL)
        assert template is not None
        made: Any = requests.build(template, "GET", URL, ((CLIENT_REQUEST_ID, "id-1"),))
        own: Any = requests.build(None, "GET", URL, ((CLIENT_REQUEST_ID, "id-1"),))
    assert made.__dict__.keys() == own.__dict__.keys()
    assert (made.method, made.url, made.headers.raw) == ("GET", own.url, own.headers.raw)
    assert (made.content, made.extensions, str(made.url)) == (own.content, own.extensions, URL)
    assert made.extensions == {"timeout": {"connect": 7, "read": 7, "write": 7, "pool": None}}


@EACH_LIBRARY
async def test_a_change_of_one_request_changes_no_other(library: Library) -> None:
    """An auth changes the headers of its request."""
    async with new_client(library) as client:
        requests = factory_of(client)
        first: Any = built(requests, "GET")
        first.headers["Authorization"] = "Bearer x"
        first.extensions["trace"] = print
        second: Any = built(requests, "GET")
    assert "authorization" not in second.headers
    assert second.extensions.keys() == {"timeout"}


@EACH_LIBRARY
@pytest.mark.parametrize("change", ["headers", "timeout", "cookies"])
async def test_a_changed_setting_of_the_client_applies_to_the_next_request(change: str, library: Library) -> None:
    async with new_client(library) as client:
        requests = factory_of(client)
        built(requests, "GET")
        match change:
            case "headers":
                client.headers["X-New"] = "yes"
            case "timeout":
                client.timeout = 3
            case _:
                client.cookies.set("c", "1")
        after: Any = built(requests, "GET")
    changed = (after.headers.get("x-new"), after.extensions["timeout"]["read"], after.headers.get("cookie"))
    assert (
        changed == {"headers": ("yes", None, None), "timeout": (None, 3, None), "cookies": (None, None, "c=1")}[change]
    )


@EACH_LIBRARY
async def test_requests_with_cookies_or_a_body_have_no_template(library: Library) -> None:
    async with new_client(library, cookies={"c": "1"}) as client:
        assert factory_of(client).template_for("GET", URL) is None
    async with new_client(library) as client:
        requests = factory_of(client)
        assert requests.template_for("POST", URL) is None
        post: Any = built(requests, "POST")
    assert post.headers["content-length"] == "0"


@EACH_LIBRARY
async def test_a_client_with_requests_of_its_own_class_builds_each(library: Library) -> None:
    made: Any = import_module(library)
    derived: Any = type("Request", (made.Request,), {})
    async with new_client(library) as client:
        build: Any = client.build_request

        def build_derived(*arguments: Any, **named: Any) -> Any:
            request = build(*arguments, **named)
            request.__class__ = derived
            return request

        vars(client)["build_request"] = build_derived
        requests = factory_of(client)
        assert requests.template_for("GET", URL) is None
        assert isinstance(built(requests, "GET"), derived)


@EACH_LIBRARY
async def test_the_number_of_templates_is_limited(library: Library) -> None:
    async with new_client(library) as client:
        requests = factory_of(client)
        for number in range(2 * ORIGINS_KEPT):
            template = requests.template_for("GET", f"https://h{number}.example/x")
            assert template is not None
            assert template.request.url.host == f"h{number}.example"
        assert len(vars(requests)["_templates"]) <= ORIGINS_KEPT


@pytest.mark.parametrize(
    ("given_s", "request_timeout_s", "connect_s"),
    [(None, 120.0, 30.0), (None, 10.0, 5.0), (5.0, 120.0, 5.0), (60.0, 120.0, 30.0), (0.0, 120.0, 0.0)],
)
def test_connecting_has_a_limit_of_its_own(given_s: float | None, request_timeout_s: float, connect_s: float) -> None:
    """TCP and TLS together fit into the whole request, so that httpcore closes the connection itself."""
    limited = with_connect_limit({"connect": given_s, "read": None}, request_timeout_s)
    assert limited == {"connect": connect_s, "read": None}
