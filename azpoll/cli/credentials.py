"""The bearer token, from the environment alone: an argument would show in `ps` and in the shell's history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.cli.command import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_VARIABLE = "AZPOLL_TOKEN"
_FROM_ENVIRONMENT = "env:"


def bearer_headers(source: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that authorize requests; empty for none.

    Args:
        source: `env:NAME`, `none`, or None for `env:AZPOLL_TOKEN` where that is set.
        environment: of the process.

    Raises:
        UsageError: the source is neither, its variable is not set, or it holds no bearer token.
    """
    if source == "none":
        return {}
    if source is None:
        name, value = DEFAULT_VARIABLE, environment.get(DEFAULT_VARIABLE, "")
        if not value.strip():
            return {}
    elif source.startswith(_FROM_ENVIRONMENT) and len(source) > len(_FROM_ENVIRONMENT):
        name = source.removeprefix(_FROM_ENVIRONMENT)
        value = environment.get(name, "")
    else:  # what was given is not repeated: it may be a token
        raise UsageError("--auth takes env:NAME or none; a token itself is never an argument")
    token = value.strip()
    if token[:7].lower() == "bearer ":
        token = token[7:].strip()
    if not token:
        raise UsageError("--auth names an environment variable that is not set or empty")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"the environment variable {name} holds no bearer token")
    return {"Authorization": f"Bearer {token}"}
