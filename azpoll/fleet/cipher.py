"""Encrypts what a fleet stores, with the caller's functions."""

from __future__ import annotations

from azpoll.fleet.errors import FleetError
from azpoll.key_functions import KeyFunctions

_KNOWN = b"azpoll fleet"


class Cipher(KeyFunctions):
    """Encrypts for one fleet."""

    def to_stored(self, data: bytes) -> bytes:
        """Return the stored form of data."""
        return data if self._encrypt is None else self._encrypt(data)

    def from_stored(self, data: bytes) -> bytes:
        """Return the data of a stored form."""
        return data if self._decrypt is None else self._decrypt(data)

    def stored_text(self, text: str | None) -> bytes | None:
        """Return the stored form of a text; None for None."""
        return None if text is None else self.to_stored(text.encode())

    def text_of(self, data: bytes | None) -> str | None:
        """Return the text of a stored form; None for None."""
        return None if data is None else self.from_stored(data).decode()

    def key_check(self) -> bytes | None:
        """Return a known text in its stored form, by which `check` recognizes the key; None without encryption."""
        return None if self._encrypt is None else self._encrypt(_KNOWN)

    def check(self, key_check: bytes | None) -> None:
        """Raise `FleetError` if a known text was stored with another key, or only one of both has a key."""
        if self._decrypt is None:
            if key_check is not None:
                raise FleetError("the fleet is encrypted: give encrypt and decrypt")
            return
        if key_check is None:
            raise FleetError("the fleet was installed without encryption: give no key, or install another one")
        try:
            fits = self._decrypt(key_check) == _KNOWN
        except Exception as error:
            raise FleetError("the fleet is encrypted with another key") from error
        if not fits:
            raise FleetError("the fleet is encrypted with another key")
