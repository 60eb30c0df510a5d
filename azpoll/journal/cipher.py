"""Encrypts tokens and bodies with the caller's functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.errors import JournalError
from azpoll.key_functions import KeyFunctions

if TYPE_CHECKING:
    from sqlite3 import Connection

KEY_CHECK = "key check"
"""The name of the fact that shows whether a key fits: a known text, encrypted."""

_KNOWN = b"azpoll journal"


class Cipher(KeyFunctions):
    """Encrypts for one journal; None and empty data are stored as they are."""

    def to_stored(self, data: bytes | None) -> bytes | None:
        """Return the stored form of data; None and empty data are not changed."""
        return self._encrypt(data) if data and self._encrypt is not None else data

    def from_stored(self, data: bytes | None) -> bytes | None:
        """Return the data of a stored form."""
        return self._decrypt(data) if data and self._decrypt is not None else data

    def check(self, connection: Connection, *, is_new: bool) -> None:
        """Check that the key is that of the file; a new file gets this one.

        Raises:
            JournalError: the file is encrypted with another key, or not at all, or no key was given.
        """
        if is_new and self._encrypt is not None:
            values = (KEY_CHECK, self._encrypt(_KNOWN))
            connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", values)
            return
        found = connection.execute("SELECT value FROM facts WHERE name = ?", (KEY_CHECK,)).fetchone()
        if found is None:
            if self._decrypt is not None:
                raise JournalError("the journal is not encrypted, but was opened with a key: give none, or a new file")
            return
        if self._decrypt is None:
            raise JournalError("the journal is encrypted: give encrypt and decrypt")
        try:
            fits = self._decrypt(found[0]) == _KNOWN
        except Exception as error:
            raise JournalError("the journal is encrypted with another key") from error
        if not fits:
            raise JournalError("the journal is encrypted with another key")
