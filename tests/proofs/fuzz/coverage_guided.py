"""The same checks, led by coverage: atheris mutates what has reached new code, with the mutators of each kind.

atheris is no dependency: `pip install atheris` (it has wheels for Linux and macOS).
"""

from __future__ import annotations

import base64
import sys
from importlib import import_module
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.proofs.fuzz.input_kind import Kind

MOST_BYTES = 64 * 1024
MOST_SECONDS_OF_ONE = 5


def guided(name: str, seconds: int, seed: int, folder: Path) -> None:
    """Fuzz one kind for some seconds, and end the process. libFuzzer prints its progress, and a failure.

    Args:
        name: of the kind.
        seconds: for the whole of it.
        seed: libFuzzer's.
        folder: for the inputs that reach new code.
    """
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["azpoll"]):
        kinds: dict[str, Kind] = import_module(f"{__package__}.campaign").KINDS
    kind = kinds[name]

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        chance = Random(seed)  # noqa: S311 - libFuzzer's own
        changed: bytes = kind.mutated(chance, data) if chance.random() < 0.7 else atheris.Mutate(data, len(data))
        return changed[:most]

    def check(data: bytes) -> None:
        try:
            kind.check(data)
        except BaseException:
            text = base64.urlsafe_b64encode(data).decode()
            sys.stderr.write(f"\n{kind.shown(data)[:2000]}\n")
            sys.stderr.write(f"repeat: python -m tests.proofs.fuzz --kind {name} --input {text}\n")
            raise

    for number, data in enumerate(kind.corpus):
        (folder / str(number)).write_bytes(data)
    options = {
        "max_total_time": seconds,
        "seed": seed,
        "max_len": MOST_BYTES,
        "timeout": MOST_SECONDS_OF_ONE,
        "artifact_prefix": f"{folder}/",
    }
    arguments = [sys.argv[0], str(folder), *(f"-{option}={value}" for option, value in options.items())]
    atheris.Setup(arguments, check, custom_mutator=mutated)
    atheris.Fuzz()
