"""Headers: Retry-After in all forms, dates, remaining reads, ids and content types, as raw header lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from azpoll.protocol.delay import DelayLimits, backoff_delay, poll_delay
from azpoll.protocol.retry_after import answered_at, retry_after
from azpoll.protocol.throttling import Counted, remaining, throttle_of
from tests.proofs.fuzz import answer_inputs
from tests.proofs.fuzz.answer_inputs import HEAD_END, HEADER_END, encode_answer
from tests.proofs.fuzz.byte_mutation import mutate_bytes, one_of
from tests.proofs.fuzz.input_kind import InputKind, RuleBroken
from tests.proofs.fuzz.value_checks import check_delay

if TYPE_CHECKING:
    from random import Random

DATES = (
    *("Wed, 06 Nov 2024 12:00:17 GMT", "Wednesday, 06-Nov-24 12:00:17 GMT", "Wed Nov  6 12:00:17 2024"),
    *("Wed, 06 Nov 2024 11:00:00 GMT", "Fri, 31 Dec 9999 23:59:60 GMT", "Mon, 01 Jan 0001 00:00:00 GMT"),
    *("Sat, 29 Feb 1900 00:00:00 GMT", "Wed, 31 Feb 2024 25:61:61 GMT", "Wed, 06 Nov 0000 12:00:00 GMT"),
    *("Sunday, 06-Nov-94 08:49:37 GMT", "Friday, 99-Dec-99 99:99:99 GMT", "2024-11-06T12:00:17Z", "Sun Nov  0 0:0:0 0"),
)
NUMBERS = (
    *("0", "-0", "1", "17", "17.5", "3600", "3601", "-5", "2592000", "1e3", "inf", "nan", "0x10", "+5", "soon", "1,2"),
    *("9" * 9, "9" * 10, "9" * 99, "9" * 100, "9" * 101, "9" * 400, "0." + "0" * 99 + "1", "1.", ".1", "\u0661\u0667"),
    *("10; q=1", '"10"', "10 20", "1_0", "--1", "- 1", "\uff11\uff17"),
)
IDS = ("3f1c8f3a-0000-4000-8000-000000000000", "r" * 3000, "\x1b[31mred", "a\r\nX-Evil: 1", "\u202egnp.exe", "{0}%s")
VALUES = {
    "Retry-After": (*NUMBERS, *DATES),
    "retry-after-ms": NUMBERS,
    "x-ms-retry-after-ms": NUMBERS,
    "Date": (*DATES, *NUMBERS),
    "x-ms-ratelimit-remaining-subscription-reads": NUMBERS,
    "x-ms-ratelimit-remaining-subscription-global-reads": NUMBERS,
    "x-ms-ratelimit-remaining-tenant-writes": NUMBERS,
    "x-ms-ratelimit-remaining-subscription-deletes": NUMBERS,
    "x-ms-ratelimit-remaining-resource": ("Microsoft.Compute/GetOperation3Min;197", *NUMBERS),
    "x-ms-request-id": IDS,
    "x-ms-correlation-request-id": IDS,
    "x-ms-error-code": ("Conflict", "RetryableErrorDueToAnotherOperation", *IDS),
    "Content-Type": ("application/json", "text/html; charset=utf-7", "application/json; charset=\x00", *IDS),
    "Content-Encoding": ("gzip", "identity", "br", *IDS),
    "Set-Cookie": ("s=1; Path=/", "s=1; Domain=.com; Expires=Wed, 31 Feb 2024 25:61:61 GMT", *IDS),
    "Azure-AsyncOperation": (answer_inputs.MONITOR, "", "/x", "https://evil.example/x"),
}
NAMES = tuple(VALUES)

CORPUS = tuple(
    encode_answer(code, headers, b'{"status": "Running"}' if code == 200 else b"", role)
    for role, code, headers in (
        (3, 200, {"Retry-After": "17", "Date": DATES[0], "x-ms-request-id": IDS[0]}),
        (5, 202, {"Retry-After": DATES[1], "Date": DATES[3], "x-ms-correlation-request-id": IDS[0]}),
        (4, 429, {"Retry-After": "10", "x-ms-ratelimit-remaining-subscription-reads": "11999", "Date": DATES[2]}),
        (6, 429, {"retry-after-ms": "500", "x-ms-ratelimit-remaining-resource": "Microsoft.Compute/Get;1"}),
        (0, 202, {"x-ms-retry-after-ms": "2500", "Azure-AsyncOperation": answer_inputs.MONITOR, "Retry-After": "1"}),
        (1, 201, {"Operation-Location": answer_inputs.MONITOR, "Content-Type": "application/json", "Retry-After": "0"}),
        (2, 409, {"x-ms-error-code": "Conflict", "x-ms-request-id": IDS[0], "Date": DATES[0]}),
        (8, 503, {"Retry-After": DATES[2], "Date": DATES[2], "x-ms-ratelimit-remaining-tenant-writes": "1"}),
        (9, 202, {"Location": "/l?t=1", "Retry-After": "120", "Set-Cookie": "s=1; Path=/"}),
        (10, 302, {"Location": answer_inputs.MONITOR, "Retry-After": "3"}),
        (11, 404, {"Retry-After": "-1", "Date": "yesterday", "x-ms-error-code": "NotFound"}),
        (7, 401, {"WWW-Authenticate": "Bearer", "Date": DATES[0], "x-ms-request-id": IDS[0]}),
    )
)

COUNTED: tuple[Counted, ...] = get_args(Counted)
DELAY_LIMITS = (DelayLimits(), DelayLimits(interval=5.0, floor=0.0, cap=0.0))


def mutate(rng: Random, data: bytes) -> bytes:
    """Change a value, a name, a whole header, or any byte."""
    roll = rng.random()
    if roll < 0.15:
        return mutate_bytes(rng, data)
    if roll < 0.2:
        return bytes([int(rng.random() * 256), int(rng.random() * 256)]) + data[2:]
    head, mark, body = data[2:].partition(HEAD_END)
    lines = head.split(HEADER_END)
    place = int(rng.random() * len(lines))
    if roll < 0.5:
        name = one_of(rng, NAMES)
        lines.insert(place, f"{name}: {one_of(rng, VALUES[name])}".encode())
    elif roll < 0.9:
        before, colon, value = lines[place].partition(b":")
        lines[place] = before + colon + mutate_bytes(rng, value)
    else:
        lines[place] = lines[place].swapcase() if roll < 0.95 else b""
    return data[:2] + HEADER_END.join(lines) + mark + body


def check(data: bytes) -> None:
    """Read all headers, and advance the machine by the answer."""
    role, outcome = answer_inputs.decode_answer(data)
    asked = retry_after(outcome)
    if asked is not None:
        check_delay(asked, 0.0, 1e101)
    answered_at(outcome)
    delay_limits = DELAY_LIMITS[len(data) % len(DELAY_LIMITS)]
    for wait in (poll_delay(asked, delay_limits, 0), backoff_delay(asked, delay_limits, 11)):
        check_delay(wait.seconds, delay_limits.floor, max(delay_limits.cap, delay_limits.interval or 0.0))
    throttle_of(outcome)
    for counted in COUNTED:
        left = remaining(outcome, counted)
        if left is not None and not 0 <= left < 1e9:
            raise RuleBroken(f"limit out of bounds: {left!r}")
    answer_inputs.run_machine(role, outcome)


HEADERS = InputKind("headers", CORPUS, mutate, check, answer_inputs.text_of)
