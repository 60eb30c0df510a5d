"""The read-limit scope of a URL, by its path."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

_NAMING = ("subscriptions", "providers", "locations")


class Scope(NamedTuple):
    """The scope of a read limit in ARM: a subscription, else the tenant, at one origin, for one principal.

    Attributes:
        origin: scheme and authority, lower case.
        subscription: lower case; empty for the tenant, and for services other than ARM.
        principal: the caller's own label of the identity that reads; ARM counts each one separately.
    """

    origin: str
    subscription: str
    principal: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.origin, self.subscription, self.principal)))


def scope_of(url: str, principal: str) -> tuple[Scope, str]:
    """Return the scope of a URL, and its sub-scope: `namespace/location`, lower case, empty if unknown.

    The last provider namespace in the path counts, as does the location after it:
    `/subscriptions/S/providers/Microsoft.Compute/locations/westeurope/operations/O`.
    """
    scheme, _, rest = url.partition("?")[0].lower().partition("://")
    authority, _, path = rest.partition("/")
    parts = path.split("/")
    subscription = parts[1] if len(parts) > 1 and parts[0] == "subscriptions" else ""
    namespace = location = ""
    for name, value in pairwise(parts):
        if name == "providers":
            namespace, location = value, ""
        elif name == "locations":
            location = value
    return Scope(f"{scheme}://{authority}", subscription, principal), f"{namespace}/{location}" if namespace else ""


def names_scopes(collection: str) -> bool:
    """Whether the URLs directly below this one may have different scopes."""
    return collection.rpartition("/")[2].lower() in _NAMING
