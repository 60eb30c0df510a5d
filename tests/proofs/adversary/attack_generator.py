"""Draws an answer of a hostile server from a seed: up to four kinds of attacks, of different dimensions."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeAlias

from tests.proofs.adversary.body_attacks import CODINGS, SIZES, WORDS
from tests.proofs.adversary.framing_attacks import FRAMINGS, by_length
from tests.proofs.adversary.header_attacks import COOKIES, HEADS, REDIRECTS, URLS, WAITS
from tests.proofs.adversary.http2_attacks import FRAMES, by_frames
from tests.proofs.adversary.wire_answer import Draft, Place, Step, WireAnswer, bytes_of, claims_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


def _drip(draft: Draft) -> None:
    """Pause between the pieces of the answer."""
    sent = bytes_of(_framed(draft))
    size = max(1, len(sent) // draft.rng.choice([10, 40]))
    pause_s = draft.rng.choice([0.01, 0.1, 0.5])
    draft.steps = [step for start in range(0, len(sent), size) for step in (pause_s, sent[start : start + size])]


def _hang(draft: Draft) -> None:
    draft.steps, draft.end, draft.is_whole, draft.after = [], "hang", False, []


def _hang_in_the_head(draft: Draft) -> None:
    sent = draft.head()
    draft.steps = [sent[: draft.rng.randrange(len(sent))]]
    draft.end, draft.is_whole, draft.after = "hang", False, []


def _hang_in_the_body(draft: Draft) -> None:
    draft.steps = [draft.head((b"Content-Length", b"%d" % (len(draft.content) + 1))) + draft.content]
    draft.end, draft.is_whole, draft.after = "hang", False, []


def _late(draft: Draft) -> None:
    draft.steps = [draft.rng.choice([0.2, 1.0, 2.9]), *_framed(draft)]


def _framed(draft: Draft) -> list[Step]:
    if draft.steps is not None:
        return draft.steps
    return by_frames(draft) if draft.stream else by_length(draft)


SPEEDS: dict[str, Callable[[Draft], None]] = {
    "drip": _drip,
    "hang": _hang,
    "hang in the head": _hang_in_the_head,
    "hang in the body": _hang_in_the_body,
    "late": _late,
}

Dimension: TypeAlias = tuple[int, dict[str, "Callable[[Draft], None]"]]

_CONTENT: tuple[Dimension, ...] = (
    (6, WORDS),
    (2, SIZES),
    (4, HEADS),
    (4, COOKIES),
    (4, WAITS),
    (4, URLS),
    (4, REDIRECTS),
    (4, CODINGS),
)
DIMENSIONS: tuple[Dimension, ...] = (*_CONTENT, (12, FRAMINGS), (5, SPEEDS))
"""The weight of each dimension, and its kinds, in the order in which they change an answer."""

HTTP_2_DIMENSIONS: tuple[Dimension, ...] = (*_CONTENT, (24, FRAMES))

HTTP_2_KINDS = tuple(name for _, kinds in HTTP_2_DIMENSIONS for name in kinds)
KINDS = tuple(name for _, kinds in DIMENSIONS for name in kinds)
ALL_KINDS = tuple(dict.fromkeys([*KINDS, *HTTP_2_KINDS]))
COSTLY = (
    *SIZES,
    *CODINGS,
    *("chunks", "one-byte chunks", "chunk extensions", "trailers", "1xx", "1xx flood", "huge header", "many headers"),
    *("HPACK bomb", "many continuations", "1xx frames", "small frames", "flood of frames"),
)
"""Kinds that may cost CPU time or memory."""


def draw(seed: str, place: Place, only: Collection[str] = ALL_KINDS, stream: int = 0) -> WireAnswer:
    """Return the answer of a seed.

    Args:
        seed: any text; the same text gives the same answer.
        place: the place of the answer.
        only: the kinds that it may combine.
        stream: of HTTP/2; 0 for an answer in HTTP/1.
    """
    rng = Random(seed)  # noqa: S311 - seeded
    dimensions = HTTP_2_DIMENSIONS if stream else DIMENSIONS
    tables = [(weight, {name: kind for name, kind in table.items() if name in only}) for weight, table in dimensions]
    possible = [number for number, (_, table) in enumerate(tables) if table]
    weights = [tables[number][0] for number in possible]
    chosen = sorted(set(rng.choices(possible, weights, k=rng.choice([1, 1, 2, 3, 4]))))
    draft = Draft(rng, place, stream)
    if place.pattern == "initial":
        _start(draft)
    names = tuple(rng.choice(list(tables[number][1])) for number in chosen)
    for number, name in zip(chosen, names, strict=True):
        tables[number][1][name](draft)
    steps = (draft.before, *_framed(draft), *draft.after, draft.end)
    size = max(len(draft.content), draft.decoded_size, len(draft.body))
    return WireAnswer(names, steps, claims_of(draft), size)


def _start(draft: Draft) -> None:
    """Make the answer that of an initial request, which starts an operation."""
    draft.status, draft.reason, draft.body = 202, b"Accepted", b""
    url = f"{draft.place.here}{draft.place.path}/status".encode()
    draft.set_header(draft.rng.choice([b"Azure-AsyncOperation", b"Location"]), url)
