"""Every error can occur, names its operation and the next step, and shows no secret (rules 24, 45)."""

from __future__ import annotations

import errno
import json
import logging
import pickle
import random
import ssl
import traceback
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

import azpoll
from azpoll.testing import Drip, Drop, FakeARM, Reply, Script, Step, gzip_bomb, html_page, redirect
from tests.support.breaking_transport import Breaking
from tests.support.canary import CANARY, shown_by
from tests.support.clients import ORIGIN, Library, client_of, new_client
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import GROUP, THING, error_of, path_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from azpoll.options import Method

pytestmark = pytest.mark.anyio

SECRETS = {"Authorization": f"Bearer {CANARY}", "x-api-key": CANARY, "Cookie": f"c={CANARY}"}
SECRET_HEADERS = {"x-secret": CANARY, "Set-Cookie": f"s={CANARY}; Path=/{CANARY}", "x-ms-request-id": "r-1"}
PADDING = "." * 512  # an error may quote the first 512 characters of a body
BODY = {"padding": PADDING, "properties": {"secret": CANARY}}
CONFLICT = {"code": "Conflict", "message": "Two cannot be one."}


def secret_reply(code: int, /, *, headers: dict[str, str] | None = None, **body: object) -> Reply:
    """Return an answer whose headers and body contain secrets."""
    return Reply(code, {**BODY, **body}, {**SECRET_HEADERS, **(headers or {})}, terminal=False)


@dataclass
class Case:
    """An operation that raises an error, and the expected text.

    Attributes:
        step: the answer to every poll.
        text: a pattern of the error's text.
        advice: the advice in the text.
        initial: the answer to the initial request, in place of one with a status monitor.
    """

    kind: type[azpoll.AzpollError]
    step: Step
    text: str
    advice: str = "Resume with the resume_token of this error"
    method: Method = "DELETE"
    timeout: float | None = None
    initial: Step = field(
        default_factory=lambda: secret_reply(202, headers={"Azure-AsyncOperation": "{poll_url}&t=" + CANARY})
    )


FOREIGN = {"Azure-AsyncOperation": f"https://evil.example/{CANARY}?t={CANARY}"}

CASES = {
    "failed": Case(
        azpoll.OperationFailed, secret_reply(200, status="Failed", error=CONFLICT), "failed: Conflict: Two", ""
    ),
    "canceled": Case(
        azpoll.OperationCanceled, secret_reply(200, status="Canceled"), "was canceled: the service gave", ""
    ),
    "503": Case(azpoll.RetriesExhausted, secret_reply(503, error=CONFLICT), "HTTP 503; 1. polls in a row.*Conflict"),
    "dropped": Case(azpoll.RetriesExhausted, Drop(), "the connection failed: RemoteProtocolError"),
    "reset": Case(azpoll.RetriesExhausted, Drop(reset=True), "the connection failed: ReadError"),
    "slow": Case(azpoll.RetriesExhausted, Drip(1, 10.0, secret_reply(200)), "no complete answer came in time"),
    "bomb": Case(azpoll.AnswerTooLarge, gzip_bomb(20), "max_body is", "Give the tracker a greater max_body"),
    "coding": Case(
        azpoll.RetriesExhausted, secret_reply(200, headers={"Content-Encoding": CANARY}), "could not be decoded"
    ),
    "401": Case(
        azpoll.AuthenticationFailed, secret_reply(401, error=CONFLICT), "HTTP 401.*Conflict", "Give the client a valid"
    ),
    "403": Case(
        azpoll.PermissionDenied, secret_reply(403, error=CONFLICT), "read permission", "Grant read on the status URL"
    ),
    "404": Case(azpoll.OperationNotFound, secret_reply(404, error=CONFLICT), "HTTP 404 for", method="POST"),
    "html": Case(azpoll.MalformedAnswer, html_page(200, PADDING + CANARY), "not a status document"),
    "no status": Case(azpoll.MalformedAnswer, secret_reply(200), "holds no status"),
    "loop": Case(azpoll.MalformedAnswer, redirect("{poll_url}"), "more than 3 redirects"),
    "304": Case(azpoll.MalformedAnswer, secret_reply(304), "HTTP 304 is no answer to a poll"),
    "400": Case(azpoll.PollingError, secret_reply(400, error=CONFLICT), "HTTP 400.*Conflict"),
    "foreign": Case(
        azpoll.UntrustedPollingURL,
        secret_reply(200, headers=FOREIGN, status="Running"),
        "https://evil.example is neither",
        "list it in allowed_origins",
    ),
    "deadline": Case(azpoll.OperationTimeout, secret_reply(200, status="Running"), "deadline passed", timeout=100),
    "no status monitor": Case(
        azpoll.MalformedAnswer, secret_reply(200), "nowhere to poll", "", "POST", initial=secret_reply(202)
    ),
}


