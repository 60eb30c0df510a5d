"""Bodies of a given size that cost the most to read or to parse, each a status of a running operation or nearly one."""

from __future__ import annotations

import gzip
import json
from functools import cache

from tests.proofs.hostile_bodies.body_server import HostileBody

READ_ALIKE = "words"
"""The one body of those in a single chunk that each library reads; the parser does not depend on the library."""

_WORD = {
    "content": "Lorem",
    "polygon": [1.0461, 1.1283] * 4,
    "confidence": 0.994,
    "span": {"offset": 12345, "length": 5},
}
_EMOJI = "\N{GRINNING FACE}".encode()

VALUES: dict[str, bytes] = {
    "empty-lists": b"[]",
    "empty-objects": b"{}",
    "nested-lists": b"[[]]",
    "deep-lists": b"[" * 900 + b"]" * 900,
    "lists": b"[1,2,3,4,5]",
    "objects": b'{"a":1}',
    "objects-of-lists": b'{"":[11]}',
    "digits": b"1",
    "numbers": b"1e9",
    "long-numbers": b"9" * 4200,
    "texts": b'"ab"',
    "escapes": b'"\\u00e9"',
    "words": json.dumps(_WORD, separators=(",", ":")).encode(),
}
"""Values by name; a body repeats one of them."""


def _status(value: bytes) -> bytes:
    return b'{"status":"Running","x":' + value + b"}"


def _list_of(value: bytes, size: int) -> bytes:
    return b"[" + b",".join([value] * (size // (len(value) + 1))) + b"]"


def _documents(size: int) -> dict[str, bytes]:
    size -= 100
    names = b"{" + b",".join(b'"%05x":0' % number for number in range(size // 10)) + b"}"
    unequal = b"[" + b",".join(b'{"%x":0}' % number for number in range(size // 13)) + b"]"
    return {
        **{name: _status(_list_of(value, size)) for name, value in VALUES.items()},
        "wide-text": _status(b'["' + _EMOJI + b'",' + _list_of(b'{"a":1}', size) + b"]"),
        "names": _status(names),
        "equal-names": _status(b"{" + b",".join([b'"a":0'] * (size // 6)) + b"}"),
        "unequal-objects": _status(unequal),
        "one-text": _status(b'"' + b"x" * size + b'"'),
        "html": b"<!doctype html>" + b"<p>" * (size // 3),
    }


@cache
def large_bodies(size: int) -> dict[str, HostileBody]:
    """Return the bodies of about this size by name."""
    plain = {name: HostileBody({}, body) for name, body in _documents(size).items()}
    text = _status(b'"' + b"x" * (size - 100) + b'"')
    member = gzip.compress(_status(b"1"))
    junk = bytes(size - len(member))

    def coded(body: bytes, chunk: int | None = None) -> HostileBody:
        return HostileBody({"Content-Encoding": "gzip"}, body, chunk=chunk)

    return {
        **plain,
        "bytes": HostileBody({}, text, chunk=1),
        "small-chunks": HostileBody({}, text, chunk=100),
        "gzip": coded(gzip.compress(text)),
        "gzip-in-bytes": coded(gzip.compress(text), 1),
        "gzip-and-junk": coded(member + junk),
        "gzip-and-junk-in-bytes": coded(member + junk, 1),
        "gzip-members": coded(member + gzip.compress(b"") * (size // 21)),
    }


def bodies_read_by(library: str, size: int) -> dict[str, HostileBody]:
    """Return all bodies for httpx; for another library those whose chunks or codings differ, and one more."""
    bodies = large_bodies(size)
    if library == "httpx":
        return bodies
    return {name: body for name, body in bodies.items() if body.chunk or "Content-Encoding" in body.headers} | {
        READ_ALIKE: bodies[READ_ALIKE]
    }
