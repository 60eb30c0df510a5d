"""azpoll tracks Azure's long-running operations: thousands of awaitable operations in one event loop.

async with httpx.AsyncClient(base_url="https://management.azure.com", auth=...) as client:
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", url, json=body)
        response = await operation
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azpoll.azure_core import as_poller, polling
    from azpoll.bulk.outcome import BulkOutcome
    from azpoll.bulk.report import BulkReport, BulkRow, BulkSummary
    from azpoll.bulk.request import Request
    from azpoll.bulk.run import BulkRun
    from azpoll.errors import (
        AnswerTooLarge,
        AuthenticationFailed,
        AzpollError,
        CancelFailed,
        InitialRequestFailed,
        InvalidResumeToken,
        JournalError,
        JournalInUse,
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
    from azpoll.events import (
        Event,
        InitialRequestUnknown,
        JournalFailed,
        OperationEnded,
        OperationTracked,
        PollAnswered,
        ScopeThrottled,
    )
    from azpoll.group import Group, GroupProgress
    from azpoll.hints import DeploymentOperations, HintBoard, HintSource
    from azpoll.journal import SQLiteJournal
    from azpoll.operation import AsyncOperation
    from azpoll.operation_state import OperationState
    from azpoll.options import BeginOptions, FollowOptions, TrackingOptions
    from azpoll.protocol.arm_error import ARMError, ServiceError
    from azpoll.protocol.patience import Patience
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.durations import Durations
    from azpoll.schedule.leased_bucket import SharedBucket, TokenGrant, TokenSource
    from azpoll.schedule.scope_queue import ScopeStatistics
    from azpoll.snapshot import GroupCounts, Overview, RunningOperation, Snapshot, Statistics
    from azpoll.tracker import Tracker
    from azpoll.tracking.journal import Journal, JournalRequest, JournalResult, JournalRow, RequestQueue
    from azpoll.tracking.journal_text import journal_row, journal_text
    from azpoll.transport.library import HTTPClient, HTTPResponse
    from azpoll.waiting import as_completed, wait
    from azpoll.watching import watch
else:
    from azpoll.lazy_names import lazy_names

    _NAMES = {
        "azpoll.azure_core": "as_poller polling",
        "azpoll.bulk.outcome": "BulkOutcome",
        "azpoll.bulk.report": "BulkReport BulkRow BulkSummary",
        "azpoll.bulk.request": "Request",
        "azpoll.bulk.run": "BulkRun",
        "azpoll.errors": (
            "AnswerTooLarge AuthenticationFailed AzpollError CancelFailed InitialRequestFailed "
            "InvalidResumeToken JournalError JournalInUse MalformedAnswer OperationCanceled OperationError "
            "OperationFailed OperationNotFound OperationTimeout PermissionDenied PollingError RetriesExhausted "
            "TrackerClosed UntrustedPollingURL WrongEventLoop"
        ),
        "azpoll.events": (
            "Event InitialRequestUnknown JournalFailed OperationEnded OperationTracked PollAnswered ScopeThrottled"
        ),
        "azpoll.group": "Group GroupProgress",
        "azpoll.hints": "DeploymentOperations HintBoard HintSource",
        "azpoll.journal": "SQLiteJournal",
        "azpoll.operation": "AsyncOperation",
        "azpoll.operation_state": "OperationState",
        "azpoll.options": "BeginOptions FollowOptions TrackingOptions",
        "azpoll.protocol.arm_error": "ARMError ServiceError",
        "azpoll.protocol.patience": "Patience",
        "azpoll.schedule.budget": "Budget",
        "azpoll.schedule.durations": "Durations",
        "azpoll.schedule.leased_bucket": "SharedBucket TokenGrant TokenSource",
        "azpoll.schedule.scope_queue": "ScopeStatistics",
        "azpoll.snapshot": "GroupCounts Overview RunningOperation Snapshot Statistics",
        "azpoll.tracker": "Tracker",
        "azpoll.tracking.journal": "Journal JournalRequest JournalResult JournalRow RequestQueue",
        "azpoll.tracking.journal_text": "journal_row journal_text",
        "azpoll.transport.library": "HTTPClient HTTPResponse",
        "azpoll.waiting": "as_completed wait",
        "azpoll.watching": "watch",
    }
    _SUBMODULES = (
        *("arm", "errors", "events", "hints", "identity", "journal", "options", "report", "snapshot"),
        *("telemetry", "testing"),
    )
    __getattr__, __dir__ = lazy_names(globals(), _NAMES, _SUBMODULES)
    del TYPE_CHECKING, lazy_names

__version__ = "0.1.0"

__all__ = [
    "ARMError",
    "AnswerTooLarge",
    "AsyncOperation",
    "AuthenticationFailed",
    "AzpollError",
    "BeginOptions",
    "Budget",
    "BulkOutcome",
    "BulkReport",
    "BulkRow",
    "BulkRun",
    "BulkSummary",
    "CancelFailed",
    "DeploymentOperations",
    "Durations",
    "Event",
    "FollowOptions",
    "Group",
    "GroupCounts",
    "GroupProgress",
    "HTTPClient",
    "HTTPResponse",
    "HintBoard",
    "HintSource",
    "InitialRequestFailed",
    "InitialRequestUnknown",
    "InvalidResumeToken",
    "Journal",
    "JournalError",
    "JournalFailed",
    "JournalInUse",
    "JournalRequest",
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
    "Overview",
    "Patience",
    "PermissionDenied",
    "PollAnswered",
    "PollingError",
    "Request",
    "RequestQueue",
    "RetriesExhausted",
    "RunningOperation",
    "SQLiteJournal",
    "ScopeStatistics",
    "ScopeThrottled",
    "ServiceError",
    "SharedBucket",
    "Snapshot",
    "Statistics",
    "TokenGrant",
    "TokenSource",
    "Tracker",
    "TrackerClosed",
    "TrackingOptions",
    "UntrustedPollingURL",
    "WrongEventLoop",
    "as_completed",
    "as_poller",
    "journal_row",
    "journal_text",
    "polling",
    "wait",
    "watch",
]
