"""Attacks on the framing of HTTP/1: lengths, chunks, cuts, what stands before an answer and behind it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.proofs.adversary.wire_answer import bytes_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proofs.adversary.wire_answer import Draft, Step

MIB = 2**20
SUCCEEDED = b'{"status":"Succeeded"}'
_CHUNKED = (b"Transfer-Encoding", b"chunked")


def by_length(draft: Draft) -> list[Step]:
    """Return the steps of an answer with its `Content-Length`."""
    return [draft.head((b"Content-Length", b"%d" % len(draft.content))) + draft.content]


def _chunked(draft: Draft, size: int, extension: bytes = b"", trailer: bytes = b"") -> list[Step]:
    content = draft.content
    size = max(size, len(content) // 10_000)
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    lines = [b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks]
    return [draft.head(_CHUNKED), *lines, b"0\r\n%s\r\n" % trailer]


def _chunks(draft: Draft) -> None:
    draft.steps = _chunked(draft, draft.rng.choice([7, 1000, 65536]))


def _one_byte_chunks(draft: Draft) -> None:
    if draft.coded is None and len(draft.body) < 100 and draft.rng.random() < 0.3:
        draft.body = draft.body.ljust(MIB)
    chunks = bytearray(b"1\r\n \r\n" * len(draft.content))
    chunks[3::6] = draft.content
    draft.steps = [draft.head(_CHUNKED) + bytes(chunks) + b"0\r\n\r\n"]


def _extensions(draft: Draft) -> None:
    extension = draft.rng.choice([b";a=b", b";" + b"x" * 400, b' ; q="\\""', b";\x80"])
    draft.steps = _chunked(draft, 5, extension)


def _trailers(draft: Draft) -> None:
    trailer = draft.rng.choice([b"Content-Length: 3\r\n", b"X: y\r\n" * 500, b"Status: Succeeded\r\n", b"junk\r\n"])
    draft.steps = _chunked(draft, 100, trailer=trailer)


def _until_close(draft: Draft) -> None:
    draft.steps, draft.end = [draft.head((b"Connection", b"close")) + draft.content], "close"
    draft.is_whole &= bool(draft.content)


def _http_1_0(draft: Draft) -> None:
    draft.version = b"HTTP/1.0"
    _until_close(draft)
    draft.steps = [draft.head() + draft.content]


def _no_length(draft: Draft) -> None:
    draft.steps, draft.end = [draft.head() + draft.content], "hang"
    draft.is_whole = False


def _two_lengths(draft: Draft) -> None:
    length = len(draft.content)
    other = draft.rng.choice([length, 0, length + 1, max(0, length - 1), 10**12])
    pairs = [(b"Content-Length", b"%d" % length), (b"Content-Length", b"%d" % other)]
    draft.rng.shuffle(pairs)
    draft.steps = [draft.head(*pairs) + draft.content]


def _odd_length(draft: Draft) -> None:
    length = len(draft.content)
    odd = draft.rng.choice([b"-1", b"+%d" % length, b"0x%x" % length, b"%d, %d" % (length, length), b"", b"9" * 30])
    draft.steps, draft.end = [draft.head((b"Content-Length", odd)) + draft.content], draft.rng.choice(["keep", "close"])


def _length_and_chunks(draft: Draft) -> None:
    steps = _chunked(draft, 100)
    length = draft.rng.choice([0, 3, len(draft.content), 10**6])
    draft.steps = [draft.head(_CHUNKED, (b"Content-Length", b"%d" % length)), *steps[1:]]


def _odd_transfer_coding(draft: Draft) -> None:
    odd = draft.rng.choice([b"chunked, chunked", b"xchunked", b"gzip, chunked", b"chunked, identity", b"\x0bchunked"])
    draft.steps = [draft.head((b"Transfer-Encoding", odd)), *_chunked(draft, 100)[1:]]


def _bad_chunk_size(draft: Draft) -> None:
    size = draft.rng.choice([b"-5", b"0x5", b"fffffffffffffffff", b"5 5", b"\xb2", b""])
    draft.steps = [draft.head(_CHUNKED), size + b"\r\n" + draft.content + b"\r\n0\r\n\r\n"]


def cut(draft: Draft) -> None:
    """Cut the answer after any byte, more often around the end of the head."""
    steps = draft.steps or draft.rng.choice([by_length(draft), _chunked(draft, 9), _as_until_close(draft)])
    sent = bytes_of(steps)
    head = sent.find(b"\r\n\r\n") + 4
    places = [head, head - 2, head + 1, len(sent) - 1, draft.rng.randrange(len(sent))]
    draft.steps = [sent[: draft.rng.choice(places)]]
    draft.end = draft.rng.choice(["close", "close", "reset"])
    draft.is_whole = False


def _as_until_close(draft: Draft) -> list[Step]:
    return [draft.head((b"Connection", b"close")) + draft.content]


def _second_answer(draft: Draft) -> bytes:
    body = draft.rng.choice([SUCCEEDED, b'{"status":"Failed"}', json.dumps({"id": "x"}).encode(), b""])
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def _second_answer_immediately(draft: Draft) -> None:
    draft.after = [_second_answer(draft) * draft.rng.choice([1, 1, 3])]


def _second_answer_late(draft: Draft) -> None:
    draft.after = [draft.rng.choice([0.001, 0.02, 0.3]), "if idle", _second_answer(draft)]


def _junk_behind(draft: Draft) -> None:
    draft.after = [draft.rng.choice([b"\r\n", b"\x00" * 10, draft.rng.randbytes(5000), b"HTTP/1.1 "])]


def _junk_before(draft: Draft) -> None:
    draft.before = draft.rng.choice([b"\r\n\r\n", b"\x00", b"SSH-2.0-x\r\n", b"junk\r\n", b" "])


def _informational(draft: Draft) -> None:
    status = draft.rng.choice([100, 102, 103, 199, 101])
    one = b"HTTP/1.1 %d Wait\r\nLink: </x>\r\n\r\n" % status
    draft.before = one * draft.rng.choice([1, 20])


def _informational_flood(draft: Draft) -> None:
    draft.before = b"HTTP/1.1 103 Early Hints\r\n\r\n" * draft.rng.choice([2000, 2000, 40_000, 40_000, 2_000_000])


def _garbage(draft: Draft) -> None:
    draft.steps, draft.end = [draft.rng.randbytes(draft.rng.choice([1, 100, 100_000]))], "close"
    draft.is_whole = False


def _empty(draft: Draft) -> None:
    draft.steps, draft.end, draft.is_whole = [], draft.rng.choice(["close", "reset"]), False


def _bare_line_feeds(draft: Draft) -> None:
    draft.steps = [bytes_of(by_length(draft)).replace(b"\r\n", b"\n")]


FRAMINGS: dict[str, Callable[[Draft], None]] = {
    "chunks": _chunks,
    "one-byte chunks": _one_byte_chunks,
    "chunk extensions": _extensions,
    "trailers": _trailers,
    "until close": _until_close,
    "HTTP/1.0": _http_1_0,
    "no length": _no_length,
    "two lengths": _two_lengths,
    "odd length": _odd_length,
    "length and chunks": _length_and_chunks,
    "odd transfer coding": _odd_transfer_coding,
    "bad chunk size": _bad_chunk_size,
    "cut": cut,
    "second answer": _second_answer_immediately,
    "late second answer": _second_answer_late,
    "junk behind": _junk_behind,
    "junk before": _junk_before,
    "1xx": _informational,
    "1xx flood": _informational_flood,
    "garbage": _garbage,
    "empty": _empty,
    "line feeds": _bare_line_feeds,
}
