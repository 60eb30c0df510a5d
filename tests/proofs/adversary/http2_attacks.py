"""Attacks on HTTP/2: frames, streams, windows, settings and header compression. All are written byte by byte."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proofs.adversary.wire_answer import Draft, Step

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8

_MAX_FRAME = 16_384
_FORBIDDEN = (b"connection", b"transfer-encoding", b"keep-alive")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame, of any length and on any stream."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name: bytes, value: bytes, start: bytes = b"\x00") -> bytes:
    """Return a header in HPACK as a literal; `start` 0x40 adds it to the table of the receiver."""
    return start + _length(name) + name + _length(value) + value


def _length(text: bytes) -> bytes:
    size = len(text)
    if size < 127:
        return bytes([size])
    size -= 127
    digits = bytearray([127])
    while size >= 128:
        digits.append(size % 128 + 128)
        size //= 128
    return bytes([*digits, size])


def block_of(draft: Draft) -> bytes:
    """Return the compressed headers of an answer."""
    pairs = [(name.lower(), value) for name, value in draft.headers]
    lines = [literal(name, value) for name, value in pairs if name not in _FORBIDDEN]
    return literal(b":status", b"%03d" % draft.status) + b"".join(lines)


def _headers(stream: int, block: bytes, flags: int = 0) -> bytes:
    """Return one frame of headers, and as many continuations as it needs."""
    pieces = [block[start : start + _MAX_FRAME] for start in range(0, len(block), _MAX_FRAME)] or [b""]
    kinds = [HEADERS, *[CONTINUATION] * (len(pieces) - 1)]
    last = len(pieces) - 1
    return b"".join(
        frame(kind, (flags if kind == HEADERS else 0) | (END_HEADERS if number == last else 0), stream, piece)
        for number, (kind, piece) in enumerate(zip(kinds, pieces, strict=True))
    )


def _data(draft: Draft, size: int, most: int | None = None) -> list[Step]:
    content = draft.content[:most]
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    return [*(frame(DATA, 0, draft.stream, piece) for piece in pieces), frame(DATA, END_STREAM, draft.stream)]


def by_frames(draft: Draft) -> list[Step]:
    """Return the steps of an ordinary answer."""
    return [_headers(draft.stream, block_of(draft)), *_data(draft, _MAX_FRAME)]


def _beside(frames: Callable[[Draft], bytes], *, is_before: bool | None = None) -> Callable[[Draft], None]:
    """Return an attack that sends frames before or behind an ordinary answer."""

    def attack(draft: Draft) -> None:
        sent = frames(draft)
        before = draft.rng.random() < 0.5 if is_before is None else is_before
        draft.steps = [sent, *by_frames(draft)] if before else [*by_frames(draft), sent]

    return attack


def _goaway(draft: Draft) -> bytes:
    last = draft.rng.choice([0, draft.stream, draft.stream - 2, 2**31 - 1])
    return frame(GOAWAY, 0, 0, struct.pack(">II", max(0, last), draft.rng.choice([0, 1, 2, 11, 2**32 - 1])) + b"bye")


def _reset_stream(draft: Draft) -> bytes:
    stream = draft.rng.choice([draft.stream, draft.stream, draft.stream + 2, 0, 2])
    return frame(RST_STREAM, 0, stream, struct.pack(">I", draft.rng.choice([0, 1, 7, 8, 11])))


def _reset_in_the_body(draft: Draft) -> None:
    content = draft.content
    draft.steps = [_headers(draft.stream, block_of(draft)), frame(DATA, 0, draft.stream, content[:9])]
    draft.steps.append(frame(RST_STREAM, 0, draft.stream, struct.pack(">I", draft.rng.choice([0, 2, 7, 8]))))
    draft.is_whole = False


def _bad_frame(draft: Draft) -> bytes:
    stream = draft.stream
    return draft.rng.choice(
        [
            frame(0xFA, 0xFF, stream, b"x" * 100),
            frame(HEADERS, END_HEADERS, 0, block_of(draft)),
            frame(DATA, 0, stream + 100, b"x"),
            frame(DATA, PADDED, stream, b"\xff"),
            frame(DATA, 0, 0, b"x"),
            frame(SETTINGS, ACK, 0, b"x" * 6),
            frame(SETTINGS, 0, 0, b"x" * 5),
            frame(SETTINGS, 0, stream, b""),
            frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0)),
            frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 2**31 - 1)) * 2,
            frame(WINDOW_UPDATE, 0, 0, b""),
            frame(PING, 0, 0, b"x" * 7),
            frame(PING, 0, stream, b"x" * 8),
            frame(PRIORITY, 0, stream, struct.pack(">IB", stream, 1)),
            frame(CONTINUATION, END_HEADERS, stream, block_of(draft)),
            frame(PUSH_PROMISE, END_HEADERS, stream, struct.pack(">I", 2) + literal(b":method", b"GET")),
            frame(DATA, 0, stream, b"x" * (_MAX_FRAME + 1)),
            frame(GOAWAY, 0, 0, b""),
        ]
    )


def _bad_settings(draft: Draft) -> bytes:
    pair = draft.rng.choice([(4, 2**31), (5, 1), (5, 2**24), (2, 7), (1, 2**32 - 1), (0xFF, 1), (4, 0), (6, 0), (3, 1)])
    return frame(SETTINGS, 0, 0, struct.pack(">HI", *pair))


def _no_streams(_: Draft) -> bytes:
    """Forbid all further streams of the connection."""
    return frame(SETTINGS, 0, 0, struct.pack(">HI", 3, 0))


def _bad_headers(draft: Draft) -> None:
    draft.status = 200  # of the blocks below, whatever another kind chose
    block = draft.rng.choice(
        [
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xbe",
            literal(b"Upper", b"case"),
            literal(b"x", b"no status"),
            literal(b":status", b"abc"),
            literal(b":status", b"200") * 2,
            literal(b":status", b"200") + literal(b":path", b"/"),
            literal(b":status", b"200") + literal(b"connection", b"close"),
            literal(b":status", b"200") + literal(b"x", b"a\r\nb: c"),
            literal(b":status", b"200") + literal(b"content-length", b"3"),
            literal(b":status", b"200") + literal(b"content-length", b"-3"),
            literal(b":status", b"103"),
            b"\x3f\xff\xff\xff\xff\x0f",
        ]
    )
    draft.steps = [_headers(draft.stream, block), *_data(draft, _MAX_FRAME)]


def _bomb(draft: Draft) -> None:
    """Add one header of 4 kB to the table, and refer to it 16,000 times: 64 MB of headers in one frame."""
    draft.status = 200
    block = literal(b":status", b"200") + literal(b"x", b"y" * 4000, b"\x40") + b"\xbe" * 11_000
    draft.steps = [_headers(draft.stream, block), *_data(draft, _MAX_FRAME)]


def _many_continuations(draft: Draft) -> None:
    draft.status = 200
    head = frame(HEADERS, 0, draft.stream, literal(b":status", b"200"))
    more = frame(CONTINUATION, 0, draft.stream, b"") * draft.rng.choice([10, 5000])
    draft.steps = [head + more + frame(CONTINUATION, END_HEADERS, draft.stream), *_data(draft, _MAX_FRAME)]


def _informational(draft: Draft) -> None:
    one = _headers(draft.stream, literal(b":status", b"103"))
    draft.steps = [one * draft.rng.choice([1, 20, 5000]), *by_frames(draft)]


def _small_frames(draft: Draft) -> None:
    empty = frame(DATA, 0, draft.stream) * draft.rng.choice([0, 5000])
    head: list[Step] = [_headers(draft.stream, block_of(draft)), empty]
    draft.steps = head + _data(draft, 1, 20_000)
    draft.is_whole = len(draft.content) < 20_000


def _slow_frames(draft: Draft) -> None:
    frames = _data(draft, 2, 80)
    slow: list[Step] = [step for each in frames for step in (0.1, each)]
    draft.steps = [_headers(draft.stream, block_of(draft)), *slow]
    draft.is_whole = len(draft.content) < 80


def _behind_the_end(draft: Draft) -> None:
    more = draft.rng.choice([frame(DATA, END_STREAM, draft.stream, b'{"status":"Succeeded"}'), _second_head(draft)])
    draft.steps = [*by_frames(draft), more]


def _second_head(draft: Draft) -> bytes:
    return _headers(draft.stream, literal(b":status", b"200") + literal(b"retry-after", b"0"), END_STREAM)


def _stranger_answered(draft: Draft) -> None:
    """Answer streams too that are not open yet."""
    block = literal(b":status", b"200") + literal(b"content-type", b"application/json")
    steps: list[Step] = by_frames(draft)
    for stream in (draft.stream + 200, draft.stream + 202):
        answer = _headers(stream, block) + frame(DATA, END_STREAM, stream, b'{"status":"Succeeded"}')
        steps.append(answer)
    draft.steps = steps


def _flood(draft: Draft) -> bytes:
    one = draft.rng.choice(
        [frame(PING, 0, 0, b"x" * 8), frame(SETTINGS, 0, 0), frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1")]
    )
    return one * draft.rng.choice([100, 10_000])


def _not_http_2(draft: Draft) -> None:
    draft.steps, draft.end = [draft.rng.choice([b"HTTP/1.1 200 OK\r\n\r\n", draft.rng.randbytes(100)])], "close"
    draft.is_whole = False


def _cut(draft: Draft) -> None:
    sent = b"".join(step for step in by_frames(draft) if isinstance(step, bytes))
    draft.steps, draft.end = [sent[: draft.rng.randrange(len(sent))]], draft.rng.choice(["close", "reset"])
    draft.is_whole = False


def _hang(draft: Draft) -> None:
    head: list[Step] = [_headers(draft.stream, block_of(draft))]
    draft.steps, draft.is_whole = draft.rng.choice([[], head]), False


FRAMES: dict[str, Callable[[Draft], None]] = {
    "GOAWAY": _beside(_goaway),
    "RST_STREAM": _beside(_reset_stream),
    "RST_STREAM in the body": _reset_in_the_body,
    "bad frame": _beside(_bad_frame),
    "bad settings": _beside(_bad_settings),
    "no streams": _beside(_no_streams, is_before=False),
    "bad headers": _bad_headers,
    "HPACK bomb": _bomb,
    "many continuations": _many_continuations,
    "1xx frames": _informational,
    "small frames": _small_frames,
    "slow frames": _slow_frames,
    "behind the end": _behind_the_end,
    "answers to other streams": _stranger_answered,
    "flood of frames": _beside(_flood),
    "not HTTP/2": _not_http_2,
    "cut frames": _cut,
    "silent stream": _hang,
}
