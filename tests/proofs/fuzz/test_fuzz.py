"""R5: every input gives a value or a documented exception within bounds, and the checks can fail."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest

from tests.proofs.fuzz.fuzz_campaign import (
    BLOCK,
    KINDS,
    MAX_CPU_S,
    MAX_FAILURES,
    Failure,
    campaign,
    finding_of,
    random_inputs,
    recheck_time,
)
from tests.proofs.fuzz.input_kind import RuleBroken
from tests.proofs.fuzz.input_minimising import minimise, report
from tests.proofs.fuzz.largest_bodies import failures
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.proofs.fuzz.input_kind import InputKind

INPUTS = scaled(push=50_000, nightly=2_500_000)
SEED = 20_260_101

EACH = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
A_KIND = KINDS["urls"]


@pytest.mark.slow
@pytest.mark.timeout(0 if INPUTS > 100_000 else 300)
@EACH
def test_each_input_gives_a_value_or_a_documented_exception_within_bounds(kind: InputKind) -> None:
    """Delays, URLs, tokens and texts are within bounds, and the slowest input takes at most 50 ms of CPU."""
    total = campaign(kind, SEED, INPUTS)
    assert not total.failures, "\n".join(report(kind, SEED, failure) for failure in total.failures[:3])
    assert total.inputs == INPUTS
    assert total.slowest_s <= MAX_CPU_S


@pytest.mark.slow
def test_the_largest_bodies_break_no_rule() -> None:
    assert failures() == []


@EACH
def test_the_examples_and_their_prefixes_break_no_rule(kind: InputKind) -> None:
    """An input may be cut anywhere, or be empty."""
    for data in kind.corpus:
        for end in {0, 1, 2, len(data) // 2, len(data)}:
            assert finding_of(kind, data[:end]) is None


@EACH
def test_a_seed_and_a_number_give_the_same_input_again(kind: InputKind) -> None:
    first = BLOCK + 7
    whole = dict(random_inputs(kind, 7, 0, first + 3))
    assert dict(random_inputs(kind, 7, 0, first + 3)) == whole
    assert dict(random_inputs(kind, 7, first, 3)) == {number: whole[number] for number in range(first, first + 3)}
    assert dict(random_inputs(kind, 8, first, 3)) != dict(random_inputs(kind, 7, first, 3))


@EACH
def test_nearly_all_inputs_differ_from_each_other_and_the_examples(kind: InputKind) -> None:
    """So the number of inputs is meaningful."""
    inputs = {data for _, data in random_inputs(kind, SEED, 0, 5000)}
    assert len(inputs - set(kind.corpus)) > 4000


def kind_with(check: Callable[[bytes], None]) -> InputKind:
    return replace(A_KIND, check=check)


def _crash(data: bytes) -> None:
    if b"%2" in data:
        raise LookupError(data)


def _break(data: bytes) -> None:
    if b"evil" in data and b"#" in data:
        raise RuleBroken(f"URL is foreign: {data!r}")


@pytest.mark.parametrize(
    ("check", "rule", "least"),
    [(_crash, "LookupError in _crash, test_fuzz.py", b"%2"), (_break, "URL is foreign", b"evil#")],
)
def test_a_failing_input_is_found_and_minimised(check: Callable[[bytes], None], rule: str, least: bytes) -> None:
    """An undocumented exception and a broken rule are both found and minimised."""
    kind = kind_with(check)
    total = campaign(kind, 1, 20_000)
    assert len(total.failures) == MAX_FAILURES
    failure = total.failures[0]
    assert failure.broken.startswith(rule)
    assert sorted(minimise(kind, failure.data, failure.broken)) == sorted(least)
    text = report(kind, 1, failure)
    assert f"--kind urls --seed 1 --only {failure.number}" in text
    assert rule in text
    assert dict(random_inputs(kind, 1, failure.number, 1)) == {failure.number: failure.data}


def test_minimising_keeps_the_broken_rule() -> None:
    """A smaller input that fails in another way is not taken."""

    def check(data: bytes) -> None:
        if len(data) < 5:
            raise ValueError("short")
        if b"x" in data:
            raise RuleBroken("x is present:")

    kind = kind_with(check)
    assert len(minimise(kind, b"aaaaaaxaaaaa", "x is present:")) == 5
    assert report(kind, 1, Failure(0, b"aaaaaaxaaaaa", "x is present:"))


def clock_of(took_s: Iterable[float]) -> Callable[[], float]:
    """Return a clock by which the checks take the given times."""
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
def test_an_input_is_slow_only_if_it_is_slow_in_every_try(took_s: Iterable[float], broken: str | None) -> None:
    """A single slow run is not a finding."""
    assert recheck_time(kind_with(lambda _: None), b"", clock_of(took_s))[0] == broken


def test_a_slow_input_is_found() -> None:
    """The campaign measures the CPU time of the process."""
    [(_, slow_input)] = random_inputs(A_KIND, 1, 5, 1)

    def check(data: bytes) -> None:
        until_s = time.process_time() + (1.2 * MAX_CPU_S if data == slow_input else 0.0)
        while time.process_time() < until_s:
            pass

    [failure] = campaign(kind_with(check), 1, 20).failures
    assert (failure.number, failure.data) == (5, slow_input)
    assert failure.broken.startswith("CPU is out of bounds")
