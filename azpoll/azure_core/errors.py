"""Errors of azure-core for errors of azpoll."""

from __future__ import annotations

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)

from azpoll.azure_core.response import FinalResponse
from azpoll.errors import (
    AuthenticationFailed,
    AzpollError,
    OperationNotFound,
    OperationTimeout,
    PermissionDenied,
    PollingError,
)


def azure_error(error: AzpollError) -> AzureError:
    """Return the error that azure-core raises where azpoll raises `error`, with azpoll's resume token.

    An error with an answer is an `HttpResponseError`, whose `error` is read from the answer's body. A poll that was
    never answered is a `ServiceResponseError`.
    """
    token = error.resume_token
    if isinstance(error, OperationTimeout):
        return ServiceResponseTimeoutError(str(error), error=error, continuation_token=token)
    if error.response is None:
        kind = ServiceResponseError if isinstance(error, PollingError) else AzureError
        return kind(str(error), error=error, continuation_token=token)
    response = FinalResponse(error.response)
    return _kind_of(error)(str(error), response, error=error, continuation_token=token)


def _kind_of(error: AzpollError) -> type[HttpResponseError]:
    if isinstance(error, (AuthenticationFailed, PermissionDenied)):
        return ClientAuthenticationError
    return ResourceNotFoundError if isinstance(error, OperationNotFound) else HttpResponseError
