"""Exit code 1 means that an operation failed, and nothing else does: streams, environment and azpoll's own mistakes."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from azpoll import cli
from azpoll.cli.exit_codes import EPILOG, ExitCode
from azpoll.testing import Reply
from tests.support.child_processes import command_of
from tests.support.repository import ROOT

if TYPE_CHECKING:
    import argparse

    from tests.unit.cli.conftest import Azure, Command

UMLAUTS = {"code": "Köln", "message": "日本語 läuft nicht"}
NO_PORT = "http://127.0.0.1:9/operations/x"
full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")


def run(*words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process with more variables of the environment."""
    return subprocess.run(  # noqa: S603 - the program under test
        [*command_of("azpoll"), *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=os.environ | environment,
    )


def test_the_documentation_and_the_help_list_every_exit_code() -> None:
    documented = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "cli.md").read_text("utf-8"), re.MULTILINE)

    assert set(map(int, documented)) == set(ExitCode)
    assert len(documented) == len(ExitCode)
    assert set(map(int, re.findall(r"(?<![-\w])(\d+)(?=[, ])", EPILOG))) == set(ExitCode)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "cp1252:strict", "utf-16"])
def test_a_stream_that_cannot_encode_changes_no_exit_code(azure: Azure, encoding: str) -> None:
    failed = azure.begin(duration_s=0, outcome="Failed", error=UMLAUTS)
    running = azure.begin(duration_s=60, polls=[Reply(200, {"status": "läuft 日本"})] * 9)
    lines = f"Mäschine 日: {failed.monitor_url}\nB: {running.monitor_url}\n"

    with subprocess.Popen(  # noqa: S603 - the program under test
        [*command_of("azpoll"), "wait", "--timeout", "0.5", "--allow-host", azure.base_url, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONIOENCODING": encoding, "LC_ALL": "C", "PYTHONUTF8": "0"},
    ) as process:
        codec = encoding.partition(":")[0]
        out, err = process.communicate(lines.encode(codec, "replace"), timeout=30)

    assert process.returncode == 1
    assert "Traceback" not in err.decode(codec)
    assert "Failed" in out.decode(codec)
    assert "Timed out" in out.decode(codec)


@full
@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["wait", "--help"], ["status", NO_PORT], ["demo", "--operations", "0"]]
)
def test_a_full_standard_output_has_an_exit_code_of_its_own(words: list[str], unbuffered: str) -> None:
    with Path("/dev/full").open("w") as device:
        done = subprocess.run(  # noqa: S603 - the program under test
            [*command_of("azpoll"), *words],
            stdout=device,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        )

    assert done.returncode == 74
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be written" in done.stderr


@full
@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json", "jsonl", "none"])
def test_a_full_standard_output_loses_no_resume_token(azure: Azure, azpoll: Command, form: str) -> None:
    urls = [azure.begin(duration_s=0).monitor_url, azure.begin(duration_s=60).monitor_url]
    with Path("/dev/full").open("w") as device:
        done = subprocess.run(  # noqa: S603 - the program under test
            [*command_of("azpoll"), "wait", "-o", form, "--timeout", "0.5", *urls],
            stdout=device,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )

    assert done.returncode == (124 if form == "none" else 74)
    assert "Traceback" not in done.stderr
    tokens = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("azpoll wait:"))
    assert azpoll("status", "-", "--allow-host", azure.base_url, stdin=tokens).code == 0


@full
@pytest.mark.slow
def test_a_full_standard_error_ends_no_wait_but_is_an_error_if_tokens_are_lost(azure: Azure) -> None:
    running = Reply(200, {"status": "InProgress"}, retry_after=0)
    ended = azure.begin(polls=[running, Reply(200, {"status": "Succeeded"})])
    codes: list[int] = []
    for url in (ended.monitor_url, azure.begin(duration_s=60).monitor_url):
        with Path("/dev/full").open("w") as device:
            words = [*command_of("azpoll"), "wait", "--timeout", "5" if url == ended.monitor_url else "0.5", url]
            done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=device, timeout=30, check=False)  # noqa: S603 - the program under test
            codes.append(done.returncode)

    assert codes == [0, 74]


