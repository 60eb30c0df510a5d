"""azpoll tracks Azure's long-running operations: thousands of awaitable operations in one event loop.

async with httpx.AsyncClient(base_url="https://management.azure.com", auth=...) as client:
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", url, json=body)
        response = await operation
"""

from azpoll.errors import (
    AnswerTooLarge,
    AuthenticationFailed,
    AzpollError,
    CancelFailed,
    InitialRequestFailed,
    InvalidResumeToken,
    MalformedAnswer,
    OperationCanceled,
    OperationError,
    OperationFailed,
    OperationNotFound,
    OperationTimeout,
    PermissionDenied,
    PollingError,
    RetriesExhausted,
    TrackerClosed,
    UntrustedPollingURL,
    WrongEventLoop,
)
from azpoll.events import Event, OperationEnded, OperationTracked, PollAnswered, ScopeThrottled
from azpoll.group import Group, GroupProgress
from azpoll.hints import DeploymentOperations, HintBoard, HintSource
from azpoll.operation import AsyncOperation
from azpoll.options import BeginOptions, FollowOptions, TrackingOptions
from azpoll.protocol.arm_error import ARMError, ServiceError
from azpoll.protocol.patience import Patience
from azpoll.schedule.budget import Budget
from azpoll.schedule.durations import Durations
from azpoll.schedule.scope_queue import ScopeStatistics
from azpoll.snapshot import OperationState, Snapshot, Statistics
from azpoll.tracker import Tracker
from azpoll.tracking.journal import Journal, JournalResult, JournalRow
from azpoll.transport.library import HTTPClient, HTTPResponse
from azpoll.waiting import as_completed, wait

__version__ = "0.1.0"

__all__ = [
    "ARMError",
    "AnswerTooLarge",
    "AsyncOperation",
    "AuthenticationFailed",
    "AzpollError",
    "BeginOptions",
    "Budget",
    "CancelFailed",
    "DeploymentOperations",
    "Durations",
    "Event",
    "FollowOptions",
    "Group",
    "GroupProgress",
    "HTTPClient",
    "HTTPResponse",
    "HintBoard",
    "HintSource",
    "InitialRequestFailed",
    "InvalidResumeToken",
    "Journal",
    "JournalResult",
    "JournalRow",
    "MalformedAnswer",
    "OperationCanceled",
    "OperationEnded",
    "OperationError",
    "OperationFailed",
    "OperationNotFound",
    "OperationState",
    "OperationTimeout",
    "OperationTracked",
    "Patience",
    "PermissionDenied",
    "PollAnswered",
    "PollingError",
    "RetriesExhausted",
    "ScopeStatistics",
    "ScopeThrottled",
    "ServiceError",
    "Snapshot",
    "Statistics",
    "Tracker",
    "TrackerClosed",
    "TrackingOptions",
    "UntrustedPollingURL",
    "WrongEventLoop",
    "as_completed",
    "wait",
]
