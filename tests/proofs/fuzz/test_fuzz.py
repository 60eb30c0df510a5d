"""R5: whatever comes in, a value or a documented exception comes of it, within bounds; and such a test can fail."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest

from tests.proofs.fuzz.fuzz_campaign import (
    BLOCK,
    KINDS,
    MOST_FAILURES,
    MOST_S,
    Failure,
    broken_by,
    campaign,
    drawn,
    slow,
)
from tests.proofs.fuzz.input_kind import Broken
from tests.proofs.fuzz.input_minimising import minimised, report
from tests.proofs.fuzz.largest_bodies import failures
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.proofs.fuzz.input_kind import Kind

INPUTS = scaled(push=100_000, nightly=2_500_000)
SEED = 20_260_101

EACH = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
A_KIND = KINDS["urls"]


@pytest.mark.timeout(0 if INPUTS > 100_000 else 300)
@EACH
def test_each_input_gives_a_value_or_a_documented_exception_in_bounds_and_soon(kind: Kind) -> None:
    """Delays, URLs, tokens and texts within bounds too, and 50 ms of CPU for the slowest."""
    total = campaign(kind, SEED, INPUTS)
    assert not total.failures, "\n".join(report(kind, SEED, failure) for failure in total.failures[:3])
    assert total.inputs == INPUTS
    assert total.slowest_s <= MOST_S


def test_the_largest_bodies_hold_as_well() -> None:
    assert failures() == []


@EACH
def test_the_examples_hold_and_so_does_what_is_left_of_them(kind: Kind) -> None:
    """An input may be cut anywhere, down to nothing."""
    for data in kind.corpus:
        for end in {0, 1, 2, len(data) // 2, len(data)}:
            assert broken_by(kind, data[:end]) is None


@EACH
def test_a_seed_replays_and_any_input_of_it_is_found_by_its_number(kind: Kind) -> None:
    first = BLOCK + 7
    whole = dict(drawn(kind, 7, 0, first + 3))
    assert dict(drawn(kind, 7, 0, first + 3)) == whole
    assert dict(drawn(kind, 7, first, 3)) == {number: whole[number] for number in range(first, first + 3)}
    assert dict(drawn(kind, 8, first, 3)) != dict(drawn(kind, 7, first, 3))


@EACH
def test_nearly_all_inputs_differ_and_from_the_examples_too(kind: Kind) -> None:
    """So that their number means something."""
    inputs = {data for _, data in drawn(kind, SEED, 0, 5000)}
    assert len(inputs - set(kind.corpus)) > 4000


def planted(check: Callable[[bytes], None]) -> Kind:
    return replace(A_KIND, check=check)


def _crash(data: bytes) -> None:
    if b"%2" in data:
        raise LookupError(data)


def _break(data: bytes) -> None:
    if b"evil" in data and b"#" in data:
        raise Broken(f"URL is foreign: {data!r}")


@pytest.mark.parametrize(
    ("check", "rule", "least"),
    [(_crash, "LookupError in _crash, test_fuzz.py", b"%2"), (_break, "URL is foreign", b"evil#")],
)
def test_what_fails_is_found_and_made_small(check: Callable[[bytes], None], rule: str, least: bytes) -> None:
    """Be it an exception nobody documented, or a rule that does not hold."""
    kind = planted(check)
    total = campaign(kind, 1, 20_000)
    assert len(total.failures) == MOST_FAILURES
    failure = total.failures[0]
    assert failure.broken.startswith(rule)
    assert sorted(minimised(kind, failure.data, failure.broken)) == sorted(least)
    told = report(kind, 1, failure)
    assert f"--kind urls --seed 1 --only {failure.number}" in told
    assert rule in told
    assert dict(drawn(kind, 1, failure.number, 1)) == {failure.number: failure.data}


def test_making_small_keeps_to_what_failed() -> None:
    """Not to what fails in another way on the way there."""

    def check(data: bytes) -> None:
        if len(data) < 5:
            raise ValueError("short")
        if b"x" in data:
            raise Broken("x is there:")

    kind = planted(check)
    assert len(minimised(kind, b"aaaaaaxaaaaa", "x is there:")) == 5
    assert report(kind, 1, Failure(0, b"aaaaaaxaaaaa", "x is there:"))


def clock_of(took_s: Iterable[float]) -> Callable[[], float]:
    """Return a clock by which each check takes as long as is given."""
    times = chain.from_iterable((0.0, seconds) for seconds in took_s)
    return lambda: next(times)


@pytest.mark.parametrize(
    ("took_s", "broken"),
    [
        (repeat(0.051), "CPU is out of bounds: 51 ms"),
        ([0.2, 0.2, 0.049], None),
        ([0.001, 9.0, 9.0], None),
    ],
)
def test_an_input_is_slow_if_it_is_so_each_time(took_s: Iterable[float], broken: str | None) -> None:
    """A hiccup of the machine fails nothing."""
    assert slow(planted(lambda _: None), b"", clock_of(took_s))[0] == broken


def test_an_input_that_is_slow_is_found() -> None:
    """By the process's own clock."""
    [(_, slow_one)] = drawn(A_KIND, 1, 5, 1)

    def check(data: bytes) -> None:
        until_s = time.process_time() + (1.2 * MOST_S if data == slow_one else 0.0)
        while time.process_time() < until_s:
            pass

    [failure] = campaign(planted(check), 1, 20).failures
    assert (failure.number, failure.data) == (5, slow_one)
    assert failure.broken.startswith("CPU is out of bounds")
