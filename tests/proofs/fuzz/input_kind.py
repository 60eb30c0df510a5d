"""What a kind of input is: examples, a way to change one, and a check that holds for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


class Broken(AssertionError):
    """A rule does not hold for an input; the message begins with the rule, and a colon ends it."""


@dataclass(frozen=True)
class Kind:
    """One kind of input.

    Attributes:
        name: of the kind.
        corpus: examples, each of them proper or famous for its trouble.
        mutated: returns a changed input; it knows the grammar.
        check: raises `Broken`, or whatever azpoll should not have raised.
        shown: returns an input in words, for a report.
    """

    name: str
    corpus: tuple[bytes, ...]
    mutated: Callable[[Random, bytes], bytes]
    check: Callable[[bytes], None]
    shown: Callable[[bytes], str]

    def drawn(self, chance: Random) -> bytes:
        """Return an example, changed once or a few times."""
        data = self.corpus[int(chance.random() * len(self.corpus))]
        for _ in range(1 + int(chance.random() ** 3 * 5)):
            data = self.mutated(chance, data)
        return data
