"""Tests of the documentation: examples run, named tests exist."""
