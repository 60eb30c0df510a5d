"""The same checks guided by coverage: atheris mutates inputs that reach new code, with the mutation of each kind.

atheris is not a dependency: `pip install atheris` (it has wheels for Linux and macOS).
"""

from __future__ import annotations

import base64
import sys
from importlib import import_module
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.proofs.fuzz.input_kind import InputKind

MAX_BYTES = 64 * 1024
MAX_INPUT_S = 5


def guided(name: str, seconds: int, seed: int, folder: Path) -> None:
    """Fuzz one kind and end the process. libFuzzer prints its progress and a failure.

    Args:
        name: the name of the kind.
        seconds: the total time.
        seed: the seed of libFuzzer.
        folder: the folder for inputs that reach new code.
    """
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["azpoll"]):
        kinds: dict[str, InputKind] = import_module("tests.proofs.fuzz.fuzz_campaign").KINDS
    kind = kinds[name]

    def mutate(data: bytes, limit: int, seed: int) -> bytes:
        rng = Random(seed)  # noqa: S311 - the seed of libFuzzer
        mutation: bytes = kind.mutate(rng, data) if rng.random() < 0.7 else atheris.Mutate(data, len(data))
        return mutation[:limit]

    def check(data: bytes) -> None:
        try:
            kind.check(data)
        except BaseException:
            text = base64.urlsafe_b64encode(data).decode()
            sys.stderr.write(f"\n{kind.text_of(data)[:2000]}\n")
            sys.stderr.write(f"repeat: python -m tests.proofs.fuzz --kind {name} --input {text}\n")
            raise

    for number, data in enumerate(kind.corpus):
        (folder / str(number)).write_bytes(data)
    options = {
        "max_total_time": seconds,
        "seed": seed,
        "max_len": MAX_BYTES,
        "timeout": MAX_INPUT_S,
        "artifact_prefix": f"{folder}/",
    }
    arguments = [sys.argv[0], str(folder), *(f"-{option}={value}" for option, value in options.items())]
    atheris.Setup(arguments, check, custom_mutator=mutate)
    atheris.Fuzz()