def hidden(*shown: object) -> None:
    """Assert that none of the errors shows a secret."""
    for one in shown:
        text = shown_by(one) if isinstance(one, BaseException) else repr(one)
        assert CANARY not in text, text
        if isinstance(one, azpoll.AzpollError):
            hidden(one.reported, one.response, one.details)
            assert one.response is None or set(one.response.request.headers) <= {"host", "content-length"}
            for cause in causes_of(one):
                assert not hasattr(cause, "request"), "the cause holds the request"


def causes_of(error: BaseException) -> Iterator[BaseException]:
    cause = error.__cause__ or error.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def locals_of(error: BaseException) -> str:
    """Return the text of a crash report that captures the variables of azpoll's frames."""
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    return "\n".join(str(frame.locals) for frame in frames if "/azpoll/" in frame.filename)


@EACH_LIBRARY
@pytest.mark.parametrize("name", CASES)
async def test_each_error_names_the_cause_and_the_next_step_and_shows_no_secret(
    name: str, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    case = CASES[name]
    caplog.set_level(logging.DEBUG, "azpoll")
    arm = FakeARM(limits=None)
    arm.operation(case.method, polls=[case.step], initial=case.initial)
    events: list[azpoll.Event] = []
    async with client_of(arm, library, headers=SECRETS) as client, azpoll.Tracker(client, interval=10) as tracker:
        tracker.subscribe(events.append)
        operation = await tracker.begin(
            case.method, f"{GROUP}?api-version=1&key={CANARY}", label="mine", timeout=case.timeout
        )
        error = await error_of(operation)
        hidden(error, operation.exception(), operation, operation.snapshot(), events, tracker.statistics())
        assert CANARY not in locals_of(error)
    assert type(error) is case.kind
    with pytest.raises(case.kind, match=case.text):
        raise error
    assert error.operation == f"operation 'mine' ({operation.id})"
    assert f"operation 'mine' ({operation.id})" in str(error)
    assert case.advice in str(error)
    assert len(str(error)) < 1500
    ended_by_service = case.kind in {azpoll.OperationFailed, azpoll.OperationCanceled}
    assert isinstance(error, azpoll.OperationError) is ended_by_service
    assert isinstance(error, azpoll.PollingError) is not ended_by_service
    assert (error.resume_token is None) is (name == "no status monitor")
    assert (error.code == "Conflict") is ("Conflict: Two cannot be one." in str(error))
    if error.response is not None and name not in {"html", "loop"}:
        assert "[request id r-1]" in str(error)
        assert error.status_code == error.response.status_code
        assert dict(error.response.headers.raw)[b"x-secret"] == CANARY.encode(), (
            "the answer itself is there for who asks for it"
        )
    assert CANARY not in caplog.text
    arm.no_requests_elsewhere(ORIGIN)


async def test_the_error_of_an_unread_result_says_that_the_operation_succeeded(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """Rule 32."""
    fake_arm.operation("PUT", duration_s=5, finals=[secret_reply(404)] * 50)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        error = await error_of(operation)
        assert isinstance(error, azpoll.OperationNotFound)
        assert error.succeeded
        assert "the operation succeeded, but its result could not be read" in str(error)
        assert "may still run" not in str(error)
        hidden(error)
        assert error.resume_token


# Chained exceptions


def raised_from(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


async def broken_by(error: BaseException, library: Library) -> azpoll.AzpollError:
    """Return the error of an operation whose polls all raise `error`."""
    arm = FakeARM(default=Script(duration_s=5))
    transport = Breaking(arm, library, error)
    async with (
        client_of(arm, library, headers=SECRETS, transport=transport) as client,
        azpoll.Tracker(client, interval=1) as tracker,
    ):
        return await error_of(await tracker.begin("DELETE", f"{GROUP}?key={CANARY}"))


@EACH_LIBRARY
async def test_the_error_of_the_operating_system_is_chained_not_the_clients(library: Library) -> None:
    """The exceptions of the client hold the request with its headers; the OS error holds the reason."""
    module = import_module(library)
    refused = OSError(errno.ECONNREFUSED, "Connection refused")
    request = httpx.Request("GET", f"{ORIGIN}?t={CANARY}", headers=SECRETS)
    error = await broken_by(raised_from(module.ConnectError("failed", request=request), refused), library)
    assert isinstance(error, azpoll.RetriesExhausted)
    assert error.__cause__ is refused
    assert "connection refused" in str(error)
    hidden(error)


@EACH_LIBRARY
async def test_a_rejected_certificate_is_final_and_the_error_says_why(library: Library) -> None:
    """Rule 25."""
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    error = await broken_by(raised_from(import_module(library).ConnectError("failed"), refused), library)
    assert anyio.current_time() < 2
    assert type(error) is azpoll.PollingError
    assert error.__cause__ is refused
    assert "certificate" in str(error)
    assert "Fix the client" in str(error)
    hidden(error)


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LocalProtocolError", f"Illegal header value b'Bearer {CANARY}\\n'"),
        ("InvalidURL", f"Invalid port: {CANARY!r}"),
        ("UnsupportedProtocol", CANARY),
    ],
)
async def test_the_clients_text_about_an_invalid_request_is_not_shown(name: str, text: str, library: Library) -> None:
    error = await broken_by(getattr(import_module(library), name)(text), library)
    assert type(error) is azpoll.PollingError
    assert anyio.current_time() < 2, "a second try would fail in the same way"
    assert name in str(error)
    assert "Fix the client" in str(error)
    assert error.__cause__ is None
    hidden(error)


@EACH_LIBRARY
async def test_the_clients_text_about_an_unreadable_answer_is_not_shown(library: Library) -> None:
    """h11 quotes the invalid header line."""
    broken = import_module(library).RemoteProtocolError(f"illegal header line: bytearray(b'x-secret {CANARY}')")
    error = await broken_by(broken, library)
    assert isinstance(error, azpoll.RetriesExhausted)
    assert error.__cause__ is None
    hidden(error)


@EACH_LIBRARY
async def test_an_error_of_a_transport_is_shown_with_its_place_but_not_its_text(
    library: Library,
) -> None:
    error = await broken_by(raised_from(RuntimeError(f"token {CANARY}"), KeyError(CANARY)), library)
    assert isinstance(error, azpoll.RetriesExhausted)
    assert "the client's transport raised an error: RuntimeError" in str(error)
    assert "breaking_transport.py" in str(error)
    assert error.__cause__ is None
    hidden(error)


# Other errors


async def test_an_initial_request_without_an_answer_says_whether_it_was_sent() -> None:
    arm = FakeARM()
    arm.operation("PUT", initial=Drop())
    async with client_of(arm, headers=SECRETS) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="may have executed it") as caught:
            await tracker.begin("PUT", f"{GROUP}?key={CANARY}")
        assert f"PUT {ORIGIN}{GROUP}?key=***" in str(caught.value)
        hidden(caught.value)

    error = httpx.LocalProtocolError(f"Illegal header value b'Bearer {CANARY}\\n'")
    transport = Breaking(arm, "httpx", error, "PUT")
    async with client_of(arm, headers=SECRETS, transport=transport) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match=r"LocalProtocolError.*[Nn]othing was sent") as caught:
            await tracker.begin("PUT", f"{GROUP}?key={CANARY}")
        hidden(caught.value)
        assert "PUT" in str(caught.value)


