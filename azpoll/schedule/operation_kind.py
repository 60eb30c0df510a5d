"""The kind of an operation: operations of one kind take about as long as each other."""

from __future__ import annotations

import re

LONGEST_KIND = 256
"""Characters of a kind; the rest of a longer one is cut off."""


def operation_kind(method: str, resource_url: str) -> str:
    """Return the kind of an operation: method, provider namespace, resource types and action, lower case.

    `PUT https://management.azure.com/subscriptions/S/resourceGroups/G/providers/Microsoft.Sql/servers/A/databases/B`
    is `PUT microsoft.sql/servers/databases`. A POST to `.../Microsoft.Compute/virtualMachines/V/start` is
    `POST microsoft.compute/virtualmachines start`. A service outside of ARM is named by the end of its host.
    """
    url = resource_url.partition("?")[0].lower().rstrip("/")
    _, found, rest = url.rpartition("/providers/")
    if found:
        provider, *parts = rest.split("/")
    else:
        provider, parts = _without_provider(url)
    action = ""
    if method == "POST" and parts and (len(parts) % 2 or parts[-1].startswith(":")):
        action = f" {parts.pop().lstrip(':')}"
    return f"{method} {'/'.join((provider, *parts[::2]))}{action}"[:LONGEST_KIND]


def resource_kind(method: str, resource_url: str) -> str:
    """Return the kind of an operation where it names no resource, for events and metrics.

    The path of a service outside of ARM may hold names at any place, so its kind is `operation_kind` without a path.
    """
    kind = operation_kind(method, resource_url)
    path = "/" + resource_url.partition("?")[0].partition("://")[2].partition("/")[2].lower()
    return kind if path.startswith("/subscriptions/") or "/providers/" in path else kind.partition("/")[0]


def _without_provider(url: str) -> tuple[str, list[str]]:
    """Return provider and path of a URL without `/providers/`: a resource group, or another service."""
    host, _, path = url.rpartition("://")[2].partition("/")
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["subscriptions"]:
        return "microsoft.resources", parts[2:]
    versioned = bool(parts) and re.match(r"v[0-9]", parts[0]) is not None
    return ".".join(host.partition(":")[0].split(".")[-3:]), parts[versioned:]
