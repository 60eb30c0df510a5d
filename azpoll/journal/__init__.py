"""Journals in SQLite files: `SQLiteJournal` for a tracker; readers, and `BeginJournal`, for other processes."""

from azpoll.journal.begin_journal import BeginJournal
from azpoll.journal.lease import Owner
from azpoll.journal.overview import JournalGroup, JournalOverview
from azpoll.journal.queue import Action
from azpoll.journal.reader import JournalReader, open_reader, submit
from azpoll.journal.rows import JournalEntry
from azpoll.journal.sqlite_journal import SQLiteJournal

__all__ = [
    "Action",
    "BeginJournal",
    "JournalEntry",
    "JournalGroup",
    "JournalOverview",
    "JournalReader",
    "Owner",
    "SQLiteJournal",
    "open_reader",
    "submit",
]
