"""Mutations of bytes without a grammar: flip, replace, cut, remove, repeat, copy, and insert known tricky bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

T = TypeVar("T")

TRICKY = (
    *(b"\0", b"\t", b"\r\n", b"\n", b"\x0b", b"\x1b[31m", b"\x7f", b"\x80", b"\x85", b"\xff", b" ", b"  "),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xed\xa0\x80",
        b"\xc0\xaf",
        b"\xf4\x90\x80\x80",
        b"\xf0\x9f\x92\xa9",
    ),
    *("\u2028", "\u2029", "\u202e", "\u200f", "\u2066", "\ufeff", "\u3002", "\uff0e", "\u0130", "\ufffd", "\u0661"),
    *(
        b"-1",
        b"0",
        b"1e999",
        b"-0.0",
        b"NaN",
        b"Infinity",
        b"9" * 30,
        b"9" * 5000,
        b"0x10",
        b"+5",
        b"1_0",
        b".5",
        b"5.",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"'",
        b"\\",
        b":",
        b",",
        b"/",
        b"//",
        b"@",
        b"#",
        b"?",
        b"&",
        b"=",
        b"%",
        b";",
        b".",
    ),
    *(b"null", b"true", b"[]", b"{}", b'""', b"\\ud800", b"\\u0000", b"%00", b"%2e", b"%s%n", b"{0.__class__}"),
    *(
        b"<",
        b">",
        b"</",
        b"<!DOCTYPE a [<!ENTITY a 'a'>]>",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"&lt;",
        b"&#x202e;",
        b"&a;",
    ),
)
"""Bytes that are known to break parsers."""

TRICKY_BYTES = tuple(each.encode() if isinstance(each, str) else each for each in TRICKY)


def one_of(rng: Random, choices: Sequence[T]) -> T:
    """Return a random choice, three times as fast as `Random.choice`."""
    return choices[int(rng.random() * len(choices))]


def _flipped(rng: Random, data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ (1 << int(rng.random() * 8))]) + data[place + 1 :]


def _replaced(rng: Random, data: bytes, place: int) -> bytes:
    return data[:place] + bytes([int(rng.random() * 256)]) + data[place + 1 :]


def _cut(_: Random, data: bytes, place: int) -> bytes:
    return data[:place]


def _without(rng: Random, data: bytes, place: int) -> bytes:
    return data[:place] + data[place + 1 + int(rng.random() ** 3 * (len(data) - place)) :]


def _tricky(rng: Random, data: bytes, place: int) -> bytes:
    return data[:place] + one_of(rng, TRICKY_BYTES) + data[place + int(rng.random() * 2) :]


def _repeated(rng: Random, data: bytes, place: int) -> bytes:
    piece = data[place : place + 1 + int(rng.random() ** 2 * 16)]
    return data[:place] + piece * (2 + int(rng.random() ** 8 * 2000)) + data[place:]


def _moved(rng: Random, data: bytes, place: int) -> bytes:
    start = int(rng.random() * len(data))
    piece = data[start : start + 1 + int(rng.random() ** 2 * 16)]
    return data[:place] + piece + data[place:]


_CHANGES: tuple[Callable[[Random, bytes, int], bytes], ...] = (
    *(_flipped, _replaced, _cut, _without, _tricky, _tricky, _tricky, _repeated, _moved),
)


def mutate_bytes(rng: Random, data: bytes) -> bytes:
    """Return the bytes after one mutation."""
    if not data:
        return one_of(rng, TRICKY_BYTES)
    return one_of(rng, _CHANGES)(rng, data, int(rng.random() * len(data)))
