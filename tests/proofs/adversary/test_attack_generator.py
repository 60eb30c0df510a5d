"""The generator of attacks: a seed replays, each kind is drawn, and no cut answer reports a verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.proofs.adversary.attack_generator import HTTP_2_KINDS, KINDS, draw
from tests.proofs.adversary.wire_answer import Place, bytes_of

MONITOR = Place("http://127.0.0.1:1", "http://127.0.0.1:2", "/subscriptions/h1/m/op", "monitor")
LOCATION = replace(MONITOR, pattern="location")


@pytest.mark.slow
@pytest.mark.parametrize(("kinds", "stream"), [(KINDS, 0), (HTTP_2_KINDS, 1)])
def test_a_seed_replays_and_each_kind_is_drawn(kinds: tuple[str, ...], stream: int) -> None:
    for kind in kinds:
        answer = draw(f"1 {kind}", MONITOR, (kind,), stream)
        assert answer == draw(f"1 {kind}", MONITOR, (kind,), stream)
        assert answer.kinds == (kind,)


@pytest.mark.slow
def test_several_kinds_are_combined() -> None:
    small = set(KINDS) - {"bomb", "too large", "many values", "long text", "junk in chunks", "one-byte chunks"}
    answers = [draw(str(number), MONITOR, small) for number in range(500)]
    assert {len(answer.kinds) for answer in answers} >= {1, 2, 3}
    assert len({bytes_of(answer.steps) for answer in answers}) > 300


def test_an_answer_reports_its_own_word_only() -> None:
    for number in range(50):
        answer = draw(str(number), MONITOR, ("end",))
        [claim] = answer.claims
        assert claim.capitalize().encode() in bytes_of(answer.steps)


@pytest.mark.parametrize("kind", ["cut", "garbage", "empty", "hang", "hang in the body", "no length"])
def test_a_cut_answer_reports_nothing(kind: str) -> None:
    for number in range(50):
        seed = next(
            f"{number}.{more}"
            for more in range(50)
            if draw(f"{number}.{more}", MONITOR, ("end", kind)).kinds == ("end", kind)
        )
        assert draw(seed, MONITOR, ("end", kind)).claims == frozenset()


def test_a_204_is_whole_whatever_coding_it_names() -> None:
    """It has no body, so nothing of it was cut."""
    draws = (draw(str(number), MONITOR, ("status code", "cut member")) for number in range(2000))
    empty = [answer for answer in draws if bytes_of(answer.steps).startswith(b"HTTP/1.1 204 ")]
    assert any(len(answer.kinds) == 2 for answer in empty)
    assert {answer.claims for answer in empty} == {frozenset({"succeeded"})}


@pytest.mark.parametrize("behind", ["second answer", "late second answer", "junk behind"])
def test_nothing_is_sent_behind_an_answer_that_hangs(behind: str) -> None:
    """A second answer would be the first one that arrives, and its word would be that of a whole answer."""
    draws = (draw(str(number), MONITOR, (behind, "hang")) for number in range(200))
    hanging = [answer for answer in draws if answer.kinds == (behind, "hang")]
    assert hanging
    assert {bytes_of(answer.steps) for answer in hanging} == {b""}


def test_a_location_may_answer_with_any_result() -> None:
    assert draw("1", LOCATION, ("chunks",)).claims == {"succeeded"}
    assert draw("1", MONITOR, ("chunks",)).claims == frozenset()


def test_an_answer_reports_what_its_own_status_code_means() -> None:
    """Some attacks on HTTP/2 have a status code of their own, so that a redirect becomes a result."""
    kinds = ("redirect to a malformed URL", "many continuations")
    draws = (draw(str(number), LOCATION, kinds, 1) for number in range(50))
    answers = [answer for answer in draws if answer.kinds == kinds]
    assert answers
    assert all("succeeded" in answer.claims for answer in answers)
