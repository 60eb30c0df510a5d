"""Resume tokens, signed and unsigned: every text is rejected or leads to an origin that the user listed.

The first byte tells whether the tracker has a key; the rest is the text.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx

from azpoll.errors import InvalidResumeToken, UntrustedPollingURL
from azpoll.protocol.json_body import is_object
from azpoll.protocol.plan import FinalStateVia
from azpoll.protocol.resume_token import MAX_TOKEN, decode, encode, token_of
from azpoll.protocol.states import Pending, Unknown, UnknownReason
from azpoll.protocol.status_document import Verdict
from azpoll.protocol.token_content import InvalidToken, Token
from azpoll.protocol.token_v2 import ADDED_MEMBERS
from azpoll.tracking.starter import OperationStarter
from tests.proofs.fuzz.answer_inputs import HOST, MONITOR, RESOURCE
from tests.proofs.fuzz.byte_mutation import mutate_bytes, one_of
from tests.proofs.fuzz.input_kind import InputKind, RuleBroken
from tests.proofs.fuzz.url_inputs import HOSTS, PATHS, PORTS, SCHEMES, USERS
from tests.proofs.fuzz.value_checks import check_state, check_text
from tests.support.jobs import ignore
from tests.support.scripted_transport import ScriptedTransport
from tests.support.tracker_settings import tracker_settings

if TYPE_CHECKING:
    from random import Random

EU = "https://eu.management.azure.com"
KEY = b"a key that only the tracker knows"
KEYS = (None, KEY)


def _starter(key: bytes | None) -> OperationStarter:
    settings = tracker_settings([EU], parse_url=httpx.URL, token_key=key)
    return OperationStarter(ScriptedTransport([]), settings, ignore, lambda _record: None)


STARTERS = tuple(map(_starter, KEYS))

_PUT = Token(method="PUT", resource_url=RESOURCE, pattern="Azure-AsyncOperation", url=MONITOR, not_before=1.7e9)
TOKENS = (
    _PUT,
    Token(method="DELETE", resource_url=RESOURCE, pattern="until-gone", url=RESOURCE, client_request_id="id 1"),
    Token(
        method="POST", resource_url=RESOURCE, pattern="Location", url=f"{EU}/l", location=f"{HOST}/l", fallback=MONITOR
    ),
    Token(
        method="PATCH", resource_url=RESOURCE, pattern="fetching", url=RESOURCE, final_state_via=FinalStateVia.LOCATION
    ),
    Token(method="PUT", resource_url=f"https://{'h' * 1600}/", pattern="resource", url=RESOURCE),
    Token(method="GET", resource_url=f"{EU}/r", pattern="Operation-Location", url=f"{EU}/o", not_before=9.9e10),
    _PUT._replace(
        operation_id="0123456789abcdef",
        label="caf\xe9",
        deadline=1.8e9,
        choice="azure-async-operation",
        status_member="state.id",
        terminal_words={"done": Verdict.SUCCEEDED},
        result="status",
        cancel_url=f"{HOST}/cancel",
        cancel_method="DELETE",
        poll_headers=(("X-A", "1"),),
    ),
)
CORPUS = tuple(bytes([place]) + encode(token, key).encode() for place, key in enumerate(KEYS) for token in TOKENS)

MEMBERS = (
    *(
        "v",
        "method",
        "resource",
        "pattern",
        "url",
        "fallback",
        "location",
        "refused",
        "via",
        "request_id",
        "not_before",
        *sorted(ADDED_MEMBERS),
    ),
    "x",
)
_DEEP: object = json.loads("[" * 200 + "]" * 200)
VALUES: tuple[object, ...] = (
    *(None, True, False, 0, 1, 2, -1, 1.0, 1e300, float("inf"), float("nan"), 10**400, "", " ", "1", [], {}, _DEEP),
    *({"done": "failed"}, {"X-A": "1"}, {"Host": "evil.example"}, {"X-A": "1\r\nX-B: 2"}, {"": ""}, "POST", "status"),
    *("PUT", "put", "DELETE", "TRACE", "GET\r\nX: y", "resource", "fetching", "Location", "original-uri", "location"),
    *(
        "https://evil.example/op",
        "//evil.example/op",
        "/op",
        f"{HOST}@evil.example/",
        f"{HOST}:8443/",
        MONITOR,
        RESOURCE,
    ),
    *("\0", "\u202e", "\ud800", "a" * 5000, "__class__", "csubprocess\nPopen\n", "!!python/object/apply:os.system"),
)


def _decode(text: bytes) -> dict[str, object] | None:
    """Return the members of a token; None if they cannot be decoded."""
    payload = text.partition(b".")[0]
    try:
        members: object = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return None
    return dict(members) if is_object(members) else None


def _encode(members: object, key: bytes | None) -> bytes:
    payload = base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=")
    return payload if key is None else payload + b"." + _signature(payload, key)


def _signature(payload: bytes, key: bytes) -> bytes:
    return base64.urlsafe_b64encode(hmac.new(key, payload, hashlib.sha256).digest()).rstrip(b"=")


def mutate(rng: Random, data: bytes) -> bytes:
    """Change a member, with or without a new signature, or any byte of the text or its payload."""
    roll = rng.random()
    key = KEYS[data[0] % 2] if data else None
    if roll < 0.3:
        return data[:1] + mutate_bytes(rng, data[1:])
    if roll < 0.35:
        return bytes([int(rng.random() * 256)]) + data[1:]
    members = _decode(data[1:])
    if members is None:
        return data[:1] + mutate_bytes(rng, data[1:])
    name = one_of(rng, MEMBERS)
    if roll < 0.45:
        members.pop(name, None)
    elif roll < 0.7:
        members[name] = "".join([one_of(rng, part) for part in (SCHEMES, ("//",), USERS, HOSTS, PORTS, PATHS)])
    elif roll < 0.9:
        members[name] = one_of(rng, VALUES)
    else:
        payload = base64.urlsafe_b64encode(mutate_bytes(rng, json.dumps(members).encode())).rstrip(b"=")
        return data[:1] + (payload if key is None else payload + b"." + _signature(payload, key))
    return data[:1] + _encode(members, key if rng.random() < 0.8 else None)


def check(data: bytes) -> None:
    """Decode a text, and resume from it as a tracker does."""
    key = KEYS[data[0] % 2] if data else None
    text = data[1:].decode("latin-1")
    with suppress(InvalidToken):  # a tracker converts this exception
        decode(text, key)
    try:
        record = STARTERS[KEYS.index(key)].from_token(text, {}, 0.0)
    except (InvalidResumeToken, UntrustedPollingURL) as error:
        check_text(str(error))
        return
    state = record.state
    if isinstance(state, Unknown) and state.reason is UnknownReason.TIMED_OUT:
        return  # the token's deadline passes before its next poll
    if not isinstance(state, Pending):
        raise RuleBroken(f"state is not pending: {state}")
    payload, _, signature = data[1:].strip().partition(b".")
    if key is not None and not hmac.compare_digest(signature, _signature(payload, key)):
        raise RuleBroken("signature is not that of the token:")
    check_state(state, resumed=True)
    again = encode(token_of(state, 0.0), key)
    if len(again) > MAX_TOKEN or decode(again, key).method != record.plan.method:
        raise RuleBroken("token cannot be read again:")


def text_of(data: bytes) -> str:
    """Return an input as readable text."""
    signed = "signed" if data and data[0] % 2 else "unsigned"
    return f"{signed}: {data[1:]!r}, which is {_decode(data[1:])!r}"


RESUME_TOKENS = InputKind("tokens", CORPUS, mutate, check, text_of)
