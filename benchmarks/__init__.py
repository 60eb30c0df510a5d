"""Benchmarks of azpoll: every goal is a ratio of two figures of the same run (see README.md in this folder)."""
