"""Recorded sessions are played only if a folder of them is named; the shapes are always played."""

from __future__ import annotations

from tests.proofs.recordings.recorded_session import FOLDER

collect_ignore = [] if FOLDER else ["test_recorded_sessions.py"]
