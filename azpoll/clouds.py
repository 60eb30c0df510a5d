"""The clouds of Azure: the origin of their Resource Manager, and the scope of its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

CloudName: TypeAlias = Literal["public", "china", "us-government"]


class Cloud(NamedTuple):
    """A cloud of Azure.

    Attributes:
        base_url: the origin of its Resource Manager.
        scope: of tokens for its Resource Manager.
        authority: the host that issues its tokens.
    """

    base_url: str
    scope: str
    authority: str


CLOUDS: Mapping[CloudName, Cloud] = {
    "public": Cloud(
        "https://management.azure.com", "https://management.azure.com/.default", "login.microsoftonline.com"
    ),
    "china": Cloud(
        "https://management.chinacloudapi.cn",
        "https://management.chinacloudapi.cn/.default",
        "login.chinacloudapi.cn",
    ),
    "us-government": Cloud(
        "https://management.usgovcloudapi.net",
        "https://management.core.usgovcloudapi.net/.default",
        "login.microsoftonline.us",
    ),
}
"""Each cloud by its name. The addresses are those of `azure.mgmt.core.tools.get_arm_endpoints`."""


def cloud_of(name: CloudName) -> Cloud:
    """Return a cloud by its name.

    Raises:
        ValueError: no cloud has this name.
    """
    if name not in tuple(CLOUDS):
        raise ValueError(f"cloud must be one of {', '.join(map(repr, CLOUDS))}, not {str(name)[:64]!r}")
    return CLOUDS[name]
