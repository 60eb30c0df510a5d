"""Unit tests of clocks, wake-ups and time limits."""