async def test_a_refused_initial_request_names_the_request_and_hides_its_query() -> None:
    arm = FakeARM()
    arm.operation("PUT", initial=secret_reply(409, error=CONFLICT))
    async with client_of(arm, headers=SECRETS) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="Conflict: Two") as caught:
            await tracker.begin("PUT", f"{GROUP}?key={CANARY}")
        assert f"PUT {ORIGIN}{GROUP}?key=***" in str(caught.value)
        assert caught.value.operation == f"PUT {ORIGIN}{GROUP}?key=***"
        hidden(caught.value)


async def test_the_errors_of_a_cancel_show_no_secret() -> None:
    arm = FakeARM()
    arm.operation("PUT", duration_s=30)
    arm.operation("POST", "/cancel", initial=secret_reply(409, error=CONFLICT))
    async with client_of(arm, headers=SECRETS) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, cancel_url=f"/cancel?key={CANARY}")
        with pytest.raises(azpoll.CancelFailed) as caught:
            await operation.cancel()
        hidden(caught.value)
        for url in (f"https://evil.example/?key={CANARY}", f"https://{CANARY}@x/"):
            with pytest.raises(ValueError, match="cancel_url is refused") as refused:
                await tracker.begin("PUT", THING, cancel_url=url)
            hidden(refused.value)


