"""`azpoll watch` on a pseudo-terminal: it redraws, follows the size of the terminal, and ends with a signal."""

from __future__ import annotations

import os
import re
import select
import signal
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll as library
from tests.support.child_processes import command_of

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")]

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A pseudo-terminal with a process in it."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.text = ""
        self._master = master

    def resize(self, lines: int, columns: int) -> None:
        resize(self._master, lines, columns)

    def read_until(self, text: str) -> str:
        """Read until a text was written; return what was written by then since the call before."""
        found, give_up_at = "", time.monotonic() + 30
        while text not in found:
            assert time.monotonic() < give_up_at, found
            if select.select([self._master], [], [], 0.1)[0]:
                found += os.read(self._master, 65536).decode()
        return found

    def read_rest(self) -> str:
        found = b""
        try:
            while part := os.read(self._master, 65536):
                found += part
        except OSError:  # the process has ended
            pass
        return found.decode()


def resize(descriptor: int, lines: int, columns: int) -> None:
    if sys.platform != "win32":
        import fcntl  # noqa: PLC0415 - not on Windows
        import termios  # noqa: PLC0415 - as above

        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


@contextmanager
def in_terminal(*words: str) -> Generator[Terminal]:
    """Run a command in a terminal of 24 lines and 80 columns."""
    master, slave = os.openpty()
    resize(slave, 24, 80)
    hidden = {"COLUMNS", "LINES", "NO_COLOR"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | {"TERM": "xterm-256color"}
    with subprocess.Popen(  # noqa: S603 - the program under test
        [*command_of("azpoll"), *words], stdin=slave, stdout=slave, stderr=slave, env=environment
    ) as process:
        os.close(slave)
        try:
            yield Terminal(master, process)
        finally:
            process.kill()
            os.close(master)


def running(number: int) -> library.JournalRow:
    label = f"thing {number} " + "with a long name " * 9
    ident, url = f"r{number}", "https://h/t"
    return library.JournalRow(ident, "PUT", url, None, label, None, "Moving", intent=False, token=None, options="")


def widest(text: str) -> int:
    return max(len(line) for line in CONTROL.sub("", text).splitlines())


def test_a_journal_is_drawn_live_until_a_signal(tmp_path: Path) -> None:
    path = tmp_path / "operations.db"

    async def main() -> None:
        async with library.SQLiteJournal(path) as journal:
            await journal.store([running(number) for number in range(50)])
            with in_terminal("watch", "--journal", str(path)) as terminal:
                first = terminal.read_until("more run")
                await journal.store([running(50)])
                terminal.read_until("51 running")
                terminal.resize(10, 40)
                terminal.read_until("and ")
                await journal.store([running(51)])
                terminal.read_until("52 running")
                narrow = terminal.read_until("more run")
                terminal.process.send_signal(signal.SIGINT)
                last = terminal.read_rest()
                assert terminal.process.wait(20) == 130

        assert "\x1b[?1049h" in first
        assert "50 running" in first
        assert widest(first) <= 80
        assert widest(narrow) <= 40
        assert narrow.count("Moving") <= 10
        assert "52 running" in last.partition("\x1b[?1049l")[2], "the last table stays"
        assert "Traceback" not in last

    anyio.run(main)


def test_sigterm_ends_it_with_its_own_code(tmp_path: Path) -> None:
    path = tmp_path / "operations.db"

    async def main() -> None:
        async with library.SQLiteJournal(path) as journal:
            await journal.store([running(1)])

    anyio.run(main)
    with in_terminal("watch", "--journal", str(path)) as terminal:
        terminal.read_until("1 running")
        terminal.process.terminate()
        assert "\x1b[?1049l" in terminal.read_rest()
        assert terminal.process.wait(20) == 143
