"""Recorded operations of real services, and their shapes."""
