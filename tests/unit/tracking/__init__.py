"""Unit tests of what holds live operations."""
