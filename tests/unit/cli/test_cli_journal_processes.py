"""Journals between processes: `kill -9`, a service that picks up new operations, and signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from azpoll import JournalError
from azpoll.journal import open_reader
from tests.support.child_processes import command_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from tests.unit.cli.conftest import Azure, Command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="processes are signalled"),
]

AZPOLL = command_of("azpoll")
THING = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Fake/things"


@contextmanager
def start(*words: str) -> Generator[subprocess.Popen[str]]:
    """Run a command as a process, and kill it at the end."""
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - the program under test
        [*AZPOLL, *words], stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(*words: str) -> str:
    with start(*words) as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    return out.strip()


def until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def owner_lives(path: Path) -> bool:
    try:
        with open_reader(path) as reader:
            owner = reader.owner()
            return owner is not None and owner.is_alive
    except JournalError:  # another process is creating the file
        return False


def test_begin_in_one_process_run_in_one_that_is_killed_and_wait_in_a_third(azure: Azure, tmp_path: Path) -> None:
    journal = ("--journal", str(tmp_path / "operations.db"))
    hosts = ("--allow-host", azure.base_url)
    operation = azure.arm.operation("PUT", f"{THING}/t", duration_s=4, retry_after=1)

    ident = finish("begin", "PUT", f"{azure.base_url}{THING}/t?api-version=1", *journal)
    with start("run", *journal, *hosts) as killed:
        until(lambda: operation.polls > 0)
        killed.kill()
    waited = finish("wait", ident, *journal, *hosts)

    assert killed.returncode == -signal.SIGKILL
    assert waited.startswith(f"Succeeded    {ident}")
    assert azure.arm.statistics().started == 1
    assert azure.early_reads <= 1  # the last Retry-After before the kill may not have been stored


def test_wait_takes_over_from_an_owner_that_is_killed(azure: Azure, tmp_path: Path) -> None:
    path = tmp_path / "operations.db"
    journal, hosts = ("--journal", str(path)), ("--allow-host", azure.base_url)
    operation = azure.arm.operation("PUT", f"{THING}/t", duration_s=5, retry_after=1)
    ident = finish("begin", "PUT", f"{azure.base_url}{THING}/t?api-version=1", *journal)
    with start("run", "--forever", *journal, *hosts) as owner:
        until(lambda: operation.polls > 0)
        with start("wait", ident, *journal, *hosts) as waiter:
            time.sleep(1)  # until it reads the journal
            assert waiter.poll() is None
            owner.kill()
            out, err = waiter.communicate(timeout=30)
    assert (waiter.returncode, err) == (0, err)
    assert out.startswith(f"Succeeded    {ident}")
    assert azure.early_reads <= 1  # the last Retry-After before the kill may not have been stored


def test_processes_that_begin_at_the_same_time_share_a_new_journal(azure: Azure, tmp_path: Path) -> None:
    journal = ("--journal", str(tmp_path / "operations.db"))
    for number in range(4):
        azure.arm.operation("PUT", f"{THING}/{number}", duration_s=60)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(start("begin", "PUT", f"{azure.base_url}{THING}/{number}?api-version=1", *journal))
            for number in range(4)
        ]
        ids = {process.communicate(timeout=30)[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert {line.split()[1] for line in finish("list", *journal).splitlines()} == ids
    assert len(ids) == 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_service_picks_up_new_operations_and_ends_cleanly(
    azure: Azure, azpoll: Command, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    path = tmp_path / "operations.db"
    journal, hosts = ("--journal", str(path)), ("--allow-host", azure.base_url)
    for name, duration_s in (("a", 0.2), ("b", 0.2), ("long", 60.0)):
        azure.arm.operation("PUT", f"{THING}/{name}", duration_s=duration_s, retry_after=1)

    def begin(name: str) -> str:
        begun = azpoll("begin", "PUT", f"{azure.base_url}{THING}/{name}", *journal)
        assert begun.code == 0, begun.err
        return begun.out.strip()

    with start("run", "--forever", *journal, *hosts) as service:
        until(lambda: owner_lives(path))
        first = begin("a")
        assert azpoll("wait", first, *journal).code == 0  # only reads, so it needs no host
        second, long = begin("b"), begin("long")
        assert azpoll("wait", second, *journal).code == 0
        service.send_signal(number)
        out, err = service.communicate(timeout=20)

    assert service.returncode == code
    assert "Traceback" not in err
    assert [line.split()[:2] for line in out.splitlines()] == [["Succeeded", first], ["Succeeded", second]]
    assert azpoll("list", "--open", *journal).out.split()[:2] == ["Running", long]
    assert not owner_lives(path)


def test_a_request_whose_process_is_killed_before_the_answer_is_reported_as_unknown(tmp_path: Path) -> None:
    """The server never answers. A POST names no resource that could be polled."""
    path = tmp_path / "operations.db"
    journal = ("--journal", str(path))
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        start("begin", "POST", f"http://127.0.0.1:{server.getsockname()[1]}/things/t", *journal) as killed,
    ):
        until(lambda: _has_row(path))
        with start("run", *journal) as other:  # knows that the request is being sent, and waits for it
            until(lambda: owner_lives(path))
            listed = finish("list", *journal)
            assert other.poll() is None
            killed.kill()
            out, _ = other.communicate(timeout=20)
    assert listed.startswith("Intent ")
    assert out.startswith("Unknown ")
    assert other.returncode == 4


def _has_row(path: Path) -> bool:
    try:
        with open_reader(path) as reader:
            return any(reader.open_entries())
    except JournalError:
        return False
