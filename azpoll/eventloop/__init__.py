"""Clocks, wake-ups, timeouts and task hosts: the differences between asyncio and trio."""
