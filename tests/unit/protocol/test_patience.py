"""`Patience`: the bounds after which a status that cannot be read is given up."""

from __future__ import annotations

import math

import pytest

from azpoll.protocol.patience import Patience


@pytest.mark.parametrize("name", ["attempts", "grace_attempts", "auth_attempts"])
@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_rule_25_counts_are_integers_of_1_or_more(name: str, value: object, error: type[Exception]) -> None:
    """The message names the bound."""
    with pytest.raises(error, match=name):
        Patience(**{name: value})  # type: ignore[arg-type]  # - that is the case


@pytest.mark.parametrize("name", ["seconds", "grace_seconds"])
@pytest.mark.parametrize(
    ("value", "error"),
    [(-1, ValueError), (math.inf, ValueError), (math.nan, ValueError), ("60", TypeError), (True, TypeError)],
)
def test_rule_25_times_are_finite_seconds(name: str, value: object, error: type[Exception]) -> None:
    """The message names the bound."""
    with pytest.raises(error, match=name):
        Patience(**{name: value})  # type: ignore[arg-type]  # - that is the case


def test_rule_25_a_changed_patience_is_checked_too() -> None:
    """`_replace` makes no value that the constructor would refuse."""
    assert Patience()._replace(seconds=0).seconds == 0
    with pytest.raises(ValueError, match="attempts"):
        Patience()._replace(attempts=0)
