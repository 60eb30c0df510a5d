"""The public names are a contract: each is pinned here, documented, and means what it says."""

from __future__ import annotations

import inspect
import re
from importlib.metadata import version
from typing import Any

import pytest

import azpoll

PUBLIC = [
    "ARMError",
    "AsyncOperation",
    "AuthenticationFailed",
    "AzpollError",
    "BeginOptions",
    "Budget",
    "CancelFailed",
    "DeploymentOperations",
    "Durations",
    "Event",
    "Group",
    "GroupProgress",
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

CALLS = ("begin", "track", "resume", "group", "statistics", "subscribe")
HANDLE = (
    *("id", "label", "state", "status", "done", "result", "exception", "add_done_callback", "wait", "snapshot"),
    *("snapshots", "resume_token", "cancel", "stop_tracking"),
)


def test_the_public_names_are_these() -> None:
    assert azpoll.__all__ == sorted(azpoll.__all__)
    assert sorted(azpoll.__all__) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(azpoll, name)
    if name == "Event":  # a union of documented classes
        return
    assert found.__doc__
    assert not found.__doc__.startswith(f"{name}("), "a docstring that a dataclass has made"
    assert found.__module__.startswith("azpoll")


@pytest.mark.parametrize("name", [name for name in PUBLIC if inspect.isclass(getattr(azpoll, name))])
def test_each_public_method_is_documented(name: str) -> None:
    kind: Any = getattr(azpoll, name)
    for member in dir(kind):
        value: object = inspect.getattr_static(kind, member)
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            assert value.__doc__, f"{name}.{member}"


def test_nothing_else_is_public() -> None:
    """What is not in `__all__` is a module, or private."""
    others = {name for name, value in vars(azpoll).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert others == set(azpoll.__all__)


def test_the_calls_of_a_tracker_and_of_an_operation_are_there() -> None:
    for name in CALLS:
        assert callable(getattr(azpoll.Tracker, name))
    for name in HANDLE:
        assert hasattr(azpoll.AsyncOperation, name)


def test_the_ways_to_come_under_tracking_take_the_same_keywords() -> None:
    """DESIGN.md: `begin`, `track`, `resume` and `wait` take the same keywords."""
    shared = azpoll.TrackingOptions.__annotations__.keys()
    assert {"final_state_via", "timeout", "interval", "result", "terminal_words", "cancel_url", "label"} <= shared
    assert shared <= azpoll.BeginOptions.__annotations__.keys()
    calls: list[Any] = [azpoll.wait]
    for name in ("begin", "track", "resume"):
        calls += [getattr(azpoll.Tracker, name), getattr(azpoll.Group, name)]
    for call in calls:
        parameters = inspect.signature(call).parameters
        assert "decode" in parameters
        assert any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())


def test_each_error_of_the_tree_in_the_module_is_public_and_the_other_way_round() -> None:
    import azpoll.errors as module  # noqa: PLC0415 - its docstring is what is tested

    drawn = set(re.findall(r"[├└]── (\w+)", module.__doc__ or "")) | {"AzpollError"}
    public = {
        name
        for name in PUBLIC
        if isinstance(getattr(azpoll, name), type) and issubclass(getattr(azpoll, name), Exception)
    }
    assert drawn == public


def test_the_version_is_that_of_the_distribution() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", azpoll.__version__)
    assert version("azpoll").startswith(azpoll.__version__)