async def test_errors_can_be_pickled_and_still_show_no_secret() -> None:
    arm = FakeARM()
    arm.operation("DELETE", polls=[secret_reply(200, status="Failed", error=CONFLICT)])
    async with client_of(arm, headers=SECRETS) as client, azpoll.Tracker(client) as tracker:
        error = await error_of(await tracker.begin("DELETE", path_of(1)))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - made by this test
    assert type(again) is azpoll.OperationFailed
    assert (str(again), again.code, again.resume_token) == (str(error), "Conflict", error.resume_token)
    hidden(again)


async def test_hostile_text_of_a_service_stays_on_one_line(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    hostile = {"code": "A\r\nB\x1b[31m", "message": "\u202e" + "x" * 10_000}
    headers = {"x-ms-request-id": "r" * 5000}
    fake_arm.operation("DELETE", polls=[Reply(200, {"status": "Failed\n", "error": hostile}, headers)])
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING, label="a\nb\x1b")
        error = await error_of(operation)
    assert str(error).isprintable()
    assert len(str(error)) < 1000
    assert error.code == "A\r\nB\x1b[31m"
    assert repr(operation).isprintable()


# Random answers


def anything(choice: random.Random) -> httpx.Response:
    """Return an answer made of parts that services, gateways and attackers send."""
    words: list[Any] = [
        "Succeeded",
        "Failed",
        "Running",
        "",
        " ",
        "\ud83d\ude00",
        "x" * 3000,
        None,
        5,
        True,
        [],
        {},
        1e308,
        -1,
    ]
    names = [b"Azure-AsyncOperation", b"Operation-Location", b"Location", b"Retry-After", b"retry-after-ms", b"Date"]
    names += [b"x-ms-request-id", b"x-ms-error-code", b"Content-Type", b"Content-Encoding"]
    names += [b"x-ms-ratelimit-remaining-subscription-reads", b"x-ms-correlation-request-id"]
    values = [b"", b" ", b"/poll", b"//", b"https://evil.example/", b"http://[", b"https://x:99999/", b"\xff\xfe", b"5"]
    values += [b"-1", b"1e9", b"9" * 400, b"\xd9\xa3", b"Wed, 21 Oct 2015 07:28:00 GMT", b"a\x1b[31m", b"x" * 9000]
    values += [b"gzip", b"/%00", b"?", b"#", b"application/json", b"text/html", b"\xc3\xa9", b"https://u:p@x/"]
    bodies: list[bytes] = [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"<html>",
        b"[" * 100_000,
        b"9" * 5000,
    ]
    document: dict[str, Any] = {
        choice.choice(["status", "properties", "error", "provisioningState", "percentComplete", "resourceLocation"]): (
            choice.choice([*words, {"provisioningState": choice.choice(words)}, {"code": choice.choice(words)}])
        )
        for _ in range(3)
    }
    bodies += [json.dumps(document).encode()] * 9
    headers = [(choice.choice(names), choice.choice(values)) for _ in range(choice.randrange(4))]
    status = choice.choice(
        [200, 200, 200, 201, 202, 204, 206, 301, 307, 304, 400, 401, 403, 404, 409, 410, 429, 500, 503]
    )
    return httpx.Response(status, headers=headers, stream=Once(choice.choice(bodies)))


