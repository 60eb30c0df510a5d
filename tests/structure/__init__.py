"""Tests of the source itself: imports, sizes, names."""
