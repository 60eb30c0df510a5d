"""Minimises a failing input: removes bytes while it still breaks the same rule."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tests.proofs.fuzz.fuzz_campaign import finding_of

if TYPE_CHECKING:
    from tests.proofs.fuzz.fuzz_campaign import Failure
    from tests.proofs.fuzz.input_kind import InputKind

MAX_TRIES = 2000
MAX_SHOWN = 4000


def minimise(kind: InputKind, data: bytes, broken: str) -> bytes:
    """Return a smaller input that breaks the same rule."""
    rule = broken.partition(":")[0]
    tries = 0
    size = len(data)
    while size:
        place = 0
        while place < len(data) and tries < MAX_TRIES:
            tries += 1
            fewer = data[:place] + data[place + size :]
            again = finding_of(kind, fewer)
            if again is not None and again.partition(":")[0] == rule:
                data = fewer
            else:
                place += size
        size //= 2
    return data


def report(kind: InputKind, seed: int, failure: Failure) -> str:
    """Return a failure as text: the rule, the minimised input, and the command that repeats it."""
    small = minimise(kind, failure.data, failure.broken)
    text = base64.urlsafe_b64encode(small).decode()
    command = f"python -m tests.proofs.fuzz --kind {kind.name}"
    lines = [
        f"{kind.name}, input {failure.number} of seed {seed}: {failure.broken[:300]}",
        f"  minimised: {kind.text_of(small)[:1000]}",
        f"  repeat:    {command} --seed {seed} --only {failure.number}",
    ]
    return "\n".join([*lines, f"  or:        {command} --input {text}"] if len(text) < MAX_SHOWN else lines)
