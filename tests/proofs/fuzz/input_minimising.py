"""A failing input made small: bytes are taken out for as long as it still fails in the same way."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tests.proofs.fuzz.fuzz_campaign import broken_by

if TYPE_CHECKING:
    from tests.proofs.fuzz.fuzz_campaign import Failure
    from tests.proofs.fuzz.input_kind import Kind

MOST_TRIES = 2000
MOST_SHOWN = 4000


def minimised(kind: Kind, data: bytes, broken: str) -> bytes:
    """Return an input that fails in the same way, from which little can be taken, if anything."""
    rule = broken.partition(":")[0]
    tries = 0
    size = len(data)
    while size:
        place = 0
        while place < len(data) and tries < MOST_TRIES:
            tries += 1
            fewer = data[:place] + data[place + size :]
            again = broken_by(kind, fewer)
            if again is not None and again.partition(":")[0] == rule:
                data = fewer
            else:
                place += size
        size //= 2
    return data


def report(kind: Kind, seed: int, failure: Failure) -> str:
    """Return a failure as text: what is broken, by how little, and how to repeat it."""
    small = minimised(kind, failure.data, failure.broken)
    text = base64.urlsafe_b64encode(small).decode()
    command = f"python -m tests.proofs.fuzz --kind {kind.name}"
    lines = [
        f"{kind.name}, input {failure.number} of seed {seed}: {failure.broken[:300]}",
        f"  minimised: {kind.shown(small)[:1000]}",
        f"  repeat:    {command} --seed {seed} --only {failure.number}",
    ]
    return "\n".join([*lines, f"  or:        {command} --input {text}"] if len(text) < MOST_SHOWN else lines)
