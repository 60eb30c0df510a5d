"""docs/tutorial.md: its programs are those of docs/examples/, and print what the page says against the fake."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential

from tests.docs.example_programs import EXAMPLES, source_of
from tests.docs.test_examples import blocks
from tests.support.child_processes import command_of
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Generator

PAGE = (ROOT / "docs/tutorial.md").read_text("utf-8")
FIRST, MANY = (block.values[0] for block in blocks("docs/tutorial.md"))
NUMBER = re.compile(r"\d+")


@contextmanager
def fake(*options: str) -> Generator[dict[str, str]]:
    """Run `python -m azpoll.testing`, and give the environment of its `export` line."""
    words = [*command_of("azpoll.testing"), *options]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        try:
            assert process.stdout is not None
            shown = [process.stdout.readline(), process.stdout.readline()]
            assert pattern_of("".join(shown)) in pattern_of(PAGE)
            yield environment | dict(word.split("=", 1) for word in shlex.split(shown[1])[1:])
        finally:
            process.kill()


def pattern_of(text: str) -> str:
    """Return the text with 0 in place of every number."""
    return NUMBER.sub("0", text)


def output_of(program: str, environment: dict[str, str]) -> list[str]:
    command = [sys.executable, str(EXAMPLES / program)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - ours
    assert not done.stderr
    return done.stdout.splitlines()


def test_the_page_shows_the_programs() -> None:
    assert source_of("first_operation.py") == FIRST
    assert source_of("many_operations.py") == MANY


@pytest.mark.slow
def test_the_programs_print_what_the_page_says() -> None:
    with fake("--duration", "2", "--retry-after", "1") as environment:
        lines = output_of("first_operation.py", environment)
        assert pattern_of("\n".join(lines)) in pattern_of(PAGE)
        lines = output_of("many_operations.py", environment)
        assert sorted(lines) == sorted(f"web-{number} succeeded" for number in range(20))
        assert pattern_of(lines[0]) in pattern_of(PAGE)


@pytest.mark.slow
def test_a_failure_is_printed() -> None:
    with fake("--duration", "1", "--retry-after", "1", "--outcome", "Failed") as environment:
        lines = output_of("many_operations.py", environment)
    assert len(lines) == 20
    assert pattern_of(lines[0]) in pattern_of(PAGE)


@pytest.mark.slow
def test_a_credential_signs_in_at_the_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake() as environment:
        for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "NO_PROXY"):
            monkeypatch.setenv(name, environment[name])
        with ManagedIdentityCredential() as credential:
            assert credential.get_token("https://management.azure.com/.default").token
        monkeypatch.setenv("IDENTITY_HEADER", "another")
        with ManagedIdentityCredential() as credential, pytest.raises(CredentialUnavailableError):
            credential.get_token("https://management.azure.com/.default")
