"""Bodies: JSON of every shape, XML errors, HTML pages and other bytes, as answers to every state of an operation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from azpoll.protocol.arm_error import describe, read_error
from tests.proofs.fuzz import answer_inputs
from tests.proofs.fuzz.answer_inputs import HEAD_END, encode_answer
from tests.proofs.fuzz.byte_mutation import mutate_bytes, one_of
from tests.proofs.fuzz.input_kind import InputKind
from tests.proofs.fuzz.json_mutation import encode_json, mutate_json
from tests.proofs.fuzz.value_checks import check_text

if TYPE_CHECKING:
    from random import Random

_ERROR = {
    "code": "Conflict",
    "message": "Two cannot be one.",
    "target": "t",
    "details": [{"code": "Inner", "message": "x"}],
}
_DEPLOYMENT = {"properties": {"statusMessage": json.dumps({"error": _ERROR}), "provisioningState": "Failed"}}
DOCUMENTS: tuple[object, ...] = (
    {"status": "Running", "percentComplete": 12.5, "startTime": "2024-11-06T12:00:00Z"},
    {"id": "/o", "name": "o", "status": "Succeeded", "resourceLocation": "/r", "endTime": "2024-11-06T12:00:00Z"},
    {"status": "Failed", "error": {**_ERROR, "innererror": {"code": "Deep", "innererror": {"code": "Deeper"}}}},
    {"status": "Canceled", "error": _ERROR, "properties": {"output": [1, 2, {"a": None}]}},
    {"properties": {"provisioningState": "Updating", "error": _ERROR}, "name": "t"},
    _DEPLOYMENT,
    {"odata.error": {"code": "Request_Denied", "message": {"lang": "en-us", "value": "No."}}},
    {"Code": 409, "Message": "Conflict.", "Details": [{"Message": "why"}, {"Code": 1}], "Innererror": None},
    {"error": "invalid_grant", "error_description": "AADSTS70008: expired.", "error_codes": [70008]},
    {
        "type": "about:blank",
        "title": "T",
        "detail": "D",
        "error": {"additionalInfo": [{"type": "t", "info": {"a": 1}}]},
    },
    [_ERROR, _ERROR],
    "Succeeded",
    None,
)
TEXTS = (
    b'<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code><Message>No.</Message></Error>',
    b'<m:error xmlns:m="http://microsoft.com/ado"><m:code>X</m:code><m:message xml:lang="en">Y</m:message></m:error>',
    b"<Error><Code>401</Code><Detail>Bad. TrackingId:1</Detail><a><b><c/></b></a><!-- c --><?p i?></Error>",
    b'<!DOCTYPE e [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><Error><Message>&b;</Message></Error>',
    b"<!doctype html><html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>",
    b"<html><body onload=alert(1)>Log in to the network</body></html>",
    b"upstream connect error or disconnect/reset before headers",
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xabV*",
    b"\xef\xbb\xbf",
    b"",
)
TAGS = (
    *(
        b"<Error>",
        b"</Error>",
        b"<Code>",
        b"</Code>",
        b"<Message>x</Message>",
        b"<a xmlns='b'>",
        b"<a:b>",
        b"<?xml?>",
        b"<a",
    ),
    *(
        b"<!ENTITY x SYSTEM 'file:///etc/passwd'>",
        b"&x;",
        b"&#0;",
        b"&#xd800;",
        b"<![CDATA[</Error>]]>",
        b"<!--",
        b"-->",
    ),
    *(b"<?xml version='1.0' encoding='utf-7'?>", b"<?xml version='1.1' encoding='nonsense'?>", b"<a>" * 300, b"<html>"),
)
CORPUS = tuple(
    encode_answer(code, {"Content-Type": kind} if kind else {}, body, role)
    for role, (code, kind, body) in enumerate(
        [
            *((200, "application/json", json.dumps(document).encode()) for document in DOCUMENTS),
            *((409, "", json.dumps(document).encode()) for document in DOCUMENTS),
            *((400, "application/xml", text) for text in TEXTS),
            *((200, "text/html", text) for text in TEXTS),
        ]
    )
)


def mutate(rng: Random, data: bytes) -> bytes:
    """Change the structure of a JSON document, a tag, or any byte, and sometimes the answered operation."""
    if rng.random() < 0.3:
        data = bytes([int(rng.random() * 256), int(rng.random() * 256)]) + data[2:]
    head, mark, body = data.partition(HEAD_END)
    roll = rng.random()
    if roll < 0.65:
        try:
            value: object = json.loads(body)
        except (ValueError, RecursionError):
            pass
        else:
            return head + mark + encode_json(rng, mutate_json(rng, value))
    place = int(rng.random() * (len(body) + 1))
    if roll < 0.75:
        return head + mark + body[:place] + one_of(rng, TAGS) + body[place:]
    if roll < 0.751:
        return head + mark + _large(rng, body, place)
    return head + mark + mutate_bytes(rng, body)


def _large(rng: Random, body: bytes, place: int) -> bytes:
    """Return a body with a repeated middle, up to 64 KiB."""
    piece = body[place : place + 1 + int(rng.random() * 40)] or b"["
    return body[:place] + piece * (2**16 // len(piece)) + body[place:]


def check(data: bytes) -> None:
    """Advance the machine by the answer, and read the error of the body in any case."""
    role, outcome = answer_inputs.decode_answer(data)
    if not answer_inputs.run_machine(role, outcome):
        check_text(describe(read_error(outcome).error), 512)


BODIES = InputKind("bodies", CORPUS, mutate, check, answer_inputs.text_of)
