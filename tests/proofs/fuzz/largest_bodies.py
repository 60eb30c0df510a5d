"""The largest bodies with a limit of time, 1 MiB, of the values that take a parser longest."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from azpoll.protocol.arm_error import read_error
from azpoll.protocol.machine import advance
from tests.proofs.fuzz import answer_inputs
from tests.proofs.fuzz.body_inputs import BODIES
from tests.proofs.fuzz.fuzz_campaign import finding_of, least_s

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZE = 2**20 - 100
_VALUES = (b"[]", b"{}", b"[[]]", b"[1]", b"[[1,2]]", b'{"a":{}}', b"1", b"1.5", b'"\\u00e9"', b"9" * 300, b'"[[]]"')
_WRAPPERS = (b"%s", b'{"status":"Running","x":%s}', b'{"status":"Failed","error":%s}', b'{"error":{"message":%s}}')
_RECIPIENTS = ((3, HTTPStatus.OK), (6, HTTPStatus.CONFLICT))
"""The role, as an index into `answer_inputs.ROLES`, and the status code: a monitor, and a failed `Location`."""


def inputs() -> Iterator[tuple[str, bytes]]:
    """Yield the names and the inputs."""
    for name, value in _values():
        for wrapper in _WRAPPERS:
            for role, status_code in _RECIPIENTS:
                yield (
                    f"{wrapper % name.encode()!r} with {status_code}",
                    answer_inputs.encode_answer(status_code, {}, wrapper % value, role),
                )


def slowest() -> tuple[float, str]:
    """Return the longest CPU time of the machine or the error reader, in seconds, and the name of the input."""
    return max((least_s(partial(_read, data)), name) for name, data in inputs())


def failures() -> list[str]:
    """Return the findings for all inputs."""
    return [f"{name}: {broken}" for name, data in inputs() if (broken := finding_of(BODIES, data)) is not None]


def _read(data: bytes) -> object:
    role, outcome = answer_inputs.decode_answer(data)
    assert role.state is not None
    return read_error(outcome) if outcome.status_code == HTTPStatus.CONFLICT else advance(role.state, outcome)


def _values() -> Iterator[tuple[str, bytes]]:
    for value in _VALUES:
        yield f"[{value[:8].decode()},...]", b"[" + b",".join([value] * (_SIZE // (len(value) + 1))) + b"]"
    members = b",".join(b'"%x":0' % number for number in range(_SIZE // 10))
    yield '{"...":0,...}', b"{" + members + b"}"
    yield '"...', b'"' + b"x" * (_SIZE - 2) + b'"'
