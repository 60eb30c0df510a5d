"""Hints: cheap information about operations that may have ended, so that these are polled first.

A hint brings a poll forward, but never before the time that the service asked for, and never ends an operation: only
the service's own answer does. Where reads are scarce, waiting for a read is most of the detection delay. `EventGrid`
receives a hint for each end, a query of `ResourceGraph` reports a thousand resources, and a page of
`DeploymentOperations` a hundred.
"""

from azpoll.hints.board import HintBoard, HintSource
from azpoll.hints.deployment_operations import DeploymentOperations
from azpoll.hints.event_grid import EventGrid, HintReceiver
from azpoll.hints.resource_graph import ResourceGraph

__all__ = ["DeploymentOperations", "EventGrid", "HintBoard", "HintReceiver", "HintSource", "ResourceGraph"]
