"""The credential of commands: a bearer token of the environment, or a sign-in of azure-identity (`--auth`).

The bearer token is read from the environment only. An argument would show in `ps` and in the shell's history.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import azpoll.identity
from azpoll.cli.command_line import one_of
from azpoll.cli.exit_codes import EnvironmentVariableError, UsageError
from azpoll.cli.origins import in_options
from azpoll.clouds import CLOUDS, CloudName, cloud_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping

    from azpoll.identity import AzureAuth, Credential

_DEFAULT_VARIABLE = "AZPOLL_TOKEN"
_FROM_ENVIRONMENT = "env:"
_SCHEME = "bearer "
_CLIENT_ID = "AZURE_CLIENT_ID"

_SIGN_INS: Mapping[str, str] = {
    "default": "DefaultAzureCredential",
    "cli": "AzureCliCredential",
    "env": "EnvironmentCredential",
    "managed-identity": "ManagedIdentityCredential",
}
"""Value of `--auth` to the class of azure-identity that signs in."""

_WITH_AUTHORITY = frozenset({"default", "env"})
"""The sign-ins that take the host of the cloud that issues tokens."""

_NEITHER = (
    "--auth takes default, cli, env, managed-identity, env:NAME or none; a token must not be passed as an argument"
)


def add_credential_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose the credential."""
    parser.add_argument(
        "--auth",
        metavar="default|cli|env|managed-identity|env:NAME|none",
        help="sign in as azure-identity does (default), as the Azure CLI, with the variables AZURE_CLIENT_ID and so on"
        " (env), or with the machine's managed identity; or the environment variable with a bearer token"
        f" (default: env:{_DEFAULT_VARIABLE} if that is set, else none)",
    )
    parser.add_argument(
        "--cloud",
        type=one_of(tuple(CLOUDS)),
        default="public",
        metavar="|".join(CLOUDS),
        help="the cloud that --auth signs in to (default: public)",
    )
    parser.add_argument(
        "--scope",
        metavar="URL",
        help="scope of the tokens of --auth (default: that of the cloud's Resource Manager)",
    )


def auth_from(
    arguments: argparse.Namespace, origins: Iterable[str], environment: Mapping[str, str]
) -> AzureAuth | None:
    """Return the auth of the sign-in that `--auth` names; None if it names none.

    Args:
        arguments: parsed by a parser with `add_credential_arguments`.
        origins: that get its tokens besides the Resource Manager of the cloud.
        environment: the environment of the process.

    Raises:
        UsageError: azure-identity is not installed, or an option is invalid.
        EnvironmentVariableError: the variables of the environment do not suit the sign-in.
    """
    if arguments.auth not in _SIGN_INS:
        return None
    credential = _credential(arguments.auth, arguments.cloud, environment)
    scopes = None if arguments.scope is None else (arguments.scope,)
    try:
        return azpoll.identity.auth(credential, cloud=arguments.cloud, scopes=scopes, origins=origins)
    except ValueError as error:
        raise UsageError(in_options(str(error)).replace("origins:", "--allow-host:")) from error


def _credential(name: str, cloud: CloudName, environment: Mapping[str, str]) -> Credential:
    class_name = _SIGN_INS[name]
    try:
        create: Callable[..., Credential] = getattr(import_module("azure.identity"), class_name)
    except ImportError as error:
        raise UsageError(f"--auth {name} needs azure-identity: python -m pip install 'azpoll[identity]'") from error
    options: dict[str, str] = {}
    if name in _WITH_AUTHORITY and cloud != "public":  # else azure-identity reads AZURE_AUTHORITY_HOST
        options["authority"] = cloud_of(cloud).authority
    if name == "managed-identity" and environment.get(_CLIENT_ID):
        options["client_id"] = environment[_CLIENT_ID]
    try:
        return create(**options)
    except Exception as error:  # of another library, whose text may repeat a variable
        text = f"{class_name} cannot use the variables AZURE_... of the environment ({type(error).__name__})"
        raise EnvironmentVariableError(text) from error


def bearer_headers(source: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that authorize requests; empty for none.

    Args:
        source: `env:NAME`, `none`, a sign-in, or None for `env:AZPOLL_TOKEN` if that is set.
        environment: the environment of the process.

    Raises:
        UsageError: the source is none of these, or its variable is not set or is not a bearer token.
    """
    if source == "none" or source in _SIGN_INS:
        return {}
    if source is None:
        name, value = _DEFAULT_VARIABLE, environment.get(_DEFAULT_VARIABLE, "")
        if not value.strip():
            return {}
    elif source.startswith(_FROM_ENVIRONMENT) and len(source) > len(_FROM_ENVIRONMENT):
        name = source.removeprefix(_FROM_ENVIRONMENT)
        value = environment.get(name, "")
    else:  # The message does not repeat the argument, which may be a token.
        raise UsageError(_NEITHER)
    token = value.strip()
    if token[: len(_SCHEME)].lower() == _SCHEME:
        token = token[len(_SCHEME) :].strip()
    if not token:
        raise UsageError("the environment variable of --auth is empty or not set")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"the environment variable {name} is not a bearer token")
    return {"Authorization": f"Bearer {token}"}
