"""The pytest plugin works for users, alone and beside other plugins, and `python -m azpoll.testing` serves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

import azpoll.testing
from azpoll.testing.__main__ import main
from tests.support import repository

if TYPE_CHECKING:
    from azpoll.testing import FakeARM, Script

ROOT = Path(azpoll.testing.__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONWARNINGS": "error"}
DOCUMENT = repository.ROOT / "docs" / "testing.md"


def run_pytest(folder: Path, *options: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", *options, "-p", "azpoll.testing.plugin"]
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own interpreter
    return done.stdout + done.stderr


@pytest.mark.slow
def test_the_fixtures_serve_plain_tests(tmp_path: Path) -> None:
    (tmp_path / "test_user.py").write_text(
        textwrap.dedent("""
        import anyio, httpx, pytest
        from azpoll.testing import Script

        @pytest.mark.parametrize("backend", ["asyncio", "trio"])
        def test_it(fake_arm, virtual_time, backend):
            fake_arm.default = Script(duration_s=3600)

            async def main(path):
                async with httpx.AsyncClient(transport=fake_arm.transport()) as client:
                    url = (await client.put("https://arm" + path)).headers["azure-asyncoperation"]
                    await anyio.sleep(3600)
                    return (await client.get(url)).json()["status"]

            assert virtual_time(main, "/x", backend=backend) == "Succeeded"
            fake_arm.no_early_polls()
        """)
    )
    assert "2 passed" in run_pytest(tmp_path)


@pytest.mark.slow
def test_the_fixtures_serve_anyio_tests(tmp_path: Path) -> None:
    (tmp_path / "test_user.py").write_text(
        textwrap.dedent("""
        import anyio, pytest
        from azpoll.testing import virtual_backend

        @pytest.fixture(params=["asyncio", "trio"])
        def anyio_backend(request):
            return virtual_backend(request.param)

        @pytest.mark.anyio
        async def test_it(fake_arm):
            await anyio.sleep(3600)
            assert fake_arm.statistics().requests == 0
        """)
    )
    assert "2 passed" in run_pytest(tmp_path, "-p", "anyio")


@pytest.mark.slow
def test_a_hang_fails_one_anyio_test_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "test_user.py").write_text(
        textwrap.dedent("""
        import asyncio, anyio, pytest
        from azpoll.testing import virtual_backend

        @pytest.fixture
        def anyio_backend():
            return virtual_backend("asyncio")

        @pytest.mark.anyio
        async def test_hangs():
            await asyncio.get_running_loop().create_future()

        @pytest.mark.anyio
        async def test_works():
            await anyio.sleep(3600)
        """)
    )
    report = run_pytest(tmp_path, "-p", "anyio")
    assert "VirtualTimeHang" in report
    assert "1 failed, 1 passed" in report


def test_the_plugin_imports_no_http_library_and_no_trio() -> None:
    code = f"""if True:
        import sys, types
        package = types.ModuleType("azpoll")
        package.__path__ = [{str(ROOT / "azpoll")!r}]
        sys.modules["azpoll"] = package
        import azpoll.testing.plugin
        print(sorted({{"httpx", "httpx2", "trio", "rich"}} & sys.modules.keys()))
    """
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - as above
    assert done.stdout == "[]\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "passing"),
    [
        (("anyio",), 6),
        (("pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function"), 1),
    ],
    ids=["anyio", "pytest-asyncio"],
)
def test_the_examples_of_the_document_run(tmp_path: Path, options: tuple[str, ...], passing: int) -> None:
    found = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
    of_asyncio = {example for example in found if re.search(r"mark\.asyncio|pytest_asyncio", example)}
    examples = [example for example in found if (example in of_asyncio) == (len(options) > 1)]
    assert examples
    for number, example in enumerate(examples):
        name = "conftest.py" if example.startswith("# conftest.py") else f"test_example_{number}.py"
        (tmp_path / name).write_text(example)
    report = run_pytest(tmp_path, "-p", *options, "-W", "error")
    assert re.search(rf"^{passing} passed", report, re.MULTILINE), report
    assert "failed" not in report, report
    assert "error" not in report, report


@pytest.mark.slow
@pytest.mark.parametrize("interrupt", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_interrupted(interrupt: signal.Signals) -> None:
    command = [sys.executable, "-m", "azpoll.testing", "--pattern", "location", "--duration", "0"]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603 - as above
        try:
            assert running.stdout is not None
            base_url = running.stdout.readline().split(" ")[0]
            with httpx.Client(base_url=base_url, trust_env=False) as client:
                initial = client.put("/x")
                assert initial.headers["retry-after"] == "5"
                assert client.get(initial.headers["location"]).status_code == 200
            running.send_signal(interrupt)
            assert running.wait(timeout=20) == 0
        finally:
            running.kill()


def test_the_command_shows_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "--retry-after" in capsys.readouterr().out


def test_the_public_names_are_these() -> None:
    assert sorted(azpoll.testing.__all__) == azpoll.testing.__all__
    assert all(hasattr(azpoll.testing, name) for name in azpoll.testing.__all__)


def typed_as_promised(fake_arm: FakeARM, script: Script) -> None:
    """Checked by the type checkers, never run."""
    httpx.AsyncClient(transport=fake_arm.transport())
    fake_arm.default = script


def test_the_plugin_imports_nothing_else_of_azpoll() -> None:
    """A run of pytest imports it, whether or not a test uses azpoll."""
    code = "import sys, azpoll.testing.plugin; print(*(each for each in sys.modules if each[:4] in ('azpo', 'http')))"
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter
    loaded = set(done.stdout.split()) - {"http"}
    assert loaded == {"azpoll", "azpoll.lazy_names", "azpoll.testing", "azpoll.testing.plugin"}


def test_a_run_that_uses_no_fixture_imports_nothing_of_azpoll(tmp_path: Path) -> None:
    (tmp_path / "test_user.py").write_text(
        "import sys\n\ndef test_it():\n    assert 'azpoll.tracker' not in sys.modules and 'httpx' not in sys.modules\n"
    )
    assert "1 passed" in run_pytest(tmp_path)


@pytest.mark.parametrize("package", ["azpoll", "azpoll.testing"])
def test_each_public_name_is_imported_when_it_is_used(package: str) -> None:
    code = (
        f"import {package} as p\nassert set(p.__all__) <= set(dir(p))\nassert all(getattr(p, n) for n in p.__all__)\n"
        f"from {package} import *\nassert not hasattr(p, 'nothing')"
    )
    subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, check=True)  # noqa: S603 - our own interpreter
