"""A kind of input: examples, a mutation, and a check that holds for all inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


class RuleBroken(AssertionError):
    """A rule is broken for an input; the message begins with the rule and a colon."""


@dataclass(frozen=True)
class InputKind:
    """One kind of input.

    Attributes:
        name: the name of the kind.
        corpus: examples, valid ones and known troublemakers.
        mutate: changes an input; it knows the grammar.
        check: raises `RuleBroken`, or an undocumented exception of azpoll.
        text_of: returns an input as readable text, for a report.
    """

    name: str
    corpus: tuple[bytes, ...]
    mutate: Callable[[Random, bytes], bytes]
    check: Callable[[bytes], None]
    text_of: Callable[[bytes], str]

    def random_input(self, rng: Random) -> bytes:
        """Return an example after one to five mutations."""
        data = self.corpus[int(rng.random() * len(self.corpus))]
        for _ in range(1 + int(rng.random() ** 3 * 5)):
            data = self.mutate(rng, data)
        return data
