"""Processes that are killed while they track operations, and others that take up where those were."""