class Once(httpx.AsyncByteStream):
    """A body that has not been read yet."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.body


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
async def test_any_answer_ends_in_a_result_or_an_error_of_azpoll(seed: int) -> None:
    """A hostile service may lose its own operations, but cannot break the tracker."""
    choice = random.Random(seed)  # noqa: S311 - seeded
    asked: set[str] = set()

    async def answer(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.1)
        asked.add(request.url.host)
        if request.method != "GET":
            return httpx.Response(
                202, headers={choice.choice(["Location", "Operation-Location"]): f"/poll/{request.url.path}"}
            )
        return anything(choice)

    async with (
        new_client(transport=httpx.MockTransport(answer), base_url=ORIGIN) as client,
        azpoll.Tracker(client, timeout=3000, budget=None, on_exit="stop") as tracker,
    ):
        methods: tuple[Method, ...] = ("PUT", "PATCH", "POST", "DELETE")
        operations = [await tracker.begin(choice.choice(methods), path_of(number)) for number in range(40)]
        for operation in operations:
            assert operation.snapshot().polls >= 0
            await operation.wait()
            error = operation.exception()
            if error is None:
                assert operation.result().status_code
            else:
                assert str(error).isprintable()
                assert len(str(error)) < 2000
    assert asked == {"management.azure.com"}


def test_the_two_families_of_errors_are_disjoint_and_documented() -> None:
    """Rule 24."""
    public = [getattr(azpoll, name) for name in azpoll.__all__]  # some are imported at their first use
    kinds = [kind for kind in public if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) == 20
    for kind in kinds:
        assert issubclass(kind, azpoll.AzpollError)
        assert kind.__doc__
        assert not (issubclass(kind, azpoll.OperationError) and issubclass(kind, azpoll.PollingError))
    bare = azpoll.AzpollError("text")
    assert (bare.code, bare.message, bare.target, bare.details, bare.status_code) == (None, None, None, (), None)
    assert issubclass(azpoll.OperationTimeout, TimeoutError)
    assert issubclass(azpoll.InvalidResumeToken, ValueError)
    assert issubclass(azpoll.WrongEventLoop, RuntimeError)


async def test_fifty_awaiters_of_a_large_error_parse_it_once() -> None:
    """Each has an exception of its own; they share the error that the service reported."""
    error = {"code": "Conflict", "message": "m", "details": [{"code": "D", "message": "x" * 100}] * 20_000}
    arm = FakeARM(default=Script(duration_s=1, retry_after=1, outcome="Failed", error=error), limits=None)
    failures: list[azpoll.OperationFailed] = []
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        operation = await tracker.begin("PUT", "/subscriptions/s/resourceGroups/g?api-version=1", json={})

        async def wait() -> None:
            try:
                await operation
            except azpoll.OperationFailed as failure:
                failures.append(failure)

        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(wait)
    assert len({id(failure) for failure in failures}) == 50
    assert len({id(failure.reported) for failure in failures}) == 1
    assert failures[-1].code == "Conflict"
