"""Shortcuts into private fields of other libraries; each names its measured gain."""
