"""Changes to bytes that know nothing of what they mean: flipped, cut, doubled, moved, and famous ones put in."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

T = TypeVar("T")

FAMOUS = (
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
"""What parsers have stumbled over."""

FAMOUS_BYTES = tuple(each.encode() if isinstance(each, str) else each for each in FAMOUS)


def one_of(chance: Random, choices: Sequence[T]) -> T:
    """Return one of some choices; a third of what `Random.choice` costs."""
    return choices[int(chance.random() * len(choices))]


def _flipped(chance: Random, data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ (1 << int(chance.random() * 8))]) + data[place + 1 :]


def _replaced(chance: Random, data: bytes, place: int) -> bytes:
    return data[:place] + bytes([int(chance.random() * 256)]) + data[place + 1 :]


def _cut(_: Random, data: bytes, place: int) -> bytes:
    return data[:place]


def _without(chance: Random, data: bytes, place: int) -> bytes:
    return data[:place] + data[place + 1 + int(chance.random() ** 3 * (len(data) - place)) :]


def _famous(chance: Random, data: bytes, place: int) -> bytes:
    return data[:place] + one_of(chance, FAMOUS_BYTES) + data[place + int(chance.random() * 2) :]


def _repeated(chance: Random, data: bytes, place: int) -> bytes:
    piece = data[place : place + 1 + int(chance.random() ** 2 * 16)]
    return data[:place] + piece * (2 + int(chance.random() ** 8 * 2000)) + data[place:]


def _moved(chance: Random, data: bytes, place: int) -> bytes:
    start = int(chance.random() * len(data))
    piece = data[start : start + 1 + int(chance.random() ** 2 * 16)]
    return data[:place] + piece + data[place:]


_CHANGES: tuple[Callable[[Random, bytes, int], bytes], ...] = (
    *(_flipped, _replaced, _cut, _without, _famous, _famous, _famous, _repeated, _moved),
)


def havoc(chance: Random, data: bytes) -> bytes:
    """Return bytes, changed somewhere."""
    if not data:
        return one_of(chance, FAMOUS_BYTES)
    return one_of(chance, _CHANGES)(chance, data, int(chance.random() * len(data)))
