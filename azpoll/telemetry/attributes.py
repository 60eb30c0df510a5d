"""Names and values of attributes: the semantic conventions of OpenTelemetry and Azure, and azpoll's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from azpoll.events import OperationTracked

METHOD = "http.request.method"
STATUS_CODE = "http.response.status_code"
ERROR_TYPE = "error.type"
PROVIDER = "azure.resource_provider.namespace"
REQUEST_ID = "azure.service.request.id"
RESOURCE_TYPE = "azpoll.resource.type"
ACTION = "azpoll.resource.action"
OPERATION_ID = "azpoll.operation.id"
LABEL = "azpoll.operation.label"
STATE = "azpoll.operation.state"
STATUS = "azpoll.operation.status"
POLLS = "azpoll.operation.polls"
RESUMED = "azpoll.operation.resumed"
CORRELATION_ID = "azpoll.operation.correlation_id"
LATENESS = "azpoll.poll.lateness"
STATUS_CLASS = "azpoll.poll.status_class"
REACH = "azpoll.throttle.reach"


class Kind(NamedTuple):
    """The kind of an operation, without the name of any resource; None for parts that are not known."""

    method: str | None = None
    provider: str | None = None
    resource_type: str | None = None
    action: str | None = None

    def attributes(self) -> dict[str, str]:
        """Return the attributes of the parts that are known."""
        named = {METHOD: self.method, PROVIDER: self.provider, RESOURCE_TYPE: self.resource_type, ACTION: self.action}
        return {name: value for name, value in named.items() if value}


UNKNOWN_KIND = Kind()


def kind_of(event: OperationTracked) -> Kind:
    """Return the kind of a tracked operation."""
    path, _, action = event.kind.removeprefix(f"{event.method} ").partition(" ")
    provider, _, resource_type = path.partition("/")
    return Kind(event.method, provider or None, resource_type or None, action or None)


def status_class(status_code: int | None) -> str:
    """Return "2xx" and the like; "none" if the request had no answer."""
    return "none" if status_code is None else f"{status_code // 100}xx"
