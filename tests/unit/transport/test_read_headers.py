"""A transport reads the headers that a reader in `protocol` reads, and two of its own: no more, and no fewer."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

import pytest

from azpoll.protocol import arm_error, json_body, query_quota, reading, retry_after, throttling
from azpoll.protocol.json_body import read_json
from azpoll.protocol.query_quota import query_pause
from azpoll.protocol.reading import Reading
from azpoll.protocol.retry_after import answered_at
from azpoll.protocol.throttling import PROVIDER_REMAINING, REMAINING, provider_remaining, remaining, throttle_of
from azpoll.transport.headers import READ_HEADERS
from tests.support.protocol_rows import RESOURCE, Reply, reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from azpoll.protocol.answer import Answer

READERS: tuple[ModuleType, ...] = (reading, retry_after, throttling, query_quota, arm_error, json_body)

KEPT_HEADERS = READ_HEADERS - {"content-encoding"}
"""All but the one that the transport itself reads."""

Reader: TypeAlias = "Callable[[Answer], object]"


def request_ids(answer: Answer) -> object:
    return Reading(answer).request_ids


WITNESSES: dict[str, tuple[Reader, Reply, str]] = {
    "azure-asyncoperation": (lambda answer: Reading(answer).named_urls(reading.MONITOR_HEADERS), reply(202), "/op"),
    "operation-location": (lambda answer: Reading(answer).named_urls(reading.MONITOR_HEADERS), reply(202), "/op"),
    "resource-location": (lambda answer: Reading(answer).result_url, reply(200), "/vm"),
    "location": (lambda answer: Reading(answer).location, reply(202), "/op"),
    "retry-after": (retry_after.retry_after, reply(202), "17"),
    "retry-after-ms": (retry_after.retry_after, reply(202, Retry_After="9"), "1500"),
    "x-ms-retry-after-ms": (retry_after.retry_after, reply(202, Retry_After="9"), "1500"),
    "date": (answered_at, reply(202), "Wed, 06 Nov 2024 11:00:00 GMT"),
    "x-ms-ratelimit-remaining-resource": (throttle_of, reply(429), "Microsoft.Compute/Get;0"),
    **{name: (partial(remaining, kind=kind), reply(200), "17") for kind, names in REMAINING.items() for name in names},
    **{name: (partial(provider_remaining, kind="reads"), reply(200), "17") for name in PROVIDER_REMAINING},
    "x-ms-user-quota-remaining": (query_pause, reply(200), "0"),
    "x-ms-user-quota-resets-after": (query_pause, reply(429), "00:00:03"),
    "x-ms-error-code": (lambda answer: arm_error.read_error(answer).error.code, reply(409), "Conflict"),
    "x-ms-request-id": (request_ids, reply(200), "r"),
    "x-ms-correlation-request-id": (request_ids, reply(200), "c"),
    "set-cookie": (lambda answer: Reading(answer).sets_cookies, reply(200), "a=1"),
    "content-type": (read_json, reply(200, b"Accepted"), "application/json"),
}
"""For each header: a reader, and an answer and a value for which the header changes what the reader returns."""


class Watched(dict[str, str]):
    """Headers that note which names are looked up."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__(headers)
        self.names: set[str] = set()

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]  # - one of its forms
        self.names.add(name)
        return super().get(name, default)


def read_all(answer: Answer) -> None:
    """Read everything that any reader reads."""
    Reading(answer).named_urls(reading.HEADERS)
    for name in reading.HEADERS:
        Reading(answer).named_urls((name,))
    for reader, _, _ in WITNESSES.values():
        reader(answer)


def looked_up(headers: dict[str, str], *, status_code: int, body: bytes) -> set[str]:
    """Return the names that the readers look up in an answer."""
    watched = Watched(headers)
    read_all(Reply(status_code, body, watched).to(RESOURCE, 0.0))
    return watched.names


def all_looked_up() -> Iterator[set[str]]:
    for headers in ({}, {name: value for name, (_, _, value) in WITNESSES.items()}, dict.fromkeys(KEPT_HEADERS, "?")):
        for status_code in (200, 202, 409, 429):
            for body in (b"", b"{}", b"text", b'{"status": "Running"}'):
                yield looked_up(headers, status_code=status_code, body=body)


@pytest.mark.parametrize("name", sorted(KEPT_HEADERS))
def test_each_kept_header_changes_what_its_reader_returns(name: str) -> None:
    reader, answer, value = WITNESSES[name]
    without = answer.to(RESOURCE, 0.0)
    assert name not in without.headers
    assert reader(without) != reader(without._replace(headers={**without.headers, name: value}))


def test_each_header_that_a_reader_reads_is_kept() -> None:
    assert set(chain.from_iterable(all_looked_up())) == KEPT_HEADERS


def test_each_header_is_declared_once_beside_its_reader() -> None:
    declared = [name for reader in READERS for name in reader.HEADERS]
    assert sorted(declared) == sorted(KEPT_HEADERS) == sorted(name.lower() for name in KEPT_HEADERS)