def run_without(closed: int, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the command with a closed standard stream, by its descriptor."""
    program = f"import os, sys; os.close({closed}); os.execv(sys.executable, sys.argv[1:])"
    return subprocess.run(  # noqa: S603 - the program under test
        [sys.executable, "-c", program, *command_of("azpoll"), *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="descriptors are not inherited there")
@pytest.mark.parametrize(("closed", "code"), [(0, 66), (1, 4), (2, 4)])
def test_closed_standard_streams(closed: int, code: int) -> None:
    words = ["wait", "-"] if closed == 0 else ["status", NO_PORT]
    done = run_without(closed, words)

    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="descriptors are not inherited there")
@pytest.mark.parametrize(("closed", "output", "code"), [(1, "json", 124), (1, "jsonl", 124), (2, "text", 74)])
def test_a_closed_stream_loses_no_resume_token(azure: Azure, closed: int, output: str, code: int) -> None:
    words = ["wait", "--timeout", "0.5", "-o", output, azure.begin(duration_s=60).monitor_url]
    done = run_without(closed, words)

    assert done.returncode == code
    assert ("eyJ2IjoyL" in done.stderr) is (closed == 1)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise there")
@pytest.mark.parametrize("words", [["--help"], ["demo", "--operations", "3"], ["status", NO_PORT]])
@pytest.mark.parametrize("both", [False, True])
def test_a_pipe_without_a_reader_is_141_and_silent(words: list[str], *, both: bool) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(  # noqa: S603 - the program under test
        [*command_of("azpoll"), *words],
        stdout=writer,
        stderr=writer if both else subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    os.close(writer)

    assert done.returncode == 141
    assert not done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSL_CERT_FILE", "/no/such/file-{secret}"),
        ("SSL_CERT_FILE", __file__),
        ("SSL_CERT_FILE", str(Path(__file__).parent)),
        ("SSLKEYLOGFILE", "/no/such/folder/keys"),
        ("HTTP_PROXY", "foo://user:{secret}@proxy"),
        ("HTTPS_PROXY", "foo://user:{secret}@proxy"),
        ("ALL_PROXY", "ftp://user:{secret}@proxy"),
        ("ALL_PROXY", "http://user:{secret}@proxy:port"),
    ],
)
@pytest.mark.parametrize("command", ["wait", "status"])
def test_an_unusable_environment_is_78(
    azpoll: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str, command: str
) -> None:
    for other in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value.format(secret="c2VjcmV0"))

    result = azpoll(command, "https://127.0.0.1:9/operations/x")

    assert result.code == 78
    assert len(result.err.splitlines()) == 1
    assert name in result.err
    assert "c2VjcmV0" not in result.err


class Unreadable(io.RawIOBase):
    """A file that cannot be read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        del buffer
        raise self._error


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("I/O operation on closed file")])
def test_unreadable_standard_input_is_66(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Unreadable(error)), "utf-8"))

    assert cli.main(["wait", "-"]) == 66
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.slow
def test_bytes_that_are_no_text_are_a_usage_error() -> None:
    done = run("wait", "-", stdin="\udcff\n".encode("utf-8", "surrogateescape").decode("latin-1"))
    assert done.returncode == 2
    assert "line 1" in done.stderr


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("c2VjcmV0"),
        BaseExceptionGroup("several", [KeyError("c2VjcmV0"), GeneratorExit()]),
        RecursionError(),
        MemoryError(),
        ExceptionGroup("several", [ExceptionGroup("inner", [TypeError("c2VjcmV0\n")])]),
    ],
)
def test_a_mistake_of_azpoll_is_70(azpoll: Command, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    class Broken:
        SUMMARY = "break"

        def add_arguments(self, parser: argparse.ArgumentParser) -> None:
            pass

        def run(self, arguments: argparse.Namespace) -> int:
            del arguments
            raise error

    monkeypatch.setattr(cli, "COMMANDS", {"broken": Broken()})

    result = azpoll("broken")

    assert result.code == 70
    assert len(result.err.splitlines()) == 1
    assert "c2VjcmV0" not in result.err


@pytest.mark.skipif(os.name == "nt", reason="there is no such limit")
@pytest.mark.slow
def test_a_refusal_of_the_operating_system_is_71() -> None:
    program = (
        "import resource, sys, azpoll.cli; resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4));"
        " sys.exit(azpoll.cli.main(['wait', 'https://127.0.0.1:9/x']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - the program under test

    assert done.returncode == 71
    assert len(done.stderr.splitlines()) == 1
    assert "open files" in done.stderr


@pytest.mark.slow
def test_a_mistake_of_azpoll_while_it_waits_loses_no_resume_token(
    azure: Azure, azpoll: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def polled(self, target: object, event: object) -> None:
            pass

        def ended(self, outcome: object) -> None:
            del outcome
            raise ZeroDivisionError

        def finished(self, outcomes: object, exit_code: object) -> None:
            pass

    running, ended = azure.begin(duration_s=60), azure.begin(duration_s=0)

    def create_output(_form: str) -> Broken:
        return Broken()

    monkeypatch.setattr(cli.wait, "create_output", create_output)

    result = azpoll("wait", "-o", "json", running.monitor_url, ended.monitor_url)

    assert result.code == 70
    assert "ZeroDivisionError" in result.err
    tokens = result.err[: result.err.rindex("azpoll wait:")]
    assert running.id in azpoll("status", "-", "--allow-host", azure.base_url, stdin=tokens).out
