"""Attacks in the body: words of a status, sizes, and content codings."""

from __future__ import annotations

import gzip
import json
import zlib
from functools import cache
from typing import TYPE_CHECKING

from tests.proofs.adversary.wire_answer import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proofs.adversary.wire_answer import Draft

MIB = 2**20
_ENDS = {"Succeeded": "succeeded", "Failed": "failed", "Canceled": "canceled"}


def _end_word(draft: Draft) -> None:
    word = draft.rng.choice(list(_ENDS))
    draft.body = json.dumps({"status": word, "error": {"code": "X", "message": "y" * 50}}).encode()
    draft.verdicts = frozenset({_ENDS[word]})


def _unknown_word(draft: Draft) -> None:
    word = draft.rng.choice(["Succeeded!", "NotSucceeded", "", " ", "Sücceeded", "succeeded\x00", "\x1b[31m", "完了"])
    draft.body = json.dumps({"status": word}).encode()


def _null_word(draft: Draft) -> None:
    value = draft.rng.choice([None, True, 0, 1.5, [], {}, ["Succeeded"], {"status": "Succeeded"}])
    draft.body = json.dumps({"status": value, "properties": draft.rng.choice([None, [], "Succeeded"])}).encode()


def _other_json(draft: Draft) -> None:
    draft.body = draft.rng.choice([b"null", b"true", b'"Succeeded"', b'["Succeeded"]', b"0", b"{}", b"[]"])


def _no_json(draft: Draft) -> None:
    draft.body = draft.rng.choice(
        [b'{"status":"Succeeded"', b"<html>Succeeded</html>", b"\xff\xfe", b"Succeeded", b"{'status':'Succeeded'}"]
    )


def _two_words(draft: Draft) -> None:
    draft.body = b'{"status":"Succeeded","status":"Running","Status":"Failed"}'


def _odd_members(draft: Draft) -> None:
    members: dict[str, object] = {"status": "Running", "percentComplete": draft.rng.choice([-1, 1e308, "9", None])}
    members |= {"startTime": "9" * 5000, "id": ["x"], "error": draft.rng.choice([None, [], "e", {"details": [None]}])}
    draft.body = json.dumps(members).encode()


def _long_word(draft: Draft) -> None:
    draft.body = json.dumps({"status": "R" * draft.rng.choice([1000, 900_000])}).encode()


def _long_text(draft: Draft) -> None:
    draft.body = b'{"status":"Running","x":"%s"}' % (b"x" * draft.rng.choice([MIB - 100, 8 * MIB - 100]))


def _too_large(draft: Draft) -> None:
    draft.body = b" " * (9 * MIB) + b'{"status":"Succeeded"}'


def _deep(draft: Draft) -> None:
    depth = draft.rng.choice([900, 100_000])
    draft.body = b'{"status":"Running","x":' + b"[" * depth + b"]" * depth + b"}"


def _huge_numbers(draft: Draft) -> None:
    digits = draft.rng.choice([4000, 4300, 500_000])
    draft.body = b'{"status":"Running","percentComplete":' + b"9" * digits + b"}"


def _many_values(draft: Draft) -> None:
    value = draft.rng.choice([b"[]", b"{}", b"1", b'{"a":1}', b'"ab"', b"1e9"])
    size = draft.rng.choice([MIB - 100, MIB - 100, 8 * MIB - 100])
    draft.body = b'{"status":"Running","x":[' + b",".join([value] * (size // (len(value) + 1))) + b"]}"


def _empty(draft: Draft) -> None:
    draft.body, draft.verdicts = b"", NOTHING


WORDS: dict[str, Callable[[Draft], None]] = {
    "end": _end_word,
    "unknown word": _unknown_word,
    "null word": _null_word,
    "other JSON": _other_json,
    "no JSON": _no_json,
    "two words": _two_words,
    "odd members": _odd_members,
    "empty body": _empty,
}

SIZES: dict[str, Callable[[Draft], None]] = {
    "long word": _long_word,
    "long text": _long_text,
    "too large": _too_large,
    "deep": _deep,
    "huge numbers": _huge_numbers,
    "many values": _many_values,
}


@cache
def bomb(mib: int) -> bytes:
    """Return a member of gzip that decodes into as many MiB, the last of them a status."""
    coder = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    parts = [coder.compress(b" " * MIB) for _ in range(mib)]
    return b"".join([*parts, coder.compress(b'{"status":"Succeeded"}'), coder.flush()])


def _code(draft: Draft, label: bytes, coded: bytes, *, is_readable: bool) -> None:
    draft.set_header(b"Content-Encoding", label)
    draft.coded = coded
    if not is_readable and draft.place.pattern == "monitor":
        draft.is_whole = False


def _gzip(draft: Draft) -> None:
    _code(draft, draft.rng.choice([b"gzip", b"x-gzip", b"GZIP"]), gzip.compress(draft.body), is_readable=True)


def _deflate(draft: Draft) -> None:
    _code(draft, b"deflate", zlib.compress(draft.body), is_readable=True)


def _double_coding(draft: Draft) -> None:
    label = draft.rng.choice([b"gzip, gzip", b"gzip", b"deflate, gzip"])
    _code(draft, label, gzip.compress(gzip.compress(draft.body)), is_readable=False)


def _wrong_label(draft: Draft) -> None:
    label = draft.rng.choice([b"br", b"zstd", b"gzip", b"compress", b"gzip;q=1", b"x" * 3000, b"identity, gzip"])
    _code(draft, label, draft.body, is_readable=False)


def _bomb(draft: Draft) -> None:
    _code(draft, b"gzip", bomb(draft.rng.choice([7, 64])), is_readable=True)
    draft.decoded_size = 8 * MIB
    draft.verdicts |= {"succeeded"}


def _junk_behind_member(draft: Draft) -> None:
    junk = draft.rng.choice([b"\x00" * 100, bytes(MIB), draft.rng.randbytes(1000)])
    _code(draft, b"gzip", gzip.compress(draft.body) + junk, is_readable=True)


def _much_junk_in_chunks(draft: Draft) -> None:
    """Frame 1 MiB or 8 MiB behind the member as chunks of one byte; in HTTP/2 they are not framed."""
    if draft.stream:
        _code(draft, b"gzip", gzip.compress(draft.body) + bytes(MIB), is_readable=True)
        return
    junk = b"1\r\n\x00\r\n" * draft.rng.choice([MIB, MIB, 8 * MIB])
    member = gzip.compress(draft.body)
    draft.set_header(b"Content-Encoding", b"gzip")
    head = draft.head((b"Transfer-Encoding", b"chunked"))
    draft.steps = [head + b"%x\r\n%s\r\n" % (len(member), member) + junk + b"0\r\n\r\n"]


def _cut_member(draft: Draft) -> None:
    coded = gzip.compress(draft.body)
    _code(draft, b"gzip", coded[: draft.rng.randrange(1, len(coded))], is_readable=False)


def _empty_members(draft: Draft) -> None:
    _code(draft, b"gzip", gzip.compress(draft.body) + gzip.compress(b"") * 20_000, is_readable=True)


CODINGS: dict[str, Callable[[Draft], None]] = {
    "gzip": _gzip,
    "deflate": _deflate,
    "double coding": _double_coding,
    "wrong label": _wrong_label,
    "bomb": _bomb,
    "junk behind the member": _junk_behind_member,
    "junk in chunks": _much_junk_in_chunks,
    "cut member": _cut_member,
    "empty members": _empty_members,
}
