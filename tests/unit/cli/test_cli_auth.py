"""`--auth` signs in with a class of azure-identity; its tokens go to the cloud and to `--allow-host` only."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.credentials import InfoCredential, TokenSource

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Azure, Command

CLASSES = {
    "default": "DefaultAzureCredential",
    "cli": "AzureCliCredential",
    "env": "EnvironmentCredential",
    "managed-identity": "ManagedIdentityCredential",
}


class FakeIdentity(ModuleType):
    """As `azure.identity`.

    Attributes:
        source: of the tokens of each credential.
        made: the class and the arguments of each credential.
        error: raised by each class; None for none.
    """

    def __init__(self) -> None:
        super().__init__("azure.identity")
        self.source = TokenSource()
        self.made: list[tuple[str, dict[str, Any]]] = []
        self.error: Exception | None = None
        for name in CLASSES.values():
            setattr(self, name, self._class(name))

    def _class(self, name: str) -> type:
        def init(credential: InfoCredential, **options: Any) -> None:
            if self.error is not None:
                raise self.error
            self.made.append((name, options))
            credential.source = self.source

        return type(name, (InfoCredential,), {"__init__": init})


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> FakeIdentity:
    fake = FakeIdentity()
    monkeypatch.setitem(sys.modules, "azure.identity", fake)
    monkeypatch.delenv("AZURE_CLIENT_ID", raising=False)
    return fake


@pytest.mark.parametrize("command", ["wait", "status"])
@pytest.mark.parametrize("name", CLASSES)
def test_auth_signs_in(azpoll: Command, azure: Azure, identity: FakeIdentity, name: str, command: str) -> None:
    url = azure.begin(duration_s=0).monitor_url
    azure.arm.require_token("token-1")
    result = azpoll(command, "--auth", name, "--allow-host", azure.base_url, url)
    assert identity.made == [(CLASSES[name], {})]
    assert identity.source.scopes == [("https://management.azure.com/.default",)]
    assert azure.arm.requests[-1].headers["authorization"] == "Bearer token-1"
    assert result.code == 0


@pytest.mark.slow
def test_a_wait_outlives_a_token(azpoll: Command, azure: Azure, identity: FakeIdentity) -> None:
    """The service refuses the token, and the command gets another one."""
    operation = azure.begin(duration_s=1, retry_after=1)
    azure.arm.require_token("token-2")
    words = ("--auth", "default", "--allow-host", azure.base_url)
    result = azpoll("wait", *words, operation.monitor_url)
    assert (result.code, identity.source.fetches) == (0, 2)
    assert result.out.startswith("Succeeded")


@pytest.mark.parametrize("name", CLASSES)
def test_cloud_and_scope_are_of_the_token(azpoll: Command, identity: FakeIdentity, name: str, azure: Azure) -> None:
    words = ("--auth", name, "--cloud", "us-government", "--allow-host", azure.base_url)
    azpoll("status", *words, f"{azure.base_url}/x")
    authority = {"authority": "login.microsoftonline.us"} if name in {"default", "env"} else {}
    assert identity.made[-1] == (CLASSES[name], authority)
    assert identity.source.scopes[-1] == ("https://management.core.usgovcloudapi.net/.default",)
    azpoll("status", *words, "--scope", "https://vault.azure.net/.default", f"{azure.base_url}/x")
    assert identity.source.scopes[-1] == ("https://vault.azure.net/.default",)


def test_a_user_assigned_identity(
    azpoll: Command, identity: FakeIdentity, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "of-mine")
    azpoll("status", "--auth", "managed-identity", "--allow-host", azure.base_url, f"{azure.base_url}/x")
    assert identity.made == [("ManagedIdentityCredential", {"client_id": "of-mine"})]


@pytest.mark.parametrize("command", ["wait", "status"])
def test_a_host_that_gets_no_token_gets_no_request(
    azpoll: Command, azure: Azure, identity: FakeIdentity, command: str
) -> None:
    """A URL on the command line is trusted for a token of the environment, but not for a sign-in."""
    result = azpoll(command, "--auth", "cli", f"{azure.base_url}/operations/x")
    assert result.code == 4
    assert f"add --allow-host {azure.base_url}" in " ".join(result.out.split())
    assert not identity.source.fetches
    assert not azure.reads


def test_an_anonymous_host_needs_no_token(azpoll: Command, azure: Azure, identity: FakeIdentity) -> None:
    operation = azure.begin(duration_s=0)
    host = azure.base_url.partition("://")[2]
    assert azpoll("wait", "--auth", "cli", "--anonymous-host", host, operation.monitor_url).code == 0
    assert not identity.source.fetches


def test_a_gateway_gets_the_token(azpoll: Command, azure: Azure, identity: FakeIdentity) -> None:
    operation = azure.begin(duration_s=0)
    azure.arm.require_token("token-1")
    url = operation.monitor_url.replace(azure.base_url, "https://management.azure.com")
    assert azpoll("wait", "--auth", "cli", "--rebase-to", azure.base_url, url).code == 0
    assert identity.source.fetches == 1


@pytest.mark.slow
def test_a_failed_sign_in_says_what_to_do(azpoll: Command, azure: Azure, identity: FakeIdentity) -> None:
    identity.source.errors = [ValueError("p4ssw0rd")] * 9
    result = azpoll("wait", "--auth", "cli", "--allow-host", azure.base_url, f"{azure.base_url}/operations/x")
    text = " ".join(result.out.split())
    assert result.code == 5
    assert "AzureCliCredential returned no token" in text
    assert "run `az login`" in text
    assert "p4ssw0rd" not in result.out + result.err


def test_azure_identity_is_missing(azpoll: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    result = azpoll("wait", "--auth", "default", "https://management.azure.com/x")
    assert result.code == 2
    assert "pip install 'azpoll[identity]'" in result.err


def test_a_credential_that_cannot_be_made(azpoll: Command, identity: FakeIdentity) -> None:
    identity.error = ValueError("p4ssw0rd")
    result = azpoll("wait", "--auth", "default", "https://management.azure.com/x")
    assert result.code == 78
    assert "DefaultAzureCredential" in result.err
    assert "p4ssw0rd" not in result.err


def test_a_wildcard_over_strangers_gets_no_token(azpoll: Command, identity: FakeIdentity) -> None:
    words = ("--auth", "default", "--allow-host", "*.blob.core.windows.net")
    result = azpoll("wait", *words, "https://management.azure.com/x")
    assert result.code == 2
    assert "strangers" in result.err
    assert not identity.source.fetches


@pytest.mark.parametrize("words", [("--auth", "defualt"), ("--cloud", "germany")])
def test_invalid_options(azpoll: Command, words: tuple[str, str]) -> None:
    result = azpoll("wait", *words, "https://management.azure.com/x")
    assert result.code == 2
    assert words[1] not in result.err


def test_an_operation_of_a_journal_is_begun_and_tracked_with_the_sign_in(
    azpoll: Command, azure: Azure, identity: FakeIdentity, tmp_path: Path
) -> None:
    azure.arm.require_token("token-1")
    azure.arm.operation("PUT", "/subscriptions/s/resourceGroups/g", duration_s=0, retry_after=0)
    url = f"{azure.base_url}/subscriptions/s/resourceGroups/g?api-version=1"
    words = ("--auth", "default", "--journal", str(tmp_path / "operations.db"))

    refused = azpoll("begin", "PUT", url, *words)
    assert (refused.code, azure.arm.statistics().started) == (2, 0)
    assert "--allow-host" in refused.err
    assert azpoll("begin", "PUT", url, "--allow-host", azure.base_url, *words).code == 0
    azure.arm.require_token("token-2")
    assert azpoll("run", "--allow-host", azure.base_url, *words).code == 0
    assert identity.source.fetches == 2
    assert azure.arm.requests[-1].headers["authorization"] == "Bearer token-2"
