"""Journals in SQLite files: `SQLiteJournal` for a tracker, and readers for other processes."""

from azpoll.journal.lease import Owner
from azpoll.journal.queue import Action
from azpoll.journal.reader import JournalReader, open_reader, submit
from azpoll.journal.rows import JournalEntry
from azpoll.journal.sqlite_journal import SQLiteJournal

__all__ = ["Action", "JournalEntry", "JournalReader", "Owner", "SQLiteJournal", "open_reader", "submit"]
