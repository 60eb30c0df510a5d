"""The largest bodies that are read as a status, of whatever takes a parser and a reader longest."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from azpoll.protocol.arm_error import read_error
from azpoll.protocol.machine import advance
from azpoll.transport.client import STATUS_LIMIT
from tests.proofs.fuzz import answer_inputs
from tests.proofs.fuzz.body_inputs import BODIES
from tests.proofs.fuzz.fuzz_campaign import broken_by, least_s

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOM = STATUS_LIMIT - 100
_VALUES = (b"[]", b"{}", b"[[]]", b"[1]", b"[[1,2]]", b'{"a":{}}', b"1", b"1.5", b'"\\u00e9"', b"9" * 300, b'"[[]]"')
_AROUND = (b"%s", b'{"status":"Running","x":%s}', b'{"status":"Failed","error":%s}', b'{"error":{"message":%s}}')
_ANSWERED = ((3, HTTPStatus.OK), (6, HTTPStatus.CONFLICT))
"""The role, as an index into `answer_inputs.ROLES`, and the status code: a monitor, and a failed `Location`."""


def inputs() -> Iterator[tuple[str, bytes]]:
    """Yield names and inputs."""
    for name, value in _values():
        for around in _AROUND:
            for role, status_code in _ANSWERED:
                yield (
                    f"{around % name.encode()!r} with {status_code}",
                    answer_inputs.written(status_code, {}, around % value, role),
                )


def slowest() -> tuple[float, str]:
    """Return the most CPU seconds that the machine, or the error that tells of a failure, takes for one; and which."""
    return max((least_s(partial(_read, data)), name) for name, data in inputs())


def failures() -> list[str]:
    """Return what does not hold."""
    return [f"{name}: {broken}" for name, data in inputs() if (broken := broken_by(BODIES, data)) is not None]


def _read(data: bytes) -> object:
    role, outcome = answer_inputs.read(data)
    assert role.state is not None
    return read_error(outcome) if outcome.status_code == HTTPStatus.CONFLICT else advance(role.state, outcome)


def _values() -> Iterator[tuple[str, bytes]]:
    for value in _VALUES:
        yield f"[{value[:8].decode()},...]", b"[" + b",".join([value] * (_ROOM // (len(value) + 1))) + b"]"
    members = b",".join(b'"%x":0' % number for number in range(_ROOM // 10))
    yield '{"...":0,...}', b"{" + members + b"}"
    yield '"...', b'"' + b"x" * (_ROOM - 2) + b'"'
